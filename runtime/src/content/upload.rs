//! An upload that comes piece by piece: one `add` of the daemon's, which takes as long as the file does.
//!
//! - What it does: passes pieces on as fast as the daemon takes them, and computes the CID from the same bytes.
//! - What must stay true: the request gets its end from [`Upload::finish`] alone. An upload that is dropped
//!   before breaks it off: the daemon has a file that isn't whole, answers nothing and roots nothing; the blocks
//!   that it has stored by then are in no pin and no name of its, and go when it collects its garbage. The
//!   daemon isn't blamed for the time that the giver takes.
//! - Serves: rulings 16, 20: `write` of `system.IPFS`.

use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use tokio::time::timeout;

use super::http::{Asked, Client, SLOWEST};
use super::import::Builder;
use super::kubo::{ADD, added};
use super::payload::{Feeder, PIECE};
use super::sources::Sources;
use super::{ContentError, Timeouts};

/// What is asked for, in the words of a message.
const WHAT: &str = "an upload";

/// A file on its way to the daemon.
pub struct Upload {
    sources: Rc<Sources>,
    builder: Builder,
    /// Begun with the first bytes.
    request: Option<Request>,
}

/// A request whose body comes piece by piece.
pub(super) struct Request {
    pub(super) feeder: Feeder,
    pub(super) asked: Asked,
}

impl Upload {
    pub(crate) fn new(sources: Rc<Sources>) -> Upload {
        Upload { sources, builder: Builder::new(), request: None }
    }

    /// Passes the next bytes on; waits until the daemon has taken nearly all of them.
    ///
    /// # Errors
    /// Where the daemon can't be reached, refuses, or takes nothing. The upload is of no use after that.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        for piece in bytes.chunks(PIECE) {
            self.builder.write(piece);
            let mut request = self.request().await?;
            request.feed(self.sources.daemon()?, Bytes::copy_from_slice(piece)).await?;
            self.request = Some(request);
        }
        Ok(())
    }

    /// Ends the file, and gives its CID once the daemon has stored it, unpinned.
    ///
    /// # Errors
    /// As [`Upload::write`], and where the daemon stored it under another CID than the profile's.
    pub async fn finish(mut self) -> Result<cid::Cid, ContentError> {
        let Request { feeder, mut asked } = self.request().await?;
        let after = self.sources.timeouts().idle * SLOWEST;
        let head = async {
            // Where it is taken no more, the answer says why.
            feeder.end().await;
            asked.head().await
        };
        let head = timeout(after, head).await.map_err(|_| ContentError::Slow { what: WHAT.to_owned(), after })?;
        let body = self.sources.daemon()?.accept(head?, WHAT).await?.small().await?;
        added(&body, self.builder.finish())
    }

    /// Takes the request, which is begun if it isn't yet.
    async fn request(&mut self) -> Result<Request, ContentError> {
        if let Some(request) = self.request.take() {
            return Ok(request);
        }
        let (content_type, fed, feeder) = Feeder::form();
        let asked = self.sources.daemon()?.ask(ADD, Some(&content_type), fed).await?;
        Ok(Request { feeder, asked })
    }
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
