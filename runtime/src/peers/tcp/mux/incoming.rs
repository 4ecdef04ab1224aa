//! What comes: frames, taken apart as they do, each byte handed to its stream at once.
//!
//! What must stay true: a frame that breaks the protocol ends its connection; what isn't taken is counted.

use super::Mux;
use crate::peers::life::Why;
use crate::peers::limits;
use crate::peers::tcp::channel::shed;
use crate::peers::tcp::flow::Flow;
use crate::peers::tcp::frame::{ACK, FIN, HEADER, Header, Kind, RST, SYN};

impl Mux {
    /// Looks at what came, frame by frame.
    pub(super) fn take_apart(&mut self) -> Result<(), Why> {
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

    pub(super) fn frame(&mut self, header: Header) -> Result<(), Why> {
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

    pub(super) fn open(&mut self, stream: u32) -> Result<(), Why> {
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
    pub(super) fn deliver(&mut self, stream: u32, part: &[u8], last: bool) {
        let Some(flow) = self.flows.get_mut(&stream) else { return };
        if !flow.reset {
            flow.keep(part);
            self.unread += part.len();
        }
        flow.theirs_ended |= last;
        flow.wake_reader();
    }

    /// Takes bytes that came on a stream.
    pub(in crate::peers::tcp) fn take(&mut self, stream: u32, buffer: &mut [u8]) -> usize {
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
}
