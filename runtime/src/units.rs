//! Sizes and durations as flags write them.

use std::time::Duration;

/// Why a size or a duration was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnitError {
    /// Not a size.
    #[error("expected a number of bytes, or one with K, M or G, as in 512M")]
    Size,
    /// A size of nothing.
    #[error("expected more than 0 bytes, as in 512M")]
    NoSize,
    /// Not a number of processes.
    #[error("expected a number of processes from 1 on, as in 100")]
    Count,
    /// Not a duration.
    #[error("expected a number with ms, s, m or h (none: seconds), as in 30s")]
    Duration,
}

/// Parses a number of bytes, or one with `K`, `M` or `G` (powers of 1,024).
pub(crate) fn size(text: &str) -> Result<u64, UnitError> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1u64),
    };
    whole(digits).and_then(|number| number.checked_mul(factor)).ok_or(UnitError::Size)
}

/// Parses a size that something can fit into.
pub(crate) fn some_size(text: &str) -> Result<u64, UnitError> {
    size(text).and_then(|bytes| if bytes == 0 { Err(UnitError::NoSize) } else { Ok(bytes) })
}

/// Parses a number of processes.
pub(crate) fn count(text: &str) -> Result<u64, UnitError> {
    whole(text).filter(|number| *number > 0).ok_or(UnitError::Count)
}

/// Parses a number with `ms`, `s`, `m` or `h`; none means seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitError> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let unit = units.into_iter().find_map(|(unit, ms)| text.strip_suffix(unit).map(|digits| (digits, ms)));
    let (digits, milliseconds) = unit.unwrap_or((text, 1_000));
    let number = whole(digits).and_then(|number| number.checked_mul(milliseconds));
    number.map(Duration::from_millis).ok_or(UnitError::Duration)
}

fn whole(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(["0", "10", "2K", "1M", "1G"].map(|s| size(s).unwrap()), [0, 10, 2048, 1 << 20, 1 << 30]);
        for bad in ["", "K", "1k", "-1", "1.5G", "1 M", "99999999999G", "1MB"] {
            assert_eq!(size(bad), Err(UnitError::Size), "{bad}");
        }
    }

    #[test]
    fn nothing_is_no_bound() {
        assert_eq!(
            (some_size("0"), some_size("0K"), some_size("1K")),
            (Err(UnitError::NoSize), Err(UnitError::NoSize), Ok(1024))
        );
        assert_eq!(["1", "0", "", "-1", "1K", "1.5"].map(|n| count(n).ok()), [Some(1), None, None, None, None, None]);
    }

    #[test]
    fn durations() {
        let seconds = ["250ms", "2", "2s", "1m", "1h"].map(|s| duration(s).unwrap().as_millis());
        assert_eq!(seconds, [250, 2_000, 2_000, 60_000, 3_600_000]);
        for bad in ["", "s", "-1s", "1d", "1 s", "99999999999999999999h"] {
            assert_eq!(duration(bad), Err(UnitError::Duration), "{bad}");
        }
    }
}
