//! Amounts for people to read.

use std::fmt;

/// A number of bytes, in powers of 1,024 as flags have them.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1u64 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
        match units.into_iter().find(|(size, _)| self.0 >= *size) {
            Some((size, unit)) => write!(f, "{:.1}{unit}", self.0 as f64 / size as f64),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn bytes() {
        let texts = [0, 1023, 1024, 1536, 10 << 30].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(texts, ["0B", "1023B", "1.0K", "1.5K", "10.0G"]);
    }
}
