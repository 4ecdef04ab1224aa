//! The cases: one file an area, in `cases/`.
//!
//! A case arranges, runs and asserts, in about ten lines. Whoever adds a file lists it in [`ALL`];
//! whoever adds a function lists it in its file's `CASES`: the compiler finds one that isn't.

use crate::registry::Case;

#[path = "../cases/env.rs"]
mod env;
#[path = "../cases/fds.rs"]
mod fds;

/// Every list of cases.
pub(crate) const ALL: &[&[Case]] = &[fds::CASES, env::CASES];
