//! `ww`: parse, run, print one error, exit.
fn main() {}
