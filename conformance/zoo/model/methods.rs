//! Pins, the daemon and its peers, and single blocks: asked of the daemon in its own words.

use std::rc::Rc;

use capnp::{Error, text_list};
use serde_json::Value;
use sha2::{Digest, Sha256};
use ww_conformance::node::unixfs::cid_bytes;
use ww_schema::system_capnp::{i_p_f_s, peer_info};

use super::content::{Lack, path, text_of};
use super::ipfs::{Ipfs, NOTHING};
use super::request;

/// What `putBlock` takes and `getBlock` gives at most.
const BLOCK: usize = 2 << 20;

/// Whether the daemon doesn't answer.
pub async fn is_gone(ipfs: &Ipfs) -> bool {
    let asked = tokio::time::timeout(std::time::Duration::from_millis(500), ipfs.content.version()).await;
    !matches!(asked, Ok(Ok(())))
}

impl Ipfs {
    /// An answer of the daemon's.
    pub(super) async fn ask(&self, target: &str) -> Result<Value, String> {
        let body = request::ask(self.content.authority(), target, None).await?;
        serde_json::from_slice(&body).map_err(|fault| fault.to_string())
    }

    /// A path as the daemon takes it.
    pub(super) fn path_of(&self, method: &str, argument: &str) -> Result<String, Error> {
        let long = path(argument).or_else(|| path(&format!("/ipfs/{argument}")).filter(|_| !argument.contains('/')));
        long.ok_or_else(|| self.refusal(method, &format!("{argument}: neither a path nor a CID")))
    }

    /// The CID that a path ends at.
    pub(super) async fn ends_at(&self, method: &str, argument: &str) -> Result<String, Error> {
        let path = self.path_of(method, argument)?;
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() == 3 && parts[1] == "ipfs" {
            return Ok(parts[2].to_owned());
        }
        if self.wrong.is("rpc-path-unixfs-alone") && (path.contains("/bafyrei") || path.contains("/baguqeera")) {
            return Err(self.lacks(argument, Lack::Kind("no UnixFS")));
        }
        let target = format!("/api/v0/dag/resolve?arg={}", request::escaped(&path));
        let resolved = self.ask(&target).await.map_err(|why| self.lacks(argument, Lack::Retrieval(why)))?;
        if self.wrong.is("rpc-path-inside-refused") && resolved["RemPath"].as_str().is_some_and(|left| !left.is_empty())
        {
            return Err(self.lacks(argument, Lack::Retrieval("inside a block".into())));
        }
        Ok(resolved["Cid"]["/"].as_str().unwrap_or_default().to_owned())
    }

    /// A block, hashed.
    pub(super) async fn block(&self, cid: &str, shown: &str) -> Result<Vec<u8>, Error> {
        let bytes = cid_bytes(cid).unwrap_or_default();
        if bytes.get(2) == Some(&0) {
            return Ok(bytes[4..].to_vec());
        }
        let block = request::block(self.content.authority(), cid).await;
        let block = block.map_err(|why| self.lacks(shown, Lack::Retrieval(why)))?;
        let hashed = bytes.windows(32).next_back().is_none_or(|digest| digest == &Sha256::digest(&block)[..]);
        if !hashed && !self.wrong.is("rpc-block-unverified") {
            return Err(self.lacks(shown, Lack::Retrieval("another block".into())));
        }
        Ok(block)
    }

    async fn is_pinned(&self, cid: &str) -> bool {
        self.ask(&format!("/api/v0/pin/ls?arg={cid}&type=recursive")).await.is_ok()
    }

    /// Pins, and keeps that this run did.
    pub(super) async fn pin_for_run(&self, method: &str, cid: &str) -> Result<(), Error> {
        let before = self.is_pinned(cid).await && !self.wrong.is("access-pins-adopted");
        let recursive = !self.wrong.is("rpc-pin-direct");
        if !self.wrong.is("rpc-pin-undone") {
            let target = format!("/api/v0/pin/add?arg={cid}&recursive={recursive}");
            self.ask(&target).await.map_err(|why| self.refusal(method, &why))?;
        }
        let others = before || (method == "write" && self.wrong.is("access-write-pin-others"));
        if !others && !self.pinned.borrow().iter().any(|pin| pin == cid) {
            self.pinned.borrow_mut().push(cid.to_owned());
        }
        Ok(())
    }
}

pub async fn pin(ipfs: Rc<Ipfs>, params: i_p_f_s::PinParams, mut results: i_p_f_s::PinResults) -> Result<(), Error> {
    let argument = params.get()?.get_cid()?.to_string()?;
    let mut cid = ipfs.ends_at("pin", &argument).await?;
    if ipfs.wrong.is("rpc-pin-root") {
        cid = ipfs.path_of("pin", &argument)?.split('/').nth(2).unwrap_or_default().to_owned();
    }
    ipfs.block(&cid, &argument).await?;
    ipfs.pin_for_run("pin", &cid).await?;
    results.get().set_success(!ipfs.wrong.is("rpc-pin-is-failure"));
    Ok(())
}

pub async fn unpin(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::UnpinParams,
    mut results: i_p_f_s::UnpinResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_cid()?.to_string()?;
    let cid = ipfs.ends_at("unpin", &argument).await?;
    let own = ipfs.pinned.borrow().contains(&cid);
    if !own && !ipfs.granted.all_pins() && !ipfs.wrong.is("access-others-unpinned") {
        return Err(ipfs.refusal("unpin", &format!("refused: {argument} isn't this run's: needs --ipfs-access full")));
    }
    if !ipfs.wrong.is("rpc-unpin-undone") {
        let done = ipfs.ask(&format!("/api/v0/pin/rm?arg={cid}&recursive=true")).await;
        if !ipfs.wrong.is("rpc-unpin-missing-is-success") {
            done.map_err(|why| ipfs.refusal("unpin", &why))?;
        }
    }
    ipfs.pinned.borrow_mut().retain(|pin| *pin != cid);
    results.get().set_success(true);
    Ok(())
}

pub async fn pins(ipfs: Rc<Ipfs>, _: i_p_f_s::PinsParams, mut results: i_p_f_s::PinsResults) -> Result<(), Error> {
    let mut pins = ipfs.pinned.borrow().clone();
    if ipfs.granted.all_pins() || ipfs.wrong.is("access-others-listed") {
        let kind = if ipfs.wrong.is("rpc-pins-of-all-kinds") { "all" } else { "recursive" };
        let told = ipfs.ask(&format!("/api/v0/pin/ls?type={kind}")).await.map_err(|why| ipfs.refusal("pins", &why))?;
        pins = told["Keys"].as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default();
    }
    if ipfs.wrong.is("rpc-pins-as-paths") {
        pins.iter_mut().for_each(|pin| pin.insert_str(0, "/ipfs/"));
    }
    fill(results.get().init_cids(u32::try_from(pins.len()).unwrap_or(0)), pins.iter().map(String::as_str));
    Ok(())
}

pub(super) fn fill<'a>(mut list: text_list::Builder<'_>, texts: impl Iterator<Item = &'a str>) {
    for (at, text) in (0..).zip(texts) {
        list.set(at, text);
    }
}

fn told(peer: &Value, ipfs: &Ipfs, mut to: peer_info::Builder<'_>) {
    let list = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let identify = if peer["Identify"].is_object() { &peer["Identify"] } else { peer };
    let mut addresses = list(&identify["Addresses"]);
    addresses.extend(peer["Addr"].as_str().map(str::to_owned).filter(|_| !ipfs.wrong.is("rpc-peers-unreached")));
    let protocols = if ipfs.wrong.is("rpc-peers-without-protocols") { vec![] } else { list(&identify["Protocols"]) };
    to.set_id(peer["Peer"].as_str().or(peer["ID"].as_str()).unwrap_or_default());
    let count = |list: &[String]| u32::try_from(list.len()).unwrap_or(0);
    fill(to.reborrow().init_addresses(count(&addresses)), addresses.iter().map(String::as_str));
    fill(to.init_protocols(count(&protocols)), protocols.iter().map(String::as_str));
}

pub async fn id(ipfs: Rc<Ipfs>, _: i_p_f_s::IdParams, mut results: i_p_f_s::IdResults) -> Result<(), Error> {
    let peer = ipfs.ask("/api/v0/id").await.map_err(|why| ipfs.refusal("id", &why))?;
    let mut info = results.get().init_peer_info();
    told(&peer, &ipfs, info.reborrow());
    if ipfs.wrong.is("rpc-id-is-anothers") {
        info.set_id(NOTHING);
    }
    Ok(())
}

pub async fn peers(ipfs: Rc<Ipfs>, _: i_p_f_s::PeersParams, mut results: i_p_f_s::PeersResults) -> Result<(), Error> {
    let answer = ipfs.ask("/api/v0/swarm/peers?identify=true").await;
    let answer = if ipfs.wrong.is("rpc-peers-failure-is-none") {
        answer.unwrap_or_default()
    } else {
        answer.map_err(|why| ipfs.refusal("peers", &why))?
    };
    let mut peers = match answer["Peers"].as_array() {
        None if ipfs.wrong.is("rpc-peers-none-fails") => return Err(ipfs.refusal("peers", "none")),
        peers => peers.cloned().unwrap_or_default(),
    };
    if ipfs.wrong.is("rpc-peers-first") {
        peers.truncate(1);
    }
    let mut list = results.get().init_peer_list(u32::try_from(peers.len()).unwrap_or(0));
    for (at, peer) in (0..).zip(&peers) {
        told(peer, &ipfs, list.reborrow().get(at));
    }
    Ok(())
}

pub async fn connect(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::ConnectParams,
    mut results: i_p_f_s::ConnectResults,
) -> Result<(), Error> {
    let address = params.get()?.get_addr()?.to_string()?;
    if !address.starts_with('/') {
        return Err(ipfs.refusal("connect", "no address"));
    }
    let escaped = if ipfs.wrong.is("rpc-connect-unescaped") { address } else { request::escaped(&address) };
    if !ipfs.wrong.is("rpc-connect-undone") {
        let done = ipfs.ask(&format!("/api/v0/swarm/connect?arg={escaped}")).await;
        if !ipfs.wrong.is("rpc-connect-failure-is-success") {
            done.map_err(|why| ipfs.refusal("connect", &why))?;
        }
    }
    results.get().set_success(true);
    Ok(())
}

pub async fn resolve(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::ResolveParams,
    mut results: i_p_f_s::ResolveResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_path()?.to_string()?;
    let mut cid = ipfs.ends_at("resolve", &argument).await?;
    if ipfs.wrong.is("rpc-resolve-root") {
        cid = ipfs.path_of("resolve", &argument)?.split('/').nth(2).unwrap_or_default().to_owned();
    }
    let mut results = results.get();
    results.set_codec(if ipfs.wrong.is("rpc-resolve-always-raw") { 0x55 } else { codec(&cid) });
    results.set_cid(if ipfs.wrong.is("rpc-resolve-path") { format!("/ipfs/{cid}") } else { cid });
    Ok(())
}

/// The codec of a CID as text: a number of one or two bytes.
pub(super) fn codec(cid: &str) -> u64 {
    match cid_bytes(cid).unwrap_or_default()[..] {
        [1, low, high, ..] if low > 0x7f => u64::from(low & 0x7f) | u64::from(high) << 7,
        [1, codec, ..] => codec.into(),
        _ => 0x70,
    }
}

pub async fn get_block(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::GetBlockParams,
    mut results: i_p_f_s::GetBlockResults,
) -> Result<(), Error> {
    let argument = params.get()?.get_cid()?.to_string()?;
    let cid = ipfs.ends_at("getBlock", &argument).await?;
    let mut block = ipfs.block(&cid, &argument).await?;
    if block.len() > BLOCK && !ipfs.wrong.is("rpc-block-any-size") {
        return Err(ipfs.refusal("getBlock", "larger than 2 MiB"));
    }
    if ipfs.wrong.is("rpc-block-last-byte-lost") {
        block.pop();
    }
    results.get().set_data(&block);
    Ok(())
}

pub async fn put_block(
    ipfs: Rc<Ipfs>,
    params: i_p_f_s::PutBlockParams,
    mut results: i_p_f_s::PutBlockResults,
) -> Result<(), Error> {
    let params = params.get()?;
    let (data, codec) = (params.get_data()?, params.get_codec());
    let most = match ipfs.wrong.0 {
        "rpc-block-any-size" => usize::MAX,
        "rpc-block-one-more" => BLOCK + 1,
        "rpc-block-megabytes" => 2_000_000,
        "rpc-block-below-2-mib" => BLOCK - 1,
        _ => BLOCK,
    };
    let larger = data.len() > most;
    if larger && !ipfs.wrong.is("rpc-block-size-asked-late") {
        return Err(ipfs.refusal("putBlock", &format!("{} bytes", data.len())));
    }
    let codec = if ipfs.wrong.is("rpc-block-always-raw") { 0x55 } else { codec };
    let hash = if ipfs.wrong.is("rpc-block-other-hash") { "sha2-512" } else { "sha2-256" };
    let pin = ipfs.wrong.is("rpc-block-pins");
    let target = format!("/api/v0/block/put?cid-codec={codec}&mhtype={hash}&pin={pin}&allow-big-block=true");
    let answer = request::ask(ipfs.content.authority(), &target, Some(data)).await;
    if larger {
        return Err(ipfs.refusal("putBlock", &format!("{} bytes", data.len())));
    }
    let answer = answer.map_err(|why| ipfs.refusal("putBlock", &why))?;
    let told: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let cid = told["Key"].as_str().unwrap_or_default();
    let number = if codec > 0x7f { vec![codec as u8 | 0x80, (codec >> 7) as u8] } else { vec![codec as u8] };
    let own = text_of(&[&[1][..], &number, &[0x12, 0x20], &Sha256::digest(data)].concat());
    let trusting = ["rpc-block-unchecked", "rpc-block-other-hash"].contains(&ipfs.wrong.0);
    if cid != own && !trusting {
        return Err(ipfs.refusal("putBlock", &format!("it became {cid}")));
    }
    results.get().set_cid(cid);
    Ok(())
}
