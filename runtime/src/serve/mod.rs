//! While the cell runs: RPC on its socket, its signals, its bounds, its end. Only from here on is there tokio.
//!
//! What must stay true: whatever comes over the RPC socket ends at worst the RPC session; the host is filtered
//! itself before it reads a byte of what the cell says.
//! Clauses: RPC-*, SIG-*, LIMIT-*.

pub mod rpc;

pub use watch::Watch;

mod gate;
mod host;
mod ipfs;
mod limits;
mod refusal;
mod vat;
mod visited;
mod watch;

use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::net::UnixStream;
use std::pin::pin;

use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use tokio::time::sleep_until;

use crate::access::Access;
use crate::content::Content;
use crate::ended::Ended;
use crate::jail::bounds::Reached;
use crate::jail::{Filter, Level};
use crate::peers::Coming;
use crate::rundir;
use crate::status::Status;
use crate::sys::fds::watch as readable;
use crate::sys::heap::Care;
use crate::sys::signals::{Received, Signals, stop_self};
use crate::sys::terminal::Terminal;
use crate::sys::{self, Cell, Event};
use visited::Visited;

/// All that serving a cell needs and that can be made ready before there is one. It has no thread.
pub struct Server {
    /// Never dropped: to take it apart takes longer than to end the process, which comes next.
    runtime: ManuallyDrop<Runtime>,
}

impl Server {
    /// Makes it ready, removes what runs that were killed left behind, lays down the privileges that only a start needs,
    /// and has the host filtered: what comes over the socket from now on comes from whom nobody trusts. Where the host
    /// would only wait for its cell, that costs a start next to nothing.
    pub fn new(level: Level) -> io::Result<Server> {
        rundir::sweep();
        sys::disarm(level)?;
        sys::heap::give_back_large_blocks();
        rpc::keep_quiet_about_sessions();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        sys::seccomp::confine(Filter::HOST)?;
        Ok(Server { runtime: ManuallyDrop::new(runtime) })
    }

    /// Serves the cell until it ends: of IPFS, what is granted.
    pub fn serve(
        self,
        watch: Watch<'_>,
        rpc: UnixStream,
        (content, access): (Content, Access),
        (peers, status): (Option<Coming>, &mut Status),
        signals: &Signals,
        terminal: Option<&Terminal>,
    ) -> io::Result<(Ended, Option<Reached>)> {
        let tasks = LocalSet::new();
        tasks.block_on(&self.runtime, async {
            let session = rpc::CellSession::new();
            tasks.spawn_local(session.clone().serve(rpc, content, access));
            let mut visited = Visited::new(peers, session);
            let ended = {
                let mut end = pin!(until_end(watch, signals, terminal));
                tokio::select! {
                    biased;
                    ended = &mut end => ended,
                    () = visited.begin(status) => end.await,
                }
            };
            visited.farewell().await;
            ended
        })
    }
}

async fn until_end(
    mut watch: Watch<'_>,
    signals: &Signals,
    terminal: Option<&Terminal>,
) -> io::Result<(Ended, Option<Reached>)> {
    let (cell, mut care) = (watch.cell(), Care::new());
    let events = readable(cell.control())?;
    let incoming = readable(signals.descriptor())?;
    loop {
        tokio::select! {
            biased;
            ready = incoming.readable() => {
                let mut ready = ready?;
                while let Some(received) = signals.next()? {
                    pass_on(received, cell);
                }
                ready.clear_ready();
            }
            ready = events.readable() => {
                let mut ready = ready?;
                while let Some(event) = cell.event()? {
                    match event {
                        Event::Exited(code) => return Ok(watch.verdict(Ended::Exited(code))),
                        Event::Signalled(signal) => return Ok(watch.verdict(Ended::Signalled(signal))),
                        Event::Stopped => stop_with(cell, signals, terminal)?,
                    }
                }
                ready.clear_ready();
            }
            () = sleep_until(watch.due().into()) => {
                watch.act();
                care.look();
            }
        }
    }
}

/// What the terminal sent has reached the cell already, and what the cell sent it knows.
fn pass_on(received: Received, cell: &Cell) {
    if !received.by_terminal && received.sender != cell.pid() {
        cell.signal(received.signal);
    }
}

/// A stopped cell stops its host too, so that the shell which started both sees its job stopped. Without a
/// terminal there is no such shell, and a host that stops would no longer guard the cell.
fn stop_with(cell: &Cell, signals: &Signals, terminal: Option<&Terminal>) -> io::Result<()> {
    let Some(terminal) = terminal.filter(|terminal| terminal.controls_the_session()) else { return Ok(()) };
    // The signal may have stopped the host as well, and the shell continued both since.
    if !cell.is_stopped() {
        return Ok(());
    }
    stop_self();
    terminal.hand_to(cell.group());
    // The shell continues the host's group: where the cell is in it, the signal has reached it already.
    if cell.is_stopped() {
        cell.go_on();
    }
    while let Some(received) = signals.next()? {
        if received.signal != libc::SIGCONT {
            pass_on(received, cell);
        }
    }
    Ok(())
}
