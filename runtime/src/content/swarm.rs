//! Who the daemon is, and who its peers are.
//!
//! - What must stay true: the answers are the daemon's word, and bounded: a list of peers is kept as one text and the
//!   ends of its parts, so that many short texts take no more memory than they say.
//! - Serves: rulings 15, 20; clauses RPC-24, STORE-48. Reference: Kubo RPC API v0.

mod answer;
mod peers;

pub use peers::{Peer, Peers};

use super::payload::Payload;
use super::{Content, ContentError};
use crate::tame::tame;

/// The largest answer that is read, in bytes.
const ANSWER: usize = 4 << 20;
/// The most that peers may take in a message, in bytes.
const MESSAGE: usize = 6 << 20;

impl Content {
    /// The daemon itself.
    ///
    /// # Errors
    /// Where it can't be reached.
    pub async fn id(&self) -> Result<Peers, ContentError> {
        self.ask("/api/v0/id", "the daemon's identity", Peers::one).await
    }

    /// The peers that the daemon is connected to.
    ///
    /// # Errors
    /// Where it can't be reached; [`ContentError::TooLarge`] where they are more than a message holds.
    pub async fn peers(&self) -> Result<Peers, ContentError> {
        self.ask("/api/v0/swarm/peers?identify=true", "the list of peers", Peers::list).await
    }

    /// Has the daemon connect to a peer at a multiaddr.
    ///
    /// # Errors
    /// Where the daemon can't be reached, or couldn't.
    pub async fn connect(&self, address: &str) -> Result<(), ContentError> {
        let what = "a connection to a peer";
        let request = format!("/api/v0/swarm/connect?arg={}", escaped(address));
        let asked =
            async { self.sources.daemon()?.post(&request, None, Payload::default(), what).await?.small().await };
        asked.await.map(drop).map_err(needed)
    }

    async fn ask(
        &self,
        request: &str,
        what: &str,
        read: impl Fn(&[u8]) -> serde_json::Result<Peers>,
    ) -> Result<Peers, ContentError> {
        let asked =
            async { self.sources.daemon()?.post(request, None, Payload::default(), what).await?.whole(ANSWER).await };
        let body = asked.await.map_err(|error| match error {
            ContentError::LongBody { limit, .. } => ContentError::TooLarge { limit },
            error => needed(error),
        })?;
        match read(&body) {
            Ok(peers) if peers.message() > MESSAGE => Err(ContentError::TooLarge { limit: MESSAGE as u64 }),
            Ok(peers) => Ok(peers),
            Err(_) => {
                let text = String::from_utf8_lossy(&body[..body.len().min(1024)]);
                Err(ContentError::Answer(format!("{what} is {}", tame(&text))))
            }
        }
    }
}

/// Says, of a daemon that isn't there, that it is needed.
fn needed(error: ContentError) -> ContentError {
    use ContentError::{Connect, ConnectTimeout, NeedsDaemon, Offline, Refused};
    match error {
        Refused { .. } | Connect { .. } | ConnectTimeout { .. } | Offline => NeedsDaemon(Box::new(error)),
        error => error,
    }
}

/// As a value of a query (RFC 3986 §3.4): all but what needs no escape.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_one_value_of_the_query() {
        assert_eq!(escaped("/ip4/1.2.3.4/tcp/1"), "/ip4/1.2.3.4/tcp/1");
        assert_eq!(escaped("a&b=c d#%\r\n\u{e4}+"), "a%26b%3Dc%20d%23%25%0D%0A%C3%A4%2B");
    }
}
