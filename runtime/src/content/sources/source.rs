//! One source that is asked over HTTP: a daemon, or a gateway.
//!
//! - What it does: asks for one block, verifies it, follows a gateway's redirect where that stays with the gateway.
//! - What must stay true: a block is whole and has its hash, or it is an error. Of one that is larger than wanted
//!   nothing is kept; no more than [`BLOCK_LIMIT`] bytes are read of any.
//! - Serves: rulings 7, 16, 20.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::pace::{Once, Pace, SILENCE};
use super::{LARGE, Served};
use crate::block::Verifier;
use crate::content::http::{Client, Way};
use crate::content::payload::Payload;
use crate::content::{Cid, ContentError, Timeouts};
use crate::endpoint::Gateway;

/// The largest block: Kubo's Bitswap neither sends nor takes a larger one (2 MiB), in bytes.
pub(crate) const BLOCK_LIMIT: u64 = 2 * 1024 * 1024;
/// How many redirects of a gateway's are followed.
const REDIRECTS: u32 = 4;
/// A raw block (IANA; trustless gateway specification, "Response Types").
const RAW: &str = "application/vnd.ipld.raw";
/// An IPNS record.
const RECORD: &str = "application/vnd.ipfs.ipns-record";

/// A block that was verified.
pub(crate) enum Got {
    Block(Vec<u8>),
    /// One that is larger than wanted: its size.
    Larger(u64),
}

impl Got {
    pub(super) fn of(block: Vec<u8>, most: u64) -> Got {
        if block.len() as u64 > most { Got::Larger(block.len() as u64) } else { Got::Block(block) }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Got::Block(block) => block.len() as u64,
            Got::Larger(size) => *size,
        }
    }
}

/// How much is thought of a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Good,
    /// It kept a request waiting, or couldn't be reached: others are asked first.
    Slow,
    /// It gave what isn't the content: it isn't asked again.
    Lied,
}

/// A daemon or a gateway.
pub(super) struct Source {
    client: Rc<Client>,
    gateway: Option<Gateway>,
    name: String,
    standing: Cell<Standing>,
    served: Cell<(u64, u64)>,
    /// Where its redirects lead, for the connections.
    led: RefCell<Option<Rc<Client>>>,
    /// A daemon's own gateway, as long as it serves; asked for once.
    own: RefCell<Option<Rc<Client>>>,
    sought: Cell<bool>,
}

impl Source {
    pub(super) fn daemon(client: Rc<Client>) -> Source {
        let name = client.endpoint().to_string();
        Source::new(client, None, name)
    }

    pub(super) fn gateway(gateway: &Gateway, timeouts: Timeouts) -> Source {
        let client = Rc::new(Client::of_gateway(gateway, timeouts));
        Source::new(client, Some(gateway.clone()), gateway.to_string())
    }

    fn new(client: Rc<Client>, gateway: Option<Gateway>, name: String) -> Source {
        let standing = Cell::new(Standing::Good);
        let (led, own) = (RefCell::default(), RefCell::default());
        Source { client, gateway, name, standing, served: Cell::default(), led, own, sought: Cell::default() }
    }

    /// Much will be asked for: a daemon is asked where its own gateway is.
    pub(super) async fn expect_much(&self) {
        if self.gateway.is_none() && !self.sought.replace(true) {
            let own = timeout(SILENCE, self.client.own_gateway()).await.ok().flatten();
            self.own.replace(own);
        }
    }

    /// A daemon's own gateway, as far as it is known, and as long as it serves.
    pub(super) fn own(&self) -> Option<Rc<Client>> {
        self.own.borrow().clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_gateway(&self) -> bool {
        self.gateway.is_some()
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing.get()
    }

    /// It is thought no better of than this from now on.
    pub(super) fn sink(&self, standing: Standing) {
        self.standing.set(self.standing.get().max(standing));
    }

    pub(super) fn gave(&self, bytes: u64) {
        let (blocks, sum) = self.served.get();
        self.served.set((blocks + 1, sum + bytes));
    }

    pub(super) fn served(&self) -> Served {
        let (blocks, bytes) = self.served.get();
        Served { source: self.name.clone(), blocks, bytes }
    }

    /// Remembers what an error of its tells of it.
    pub(super) fn failed(&self, error: &ContentError) {
        self.sink(match error {
            ContentError::Mismatch { .. } => Standing::Lied,
            ContentError::Refused { .. }
            | ContentError::Connect { .. }
            | ContentError::ConnectTimeout { .. }
            | ContentError::Idle { .. }
            | ContentError::Slow { .. } => Standing::Slow,
            _ => Standing::Good,
        });
    }

    /// One block of at most `most` bytes.
    pub(super) async fn block(
        &self,
        cid: &Cid,
        most: u64,
        pace: &Pace,
        free: &Once<impl AsyncFnOnce()>,
        room: &Semaphore,
    ) -> Result<Got, ContentError> {
        let own = self.own.borrow().clone();
        if let Some(own) = own {
            match own.block_at(&format!("/ipfs/{cid}?format=raw"), cid, most, pace, free, room).await {
                Ok(got) => return Ok(got),
                // Whatever it was: the API's word counts.
                Err(_) => drop(self.own.take()),
            }
        }
        let path = match &self.gateway {
            None => format!("/api/v0/block/get?arg={cid}"),
            Some(gateway) => format!("{}/ipfs/{cid}?format=raw", gateway.prefix()),
        };
        let ask = async |client: &Client, path: &str| client.block_at(path, cid, most, pace, free, room).await;
        self.following(path, ask).await
    }

    /// A name's signed record, of a gateway.
    pub(super) async fn record(&self, name: &str, most: usize) -> Result<Vec<u8>, ContentError> {
        let what = format!("the record of /ipns/{name}");
        let ask = async |client: &Client, path: &str| {
            client.post(path, Some(RECORD), Payload::default(), &what).await?.whole(most).await
        };
        let prefix = self.gateway.as_ref().map_or("", Gateway::prefix);
        self.following(format!("{prefix}/ipns/{name}?format=ipns-record"), ask).await
    }

    async fn following<T>(
        &self,
        mut path: String,
        ask: impl AsyncFn(&Client, &str) -> Result<T, ContentError>,
    ) -> Result<T, ContentError> {
        let mut client = self.client.clone();
        for _ in 0..REDIRECTS {
            match (ask(&client, &path).await, &self.gateway) {
                (Err(ContentError::Redirect { status, location }), Some(gateway)) => {
                    let led = location.as_deref().and_then(|to| gateway.led(client.endpoint(), to));
                    let (endpoint, to) = led.ok_or(ContentError::Redirect { status, location })?;
                    if endpoint != *client.endpoint() {
                        client = self.led_to(endpoint);
                    }
                    path = to;
                }
                (answer, _) => return answer,
            }
        }
        Err(ContentError::Gateway(format!("more than {REDIRECTS} redirects")))
    }

    fn led_to(&self, endpoint: crate::endpoint::Endpoint) -> Rc<Client> {
        let mut led = self.led.borrow_mut();
        match &*led {
            Some(client) if *client.endpoint() == endpoint => client.clone(),
            _ => led.insert(Rc::new(self.client.led_to(endpoint))).clone(),
        }
    }
}

impl Client {
    /// The block at a path, verified.
    pub(crate) async fn block_at(
        &self,
        path: &str,
        cid: &Cid,
        most: u64,
        pace: &Pace,
        free: &Once<impl AsyncFnOnce()>,
        room: &Semaphore,
    ) -> Result<Got, ContentError> {
        let mut verifier = Verifier::new(cid)?;
        let what = format!("block {cid}");
        let media = (self.way == Way::Gateway).then_some(RAW);
        pace.waits();
        let mut answer = self.post(path, media, Payload::default(), &what).await?;
        let (mut block, mut length, mut large) = (Vec::new(), 0, None);
        while let Some(chunk) = answer.chunk().await? {
            pace.rests();
            length += chunk.len() as u64;
            if length > BLOCK_LIMIT {
                return Err(ContentError::LongBody { what, limit: BLOCK_LIMIT });
            }
            verifier.update(&chunk);
            let received = Instant::now();
            if length > most {
                (block, large) = (Vec::new(), None);
            } else {
                free.call().await;
                if large.is_none() && block.len() + chunk.len() > LARGE {
                    // It is never closed. Whoever has the permit waits for nothing but its source.
                    large = room.acquire().await.ok();
                    block.reserve_exact(most.min(BLOCK_LIMIT) as usize - block.len());
                }
                block.extend_from_slice(&chunk);
            }
            answer.extend(received.elapsed());
            pace.waits();
        }
        pace.rests();
        verifier.finish()?;
        Ok(if length > most { Got::Larger(length) } else { Got::Block(block) })
    }
}
