//! A daemon that asks the real node and changes what it answers.
//!
//! What must stay true: what isn't changed arrives as the node sent it, so that a case fails for the
//! change alone. The node's configuration isn't told, so that nobody goes around it by the gateway.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;

use super::request::{Request, body, headers};
use super::{Fake, bounded};
use crate::node::Node;

/// An answer of HTTP, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `200`.
    pub status: u16,
    /// What kind of body it is.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// As bytes, the length told truly.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.claiming(self.body.len())
    }

    /// As bytes, with a length that may be another.
    #[must_use]
    pub fn claiming(&self, length: usize) -> Vec<u8> {
        let (status, kind) = (self.status, &self.content_type);
        let head = format!("HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// Whether the body has this in it.
    #[must_use]
    pub fn has(&self, what: &[u8]) -> bool {
        self.find(what).is_some()
    }

    fn find(&self, what: &[u8]) -> Option<usize> {
        self.body.windows(what.len()).position(|window| window == what)
    }

    /// Changes one bit of the last byte of `what`, where the body has it.
    pub fn flip(&mut self, what: &[u8]) {
        if let Some(at) = self.find(what) {
            self.body[at + what.len() - 1] ^= 1;
        }
    }
}

/// A daemon before `node`: `tell` gets every request, the node's answer, and the stream to answer on.
///
/// # Errors
/// As [`Fake::new`].
pub fn before(
    node: &Node,
    tell: impl Fn(&Request, Answer, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Fake> {
    let socket = node.socket();
    Fake::new(move |request, stream| {
        if request.target.starts_with("/api/v0/config") {
            return stream.write_all(&json(500, r#"{"Message":"not told","Code":0,"Type":"error"}"#).bytes());
        }
        tell(request, ask(&socket, request)?, stream)
    })
}

/// A daemon before `node` that changes nothing but where its gateway is.
///
/// # Errors
/// As [`Fake::new`].
pub fn with_gateway(node: &Node, gateway: &str) -> io::Result<Fake> {
    let (socket, gateway) = (node.socket(), gateway.to_owned());
    Fake::new(move |request, stream| {
        if request.target.starts_with("/api/v0/config") {
            let setting = format!(r#"{{"Key":"Addresses.Gateway","Value":"{gateway}"}}"#);
            return stream.write_all(&json(200, &setting).bytes());
        }
        stream.write_all(&ask(&socket, request)?.bytes())
    })
}

fn json(status: u16, body: &str) -> Answer {
    Answer { status, content_type: "application/json".into(), body: body.into() }
}

/// What the real node answers.
pub(super) fn ask(socket: &str, request: &Request) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(socket)?;
    bounded(&stream)?;
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {socket}\r\nConnection: close\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        if !["host", "connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            head += &format!("{name}: {value}\r\n");
        }
    }
    head += &format!("Content-Length: {}\r\n\r\n", request.body.len());
    stream.write_all(&[head.as_bytes(), &request.body].concat())?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    io::BufRead::read_line(&mut reader, &mut first)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let headers = headers(&mut reader)?;
    let body = body(&mut reader, &headers, true)?;
    let kind = headers.into_iter().find(|(name, _)| name == "content-type");
    Ok(Answer { status, content_type: kind.map_or_else(|| "text/plain".into(), |(_, value)| value), body })
}
