//! What `IPFS` tells of content: `ls` and `stat`.

use std::rc::Rc;

use capnp::Error;
use ww_schema::system_capnp::{EntryType, i_p_f_s};

use super::content::Kind;
use super::ipfs::{Ipfs, NOTHING};

pub(super) async fn ls(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::LsParams,
    mut results: i_p_f_s::LsResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_path()?.to_string()?;
    let found = ipfs.found("ls", &argument).await?;
    let mut entries = match found.kind {
        Kind::Directory => ipfs.content.entries(&found.cid).await.map_err(|lack| ipfs.lacks(&argument, lack))?,
        Kind::File if ipfs.wrong.is("rpc-ls-file-is-entry") => {
            vec![(String::new(), Kind::File, found.size, found.cid.clone())]
        }
        _ => vec![],
    };
    match ipfs.wrong.0 {
        "rpc-ls-unsorted" => entries.sort_by(|one, other| other.0.cmp(&one.0)),
        "rpc-ls-sorted-as-dictionary" => entries.sort_by_key(|entry| entry.0.to_lowercase().replace('ä', "a")),
        "rpc-ls-case-ignored" => entries.sort_by_key(|entry| entry.0.to_lowercase()),
        _ => entries.sort_by(|one, other| one.0.cmp(&other.0)),
    }
    if ipfs.wrong.is("rpc-ls-at-most-1000") {
        entries.truncate(1_000);
    }
    if ipfs.wrong.is("rpc-ls-shard-prefixed") && entries.len() > 1_000 {
        entries.iter_mut().for_each(|entry| entry.0.insert_str(0, "0F"));
    }
    if ipfs.wrong.is("rpc-ls-cids-of-nothing") {
        entries.iter_mut().for_each(|entry| entry.3 = NOTHING.to_owned());
    }
    if ipfs.wrong.is("rpc-ls-cids-shifted") && !entries.is_empty() {
        let mut cids: Vec<String> = entries.iter().map(|entry| entry.3.clone()).collect();
        cids.rotate_left(1);
        entries.iter_mut().zip(cids).for_each(|(entry, cid)| entry.3 = cid);
    }
    let mut list = results.get().init_entries(u32::try_from(entries.len()).unwrap_or(0));
    for (at, (name, kind, size, cid)) in (0..).zip(entries) {
        let mut entry = list.reborrow().get(at);
        entry.set_name(name);
        entry.set_type(match (kind, ipfs.wrong.0) {
            (Kind::Symlink, "rpc-ls-symlink-is-file") => EntryType::File,
            (Kind::Directory, "rpc-ls-directory-is-file") | (Kind::File, _) => EntryType::File,
            (Kind::Directory, _) => EntryType::Directory,
            (Kind::Symlink, _) => EntryType::Symlink,
        });
        let size = match (kind, ipfs.wrong.0) {
            (Kind::Directory, "rpc-ls-directory-has-size") => 1,
            (Kind::Directory, _) => 0,
            (_, "rpc-ls-sizes-of-blocks") => size + 14,
            _ => size,
        };
        entry.set_size(size);
        entry.set_cid(cid);
    }
    Ok(())
}

pub(super) async fn stat(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::StatParams,
    mut results: i_p_f_s::StatResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_cid()?.to_string()?;
    let found = ipfs.found("stat", &argument).await?;
    let mut info = results.get().init_info();
    info.set_cid(if ipfs.wrong.is("rpc-stat-cid-as-asked") { &argument } else { &found.cid });
    info.set_size(match (found.kind, ipfs.wrong.0) {
        (Kind::Directory, "rpc-stat-directory-has-size") | (_, "rpc-stat-size-of-blocks") => found.cumulative,
        _ => found.size,
    });
    info.set_cumulative_size(match ipfs.wrong.0 {
        "rpc-stat-cumulative-of-content" => found.size,
        "rpc-stat-cumulative-of-links" => found.links.iter().map(|link| link.1).sum(),
        _ => found.cumulative,
    });
    let node = info.init_node_type();
    match (found.kind, ipfs.wrong.0) {
        (Kind::Symlink, "rpc-stat-symlink-is-file") | (Kind::File, _) => _ = node.init_file(),
        (Kind::Symlink, wrong) => {
            let target = found.links.first().map(|link| link.0.clone()).unwrap_or_default();
            node.init_symlink().set_target(if wrong == "rpc-stat-target-missing" { String::new() } else { target });
        }
        (Kind::Directory, wrong) => {
            let count = if wrong == "rpc-stat-links-missing" { 0 } else { found.links.len() };
            let mut list = node.init_directory().init_links(u32::try_from(count).unwrap_or(0));
            for (at, (name, size, cid)) in (0..).zip(found.links).take(count) {
                let mut link = list.reborrow().get(at);
                link.set_name(name);
                link.set_size(size);
                link.set_cid(if wrong == "rpc-stat-links-unlinked" { String::new() } else { cid });
            }
        }
    }
    Ok(())
}
