//! Gateways and the CARs that they give of whole trees: broken, each in one way, while their blocks are right; slow; or none.
//!
//! What must stay true: where a fault leaves something of a CAR, it is the node's; a block that nobody asked for is a right
//! block of its CID all the same, so that hashing it tells nothing.
//! Reference: <https://ipld.io/specs/transport/car/carv1/>.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::gateway::{gateway, silent};
use super::proxy::Answer;
use super::{Fake, Request};
use crate::node::{Node, unixfs};

/// How a gateway's CARs are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarFault {
    /// It gives none (HTTP status 406).
    Refused,
    /// Something else under the name.
    Page,
    /// No block.
    Empty,
    /// The answer ends in a block, and says that this is its end.
    CutInBlock,
    /// It ends between two blocks.
    CutAtEdge,
    /// Half of it comes.
    Stall,
    /// A block in its midst belongs to nothing.
    Stranger,
    /// It is of another tree.
    Another,
    /// Its last block comes again without an end.
    Endless,
    /// A part is longer than memory.
    Long,
    /// Each block comes before what links to it.
    Reversed,
}

impl CarFault {
    /// Each.
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::Page,
        Self::Empty,
        Self::CutInBlock,
        Self::CutAtEdge,
        Self::Stall,
        Self::Stranger,
        Self::Another,
        Self::Endless,
        Self::Long,
        Self::Reversed,
    ];

    fn tell(self, stranger: &[u8], mut answer: Answer, stream: &mut TcpStream) -> io::Result<()> {
        let parts: Vec<Vec<u8>> = parts(&answer.body).into_iter().map(<[u8]>::to_vec).collect();
        let middle = parts.len() / 2;
        let mut left = parts.clone();
        match self {
            Self::Refused => {
                let none = Answer { status: 406, content_type: "text/plain".into(), body: b"no CARs here".to_vec() };
                return stream.write_all(&none.bytes());
            }
            Self::Page => left = vec![b"<!DOCTYPE html>\n<title>Busy</title>\n".repeat(9)],
            Self::Empty => left.truncate(1),
            Self::CutInBlock => {
                left.truncate(middle);
                let half = parts[middle].len() / 2;
                left.push(parts[middle][..half].to_vec());
            }
            Self::CutAtEdge => left.truncate(middle),
            Self::Stall => {
                let whole = answer.bytes();
                stream.write_all(&whole[..whole.len() - answer.body.len() / 2])?;
                return silent(stream);
            }
            Self::Stranger => left.insert(middle, stranger.to_vec()),
            Self::Another => left.splice(1.., [stranger.to_vec()]).for_each(drop),
            Self::Endless => {
                stream.write_all(&answer.claiming(1 << 40))?;
                let last = parts.last().map(Vec::as_slice).unwrap_or_default().repeat(100);
                return (0..100_000).try_for_each(|_| stream.write_all(&last));
            }
            Self::Long => left.insert(middle, [vec![0xff; 8], vec![0x7f], vec![b'x'; 1 << 20]].concat()),
            Self::Reversed => left[1..].reverse(),
        }
        answer.body = left.concat();
        stream.write_all(&answer.bytes())
    }
}

/// A gateway before `node` whose blocks are right and whose CARs are broken so; `stranger` is a raw block, and its CID's
/// text, that it may send without being asked.
///
/// # Errors
/// As [`Fake::new`].
pub fn broken_cars(node: &Node, fault: CarFault, stranger: (&str, &[u8])) -> io::Result<Fake> {
    let (cid, block) = stranger;
    let part = [unixfs::cid_bytes(cid).ok_or(io::ErrorKind::InvalidInput)?, block.to_vec()].concat();
    let part = [unixfs::varint(part.len() as u64), part].concat();
    gateway(node, move |request, answer, stream| match asks_for_car(request) {
        true => fault.tell(&part, answer, stream),
        false => stream.write_all(&answer.bytes()),
    })
}

/// A gateway before `node` that gives blocks and no CARs.
///
/// # Errors
/// As [`Fake::new`].
pub fn blocks_alone(
    node: &Node,
    tell: impl Fn(Answer, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Fake> {
    gateway(node, move |request, answer, stream| match asks_for_car(request) {
        true => CarFault::Refused.tell(&[], answer, stream),
        false => tell(answer, stream),
    })
}

/// A gateway before `node` that takes this long before each part of a CAR, and before each block by itself.
///
/// # Errors
/// As [`Fake::new`].
pub fn slow_parts(node: &Node, pause: Duration) -> io::Result<Fake> {
    gateway(node, move |request, answer, stream| {
        if !asks_for_car(request) {
            sleep(pause);
            return stream.write_all(&answer.bytes());
        }
        let head = answer.bytes().len() - answer.body.len();
        stream.write_all(&answer.bytes()[..head])?;
        parts(&answer.body).into_iter().try_for_each(|part| {
            sleep(pause);
            stream.write_all(part)
        })
    })
}

/// Whether a CAR is wanted, by the parameter or by the media type (trustless gateway specification).
pub(super) fn asks_for_car(request: &Request) -> bool {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    query.contains("format=car") || !query.contains("format=raw") && request.accepts("vnd.ipld.car")
}

/// A CAR's header, and each of its blocks with its length and CID.
fn parts(car: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), car);
    while let Some(end) = rest.iter().position(|byte| byte & 0x80 == 0) {
        let length = rest[..=end].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        let (part, after) = rest.split_at((end + 1 + length).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_car_is_the_sum_of_its_parts() {
        let long = [vec![0x80, 0x02], vec![7; 256]].concat();
        let car = [&b"\x03abc"[..], &long, b"\x01x"].concat();
        assert_eq!(parts(&car), [&b"\x03abc"[..], &long, b"\x01x"]);
        assert_eq!(parts(b""), Vec::<&[u8]>::new());
    }
}
