//! The process between the suite and the command of one run; see [`ww_conformance::launch`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ww_conformance::launch::main()
}
