//! The conformance suite: black box, it knows the specification and never the runtime.

pub mod clauses;
