//! Writes `docs/spec.md` anew from the clauses: `cargo run -p ww-conformance --example spec -- docs/spec.md`.
//!
//! An example and not a binary, so that installing the suite doesn't install it.

use std::path::PathBuf;
use std::process::ExitCode;

use ww_conformance::clauses::{Specification, prose};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(path), None) = (args.next().map(PathBuf::from), args.next()) else {
        eprintln!("usage: spec FILE");
        return ExitCode::from(2);
    };
    let spec = match Specification::parse(ww_conformance::clauses::CLAUSES_TOML) {
        Ok(spec) => spec,
        Err(fault) => {
            eprintln!("spec: {}", Chain(&fault));
            return ExitCode::FAILURE;
        }
    };
    match std::fs::write(&path, prose::document(&spec)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("spec: {}: {fault}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with its causes, joined by `: `.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
