//! The IPFS node that cases fetch from: a real one, started at the first case that needs it.
//!
//! What it does: [`Nodes`] gives the node of the run, in this order: an endpoint that the user names,
//! a container, an `ipfs` binary (`endpoint`, `container`, `binary`); `store` puts fixtures
//! into it and reads them back.
//! What must stay true: one node of a kind is started once a run and ends with it, also when the
//! runner is killed; nothing is pulled; a node that can't be had is an error that says how to get one.
//! Clauses it serves: IPFS-*, EP-*, RPC-*, SELF-*.

mod ask;
mod binary;
mod container;
mod endpoint;
mod store;
pub mod unixfs;

pub use store::Import;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::launch::Channel;

pub(crate) use ask::{Answer, Ask};
use endpoint::Address;

/// Where a node comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
pub enum Kind {
    /// One that the user runs, named by `WW_CONFORMANCE_IPFS`.
    Endpoint,
    /// A local image in a container.
    Container,
    /// An `ipfs` binary.
    Binary,
}

impl Kind {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Endpoint, Self::Container, Self::Binary];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Container => "container",
            Self::Binary => "binary",
        }
    }

    fn slot(self) -> usize {
        self as usize
    }
}

/// Why there is no node.
#[derive(Clone, Debug, Error, Serialize, Deserialize)]
pub enum NodeError {
    /// Nobody said where this kind is, and this machine has none.
    #[error("no {}: {why}", .kind.name())]
    Absent {
        /// The kind.
        kind: Kind,
        /// What isn't there.
        why: String,
    },
    /// It is there, or was asked for by name, and doesn't work.
    #[error("the node ({}) doesn't work: {why}", .kind.name())]
    Broken {
        /// The kind.
        kind: Kind,
        /// What went wrong.
        why: String,
    },
    /// No kind works.
    #[error(
        "there is no IPFS node for the cases that need one ({0}). Run ci/setup, which builds one; or put `ipfs` \
         (Kubo 0.40 or later) on PATH or name it by IPFS_BIN; or name a running daemon by \
         WW_CONFORMANCE_IPFS=/ip4/127.0.0.1/tcp/5001; or a local image by WW_CONFORMANCE_IMAGE"
    )]
    None(String),
}

/// What keeps a node alive; it ends with this value.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their end alone")]
enum Keep {
    /// Somebody else does.
    Others,
    Container(Box<container::Running>),
    Binary(binary::Running),
}

/// A node that answers.
#[derive(Debug)]
pub struct Node {
    kind: Kind,
    address: Address,
    // Before the runtime, which the end of a container needs.
    _keep: Keep,
    runtime: Runtime,
}

impl Node {
    /// Where it comes from.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The multiaddr of its API, for `--ipfs`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.address.multiaddr()
    }

    /// Host and port of its API.
    #[must_use]
    pub fn socket(&self) -> String {
        self.address.socket()
    }

    /// A node that another process keeps.
    fn elsewhere(kind: Kind, address: Address) -> Result<Self, NodeError> {
        Ok(Self { kind, address, _keep: Keep::Others, runtime: runtime(kind)? })
    }

    fn start(kind: Kind, launcher: &Path) -> Result<Self, NodeError> {
        let broken = |why: String| NodeError::Broken { kind, why };
        let runtime = runtime(kind)?;
        let (address, keep) = match kind {
            Kind::Endpoint => (endpoint::given()?, Keep::Others),
            Kind::Container => {
                let (address, running) = container::start(&runtime)?;
                (address, Keep::Container(Box::new(running)))
            }
            Kind::Binary => {
                let (address, running) = binary::start(launcher)?;
                (address, Keep::Binary(running))
            }
        };
        let node = Self { kind, address, _keep: keep, runtime };
        node.version().map_err(|stop| broken(stop.to_string()))?;
        Ok(node)
    }
}

fn runtime(kind: Kind) -> Result<Runtime, NodeError> {
    let mut building = tokio::runtime::Builder::new_multi_thread();
    let built = building.worker_threads(1).enable_all().build();
    built.map_err(|fault| NodeError::Broken { kind, why: fault.to_string() })
}

/// The nodes of one run of the suite.
#[derive(Debug)]
pub struct Nodes {
    source: Source,
    asked: Option<Kind>,
    each: [OnceLock<Result<Node, NodeError>>; 3],
    // Two kinds aren't started at once: the second would compete for what the first needs.
    starting: Mutex<()>,
}

/// Who starts a node.
#[derive(Debug)]
enum Source {
    /// This process, below the launcher at this path.
    Own(PathBuf),
    /// The runner, which is asked over this channel.
    Runner(Arc<Mutex<Channel>>),
}

impl Nodes {
    /// None yet; a daemon of the suite's own will be started through the launcher. `asked` is the
    /// kind that [`Nodes::any`] gives; without one, the first that is there.
    #[must_use]
    pub fn new(launcher: &Path, asked: Option<Kind>) -> Self {
        Self::from(Source::Own(launcher.to_owned()), asked)
    }

    /// Those of the runner at the other end of a channel.
    pub(crate) fn of_runner(channel: Arc<Mutex<Channel>>) -> Self {
        Self::from(Source::Runner(channel), None)
    }

    fn from(source: Source, asked: Option<Kind>) -> Self {
        Self { source, asked, each: Default::default(), starting: Mutex::default() }
    }

    /// The node of this kind, started now if it isn't yet.
    ///
    /// # Errors
    /// Why it can't be had.
    pub fn of(&self, kind: Kind) -> Result<&Node, NodeError> {
        let slot = &self.each[kind.slot()];
        if slot.get().is_none() {
            let _turn = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_init(|| match &self.source {
                Source::Own(launcher) => Node::start(kind, launcher),
                Source::Runner(channel) => {
                    let Answer { kind, address } = Ask(Some(kind)).over(channel)?;
                    Node::elsewhere(kind, address)
                }
            });
        }
        match slot.get() {
            Some(Ok(node)) => Ok(node),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(NodeError::Absent { kind, why: "it was never started".into() }),
        }
    }

    /// The node of the kind that was asked for, else the first that is there.
    ///
    /// # Errors
    /// Why there is none, and how to get one. One that is there and doesn't work isn't passed over.
    pub fn any(&self) -> Result<&Node, NodeError> {
        if let Source::Runner(channel) = &self.source {
            let Answer { kind, address } = Ask(None).over(channel)?;
            let node = self.each[kind.slot()].get_or_init(|| Node::elsewhere(kind, address));
            return node.as_ref().map_err(Clone::clone);
        }
        if let Some(kind) = self.asked {
            return self.of(kind);
        }
        let mut absent = Vec::new();
        for kind in Kind::ALL {
            match self.of(kind) {
                Err(NodeError::Absent { kind, why }) => absent.push(format!("{}: {why}", kind.name())),
                found => return found,
            }
        }
        Err(NodeError::None(absent.join("; ")))
    }

    /// The nodes that are in use.
    pub fn used(&self) -> impl Iterator<Item = &Node> {
        self.each.iter().filter_map(|slot| slot.get().and_then(|node| node.as_ref().ok()))
    }

    /// What a case's process is told of a node.
    pub(crate) fn answer(&self, Ask(kind): Ask) -> Result<Answer, NodeError> {
        let node = kind.map_or_else(|| self.any(), |kind| self.of(kind))?;
        Ok(Answer { kind: node.kind, address: node.address.clone() })
    }
}
