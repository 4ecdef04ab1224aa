//! One request of HTTP/1.1, as a fake reads it.

use std::io::{self, BufRead, Read};

/// The largest head or body that is taken, in bytes.
const MOST: u64 = 64 << 20;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/api/v0/block/get?arg=…`.
    pub target: String,
    /// The lines after the first.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Whether it says that it takes this kind of answer.
    pub(super) fn accepts(&self, kind: &str) -> bool {
        self.headers.iter().any(|(name, value)| name == "accept" && value.contains(kind))
    }
}

/// The header lines of a message, names in lower case, up to the empty line.
pub(super) fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(MOST).read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(found);
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        found.push((name.to_lowercase(), value.trim().to_owned()));
    }
}

/// The body of a message with these headers; without a length, a body only where the end of the
/// connection may end it.
pub(super) fn body(reader: &mut impl BufRead, headers: &[(String, String)], to_end: bool) -> io::Result<Vec<u8>> {
    let value = |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16);
            let size = size.ok().filter(|size| *size <= MOST).ok_or(io::ErrorKind::InvalidData)?;
            if size == 0 {
                // The trailers.
                self::headers(reader)?;
                return Ok(body);
            }
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
        }
    }
    match value("content-length").map(str::parse::<u64>) {
        Some(Ok(length)) if length <= MOST => reader.take(length).read_to_end(&mut body)?,
        None if to_end => reader.take(MOST).read_to_end(&mut body)?,
        None => 0,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(body)
}

impl Request {
    /// Reads the next of a connection; `None` at its end.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut first = String::new();
        if reader.by_ref().take(MOST).read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let (method, target) = (method.to_owned(), target.to_owned());
        let headers = headers(reader)?;
        let body = body(reader, &headers, false)?;
        Ok(Some(Self { method, target, headers, body }))
    }

    /// Whether it asks for content: a block, a file, a folder or a CAR.
    #[must_use]
    pub fn is_for_content(&self) -> bool {
        let calls = ["/api/v0/block/get", "/api/v0/cat", "/api/v0/get", "/api/v0/dag/", "/ipfs/"];
        calls.iter().any(|call| self.target.starts_with(call))
    }
}
