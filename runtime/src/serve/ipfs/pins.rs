//! `pin`, `unpin`, `pins`: recursive pins of the daemon's, or of the store's where there is no daemon; all of them or those
//! that this run made.
//!
//! - What it does: below `full`, keeps which pins this run made, and where. One that was there before isn't: the user made it,
//!   or another run, and only the user ends it.
//! - What must stay true: what is kept is bounded ([`MOST`]). A pin that isn't kept is never removed below `full`.
//! - Serves: rulings 13, 15, 20; clauses RPC-23, ACC-03 to ACC-05, ACC-08, ACC-09.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use capnp::Error;
use ww_schema::system_capnp::i_p_f_s;

use super::super::refusal::{self, Refusal};
use super::{Ipfs, LIMIT, length, parse};
use crate::access::Access;
use crate::content::{Cid, Content, ContentError, Keeper};

/// The most pins that a run makes below `full`: some 100 bytes each.
const MOST: usize = 8192;
/// What a text takes in a message beside itself, in bytes: a pointer, a NUL, the rest of its last word.
const AROUND: usize = 16;

/// Pins as far as the run may have them.
pub(super) struct Pins {
    content: Content,
    access: Access,
    /// Those that this run made, as the bytes of their CIDs, and who keeps each.
    made: RefCell<BTreeMap<Vec<u8>, Keeper>>,
}

impl Pins {
    pub(super) fn new(content: Content, access: Access) -> Rc<Pins> {
        Rc::new(Pins { content, access, made: RefCell::default() })
    }

    /// Pins what is below a CID, and keeps that it was this run that did. `shown` is how the cell named it.
    pub(super) async fn pin(&self, method: &'static str, cid: &Cid, shown: &str) -> Result<(), Refusal> {
        let refuse = |source| Refusal::pin(method, shown, source);
        let keeper = self.content.keeper().await;
        if self.access < Access::Full {
            if self.content.is_pinned(keeper, cid).await.map_err(refuse)? {
                return Ok(());
            }
            // Before the pin, for nobody to do anything in vain.
            if self.made.borrow().len() >= MOST {
                return Err(Refusal::Pins { method, most: MOST });
            }
        }
        self.content.pin(keeper, cid).await.map_err(|source| match source {
            ContentError::Store(_) | ContentError::LargePin { .. } => refuse(source),
            // It is the host that gets what is below.
            source if keeper == Keeper::Store => Refusal::retrieval(method, shown, source, ""),
            source => refuse(source),
        })?;
        // Not before: what this run failed to pin others may pin later.
        if self.access < Access::Full {
            self.made.borrow_mut().insert(cid.to_bytes(), keeper);
        }
        Ok(())
    }

    async fn unpin(&self, method: &'static str, cid: &Cid, shown: &str) -> Result<(), Refusal> {
        let key = cid.to_bytes();
        let made = self.made.borrow().get(&key).copied();
        let keeper = match made {
            Some(keeper) => keeper,
            None if self.access < Access::Full => {
                return Err(Refusal::OthersPin { method, path: refusal::shown(shown) });
            }
            None => self.content.keeper().await,
        };
        let done = self.content.unpin(keeper, cid).await;
        // Where it says no, there is no such pin any more.
        if matches!(done, Ok(()) | Err(ContentError::Daemon { .. } | ContentError::NotPinned)) {
            self.made.borrow_mut().remove(&key);
        }
        done.map_err(|source| Refusal::pin(method, shown, source))
    }
}

pub(super) async fn pin(
    ipfs: &Ipfs,
    params: i_p_f_s::PinParams,
    mut results: i_p_f_s::PinResults,
) -> Result<(), Error> {
    let method = "pin";
    let (shown, path) = parse(method, params.get()?.get_cid()?)?;
    drop(params);
    let _turn = ipfs.gate.small_call().await;
    let refuse = |source| Refusal::retrieval(method, &shown, source, "");
    let cid = ipfs.content.resolve(&path).await.map_err(refuse)?;
    // It would be fetched anyway; so it is known what failed where it can't be had.
    ipfs.content.check(&cid).await.map_err(refuse)?;
    ipfs.pins.pin(method, &cid, &shown).await?;
    results.get().set_success(true);
    Ok(())
}

pub(super) async fn unpin(
    ipfs: &Ipfs,
    params: i_p_f_s::UnpinParams,
    mut results: i_p_f_s::UnpinResults,
) -> Result<(), Error> {
    let method = "unpin";
    let (shown, path) = parse(method, params.get()?.get_cid()?)?;
    drop(params);
    let _turn = ipfs.gate.small_call().await;
    let cid = ipfs.content.resolve(&path).await;
    let cid = cid.map_err(|source| Refusal::retrieval(method, &shown, source, ""))?;
    ipfs.pins.unpin(method, &cid, &shown).await?;
    results.get().set_success(true);
    Ok(())
}

pub(super) async fn pins(
    ipfs: &Ipfs,
    params: i_p_f_s::PinsParams,
    mut results: i_p_f_s::PinsResults,
) -> Result<(), Error> {
    let method = "pins";
    drop(params);
    let _turn = ipfs.gate.large_call().await;
    let mut found = Packed::default();
    if ipfs.pins.access == Access::Full {
        let keeper = ipfs.content.keeper().await;
        let listed = ipfs.content.pins(keeper, |cid| found.push(&cid.to_bytes())).await;
        listed.map_err(|source| match source {
            ContentError::TooLarge { limit } => {
                Refusal::LargeList { method, limit, instead: "`ipfs pin ls` or `ww store ls`" }
            }
            source => Refusal::Daemon { method, source },
        })?;
    } else {
        let kept = ipfs.pins.made.borrow();
        // So few fit.
        let _ = kept.keys().try_for_each(|cid| found.push(cid));
    }
    let mut list = results.get().init_cids(length(found.count)?);
    for (index, cid) in (0..).zip(found.iter()) {
        list.set(index, cid.to_string());
    }
    Ok(())
}

/// Many CIDs in little memory: each behind its length.
#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    count: usize,
    /// What they take as texts in a message.
    message: u64,
}

impl Packed {
    fn push(&mut self, cid: &[u8]) -> Result<(), ContentError> {
        // Five bits a character, in base 32.
        self.message += (cid.len() * 8 / 5 + AROUND) as u64;
        match u8::try_from(cid.len()) {
            Ok(length) if self.message <= LIMIT => self.bytes.push(length),
            _ => return Err(ContentError::TooLarge { limit: LIMIT }),
        }
        self.bytes.extend_from_slice(cid);
        self.count += 1;
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = Cid> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (cid, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Cid::try_from(cid).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_38_many_cids_fit_into_one_message_or_are_refused() {
        let cid = [&[1, 0x55, 0x12, 32][..], &[7; 32]].concat();
        let mut packed = Packed::default();
        while packed.push(&cid).is_ok() {}
        assert!(packed.count > 100_000 && packed.bytes.capacity() <= 8 << 20);
        assert_eq!(packed.iter().count(), packed.count);
        let text = packed.iter().next().unwrap().to_string();
        // A word for the pointer, and the text with its NUL in whole words.
        assert!(packed.count * (8 + (text.len() + 8) / 8 * 8) <= 9 << 20);
    }
}
