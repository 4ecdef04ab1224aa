//! The words of the command line.

mod judged;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use ww_conformance::clauses::{ClauseId, Profile};
use ww_conformance::report::Format;
use ww_conformance::results::Shard;

use super::say;

pub use judged::Judged;

/// Judges any implementation of `ww run` against the numbered clauses of its specification.
#[derive(Debug, Parser)]
#[command(name = "ww-conformance", version, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit codes: 0 conformant, 1 not conformant, 2 usage or adapter, 3 the harness itself failed,
4 nothing was selected, 128+n ended by signal n.

To begin: `ww-conformance run --impl './my-ww run'`, or `ww-conformance adapter init` for a file that says more.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs cases and says how each ended.
    Run(Box<Run>),
    /// Lists the cases with their clauses.
    List(List),
    /// Prints a clause, where it comes from, its cases, and how to run them by hand.
    Explain(Explain),
    /// Makes and checks adapters: the files that say how an implementation is called.
    Adapter {
        #[command(subcommand)]
        verb: AdapterVerb,
    },
    /// Makes a report of a stream of results, or one stream of the parts of a run.
    Report(Report),
    /// Runs two implementations on the same generated inputs, and shows the smallest that tells them apart.
    Diff(Diff),
    /// Runs one failed case again, from the bundle that it left.
    Replay(Replay),
    /// Measures the suite: runs faulty implementations, each of which its own clause's cases must find.
    Zoo(Zoo),
    /// Measures the suite: runs programs that do nothing, whose passes must be declared.
    Baseline(Baseline),
    /// Says which clauses were decided, and fails where one that must be wasn't.
    Coverage(Coverage),
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Which cases.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// Only cases of these profiles.
    #[arg(long = "profile", value_name = "PROFILE", value_delimiter = ',')]
    pub profiles: Vec<Profile>,
    /// Only cases whose name fits: with `*` and `?`, else as a part of the name.
    #[arg(long = "filter", value_name = "GLOB")]
    pub filters: Vec<String>,
    /// Only these clauses (FD-04), areas (FD) or cases.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub judged: Judged,
    #[command(flatten)]
    pub which: Which,
    /// How many cases at a time; without it, two for each processor.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// A folder for the results: the stream, reports as HTML, Markdown, JUnit and badge, and a replay
    /// bundle for each failure. What an earlier run left there is replaced.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// A list of expected failures, each with a reason and a link.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// What all that is drawn by chance is drawn from; without it, a new one, which is printed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// One part of the run, for several machines: 1/3, 2/3, 3/3. `report merge` puts them together.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Ends at the first failure.
    #[arg(long)]
    pub fail_fast: bool,
    /// Says which cases would be run, and runs none.
    #[arg(long)]
    pub list_only: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub which: Which,
    /// Lists clauses instead, with the number of their cases, or why they have none.
    #[arg(long)]
    pub clauses: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The clause: FD-04.
    #[arg(value_parser = clause)]
    pub id: ClauseId,
    #[command(flatten)]
    pub judged: Judged,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Report {
    #[command(subcommand)]
    pub verb: Option<ReportVerb>,
    /// The stream: results.jsonl in the folder of a report.
    #[arg(value_name = "RESULTS")]
    pub results: Option<PathBuf>,
    /// What to make of it.
    #[arg(long, value_enum, default_value_t = Format::Console, value_name = "KIND")]
    pub format: Format,
    /// Where to; without it, to standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ReportVerb {
    /// Puts the parts of one run together that `run --shard` made, each exactly once.
    Merge {
        /// The streams of all parts.
        #[arg(required = true, value_name = "RESULTS")]
        parts: Vec<PathBuf>,
        /// Where the whole goes.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Diff {
    /// An adapter's file (.toml), or a command quoted as for a shell: './my-ww run'.
    pub a: String,
    /// The other.
    pub b: String,
    /// How many inputs are tried.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub tries: u32,
    /// What the inputs are drawn from; without it, a new one, which is printed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// An aspect that doesn't count, any number of times.
    #[arg(long, value_name = "ASPECT")]
    pub ignore: Vec<String>,
    /// After how many differences, each in other aspects, it ends.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub most: usize,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// The bundle: a folder below `bundles` of a report.
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub judged: Judged,
}

#[derive(Debug, Args)]
pub struct Zoo {
    /// Only faults of these clauses, or with this in their name.
    #[arg(value_name = "FAULT|CLAUSE")]
    pub which: Vec<String>,
    /// Lists the faults, and runs none.
    #[arg(long)]
    pub list: bool,
    /// How many cases at a time; without it, six for each processor.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    #[command(flatten)]
    pub judged: Judged,
}

#[derive(Debug, Args)]
pub struct Baseline {
    /// How many cases at a time; without it, six for each processor.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    #[command(flatten)]
    pub judged: Judged,
}

#[derive(Debug, Args)]
pub struct Coverage {
    /// The results of runs, `results.jsonl`: what any of them decided counts.
    #[arg(value_name = "RESULTS")]
    pub results: Vec<PathBuf>,
    /// Notes that somebody has looked at the cases of these clauses since their text changed.
    #[arg(long, value_name = "ID", num_args = 1.., value_parser = clause)]
    pub reviewed: Vec<ClauseId>,
    /// Where that is noted.
    #[arg(long, value_name = "FILE", default_value = "conformance/reviewed.toml")]
    pub list: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum AdapterVerb {
    /// Writes a file to fill in, with each field explained.
    Init {
        /// Where to; without it, to standard output.
        file: Option<PathBuf>,
    },
    /// Tells a bad adapter from a bad implementation: reads the file, then runs a few programs.
    Check {
        /// The adapter.
        file: PathBuf,
    },
}

/// The arguments of this call.
pub fn parse() -> Command {
    Arguments::parse().command
}

/// Prints the completions for a shell.
pub fn completions(shell: Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ww-conformance", &mut text);
    say::write(format_args!("{}", String::from_utf8_lossy(&text)));
}

/// A clause's id, in any case.
pub fn clause(text: &str) -> Result<ClauseId, String> {
    text.to_uppercase().parse().map_err(|fault: ww_conformance::clauses::IdError| fault.to_string())
}
