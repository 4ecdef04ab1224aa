//! Faults of grants that change the words of `--with-fd` and `--fd-layout`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::entries::key;
use super::words::fault;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    fault!("grants-reversed", "FD-02 FD-06", "numbers grants from right to left", |call| {
        call.reorder("--with-fd", |values| values.reverse());
    }),
    fault!("grants-sorted", "FD-06", "numbers grants by name", |call| call
        .reorder("--with-fd", |values| values.sort())),
    fault!("grants-of-one", "FD-07 FD-15", "gives every grant what the first leads to", |call| {
        call.reorder("--with-fd", |values| {
            let first = values.first().map(|value| number(value)).unwrap_or_default();
            for value in values {
                let name = value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
                *value = OsStr::from_bytes(&[name, b"=", &first].concat()).to_owned();
            }
        });
    }),
    fault!("one-grant-too-many", "FD-21 FD-08", "gives the cell its standard input a second time", |call| {
        call.flags.push(("--with-fd".into(), Some("extra=0".into())));
    }),
    fault!("layout-forgotten", "FD-04", "takes no notice of --fd-layout", |call| {
        call.flags.retain(|(flag, _)| flag != "--fd-layout");
    }),
    fault!("layout-other", "FD-02 FD-04", "puts grants before the RPC socket unless told otherwise", |call| {
        call.flags.insert(0, ("--fd-layout".into(), Some("grants-first".into())));
        if call.flags.iter().filter(|(flag, _)| flag == "--fd-layout").count() > 1 {
            call.flags.remove(0);
        }
    }),
    fault!("name-with-dash", "FD-26", "takes a dash in a grant's name for an underscore", |call| {
        call.change("--with-fd", |value| replaced(value, b'-', b'_'));
    }),
    fault!("name-dropped", "FD-27", "drops an earlier grant of the same name", |call| {
        let last = call.flags.last().cloned();
        let grants = call.flags.iter().filter(|(flag, _)| flag == "--with-fd").count();
        if grants == 2 {
            call.flags.retain(|(flag, _)| flag != "--with-fd");
            call.flags.extend(last);
        }
    }),
    fault!("number-trimmed", "FD-28", "takes blanks around a grant's number", |call| {
        call.change("--with-fd", |value| OsStr::from_bytes(value.as_bytes().trim_ascii()).to_owned());
    }),
    fault!("number-wrapped", "FD-30", "takes a number modulo 2^32", |call| {
        call.change("--with-fd", |value| {
            let wrapped = String::from_utf8_lossy(&number(value)).parse::<u128>().map(|number| number % (1 << 32));
            let name = String::from_utf8_lossy(value.as_bytes()).split('=').next().unwrap_or_default().to_owned();
            wrapped.map_or(value.clone(), |number| format!("{name}={number}").into())
        });
    }),
    fault!(
        "grants-by-chance",
        "FD-06 FD-07 FD-08",
        "numbers grants by a map's order, which is another in one run of eight",
        |call| {
            // Three bits of the process's number, as well mixed as a hash's.
            if std::process::id().wrapping_mul(0x9e37_79b9) >> 29 == 0 {
                call.reorder("--with-fd", |values| {
                    let last = values.pop();
                    values.splice(0..0, last);
                });
            }
        }
    ),
    fault!("names-swapped", "FD-07", "swaps the names of two grants that aren't in order", |call| {
        call.reorder("--with-fd", |values| {
            if let [one, other, ..] = &mut values[..]
                && *one > *other
            {
                let (first, second) = (number(one), number(other));
                let named = |value: &OsStr, number: &[u8]| {
                    OsStr::from_bytes(&[key(value).as_bytes(), b"=", number].concat()).to_owned()
                };
                (*one, *other) = (named(one, &second), named(other, &first));
            }
        });
    }),
    fault!("number-alone", "FD-24", "takes a number without a name", |call| {
        call.change("--with-fd", |value| match value.to_str().is_some_and(|value| value.parse::<u32>().is_ok()) {
            true => format!("fd{0}={0}", value.display()).into(),
            false => value.clone(),
        });
    }),
    fault!("name-with-dot", "FD-26", "takes a dot in a grant's name for an underscore", |call| {
        call.change("--with-fd", |value| replaced(value, b'.', b'_'));
    }),
    fault!("name-with-digit", "FD-26", "takes a name that begins with a digit", |call| {
        call.change("--with-fd", |value| match value.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            true if value.as_bytes().contains(&b'=') => [OsStr::new("_"), value].join(OsStr::new("")),
            _ => value.clone(),
        });
    }),
    fault!("names-made-distinct", "FD-27", "takes two names of one variable for two", |call| {
        let mut seen = BTreeSet::new();
        for (_, value) in call.flags.iter_mut().filter(|(flag, _)| flag == "--with-fd") {
            let Some(value) = value else { continue };
            if !seen.insert(key(value).to_ascii_uppercase()) {
                *value = OsStr::from_bytes(&[key(value).as_bytes(), b"_2=", &number(value)].concat()).to_owned();
            }
        }
    }),
    fault!("number-hexadecimal", "FD-28", "takes hexadecimal numbers", |call| {
        call.change("--with-fd", |value| value.to_string_lossy().replace("=0x", "=").into());
    }),
    fault!("number-cut", "FD-28", "takes the digits that a number begins with, as atoi(3) does", |call| {
        call.change("--with-fd", |value| {
            let digits: Vec<u8> = number(value).into_iter().take_while(u8::is_ascii_digit).collect();
            match digits.is_empty() {
                true => value.clone(),
                false => OsStr::from_bytes(&[key(value).as_bytes(), b"=", &digits].concat()).to_owned(),
            }
        });
    }),
    fault!("number-with-plus", "FD-28", "takes a plus sign", |call| {
        call.change("--with-fd", |value| value.to_string_lossy().replace("=+", "=").into());
    }),
    fault!("layout-in-any-case", "FD-05", "takes layouts in upper case", |call| {
        call.change("--fd-layout", |value| value.to_ascii_lowercase());
    }),
    fault!("grant-once", "FD-14", "drops a further grant of one descriptor", |call| {
        let mut seen = BTreeSet::new();
        call.flags.retain(|(flag, value)| {
            flag != "--with-fd" || value.as_ref().is_none_or(|value| seen.insert(number(value)))
        });
    }),
    fault!("grants-at-most-256", "FD-16", "drops grants beyond the 256th", |call| {
        let mut count = 0;
        call.flags.retain(|(flag, _)| {
            count += usize::from(flag == "--with-fd");
            flag != "--with-fd" || count <= 256
        });
    }),
    fault!("number-minus-zero", "FD-29", "takes -0 for 0", |call| {
        call.change("--with-fd", |value| value.to_string_lossy().replace("=-0", "=0").into());
    }),
    fault!("number-wrapped-at-64-bits", "FD-30", "takes a number modulo 2^64", |call| {
        call.change("--with-fd", |value| {
            let wrapped = String::from_utf8_lossy(&number(value)).parse::<u128>().map(|number| number as u64);
            wrapped.map_or(value.clone(), |number| format!("{}={number}", key(value).display()).into())
        });
    }),
];

fn number(value: &OsStr) -> Vec<u8> {
    value.as_bytes().splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default().to_vec()
}

fn replaced(value: &OsStr, old: u8, new: u8) -> OsString {
    let number = value.as_bytes().iter().position(|byte| *byte == b'=').unwrap_or(0);
    let change = |(at, byte): (usize, &u8)| if *byte == old && at < number { new } else { *byte };
    OsStr::from_bytes(&value.as_bytes().iter().enumerate().map(change).collect::<Vec<u8>>()).to_owned()
}
