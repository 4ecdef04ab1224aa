//! CIDs, as text and as bytes.
//!
//! What must stay true: nothing follows a CID, and nothing goes before it.

use multibase::Base;

/// A CID whose digest may have 128 bytes, the most that Kubo puts into an identity CID (`--inline-limit`).
pub type Cid = cid::CidGeneric<128>;

/// A CID of ours, in the size of all.
pub(crate) fn wide(cid: &cid::Cid) -> Cid {
    cid_from_bytes(&cid.to_bytes()).expect("a CID that was made parses")
}

/// Parses a CID's text whole. The crate's own parser looks for `/ipfs/` in it and ignores bytes that
/// follow the digest; neither may pass here.
pub(crate) fn parse_cid(text: &str) -> Option<Cid> {
    // 128 bytes of identity digest in base 2 are some 1,100 characters; base 58 decodes in square time.
    if text.len() < 2 || text.len() > 1200 || text.contains('/') {
        return None;
    }
    let v0 = text.len() == 46 && text.starts_with("Qm");
    let bytes = if v0 { Base::Base58Btc.decode(text).ok()? } else { multibase::decode(text).ok()?.1 };
    let cid = cid_from_bytes(&bytes)?;
    (v0 == (cid.version() == cid::Version::V0)).then_some(cid)
}

/// Reads a binary CID, all of `bytes`.
pub(crate) fn cid_from_bytes(mut bytes: &[u8]) -> Option<Cid> {
    let cid = Cid::read_bytes(&mut bytes).ok()?;
    bytes.is_empty().then_some(cid)
}
