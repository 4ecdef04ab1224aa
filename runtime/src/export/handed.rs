//! The daemon that gets what is exported, after the store has it.
//!
//! - What it does: looks whether it answers, before anything is read; then sends it a CAR of each root, to be pinned.
//! - What must stay true: one that was named and doesn't answer fails the export. It is believed when it says that it has
//!   pinned the very root.
//! - Serves: ruling 16; STORE-05, -06.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::car::{Sections, Source, header};
use super::error::Fault;
use super::{ExportError, Progress, Receiver, Told};
use crate::content::deposit::Daemon;
use crate::content::{Cid, Timeouts};
use crate::store::Store;

/// How long one that nobody named may keep us waiting for its first word.
const PATIENCE: Duration = Duration::from_secs(5);

/// A daemon that answers, or why there is none.
pub(super) enum Handed {
    Answers(Box<Answering>),
    Silent(String),
}

/// A daemon that answers.
pub(super) struct Answering {
    daemon: Daemon,
    runtime: Runtime,
    endpoint: String,
}

impl Source for Store {
    fn get(&mut self, cid: &Cid) -> Result<Vec<u8>, Fault> {
        Store::get(self, cid).map_err(Fault::Store)?.ok_or_else(|| Fault::Gone(cid.to_string()))
    }
}

impl Handed {
    /// Looks whether the daemon answers.
    pub(super) fn new(receiver: &Receiver) -> Result<Handed, ExportError> {
        let endpoint = receiver.endpoint.to_string();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ExportError::Thread)?;
        let looking = Daemon::new(
            receiver.endpoint.clone(),
            Timeouts {
                idle: if receiver.named { receiver.timeout } else { receiver.timeout.min(PATIENCE) },
                ..Timeouts::default()
            },
        );
        match runtime.block_on(looking.answers()) {
            Ok(()) => {
                let timeouts = Timeouts { idle: receiver.timeout, ..Timeouts::default() };
                let daemon = Daemon::new(receiver.endpoint.clone(), timeouts);
                Ok(Handed::Answers(Box::new(Answering { daemon, runtime, endpoint })))
            }
            Err(source) if receiver.named => Err(ExportError::Daemon { endpoint, kept: "", source: source.into() }),
            Err(_) => Ok(Handed::Silent(format!(
                "the content is in the local store alone: no IPFS daemon answers at {endpoint}"
            ))),
        }
    }

    /// Hands on what the store has below a root.
    pub(super) fn hand(&self, root: &Cid, store: &Store, size: u64, told: &mut dyn Told) -> Result<(), ExportError> {
        let Handed::Answers(answering) = self else { return Ok(()) };
        let Answering { daemon, runtime, endpoint } = &**answering;
        let mut store = store.clone();
        let mut sections = Sections::new(&mut store, std::slice::from_ref(root));
        let (mut blocks, mut bytes) = (0, 0);
        let next = |to: &mut Vec<u8>| {
            let before = to.len();
            let more = sections.next(to)?;
            blocks += u64::from(more);
            bytes += (to.len() - before) as u64;
            // A section is some bytes more than its block.
            told.progress(Progress { bytes: bytes.min(size), of: Some(size), to: endpoint });
            Ok(more)
        };
        match runtime.block_on(daemon.import(root, header(&[*root]), next)) {
            Ok(Ok(())) => {
                told.gone(blocks, bytes.min(size), endpoint);
                Ok(())
            }
            Ok(Err(source)) => {
                Err(ExportError::Daemon { endpoint: endpoint.clone(), kept: KEPT, source: source.into() })
            }
            Err(Fault::Store(fault)) => Err(ExportError::Store(fault)),
            Err(Fault::Gone(cid)) => Err(ExportError::Gone(cid)),
            Err(Fault::Spool(_) | Fault::Collision(_)) => Err(ExportError::Gone(root.to_string())),
        }
    }
}

/// What a message says of content that the daemon didn't take.
const KEPT: &str = " (the store has it)";
