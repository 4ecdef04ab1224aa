//! The daemon and its peers: `id`, `connect`, `peers`.
//!
//! Serves: rulings 13, 15, 20; clauses RPC-24, ACC-04, ACC-05.

use capnp::{Error, text_list};
use ww_schema::system_capnp::{i_p_f_s, peer_info};

use super::super::refusal::Refusal;
use super::{Ipfs, length};
use crate::content::{ContentError, Peer, Peers};

/// The longest multiaddr that is passed on, in bytes: one with relays and certificate hashes has some 500.
const ADDRESS: usize = 2048;

pub(super) async fn id(ipfs: &Ipfs, params: i_p_f_s::IdParams, mut results: i_p_f_s::IdResults) -> Result<(), Error> {
    let method = "id";
    drop(params);
    let _turn = ipfs.gate.large_call().await;
    let found = ipfs.content.id().await.map_err(|source| refuse(method, source))?;
    let info = results.get().init_peer_info();
    found.iter().next().map_or(Ok(()), |peer| describe(&peer, info))
}

pub(super) async fn connect(
    ipfs: &Ipfs,
    params: i_p_f_s::ConnectParams,
    mut results: i_p_f_s::ConnectResults,
) -> Result<(), Error> {
    let method = "connect";
    let address = {
        let given = params.get()?.get_addr()?.to_str().map_err(|_| Refusal::NotText { method })?;
        if given.len() > ADDRESS || !given.starts_with('/') {
            return Err(Refusal::not_an_address(method, given).into());
        }
        given.to_owned()
    };
    drop(params);
    let _turn = ipfs.gate.small_call().await;
    ipfs.content.connect(&address).await.map_err(|source| refuse(method, source))?;
    results.get().set_success(true);
    Ok(())
}

pub(super) async fn peers(
    ipfs: &Ipfs,
    params: i_p_f_s::PeersParams,
    mut results: i_p_f_s::PeersResults,
) -> Result<(), Error> {
    let method = "peers";
    drop(params);
    let _turn = ipfs.gate.large_call().await;
    let peers: Peers = ipfs.content.peers().await.map_err(|source| refuse(method, source))?;
    let mut list = results.get().init_peer_list(length(peers.len())?);
    for (index, peer) in (0..).zip(peers.iter()) {
        describe(&peer, list.reborrow().get(index))?;
    }
    Ok(())
}

fn describe(peer: &Peer<'_>, mut to: peer_info::Builder<'_>) -> Result<(), Error> {
    to.set_id(peer.id());
    fill(to.reborrow().init_addresses(length(peer.addresses().count())?), peer.addresses());
    fill(to.init_protocols(length(peer.protocols().count())?), peer.protocols());
    Ok(())
}

fn fill<'a>(mut list: text_list::Builder<'_>, texts: impl Iterator<Item = &'a str>) {
    for (index, text) in (0..).zip(texts) {
        list.set(index, text);
    }
}

fn refuse(method: &'static str, source: ContentError) -> Refusal {
    match source {
        ContentError::TooLarge { limit } => Refusal::LargeList { method, limit, instead: "`ipfs swarm peers`" },
        source => Refusal::Daemon { method, source },
    }
}
