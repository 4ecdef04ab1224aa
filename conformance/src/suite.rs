//! What one case has to work with: the implementation, the cells, a place of its own for files.
//!
//! What must stay true: a case shares nothing that it can change with another; what a run left
//! behind is noticed whether the case asks or not.

mod notes;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::adapter::{Caller, Layout};
use crate::clauses::{Profile, Specification};
use crate::launch::User;
use crate::node::{Kind, Node, NodeError};
use crate::setup::Setup;
use crate::verdict::{Stop, Verdict};

pub(crate) use notes::Notes;

/// The ordinary user that root becomes; it needs no entry in a list of users.
pub const ORDINARY: u32 = 54_321;

/// One case's surroundings.
#[derive(Debug)]
pub struct Suite<'a> {
    setup: &'a Setup,
    layout: Layout,
    profile: Option<Profile>,
    scratch: Rc<TempDir>,
    notes: Rc<Notes>,
}

impl<'a> Suite<'a> {
    /// Surroundings for a case that runs in a layout, and judges a clause of a profile.
    ///
    /// # Errors
    /// Where no directory can be made.
    pub fn new(setup: &'a Setup, layout: Layout, profile: Option<Profile>) -> io::Result<Self> {
        let scratch = Rc::new(TempDir::with_prefix_in("case-", setup.cells())?);
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
        let suite = Self { setup, layout, profile, scratch, notes: Rc::default() };
        fs::create_dir(suite.path("data"))?;
        // Whoever a run is by makes its own in it.
        fs::set_permissions(suite.path("data"), fs::Permissions::from_mode(0o1777))?;
        for name in ["home", "tmp", "cwd", "run", "files"] {
            let path = suite.path(name);
            fs::create_dir(&path)?;
            if let Some(user) = suite.user_of(setup.adapter().user).unwrap_or(None) {
                chown(&path, Some(user.uid), Some(user.gid))?;
            }
        }
        Ok(suite)
    }

    /// What all cases share.
    #[must_use]
    pub fn setup(&self) -> &'a Setup {
        self.setup
    }

    /// The profile of the clause that the case judges.
    pub(crate) fn profile(&self) -> Option<Profile> {
        self.profile
    }

    /// The layout that the case is to be judged in.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The same surroundings in another layout.
    #[must_use]
    pub fn in_layout(&self, layout: Layout) -> Self {
        let (scratch, notes) = (Rc::clone(&self.scratch), Rc::clone(&self.notes));
        Self { layout, scratch, notes, ..*self }
    }

    /// A path in the case's own place, which has `home`, `tmp`, `cwd`, `run` and `files`.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Where the next run is to keep its data: a place of its own, which isn't there yet.
    pub(crate) fn fresh_data(&self) -> PathBuf {
        self.path("data").join(self.notes.next().to_string())
    }

    /// The probe.
    #[must_use]
    pub fn probe(&self) -> &'a Path {
        self.setup.probe()
    }

    /// A copy of the probe at a path of the case's own, executable.
    ///
    /// # Errors
    /// Where it can't be copied.
    pub fn probe_at(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = self.scratch.path().join(path);
        fs::copy(self.probe(), &path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// A file in `files` with this content, open for reading and writing at its start.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<File> {
        let path = self.path("files").join(name);
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        file.write_all(content.as_ref())?;
        io::Seek::rewind(&mut file)?;
        Ok(file)
    }

    /// An executable file with this content, in `files`.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn program(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path("files").join(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// The IPFS node of this run of the suite.
    ///
    /// # Errors
    /// A fault of the harness that says how to get one.
    pub fn node(&self) -> Verdict<&'a Node> {
        Ok(self.setup.nodes().any()?)
    }

    /// The IPFS node of this kind.
    ///
    /// # Errors
    /// That it can't be verified, where this machine has none and nobody said that it has.
    pub fn node_of(&self, kind: Kind) -> Verdict<&'a Node> {
        match self.setup.nodes().of(kind) {
            Err(fault @ NodeError::Absent { .. }) => Err(Stop::NotVerifiable(fault.to_string())),
            found => Ok(found?),
        }
    }

    /// The user to become for a caller; `None` is nobody else.
    ///
    /// # Errors
    /// That it can't be verified here, where root is asked for and isn't to be had.
    pub fn user_of(&self, caller: Caller) -> Verdict<Option<User>> {
        let root = geteuid().is_root();
        match caller {
            Caller::Ordinary if root => Ok(Some(User { uid: ORDINARY, gid: ORDINARY, groups: vec![] })),
            Caller::Root if !root => Err(Stop::NotVerifiable("the suite isn't run by root".into())),
            _ => Ok(None),
        }
    }

    /// Every path in the places that a run could leave files in.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open: Vec<PathBuf> = ["home", "tmp", "cwd", "run"].iter().map(|name| self.path(name)).collect();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found
    }

    /// What the case has seen so far.
    pub(crate) fn notes(&self) -> &Rc<Notes> {
        &self.notes
    }

    /// How long to wait for something that has to come: so long, and no longer than a run may take.
    #[must_use]
    pub fn patience(&self, most: Duration) -> Duration {
        most.min(Duration::from_millis(self.setup.adapter().timeouts.run_ms))
    }

    /// The folder that all of the case's own files lie in.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// What all that the case draws by chance is drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.setup.seed()
    }

    /// Whether nothing of the implementation is to be started: only what would be run is asked.
    pub(crate) fn is_sketch(&self) -> bool {
        self.setup.is_sketch()
    }

    /// Whether the implementation is judged by this clause too: a check that stands for another
    /// clause than the case's own is made only then.
    ///
    /// # Panics
    /// Where there is no such clause: a slip in a case.
    #[must_use]
    pub fn judges(&self, id: &str) -> bool {
        let clause = id.parse().ok().and_then(|id| Specification::embedded().clause(id));
        let clause = clause.unwrap_or_else(|| panic!("{id} is no clause"));
        self.setup.adapter().claims(clause).is_ok()
    }
}
