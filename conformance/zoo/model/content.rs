//! What a content path leads to, asked of the daemon: by its CID, then by the block itself.

use futures::TryStreamExt;
use ipfs_api_backend_hyper::request::{Add, Ls};
use ipfs_api_backend_hyper::{IpfsApi, IpfsClient, TryFromUri};
use ipfs_api_prelude::{ApiRequest, Backend};
use serde::{Deserialize, Serialize};
use ww_conformance::node::unixfs::cid_bytes;

/// Content behind an endpoint.
pub struct Content {
    url: String,
}

/// Why there is none: nothing that can be had, or another kind of node.
pub enum Lack {
    Retrieval(String),
    Kind(&'static str),
}

/// A node of a kind that methods know.
pub struct Found {
    pub cid: String,
    pub kind: Kind,
    /// Bytes of content.
    pub size: u64,
    /// Bytes of all blocks.
    pub cumulative: u64,
    /// Name, bytes of all blocks below, CID.
    pub links: Vec<(String, u64, String)>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
}

/// `resolve`, as Kubo has it.
#[derive(Serialize)]
struct Resolve<'a> {
    arg: &'a str,
}

impl ApiRequest for Resolve<'_> {
    const PATH: &'static str = "/resolve";
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resolved {
    path: String,
}

/// Whether a text is a CID: `Qm…` or base 32 of version 1.
pub fn is_cid(text: &str) -> bool {
    let zero = text.len() == 46 && text.starts_with("Qm") && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    zero || cid_bytes(text).is_some_and(|bytes| bytes.len() > 4 && bytes[0] == 1)
}

/// A content path in its long form; `None` where it isn't one.
pub fn path(text: &str) -> Option<String> {
    match text.strip_prefix('/')?.split('/').collect::<Vec<_>>()[..] {
        ["ipfs", cid, ..] if is_cid(cid) => Some(text.to_owned()),
        ["ipns", name, ..] if !name.is_empty() => Some(text.to_owned()),
        _ => None,
    }
}

impl Content {
    pub fn at(endpoint: &str) -> Self {
        let url = match endpoint.split('/').collect::<Vec<_>>()[..] {
            ["", "ip6", host, "tcp", port, ..] => format!("http://[{host}]:{port}"),
            ["", _, host, "tcp", port, ..] => format!("http://{host}:{port}"),
            _ => endpoint.to_owned(),
        };
        Self { url }
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn client(&self) -> Result<IpfsClient, Lack> {
        IpfsClient::from_str(&self.url).map_err(lack)
    }

    pub async fn version(&self) -> Result<(), Lack> {
        self.client()?.version().await.map(|_| ()).map_err(lack)
    }

    /// What a path leads to.
    pub async fn found(&self, path: &str) -> Result<Found, Lack> {
        let client = self.client()?;
        let named = path.strip_prefix("/ipfs/").filter(|cid| is_cid(cid));
        let cid = match named {
            Some(cid) => cid.to_owned(),
            None => {
                let resolved: Resolved = client.request(Resolve { arg: path }, None).await.map_err(lack)?;
                resolved.path.trim_start_matches("/ipfs/").to_owned()
            }
        };
        let bytes = cid_bytes(&cid).unwrap_or_default();
        let codec = if cid.starts_with("Qm") { 0x70 } else { bytes.get(1).copied().unwrap_or(0) };
        let block = match inline(&bytes) {
            Some(content) => content.to_vec(),
            None => {
                let parts = client.block_get(&cid).map_ok(|part| part.to_vec()).try_collect::<Vec<_>>();
                parts.await.map_err(lack)?.concat()
            }
        };
        let own = block.len() as u64;
        match codec {
            0x55 => Ok(Found { cid, kind: Kind::File, size: own, cumulative: own, links: vec![] }),
            0x70 => dag_pb(cid, &block).ok_or(Lack::Retrieval("an ill-formed block".into())),
            _ => Err(Lack::Kind("another codec")),
        }
    }

    /// A whole file.
    pub async fn file(&self, cid: &str) -> Result<Vec<u8>, Lack> {
        if let Some(content) = inline(&cid_bytes(cid).unwrap_or_default()) {
            return Ok(content.to_vec());
        }
        let client = self.client()?;
        let parts = client.cat(cid).map_ok(|part| part.to_vec()).try_collect::<Vec<_>>().await.map_err(lack)?;
        Ok(parts.concat())
    }

    /// Names in a directory, with type, bytes and CID.
    pub async fn entries(&self, cid: &str) -> Result<Vec<(String, Kind, u64, String)>, Lack> {
        let client = self.client()?;
        let request = Ls { path: cid, resolve_type: Some(true), size: Some(true), stream: None };
        let answers = client.ls_with_options(request).try_collect::<Vec<_>>().await.map_err(lack)?;
        let links = answers.into_iter().flat_map(|answer| answer.objects).flat_map(|object| object.links);
        let kind = |number| match number {
            1 | 5 => Kind::Directory,
            4 => Kind::Symlink,
            _ => Kind::File,
        };
        Ok(links.map(|link| (link.name, kind(link.typ), link.size, link.hash)).collect())
    }

    /// Stores a file, with the profile that clauses name, or in leaves of another size.
    pub async fn add(&self, data: Vec<u8>, pin: bool, chunker: &str) -> Result<String, Lack> {
        let client = self.client()?;
        let options = Add {
            pin: Some(pin),
            cid_version: Some(1),
            raw_leaves: Some(true),
            chunker: Some(chunker),
            ..Add::default()
        };
        let added = client.add_with_options(std::io::Cursor::new(data), options).await.map_err(lack)?;
        Ok(added.hash)
    }
}

fn lack(fault: impl std::fmt::Display) -> Lack {
    Lack::Retrieval(fault.to_string().replace('\n', " "))
}

/// Content that a CID of version 1 has within itself.
fn inline(cid: &[u8]) -> Option<&[u8]> {
    cid.get(2).filter(|hash| **hash == 0)?;
    cid.get(4..4 + usize::from(*cid.get(3)?))
}

/// The fields of a message of protobuf: number, then bytes or a number.
pub(super) fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8], u64)>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = varint(&mut message)?;
        let bytes = match key & 7 {
            0 => &[],
            2 => {
                let (bytes, rest) = message.split_at_checked(usize::try_from(value).ok()?)?;
                message = rest;
                bytes
            }
            _ => return None,
        };
        found.push((key >> 3, bytes, value));
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A node of dag-pb, read as UnixFS.
pub fn dag_pb(cid: String, block: &[u8]) -> Option<Found> {
    let mut found = Found { cid, kind: Kind::File, size: 0, cumulative: block.len() as u64, links: vec![] };
    for (number, bytes, _) in fields(block)? {
        if number == 2 {
            let (mut name, mut size, mut target) = (String::new(), 0, String::new());
            for (number, bytes, value) in fields(bytes)? {
                match number {
                    1 => target = text_of(bytes),
                    2 => name = String::from_utf8_lossy(bytes).into_owned(),
                    _ => size = value,
                }
            }
            found.cumulative += size;
            found.links.push((name, size, target));
        } else {
            for (number, bytes, value) in fields(bytes)? {
                match (number, value) {
                    (1, 1 | 5) => found.kind = Kind::Directory,
                    (1, 4) => found.kind = Kind::Symlink,
                    (2, _) if found.kind == Kind::Symlink => found.links = vec![(text(bytes), 0, String::new())],
                    (3, size) => found.size = size,
                    _ => {}
                }
            }
        }
    }
    if found.kind == Kind::Directory {
        found.size = 0;
    }
    Some(found)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A CID of version 1 in base 32; one of version 0 is left in hexadecimal, for nobody asks.
pub(super) fn text_of(cid: &[u8]) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    if cid.first() != Some(&1) {
        return cid.iter().map(|byte| format!("{byte:02x}")).collect();
    }
    let (mut text, mut held, mut bits) = (String::from("b"), 0_u32, 0);
    for byte in cid {
        held = (held << 8 | u32::from(*byte)) & 0xffff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}
