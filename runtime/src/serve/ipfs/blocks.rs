//! Single blocks: `resolve`, `getBlock`, `putBlock`.
//!
//! Serves: rulings 13, 15, 20; clauses RPC-25, RPC-28.

use capnp::Error;
use ww_schema::system_capnp::i_p_f_s;

use super::super::gate::SMALL;
use super::super::refusal::Refusal;
use super::{Ipfs, length, parse};
use crate::content::ContentError;

/// The largest block, in bytes (`system.capnp`).
const BLOCK: u64 = 2 << 20;
/// Codecs are unsigned varints of at most nine bytes (the multiformats' specification of them).
const CODECS: u64 = 1 << 63;

pub(super) async fn resolve(
    ipfs: &Ipfs,
    params: i_p_f_s::ResolveParams,
    mut results: i_p_f_s::ResolveResults,
) -> Result<(), Error> {
    let method = "resolve";
    let (shown, path) = parse(method, params.get()?.get_path()?)?;
    drop(params);
    let _turn = ipfs.gate.small_call().await;
    let cid = ipfs.content.resolve(&path).await.map_err(|source| Refusal::retrieval(method, &shown, source, ""))?;
    let mut results = results.get();
    results.set_cid(cid.to_string());
    results.set_codec(cid.codec());
    Ok(())
}

pub(super) async fn get_block(
    ipfs: &Ipfs,
    params: i_p_f_s::GetBlockParams,
    mut results: i_p_f_s::GetBlockResults,
) -> Result<(), Error> {
    let method = "getBlock";
    let (shown, path) = parse(method, params.get()?.get_cid()?)?;
    drop(params);
    let refuse = |source| Refusal::retrieval(method, &shown, source, "");
    let (cid, small) = {
        let _turn = ipfs.gate.small_call().await;
        let cid = ipfs.content.resolve(&path).await.map_err(refuse)?;
        match ipfs.content.block(&cid, SMALL).await {
            Ok(block) => return give(&block, &mut results),
            Err(error) => (cid, error),
        }
    };
    let ContentError::TooLarge { .. } = small else {
        return Err(refuse(small).into());
    };
    let _turn = ipfs.gate.large_call().await;
    let block = ipfs.content.block(&cid, BLOCK).await.map_err(refuse)?;
    give(&block, &mut results)
}

fn give(block: &[u8], results: &mut i_p_f_s::GetBlockResults) -> Result<(), Error> {
    results.get().init_data(length(block.len())?).copy_from_slice(block);
    Ok(())
}

pub(super) async fn put_block(
    ipfs: &Ipfs,
    params: i_p_f_s::PutBlockParams,
    mut results: i_p_f_s::PutBlockResults,
) -> Result<(), Error> {
    let method = "putBlock";
    let (codec, data) = {
        let params = params.get()?;
        (params.get_codec(), params.get_data()?)
    };
    let size = data.len();
    if size as u64 > BLOCK {
        return Err(Refusal::LargeBlock { method, size, limit: BLOCK }.into());
    }
    if codec >= CODECS {
        return Err(Refusal::NotACodec { method, codec }.into());
    }
    let (_small, _large);
    match size as u64 <= SMALL {
        true => _small = ipfs.gate.small_call().await,
        false => _large = ipfs.gate.large_call_of_message().await,
    }
    let data = data.to_vec();
    drop(params);
    let cid = ipfs.content.put_block(data, codec).await.map_err(|source| Refusal::Daemon { method, source })?;
    results.get().set_cid(cid.to_string());
    Ok(())
}
