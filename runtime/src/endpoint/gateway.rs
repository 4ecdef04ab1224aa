//! A trustless gateway: an HTTP server that has blocks and isn't trusted for them.
//!
//! - What it does: takes an `http(s)://` URL, with a path where the gateway is below one, and with a user and password
//!   where it asks for them.
//! - What must stay true: its text never has the user or the password, nor does the error of one that can't be parsed.
//! - Serves: ruling 16; clauses STORE-33, STORE-34.

use std::fmt;

use multibase::Base;

use super::{Endpoint, EndpointError, Host, Target, strip_scheme};

/// The longest URL, in bytes.
const LONGEST: usize = 2048;

/// Where a gateway is, and what it asks for (ruling 16).
#[derive(Clone, PartialEq, Eq)]
pub struct Gateway {
    endpoint: Endpoint,
    /// Empty, or a path with a slash in front and none at its end.
    prefix: String,
    /// The value of `Authorization` (RFC 7617).
    authorization: Option<String>,
}

impl Gateway {
    /// Parses an `http(s)://` URL.
    ///
    /// # Errors
    /// Says which part can't be understood.
    pub fn parse(text: &str) -> Result<Gateway, EndpointError> {
        let scheme = ["http://", "https://"].into_iter().find(|scheme| strip_scheme(text, scheme).is_some());
        let scheme = scheme.filter(|_| text.len() <= LONGEST).ok_or(EndpointError::Gateway)?;
        let rest = &text[scheme.len()..];
        for (mark, part) in [('#', "fragment"), ('?', "query")] {
            if rest.contains(mark) {
                return Err(EndpointError::Url(part));
            }
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
        if !path.bytes().all(plain) || path.split('/').any(|name| name == "." || name == "..") {
            return Err(EndpointError::Url("path with such characters or names"));
        }
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let authorization = user.map(authorization).transpose()?;
        let endpoint = Endpoint::parse(&format!("{scheme}{host}"))?;
        Ok(Gateway { endpoint, prefix: path.trim_end_matches('/').to_owned(), authorization })
    }

    /// Where it is dialled.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What stands before `/ipfs/` in its paths.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What is sent as `Authorization`, to this host alone.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Where a redirect of this gateway's leads, and the path there; `None` where it mustn't be followed: a gateway may
    /// lead to itself and to hosts below its own (a CID as a subdomain), on its own port or from http to https, and
    /// nowhere else. So none can have requests made of others, or of this machine.
    pub(crate) fn led(&self, at: &Endpoint, location: &str) -> Option<(Endpoint, String)> {
        let graphic = location.len() <= LONGEST && location.bytes().all(|byte| byte.is_ascii_graphic());
        let location = Some(location).filter(|_| graphic)?;
        let location = location.split('#').next().unwrap_or(location);
        if location.starts_with('/') && !location.starts_with("//") {
            return Some((at.clone(), location.to_owned()));
        }
        let scheme = ["http://", "https://"].into_iter().find(|scheme| strip_scheme(location, scheme).is_some())?;
        let rest = &location[scheme.len()..];
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let to = Endpoint::parse(&format!("{scheme}{authority}")).ok()?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        self.may_lead_to(&to).then_some((to, path))
    }

    fn may_lead_to(&self, to: &Endpoint) -> bool {
        let (Target::Tcp { host: own, port: from }, Target::Tcp { host, port }) = (self.endpoint.target(), to.target())
        else {
            return false;
        };
        let below = match (own, host) {
            (Host::Ip(own), Host::Ip(ip)) => own == ip,
            (Host::Name { name: own, .. }, Host::Name { name, .. }) => {
                name == own || name.strip_suffix(own.as_str()).is_some_and(|front| front.ends_with('.'))
            }
            _ => false,
        };
        let upgraded = !self.endpoint.tls() && to.tls() && *port == 443;
        below && (upgraded || self.endpoint.tls() == to.tls() && from == port)
    }
}

/// The credentials of a URL, percent-encoded there, as RFC 7617 has them.
fn authorization(user: &str) -> Result<String, EndpointError> {
    let refused = || EndpointError::Url("user or password that isn't percent-encoded");
    let mut bytes = Vec::with_capacity(user.len());
    let mut rest = user.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(match byte {
            b'%' => (digit().ok_or_else(refused)? << 4 | digit().ok_or_else(refused)?) as u8,
            byte if byte.is_ascii_graphic() => byte,
            _ => return Err(refused()),
        });
    }
    if !bytes.contains(&b':') {
        bytes.push(b':');
    }
    Ok(format!("Basic {}", Base::Base64Pad.encode(bytes)))
}

/// A URL that may be none as a message can show it: without what stands before an `@`.
pub(crate) fn shown(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let shown = match text[start..].rfind('@') {
        Some(at) => format!("{}…@{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    };
    shown.chars().take(LONGEST).collect()
}

impl fmt::Display for Gateway {
    /// Its URL, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.endpoint, self.prefix)
    }
}

impl fmt::Debug for Gateway {
    /// As [`fmt::Display`]: a password is in no log either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(text: &str) -> Gateway {
        Gateway::parse(text).expect("a gateway")
    }

    #[test]
    fn a_url_is_taken_apart_and_shown_without_its_password() {
        let plain = gateway("https://gateway.example");
        assert_eq!((plain.to_string().as_str(), plain.prefix()), ("https://gateway.example", ""));
        assert_eq!(plain.authorization(), None);
        let full = gateway("http://us%65r:p%40ss@127.0.0.1:8080/below/it/");
        assert_eq!((full.to_string().as_str(), full.prefix()), ("http://127.0.0.1:8080/below/it", "/below/it"));
        assert_eq!(full.authorization(), Some("Basic dXNlcjpwQHNz"));
        assert!(!format!("{full:?}").contains("ss"));
        assert_eq!(shown("ftp://a:secret@host/x"), "ftp://…@host/x");
        assert_eq!(shown("a:secret@host"), "…@host");
    }

    #[test]
    fn what_is_no_gateway_is_refused() {
        let wrong = [
            "",
            "gateway.example",
            "/ip4/127.0.0.1/tcp/8080",
            "ftp://gateway.example",
            "http://",
            "http://gateway.example:0",
            "http://gateway.example:99999",
            "http://gateway.example/?a=b",
            "http://gateway.example/#a",
            "http://gateway.example/a b",
            "http://gateway.example/a/../b",
            "http://-x.example",
            "http://a b@gateway.example",
            "http://%zz@gateway.example",
            "http://gateway.example\r\nX: y",
        ];
        for text in wrong {
            assert!(Gateway::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redirect_leads_to_the_gateway_itself_or_below_it() {
        let led = |from: &str, location: &str| {
            let gateway = gateway(from);
            gateway.led(gateway.endpoint(), location).map(|(to, path)| format!("{to}{path}"))
        };
        let (name, ip) = ("http://gw.example:8080", "http://127.0.0.1:8080");
        let taken = [
            (name, "/ipfs/x?format=raw", "http://gw.example:8080/ipfs/x?format=raw"),
            (name, "http://cid.ipfs.gw.example:8080/?format=raw#a", "http://cid.ipfs.gw.example:8080/?format=raw"),
            (name, "http://cid.ipfs.gw.example:8080?format=raw", "http://cid.ipfs.gw.example:8080/?format=raw"),
            (name, "https://gw.example/ipfs/x", "https://gw.example/ipfs/x"),
            (ip, "http://127.0.0.1:8080/y", "http://127.0.0.1:8080/y"),
            ("https://gw.example", "https://a.gw.example/y", "https://a.gw.example/y"),
        ];
        for (from, location, to) in taken {
            assert_eq!(led(from, location).as_deref(), Some(to), "{from} to {location}");
        }
        let refused = [
            (name, "http://127.0.0.1:8080/"),
            (name, "http://evilgw.example:8080/"),
            (name, "http://gw.example:5001/"),
            (name, "//gw.example:8080/x"),
            (name, "x"),
            (name, "/a b"),
            (name, "http://u@gw.example:8080/"),
            (ip, "http://127.0.0.1:5001/api/v0/shutdown"),
            (ip, "http://localhost:8080/"),
            ("https://gw.example", "http://gw.example/x"),
        ];
        for (from, location) in refused {
            assert_eq!(led(from, location), None, "{from} to {location}");
        }
    }
}
