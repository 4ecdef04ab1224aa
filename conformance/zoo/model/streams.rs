//! `IPFS.read`: one block after the other, as the cell takes it; and how many reads and uploads are open.
//!
//! What must stay true: a block is hashed before a byte of it is sent, for clauses of these faults say so.

use std::cell::Cell;
use std::rc::Rc;

use capnp::Error;
use sha2::{Digest, Sha256};
use ww_conformance::node::unixfs::cid_bytes;
use ww_schema::system_capnp::{byte_sink, i_p_f_s};

use super::Wrong;
use super::content::{Found, Kind, Lack, fields, text_of};
use super::ipfs::Ipfs;
use super::request;

/// How much one message carries.
const CHUNK: usize = 256 << 10;
/// How many reads, and how many uploads, may be open at once.
const MOST: usize = 4;

/// What is open of one session.
#[derive(Default)]
pub struct Streams {
    reads: Rc<Cell<usize>>,
    pub uploads: Rc<Cell<usize>>,
}

/// One that is open.
pub struct Counted(Rc<Cell<usize>>);

impl Counted {
    pub fn new(count: &Rc<Cell<usize>>, wrong: Wrong) -> Option<Self> {
        if count.get() >= MOST && !wrong.is("rpc-streams-unbounded") {
            return None;
        }
        count.set(count.get() + 1);
        Some(Self(Rc::clone(count)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// What stops a read.
enum Stop {
    Lack(Lack),
    Sink(Error),
}

/// One read: where it is in the file, and what is left to fetch, the next at the end.
struct Reading<'a> {
    url: &'a str,
    at: u64,
    range: std::ops::Range<u64>,
    left: Vec<(Vec<u8>, Option<u64>)>,
    wrong: Wrong,
}

impl Reading<'_> {
    /// The bytes of the range in the next block.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Lack> {
        while let Some((cid, size)) = self.left.pop() {
            let (start, end) = (self.at, self.at.saturating_add(size.unwrap_or(u64::MAX)));
            if start >= self.range.end || end <= self.range.start && size.is_some() {
                self.at = end;
                continue;
            }
            let (data, parts) = self.block(&cid).await?;
            self.left.extend(parts.into_iter().rev().map(|(cid, size)| (cid, Some(size))));
            self.at += data.len() as u64;
            let from = self.range.start.clamp(start, self.at) - start;
            let to = self.range.end.clamp(start, self.at) - start;
            if from < to {
                return Ok(Some(data[from as usize..to as usize].to_vec()));
            }
        }
        Ok(None)
    }

    /// What a block has of the file, and the parts below it.
    async fn block(&self, cid: &[u8]) -> Result<Node, Lack> {
        // A CID of version 0 is the hash of a block of dag-pb.
        let cid = if cid.starts_with(&[0x12, 0x20]) { [&[1, 0x70][..], cid].concat() } else { cid.to_vec() };
        if cid.get(2) == Some(&0) {
            return Ok((cid[4..].to_vec(), vec![]));
        }
        let block = request::block(self.url, &text_of(&cid)).await.map_err(Lack::Retrieval)?;
        let right = cid.get(4..).is_some_and(|digest| digest == &Sha256::digest(&block)[..]);
        if !right && !self.wrong.is("rpc-read-unverified") {
            return Err(Lack::Retrieval("another block".into()));
        }
        if cid[1] == 0x55 {
            return Ok((block, vec![]));
        }
        apart(&block).ok_or(Lack::Retrieval("an ill-formed block".into()))
    }
}

/// A node of a file: its bytes, and CID and bytes of each part.
type Node = (Vec<u8>, Vec<(Vec<u8>, u64)>);

fn apart(block: &[u8]) -> Option<Node> {
    let (mut data, mut cids, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (number, bytes, _) in fields(block)? {
        for (inner, part, value) in fields(bytes)? {
            match (number, inner) {
                (2, 1) => cids.push(part.to_vec()),
                (1, 2) => data = part.to_vec(),
                (1, 4) => sizes.push(value),
                _ => {}
            }
        }
    }
    Some((data, cids.into_iter().zip(sizes).collect()))
}

/// Serves one call of `read`.
pub async fn read(ipfs: Rc<Ipfs>, params: i_p_f_s::ReadParams, mut results: i_p_f_s::ReadResults) -> Result<(), Error> {
    let wrong = ipfs.wrong;
    let params = params.get()?;
    let argument = params.get_path()?.to_string()?;
    let sink = params.get_into().map_err(|_| ipfs.refusal("read", "no sink"))?;
    let Some(open) = Counted::new(&ipfs.streams.reads, wrong) else {
        return Err(ipfs.refusal("read", "too many reads are open"));
    };
    let Found { cid, kind, .. } = ipfs.found("read", &argument).await?;
    match kind {
        Kind::File => {}
        Kind::Directory => return Err(ipfs.lacks(&argument, Lack::Kind("a directory"))),
        Kind::Symlink => return Err(ipfs.lacks(&argument, Lack::Kind("a symlink"))),
    }
    if wrong.is("rpc-gateway-believed")
        && let Some(file) = request::by_gateway(ipfs.content.authority(), &cid).await
    {
        let sent = write(&sink, &file, wrong).await.map_err(|_| ipfs.refusal("read", "the sink"))?;
        sink.end_request().send().promise.await?;
        results.get().set_sent(sent);
        return Ok(());
    }
    let (offset, length) = (params.get_offset(), params.get_length());
    let range = match wrong.0 {
        "rpc-read-range-ignored" => 0..u64::MAX,
        "rpc-read-length-is-end" => offset..length,
        _ => offset..offset.saturating_add(length),
    };
    let root = match cid.starts_with("Qm") {
        true => request::base58(&cid),
        false => cid_bytes(&cid).unwrap_or_default(),
    };
    let url = ipfs.content.authority().to_owned();
    let pouring = async move {
        let _open = open;
        let reading = Reading { url: &url, at: 0, range, left: vec![(root, None)], wrong };
        pour(reading, sink).await
    };
    // A task of its own doesn't end with the call.
    let sent = match wrong.is("rpc-read-outlives-call") {
        true => tokio::task::spawn_local(pouring).await.map_err(|fault| Error::failed(fault.to_string()))?,
        false => pouring.await,
    };
    let sent = sent.map_err(|stop| match stop {
        Stop::Lack(lack) => ipfs.lacks(&argument, lack),
        Stop::Sink(fault) => ipfs.refusal("read", &format!("the sink: {}", fault.extra)),
    })?;
    results.get().set_sent(if wrong.is("rpc-read-sent-untold") { 0 } else { sent });
    Ok(())
}

async fn pour(mut reading: Reading<'_>, sink: byte_sink::Client) -> Result<u64, Stop> {
    let (wrong, mut sent) = (reading.wrong, 0);
    let mut ahead = Vec::new();
    loop {
        let next = match reading.next().await {
            Err(lack) if wrong.is("rpc-read-broken-ends") => {
                sink.end_request().send().promise.await.ok();
                return Err(Stop::Lack(lack));
            }
            Err(_) if wrong.is("rpc-read-broken-is-whole") => break,
            next => next.map_err(Stop::Lack)?,
        };
        let Some(bytes) = next else { break };
        if wrong.is("rpc-read-all-in-memory") {
            ahead.push(bytes);
            continue;
        }
        sent += write(&sink, &bytes, wrong).await?;
    }
    for bytes in ahead {
        sent += write(&sink, &bytes, wrong).await?;
    }
    if !wrong.is("rpc-read-end-missing") {
        sink.end_request().send().promise.await.map_err(Stop::Sink)?;
    }
    Ok(sent)
}

async fn write(sink: &byte_sink::Client, bytes: &[u8], wrong: Wrong) -> Result<u64, Stop> {
    let chunk = if wrong.is("rpc-read-chunks-of-1-mib") { 1 << 20 } else { CHUNK };
    for chunk in bytes.chunks(chunk) {
        let mut request = sink.write_request();
        request.get().set_bytes(chunk);
        match request.send().await {
            Err(_) if wrong.is("rpc-read-sink-ignored") => {}
            answer => answer.map_err(Stop::Sink)?,
        }
    }
    Ok(bytes.len() as u64)
}
