//! Path grants, opened and put into the view.
//!
//! What must stay true: what is opened here is what the cell gets, whatever becomes of its path meanwhile; only
//! directories and regular files are granted.
//! Clauses: LIMIT-02, LIMIT-03, LIMIT-11, LIMIT-24, STORE-50.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::unistd::geteuid;

use super::RunError;
use super::trees::{self, TreeError};
use crate::content::ContentPath;
use crate::jail::grant::{Access, PathGrant, Source};
use crate::jail::view::{Granted, NoPlace, ThisHost};
use crate::jail::{Identity, Level, View};
use crate::resolve::Image;
use crate::rundir::RunDir;
use crate::sys::grants::{MountError, Mounted, Opened};

/// Why a path can't be granted. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// It can't be opened: it isn't there, or the caller may not walk there.
    #[error("cannot grant {flag} '{value}'")]
    Open {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why.
        source: io::Error,
    },
    /// Root's cell can't be shown it as its owner's.
    #[error("cannot grant {flag} '{value}'")]
    Mount {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why.
        source: MountError,
    },
    /// A device, a socket, a fifo.
    #[error("cannot grant {flag} '{value}': it is neither a file nor a directory")]
    Kind {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
    },
    /// The view has no place for it.
    #[error("cannot grant {flag} '{value}'")]
    Place {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why.
        source: NoPlace,
    },
    /// At another place, where there is no view to have places.
    #[error(
        "cannot grant {flag} '{value}': a cell of --jail {level} sees the host's own root, so a path is granted where \
         it lies, without AT"
    )]
    NoView {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// The level.
        level: Level,
    },
    /// A tree of IPFS's, where there is no view to show it in.
    #[error(
        "cannot grant {flag} '{value}': a cell of --jail {level} sees the host's own root, in which nothing can be \
         shown; write it to the disk (ww import), and grant that"
    )]
    NoTree {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// The level.
        level: Level,
    },
    /// A tree of IPFS's that can't be had.
    #[error(transparent)]
    Tree(Box<TreeError>),
    /// Root's cell may not use it, and its file system can't say that it may.
    #[error(
        "cannot grant {flag} '{value}': root's cells are nobody's, whom its mode refuses, and its file system can't \
         map owners; give others rights to it, or run ww as its owner"
    )]
    Owner {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
    },
}

impl From<TreeError> for GrantError {
    fn from(error: TreeError) -> GrantError {
        GrantError::Tree(Box::new(error))
    }
}

/// What was opened and mounted, until the cell has it.
#[derive(Debug)]
pub struct Held(Vec<One>);

#[derive(Debug)]
struct One {
    grant: PathGrant,
    from: PathBuf,
    opened: Opened,
    mount: Option<OwnedFd>,
    directory: bool,
    /// The tree, if it was fetched: goes when this does.
    tree: Option<(ContentPath, RunDir)>,
}

/// Opens each grant, and mounts it for a cell of root's that has a view. What is to be fetched comes last.
pub(super) fn open(
    grants: &[PathGrant],
    level: Level,
    identity: &Identity,
    fetch: impl Fn(&ContentPath) -> Result<RunDir, RunError>,
) -> Result<Held, RunError> {
    let caller = geteuid().as_raw();
    let (mut held, mut trees) = (Vec::new(), Vec::new());
    for grant in grants.iter().cloned() {
        let (flag, value) = (grant.access.flag(), grant.value.clone());
        match grant.source.clone() {
            Source::Host(_) if !level.has_namespaces() && grant.moves() => {
                return Err(GrantError::NoView { flag, value, level }.into());
            }
            Source::Host(from) => held.push(open_one(grant, from, level, identity, caller)?),
            Source::Content(_) if !level.has_namespaces() => {
                return Err(GrantError::NoTree { flag, value, level }.into());
            }
            Source::Content(Err(source)) => {
                return Err(GrantError::from(TreeError::Path { path: value, source }).into());
            }
            Source::Content(Ok(path)) => trees.push((grant, path)),
        }
    }
    for (grant, path) in trees {
        let tree = fetch(&path)?;
        let one = open_one(grant, tree.tree_path(), level, identity, caller)?;
        held.push(One { tree: Some((path, tree)), ..one });
    }
    Ok(Held(held))
}

fn open_one(
    grant: PathGrant,
    from: PathBuf,
    level: Level,
    identity: &Identity,
    caller: u32,
) -> Result<One, GrantError> {
    let (flag, value) = (grant.access.flag(), || grant.value.clone());
    let opened = Opened::new(&from).map_err(|source| GrantError::Open { flag, value: value(), source })?;
    let stat = opened.stat();
    let directory = match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => true,
        libc::S_IFREG => false,
        _ => return Err(GrantError::Kind { flag, value: value() }),
    };
    let another = identity.differs_from(caller);
    let mounted = match another && level.has_namespaces() {
        true => {
            let mounted = opened.mount(identity, grant.access);
            mounted.map_err(|source| GrantError::Mount { flag, value: value(), source })?
        }
        false => None,
    };
    if another && mounted.as_ref().is_none_or(|mounted| !mounted.owned) {
        let reading = if directory { 0o5 } else { 0o4 };
        let writing = if grant.access == Access::Write { 0o2 } else { 0 };
        if !identity.can(reading | writing, stat.st_uid, stat.st_gid, stat.st_mode) {
            return Err(GrantError::Owner { flag, value: value() });
        }
    }
    let mount = mounted.map(|Mounted { fd, .. }| fd);
    Ok(One { grant, from, opened, mount, directory, tree: None })
}

impl Held {
    /// Puts each grant into the view.
    pub(super) fn show(&self, view: &mut View) -> Result<(), GrantError> {
        for One { grant, from, opened, mount, directory, .. } in &self.0 {
            let (flag, value) = (grant.access.flag(), || grant.value.clone());
            let from = CString::new(from.as_os_str().as_bytes());
            let granted = Granted {
                from: from.map_err(|nul| GrantError::Open { flag, value: value(), source: nul.into() })?,
                identity: (opened.stat().st_dev, opened.stat().st_ino),
                mount: mount.as_ref().map(AsRawFd::as_raw_fd),
                directory: *directory,
                access: grant.access,
                made: true,
            };
            let placed = view.grant(&ThisHost, &grant.at, granted);
            placed.map_err(|source| GrantError::Place { flag, value: value(), source })?;
        }
        Ok(())
    }

    /// Lets go of what was opened, which the cell has now; what stays is what the cell's view shows of this run's own.
    pub(super) fn handed_over(self) -> Vec<RunDir> {
        self.0.into_iter().filter_map(|one| one.tree).map(|(_, run)| run).collect()
    }

    /// A program that lies in a tree that was fetched, as the cell sees it there.
    pub(super) fn program(&self, path: &ContentPath) -> Option<Image> {
        let trees = self.0.iter().filter_map(|one| Some((one.tree.as_ref()?, &one.grant.at)));
        trees.into_iter().find_map(|((from, run), at)| trees::program(path, (from, run), at))
    }

    /// What leads to each grant, what the cell may do there, and whether it is a directory.
    pub(super) fn descriptors(&self) -> Vec<(RawFd, Access, bool)> {
        self.0.iter().map(|one| (one.opened.as_raw_fd(), one.grant.access, one.directory)).collect()
    }
}
