//! A payload read from its beginning, section by section, as if there were no index.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::header::varint;
use super::{Section, damaged, section};

/// Calls `each` with every section and its offset; says whether all of the payload could be read so.
pub(super) fn all(file: &File, start: u64, length: u64, each: &mut dyn FnMut(u64, Section)) -> io::Result<bool> {
    let mut offset = first(file, start, length)?;
    while offset < length {
        match section(file, start, length, offset) {
            Ok(found) => {
                let end = found.end;
                each(offset, found);
                offset = end;
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(offset == length)
}

/// Where the first section is: after the payload's header.
pub(super) fn first(file: &File, start: u64, length: u64) -> io::Result<u64> {
    let mut head = [0; 9];
    let read = (length as usize).min(head.len());
    file.read_exact_at(&mut head[..read], start)?;
    let (size, prefix) = varint(&head[..read]).ok_or_else(|| damaged("its payload's header"))?;
    Ok(size.saturating_add(prefix as u64))
}
