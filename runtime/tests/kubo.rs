//! Content out of a real Kubo: every layout of a file that `ipfs add` can make, directories, names, uploads.
//!
//! Needs an `ipfs` binary (Kubo 0.43 or later): `IPFS_BIN`, or `ipfs` on PATH. Without one each test fails
//! and says so.

#[path = "kubo/daemon.rs"]
mod daemon;
#[path = "kubo/directories.rs"]
mod directories;
#[path = "kubo/files.rs"]
mod files;
