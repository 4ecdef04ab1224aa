//! What goes: frames, put together in one buffer, and sealed when they are sent.
//!
//! What must stay true: no more is queued than [`limits::UNSENT`], and no more of a stream than its peer has room for.

use super::Mux;
use crate::peers::limits;
use crate::peers::tcp::channel::shed;
use crate::peers::tcp::frame::{ACK, FIN, HEADER, Header, Kind, RST};

impl Mux {
    /// Queues data of a stream, as much as there is room for.
    pub(in crate::peers::tcp) fn write(&mut self, stream: u32, data: &[u8]) -> usize {
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
    pub(in crate::peers::tcp) fn finish(&mut self, stream: u32) {
        if let Some(flow) = self.flows.get_mut(&stream)
            && !std::mem::replace(&mut flow.ours_ended, true)
            && !flow.reset
        {
            self.put_of(stream, Kind::Data, FIN, 0);
        }
    }

    /// Lets go of a stream; one that isn't at its end is reset.
    pub(in crate::peers::tcp) fn release(&mut self, stream: u32) {
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

    pub(super) fn put(&mut self, header: Header) {
        header.put(&mut self.out);
        self.last = None;
    }

    /// A frame of a stream: the first says that the stream was taken.
    pub(super) fn put_of(&mut self, stream: u32, kind: Kind, flags: u16, length: u32) {
        let fresh = self.flows.get_mut(&stream).is_some_and(|flow| !std::mem::replace(&mut flow.acknowledged, true));
        self.put(Header { kind, flags: flags | if fresh { ACK } else { 0 }, stream, length });
    }

    pub(super) fn seal(&mut self) -> std::io::Result<()> {
        self.last = None;
        self.channel.seal(&self.out)?;
        self.out.clear();
        shed(&mut self.out);
        Ok(())
    }

    pub(super) fn unsent(&self) -> usize {
        self.out.len() + self.channel.unsent()
    }
}
