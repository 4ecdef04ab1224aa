//! What `ww store` prints: for people, or one JSON object whose keys stay what they are.
//!
//! What must stay true: text that comes from the store has no control characters, for it reaches a terminal. Standard output has
//! the answer alone. The keys are those of docs/guide/store.md.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::collect::{opened, packs};
use super::rewrite::Which;
use super::{Collected, Kept, Place, Store, StoreError, Verified};
use crate::amount::Bytes;
use crate::block::Cid;
use crate::tame::tame;

/// What is asked of `ww store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreArgs {
    /// What to do.
    pub task: StoreTask,
    /// Whether a program reads the answer.
    pub json: bool,
}

/// What to do with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreTask {
    /// Say how large it is.
    Stat,
    /// List what is kept.
    List,
    /// Hash everything again.
    Verify,
    /// Free what nothing keeps.
    Collect,
    /// No longer keep these: CIDs or names.
    Remove(Vec<String>),
}

/// What is printed, and whether all is well.
#[derive(Debug)]
pub struct Report {
    /// For standard output.
    pub text: String,
    /// Whether the exit code is 0.
    pub well: bool,
}

/// Does what was asked of `ww store`; `went` hears how many bytes of how many are done, where that may take long.
///
/// # Errors
/// Where the store can't do it.
pub fn perform(args: &StoreArgs, went: &mut dyn FnMut(u64, u64)) -> Result<Report, StoreError> {
    let store = Store::open(&Place::of_environment()?)?;
    let (value, text, well) = match &args.task {
        StoreTask::Stat => stat(&store).map(|(value, text)| (value, text, true)),
        StoreTask::List => store.roots().map(|roots| (json!({ "roots": listed(&roots) }), table(&roots), true)),
        StoreTask::Verify => store.verify_watched(went).map(|found| (found.value(), found.text(), found.is_clean())),
        StoreTask::Collect => {
            store.collect_watched(went).map(|done| (done.value(), done.text(), done.damaged.is_empty()))
        }
        StoreTask::Remove(words) => {
            store.remove_all(words).map(|gone| (json!({ "removed": listed(&gone) }), table(&gone), true))
        }
    }?;
    Ok(Report { text: if args.json { format!("{value}\n") } else { text }, well })
}

fn stat(store: &Store) -> Result<(Value, String), StoreError> {
    let roots = store.roots()?;
    let count = |which| {
        let folder = store.shelf(which).folder();
        let failed = StoreError::io("count blocks", folder.path());
        let (mut blocks, mut bytes) = (0, 0);
        for name in packs(folder).map_err(&failed)? {
            bytes += folder.look(&name).map_err(&failed)?.map_or(0, |known| known.len());
            blocks += opened(folder, &name).map_or(0, |pack| pack.blocks());
        }
        Ok::<(u64, u64), StoreError>((blocks, bytes))
    };
    let (kept, cached, limit) = (count(Which::Kept)?, count(Which::Cached)?, store.gathered().limit());
    let path = store.home().path().display().to_string();
    let value = json!({
        "path": path,
        "kept": { "roots": roots.len(), "blocks": kept.0, "bytes": kept.1 },
        "cache": { "blocks": cached.0, "bytes": cached.1, "limit": limit },
    });
    let text = format!(
        "store  {}\nkept   {} in {} blocks, by {} names\ncache  {} of {} in {} blocks\n",
        tame(&path),
        Bytes(kept.1),
        kept.0,
        roots.len(),
        Bytes(cached.1),
        Bytes(limit),
        cached.0
    );
    Ok((value, text))
}

fn listed(roots: &[Kept]) -> Vec<Value> {
    let one = |kept: &Kept| {
        json!({
            "cid": kept.cid.to_string(),
            "name": kept.name,
            "pinned": kept.pinned,
            "size": kept.size,
            "blocks": kept.blocks,
            "since": seconds(kept.since),
        })
    };
    roots.iter().map(one).collect()
}

fn table(roots: &[Kept]) -> String {
    let mut text = String::new();
    for kept in roots {
        let name = match kept.pinned {
            true => "(pinned)".to_owned(),
            false => kept.name.as_deref().map(tame).unwrap_or_default(),
        };
        let line = format!("{}  {:>10}  {}  {name}", kept.cid, Bytes(kept.size).to_string(), date(seconds(kept.since)));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

impl Verified {
    fn value(&self) -> Value {
        let missing: Vec<Value> =
            self.missing.iter().map(|(root, blocks)| json!({ "root": root, "blocks": blocks })).collect();
        json!({
            "clean": self.is_clean(),
            "blocks": self.blocks,
            "bytes": self.bytes,
            "rotten": rotten(&self.rotten),
            "damaged": self.damaged,
            "missing": missing,
            "unreadable": self.unreadable,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (cid, pack) in &self.rotten {
            let _ = writeln!(text, "rotten   {cid} (in {}), set aside", tame(pack));
        }
        for pack in &self.damaged {
            let _ = writeln!(text, "damaged  {}: what was good in it was kept", tame(pack));
        }
        for (root, blocks) in &self.missing {
            let _ = writeln!(text, "missing  {blocks} blocks of {root}: export it again");
        }
        for why in &self.unreadable {
            let _ = writeln!(text, "broken   {}", tame(why));
        }
        let _ = writeln!(text, "{} good blocks, {}", self.blocks, Bytes(self.bytes));
        text
    }
}

impl Collected {
    fn value(&self) -> Value {
        json!({
            "freed": self.freed,
            "blocks": self.blocks,
            "rotten": rotten(&self.rotten),
            "damaged": self.damaged,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (cid, pack) in &self.rotten {
            let _ = writeln!(text, "rotten   {cid} (in {}), not kept", tame(pack));
        }
        for pack in &self.damaged {
            let _ = writeln!(text, "damaged  {}: left as it is, see `ww store verify`", tame(pack));
        }
        let _ = writeln!(text, "freed {}, {} blocks", Bytes(self.freed), self.blocks);
        text
    }
}

fn rotten(all: &[(Cid, String)]) -> Vec<Value> {
    all.iter().map(|(cid, pack)| json!({ "cid": cid.to_string(), "pack": pack })).collect()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A day and time in UTC, as RFC 3339 has it. The day by Howard Hinnant's `civil_from_days`.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, past) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + past;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_689_907, "2026-11-26T10:45:07Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(date(seconds), text);
        }
    }
}
