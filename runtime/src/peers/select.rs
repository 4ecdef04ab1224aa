//! multistream-select, answered: which of our protocols a peer wants to speak (github.com/multiformats/multistream-select).
//!
//! Lines, each behind its length: the name of this protocol, then proposals, until we have one of them.
//! What must stay true: however a peer sends its bytes, no more is kept than one line.
//! Clauses: P2P-01, P2P-12.

use std::io;

use super::protobuf::{put_varint, varint};

const NAME: &str = "/multistream/1.0.0";
const NO: &str = "na";
/// The longest line that is read, and how many proposals.
const LINE: usize = 256;
const PROPOSALS: usize = 16;

/// Where bytes come from and go to.
pub(super) trait Talk {
    /// Waits for bytes, and appends them. None: the end.
    async fn hear(&mut self, into: &mut Vec<u8>) -> io::Result<usize>;
    /// Sends bytes at once.
    async fn say(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Agrees on one of `ours`, whose place it gives. `heard` is what came and what was left behind the agreement.
pub(super) async fn select(talk: &mut impl Talk, heard: &mut Vec<u8>, ours: &[&str]) -> io::Result<usize> {
    let mut answers = Vec::new();
    let mut greeted = false;
    for _ in 0..=PROPOSALS {
        let said = loop {
            if let Some(line) = line(heard)? {
                break line;
            }
            if !answers.is_empty() {
                talk.say(&std::mem::take(&mut answers)).await?;
            }
            if talk.hear(heard).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let chosen = ours.iter().position(|name| said == name.as_bytes());
        match (greeted, chosen) {
            (false, _) if said == NAME.as_bytes() => {
                greeted = true;
                put_line(&mut answers, NAME);
            }
            (false, _) => break,
            (true, None) => put_line(&mut answers, NO),
            (true, Some(place)) => {
                put_line(&mut answers, ours[place]);
                talk.say(&answers).await?;
                return Ok(place);
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Takes a whole line from the front.
fn line(heard: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let Some((length, rest)) = varint(heard) else {
        return if heard.len() < 2 { Ok(None) } else { Err(io::ErrorKind::InvalidData.into()) };
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 || length > LINE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if rest.len() < length {
        return Ok(None);
    }
    let begins = heard.len() - rest.len();
    let mut line = heard[begins..begins + length].to_vec();
    heard.drain(..begins + length);
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn put_line(bytes: &mut Vec<u8>, text: &str) {
    put_varint(bytes, text.len() as u64 + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// A peer that sends so many bytes at a time.
    struct Peer<'a>(&'a [u8], usize, Vec<u8>);

    impl Talk for Peer<'_> {
        async fn hear(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.1.min(self.0.len()));
            into.extend_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }

        async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.2.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn lines(all: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        all.iter().for_each(|text| put_line(&mut bytes, text));
        bytes
    }

    fn outcome(sent: &[u8], at_once: usize) -> (io::Result<usize>, Vec<u8>, Vec<u8>) {
        let mut peer = Peer(sent, at_once, Vec::new());
        let mut heard = Vec::new();
        let chosen = select(&mut peer, &mut heard, &["/a", "/b"]).now_or_never().unwrap();
        (chosen, peer.2, heard)
    }

    #[test]
    fn one_of_ours_is_chosen_and_what_follows_is_kept() {
        let sent = [lines(&[NAME, "/x", "/b"]), b"rest".to_vec()].concat();
        for at_once in [1, 3, 100] {
            let (chosen, said, left) = outcome(&sent, at_once);
            assert_eq!(chosen.unwrap(), 1);
            assert_eq!(said, lines(&[NAME, NO, "/b"]));
            assert!(b"rest".starts_with(&left[..]));
        }
    }

    #[test]
    fn whatever_else_comes_ends_it() {
        let endless = lines(&[NAME].into_iter().chain(["/x"; 100]).collect::<Vec<_>>());
        let long = [lines(&[NAME]), vec![0xff; 300]].concat();
        for sent in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\0", b"\x80\x80", &lines(&["/b"]), &endless, &long] {
            for at_once in [1, 7, 4096] {
                assert!(outcome(sent, at_once).0.is_err());
            }
        }
    }
}
