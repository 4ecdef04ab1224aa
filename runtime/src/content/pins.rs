//! The daemon's recursive pins: made, removed, listed.
//!
//! - What must stay true: a pin counts as made or removed only when the daemon named it; nothing is sent twice that
//!   means something else the second time. A pin that makes no progress is given up after the idle timeout, as a
//!   silent daemon is.
//! - Serves: rulings 15, 20; clauses RPC-23, ACC-03 to ACC-05. Reference: Kubo RPC API v0.

use serde::Deserialize;
use tokio::time::Instant;

use super::path::parse_cid;
use super::payload::Payload;
use super::tame::tame;
use super::{Cid, Content, ContentError};

/// What Kubo says of a CID that has no pin of the asked type.
const NOT_PINNED: &str = "is not pinned";

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Pins", default)]
    pins: Vec<String>,
    #[serde(rename = "Progress", default)]
    progress: u64,
}

impl Content {
    /// Pins what is below a CID, and that itself; the daemon fetches what it doesn't have.
    ///
    /// # Errors
    /// Where the daemon can't be reached, refuses, or makes no progress.
    pub async fn pin(&self, cid: &Cid) -> Result<(), ContentError> {
        let what = format!("a pin on {cid}");
        let request = format!("/api/v0/pin/add?arg={cid}&recursive=true&progress=true");
        let answer = self.sources.daemon()?.post(&request, None, Payload::default(), &what).await?;
        let (mut pinned, mut most, mut grown) = (false, 0, Instant::now());
        let idle = self.sources.timeouts().idle;
        answer
            .lines(|line| {
                let Line { pins, progress } = parsed(&what, line)?;
                pinned |= named(&pins, cid);
                if progress > most {
                    (most, grown) = (progress, Instant::now());
                }
                match grown.elapsed() < idle {
                    true => Ok(()),
                    false => Err(ContentError::Idle { what: what.clone(), after: idle }),
                }
            })
            .await?;
        if pinned { Ok(()) } else { Err(unnamed(&what)) }
    }

    /// Removes a recursive pin.
    ///
    /// # Errors
    /// Where the daemon can't be reached, or has no such pin.
    pub async fn unpin(&self, cid: &Cid) -> Result<(), ContentError> {
        let what = format!("the end of a pin on {cid}");
        let request = format!("/api/v0/pin/rm?arg={cid}&recursive=true");
        // Asked twice, the daemon would say the second time that there is no such pin.
        let body = self.sources.daemon()?.post_once(&request, &what).await?.small().await?;
        let Line { pins, .. } = parsed(&what, &body)?;
        if named(&pins, cid) { Ok(()) } else { Err(unnamed(&what)) }
    }

    /// Whether a CID is pinned recursively.
    ///
    /// # Errors
    /// Where the daemon can't be reached, or doesn't say.
    pub async fn is_pinned(&self, cid: &Cid) -> Result<bool, ContentError> {
        let what = format!("the pin on {cid}");
        let request = format!("/api/v0/pin/ls?arg={cid}&type=recursive");
        match self.sources.daemon()?.post(&request, None, Payload::default(), &what).await {
            Ok(answer) => answer.small().await.map(|_| true),
            Err(ContentError::Daemon { message }) if message.ends_with(NOT_PINNED) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hands out each recursive pin.
    ///
    /// # Errors
    /// Where the daemon can't be reached or breaks off; those of `take`, which end it.
    pub async fn pins(&self, mut take: impl FnMut(Cid) -> Result<(), ContentError>) -> Result<(), ContentError> {
        #[derive(Deserialize)]
        struct Pin<'a> {
            #[serde(rename = "Cid", borrow)]
            cid: std::borrow::Cow<'a, str>,
        }
        let what = "the list of pins";
        let request = "/api/v0/pin/ls?type=recursive&stream=true";
        let answer = self.sources.daemon()?.post(request, None, Payload::default(), what).await?;
        answer
            .lines(|line| {
                let pin: Pin<'_> = parsed(what, line)?;
                take(parse_cid(&pin.cid).ok_or_else(|| wrong(what, line))?)
            })
            .await
    }
}

fn parsed<'a, T: Deserialize<'a>>(what: &str, line: &'a [u8]) -> Result<T, ContentError> {
    serde_json::from_slice(line).map_err(|_| wrong(what, line))
}

fn named(pins: &[String], cid: &Cid) -> bool {
    pins.iter().any(|pin| parse_cid(pin).is_some_and(|pin| pin == *cid))
}

fn wrong(what: &str, answer: &[u8]) -> ContentError {
    ContentError::Answer(format!("{what} is {}", tame(&String::from_utf8_lossy(answer))))
}

fn unnamed(what: &str) -> ContentError {
    ContentError::Answer(format!("{what} isn't confirmed"))
}
