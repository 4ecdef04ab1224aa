//! `resolveNode` and `Node`: what is inside a block, as the daemon shows it in JSON.

mod inside;
mod value;

use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_conformance::node::unixfs::cid_bytes;
use ww_schema::anchor_capnp::{block, node, resolver};
use ww_schema::system_capnp::i_p_f_s;

use super::content::{Lack, fields};
use super::ipfs::{Ipfs, NOTHING};
use super::methods::{codec, fill};
use value::{below, describe};

/// How many nodes a cell may hold.
const MOST: usize = 2_000;
/// What a list may take of a message.
const LIMIT: usize = 8 << 20;

/// A node that the cell holds.
struct Node {
    ipfs: Rc<Ipfs>,
    cid: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        if !self.ipfs.wrong.is("rpc-nodes-never-free") {
            self.ipfs.nodes.set(self.ipfs.nodes.get() - 1);
        }
    }
}

fn give(ipfs: &Rc<Ipfs>, cid: &str) -> Result<node::Client, Error> {
    if ipfs.nodes.get() >= MOST && !ipfs.wrong.is("rpc-nodes-unbounded") {
        return Err(match ipfs.wrong.is("rpc-nodes-bound-unnamed") {
            true => Error::failed("too many".into()),
            false => ipfs.refusal("resolveNode", "too many nodes"),
        });
    }
    ipfs.nodes.set(ipfs.nodes.get() + 1);
    Ok(new_client(Node { ipfs: Rc::clone(ipfs), cid: cid.to_owned() }))
}

pub async fn resolve_node(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::ResolveNodeParams,
    mut results: i_p_f_s::ResolveNodeResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_path()?.to_string()?;
    let cid = ipfs.ends_at("resolveNode", &argument).await?;
    if !ipfs.wrong.is("rpc-node-unseen") {
        Node::shown(&ipfs, &cid, &argument).await?;
    }
    let mut results = results.get();
    results.set_cid(if ipfs.wrong.is("rpc-node-cid-of-nothing") { NOTHING } else { &cid });
    results.set_node(give(&ipfs, &cid)?);
    Ok(())
}

fn names(path: capnp::text_list::Reader<'_>) -> Result<Vec<String>, Error> {
    path.iter().map(|name| Ok(name?.to_str()?.to_owned())).collect()
}

fn put(left: &[String], list: capnp::text_list::Builder<'_>) {
    fill(list, left.iter().map(String::as_str));
}

impl block::Server for Node {
    async fn cid(self: Rc<Self>, _: block::CidParams, mut results: block::CidResults) -> Result<(), Error> {
        let bytes = cid_bytes(&self.cid).unwrap_or_default();
        results.get().set_cid(if self.ipfs.wrong.is("rpc-node-cid-as-text") { self.cid.as_bytes() } else { &bytes });
        Ok(())
    }

    async fn raw_data(
        self: Rc<Self>,
        _: block::RawDataParams,
        mut results: block::RawDataResults,
    ) -> Result<(), Error> {
        let (mut block, _) = self.value().await?;
        if self.ipfs.wrong.is("rpc-node-data-cut") {
            block.truncate(40);
        }
        results.get().set_data(&block);
        Ok(())
    }
}

impl resolver::Server for Node {
    async fn resolve_path(
        self: Rc<Self>,
        params: resolver::ResolvePathParams,
        mut results: resolver::ResolvePathResults,
    ) -> Result<(), Error> {
        let (wrong, path) = (self.ipfs.wrong, names(params.get()?.get_path()?)?);
        let (_, value) = self.value().await?;
        let (cid, left) = match self.follow(&value, &path)? {
            Some((link, left)) => (link.cid, &path[path.len() - left..]),
            None if wrong.is("rpc-node-inside-is-nothing") => {
                return Err(self.ipfs.lacks(&self.cid, Lack::Retrieval("no link".into())));
            }
            None => (self.cid.clone(), &path[..]),
        };
        let left = match wrong.0 {
            "rpc-node-nothing-left" => &[],
            "rpc-node-all-left" => &path[..],
            _ => left,
        };
        let mut results = results.get();
        let cid = if wrong.is("rpc-node-path-is-itself") { &self.cid } else { &cid };
        results.set_node(give(&self.ipfs, cid)?);
        put(left, results.init_remaining_path(u32::try_from(left.len()).unwrap_or(0)));
        Ok(())
    }

    async fn tree(
        self: Rc<Self>,
        params: resolver::TreeParams,
        mut results: resolver::TreeResults,
    ) -> Result<(), Error> {
        let wrong = self.ipfs.wrong;
        let (base, depth) = (params.get()?.get_path()?.to_string()?, params.get()?.get_depth());
        let depth = if wrong.is("rpc-node-tree-bottomless") { -1 } else { depth };
        let (_, value) = self.value().await?;
        let base: Vec<String> = base.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        self.follow(&value, &base)?;
        let mut all = Vec::new();
        if codec(&self.cid) == 0x70 {
            all.extend(self.links_of(&value).into_iter().map(|link| link.name.replace('/', "\0")));
        } else {
            below(&value, "", &mut |name, _| all.push(name.to_owned()));
        }
        let base = base.join("/");
        let mut paths = Vec::new();
        for path in all {
            let told = path.split('/').all(|name| !name.is_empty() && !name.contains('\0'));
            if !told && !wrong.is("rpc-node-tree-odd-names") {
                continue;
            }
            let relative = match base.as_str() {
                "" => Some(path.as_str()),
                base => path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')),
            };
            let Some(relative) = relative else { continue };
            if depth < 0 || relative.split('/').count() <= depth as usize {
                paths.push(if wrong.is("rpc-node-tree-from-root") { path.clone() } else { relative.to_owned() });
            }
        }
        self.fits("tree", paths.iter().map(|path| path.len() + 16).sum())?;
        if wrong.is("rpc-large-is-cut") {
            paths.truncate(100);
        }
        put(&paths, results.get().init_paths(u32::try_from(paths.len()).unwrap_or(0)));
        Ok(())
    }
}

impl node::Server for Node {
    async fn resolve_link(
        self: Rc<Self>,
        params: node::ResolveLinkParams,
        mut results: node::ResolveLinkResults,
    ) -> Result<(), Error> {
        let (wrong, path) = (self.ipfs.wrong, names(params.get()?.get_path()?)?);
        let (_, value) = self.value().await?;
        let Some((link, left)) = self.follow(&value, &path)? else {
            return if wrong.is("rpc-node-no-link-is-empty") {
                Ok(())
            } else {
                Err(self.refusal("resolveLink", "no link"))
            };
        };
        let mut results = results.get();
        describe(&link, wrong, results.reborrow().init_link());
        let left = if wrong.is("rpc-node-nothing-left") { &[] } else { &path[path.len() - left..] };
        put(left, results.init_remaining_path(u32::try_from(left.len()).unwrap_or(0)));
        Ok(())
    }

    async fn copy(self: Rc<Self>, _: node::CopyParams, mut results: node::CopyResults) -> Result<(), Error> {
        let other = if self.ipfs.wrong.is("rpc-node-copy-of-nothing") { "bafkqaaa" } else { &self.cid };
        results.get().set_node(give(&self.ipfs, other)?);
        Ok(())
    }

    async fn links(self: Rc<Self>, _: node::LinksParams, mut results: node::LinksResults) -> Result<(), Error> {
        let wrong = self.ipfs.wrong;
        let (_, value) = self.value().await?;
        let mut links = self.links_of(&value);
        self.fits("links", links.iter().map(|link| link.name.len() + 80).sum())?;
        match wrong.0 {
            "rpc-large-is-cut" => links.truncate(100),
            "rpc-node-links-backwards" => links.reverse(),
            "rpc-node-links-of-dag-pb-alone" if codec(&self.cid) != 0x70 => links.clear(),
            _ => {}
        }
        let mut list = results.get().init_links(u32::try_from(links.len()).unwrap_or(0));
        for (at, link) in (0..).zip(&links) {
            describe(link, wrong, list.reborrow().get(at));
        }
        Ok(())
    }

    async fn stat(self: Rc<Self>, _: node::StatParams, mut results: node::StatResults) -> Result<(), Error> {
        let wrong = self.ipfs.wrong;
        let (block, value) = self.value().await?;
        let links = self.links_of(&value);
        let data = match codec(&self.cid) {
            0x70 if !wrong.is("rpc-node-stat-all-data") => {
                let data = fields(&block).unwrap_or_default().into_iter().find(|(number, ..)| *number == 1);
                data.map_or(0, |(_, bytes, _)| bytes.len())
            }
            _ => block.len(),
        };
        let mut stat = results.get().init_stat();
        stat.set_hash(&cid_bytes(&self.cid).unwrap_or_default());
        stat.set_num_links(if wrong.is("rpc-node-stat-linkless") {
            0
        } else {
            i32::try_from(links.len()).unwrap_or(0)
        });
        stat.set_block_size(block.len() as u64);
        stat.set_links_size((block.len() - data) as u64);
        stat.set_data_size(data as u64);
        stat.set_cumulative_size(self.cumulative(&block, &links));
        Ok(())
    }

    async fn size(self: Rc<Self>, _: node::SizeParams, mut results: node::SizeResults) -> Result<(), Error> {
        let (block, value) = self.value().await?;
        let links = self.links_of(&value);
        let own = self.ipfs.wrong.is("rpc-node-size-of-block");
        results.get().set_size(if own { block.len() as u64 } else { self.cumulative(&block, &links) });
        Ok(())
    }
}
