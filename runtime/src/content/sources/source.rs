//! One source that is asked over HTTP: a daemon, or a gateway.
//!
//! - What it does: asks for a block or a tree (`answers`), follows a gateway's redirect where that stays with the gateway; knows how
//!   the source has behaved.
//! - What must stay true: nobody thinks better of a source than it deserved in this run.
//! - Serves: rulings 7, 16, 20.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::Served;
use super::answers::{Got, Next};
use super::pace::{Once, Pace, SILENCE};
use crate::content::http::Client;
use crate::content::payload::Payload;
use crate::content::{Cid, ContentError, Timeouts};
use crate::endpoint::Gateway;

/// How many redirects of a gateway's are followed.
const REDIRECTS: u32 = 4;
/// What takes this long for a block isn't near.
const FAR: Duration = Duration::from_millis(5);
/// An IPNS record.
const RECORD: &str = "application/vnd.ipfs.ipns-record";

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
pub(crate) struct Source {
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
    /// The shortest time in which it gave a block.
    quickest: Cell<Duration>,
    /// Whether a whole tree broke off that it was asked for.
    broke_off: Cell<bool>,
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
        let (served, sought) = (Cell::default(), Cell::default());
        let (quickest, broke_off) = (Cell::new(Duration::MAX), Cell::default());
        Source { client, gateway, name, standing, served, led, own, sought, quickest, broke_off }
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
        let asked = Instant::now();
        let got = self.following(path, ask).await?;
        self.quickest.set(self.quickest.get().min(asked.elapsed()));
        Ok(got)
    }

    /// Whether it takes so long for a block that many are better asked for at once.
    pub(in crate::content) fn is_far(&self) -> bool {
        self.quickest.get() >= FAR
    }

    /// Whether it may be asked for whole trees.
    pub(super) fn gives_trees(&self) -> bool {
        self.is_gateway() && !self.broke_off.get()
    }

    /// A whole tree broke off: it isn't asked for another.
    pub(in crate::content) fn broke_off(&self, error: &ContentError) {
        self.failed(error);
        self.broke_off.set(true);
    }

    /// All blocks of a tree, of a gateway, as they come and as long as `take` wants another. Nobody verified them. Where others could
    /// be asked, it has as long as it has for a block before the next is asked.
    pub(in crate::content) async fn tree(
        &self,
        root: &Cid,
        others: bool,
        take: impl AsyncFnMut(&Cid, &[u8]) -> Result<Next, ContentError>,
    ) -> Result<(), ContentError> {
        let prefix = self.gateway.as_ref().map_or("", Gateway::prefix);
        let what = format!("what is below {root}");
        let patience = others.then_some(SILENCE);
        // Of a redirect nothing is taken.
        let take = Mutex::new(take);
        let ask =
            async |client: &Client, path: &str| client.tree_at(path, &what, patience, &mut *take.lock().await).await;
        self.following(format!("{prefix}/ipfs/{root}?format=car"), ask).await
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
