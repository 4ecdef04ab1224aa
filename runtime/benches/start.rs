//! How long a jailed do-nothing program takes, beside a plain spawn of it and beside bubblewrap.
//!
//! One round starts each contender once and waits for its end; the next round begins with another, so that a
//! machine that drifts drifts for all alike. Ratios are of medians. `ci/bench` calls this.
//! `WW_BIN` names another `ww` than this build's, `WW_BENCH_ROUNDS` the number of rounds.
//!
//! What must stay true: all contenders run the same static program with /dev/null as standard streams, and a
//! contender that fails ends the benchmark instead of counting as fast.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 400;
const WARM_UP: usize = 20;
/// The most that `ww run` may take of what bubblewrap takes.
const TARGET: f64 = 0.65;
const BWRAP: [&str; 8] = ["--ro-bind", "/", "/", "--unshare-all", "--dev", "/dev", "--proc", "/proc"];

/// A way to start the program, and what it took in each round.
struct Contender {
    name: &'static str,
    command: Command,
    times: Vec<Duration>,
}

impl Contender {
    fn new(name: &'static str, program: &Path, arguments: &[&str], cell: Option<&Path>) -> Contender {
        let mut command = Command::new(program);
        command.args(arguments).args(cell);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        Contender { name, command, times: Vec::new() }
    }

    /// Starts it and waits for its end.
    fn once(&mut self) -> Result<Duration, String> {
        let began = Instant::now();
        let status = self.command.status().map_err(|error| format!("{}: {error}", self.name))?;
        let took = began.elapsed();
        if status.success() { Ok(took) } else { Err(format!("{}: {status}", self.name)) }
    }

    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let index = (share * (sorted.len() - 1) as f64).round() as usize;
        sorted[index].as_secs_f64() * 1e3
    }

    fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// A static program that does nothing: from C with musl, or from Rust where there is no musl-gcc.
fn cell(directory: &Path) -> Result<(PathBuf, &'static str), String> {
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

fn measure() -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (cell, kind) = cell(directory.path())?;
    let ww = std::env::var_os("WW_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ww")), PathBuf::from);
    let rounds = std::env::var("WW_BENCH_ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse::<usize>());
    let rounds = rounds.map_err(|error| format!("WW_BENCH_ROUNDS: {error}"))?.max(1);

    let mut contenders = [
        Contender::new("plain spawn", &cell, &[], None),
        Contender::new("ww run", &ww, &["run"], Some(&cell)),
        Contender::new("bwrap", Path::new("bwrap"), &BWRAP, Some(&cell)),
    ];
    for round in 0..WARM_UP + rounds {
        for turn in 0..contenders.len() {
            let contender = &mut contenders[(round + turn) % 3];
            let took = contender.once()?;
            if round >= WARM_UP {
                contender.times.push(took);
            }
        }
    }
    report(&contenders, kind, rounds);
    Ok(())
}

fn report([spawn, ww, bwrap]: &[Contender; 3], kind: &str, rounds: usize) {
    println!("A program that does nothing ({kind}), from start to end, {rounds} interleaved rounds:\n");
    println!("| | median ms | p10 | p90 | × plain spawn | × bwrap |");
    println!("|---|---|---|---|---|---|");
    for contender in [spawn, ww, bwrap] {
        let median = contender.median();
        println!(
            "| {} | {median:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            contender.name,
            contender.quantile(0.1),
            contender.quantile(0.9),
            median / spawn.median(),
            median / bwrap.median(),
        );
    }
    let ratio = ww.median() / bwrap.median();
    let verdict = if ratio <= TARGET { "met" } else { "missed" };
    println!("\n`ww run` takes {ratio:.2} × bwrap's time; the target, at most {TARGET}, is {verdict}.");
}

fn main() -> ExitCode {
    // `cargo test --benches` only wants to know that this can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench start: {error}");
            ExitCode::FAILURE
        }
    }
}
