//! What benchmarks of starts have in common: who is started, how often, and what it took.
//!
//! What must stay true: a contender that fails ends the benchmark instead of counting as fast.

mod asked;
mod cell;

pub use asked::{main, rounds};
pub use cell::cell;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How bubblewrap is asked for the nearest thing to a cell.
pub const BWRAP: [&str; 8] = ["--ro-bind", "/", "/", "--unshare-all", "--dev", "/dev", "--proc", "/proc"];

/// A way to start the program, and what it took in each round.
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    command: Command,
    /// What each round took.
    pub times: Vec<Duration>,
}

impl Contender {
    /// A program with arguments, then the cell's program.
    pub fn new(name: &'static str, program: &Path, arguments: &[&str], cell: Option<&Path>) -> Contender {
        let mut command = Command::new(program);
        command.args(arguments).args(cell);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        Contender { name, command, times: Vec::new() }
    }

    /// Starts it and waits for its end.
    pub fn once(&mut self) -> Result<Duration, String> {
        let began = Instant::now();
        let status = self.command.status().map_err(|error| format!("{}: {error}", self.name))?;
        let took = began.elapsed();
        if status.success() { Ok(took) } else { Err(format!("{}: {status}", self.name)) }
    }

    /// In milliseconds, what this share of the rounds took at most.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let index = (share * (sorted.len() - 1) as f64).round() as usize;
        sorted[index].as_secs_f64() * 1e3
    }

    /// In milliseconds.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}
