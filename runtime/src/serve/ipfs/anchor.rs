//! `Node` of `anchor.capnp`: an IPLD block as a capability; and `resolveNode`, which gives the first.
//!
//! - What it does: each of its methods, on its block.
//! - What must stay true: no path leads out of the block: the first link on it ends it. CIDs are binary. A failure
//!   begins as one of `resolveNode`, which gave the node, and names the method.
//! - Serves: ruling 13; clauses RPC-25, RPC-30 to RPC-36.

mod message;

use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_schema::anchor_capnp::{block, node, resolver};
use ww_schema::system_capnp::i_p_f_s;

use self::message::{PATH, Room, describe, fill, names, unread};
use super::super::refusal::{self, Refusal};
use super::nodes::{Answer, Nodes, Slot};
use super::{Ipfs, length, parse};
use crate::content::ipld::{Block, Found, Link};
use crate::content::{Cid, ContentError};

/// One node.
struct Node {
    cid: Cid,
    slot: Slot,
}

/// Where a path led.
enum Followed {
    /// To a link, with so many names left.
    Link { link: Link<'static>, left: usize },
    /// To something of the block.
    Inside,
}

impl Node {
    /// One that the cell may hold; its block isn't asked for.
    fn client(nodes: &Rc<Nodes>, method: &'static str, cid: Cid) -> Result<node::Client, Refusal> {
        Ok(new_client(Node { cid, slot: nodes.slot(method)? }))
    }

    async fn with_block<T>(
        &self,
        method: &'static str,
        answer: Answer,
        work: impl AsyncFnOnce(Block<'_>) -> Result<T, ContentError>,
    ) -> Result<T, Refusal> {
        self.slot.nodes().with_block(method, &self.cid, answer, work).await
    }

    async fn follow(&self, method: &'static str, path: &[String]) -> Result<Followed, Refusal> {
        let find = async |block: Block<'_>| match block.find(path).await? {
            Found::Link { link: Link { name, size, cid }, left } => {
                Ok(Followed::Link { link: Link { name: name.into_owned().into(), size, cid }, left })
            }
            Found::Inside => Ok(Followed::Inside),
            Found::Missing { at } => Err(block.missing(path, at)),
        };
        self.with_block(method, Answer::Small, find).await
    }
}

pub(super) async fn resolve_node(
    ipfs: &Ipfs,
    params: i_p_f_s::ResolveNodeParams,
    mut results: i_p_f_s::ResolveNodeResults,
) -> Result<(), Error> {
    let method = "resolveNode";
    let (shown, path) = parse(method, params.get()?.get_path()?)?;
    drop(params);
    let refuse = |source| Refusal::retrieval(method, &shown, source, "");
    let cid = {
        let _turn = ipfs.gate.small_call().await;
        ipfs.content.resolve(&path).await.map_err(refuse)?
    };
    // Of a kind that can be read, and there: a node that is given can be asked.
    ipfs.nodes.block_and(&cid, Answer::Small, async |_| Ok(())).await.map_err(refuse)?;
    let node = Node::client(&ipfs.nodes, method, cid)?;
    let mut results = results.get();
    results.set_cid(cid.to_string());
    results.set_node(node);
    Ok(())
}

impl block::Server for Node {
    async fn cid(self: Rc<Self>, _: block::CidParams, mut results: block::CidResults) -> Result<(), Error> {
        results.get().set_cid(&self.cid.to_bytes());
        Ok(())
    }

    async fn raw_data(
        self: Rc<Self>,
        params: block::RawDataParams,
        mut results: block::RawDataResults,
    ) -> Result<(), Error> {
        drop(params);
        let give = async |block: Block<'_>| {
            results.get().set_data(block.bytes());
            Ok(())
        };
        Ok(self.with_block("resolveNode: Node.rawData", Answer::Small, give).await?)
    }
}

impl resolver::Server for Node {
    async fn resolve_path(
        self: Rc<Self>,
        params: resolver::ResolvePathParams,
        mut results: resolver::ResolvePathResults,
    ) -> Result<(), Error> {
        let method = "resolveNode: Node.resolvePath";
        let path = params.get().and_then(|params| params.get_path()).map_err(unread(method))?;
        let path = names(method, path)?;
        drop(params);
        let (cid, rest) = match self.follow(method, &path).await? {
            Followed::Inside => (self.cid, &path[..]),
            Followed::Link { link, left } => {
                // As what `resolveNode` gives: there, and of a kind that can be read.
                self.slot.nodes().with_block(method, &link.cid, Answer::Small, async |_| Ok(())).await?;
                (link.cid, &path[path.len() - left..])
            }
        };
        let mut results = results.get();
        results.set_node(Node::client(self.slot.nodes(), method, cid)?);
        fill(results.init_remaining_path(length(rest.len())?), rest);
        Ok(())
    }

    async fn tree(
        self: Rc<Self>,
        params: resolver::TreeParams,
        mut results: resolver::TreeResults,
    ) -> Result<(), Error> {
        let method = "resolveNode: Node.tree";
        let (path, depth) = {
            let params = params.get().map_err(unread(method))?;
            let path = params.get_path().map_err(unread(method))?.to_str().map_err(|_| Refusal::NotText { method })?;
            if path.len() > PATH {
                return Err(Refusal::LongPath { method, limit: PATH }.into());
            }
            let names = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            // -1, as any other that is negative, is no limit.
            (names, usize::try_from(params.get_depth()).unwrap_or(usize::MAX))
        };
        drop(params);
        let list = async |block: Block<'_>| {
            let (mut room, mut count) = (Room::of_message(), 0);
            block
                .tree(&path, depth, |path| {
                    count += 1;
                    room.take(Room::text(path.len()))
                })
                .await?;
            let (mut list, mut index) = (results.get().init_paths(count), 0);
            block
                .tree(&path, depth, |path| {
                    list.set(index, path);
                    index += 1;
                    Ok(())
                })
                .await
        };
        Ok(self.with_block(method, Answer::Large, list).await?)
    }
}

impl node::Server for Node {
    async fn resolve_link(
        self: Rc<Self>,
        params: node::ResolveLinkParams,
        mut results: node::ResolveLinkResults,
    ) -> Result<(), Error> {
        let method = "resolveNode: Node.resolveLink";
        let path = params.get().and_then(|params| params.get_path()).map_err(unread(method))?;
        let path = names(method, path)?;
        drop(params);
        let Followed::Link { link, left } = self.follow(method, &path).await? else {
            return Err(Refusal::NoLink { method, path: refusal::shown(&format!("`{}`", path.join("/"))) }.into());
        };
        let mut results = results.get();
        describe(&link, results.reborrow().init_link());
        let rest = &path[path.len() - left..];
        fill(results.init_remaining_path(length(rest.len())?), rest);
        Ok(())
    }

    async fn copy(self: Rc<Self>, _: node::CopyParams, mut results: node::CopyResults) -> Result<(), Error> {
        results.get().set_node(Node::client(self.slot.nodes(), "resolveNode: Node.copy", self.cid)?);
        Ok(())
    }

    async fn links(self: Rc<Self>, params: node::LinksParams, mut results: node::LinksResults) -> Result<(), Error> {
        drop(params);
        let list = async |block: Block<'_>| {
            let (mut room, mut count) = (Room::of_message(), 0);
            block
                .links(|link| {
                    count += 1;
                    room.take(Room::link(link))
                })
                .await?;
            let (mut list, mut index) = (results.get().init_links(count), 0);
            block
                .links(|link| {
                    describe(link, list.reborrow().get(index));
                    index += 1;
                    Ok(())
                })
                .await
        };
        Ok(self.with_block("resolveNode: Node.links", Answer::Large, list).await?)
    }

    async fn stat(self: Rc<Self>, params: node::StatParams, mut results: node::StatResults) -> Result<(), Error> {
        drop(params);
        let measure = async |block: Block<'_>| Ok(block.sizes().await);
        let sizes = self.with_block("resolveNode: Node.stat", Answer::Small, measure).await?;
        let mut stat = results.get().init_stat();
        stat.set_hash(&self.cid.to_bytes());
        // A block of 2 MiB has fewer.
        stat.set_num_links(i32::try_from(sizes.links).unwrap_or(i32::MAX));
        stat.set_block_size(sizes.block);
        stat.set_links_size(sizes.of_links);
        stat.set_data_size(sizes.of_data);
        stat.set_cumulative_size(sizes.cumulative);
        Ok(())
    }

    async fn size(self: Rc<Self>, params: node::SizeParams, mut results: node::SizeResults) -> Result<(), Error> {
        drop(params);
        let measure = async |block: Block<'_>| Ok(block.sizes().await);
        let sizes = self.with_block("resolveNode: Node.size", Answer::Small, measure).await?;
        results.get().set_size(sizes.cumulative);
        Ok(())
    }
}
