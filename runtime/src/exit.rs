//! Every exit code of `ww`, in one place.
//!
//! Clauses: EXIT-*.

use crate::cli::UsageError;
use crate::ended::Ended;
use crate::export::ExportError;
use crate::idgen::IdGenError;
use crate::import::ImportError;
use crate::resolve::ResolveError;
use crate::run::RunError;
use crate::store::{PlaceError, StoreError};
use crate::sys::StartError;

/// The program was found and can't be executed.
const CANNOT_EXECUTE: u8 = 126;
/// The program, its interpreter or its loader wasn't found.
const NOT_FOUND: u8 = 127;
/// A mistake in the command line.
const USAGE: u8 = 2;
/// Any other failure of the host.
const FAILURE: u8 = 1;

/// How the cell ended.
pub fn of_end(ended: Ended) -> u8 {
    ended.code()
}

/// A mistake in the command line.
pub fn of_usage(_: &UsageError) -> u8 {
    USAGE
}

/// What `ww doctor` found: whether the full jail can be had.
pub fn of_doctor(full: bool) -> u8 {
    if full { 0 } else { FAILURE }
}

/// An export that failed.
pub fn of_export(error: &ExportError) -> u8 {
    match error {
        ExportError::Read { .. }
        | ExportError::Kind { .. }
        | ExportError::Changed { .. }
        | ExportError::Cycle { .. } => FAILURE,
        ExportError::Collision { .. } | ExportError::Twice { .. } | ExportError::Nameless { .. } => FAILURE,
        ExportError::Store(error) => of_store(error),
        ExportError::Car { .. } | ExportError::Gone(_) | ExportError::Daemon { .. } => FAILURE,
        ExportError::Thread(_) => FAILURE,
    }
}

/// An import that failed. Nothing was to be executed: what is no file, directory or symlink is a failure as others.
pub fn of_import(error: &ImportError) -> u8 {
    match error {
        ImportError::Fetch { .. } | ImportError::NodeType { .. } | ImportError::Entry { .. } => FAILURE,
        ImportError::TooLarge { .. } | ImportError::There { .. } | ImportError::DirectoryThere { .. } => FAILURE,
        ImportError::Kind { .. } | ImportError::Write { .. } | ImportError::Host { .. } => FAILURE,
        ImportError::Interrupted { signal } => Ended::Signalled(*signal).code(),
    }
}

/// An identity that couldn't be made.
pub fn of_idgen(error: &IdGenError) -> u8 {
    match error {
        IdGenError::Randomness | IdGenError::Encode | IdGenError::There { .. } | IdGenError::Write { .. } => FAILURE,
    }
}

/// What `ww store` found: whether all is as it must be.
pub fn of_check(well: bool) -> u8 {
    if well { 0 } else { FAILURE }
}

/// A store that didn't do what was asked. A variable is a part of the command line.
pub fn of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::Place(PlaceError::Variable { .. } | PlaceError::Limit) => USAGE,
        StoreError::Place(PlaceError::Nowhere) => FAILURE,
        StoreError::Unusable { .. } | StoreError::Refused { .. } | StoreError::ReadOnly(_) => FAILURE,
        StoreError::Full { .. } | StoreError::Busy { .. } | StoreError::TooLarge { .. } => FAILURE,
        StoreError::Root { .. } | StoreError::Removed(_) | StoreError::Unknown(_) | StoreError::Io { .. } => FAILURE,
    }
}

/// A run that failed.
pub fn of_failure(error: &RunError) -> u8 {
    match error {
        RunError::Resolve(ResolveError::Path { .. }) => NOT_FOUND,
        RunError::Resolve(ResolveError::NodeType { .. } | ResolveError::NotExecutable { .. }) => CANNOT_EXECUTE,
        RunError::Resolve(ResolveError::Fetch { .. } | ResolveError::Copy { .. }) => FAILURE,
        RunError::Interpreter { .. } => NOT_FOUND,
        RunError::Execute { .. } => CANNOT_EXECUTE,
        RunError::Interrupted { signal } => Ended::Signalled(*signal).code(),
        RunError::Start(StartError::Exec(_)) => CANNOT_EXECUTE,
        RunError::Start(StartError::Namespaces(_) | StartError::Stage { .. } | StartError::Workdir { .. }) => FAILURE,
        RunError::Start(StartError::Threads(_) | StartError::Os { .. }) => FAILURE,
        RunError::Memory { .. } | RunError::TooLittle(_) | RunError::Processes { .. } => FAILURE,
        RunError::Directory { .. }
        | RunError::Refused(_)
        | RunError::DirectoryGrant { .. }
        | RunError::DirectoryStream { .. } => FAILURE,
        RunError::Identity(_) | RunError::Listen(_) => FAILURE,
        RunError::Grant(_) | RunError::Host { .. } => FAILURE,
    }
}
