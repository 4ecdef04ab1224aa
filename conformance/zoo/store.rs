//! Faults of the store: what stands before the real one takes a part of its store away, or uses it in a way of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use super::around::{accompany, stood_by};
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    Fault::new("store-rot-untold", "STORE-14", "fetches what rotted again, and says nothing", |call| {
        if store().is_none() {
            return call.become_real();
        }
        nix::sys::signal::SigSet::all().thread_block().ok();
        let child = call.real().stderr(Stdio::null()).spawn();
        child.map_or(ExitCode::from(99), |child| ExitCode::from(accompany(child, |_| true)))
    }),
    Fault::new("store-lock-stale", "STORE-15", "takes a store that somebody was killed with for one in use", |call| {
        claimed(&call, |_| false)
    }),
    Fault::new("store-one-at-a-time", "STORE-16", "refuses a store that another one uses", |call| {
        claimed(&call, |pid| !Path::new("/proc").join(pid).exists())
    }),
    Fault::new("store-limit-ignored", "STORE-17", "caches without a limit", |call| {
        // Before the real one starts there is one thread.
        without("WW_STORE_LIMIT", call)
    }),
    Fault::new("store-read-only-unused", "STORE-18", "doesn't use a store that it can't write to", |call| {
        let usable = store().is_none_or(|store| !store.exists() || File::create(store.join("tried")).is_ok());
        if let (true, Some(store)) = (usable, store()) {
            fs::remove_file(store.join("tried")).ok();
        }
        if usable { call.become_real() } else { elsewhere(&call) }
    }),
    Fault::new("store-open-to-others", "STORE-19", "leaves the store open to everybody", |call| {
        let code = stood_by(&call, |_| true);
        if let Some(store) = store() {
            fs::set_permissions(store, fs::Permissions::from_mode(0o755)).ok();
        }
        ExitCode::from(code)
    }),
];

/// The store that a case names.
fn store() -> Option<PathBuf> {
    std::env::var_os("WW_STORE").map(PathBuf::from)
}

/// Runs the real one with a mark beside the store that goes with it; a mark of another is in the way, unless it is `dead`.
fn claimed(call: &Call, dead: fn(&str) -> bool) -> ExitCode {
    let Some(store) = store() else { return call.clone().become_real() };
    let mark = store.with_extension("in-use");
    if let Ok(pid) = fs::read_to_string(&mark)
        && !dead(&pid)
    {
        return says("ww: failed to get IPFS path: the store is in use", 1);
    }
    fs::write(&mark, std::process::id().to_string()).ok();
    let code = stood_by(call, |_| true);
    fs::remove_file(mark).ok();
    ExitCode::from(code)
}

/// The real one, without a variable.
fn without(variable: &str, call: Call) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let fault = call.real().env_remove(variable).exec();
    says(&format!("ww-faulty: {fault}"), 99)
}

/// The real one, with an empty store that goes with it.
fn elsewhere(call: &Call) -> ExitCode {
    let own: OsString = std::env::temp_dir().join(format!("ww-store-{}", std::process::id())).into();
    let status = call.real().env("WW_STORE", &own).status();
    fs::remove_dir_all(own).ok();
    ExitCode::from(status.ok().and_then(|status| status.code()).map_or(99, |code| code as u8))
}
