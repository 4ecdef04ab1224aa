//! Runs every case against an implementation: `cargo test -p ww-conformance --test conformance`.
//!
//! The implementation is what `WW_CONFORMANCE_ADAPTER` (a file) or `WW_BIN` (a `ww`) names, else
//! the `ww` of this build. A part of a case's name runs those cases alone.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ww_conformance::adapter::Adapter;
use ww_conformance::registry;
use ww_conformance::setup::Setup;
use ww_conformance::verdict::Stop;

fn main() -> ExitCode {
    match tests() {
        Ok((arguments, trials)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(fault) => {
            eprintln!("the suite can't begin: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn tests() -> Result<(Arguments, Vec<Trial>), Box<dyn std::error::Error>> {
    let arguments = Arguments::from_args();
    let beside = Setup::beside()?;
    let adapter = Adapter::from_environment(&beside)?;
    let trials = registry::trials(&adapter)?;
    let setup = Arc::new(Setup::new(adapter, &beside)?);
    let tests = trials.into_iter().map(|trial| {
        let setup = Arc::clone(&setup);
        Trial::ignorable_test(trial.name(), move || match trial.run(&setup) {
            Ok(()) => Ok(Completion::Completed),
            Err(Stop::NotApplicable(why) | Stop::NotVerifiable(why)) => Ok(Completion::ignored_with(why)),
            Err(stop) => Err(Failed::from(stop.to_string())),
        })
    });
    Ok((arguments, tests.collect()))
}
