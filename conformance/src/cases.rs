//! The cases: one file an area, in `cases/`.
//!
//! A case arranges, runs and asserts, in about ten lines. Whoever adds a file lists it in [`ALL`];
//! whoever adds a function lists it in its file's `CASES`: the compiler finds one that isn't.

use crate::registry::Case;

#[path = "../cases/cli.rs"]
mod cli;
#[path = "../cases/endpoint.rs"]
mod endpoint;
#[path = "../cases/env.rs"]
mod env;
#[path = "../cases/fds.rs"]
mod fds;
#[path = "../cases/grants.rs"]
mod grants;

/// Every list of cases.
pub(crate) const ALL: &[&[Case]] = &[cli::CASES, fds::CASES, grants::CASES, env::CASES, endpoint::CASES];
