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

use super::channel::{Channel, shed};
use super::flow::Flow;
use super::frame::{ACK, FIN, HEADER, Header, Kind, RST, SYN, WINDOW, Why};
use super::life::Life;
use super::limits;

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

    /// Looks at what came, frame by frame.
    fn take_apart(&mut self) -> Result<(), Why> {
        let plain = std::mem::take(&mut self.plain);
        let mut rest = &plain[..];
        loop {
            if let Some((stream, left, last)) = self.coming {
                let (part, behind) = rest.split_at(rest.len().min(left as usize));
                rest = behind;
                let left = left - part.len() as u32;
                let done = left == 0;
                self.coming = (!done).then_some((stream, left, last));
                self.deliver(stream, part, done && last);
                if !done {
                    break;
                }
                continue;
            }
            let Some((header, behind)) = rest.split_first_chunk::<HEADER>() else { break };
            rest = behind;
            self.frame(Header::parse(header).ok_or(Why::Protocol)?)?;
        }
        let length = rest.len();
        self.plain = plain;
        self.plain.drain(..self.plain.len() - length);
        shed(&mut self.plain);
        Ok(())
    }

    fn frame(&mut self, header: Header) -> Result<(), Why> {
        let Header { kind, flags, stream, length } = header;
        match kind {
            Kind::Ping if flags & SYN != 0 => {
                self.put(Header { kind: Kind::Ping, flags: ACK, stream: 0, length });
                return Ok(());
            }
            // It opens no more streams, and we open none.
            Kind::Ping | Kind::GoAway => return Ok(()),
            Kind::Data | Kind::Window => {}
        }
        if flags & SYN != 0 {
            self.open(stream)?;
        }
        if kind == Kind::Data {
            if let Some(flow) = self.flows.get_mut(&stream) {
                flow.window = flow.window.checked_sub(length).ok_or(Why::Protocol)?;
            }
            self.coming = Some((stream, length, flags & FIN != 0));
        } else if let Some(flow) = self.flows.get_mut(&stream) {
            flow.credit = flow.credit.checked_add(length).ok_or(Why::Protocol)?;
            flow.theirs_ended |= flags & FIN != 0;
            flow.wake();
        }
        if flags & RST != 0
            && let Some(flow) = self.flows.get_mut(&stream)
        {
            flow.reset = true;
            flow.wake();
        }
        Ok(())
    }

    fn open(&mut self, stream: u32) -> Result<(), Why> {
        // The side that dialled has the odd numbers.
        if stream.is_multiple_of(2) || self.flows.contains_key(&stream) {
            return Err(Why::Protocol);
        }
        if self.flows.len() >= limits::STREAMS {
            self.put(Header { kind: Kind::Window, flags: RST, stream, length: 0 });
            return Ok(());
        }
        self.flows.insert(stream, Flow::new());
        self.opened.push_back(stream);
        Ok(())
    }

    /// Gives a stream its bytes. Those of one that is no more are nobody's.
    fn deliver(&mut self, stream: u32, part: &[u8], last: bool) {
        let Some(flow) = self.flows.get_mut(&stream) else { return };
        if !flow.reset {
            flow.unread.extend(part);
            self.unread += part.len();
        }
        flow.theirs_ended |= last;
        flow.wake_reader();
    }

    /// Takes bytes that came on a stream.
    pub(super) fn take(&mut self, stream: u32, buffer: &mut [u8]) -> usize {
        let Some(flow) = self.flows.get_mut(&stream) else { return 0 };
        let taken = flow.take(buffer);
        let waits = self.unread > limits::UNREAD;
        self.unread -= taken;
        if waits && self.unread <= limits::UNREAD {
            self.wake();
        }
        let grown = self.flows.get_mut(&stream).map_or(0, Flow::grown);
        if grown > 0 {
            self.put_of(stream, Kind::Window, 0, grown);
            self.wake();
        }
        self.account();
        taken
    }

    /// Puts back in front what was read too far, of which the peer was told that it was taken.
    pub(super) fn put_back(&mut self, stream: u32, bytes: &[u8]) {
        let Some(flow) = self.flows.get_mut(&stream) else { return };
        bytes.iter().rev().for_each(|byte| flow.unread.push_front(*byte));
        self.unread += bytes.len();
    }

    /// Queues data of a stream, as much as there is room for.
    pub(super) fn write(&mut self, stream: u32, data: &[u8]) -> usize {
        let room = limits::UNSENT.saturating_sub(self.unsent());
        let Some(flow) = self.flows.get_mut(&stream) else { return 0 };
        let length = data.len().min(room).min(flow.credit as usize);
        if length == 0 {
            return 0;
        }
        flow.credit -= length as u32;
        match self.last {
            Some((of, at)) if of == stream => {
                let header = &mut self.out[at + 8..at + HEADER];
                let so_far = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
                header.copy_from_slice(&(so_far + length as u32).to_be_bytes());
            }
            _ => {
                let at = self.out.len();
                self.put_of(stream, Kind::Data, 0, length as u32);
                self.last = Some((stream, at));
            }
        }
        self.out.extend_from_slice(&data[..length]);
        length
    }

    /// Says that no more comes on a stream.
    pub(super) fn finish(&mut self, stream: u32) {
        if let Some(flow) = self.flows.get_mut(&stream)
            && !std::mem::replace(&mut flow.ours_ended, true)
            && !flow.reset
        {
            self.put_of(stream, Kind::Data, FIN, 0);
        }
    }

    /// Lets go of a stream; one that isn't at its end is reset.
    pub(super) fn release(&mut self, stream: u32) {
        let Some(flow) = self.flows.get(&stream) else { return };
        if !flow.reset && !flow.ours_ended {
            self.put_of(stream, Kind::Window, RST, 0);
        }
        if let Some(flow) = self.flows.remove(&stream) {
            self.unread -= flow.unread.len();
        }
        self.account();
        self.wake();
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
            // It isn't listened to.
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

    fn put(&mut self, header: Header) {
        header.put(&mut self.out);
        self.last = None;
    }

    /// A frame of a stream: the first says that the stream was taken.
    fn put_of(&mut self, stream: u32, kind: Kind, flags: u16, length: u32) {
        let fresh = self.flows.get_mut(&stream).is_some_and(|flow| !std::mem::replace(&mut flow.acknowledged, true));
        self.put(Header { kind, flags: flags | if fresh { ACK } else { 0 }, stream, length });
    }

    fn seal(&mut self) -> std::io::Result<()> {
        self.last = None;
        self.channel.seal(&self.out)?;
        self.out.clear();
        shed(&mut self.out);
        Ok(())
    }

    fn unsent(&self) -> usize {
        self.out.len() + self.channel.unsent()
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
