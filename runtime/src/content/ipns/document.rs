//! The signed part of an IPNS record: a map of dag-cbor with five fields that count.
//!
//! - What must stay true: a length that the bytes don't bear out is an error; what else a record holds is passed over
//!   without recursion.

use std::time::SystemTime;

/// The fields of the document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document<'a> {
    pub(super) value: &'a [u8],
    pub(super) validity: &'a [u8],
    pub(super) validity_type: u64,
    pub(super) sequence: u64,
    pub(super) ttl: u64,
}

/// A moment: seconds since 1970 in UTC, and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(i64, u32);

const CUT: &str = "its document is cut off";

impl<'a> Document<'a> {
    pub(super) fn read(mut rest: &'a [u8]) -> Result<Document<'a>, &'static str> {
        let mut document = Document::default();
        let mut seen = 0_u8;
        let (5, entries) = head(&mut rest)? else { return Err("its document is no map") };
        for _ in 0..entries {
            let (3, length) = head(&mut rest)? else { return Err("a key of its document is no text") };
            let key = take(&mut rest, length)?;
            let field = match key {
                b"Value" => 1,
                b"Validity" => 2,
                b"ValidityType" => 4,
                b"Sequence" => 8,
                b"TTL" => 16,
                _ => {
                    pass(&mut rest)?;
                    continue;
                }
            };
            if seen & field != 0 {
                return Err("its document has a field twice");
            }
            seen |= field;
            match (field, head(&mut rest)?) {
                (1, (2, length)) => document.value = take(&mut rest, length)?,
                (2, (2, length)) => document.validity = take(&mut rest, length)?,
                (4, (0, number)) => document.validity_type = number,
                (8, (0, number)) => document.sequence = number,
                (16, (0, number)) => document.ttl = number,
                _ => return Err("a field of its document is of another type"),
            }
        }
        match (rest.is_empty(), seen) {
            (false, _) => Err("bytes follow its document"),
            (true, 0b11111) => Ok(document),
            (true, _) => Err("its document lacks a field"),
        }
    }

    /// Until when it is in force: RFC 3339, with or without a fraction.
    pub(super) fn until(&self) -> Option<Date> {
        Date::parse(std::str::from_utf8(self.validity).ok()?)
    }
}

/// The beginning of an item (RFC 8949 §3): its major type, its argument.
fn head(rest: &mut &[u8]) -> Result<(u8, u64), &'static str> {
    let (first, after) = rest.split_first().ok_or(CUT)?;
    *rest = after;
    let (major, info) = (first >> 5, first & 31);
    let width = match info {
        0..24 => return Ok((major, u64::from(info))),
        24..28 => 1 << (info - 24),
        _ => return Err("its document isn't dag-cbor"),
    };
    let argument = take(rest, width)?;
    Ok((major, argument.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))))
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(length).map_err(|_| CUT)?;
    let (taken, after) = rest.split_at_checked(length).ok_or(CUT)?;
    *rest = after;
    Ok(taken)
}

/// Passes over one item, whatever is in it.
fn pass(rest: &mut &[u8]) -> Result<(), &'static str> {
    let mut items = 1_u64;
    while items > 0 {
        items -= 1;
        let (major, argument) = head(rest)?;
        let more = match major {
            2 | 3 => take(rest, argument).map(|_| 0)?,
            4 => argument,
            5 => argument.checked_mul(2).ok_or(CUT)?,
            6 => 1,
            _ => 0,
        };
        // An item has a byte at least.
        items = items.checked_add(more).filter(|items| *items <= rest.len() as u64).ok_or(CUT)?;
    }
    Ok(())
}

impl Date {
    /// RFC 3339 §5.6: `1970-01-01T00:00:00.000000001Z`.
    fn parse(text: &str) -> Option<Date> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok())?;
        let (date, rest) = text.split_at_checked(10)?;
        let (time, zone) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
        let parts = |text: &str, mark: char, first: usize| {
            let ok = text.len() == first + 6 && text.is_ascii();
            let (a, b, c) = (text.get(..first)?, text.get(first + 1..first + 3)?, text.get(first + 4..)?);
            let marks =
                text.get(first..=first)?.starts_with(mark) && text.get(first + 3..=first + 3)?.starts_with(mark);
            (ok && marks).then_some((number(a)?, number(b)?, number(c)?))
        };
        let (year, month, day) = parts(date, '-', 4)?;
        let (hour, minute, second) = parts(time, ':', 2)?;
        let (fraction, zone) = match zone.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
            None => ("0", zone),
        };
        let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok().filter(|_| !fraction.is_empty())?;
        let offset = match zone {
            "Z" | "z" => 0,
            _ => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
                if hours.len() != 2 || minutes.len() != 2 {
                    return None;
                }
                sign * (number(hours)? * 3600 + number(minutes)? * 60)
            }
        };
        let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        let days = days(year, month, day);
        sound.then(|| Date(days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos))
    }

    pub(super) fn is_before(self, now: SystemTime) -> bool {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self < Date(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let seconds = |text| Date::parse(text).map(|date| (date.0, date.1));
        assert_eq!(seconds("1970-01-01T00:00:00.000000001Z"), Some((0, 1)));
        assert_eq!(seconds("2000-02-29T12:34:56Z"), Some((951_827_696, 0)));
        assert_eq!(seconds("2026-11-26T10:00:00.5Z"), Some((1_795_687_200, 500_000_000)));
        assert_eq!(seconds("2026-11-26T12:00:00+02:00"), Some((1_795_687_200, 0)));
        assert_eq!(seconds("1969-12-31T23:59:59Z"), Some((-1, 0)));
        let wrong = ["", "2026-11-26", "2026-11-26T10:00:00", "2026-13-26T10:00:00Z", "2026-11-26T25:00:00Z"];
        for text in wrong.into_iter().chain([
            "2026-11-26T10:00:00.Z",
            "2026-11-26T10:00:00+2:00",
            "+026-11-26T10:00:00Z",
            "2026-11-26T10:00:00+9000000000000000000:00",
        ]) {
            assert_eq!(seconds(text), None, "{text}");
        }
        let date = Date(100, 5);
        let at = |secs, nanos| SystemTime::UNIX_EPOCH + Duration::new(secs, nanos);
        assert!(date.is_before(at(100, 6)) && !date.is_before(at(100, 5)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,40}") {
            let _ = Document::read(&bytes);
            let _ = pass(&mut &bytes[..]);
            let _ = Date::parse(&text);
        }
    }
}
