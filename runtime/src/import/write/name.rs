//! Names and targets of links that come with content: bytes in, what the kernel takes out.
//!
//! - What must stay true: a name that exists here is one name: it leads to an entry of the directory that it is used in.
//! - Serves: STORE-10, STORE-28.

use std::ffi::CString;

/// The longest name, in bytes (NAME_MAX).
const NAME: usize = 255;
/// The longest target of a symlink, in bytes: PATH_MAX counts the NUL.
const TARGET: usize = 4095;
/// How much of a name is in a message, in characters.
const SHOWN: usize = 200;

/// An entry's name.
pub(super) fn parsed(name: &[u8]) -> Result<CString, &'static str> {
    match name {
        b"" => Err("an entry has no name"),
        b"." | b".." => Err("its name is that of another directory"),
        name if name.contains(&b'/') => Err("its name has a slash in it"),
        name if name.len() > NAME => Err("its name has more than 255 bytes"),
        name => CString::new(name).map_err(|_| "its name has a NUL in it"),
    }
}

/// Where a symlink points: anywhere, as nobody follows it here.
pub(super) fn target(to: Vec<u8>) -> Result<CString, &'static str> {
    match to.len() {
        0 => Err("a symlink that points nowhere"),
        1..=TARGET => CString::new(to).map_err(|_| "a symlink with a NUL in its target"),
        _ => Err("a symlink with a target of more than 4095 bytes"),
    }
}

/// A path as a message has it: cut, and of its bytes what is text.
pub(super) fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_elsewhere_is_no_name() {
        for bad in ["", ".", "..", "/", "a/b", "../a", "/etc", "a/", "\0", "a\0b"] {
            assert!(parsed(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(parsed(&[b'x'; 256]).is_err());
        for good in [&b"..."[..], b".a", b"-", b" ", b"\n", b"\xff", &[b'x'; 255]] {
            assert_eq!(parsed(good).unwrap().to_bytes(), good);
        }
        assert!(target(vec![]).is_err() && target(vec![0]).is_err() && target(vec![b'a'; 4096]).is_err());
        assert!(target(b"../../etc".to_vec()).is_ok() && target(vec![b'a'; 4095]).is_ok());
    }

    proptest! {
        #[test]
        fn a_name_is_one_entry_of_its_directory(name in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(parsed) = parsed(&name) {
                let path = std::path::Path::new("d").join(parsed.to_str().unwrap_or("x"));
                prop_assert_eq!(path.components().count(), 2);
                prop_assert_eq!(parsed.to_bytes(), &name[..]);
            }
        }

        #[test]
        fn what_is_shown_is_one_short_line(name in prop::collection::vec(any::<u8>(), 0..3000)) {
            let shown = shown(&name);
            prop_assert!(!shown.chars().any(char::is_control) && shown.chars().count() <= 10 * SHOWN + 1);
        }
    }
}
