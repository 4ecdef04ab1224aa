//! What the store says while others go on: a rotten block, once.
//!
//! What must stay true: a block is told once, by whichever process meets it first: its bytes set aside are the sign. `main` alone
//! prints errors; this is none, as whoever asked gets the block from elsewhere, or an error of its own.

use std::io::Write;
use std::path::Path;

use super::folder::Folder;
use super::pack::Location;
use crate::block::Cid;
use crate::notice::warning;
use crate::phrase::told;
use crate::tame::tame;

/// The most that is set aside, in files.
const ASIDE_MAX: usize = 256;

/// Sets a rotten block aside and tells it, unless that was done before.
pub(super) fn rotten(home: &Folder, shelf: &Path, cid: &Cid, place: &Location) {
    let pack = shelf.join(&place.name);
    if set_aside(home, cid, place) {
        let pack = tame(&pack.display().to_string());
        warning(format_args!("rotten block {cid} in {pack}: set aside, and not used"));
    }
}

/// Tells that a pack can't be read. Comes once a process.
pub(super) fn damaged(pack: &Path, why: &std::io::Error) {
    let pack = tame(&pack.display().to_string());
    warning(format_args!("cannot read {pack}: {}: `ww store verify` repairs what it can", told(why)));
}

/// Sets a rotten block aside, and says whether it is new. Where nothing can be set aside, everything is.
pub(super) fn set_aside(home: &Folder, cid: &Cid, place: &Location) -> bool {
    let Ok(aside) = home.made("aside") else { return true };
    let name = format!("{}-{}", place.name.trim_end_matches(super::pack::SUFFIX), place.offset);
    match aside.look(&name) {
        Ok(Some(_)) => return false,
        Ok(None) => {}
        Err(_) => return true,
    }
    if aside.names().is_ok_and(|names| names.len() < ASIDE_MAX)
        && let Ok(mut file) = aside.create(&name, 0o400)
    {
        let block = place.pack.section(place.offset).map(|found| found.block).unwrap_or_default();
        let _ = writeln!(file, "{cid}").and_then(|()| file.write_all(&block));
    }
    true
}
