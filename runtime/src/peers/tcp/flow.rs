//! One stream of a connection, as the connection has it: what came on it, what may be sent, who waits.

use std::collections::VecDeque;
use std::task::Waker;

use super::frame::WINDOW;

/// A queue with more room than this is given back when it is empty.
const KEPT: usize = 256;
/// One with more bytes than this has room for so many more, and not twice as much: what is counted is the bytes.
const STEP: usize = 16 << 10;

/// A stream.
pub(super) struct Flow {
    pub(super) unread: VecDeque<u8>,
    /// What the peer may still send, and what was taken of it since it was last told.
    pub(super) window: u32,
    taken: u32,
    /// What we may still send.
    pub(super) credit: u32,
    pub(super) acknowledged: bool,
    pub(super) ours_ended: bool,
    pub(super) theirs_ended: bool,
    pub(super) reset: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Flow {
    pub(super) fn new() -> Flow {
        Flow {
            unread: VecDeque::new(),
            window: WINDOW,
            taken: 0,
            credit: WINDOW,
            acknowledged: false,
            ours_ended: false,
            theirs_ended: false,
            reset: false,
            reader: None,
            writer: None,
        }
    }

    /// Keeps bytes that came.
    pub(super) fn keep(&mut self, part: &[u8]) {
        let length = self.unread.len() + part.len();
        if length > self.unread.capacity().max(STEP) {
            self.unread.reserve_exact(part.len().next_multiple_of(STEP));
        }
        self.unread.extend(part);
    }

    /// Moves bytes that came.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let length = buffer.len().min(self.unread.len());
        let (front, back) = self.unread.as_slices();
        let first = front.len().min(length);
        buffer[..first].copy_from_slice(&front[..first]);
        buffer[first..length].copy_from_slice(&back[..length - first]);
        self.unread.drain(..length);
        if self.unread.is_empty() && self.unread.capacity() > KEPT {
            self.unread = VecDeque::new();
        }
        self.taken += length as u32;
        length
    }

    /// How much more the peer may send, where that is enough to tell it.
    pub(super) fn grown(&mut self) -> u32 {
        if self.taken < WINDOW / 2 || self.theirs_ended || self.reset {
            return 0;
        }
        self.window += self.taken;
        std::mem::take(&mut self.taken)
    }

    /// The connection has ended under it.
    pub(super) fn cut(&mut self) {
        self.reset = true;
        self.wake();
    }

    pub(super) fn wake(&mut self) {
        self.wake_reader();
        self.wake_writer();
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_about_what_is_in_it() {
        let mut flow = Flow::new();
        let mut wanted = Vec::new();
        for (at, size) in [100, 12_000, 9_000, 16_384, 1, 32_768, 100_000, 3].into_iter().cycle().take(40).enumerate() {
            let part = vec![at as u8; size];
            flow.keep(&part);
            wanted.extend(part);
            let (has, room) = (flow.unread.len(), flow.unread.capacity());
            assert!(room <= has + STEP || room <= 2 * STEP, "{has} {room}");
        }
        let mut came = vec![0; wanted.len()];
        assert_eq!(flow.take(&mut came), wanted.len());
        assert!(came == wanted && flow.unread.capacity() == 0);
    }
}
