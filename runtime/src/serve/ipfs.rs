//! `IPFS` of `system.capnp`: what a cell may do with content.
//!
//! - What it does: hands each method to its room: `files`, `pins`, `network`, `anchor`, `blocks`, `read`, `write`.
//! - What must stay true: the contract's limits hold before memory is spent, and one large thing at a time
//!   is in memory, however many a cell asks for. What comes from the cell is let go of (`drop(params)`) before a turn
//!   of the gate is waited for: a large message has a turn of its own. `guard` stands before every method.
//! - Serves: rulings 7, 13, 15, 20.

mod anchor;
mod blocks;
mod files;
mod guard;
mod network;
mod nodes;
mod pins;
mod read;
mod write;

pub(super) use guard::Guarded;

use std::rc::Rc;

use capnp::Error;
use ww_schema::system_capnp::i_p_f_s as ipfs;

use self::nodes::Nodes;
use self::pins::Pins;
use self::read::Reads;
use self::write::Uploads;
use super::gate::Gate;
use super::refusal::Refusal;
use crate::access::Access;
use crate::content::{Content, ContentError, ContentPath};

/// What `add` takes and `cat` gives at most, and any other answer, in bytes (`system.capnp`).
const LIMIT: u64 = 8 << 20;

/// The capability of one session.
pub(super) struct Ipfs {
    content: Content,
    gate: Rc<Gate>,
    pins: Rc<Pins>,
    nodes: Rc<Nodes>,
    reads: Reads,
    uploads: Uploads,
}

impl Ipfs {
    pub(super) fn new(content: Content, access: Access, gate: Rc<Gate>) -> Ipfs {
        let nodes = Nodes::new(content.clone(), gate.clone());
        let pins = Pins::new(content.clone(), access);
        let (reads, uploads) = (Reads::default(), Uploads::default());
        Ipfs { content, gate, pins, nodes, reads, uploads }
    }
}

/// A path as the cell wrote it, and what it says.
fn parse(method: &'static str, path: capnp::text::Reader<'_>) -> Result<(String, ContentPath), Refusal> {
    let path = path.to_str().map_err(|_| Refusal::NotText { method })?;
    match ContentPath::parse_or_cid(path) {
        Some(Ok(parsed)) => Ok((parsed.to_string(), parsed)),
        Some(Err(ContentError::Path(error))) => Err(Refusal::path(path, error)),
        Some(Err(error)) => Err(Refusal::retrieval(method, path, error, "")),
        None => Err(Refusal::not_a_path(method, path)),
    }
}

/// Methods, each done by the function of its name in a room.
macro_rules! methods {
    ($($method:ident($params:ident, $results:ident) in $room:ident;)*) => {$(
        async fn $method(self: Rc<Self>, params: ipfs::$params, results: ipfs::$results) -> Result<(), Error> {
            $room::$method(&self, params, results).await
        }
    )*};
}

impl ipfs::Server for Ipfs {
    methods! {
        add(AddParams, AddResults) in files;
        cat(CatParams, CatResults) in files;
        ls(LsParams, LsResults) in files;
        stat(StatParams, StatResults) in files;
        pin(PinParams, PinResults) in pins;
        unpin(UnpinParams, UnpinResults) in pins;
        pins(PinsParams, PinsResults) in pins;
        id(IdParams, IdResults) in network;
        connect(ConnectParams, ConnectResults) in network;
        peers(PeersParams, PeersResults) in network;
        resolve_node(ResolveNodeParams, ResolveNodeResults) in anchor;
        resolve(ResolveParams, ResolveResults) in blocks;
        get_block(GetBlockParams, GetBlockResults) in blocks;
        put_block(PutBlockParams, PutBlockResults) in blocks;
    }

    async fn read(self: Rc<Self>, params: ipfs::ReadParams, results: ipfs::ReadResults) -> Result<(), Error> {
        read::read(&self.content, &self.gate, &self.reads, params, results).await
    }

    async fn write(self: Rc<Self>, params: ipfs::WriteParams, mut results: ipfs::WriteResults) -> Result<(), Error> {
        write::write(&self.content, &self.pins, &self.uploads, &params, &mut results)
    }
}

/// Lists of 2^29 elements and more are a panic in capnp 0.27; [`Content`] gives none of that size.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length < 1 << 29)
        .ok_or_else(|| Error::failed("a list is too long for one message".to_owned()))
}
