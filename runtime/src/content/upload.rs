//! An upload that comes piece by piece: a file of the store's, and one `add` of the daemon's, which takes as long as the file
//! does.
//!
//! - What it does: passes pieces on as fast as the daemon takes them, and has the store write them, leaf by leaf; computes
//!   the CID from the same bytes.
//! - What must stay true: the request gets its end from [`Upload::finish`] alone, and the store's file its name. An upload
//!   that is dropped before breaks it off: the daemon has a file that isn't whole, answers nothing and roots nothing; the
//!   blocks that it has stored by then are in no pin and no name of its, and go when it collects its garbage. The store has
//!   nothing of it. The daemon isn't blamed for the time that the giver takes.
//! - Serves: rulings 16, 20: `write` of `system.IPFS`; STORE-46.

mod tree;

use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use tokio::time::timeout;

use super::http::{Asked, Client, SLOWEST};
use super::kubo::{ADD, added};
use super::payload::{Feeder, PIECE};
use super::sources::Sources;
use super::{ContentError, Timeouts};
use tree::Tree;

/// What is asked for, in the words of a message.
const WHAT: &str = "an upload";

/// A file that is being put.
pub struct Upload {
    sources: Rc<Sources>,
    /// Begun with the first bytes.
    begun: Option<Begun>,
}

/// Who gets it.
struct Begun {
    daemon: Option<(Rc<Client>, Request)>,
    tree: Tree,
}

/// A request whose body comes piece by piece.
pub(super) struct Request {
    pub(super) feeder: Feeder,
    pub(super) asked: Asked,
}

impl Upload {
    pub(crate) fn new(sources: Rc<Sources>) -> Upload {
        Upload { sources, begun: None }
    }

    /// Passes the next bytes on; waits until the daemon has taken nearly all of them, and the store all but a leaf.
    ///
    /// # Errors
    /// Where the daemon can't be reached, refuses, or takes nothing; where there is none, and the store can't be written to.
    /// The upload is of no use after that.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Given up meanwhile, or failed, it is gone.
        let mut begun = self.begin().await?;
        for piece in bytes.chunks(PIECE) {
            if let Some((daemon, request)) = &mut begun.daemon {
                request.feed(daemon, Bytes::copy_from_slice(piece)).await?;
            }
            begun.tree.write(&self.sources, piece).await?;
            begun.is_kept(&self.sources)?;
        }
        self.begun = Some(begun);
        Ok(())
    }

    /// Ends the file, and gives its CID once it is stored, unpinned.
    ///
    /// # Errors
    /// As [`Upload::write`], and where the daemon stored it under another CID than the profile's.
    pub async fn finish(mut self) -> Result<cid::Cid, ContentError> {
        let mut begun = self.begin().await?;
        let cid = begun.tree.end(&self.sources).await?;
        begun.is_kept(&self.sources)?;
        let Begun { daemon, tree } = begun;
        let stored = match daemon {
            Some((daemon, request)) => Some(stored(&daemon, request, cid).await?),
            None => None,
        };
        let kept = tree.commit(&self.sources, cid).await;
        self.sources.all_have(stored, kept)
    }

    /// Takes what is begun; begins it if it isn't yet.
    async fn begin(&mut self) -> Result<Begun, ContentError> {
        if let Some(begun) = self.begun.take() {
            return Ok(begun);
        }
        let receivers = self.sources.receivers().await?;
        let tree = Tree::begin(&self.sources, receivers.store).await?;
        let daemon = match receivers.daemon {
            Some(daemon) => {
                let (content_type, fed, feeder) = Feeder::form();
                let asked = daemon.ask(ADD, Some(&content_type), fed).await?;
                Some((daemon, Request { feeder, asked }))
            }
            None => None,
        };
        let mut begun = Begun { daemon, tree };
        begun.is_kept(&self.sources)?;
        Ok(begun)
    }
}

impl Begun {
    /// What the store failed with ends it where there is no daemon, and is told where there is one.
    fn is_kept(&mut self, sources: &Sources) -> Result<(), ContentError> {
        match (self.tree.failed(), &self.daemon) {
            (None, _) => Ok(()),
            (Some(error), Some(_)) => {
                sources.lacks_store(&error);
                Ok(())
            }
            (Some(error), None) => Err(ContentError::Store(error)),
        }
    }
}

/// Ends a request, and reads what the daemon says of the file.
async fn stored(daemon: &Client, request: Request, cid: cid::Cid) -> Result<cid::Cid, ContentError> {
    let Request { feeder, mut asked } = request;
    let after = daemon.timeouts().idle * SLOWEST;
    let head = async {
        // Where it is taken no more, the answer says why.
        feeder.end().await;
        asked.head().await
    };
    let head = timeout(after, head).await.map_err(|_| ContentError::Slow { what: WHAT.to_owned(), after })?;
    let body = daemon.accept(head?, WHAT).await?.small().await?;
    added(&body, cid)
}

impl Request {
    /// Passes a piece on.
    pub(super) async fn feed(&mut self, client: &Client, piece: Bytes) -> Result<(), ContentError> {
        let Timeouts { idle, .. } = client.timeouts();
        let early = tokio::select! {
            biased;
            taken = within(idle, self.feeder.feed(piece)) => match taken? {
                true => return Ok(()),
                // Nobody takes it any more: there is an answer, or a reason why there is none.
                false => within(idle, self.asked.head()).await?,
            },
            early = self.asked.head() => early,
        };
        client.accept(early?, WHAT).await?;
        Err(ContentError::Answer("an upload was answered before its end".to_owned()))
    }
}

/// Waits for the daemon to take something.
async fn within<T>(after: std::time::Duration, future: impl Future<Output = T>) -> Result<T, ContentError> {
    timeout(after, future).await.map_err(|_| ContentError::Untaken { after })
}
