//! The conformance suite: black box, it knows the specification and never the runtime.
#![deny(unsafe_code)]

pub mod adapter;
pub mod baseline;
pub mod bundle;
pub mod capture;
mod cases;
pub mod cells;
pub mod check;
pub mod clauses;
pub mod coverage;
pub mod diff;
pub mod digest;
pub mod ended;
pub mod expect;
pub mod facts;
pub mod fake;
pub mod invocation;
pub mod judge;
pub mod launch;
pub mod live;
pub mod node;
pub mod outcome;
pub mod property;
pub mod record;
pub mod registry;
pub mod report;
pub mod results;
pub mod reviewed;
pub mod runner;
pub mod select;
pub mod setup;
pub mod shell;
pub mod suite;
mod sys;
pub mod terminal;
pub mod verdict;
pub mod zoo;
