//! A trustless gateway before the real node, and every way in which a source of content can be broken.
//!
//! What must stay true: a gateway that isn't told otherwise gives what the node has, as raw blocks and as CARs; one
//! fault is one fault, whoever has it, a daemon's API or a gateway.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::car::asks_for_car;
use super::proxy::{Answer, ask, before};
use super::{Fake, Request};
use crate::node::Node;

/// How a source of content is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One bit is another.
    Flipped,
    /// A block ends in its midst, and the connection with it.
    CutInBlock,
    /// One block comes, and then nothing more is answered.
    CutAtEdge,
    /// Another block of the same length.
    Wrong,
    /// The head comes, and half of the body.
    Stall,
    /// Nothing comes.
    Silence,
    /// A byte now and then.
    Trickle,
    /// HTTP status 500.
    Status500,
    /// HTTP status 404.
    Status404,
    /// A redirect to where it redirects again.
    Redirect,
    /// A head without an end.
    GiantHeader,
    /// A body without an end.
    Endless,
    /// 1 GiB of zeros in 1 MB.
    GzipBomb,
}

impl Fault {
    /// Each.
    pub const ALL: [Self; 13] = [
        Self::Flipped,
        Self::CutInBlock,
        Self::CutAtEdge,
        Self::Wrong,
        Self::Stall,
        Self::Silence,
        Self::Trickle,
        Self::Status500,
        Self::Status404,
        Self::Redirect,
        Self::GiantHeader,
        Self::Endless,
        Self::GzipBomb,
    ];

    /// Those in which something is waited for.
    pub const SLOW: [Self; 3] = [Self::Stall, Self::Silence, Self::Trickle];

    /// Answers so for the nth time; an error ends the connection.
    fn tell(self, nth: usize, mut answer: Answer, stream: &mut TcpStream) -> io::Result<()> {
        let over = || io::Error::from(io::ErrorKind::ConnectionAborted);
        let head = |rest: &str| format!("HTTP/1.1 200 Answer\r\n{rest}\r\n");
        match self {
            Self::Flipped => {
                if let Some(last) = answer.body.last_mut() {
                    *last ^= 1;
                }
                stream.write_all(&answer.bytes())
            }
            Self::Wrong => {
                answer.body.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
                stream.write_all(&answer.bytes())
            }
            Self::CutInBlock => {
                let bytes = answer.bytes();
                stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)])?;
                Err(over())
            }
            Self::CutAtEdge if nth == 0 => stream.write_all(&answer.bytes()),
            Self::CutAtEdge => Err(over()),
            Self::Stall => {
                let bytes = answer.bytes();
                stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)])?;
                silent(stream)
            }
            Self::Silence => silent(stream),
            Self::Trickle => {
                for byte in answer.bytes() {
                    stream.write_all(&[byte])?;
                    sleep(Duration::from_millis(150));
                }
                Ok(())
            }
            Self::Status500 | Self::Status404 => {
                let status = if self == Self::Status500 { 500 } else { 404 };
                let body = b"it is broken".to_vec();
                stream.write_all(&Answer { status, content_type: "text/plain".into(), body }.bytes())
            }
            Self::Redirect => {
                let to = format!("/ipfs/there?{nth}");
                write!(stream, "HTTP/1.1 302 There\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
            }
            Self::GiantHeader => {
                stream.write_all(b"HTTP/1.1 200 Answer\r\nX-Long: ")?;
                endless(stream, &[b'x'; 4096])
            }
            Self::Endless => {
                stream.write_all(head("").as_bytes())?;
                endless(stream, &[b'x'; 4096])
            }
            Self::GzipBomb => {
                let body = bomb();
                let length = body.len();
                stream
                    .write_all(head(&format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n")).as_bytes())?;
                stream.write_all(&body)
            }
        }
    }
}

/// Holds a connection until the other side ends it.
pub(super) fn silent(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink())?;
    Err(io::ErrorKind::ConnectionAborted.into())
}

fn endless(stream: &mut TcpStream, piece: &[u8]) -> io::Result<()> {
    // As much as no machine of a test should take.
    for _ in 0..(1_u32 << 20) {
        stream.write_all(piece)?;
    }
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// A member of gzip (RFC 1952) that is 1 GiB of zeros, near enough: what it decompresses to has no right sum.
fn bomb() -> Vec<u8> {
    // A block of fixed codes (RFC 1951 §3.2.6): a zero, then runs of 258 zeros at distance 1, 13 bits each.
    let mut bits = Vec::from([true, true, false]);
    let code = |bits: &mut Vec<bool>, code: u32, length: u32| {
        bits.extend((0..length).rev().map(|at| code >> at & 1 == 1));
    };
    code(&mut bits, 0x30, 8);
    let run = {
        let mut run = Vec::new();
        // 285: 258 bytes; distance code 0.
        code(&mut run, 0b1100_0101, 8);
        code(&mut run, 0, 5);
        run
    };
    for _ in 0..(1 << 30) / 258 / 8 {
        bits.extend(&run);
    }
    code(&mut bits, 0, 7);
    let packed = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    [vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], packed.collect(), vec![0; 8]].concat()
}

/// A gateway before `node`: `tell` gets every request, the right answer, and the stream to answer on.
///
/// # Errors
/// As [`Fake::new`].
pub fn gateway(
    node: &Node,
    tell: impl Fn(&Request, Answer, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Fake> {
    let socket = node.socket();
    Fake::new(move |request, stream| {
        let answer = given(&socket, request)?;
        tell(request, answer, stream)
    })
}

/// A gateway before `node` that is as it should be.
///
/// # Errors
/// As [`Fake::new`].
pub fn honest_gateway(node: &Node) -> io::Result<Fake> {
    gateway(node, |_, answer, stream| stream.write_all(&answer.bytes()))
}

/// A gateway before `node` that is broken so.
///
/// # Errors
/// As [`Fake::new`].
pub fn broken_gateway(node: &Node, fault: Fault) -> io::Result<Fake> {
    let asked = AtomicUsize::new(0);
    gateway(node, move |_, answer, stream| fault.tell(asked.fetch_add(1, Ordering::Relaxed), answer, stream))
}

/// A daemon before `node` that is broken so wherever it is asked for content.
///
/// # Errors
/// As [`Fake::new`].
pub fn broken_daemon(node: &Node, fault: Fault) -> io::Result<Fake> {
    let asked = AtomicUsize::new(0);
    before(node, move |request, answer, stream| match request.is_for_content() {
        true => fault.tell(asked.fetch_add(1, Ordering::Relaxed), answer, stream),
        false => stream.write_all(&answer.bytes()),
    })
}

/// What a gateway with the node's blocks answers (trustless gateway specification).
fn given(socket: &str, request: &Request) -> io::Result<Answer> {
    let none = || Answer { status: 404, content_type: "text/plain".into(), body: b"not found".to_vec() };
    let Some((_, rest)) = request.target.split_once("/ipfs/") else { return Ok(none()) };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let raw = query.contains("format=raw") || request.accepts("vnd.ipld.raw");
    let (call, kind) = match (asks_for_car(request), raw) {
        (true, _) => ("dag/export", "application/vnd.ipld.car; version=1"),
        (false, true) => ("block/get", "application/vnd.ipld.raw"),
        // What needs to be believed isn't given.
        (false, false) => return Ok(Answer { status: 406, ..none() }),
    };
    let cid = path.split('/').next().unwrap_or_default();
    let target = format!("/api/v0/{call}?arg={cid}");
    let asked = Request { method: "POST".into(), target, headers: vec![], body: vec![] };
    let answer = ask(socket, &asked)?;
    Ok(if answer.status == 200 { Answer { content_type: kind.into(), ..answer } } else { none() })
}
