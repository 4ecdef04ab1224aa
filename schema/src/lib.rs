//! The wire contract between a host and its cell.
