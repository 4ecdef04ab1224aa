//! What benchmarks of starts have in common: who is started, how often, and what it took.
//!
//! What must stay true: a contender that fails ends the benchmark instead of counting as fast.

mod asked;

pub use asked::{main, rounds};

use std::io::Write;
use std::path::{Path, PathBuf};
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

/// A static program that does nothing: from C with musl, or from Rust where there is no musl-gcc.
pub fn cell(directory: &Path) -> Result<(PathBuf, &'static str), String> {
    let program = directory.join("nothing");
    let c = compile(
        Command::new("musl-gcc").args(["-static", "-Os", "-x", "c", "-", "-o"]).arg(&program),
        "int main(void) { return 0; }\n",
    );
    if c.is_ok() {
        return Ok((program, "static C, musl"));
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let flags = ["-O", "-C", "target-feature=+crt-static", "-C", "relocation-model=static", "--target", &target];
    compile(Command::new(rustc).args(flags).args(["-", "-o"]).arg(&program), "fn main() {}\n")
        .map(|()| (program, "static Rust, glibc"))
}

fn compile(compiler: &mut Command, source: &str) -> Result<(), String> {
    let mut child = compiler.stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(source.as_bytes()).map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("no static program can be made: {status}")) }
}
