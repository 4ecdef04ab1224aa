//! A file system of one run's own: small, read-only or without execution, as a case asks.
//!
//! What must stay true: it is mounted in a namespace of the launcher's, so that nothing of it is
//! left on the machine however the run ends.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::plan::Tmpfs;

/// Mounts it for this process and those that it starts.
pub(super) fn make(tmpfs: &Tmpfs) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&Path>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = if tmpfs.noexec { MsFlags::MS_NOEXEC } else { MsFlags::empty() };
    let options = format!("size={},mode=1777", tmpfs.bytes);
    mount(Some("tmpfs"), &tmpfs.at, Some("tmpfs"), flags, Some(options.as_str()))?;
    for (from, name) in &tmpfs.holds {
        let path = tmpfs.at.join(name);
        fs::copy(from, &path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    if tmpfs.read_only {
        let again = flags | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(nothing, &tmpfs.at, nothing, again, nothing)?;
    }
    Ok(())
}

/// Names of what lies on it and wasn't there at the start.
pub(super) fn left(tmpfs: &Tmpfs) -> Vec<String> {
    let names = fs::read_dir(&tmpfs.at).into_iter().flatten().flatten();
    let mut names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| tmpfs.holds.iter().all(|(_, held)| held != name));
    names
}
