//! The story of one run: claim, resolve, build, start, serve.
//!
//! What must stay true: nothing of the cell's is opened, fetched or dialled before its flags are known to be
//! right; no thread exists before the start; a failed run leaves nothing behind.

mod grants;
mod place;
mod plan;
mod prepare;
mod refused;
mod trees;
mod wait;

use std::io;
use std::os::fd::AsRawFd;

pub use plan::Plan;

use crate::cli::RunArgs;
use crate::content::ContentPath;
use crate::ended::Ended;
use crate::fds::FdPlan;
use crate::jail::bounds::{Reached, Size, Uncounted};
use crate::jail::refusal::Refusal;
use crate::peers::bound::ListenError;
use crate::peers::identity::IdentityError;
use crate::progress::say_served;
use crate::resolve::ResolveError;
use crate::rundir::RunDirError;
use crate::serve::{Server, Watch};
use crate::status::Status;
use crate::sys::cgroup::CgroupError;
use crate::sys::fds::Handover;
use crate::sys::signals::Signals;
use crate::sys::terminal::Terminal;
use crate::sys::{self, SoleThread, StartError};

pub use grants::GrantError;
pub use trees::TreeError;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no program to run.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The interpreter of a script, or the loader of a program, isn't there for the cell.
    #[error("cannot execute {path}: its interpreter {interpreter} is not in the cell's view{remedy}")]
    Interpreter {
        /// The program as the user wrote it.
        path: String,
        /// What it names.
        interpreter: String,
        /// The flag that shows it, where the host has it.
        remedy: String,
    },
    /// execve(2) refused the program.
    #[error("cannot execute {path}")]
    Execute {
        /// The program as the user wrote it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A path that can't be granted.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A directory as a standard stream leads to what is below it.
    #[error(
        "descriptor {fd} is a directory, through which a cell could reach sockets: redirect it, or grant it by --with-fd"
    )]
    DirectoryStream {
        /// The stream.
        fd: std::os::fd::RawFd,
    },
    /// A directory was granted where nothing could keep the cell inside it.
    #[error(
        "cannot hand descriptor {fd} to the cell: it is a directory, and this kernel has no Landlock to keep the cell inside it"
    )]
    DirectoryGrant {
        /// The host's descriptor.
        fd: i32,
    },
    /// A restricted cell's own directory can't be made.
    #[error("cannot make the cell's working directory")]
    Directory {
        /// Why not.
        source: RunDirError,
    },
    /// This machine refuses a part of the jail.
    #[error("cannot have the jail's {}", .0.part)]
    Refused(#[source] Refusal),
    /// Nothing here can bound memory as asked.
    #[error("cannot enforce --memory {asked}")]
    Memory {
        /// The bound.
        asked: Size,
        /// Why not.
        source: CgroupError,
    },
    /// Not even the start of the cell fits into its memory.
    #[error("cannot start the cell within --memory {0}: give it more")]
    TooLittle(Size),
    /// The kernel counts the processes of all runs of a user together.
    #[error("cannot enforce --pids {asked}")]
    Processes {
        /// The bound.
        asked: u64,
        /// Why.
        source: Uncounted,
    },
    /// The identity for peers can't be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An address that was asked for can't be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The cell or its jail couldn't be started.
    #[error(transparent)]
    Start(StartError),
    /// A signal ended the host before there was a cell.
    #[error("interrupted by signal {signal}")]
    Interrupted {
        /// Its number.
        signal: u8,
    },
    /// Something the host needs for itself.
    #[error("{what}")]
    Host {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl RunError {
    pub(crate) fn host(what: &'static str) -> impl Fn(io::Error) -> RunError {
        move |source| RunError::Host { what, source }
    }
}

/// Tells what this process was handed from what will be its own: comes before it opens anything.
pub fn claim() -> Result<Handover, RunError> {
    Handover::take().map_err(RunError::host("cannot list this process's descriptors"))
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// The cell ran, and ended; of the bound that it reached, if of one.
    Ended(Ended, Option<Reached>),
    /// Nothing was to be run: what would have been.
    Planned(Box<Plan>),
}

/// Runs a program as a cell, and says how it ended; or says what it would run.
pub fn run(args: RunArgs, handover: Handover) -> Result<Outcome, RunError> {
    let signals = Signals::block().map_err(RunError::host("cannot watch for signals"))?;
    let terminal = Terminal::find();
    let content = prepare::content(&args);
    let identity = place::identity(args.level)?;

    let fetch = |path: &ContentPath| prepare::tree(path, &content, &args, &signals);
    let fetched = grants::open(&args.paths, args.level, &identity, fetch)
        .and_then(|held| Ok((prepare::image(&args, &identity, &content, &held, &signals)?, held)));
    if args.telling.verbose {
        say_served(&content, &[], "");
    }
    let (image, held) = fetched?;
    // What it asks for itself is told when it has ended.
    let told = args.telling.verbose.then(|| (content.clone(), content.served()));
    let plan = FdPlan::new(args.layout, args.grants);
    let place = place::of(args.level, args.workdir, &identity)?;
    let bounds = prepare::bounds(args.bounds, args.level)?;
    let jail = prepare::jail(args.level, bounds, identity, &place, &image, &plan, &held, terminal.as_ref())?;
    let program = prepare::program(args.level, &image, args.binary, args.args, args.env, &plan)?;
    let who = prepare::who(args.identity.as_deref(), args.allowed)?;
    if args.dry_run.is_some() {
        let access = args.ipfs_access;
        return Ok(Outcome::Planned(Box::new(Plan::new(&jail, &program, &plan, access, (&args.listen, &who)))));
    }
    let peers = prepare::peers(args.listen, who)?;
    let mut cgroup = prepare::cgroup(&jail.bounds)?;
    let (rpc, cells_end) = sys::fds::rpc_pair().map_err(RunError::host("cannot make the RPC socket"))?;

    let alone = SoleThread::claim().map_err(|error| RunError::Start(error.into()))?;
    let moves = plan.moves(cells_end.as_raw_fd());
    let server = || Server::new(jail.level);
    let (cell, server) = sys::start(alone, &program, &jail, &moves, plan.last(), cgroup.as_ref(), server)
        .map_err(|error| prepare::explain(error, &program, &image, &jail, cgroup.as_ref()))?;
    drop(cells_end);
    let trees = held.handed_over();

    let watch = Watch::new(&cell, jail.bounds, &mut cgroup);
    let mut status = Status::new(args.status, jail.level);
    let ended = server.and_then(|server| {
        // What was handed over is the cell's now.
        handover.let_go(status.descriptor())?;
        status.started(cell.pid());
        server.serve(watch, rpc, (content, args.ipfs_access), (peers, &mut status), &signals, terminal.as_ref())
    });
    cell.end();
    if let Some((content, before)) = told {
        say_served(&content, &before, "for the cell, ");
    }
    drop((image, trees, place, terminal, cgroup));
    let (ended, reached) = ended.map_err(RunError::host("lost the cell"))?;
    status.exited(ended);
    Ok(Outcome::Ended(ended, reached))
}
