//! Files and directories: `add`, `cat`, `ls`, `stat`.
//!
//! Serves: rulings 7, 13, 15, 20; clauses RPC-13 to RPC-19.

use capnp::Error;
use ww_schema::system_capnp::{EntryType as Type, i_p_f_s, node_info};

use super::super::gate::SMALL;
use super::super::refusal::Refusal;
use super::{Ipfs, LIMIT, length, parse};
use crate::content::{ContentError, EntryType, NodeInfoKind};

/// How much is moved at once from a file to its answer.
const STEP: usize = 1 << 20;

pub(super) async fn add(
    ipfs: &Ipfs,
    params: i_p_f_s::AddParams,
    mut results: i_p_f_s::AddResults,
) -> Result<(), Error> {
    let method = "add";
    // Read once: what may be read of a message is bounded by what a message may be.
    let data = params.get()?.get_data()?;
    let size = data.len();
    if size as u64 > LIMIT {
        return Err(Refusal::LargeData { method, size, limit: LIMIT }.into());
    }
    let (_small, _large);
    match size as u64 <= SMALL {
        true => _small = ipfs.gate.small_call().await,
        false => _large = ipfs.gate.large_call_of_message().await,
    }
    let data = data.to_vec();
    drop(params);
    let cid = ipfs.content.add(data).await.map_err(|source| Refusal::Daemon { method, source })?;
    results.get().set_cid(cid.to_string());
    Ok(())
}

pub(super) async fn cat(
    ipfs: &Ipfs,
    params: i_p_f_s::CatParams,
    mut results: i_p_f_s::CatResults,
) -> Result<(), Error> {
    let (shown, path) = parse("cat", params.get()?.get_cid()?)?;
    drop(params);
    let refuse = |source| Refusal::retrieval("cat", &shown, source, "use `read`");
    let small = {
        let _turn = ipfs.gate.small_call().await;
        match ipfs.content.cat(&path, SMALL).await {
            Ok(body) => return give(body, &mut results),
            Err(error) => error,
        }
    };
    let ContentError::TooLarge { .. } = small else {
        return Err(refuse(small).into());
    };
    let _turn = ipfs.gate.large_call().await;
    let body = ipfs.content.cat(&path, LIMIT).await.map_err(refuse)?;
    give(body, &mut results)
}

pub(super) async fn ls(ipfs: &Ipfs, params: i_p_f_s::LsParams, mut results: i_p_f_s::LsResults) -> Result<(), Error> {
    let (shown, path) = parse("ls", params.get()?.get_path()?)?;
    drop(params);
    let _turn = ipfs.gate.large_call().await;
    let entries = ipfs.content.ls(&path).await;
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

pub(super) async fn stat(
    ipfs: &Ipfs,
    params: i_p_f_s::StatParams,
    mut results: i_p_f_s::StatResults,
) -> Result<(), Error> {
    let (shown, path) = parse("stat", params.get()?.get_cid()?)?;
    drop(params);
    let _turn = ipfs.gate.large_call().await;
    let node = ipfs.content.stat(&path).await;
    let node = node.map_err(|source| Refusal::retrieval("stat", &shown, source, "see `resolveNode`"))?;
    let mut info = results.get().init_info();
    info.set_cid(node.cid.to_string());
    info.set_size(node.size);
    info.set_cumulative_size(node.cumulative_size);
    describe(&node.kind, info.init_node_type())
}

/// Moves a file into the answer, its end first: what has moved is given back as it goes, so that the file
/// isn't in memory twice.
fn give(mut body: Vec<u8>, results: &mut i_p_f_s::CatResults) -> Result<(), Error> {
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
