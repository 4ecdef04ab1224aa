//! The IPFS node that cases fetch from: a real one, started at the first case that needs it.
//!
//! What it does: [`Nodes`] gives the node of the run, in this order: an endpoint that the user names,
//! a container, an `ipfs` binary (`endpoint`, `container`, `binary`); `store` puts fixtures
//! into it and reads them back.
//! What must stay true: one node of a kind is started once a run and ends with it, also when the
//! runner is killed; nothing is pulled; a node that can't be had is an error that says how to get one.
//! Clauses it serves: IPFS-*, EP-*, RPC-*, SELF-*.

mod binary;
mod container;
mod endpoint;
mod store;
pub mod unixfs;

pub use store::Import;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use thiserror::Error;
use tokio::runtime::Runtime;

use endpoint::Address;

/// Where a node comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Its name in `WW_CONFORMANCE_NODE`.
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
#[derive(Clone, Debug, Error)]
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
    /// `WW_CONFORMANCE_NODE` holds another word.
    #[error("WW_CONFORMANCE_NODE is {0:?}, which is none of endpoint, container, binary")]
    Kind(String),
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

    fn start(kind: Kind, launcher: &Path) -> Result<Self, NodeError> {
        let broken = |why: String| NodeError::Broken { kind, why };
        let mut building = tokio::runtime::Builder::new_multi_thread();
        let runtime = building.worker_threads(1).enable_all().build().map_err(|fault| broken(fault.to_string()))?;
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

/// The nodes of one run of the suite.
#[derive(Debug)]
pub struct Nodes {
    launcher: PathBuf,
    each: [OnceLock<Result<Node, NodeError>>; 3],
    // Two kinds aren't started at once: the second would compete for what the first needs.
    starting: Mutex<()>,
}

impl Nodes {
    /// None yet; a daemon of the suite's own will be started through the launcher.
    #[must_use]
    pub fn new(launcher: &Path) -> Self {
        Self { launcher: launcher.to_owned(), each: Default::default(), starting: Mutex::default() }
    }

    /// The node of this kind, started now if it isn't yet.
    ///
    /// # Errors
    /// Why it can't be had.
    pub fn of(&self, kind: Kind) -> Result<&Node, NodeError> {
        let slot = &self.each[kind.slot()];
        if slot.get().is_none() {
            let _turn = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_init(|| Node::start(kind, &self.launcher));
        }
        match slot.get() {
            Some(Ok(node)) => Ok(node),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(NodeError::Absent { kind, why: "it was never started".into() }),
        }
    }

    /// The node of the kind that `WW_CONFORMANCE_NODE` names, else the first that is there.
    ///
    /// # Errors
    /// Why there is none, and how to get one. One that is there and doesn't work isn't passed over.
    pub fn any(&self) -> Result<&Node, NodeError> {
        if let Some(name) = std::env::var("WW_CONFORMANCE_NODE").ok().filter(|name| !name.is_empty()) {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            return self.of(kind.ok_or(NodeError::Kind(name))?);
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
}
