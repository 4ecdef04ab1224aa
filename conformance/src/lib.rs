//! The conformance suite: black box, it knows the specification and never the runtime.
#![deny(unsafe_code)]

pub mod adapter;
pub mod capture;
mod cases;
pub mod cells;
pub mod clauses;
pub mod coverage;
pub mod ended;
pub mod facts;
pub mod fake;
pub mod invocation;
pub mod launch;
pub mod live;
pub mod node;
pub mod outcome;
pub mod registry;
pub mod results;
pub mod setup;
pub mod suite;
mod sys;
pub mod terminal;
pub mod verdict;
