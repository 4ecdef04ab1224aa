//! How a command is started with exactly the state that a case asks for, and never outlives it.
//!
//! What it does: descriptors, signal dispositions and limits belong to a whole process, so each
//! run goes through a process of its own, the launcher (`ww-launcher`): the suite sends it a
//! [`Plan`] and descriptors (`channel`); its child makes itself so and executes the command
//! (`child`); it watches, reports what ended how and what was left, and kills what stays
//! (`supervisor`).
//! What must stay true: the launcher holds no copy of what it hands to the command, so that ends
//! of files are seen; whatever the command starts is killed when the run is over, when it takes
//! too long, and when the suite itself goes away.
//! Clauses it serves: all; it is the caller that they speak of.

mod channel;
mod child;
mod plan;
mod run;
mod supervisor;
mod tmpfs;

pub use crate::sys::{RefusedCall, duplicate};
pub use plan::{Limit, Plan, Tmpfs, User};
pub use run::{Launch, Report};
pub(crate) use supervisor::kill_descendants;
pub use supervisor::main;

pub(crate) use channel::Channel;
pub(crate) use plan::{Event, Order, Stray};

use thiserror::Error;

/// Why a run couldn't be arranged or watched: a fault of the harness or the machine, never of
/// the implementation.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// A call of the launcher's protocol failed.
    #[error("the launcher's channel: {0}")]
    Channel(String),
    /// The launcher isn't where it should be, or doesn't start.
    #[error("the launcher {path} doesn't start")]
    Start {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why it doesn't start.
        #[source]
        cause: std::io::Error,
    },
    /// A step before the command's start failed.
    #[error("the command can't be started: {stage}: {cause}")]
    Arrange {
        /// Which step.
        stage: String,
        /// What the kernel said.
        cause: std::io::Error,
    },
    /// The launcher went away without a report.
    #[error("the launcher ended without a report")]
    Silent,
}
