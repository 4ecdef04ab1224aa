//! The jail as data: what the cell sees, who it is, what bounds it. Decided here, acted on by `sys` alone.
//!
//! What must stay true: nothing here makes a system call that changes anything, so a [`Jail`] can be printed,
//! compared and tested without privileges. Seccomp, path grants, levels and cgroups belong here too.
//! Clauses: JAIL-*.

pub mod identity;
pub mod landlock;
pub mod limits;
pub mod view;

pub use identity::Identity;
pub use landlock::Landlock;
pub use limits::Limit;
pub use view::View;

/// The jail of one run.
#[derive(Debug)]
pub struct Jail {
    /// What the cell sees of the file system.
    pub view: View,
    /// Who the cell is.
    pub identity: Identity,
    /// Its resource limits.
    pub limits: Vec<Limit>,
    /// What Landlock allows it, where the kernel has Landlock.
    pub landlock: Option<Landlock>,
    /// Whether the cell stays in the caller's session, for job control in its terminal.
    pub session: Session,
}

/// Which session the cell runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// The caller's, with its terminal: the cell is a part of the caller's job, as any program would be.
    Callers,
    /// One of its own, with no terminal to control.
    Own,
}
