//! `replay`: one failed case again, from what it left.

use std::sync::Arc;

use ww_conformance::adapter::Adapter;
use ww_conformance::bundle::Bundle;
use ww_conformance::digest;
use ww_conformance::runner::{self, StopSign, Task};
use ww_conformance::setup::Setup;
use ww_conformance::trials;
use ww_conformance::verdict::Stop;

use super::args::Replay;
use super::say::say;
use super::{Ended, Trouble, harness, usage};

pub fn replay(wanted: &Replay) -> Result<Ended, Trouble> {
    runner::block().map_err(harness)?;
    let bundle = Bundle::read(&wanted.bundle).map_err(usage)?;
    let named = wanted.judged.adapter.is_some() || wanted.judged.impl_.is_some();
    let adapter = match named {
        true => Adapter { profiles: bundle.adapter.profiles.clone(), ..wanted.judged.adapter(&[])? },
        false => bundle.adapter.clone(),
    };
    for (what, then, now) in [
        ("the specification", Some(bundle.specification.clone()), Some(digest::specification())),
        ("the implementation", bundle.implementation.clone(), digest::program(&adapter)),
        ("the suite", Some(bundle.suite.clone()), Some(env!("CARGO_PKG_VERSION").to_owned())),
    ] {
        if then != now {
            let word = |digest: Option<String>| digest.unwrap_or_else(|| "unknown".into());
            say!("note: {what} was {}, and is {}", word(then), word(now));
        }
    }
    let trial = trials::trial(&bundle.case, bundle.layout, &adapter).map_err(usage)?;
    let setup = Setup::new(adapter, &Setup::beside().map_err(harness)?, wanted.judged.node).map_err(harness)?;
    let task = Task { trial, setup: setup.seeded(bundle.seed), bundle: None, sketch: false };
    let sign = Arc::new(StopSign::new().map_err(harness)?);
    let signal = runner::raise_on_signals(&sign).map_err(harness)?;
    let mut now = None;
    runner::run(std::slice::from_ref(&task), 1, &sign, |_, done| now = Some(done));
    let Some(now) = now else {
        let number = signal.load(std::sync::atomic::Ordering::SeqCst);
        return Ok(Ended::Interrupted(u8::try_from(number).unwrap_or(0)));
    };
    say!("{}, layout {}, seed {}", bundle.case, bundle.layout.name(), bundle.seed);
    say!("then: {}\n", bundle.stop);
    Ok(match now.stop {
        None => {
            say!("now:  it passes");
            Ended::Well
        }
        Some(Stop::Fail(text)) => {
            say!("now:  {text}");
            Ended::NotConformant
        }
        Some(other @ Stop::Harness(_)) => {
            say!("now:  {other}");
            Ended::HarnessFault
        }
        Some(other) => {
            say!("now:  {other}");
            Ended::Nothing
        }
    })
}
