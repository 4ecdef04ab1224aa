//! The jail as data: what the cell sees, who it is, what bounds it. Decided here, acted on by `sys` alone.
//!
//! What must stay true: nothing here makes a system call that changes anything, so a [`Jail`] can be printed,
//! compared and tested without privileges.
//! Clauses: JAIL-*, LIMIT-*.

use std::ffi::CString;

pub mod bounds;
pub mod cgroup;
pub mod grant;
pub mod identity;
pub mod landlock;
pub mod level;
pub mod limits;
pub mod refusal;
pub mod seccomp;
pub mod view;

pub use bounds::Bounds;
pub use identity::Identity;
pub use landlock::Landlock;
pub use level::{Level, Part};
pub use limits::Limit;
pub use seccomp::Filter;
pub use view::View;

/// The jail of one run.
#[derive(Debug)]
pub struct Jail {
    /// How much of it was asked for.
    pub level: Level,
    /// What the cell sees of the file system.
    pub view: View,
    /// Where the cell starts: a path of its view.
    pub workdir: CString,
    /// Who the cell is.
    pub identity: Identity,
    /// Its resource limits.
    pub limits: Vec<Limit>,
    /// What bounds the run as a whole.
    pub bounds: Bounds,
    /// What Landlock allows it, where the kernel has Landlock.
    pub landlock: Option<Landlock>,
    /// Which system calls it may make, where anything confines it.
    pub seccomp: Option<Filter>,
    /// How the cell shares the caller's terminal, if it does.
    pub session: Session,
}

/// Which session and process group the cell runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// A session of its own, with no terminal to control.
    Own,
    /// The caller's session and the caller's group: a part of the caller's job, beside what else is in it
    /// (`ww run … | less`).
    Member,
    /// The caller's session and a group of its own, which a shell in the cell can see and come back to.
    Leader {
        /// Whether it takes the terminal from the host.
        foreground: bool,
    },
}

impl Session {
    /// The session of a cell whose standard streams are on a terminal as told. Only a cell that both reads and
    /// writes there is alone in its job for certain; another program of the job may need the terminal too.
    pub fn new(controls: bool, reads_and_writes: bool, in_foreground: bool) -> Session {
        match (controls, reads_and_writes) {
            (false, _) => Session::Own,
            (true, false) => Session::Member,
            (true, true) => Session::Leader { foreground: in_foreground },
        }
    }
}
