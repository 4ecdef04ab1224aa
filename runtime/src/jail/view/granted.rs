//! Path grants in the view: where they lie, and what has to be made for them to lie there.
//!
//! What must stay true: a grant takes the place of what the view has at that very path and of nothing else; in the
//! system's trees, which nobody can write to, it takes the place of something of its own kind.
//! Clauses: LIMIT-02, LIMIT-03.

use std::ffi::CString;
use std::os::fd::RawFd;
use std::path::Path;

use super::{Kind, System, View, What, shows, text};
use crate::jail::grant::Access;

/// A path grant whose path was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The path on the host.
    pub from: CString,
    /// `st_dev` and `st_ino` of what was opened there, held open until the cell has it.
    pub identity: (u64, u64),
    /// A mount of it that the host made already, where only the host could.
    pub mount: Option<RawFd>,
    /// Whether it is a directory; it is a regular file otherwise.
    pub directory: bool,
    /// What the cell may do there.
    pub access: Access,
    /// Whether the place has to be made: the system's own places are there.
    pub made: bool,
}

/// Why a grant has no place in the view.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoPlace {
    /// Nothing is there, and nothing can be made there.
    #[error(
        "the system has no {0} to show it over, and none can be made there: choose another place, as in PATH:/data"
    )]
    Missing(String),
    /// A directory over a file, or the other way round.
    #[error("the system's {0} is of another kind: a directory can lie over a directory only, a file over a file")]
    OtherKind(String),
}

impl View {
    /// Shows a grant at `at`, which is absolute and plain.
    pub fn grant(&mut self, host: &impl System, at: &Path, granted: Granted) -> Result<(), NoPlace> {
        let named = || at.display().to_string();
        if in_system(at) {
            match host.kind(at) {
                Some(Kind::Directory) if granted.directory => {}
                Some(Kind::File) if !granted.directory => {}
                None => return Err(NoPlace::Missing(named())),
                Some(_) => return Err(NoPlace::OtherKind(named())),
            }
            self.add(at, What::Granted(Granted { made: false, ..granted }));
            return Ok(());
        }
        let place = text(at.strip_prefix("/").unwrap_or(at));
        self.entries.retain(|entry| entry.at != place);
        let mut above: Vec<&Path> = at.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        above.reverse();
        for directory in above {
            if !self.has(directory) {
                self.add(directory, What::Directory);
            }
        }
        self.add(at, What::Granted(Granted { made: true, ..granted }));
        Ok(())
    }

    fn has(&self, path: &Path) -> bool {
        let place = text(path.strip_prefix("/").unwrap_or(path));
        self.entries.iter().any(|entry| entry.at == place)
    }
}

/// Whether a place lies in a tree of the host's that the view shows whole.
fn in_system(at: &Path) -> bool {
    let alternatives = Path::new("/etc/alternatives");
    shows(at) || (at.starts_with(alternatives) && at != alternatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host;

    impl System for Host {
        fn kind(&self, path: &Path) -> Option<Kind> {
            match path.to_str()? {
                "/usr" | "/usr/share" => Some(Kind::Directory),
                "/bin" => Some(Kind::Link("usr/bin".into())),
                "/usr/share/words" => Some(Kind::File),
                _ => None,
            }
        }
    }

    fn granted(directory: bool) -> Granted {
        let from = text("/srv/data");
        Granted { from, identity: (1, 2), mount: None, directory, access: Access::Read, made: true }
    }

    fn view() -> View {
        View::new(&Host, 1000, 1000, None)
    }

    fn places(view: &View) -> Vec<&str> {
        view.entries.iter().filter_map(|entry| entry.at.to_str().ok()).collect()
    }

    #[test]
    fn limit_the_directories_above_a_grant_are_made_once() {
        let mut view = view();
        let before = view.entries.len();
        view.grant(&Host, Path::new("/home/me/data"), granted(true)).unwrap();
        view.grant(&Host, Path::new("/home/me/more"), granted(false)).unwrap();
        view.grant(&Host, Path::new("/tmp/x"), granted(true)).unwrap();
        assert_eq!(places(&view)[before..], ["home", "home/me", "home/me/data", "home/me/more", "tmp/x"]);
    }

    #[test]
    fn limit_a_grant_takes_the_place_of_what_was_there() {
        let mut view = view();
        let before = view.entries.len();
        view.grant(&Host, Path::new("/work"), granted(true)).unwrap();
        view.grant(&Host, Path::new("/etc/passwd"), granted(false)).unwrap();
        assert_eq!(view.entries.len(), before);
        let kept: Vec<_> = places(&view).into_iter().filter(|place| *place == "work").collect();
        assert_eq!(kept, ["work"]);
    }

    #[test]
    fn limit_in_the_system_a_grant_lies_over_its_own_kind() {
        let at = |at: &str, directory| {
            let mut view = view();
            view.grant(&Host, Path::new(at), granted(directory)).map(|()| view.entries.pop())
        };
        assert!(
            matches!(at("/usr/share", true), Ok(Some(entry)) if matches!(&entry.what, What::Granted(it) if !it.made))
        );
        assert_eq!(at("/usr/share", false), Err(NoPlace::OtherKind("/usr/share".into())));
        assert_eq!(at("/usr/share/words", true), Err(NoPlace::OtherKind("/usr/share/words".into())));
        assert_eq!(at("/bin/new", false), Err(NoPlace::Missing("/bin/new".into())));
        assert_eq!(at("/etc/alternatives/vi", false), Err(NoPlace::Missing("/etc/alternatives/vi".into())));
    }
}
