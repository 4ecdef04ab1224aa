//! How a benchmark is asked for.

use std::process::ExitCode;

/// Measures, where Cargo asks for a benchmark: `cargo test --benches` only wants to know that this can be started.
pub fn main(name: &str, measure: impl FnOnce() -> Result<(), String>) -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many rounds: `usual`, or what `WW_BENCH_ROUNDS` says.
pub fn rounds(usual: usize) -> Result<usize, String> {
    let rounds = std::env::var("WW_BENCH_ROUNDS").map_or(Ok(usual), |rounds| rounds.parse::<usize>());
    Ok(rounds.map_err(|error| format!("WW_BENCH_ROUNDS: {error}"))?.max(1))
}
