//! `diff`: where two implementations part.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ww_conformance::adapter::Adapter;
use ww_conformance::diff::{Options, aspects, compare};
use ww_conformance::runner::{self, StopSign};
use ww_conformance::setup::Setup;
use ww_conformance::verdict::Stop;

use super::args::Diff;
use super::run::fresh_seed;
use super::say::say;
use super::{Ended, Trouble, harness, usage};

pub fn diff(wanted: &Diff) -> Result<Ended, Trouble> {
    if let Some(unknown) = wanted.ignore.iter().find(|name| !aspects().contains(&name.as_str())) {
        return Err(usage(format!("{unknown:?} is no aspect; they are {}", aspects().join(", "))));
    }
    runner::block().map_err(harness)?;
    let (a, b) = (adapter(&wanted.a)?, adapter(&wanted.b)?);
    let a = Setup::new(a, &Setup::beside().map_err(harness)?, None).map_err(harness)?;
    let b = a.judging(b);
    let sign = Arc::new(StopSign::new().map_err(harness)?);
    let signal = runner::raise_on_signals(&sign).map_err(harness)?;
    let options = Options {
        seed: wanted.seed.unwrap_or_else(fresh_seed),
        tries: wanted.tries,
        ignore: wanted.ignore.iter().cloned().collect(),
        most: wanted.most,
        sign: Some(sign),
    };
    say!("A: {}\nB: {}", a.adapter().command.join(" "), b.adapter().command.join(" "));
    let found = compare(&a, &b, &options).map_err(|stop| match stop {
        Stop::Fail(why) => usage(why),
        other => harness(other.to_string()),
    })?;
    say!("{found}");
    Ok(match (signal.load(Ordering::SeqCst), found.differences.is_empty()) {
        (0, true) => Ended::Well,
        (0, false) => Ended::NotConformant,
        (number, _) => Ended::Interrupted(u8::try_from(number).unwrap_or(0)),
    })
}

/// An adapter's file, or a command.
fn adapter(word: &str) -> Result<Adapter, Trouble> {
    match word.ends_with(".toml") {
        true => Adapter::read(Path::new(word)).map_err(usage),
        false => Adapter::of_command(word).map_err(usage),
    }
}
