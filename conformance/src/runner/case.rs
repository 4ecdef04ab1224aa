//! The process of one case: it runs the case, and says what came of it.
//!
//! What must stay true: the channel isn't standard input any more when the case begins, so that
//! nothing that the case starts has it.

use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::dup2_stdin;

use super::{Done, FromCase, Order, ToCase};
use crate::bundle;
use crate::launch::{self, Channel, LaunchError};
use crate::node::Nodes;
use crate::record::Record;
use crate::setup::Setup;
use crate::shell;
use crate::trials;
use crate::verdict::{Stop, checks};

/// How many of a case's commands are told, the last ones; a bundle has them all.
const LINES: usize = 8;

/// The `main` of the process of a case: its standard input is the channel to the runner.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("ww-conformance: the process of a case: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), LaunchError> {
    let lost = |fault: io::Error| LaunchError::Channel(fault.to_string());
    let channel = Channel::over(io::stdin().as_fd().try_clone_to_owned().map_err(lost)?);
    let null = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    null.and_then(dup2_stdin).map_err(|errno| lost(errno.into()))?;
    // A panic is told as the case's end.
    std::panic::set_hook(Box::new(|_| ()));
    let Some((ToCase::Run(order), _)) = channel.receive::<ToCase>()? else { return Ok(()) };
    let channel = Arc::new(Mutex::new(channel));
    // What a run leaves when it has killed its launcher comes to this process.
    nix::sys::prctl::set_child_subreaper(true).map_err(|errno| lost(errno.into()))?;
    let done = run(*order, &channel);
    launch::kill_descendants();
    let channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
    channel.send(&FromCase::Done(Box::new(done)), &[])
}

fn run(order: Order, channel: &Arc<Mutex<Channel>>) -> Done {
    let trial = match trials::again(&order.case, order.layout, order.clauses, order.profile) {
        Ok(trial) => trial,
        Err(fault) => return Done::at_once(Stop::from(fault)),
    };
    let nodes = Nodes::of_runner(Arc::clone(channel));
    let setup = Setup::of_case(order.adapter, order.parts, nodes, order.seed, order.sketch);
    let mut bundled = false;
    let (verdict, records) = trial.examine(&setup, |suite, stop| {
        if let Some(folder) = &order.bundle {
            bundled = bundle::write(folder, &trial, suite, stop).is_ok();
        }
    });
    let judged: Vec<&Record> = records.iter().filter(|record| record.judged).collect();
    let commands = judged[judged.len().saturating_sub(LINES)..].iter().map(|record| shell::line(record)).collect();
    Done { stop: verdict.err(), checks: checks(), commands, bundled, ms: 0 }
}
