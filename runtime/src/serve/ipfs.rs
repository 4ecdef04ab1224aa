//! `IPFS` of `system.capnp`: what a cell may do with content.
//!
//! - What it does: `add`, `cat`, `ls` and `stat` on [`Content`]; the other methods answer `unimplemented`.
//! - What must stay true: the contract's limits hold before memory is spent, and one large thing at a time
//!   is in memory, however many a cell asks for.
//! - Serves: rulings 7, 13, 20.

mod guard;
mod read;
mod write;

pub(super) use guard::Guarded;

use std::rc::Rc;

use capnp::Error;
use ww_schema::system_capnp::i_p_f_s as ipfs;
use ww_schema::system_capnp::{EntryType as Type, node_info};

use self::read::Reads;
use self::write::Uploads;
use super::gate::{Gate, SMALL};
use super::refusal::Refusal;
use crate::content::{Content, ContentError, ContentPath, EntryType, NodeInfoKind};

/// What `add` takes and `cat` gives at most, in bytes (`system.capnp`).
const LIMIT: u64 = 8 << 20;
/// How much is moved at once from a file to its answer.
const STEP: usize = 1 << 20;

/// The capability of one session.
pub(super) struct Ipfs {
    content: Content,
    gate: Rc<Gate>,
    reads: Reads,
    uploads: Uploads,
}

impl Ipfs {
    pub(super) fn new(content: Content, gate: Rc<Gate>) -> Ipfs {
        Ipfs { content, gate, reads: Reads::default(), uploads: Uploads::default() }
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

/// Methods that this host doesn't have, each with a text that names it.
macro_rules! unimplemented_methods {
    ($($method:ident($params:ident, $results:ident) $name:literal;)*) => {$(
        async fn $method(self: Rc<Self>, _: ipfs::$params, _: ipfs::$results) -> Result<(), Error> {
            Err(Refusal::Unimplemented { method: $name }.into())
        }
    )*};
}

impl ipfs::Server for Ipfs {
    async fn add(self: Rc<Self>, params: ipfs::AddParams, mut results: ipfs::AddResults) -> Result<(), Error> {
        let method = "add";
        // Read once: what may be read of a message is bounded by what a message may be.
        let data = params.get()?.get_data()?;
        let size = data.len();
        if size as u64 > LIMIT {
            return Err(Refusal::LargeData { method, size, limit: LIMIT }.into());
        }
        let (_small, _large);
        match size as u64 <= SMALL {
            true => _small = self.gate.small_call().await,
            false => _large = self.gate.large_call_of_message().await,
        }
        let data = data.to_vec();
        drop(params);
        let cid = self.content.add(data).await.map_err(|source| Refusal::Store { method, source })?;
        results.get().set_cid(cid.to_string());
        Ok(())
    }

    async fn cat(self: Rc<Self>, params: ipfs::CatParams, mut results: ipfs::CatResults) -> Result<(), Error> {
        let (shown, path) = parse("cat", params.get()?.get_cid()?)?;
        drop(params);
        let refuse = |source| Refusal::retrieval("cat", &shown, source, "use `read`");
        let small = {
            let _turn = self.gate.small_call().await;
            match self.content.cat(&path, SMALL).await {
                Ok(body) => return give(body, &mut results),
                Err(error) => error,
            }
        };
        let ContentError::TooLarge { .. } = small else {
            return Err(refuse(small).into());
        };
        let _turn = self.gate.large_call().await;
        let body = self.content.cat(&path, LIMIT).await.map_err(refuse)?;
        give(body, &mut results)
    }

    async fn ls(self: Rc<Self>, params: ipfs::LsParams, mut results: ipfs::LsResults) -> Result<(), Error> {
        let (shown, path) = parse("ls", params.get()?.get_path()?)?;
        drop(params);
        let _turn = self.gate.large_call().await;
        let entries = self.content.ls(&path).await;
        let entries = entries.map_err(|source| Refusal::retrieval("ls", &shown, source, "see `resolveNode`"))?;
        let mut list = results.get().init_entries(length(entries.len())?);
        for (index, entry) in (0..).zip(&entries) {
            let mut to = list.reborrow().get(index);
            to.set_name(&entry.name);
            to.set_type(match entry.entry_type {
                EntryType::File => Type::File,
                EntryType::Directory => Type::Directory,
                EntryType::Symlink => Type::Symlink,
            });
            to.set_size(entry.size);
            to.set_cid(entry.cid.to_string());
        }
        Ok(())
    }

    async fn stat(self: Rc<Self>, params: ipfs::StatParams, mut results: ipfs::StatResults) -> Result<(), Error> {
        let (shown, path) = parse("stat", params.get()?.get_cid()?)?;
        drop(params);
        let _turn = self.gate.large_call().await;
        let node = self.content.stat(&path).await;
        let node = node.map_err(|source| Refusal::retrieval("stat", &shown, source, "see `resolveNode`"))?;
        let mut info = results.get().init_info();
        info.set_cid(node.cid.to_string());
        info.set_size(node.size);
        info.set_cumulative_size(node.cumulative_size);
        describe(&node.kind, info.init_node_type())
    }

    async fn read(self: Rc<Self>, params: ipfs::ReadParams, results: ipfs::ReadResults) -> Result<(), Error> {
        read::read(&self.content, &self.gate, &self.reads, params, results).await
    }

    async fn write(self: Rc<Self>, params: ipfs::WriteParams, mut results: ipfs::WriteResults) -> Result<(), Error> {
        write::write(&self.content, &self.uploads, &params, &mut results)
    }

    unimplemented_methods! {
        pin(PinParams, PinResults) "pin";
        unpin(UnpinParams, UnpinResults) "unpin";
        pins(PinsParams, PinsResults) "pins";
        id(IdParams, IdResults) "id";
        connect(ConnectParams, ConnectResults) "connect";
        peers(PeersParams, PeersResults) "peers";
        resolve_node(ResolveNodeParams, ResolveNodeResults) "resolveNode";
        resolve(ResolveParams, ResolveResults) "resolve";
        get_block(GetBlockParams, GetBlockResults) "getBlock";
        put_block(PutBlockParams, PutBlockResults) "putBlock";
    }
}

/// Moves a file into the answer, its end first: what has moved is given back as it goes, so that the file
/// isn't in memory twice.
fn give(mut body: Vec<u8>, results: &mut ipfs::CatResults) -> Result<(), Error> {
    let to = results.get().init_body(length(body.len())?);
    while !body.is_empty() {
        let from = (body.len() - 1) / STEP * STEP;
        to[from..body.len()].copy_from_slice(&body[from..]);
        body.truncate(from);
        body.shrink_to_fit();
    }
    Ok(())
}

fn describe(kind: &NodeInfoKind, to: node_info::node_type::Builder<'_>) -> Result<(), Error> {
    match kind {
        NodeInfoKind::File => drop(to.init_file()),
        NodeInfoKind::Symlink { target } => to.init_symlink().set_target(target),
        NodeInfoKind::Directory { links } => {
            let mut list = to.init_directory().init_links(length(links.len())?);
            for (index, link) in (0..).zip(links) {
                let mut to = list.reborrow().get(index);
                to.set_name(&link.name);
                to.set_size(link.size);
                to.set_cid(link.cid.to_string());
            }
        }
    }
    Ok(())
}

/// Lists of 2^29 elements and more are a panic in capnp 0.27; [`Content`] gives none of that size.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length < 1 << 29)
        .ok_or_else(|| Error::failed("system.IPFS: a list is too long for one message".to_owned()))
}
