//! The directory of a store: whose it is, and how it becomes one.
//!
//! What must stay true: a directory that is somebody else's, or has anything else in it, is left as it is. One that is
//! begun twice, or whose maker was killed, is the same store.
//! Serves: ruling 16; clause STORE-19.

use std::io;

use super::folder::Folder;
use super::{StoreError, fresh_name, lock};

/// What the store's first file says.
pub(super) const VERSION: &str = "ww store 1\n";

/// Refuses a directory of somebody else's, and closes an own one to others.
pub(super) fn own(home: &Folder) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let known = home.metadata().map_err(StoreError::io("look at it", home.path()))?;
    if known.uid() != nix::unistd::geteuid().as_raw() {
        let why = format!("it belongs to another user (uid {}): name your own by WW_STORE", known.uid());
        return Err(refused(home, &why));
    }
    if known.mode() & 0o077 != 0 {
        // Read-only, it can't be closed, but then nobody can put anything into it.
        let _ = home.close_to_others();
    }
    Ok(())
}

/// Makes a store in an empty directory, or completes one whose maker was killed.
pub(super) fn begin(home: &Folder) -> Result<(), StoreError> {
    let failed = StoreError::io("make it", home.path());
    let parts = ["kept", "cache", "roots", "tmp", "aside", "lock"];
    let strange =
        home.names().map_err(&failed)?.into_iter().find(|name| !parts.contains(&name.as_str()) && name != "version");
    if let Some(name) = strange {
        return Err(refused(home, &format!("it is not a store, and not empty (it has '{name}')")));
    }
    // Nobody who clears `tmp` meets what is on its way.
    let _held = lock::shared(home)?;
    for name in &parts[..5] {
        home.made(name).map_err(&failed)?;
    }
    let tmp = home.made("tmp").map_err(&failed)?;
    let name = fresh_name();
    let mut file = tmp.create(&name, 0o400).map_err(&failed)?;
    io::Write::write_all(&mut file, VERSION.as_bytes()).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    tmp.rename(&name, home, "version").map_err(&failed)?;
    home.sync().map_err(&failed)
}

pub(super) fn refused(home: &Folder, why: &str) -> StoreError {
    StoreError::Refused { path: home.path().to_owned(), why: why.to_owned() }
}
