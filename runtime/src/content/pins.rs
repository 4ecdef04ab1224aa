//! Recursive pins, the daemon's or the store's: made, removed, listed.
//!
//! - What it does: has the daemon keep pins where one answers, and the store where none does.
//! - What must stay true: a pin of a daemon's counts as made or removed only when it named it; nothing is sent twice that
//!   means something else the second time. A pin that makes no progress is given up after the idle timeout, as a
//!   silent daemon is.
//! - Serves: rulings 15, 16, 20; clauses RPC-23, ACC-03 to ACC-05, STORE-02, STORE-47. Reference: Kubo RPC API v0.

use serde::Deserialize;
use tokio::time::Instant;

use super::http::Client;
use super::payload::Payload;
use super::{Cid, Content, ContentError};
use crate::block::{cid_from_bytes, parse_cid};
use crate::tame::tame;

/// What Kubo says of a CID that has no pin of the asked type.
const NOT_PINNED: &str = "is not pinned";
/// How many pins of the store's are looked at: more than a message holds.
const LISTED: usize = 128 << 10;

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Pins", default)]
    pins: Vec<String>,
    #[serde(rename = "Progress", default)]
    progress: u64,
}

/// Who keeps pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The daemon: it was named, or answers.
    Daemon,
    /// The store, as there is no daemon.
    Store,
}

impl Content {
    /// Who keeps pins now.
    pub async fn keeper(&self) -> Keeper {
        self.sources.receiver().await.map_or(Keeper::Store, |_| Keeper::Daemon)
    }

    /// Pins what is below a CID, and that itself; what isn't there is fetched.
    ///
    /// # Errors
    /// Where a part of it can't be had; where the daemon can't be reached, refuses, or makes no progress; where the store
    /// can't be written to.
    pub async fn pin(&self, keeper: Keeper, cid: &Cid) -> Result<(), ContentError> {
        match keeper {
            Keeper::Daemon => self.sources.daemon()?.pin(cid).await,
            Keeper::Store => self.sources.keep_tree(cid).await,
        }
    }

    /// Removes a recursive pin.
    ///
    /// # Errors
    /// Where there is none; where the daemon can't be reached, or the store not be written to.
    pub async fn unpin(&self, keeper: Keeper, cid: &Cid) -> Result<(), ContentError> {
        if keeper == Keeper::Daemon {
            return self.sources.daemon()?.unpin(cid).await;
        }
        let (store, cid) = (self.sources.opened()?, *cid);
        match self.sources.at_work(move || store.unpin(&cid)).await? {
            true => Ok(()),
            false => Err(ContentError::NotPinned),
        }
    }

    /// Whether a CID is pinned recursively.
    ///
    /// # Errors
    /// Where the daemon can't be reached, or doesn't say; where the store can't be read.
    pub async fn is_pinned(&self, keeper: Keeper, cid: &Cid) -> Result<bool, ContentError> {
        if keeper == Keeper::Daemon {
            return self.sources.daemon()?.is_pinned(cid).await;
        }
        let (store, cid) = (self.sources.opened()?, *cid);
        self.sources.at_work(move || store.is_pinned(&cid)).await
    }

    /// Hands out each recursive pin.
    ///
    /// # Errors
    /// Where the daemon can't be reached or breaks off, or the store can't be read; those of `take`, which end it.
    pub async fn pins(
        &self,
        keeper: Keeper,
        mut take: impl FnMut(Cid) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        if keeper == Keeper::Daemon {
            return self.sources.daemon()?.pins(take).await;
        }
        let store = self.sources.opened()?;
        let listed = move || {
            let mut listed: Vec<Box<[u8]>> = Vec::new();
            store.pins(&mut |cid| {
                listed.push(cid.to_bytes().into());
                listed.len() <= LISTED
            })?;
            Ok(listed)
        };
        let listed = self.sources.at_work(listed).await?;
        listed.iter().filter_map(|cid| cid_from_bytes(cid)).try_for_each(&mut take)
    }
}

impl Client {
    /// Pins what is below a CID, and that itself; the daemon fetches what it doesn't have.
    async fn pin(&self, cid: &Cid) -> Result<(), ContentError> {
        let what = format!("a pin on {cid}");
        let request = format!("/api/v0/pin/add?arg={cid}&recursive=true&progress=true");
        let answer = self.post(&request, None, Payload::default(), &what).await?;
        let (mut pinned, mut most, mut grown) = (false, 0, Instant::now());
        let idle = self.timeouts().idle;
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
    async fn unpin(&self, cid: &Cid) -> Result<(), ContentError> {
        let what = format!("the end of a pin on {cid}");
        let request = format!("/api/v0/pin/rm?arg={cid}&recursive=true");
        // Asked twice, the daemon would say the second time that there is no such pin.
        let body = self.post_once(&request, &what).await?.small().await?;
        let Line { pins, .. } = parsed(&what, &body)?;
        if named(&pins, cid) { Ok(()) } else { Err(unnamed(&what)) }
    }

    /// Whether a CID is pinned recursively.
    async fn is_pinned(&self, cid: &Cid) -> Result<bool, ContentError> {
        let what = format!("the pin on {cid}");
        let request = format!("/api/v0/pin/ls?arg={cid}&type=recursive");
        match self.post(&request, None, Payload::default(), &what).await {
            Ok(answer) => answer.small().await.map(|_| true),
            Err(ContentError::Daemon { message }) if message.ends_with(NOT_PINNED) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hands out each recursive pin.
    async fn pins(&self, mut take: impl FnMut(Cid) -> Result<(), ContentError>) -> Result<(), ContentError> {
        #[derive(Deserialize)]
        struct Pin<'a> {
            #[serde(rename = "Cid", borrow)]
            cid: std::borrow::Cow<'a, str>,
        }
        let what = "the list of pins";
        let request = "/api/v0/pin/ls?type=recursive&stream=true";
        let answer = self.post(request, None, Payload::default(), what).await?;
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
