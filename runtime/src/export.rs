//! `ww export`: files, directories and symlinks become blocks, in the store, a daemon, a CAR file, or nowhere.
//!
//! - What it does: `walk` says what is there, `leaves` reads and hashes it on all processors, `assemble` makes blocks of
//!   it; `car` writes them in the order of a CAR, to a file or to a daemon.
//! - What must stay true: what is kept is whole: a PATH that fails leaves nothing behind. Memory is bounded by what is
//!   read ahead and by the entries of the directories that are open. Nothing starts before it is needed.
//! - Serves: ruling 16; STORE-01, -05 to -08, -20 to -25.

mod assemble;
mod car;
mod error;
mod exclude;
mod handed;
mod leaves;
mod sinks;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::content::import::{Blocks, Directory};
use crate::content::{Cid, Profile, STORE, wide};
use crate::endpoint::Endpoint;
use crate::store::{Place, Root, Store};

use assemble::Assembly;
use car::{Spool, Target};
use error::{Fault, shown};
use handed::Handed;
use leaves::Leaves;
use sinks::{Hashed, Kept};
use walk::Walk;

pub use error::ExportError;
pub use exclude::{Pattern, PatternError};

/// How many events may wait: each file that is open waits among them.
const EVENTS: usize = 64;
/// The stack of the thread that walks: paths have 4,096 bytes at most, so 2,048 levels.
const STACK: usize = 16 << 20;
/// More threads than this don't read faster.
const THREADS: usize = 8;

/// `ww export`, parsed.
#[derive(Debug)]
pub struct Export {
    /// What is exported, in this order.
    pub inputs: Vec<Input>,
    /// How it becomes blocks.
    pub profile: Profile,
    /// All of it in one directory, by its names.
    pub wrap: bool,
    /// What stays out.
    pub exclude: Vec<Pattern>,
    /// Where it goes.
    pub goal: Goal,
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, as a file.
    Stdin,
    /// What is at a path.
    Path(PathBuf),
}

/// Where blocks go.
#[derive(Debug)]
pub enum Goal {
    /// Nowhere: only the CIDs are wanted.
    Hash,
    /// To a CAR file.
    Car(PathBuf),
    /// To a CAR on standard output.
    CarOut,
    /// To the store, and to a daemon.
    Store(Option<Receiver>),
}

/// A daemon that gets it too.
#[derive(Debug)]
pub struct Receiver {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Somebody named it: then it must answer.
    pub named: bool,
    /// How long it may be silent.
    pub timeout: Duration,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Bytes of files that are blocks by now; or of blocks that a daemon has.
    pub bytes: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
    /// Where they go: a store, a file, an endpoint, or nowhere.
    pub to: &'a str,
}

/// What is told while it goes on.
pub trait Told {
    /// A PATH is done, or the directory around all of them.
    fn exported(&mut self, cid: &Cid);
    /// Where it is well, and not as one may think.
    fn note(&mut self, text: &str);
    /// Some bytes more are done.
    fn progress(&mut self, progress: Progress<'_>);
    /// All of a root is there, in so many blocks of so many bytes.
    fn gone(&mut self, blocks: u64, bytes: u64, to: &str);
}

/// Exports.
///
/// # Errors
/// Where something can't be read, or doesn't get where it should. What was told as exported before stays.
pub fn export(wanted: &Export, told: &mut dyn Told) -> Result<(), ExportError> {
    match &wanted.goal {
        Goal::Hash => {
            for group in groups(wanted)? {
                let root = built(wanted, &group, &mut Hashed, None, ("", told))?;
                told.exported(&root);
            }
            Ok(())
        }
        Goal::Car(path) => to_car(wanted, Target::File(path), told),
        Goal::CarOut => to_car(wanted, Target::Stdout, told),
        Goal::Store(receiver) => to_store(wanted, receiver.as_ref(), told),
    }
}

/// Inputs that become one root, with their names in the directory around them.
struct Group<'a> {
    inputs: Vec<(Box<[u8]>, &'a Input)>,
    wrapped: bool,
}

impl Group<'_> {
    /// What the store's list calls it.
    fn name(&self) -> Option<String> {
        match &self.inputs[..] {
            [(_, Input::Path(path))] if !self.wrapped => {
                path.file_name().map(|name| name.to_string_lossy().into_owned())
            }
            _ => None,
        }
    }
}

/// What becomes one root: each input by itself, or all in one directory.
fn groups(wanted: &Export) -> Result<Vec<Group<'_>>, ExportError> {
    if !wanted.wrap {
        let alone = |input| Group { inputs: vec![(Box::default(), input)], wrapped: false };
        return Ok(wanted.inputs.iter().map(alone).collect());
    }
    let mut names = BTreeSet::new();
    let mut inputs = Vec::new();
    for input in &wanted.inputs {
        let name = match input {
            // It gets one that nothing else has.
            Input::Stdin => Vec::new(),
            Input::Path(path) => named(path)?,
        };
        if !names.insert(name.clone()) {
            let path = match input {
                Input::Stdin => "-".to_owned(),
                Input::Path(path) => shown(path),
            };
            return Err(ExportError::Twice { path, name: String::from_utf8_lossy(&name).into_owned() });
        }
        inputs.push((name.into(), input));
    }
    Ok(vec![Group { inputs, wrapped: true }])
}

/// The last name of a path; of one that ends in `.` or `..`, that of the directory that it is.
fn named(path: &Path) -> Result<Vec<u8>, ExportError> {
    let last = |path: &Path| path.file_name().map(|name| name.as_bytes().to_vec());
    if let Some(name) = last(path) {
        return Ok(name);
    }
    let true_path = path.canonicalize().map_err(|fault| ExportError::read(path, fault))?;
    last(&true_path).ok_or_else(|| ExportError::Nameless { path: shown(path) })
}

/// Puts a group together; gives its root.
fn built<B: Blocks<Error = Fault> + Send>(
    wanted: &Export,
    group: &Group<'_>,
    blocks: &mut B,
    car: Option<&Path>,
    (to, told): (&str, &mut dyn Told),
) -> Result<Cid, ExportError> {
    let shape = wanted.profile.shape();
    let leaves = Leaves::new(wanted.profile);
    let (events, coming) = sync_channel(EVENTS);
    let walk = Walk { shape, exclude: &wanted.exclude, leaves: &leaves, events };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let root = thread::scope(|scope| {
        let close = Close(&leaves);
        let inputs = &group.inputs;
        for _ in 0..threads {
            thread::Builder::new().spawn_scoped(scope, || leaves.work()).map_err(ExportError::Thread)?;
        }
        let walking = thread::Builder::new().stack_size(STACK);
        walking.spawn_scoped(scope, move || walk.all(inputs)).map_err(ExportError::Thread)?;
        let mut assembly = Assembly {
            shape,
            leaves: &leaves,
            blocks,
            car,
            progress: &mut |progress| told.progress(progress),
            done: Progress { bytes: 0, of: known(inputs), to },
            directories: Vec::new(),
            file: None,
            zeros: HashMap::new(),
            roots: Vec::new(),
        };
        if group.wrapped {
            assembly.directories.push((Box::default(), PathBuf::new(), Directory::new(wanted.profile)));
        }
        let coming = coming;
        assembly.all(&coming)?;
        if group.wrapped {
            assembly.end()?;
        }
        drop(close);
        Ok(assembly.roots.pop())
    })?;
    let gone = || ExportError::Thread(std::io::Error::other("the one that walks is gone"));
    Ok(wide(&wanted.profile.cid(root.ok_or_else(gone)?.id)))
}

/// Ends the threads, however it ends.
struct Close<'a>(&'a Leaves);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// How much there is to do, where that can be seen at once.
fn known(inputs: &[(Box<[u8]>, &Input)]) -> Option<u64> {
    inputs.iter().try_fold(0, |sum, (_, input)| match input {
        Input::Stdin => None,
        Input::Path(path) => {
            path.symlink_metadata().ok().filter(std::fs::Metadata::is_file).map(|file| sum + file.len())
        }
    })
}

fn to_car(wanted: &Export, target: Target<'_>, told: &mut dyn Told) -> Result<(), ExportError> {
    let failed = |source| ExportError::Car { path: target.shown(), source };
    let mut spool = Spool::beside(&target).map_err(failed)?;
    let mut roots = Vec::new();
    for group in groups(wanted)? {
        roots.push(built(wanted, &group, &mut spool, target.path(), (&target.shown(), told))?);
    }
    target.write(&roots, &mut spool).map_err(failed)?;
    let (blocks, bytes) = spool.holds();
    told.gone(blocks, bytes, &target.shown());
    roots.iter().for_each(|root| told.exported(root));
    Ok(())
}

fn to_store(wanted: &Export, receiver: Option<&Receiver>, told: &mut dyn Told) -> Result<(), ExportError> {
    let groups = groups(wanted)?;
    let daemon = receiver.map(Handed::new).transpose()?;
    let place = Place::of_environment().map_err(|fault| ExportError::Store(fault.into()))?;
    let store = Store::open(&place).map_err(ExportError::Store)?;
    for group in groups {
        let mut kept = Kept(store.writer().map_err(ExportError::Store)?);
        let root = built(wanted, &group, &mut kept, None, (STORE, told))?;
        let (blocks, bytes) = kept.0.holds();
        kept.0.commit(&Root { cid: root, name: group.name() }).map_err(ExportError::Store)?;
        told.gone(blocks, bytes, STORE);
        if let Some(daemon) = &daemon {
            daemon.hand(&root, &store, bytes, told)?;
        }
        told.exported(&root);
    }
    if let Some(Handed::Silent(why)) = &daemon {
        told.note(why);
    }
    Ok(())
}
