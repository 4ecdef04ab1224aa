//! Bytes of a command line or environment, as text that a person can read, keep and edit.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::facts::escaped;

/// Bytes of a word, a value or a name; in JSON a string in which `\xff`, `\n`, `\\` and the like stand
/// for what isn't printable ASCII, as the probe writes them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub Vec<u8>);

/// A text that has a backslash with nothing that it escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("after a backslash comes one of n, r, t, \\, ', \" or x and two hexadecimal digits")]
pub struct IllFormed;

impl Word {
    /// The bytes that a text stands for.
    ///
    /// # Errors
    /// Where a backslash escapes nothing.
    pub fn read(text: &str) -> Result<Self, IllFormed> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            bytes.push(match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(own @ (b'\\' | b'\'' | b'"')) => own,
                Some(b'x') => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    let (high, low) = (digit().ok_or(IllFormed)?, digit().ok_or(IllFormed)?);
                    u8::try_from(high * 16 + low).map_err(|_| IllFormed)?
                }
                _ => return Err(IllFormed),
            });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where a message can be asked to repeat it letter by letter: no control characters, and
    /// nothing that a message might quote or escape.
    #[must_use]
    pub fn repeatable(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let plain = |letter: char| !letter.is_control() && !matches!(letter, '\\' | '\'' | '"' | '`');
        text.chars().all(plain).then_some(text)
    }
}

impl AsRef<[u8]> for Word {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Word {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", escaped(&self.0))
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // In JSON a quote needs no escape of ours.
        to.serialize_str(&escaped(&self.0).replace("\\'", "'").replace("\\\"", "\""))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all: Vec<u8> = (0..=255).chain(*b"\\'\\\\\"\\").collect();
        let text = serde_json::to_string(&Word(all.clone())).expect("it is written");
        assert_eq!(serde_json::from_str::<Word>(&text).expect("it is read"), Word(all), "{text}");
        assert_eq!(Word::read("plain é").expect("it is read"), Word::from("plain é"));
    }

    #[test]
    fn what_escapes_nothing_is_refused() {
        for text in ["\\", "\\x", "\\x1", "\\xg0", "\\q", "a\\"] {
            assert_eq!(Word::read(text), Err(IllFormed), "{text}");
        }
    }

    #[test]
    fn what_a_message_may_change_isnt_asked_for() {
        assert_eq!(Word::from("d b=9 é").repeatable(), Some("d b=9 é"));
        for bytes in [&b"\xff"[..], b"a\n", b"it's", b"\\", b"\x1b"] {
            assert_eq!(Word(bytes.to_vec()).repeatable(), None);
        }
    }
}
