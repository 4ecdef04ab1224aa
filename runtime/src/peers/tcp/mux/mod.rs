//! Yamux on a secured channel, as the side that answers: streams that the peer opens, none of our own.
//!
//! Its own, where libp2p has one: that gives each of a connection's streams 256 KiB that nobody counts, and a peer as many
//! streams as it likes before it learns otherwise (docs/decisions/peers.md). Bytes of a frame are handed on as they come
//! here, what wasn't taken is counted, and nothing is read while the peer doesn't read.
//! What must stay true: whatever a peer sends, at worst its own connection ends; what is held for it is what [`Life`] is
//! told.
//! Clauses: P2P-01, P2P-10, P2P-12, P2P-13, SELF-06.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::channel::Channel;
use super::flow::Flow;
use super::frame::{Header, Kind, SYN, WINDOW};
use crate::peers::life::{Life, Why};
use crate::peers::limits;

mod incoming;
mod outgoing;

/// Reads in a row before other tasks have their turn.
const TURNS: usize = 4;

/// The streams of one connection.
pub(super) struct Mux {
    channel: Channel,
    life: Rc<Life>,
    /// What came, and wasn't taken apart yet: less than a header, between two reads.
    plain: Vec<u8>,
    /// The data that is coming: of which stream, how much is left, and whether it is the last.
    coming: Option<(u32, u32, bool)>,
    pub(super) flows: BTreeMap<u32, Flow>,
    opened: VecDeque<u32>,
    /// Frames to be sealed.
    out: Vec<u8>,
    /// The frame at the end of `out`, where it is of a stream's data: more of it can be appended.
    last: Option<(u32, usize)>,
    unread: usize,
    driver: Option<Waker>,
    /// When the peer was heard last, and when it took the last of what was sent.
    heard: Instant,
    took: Instant,
    over: bool,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer is gone.
    Gone,
    /// We end it.
    Ours(Why),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> End {
        End::Gone
    }
}

impl Mux {
    /// Streams on a channel, of which `plain` has come already.
    pub(super) fn new(channel: Channel, plain: Vec<u8>, life: Rc<Life>) -> Mux {
        let now = Instant::now();
        Mux {
            channel: channel.counted(),
            life,
            plain,
            coming: None,
            flows: BTreeMap::new(),
            opened: VecDeque::new(),
            out: Vec::new(),
            last: None,
            unread: 0,
            driver: None,
            heard: now,
            took: now,
            over: false,
        }
    }

    /// Sends and receives, until the peer opens a stream, whose number this gives, or the connection ends.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) -> Poll<Result<u32, End>> {
        if let Some(why) = self.life.doom(context.waker()) {
            return Poll::Ready(Err(End::Ours(why)));
        }
        self.driver = Some(context.waker().clone());
        self.take_apart().map_err(End::Ours)?;
        for _ in 0..TURNS {
            if let Some(stream) = self.opened.pop_front() {
                self.account();
                return Poll::Ready(Ok(stream));
            }
            if self.unsent() > 0 {
                self.seal()?;
                if self.channel.poll_send(context)?.is_ready() {
                    self.took = Instant::now();
                    self.wake_writers();
                }
            }
            // What it asks for costs memory until it takes the answers, and what it sends until that is taken.
            if self.unsent() > limits::UNSENT || self.unread > limits::UNREAD {
                self.account();
                return Poll::Pending;
            }
            match self.channel.poll_hear(context, &mut self.plain)? {
                Poll::Pending => {
                    self.account();
                    return Poll::Pending;
                }
                Poll::Ready(0) => return Poll::Ready(Err(End::Gone)),
                Poll::Ready(_) => {
                    self.heard = Instant::now();
                    self.take_apart().map_err(End::Ours)?;
                }
            }
        }
        self.account();
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what is queued as far as that goes at once; the driver sends the rest.
    pub(super) fn push(&mut self) -> std::io::Result<()> {
        self.seal()?;
        match self.channel.send()? {
            true => {
                self.took = Instant::now();
                self.wake_writers();
            }
            false => self.wake(),
        }
        self.account();
        Ok(())
    }

    /// Does what is due after a while without events: asks a silent peer whether it is there, ends one that isn't.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), End> {
        if self.unread > limits::UNREAD {
            // It isn't listened to, so that only the socket can tell whether it is there.
            if self.channel.is_left() {
                return Err(End::Gone);
            }
            self.heard = now;
        }
        let silent = now.saturating_duration_since(self.heard);
        if silent > limits::DEAD || self.unsent() > 0 && now.saturating_duration_since(self.took) > limits::DEAD {
            return Err(End::Gone);
        }
        if self.life.idle().is_some_and(|since| now.saturating_duration_since(since) > limits::IDLE) {
            return Err(End::Ours(Why::Normal));
        }
        if silent > limits::SILENT {
            self.put(Header { kind: Kind::Ping, flags: SYN, stream: 0, length: 0 });
            self.push()?;
        }
        Ok(())
    }

    /// Tells the peer that the connection ends, and its streams that it has ended.
    pub(super) fn close(&mut self, end: End) {
        if let End::Ours(why) = end {
            self.put(Header { kind: Kind::GoAway, flags: 0, stream: 0, length: why as u32 });
            let _ = self.push();
        }
        self.over = true;
        self.flows.values_mut().for_each(Flow::cut);
    }

    /// Lets go of the socket and all that came: whoever still has a stream has the name of one.
    pub(super) fn let_go(&mut self) {
        self.channel.shut();
        self.flows.clear();
        (self.plain, self.out, self.unread) = (Vec::new(), Vec::new(), 0);
    }

    /// Sends the rest of what is queued.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.channel.poll_send(context)
    }

    /// Whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    fn wake(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    fn wake_writers(&mut self) {
        self.flows.values_mut().for_each(Flow::wake_writer);
    }

    fn account(&self) {
        self.life.holds(self.plain.len() + self.out.len() + self.unread + self.channel.held());
    }
}

const _: () = assert!(limits::UNSENT <= WINDOW as usize);
