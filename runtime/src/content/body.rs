//! The body of an answer: whole, or line by line.
//!
//! What must stay true: however long it is, what of it is in memory is bounded.

use super::ContentError;
use super::http::{Answer, SMALL};

impl Answer<'_> {
    /// The whole of a small body.
    pub(crate) async fn small(self) -> Result<Vec<u8>, ContentError> {
        self.whole(SMALL).await
    }

    /// The whole of a body of at most `limit` bytes.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, ContentError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(self.long(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// A body of any length, line by line; what isn't a line's end at its end is one too.
    pub(crate) async fn lines(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        let mut held = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            held.extend_from_slice(&chunk);
            let mut start = 0;
            while let Some(length) = held[start..].iter().position(|byte| *byte == b'\n') {
                take(&held[start..start + length])?;
                start += length + 1;
            }
            held.drain(..start);
            if held.len() > SMALL {
                return Err(self.long(SMALL));
            }
        }
        if held.is_empty() { Ok(()) } else { take(&held) }
    }

    /// The error that a body is which is longer than `limit` bytes.
    fn long(&self, limit: usize) -> ContentError {
        ContentError::LongBody { what: self.what().to_owned(), limit: limit as u64 }
    }
}
