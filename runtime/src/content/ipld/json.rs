//! Reads dag-json event by event; texts and numbers are serde_json's to check.
//!
//! - What it does: takes JSON, in which `{"/":"<cid>"}` is a link and `{"/":{"bytes":"…"}}` bytes (IPLD, dag-json
//!   specification). A map that only looks like one is a map, as it is for Kubo.
//! - What must stay true: no input panics or recurses; nothing but one text at a time is allocated.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{DEPTH, Event, Malformed, TOO_DEEP};
use crate::block::parse_cid;

const CUT: Malformed = "it is cut off";
const NOT_JSON: Malformed = "it isn't JSON";
const CID: Malformed = "a link's CID doesn't parse";

pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// For each that is open, whether it is a map.
    open: Vec<bool>,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// A value must come.
    Value,
    /// A map or list was opened: something or its end.
    Opened,
    /// A value is over: another one, the end of what it is in, or of all.
    After,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { text, at: 0, open: Vec::new(), state: State::Value }
    }

    fn event(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        self.blank();
        if self.state == State::Value {
            return self.value().map(Some);
        }
        let Some(map) = self.open.last().copied() else {
            return if self.at == self.text.len() { Ok(None) } else { Err("bytes follow its value") };
        };
        if self.passed(if map { b'}' } else { b']' }) {
            self.open.pop();
            self.state = State::After;
            return Ok(Some(Event::End));
        }
        if self.state == State::After {
            self.pass(b',')?;
            self.blank();
        }
        if !map {
            return self.value().map(Some);
        }
        let key = self.string()?;
        self.pass(b':')?;
        self.state = State::Value;
        Ok(Some(Event::Key(key.into())))
    }

    fn value(&mut self) -> Result<Event<'a>, Malformed> {
        self.state = State::After;
        match *self.text.get(self.at).ok_or(CUT)? {
            b'{' => {
                if let Some((event, end)) = self.reserved()? {
                    self.at = end;
                    return Ok(event);
                }
                self.enter(true)
            }
            b'[' => self.enter(false),
            b'"' => {
                let text = self.quoted()?;
                parsed::<IgnoredAny>(text).map(|_| Event::Scalar)
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => {
                let rest = &self.text[self.at..];
                let number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let length = rest.iter().position(|byte| !number(byte)).unwrap_or(rest.len());
                self.at += length;
                parsed::<serde_json::Number>(&rest[..length]).map(|_| Event::Scalar)
            }
        }
    }

    fn enter(&mut self, map: bool) -> Result<Event<'a>, Malformed> {
        if self.open.len() == DEPTH {
            return Err(TOO_DEEP);
        }
        self.at += 1;
        self.open.push(map);
        self.state = State::Opened;
        Ok(if map { Event::Map } else { Event::List })
    }

    /// What the map that begins here stands for, and where it ends; `None`: for a map.
    fn reserved(&self) -> Result<Option<(Event<'a>, usize)>, Malformed> {
        let mut ahead = Reader { text: self.text, at: self.at + 1, open: Vec::new(), state: State::Value };
        if !ahead.is_key("/") {
            return Ok(None);
        }
        let event = match ahead.text.get(ahead.at) {
            Some(b'"') => {
                let text = ahead.string()?;
                if !ahead.passed(b'}') {
                    return Ok(None);
                }
                Event::Link(Box::new(parse_cid(&text).ok_or(CID)?))
            }
            Some(b'{') => {
                ahead.at += 1;
                let bytes = ahead.is_key("bytes") && ahead.string().is_ok();
                if !(bytes && ahead.passed(b'}') && ahead.passed(b'}')) {
                    return Ok(None);
                }
                Event::Scalar
            }
            _ => return Ok(None),
        };
        Ok(Some((event, ahead.at)))
    }

    /// Passes over a key and what follows it up to its value, if it is this one.
    fn is_key(&mut self, name: &str) -> bool {
        self.blank();
        let found = self.string().is_ok_and(|key| key == name) && self.pass(b':').is_ok();
        self.blank();
        found
    }

    /// A text, decoded.
    fn string(&mut self) -> Result<String, Malformed> {
        parsed(self.quoted()?)
    }

    /// A text with its quotes, passed over.
    fn quoted(&mut self) -> Result<&'a [u8], Malformed> {
        let rest = &self.text[self.at..];
        if rest.first() != Some(&b'"') {
            return Err(NOT_JSON);
        }
        let mut end = 1;
        loop {
            match rest.get(end).ok_or(CUT)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        self.at += end + 1;
        Ok(&rest[..=end])
    }

    fn word(&mut self, word: &[u8]) -> Result<Event<'a>, Malformed> {
        if !self.text[self.at..].starts_with(word) {
            return Err(NOT_JSON);
        }
        self.at += word.len();
        Ok(Event::Scalar)
    }

    fn pass(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.passed(byte) { Ok(()) } else { Err(NOT_JSON) }
    }

    /// Passes over this byte and the blanks before it, if it comes next.
    fn passed(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn blank(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| !b" \t\r\n".contains(byte)).unwrap_or(rest.len());
    }
}

fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(text).map_err(|_| NOT_JSON)
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Event<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}
