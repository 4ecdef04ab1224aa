//! A daemon that has what a test gives it: the three answers of the Kubo API that these tests need.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use cid::Cid;
use cid::multihash::Multihash;
use sha2::{Digest, Sha256};
use ww::content::{Content, Timeouts};
use ww::endpoint::Endpoint;

const RAW: u64 = 0x55;
const DAG_PB: u64 = 0x70;

/// Blocks by CID, and blocks for which it answers nothing.
#[derive(Clone, Default)]
pub struct Blocks {
    held: HashMap<String, Vec<u8>>,
    silent: Vec<String>,
}

impl Blocks {
    /// A file of one raw block.
    pub fn raw(&mut self, data: &[u8]) -> Cid {
        self.put(RAW, data.to_vec())
    }

    /// A CID that the daemon searches for ever.
    pub fn silent(&mut self) -> Cid {
        let cid = cid(RAW, b"nobody has this");
        self.silent.push(cid.to_string());
        cid
    }

    /// A UnixFS directory (dag-pb: links in field 2, data in field 1; UnixFS: type in field 1).
    pub fn directory(&mut self, entries: &[(&str, Cid, u8)]) -> Cid {
        let mut block = Vec::new();
        for (name, cid, size) in entries {
            let hash = cid.to_bytes();
            let mut link = vec![0x0a, hash.len() as u8];
            link.extend(hash);
            link.extend([0x12, name.len() as u8]);
            link.extend(name.as_bytes());
            link.extend([0x18, *size]);
            block.extend([0x12, link.len() as u8]);
            block.extend(link);
        }
        block.extend([0x0a, 2, 0x08, 1]);
        self.put(DAG_PB, block)
    }

    /// A UnixFS symlink.
    pub fn symlink(&mut self, target: &str) -> Cid {
        let mut data = vec![0x08, 4, 0x12, target.len() as u8];
        data.extend(target.as_bytes());
        let mut block = vec![0x0a, data.len() as u8];
        block.extend(data);
        self.put(DAG_PB, block)
    }

    /// A file of as many raw blocks of 1 MiB as `megabytes`, all alike.
    pub fn file(&mut self, megabytes: usize) -> Cid {
        let leaf = self.raw(&vec![b'm'; 1 << 20]);
        self.put(DAG_PB, tree(&leaf, megabytes))
    }

    fn put(&mut self, codec: u64, block: Vec<u8>) -> Cid {
        let cid = cid(codec, &block);
        self.held.insert(cid.to_string(), block);
        cid
    }

    /// Serves them for the rest of the process. The port.
    pub fn serve(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let blocks = Arc::new(self);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let blocks = blocks.clone();
                std::thread::spawn(move || blocks.answer(connection));
            }
        });
        port
    }

    fn answer(&self, connection: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(connection.try_clone().ok()?);
        loop {
            let mut request = String::new();
            reader.read_line(&mut request).ok().filter(|read| *read > 0)?;
            let mut body = vec![0; 0];
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok()?;
                if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    body.resize(length.trim().parse().ok()?, 0);
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.read_exact(&mut body).ok()?;
            let wanted = request.split(['?', '&', ' ']).find_map(|part| part.strip_prefix("arg="));
            if wanted.is_some_and(|wanted| self.silent.iter().any(|silent| silent == wanted)) {
                // Until the other side has enough.
                reader.read_to_end(&mut body).ok()?;
                return None;
            }
            let (status, body) = match wanted.and_then(|wanted| self.held.get(wanted)) {
                Some(block) => ("200 OK", block.clone()),
                None if request.contains("/api/v0/add") => {
                    let file = added(multipart_file(&body)?);
                    ("200 OK", format!("{{\"Name\":\"file\",\"Hash\":\"{file}\",\"Size\":\"0\"}}\n").into_bytes())
                }
                None => {
                    let error = r#"{"Message":"block was not found locally (offline)","Code":0,"Type":"error"}"#;
                    ("500 Internal Server Error", error.into())
                }
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let mut connection = &connection;
            connection.write_all(&[head.as_bytes(), &body].concat()).ok()?;
        }
    }
}

/// The root of a UnixFS file that has the same MiB so many times: links (field 2: hash, no name, size), then
/// data (field 1: type, size, sizes of blocks), as Kubo writes it.
fn tree(leaf: &Cid, megabytes: usize) -> Vec<u8> {
    let mut data = [vec![0x08, 2, 0x18], varint(megabytes << 20)].concat();
    let mut block = Vec::new();
    for _ in 0..megabytes {
        data.extend([vec![0x20], varint(1 << 20)].concat());
        let hash = leaf.to_bytes();
        let link = [vec![0x0a, hash.len() as u8], hash, vec![0x12, 0, 0x18], varint(1 << 20)].concat();
        block.extend([vec![0x12, link.len() as u8], link].concat());
    }
    block.extend([vec![0x0a], varint(data.len()), data].concat());
    block
}

/// An unsigned LEB128.
fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The CID that `ipfs add` with the profile `unixfs-v1-2025` names, of data that is as long as a block at
/// most, or one MiB again and again.
pub fn added(data: &[u8]) -> Cid {
    match data.len() >> 20 {
        0 => cid(RAW, data),
        megabytes => cid(DAG_PB, &tree(&cid(RAW, &data[..1 << 20]), megabytes)),
    }
}

/// The bytes between the headers of the only part and the last boundary.
fn multipart_file(body: &[u8]) -> Option<&[u8]> {
    let start = body.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let end = body.windows(4).rposition(|four| four == b"\r\n--")?;
    body.get(start..end)
}

/// Content behind a port of this machine.
pub fn content(port: u16) -> Content {
    let endpoint = Endpoint::parse(&format!("/ip4/127.0.0.1/tcp/{port}")).expect("an endpoint");
    Content::new(endpoint, Timeouts { connect: Duration::from_secs(10), idle: Duration::from_secs(2) })
}

/// A port that nobody listens on.
pub fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// CID version 1 with sha2-256.
pub fn cid(codec: u64, block: &[u8]) -> Cid {
    Cid::new_v1(codec, Multihash::wrap(0x12, &Sha256::digest(block)).expect("32 bytes"))
}

/// A CID that has its bytes inside.
pub fn identity(data: &[u8]) -> Cid {
    Cid::new_v1(RAW, Multihash::wrap(0, data).expect("64 bytes at most"))
}
