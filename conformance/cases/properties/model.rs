//! What the clauses say of any command line, as plain functions: the oracle that the properties ask.
//!
//! What must stay true: nothing here is run, opened or asked of the machine; what a function says is
//! the specification's word, and no implementation's habit.
//! Clauses: FD-02, FD-03, FD-06 to FD-10, FD-24 to FD-32, ENV-01 to ENV-12, CLI-09.

use std::collections::{BTreeMap, BTreeSet};

use crate::adapter::Layout;

/// A grant of one flag: the variable that announces it, and the caller's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `WW_FD_DB`.
    pub variable: String,
    /// The number in the caller.
    pub source: i32,
}

/// The clause by which something is refused.
pub type Refused = &'static str;

/// The value of one `--with-fd`, or the clause by which it is refused.
pub fn grant(value: &[u8]) -> Result<Grant, Refused> {
    let at = value.iter().position(|byte| *byte == b'=').ok_or("FD-24")?;
    let (name, number) = (&value[..at], &value[at + 1..]);
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match name.first() {
        None => return Err("FD-25"),
        Some(first) if first.is_ascii_digit() || !name.iter().all(letter) => return Err("FD-26"),
        Some(_) => {}
    }
    Ok(Grant {
        variable: format!("WW_FD_{}", String::from_utf8_lossy(name).to_ascii_uppercase()),
        source: source(number)?,
    })
}

fn source(number: &[u8]) -> Result<i32, Refused> {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if !digits(number) {
        return Err(if number.strip_prefix(b"-").is_some_and(digits) { "FD-29" } else { "FD-28" });
    }
    // Digits alone: what doesn't fit is too large.
    String::from_utf8_lossy(number).parse().map_err(|_| "FD-30")
}

/// The first `--with-fd` that is refused and the clause, given the caller's open numbers.
pub fn first_refused<'a>(values: impl IntoIterator<Item = &'a [u8]>, open: &BTreeSet<i32>) -> Option<(usize, Refused)> {
    let mut taken = BTreeSet::new();
    values.into_iter().enumerate().find_map(|(at, value)| match grant(value) {
        Err(clause) => Some((at, clause)),
        Ok(grant) if !taken.insert(grant.variable.clone()) => Some((at, "FD-27")),
        // The standard descriptors may be granted where the caller had closed them, too (FD-13).
        Ok(grant) if grant.source > 2 && !open.contains(&grant.source) => Some((at, "FD-31")),
        Ok(_) => None,
    })
}

/// The variables of the RPC socket and of grants in the order of their flags: the number that each holds.
pub fn numbers(layout: Layout, grants: &[Grant]) -> BTreeMap<String, i32> {
    let count = i32::try_from(grants.len()).unwrap_or(i32::MAX);
    let socket = ("WW_RPC_FD".to_owned(), layout.rpc(count));
    (1..).zip(grants).map(|(nth, grant)| (grant.variable.clone(), layout.grant(nth))).chain([socket]).collect()
}

/// The entries that stand in `WW_ENV`.
pub fn pieces(ww_env: &[u8]) -> impl Iterator<Item = &[u8]> {
    ww_env.split(|byte| *byte == b',').filter(|piece| !piece.is_empty())
}

/// The key of an entry, and its value where it has one.
fn parts(entry: &[u8]) -> (&[u8], Option<&[u8]>) {
    match entry.iter().position(|byte| *byte == b'=') {
        Some(at) => (&entry[..at], Some(&entry[at + 1..])),
        None => (entry, None),
    }
}

/// The clause by which an entry is refused, where it is.
pub fn refused_entry(entry: &[u8]) -> Option<Refused> {
    match parts(entry).0 {
        b"" => Some("ENV-11"),
        key if key == b"WW_RPC_FD" || key.starts_with(b"WW_FD_") => Some("ENV-12"),
        _ => None,
    }
}

/// The cell's variables, given the entries of `WW_ENV`, those of `--env`, and the host's own variables.
pub fn environment<'a>(
    ww_env: &'a [u8],
    flags: impl IntoIterator<Item = &'a [u8]>,
    host: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut variables = BTreeMap::new();
    for (key, value) in pieces(ww_env).chain(flags).map(parts) {
        // Without a value of the host's the entry is left out, and an earlier one stands.
        if let Some(value) = value.or_else(|| host.get(key).map(Vec::as_slice)) {
            variables.insert(key.to_vec(), value.to_vec());
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(values: &[&str]) -> Option<(usize, Refused)> {
        first_refused(values.iter().map(|value| value.as_bytes()), &[0, 1, 2, 9].into())
    }

    #[test]
    fn each_fault_of_a_grant_has_its_clause() {
        for (value, clause) in [
            ("db", "FD-24"),
            ("", "FD-24"),
            ("=9", "FD-25"),
            ("=", "FD-25"),
            ("1db=9", "FD-26"),
            ("d-b=9", "FD-26"),
            ("dö=9", "FD-26"),
            ("db=", "FD-28"),
            ("db=+9", "FD-28"),
            ("db= 9", "FD-28"),
            ("db=9=9", "FD-28"),
            ("db=--9", "FD-28"),
            ("db=-9", "FD-29"),
            ("db=-0", "FD-29"),
            ("db=2147483648", "FD-30"),
            ("db=8", "FD-31"),
            ("db=2147483647", "FD-31"),
        ] {
            assert_eq!(refused(&[value]), Some((0, clause)), "{value}");
        }
    }

    #[test]
    fn the_first_refused_counts() {
        assert_eq!(refused(&["a=9", "_=0009", "Zz=0", "b=1", "c=2"]), None);
        assert_eq!(refused(&["a=9", "A=9", "b=x"]), Some((1, "FD-27")));
        assert_eq!(refused(&["a=9", "b=x", "A=9"]), Some((1, "FD-28")));
    }

    #[test]
    fn grants_are_numbered_as_the_layouts_say() {
        let grants = ["z=9", "A_1=7"].map(|value| grant(value.as_bytes()).expect("it is well-formed"));
        let named = |layout| numbers(layout, &grants).into_values().collect::<Vec<_>>();
        // In the order of the variables: WW_FD_A_1, WW_FD_Z, WW_RPC_FD.
        assert_eq!(named(Layout::RpcFirst), [5, 4, 3]);
        assert_eq!(named(Layout::GrantsFirst), [4, 3, 5]);
        assert_eq!(numbers(Layout::GrantsFirst, &[]), [("WW_RPC_FD".to_owned(), 3)].into());
    }

    #[test]
    fn later_entries_win_and_lacking_ones_are_left_out() {
        let host = BTreeMap::from([(b"HOST".to_vec(), b"h,=".to_vec())]);
        let flags: [&[u8]; 4] = [b"A=2", b"HOST", b"B=x=,y", b"A"];
        let found = environment(b",A=1,LACKING,,HOST=mine,C=\\,", flags, &host);
        let wanted: [(&[u8], &[u8]); 4] = [(b"A", b"2"), (b"B", b"x=,y"), (b"C", b"\\"), (b"HOST", b"h,=")];
        assert_eq!(found, wanted.map(|(key, value)| (key.to_vec(), value.to_vec())).into());
    }

    #[test]
    fn entries_that_a_cell_could_not_trust_are_refused() {
        for entry in ["=x", "=", "", "==x"] {
            assert_eq!(refused_entry(entry.as_bytes()), Some("ENV-11"), "{entry}");
        }
        for entry in ["WW_RPC_FD", "WW_RPC_FD=3", "WW_FD_=", "WW_FD_DB"] {
            assert_eq!(refused_entry(entry.as_bytes()), Some("ENV-12"), "{entry}");
        }
        for entry in ["WW_FDX=1", "WW_RPC_FDX", "ww_fd_a=1", "A", "A="] {
            assert_eq!(refused_entry(entry.as_bytes()), None, "{entry}");
        }
    }
}
