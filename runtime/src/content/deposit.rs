//! A tree of blocks on its way to a daemon: one CAR, imported and pinned.
//!
//! - What it does: asks whether the daemon is there; sends it sections as fast as it takes them (`dag/import`), and
//!   reads what it says of the root.
//! - What must stay true: it counts only where the daemon says that it has pinned the very root, which it does when it
//!   has all that is below. An import that is given up is broken off, and pins nothing.
//! - Serves: ruling 16: `ww export`. Reference: Kubo RPC API v0.

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::timeout;

use super::http::{Client, SLOWEST};
use super::payload::{Feeder, PIECE};
use super::upload::Request;
use super::{Cid, ContentError, Timeouts};
use crate::block::parse_cid;
use crate::endpoint::Endpoint;
use crate::tame::tame;

/// What is asked for, in the words of a message.
const WHAT: &str = "an import";

/// A daemon that may get something.
pub(crate) struct Daemon {
    client: Client,
}

impl Daemon {
    /// Names it; dials nothing.
    pub(crate) fn new(endpoint: Endpoint, timeouts: Timeouts) -> Daemon {
        Daemon { client: Client::new(endpoint, timeouts) }
    }

    /// Whether it is there, and is one.
    pub(crate) async fn answers(&self) -> Result<(), ContentError> {
        self.client.answers().await
    }

    /// Sends a CAR, whose header and sections these are, and has its root pinned. `next` appends a section, if there is one.
    ///
    /// # Errors
    /// Outside, what `next` says; within, where the daemon doesn't take it, or says that it took something else.
    pub(crate) async fn import<E>(
        &self,
        root: &Cid,
        header: Vec<u8>,
        mut next: impl FnMut(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<Result<(), ContentError>, E> {
        let (content_type, fed, feeder) = Feeder::form();
        let asked = self.client.ask("/api/v0/dag/import?pin-roots=true&silent=false", Some(&content_type), fed).await;
        let mut request = match asked {
            Ok(asked) => Request { feeder, asked },
            Err(fault) => return Ok(Err(fault)),
        };
        let mut waiting = header;
        loop {
            let more = next(&mut waiting)?;
            if waiting.len() < PIECE && more {
                continue;
            }
            for piece in waiting.chunks(PIECE) {
                if let Err(fault) = request.feed(&self.client, Bytes::copy_from_slice(piece)).await {
                    return Ok(Err(fault));
                }
            }
            waiting.clear();
            if !more {
                return Ok(self.imported(root, request).await);
            }
        }
    }

    async fn imported(&self, root: &Cid, request: Request) -> Result<(), ContentError> {
        let Request { feeder, mut asked } = request;
        let Timeouts { idle, .. } = self.client.timeouts();
        let after = idle * SLOWEST;
        let head = async {
            // Where it is taken no more, the answer says why.
            feeder.end().await;
            asked.head().await
        };
        let head = timeout(after, head).await.map_err(|_| ContentError::Slow { what: WHAT.to_owned(), after })?;
        let body = self.client.accept(head?, WHAT).await?.small().await?;
        pinned(&body, root)
    }
}

/// Reads what the daemon says: an object a line, of which one is for the root.
fn pinned(body: &[u8], root: &Cid) -> Result<(), ContentError> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "Root")]
        root: Option<Root>,
    }
    #[derive(Deserialize)]
    struct Root {
        #[serde(rename = "Cid")]
        cid: Linked,
        #[serde(rename = "PinErrorMsg", default)]
        fault: String,
    }
    #[derive(Deserialize)]
    struct Linked {
        #[serde(rename = "/")]
        cid: String,
    }
    let answer = || ContentError::Answer(format!("an import became {}", tame(&String::from_utf8_lossy(body))));
    let mut roots = Vec::new();
    for line in serde_json::Deserializer::from_slice(body).into_iter::<Line>() {
        roots.extend(line.map_err(|_| answer())?.root);
    }
    match &roots[..] {
        [Root { cid, .. }] if parse_cid(&cid.cid).as_ref() != Some(root) => Err(answer()),
        [Root { fault, .. }] if fault.is_empty() => Ok(()),
        [Root { fault, .. }] => Err(ContentError::Daemon { message: tame(fault) }),
        _ => Err(answer()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_root_counts() {
        let text = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        let root = parse_cid(text).unwrap();
        let line = |cid: &str, fault: &str| format!(r#"{{"Root":{{"Cid":{{"/":"{cid}"}},"PinErrorMsg":"{fault}"}}}}"#);
        let other = "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu";
        assert!(pinned(line(text, "").as_bytes(), &root).is_ok());
        assert!(pinned(format!("{}\n{{\"Stats\":{{}}}}\n", line(text, "")).as_bytes(), &root).is_ok());
        let two = format!("{0}\n{0}", line(text, ""));
        for bad in ["", "{}", "x", &line(other, ""), &line(text, "no"), &line("x", ""), &two] {
            assert!(pinned(bad.as_bytes(), &root).is_err(), "{bad}");
        }
    }
}
