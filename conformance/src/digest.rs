//! SHA-256 of what a report names: the specification, a clause, an implementation.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::adapter::Adapter;
use crate::clauses::CLAUSES_TOML;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Of bytes, in hex.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of the specification that is built into the suite.
#[must_use]
pub fn specification() -> String {
    of(CLAUSES_TOML.as_bytes())
}

/// Of the program that an implementation's command begins with; nothing where it can't be read.
#[must_use]
pub fn program(adapter: &Adapter) -> Option<String> {
    let digest = || -> io::Result<String> {
        let mut file = File::open(adapter.command.first().map_or("", String::as_str))?;
        let (mut hasher, mut part) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut part)? {
                0 => return Ok(hex(&hasher.finalize())),
                count => hasher.update(&part[..count]),
            }
        }
    };
    digest().ok()
}
