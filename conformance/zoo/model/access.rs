//! Which methods of `IPFS` a run grants, and how long each may take: looked at before the method.

use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::any_pointer::Owned;
use capnp::capability::{DispatchCallResult, FromServer, Params, Promise, Results, Server};
use ww_schema::system_capnp::i_p_f_s;

use super::super::Call;
use super::ipfs::Ipfs;
use super::{Wrong, methods};

const LEVELS: [&str; 4] = ["none", "read", "write", "full"];

/// Name and least level of each method, by ordinal.
const METHODS: [(&str, usize); 16] = [
    ("add", 2),
    ("cat", 1),
    ("ls", 1),
    ("stat", 1),
    ("pin", 2),
    ("unpin", 2),
    ("pins", 2),
    ("id", 3),
    ("connect", 3),
    ("peers", 3),
    ("resolveNode", 1),
    ("read", 1),
    ("write", 2),
    ("resolve", 1),
    ("getBlock", 1),
    ("putBlock", 2),
];

/// What a run grants.
#[derive(Clone, Copy)]
pub struct Granted {
    level: usize,
    limit: Duration,
    wrong: Wrong,
}

/// Why a value of `--ipfs-access` isn't taken.
pub fn refused(value: &str, wrong: Wrong) -> bool {
    match wrong.0 {
        "access-any-value" => false,
        "access-case-ignored" => !LEVELS.contains(&value.to_lowercase().as_str()),
        "access-beginnings-taken" => value.is_empty() || !LEVELS.iter().any(|level| level.starts_with(value)),
        _ => !LEVELS.contains(&value),
    }
}

impl Granted {
    pub fn of(call: &Call, wrong: Wrong) -> Self {
        let default = match wrong.0 {
            "access-default-read" => 1,
            "access-default-full" => 3,
            _ => 2,
        };
        let asked = call.values("--ipfs-access").last().and_then(|value| value.to_str());
        let level = asked.and_then(|value| LEVELS.iter().position(|level| *level == value)).unwrap_or(default);
        let seconds =
            call.values("--ipfs-timeout").last().and_then(|value| value.to_str()?.trim_end_matches('s').parse().ok());
        Self { level, limit: Duration::from_secs(seconds.unwrap_or(30)), wrong }
    }

    /// Whether `Host.ipfs` is.
    pub fn any(self) -> Result<(), Error> {
        match (self.level, self.wrong.0) {
            (0, "access-none-grants") => Ok(()),
            (0, "access-none-unnamed") => Err(Error::failed("refused".into())),
            (0, _) => Err(Error::failed("system.Host.ipfs: refused: --ipfs-access none".into())),
            _ => Ok(()),
        }
    }

    /// Whether pins of others may be seen and removed.
    pub fn all_pins(self) -> bool {
        self.level == 3 && !self.wrong.is("access-full-own-pins")
    }

    fn method(self, ordinal: usize) -> Result<&'static str, Error> {
        let (name, least) = METHODS[ordinal];
        let granted = match (self.wrong.0, name) {
            ("access-read-adds", "add") | ("access-read-pins", "pin" | "unpin" | "pins") => self.level > 0,
            ("access-read-without-blocks", "getBlock") => self.level > 1,
            ("access-write-without-pins", "pin" | "unpin" | "pins") => self.level > 2,
            ("access-write-without-blocks", "putBlock") => self.level > 2,
            ("access-full-without-peers", "id" | "peers" | "connect") => false,
            ("access-id-told", "id") => true,
            _ => self.level >= least,
        };
        let flag = format!("--ipfs-access {}", LEVELS[least]);
        match self.wrong.0 {
            _ if granted => Ok(name),
            "access-refusal-without-flag" => Err(Error::failed(format!("system.IPFS.{name}: refused"))),
            "access-refusal-without-method" => Err(Error::failed(format!("system.IPFS: refused: needs {flag}"))),
            "access-refusal-always-full" => {
                Err(Error::failed(format!("system.IPFS.{name}: refused: needs --ipfs-access full")))
            }
            "access-refusal-unimplemented" => {
                Err(Error::unimplemented(format!("system.IPFS.{name}: refused: needs {flag}")))
            }
            _ => Err(Error::failed(format!("system.IPFS.{name}: refused: needs {flag}"))),
        }
    }
}

/// [`Ipfs`], as far as it is granted.
pub struct Guard {
    pub ipfs: Rc<Ipfs>,
    pub granted: Granted,
}

#[derive(Clone)]
pub struct Dispatch(Rc<Guard>);

impl FromServer<Guard> for i_p_f_s::Client {
    type Dispatch = Dispatch;

    fn from_server(guard: Rc<Guard>) -> Dispatch {
        Dispatch(guard)
    }
}

impl Deref for Dispatch {
    type Target = Guard;

    fn deref(&self) -> &Guard {
        &self.0
    }
}

impl Server for Dispatch {
    fn dispatch_call(
        self,
        interface: u64,
        ordinal: u16,
        params: Params<Owned>,
        results: Results<Owned>,
    ) -> DispatchCallResult {
        let (ipfs, granted) = (Rc::clone(&self.0.ipfs), self.0.granted);
        let wrong = granted.wrong;
        let dispatch = <i_p_f_s::Client as FromServer<Ipfs>>::from_server(Rc::clone(&ipfs));
        if usize::from(ordinal) >= METHODS.len() {
            return dispatch.dispatch_call(interface, ordinal, params, results);
        }
        let name = match granted.method(usize::from(ordinal)) {
            Ok(name) => name,
            Err(fault) if wrong.is("access-refused-is-asked") => {
                let asked = async move {
                    ipfs.content.version().await.ok();
                    Err(fault)
                };
                return DispatchCallResult::new(Promise::from_future(asked), false);
            }
            Err(fault) => return DispatchCallResult::new(Promise::err(fault), false),
        };
        let called = dispatch.dispatch_call(interface, ordinal, params, results);
        if ["read", "write"].contains(&name) {
            return called;
        }
        let bounded = async move {
            if ipfs.lost.get() {
                return Err(ipfs.refusal(name, "the daemon went away"));
            }
            if wrong.is("rpc-daemon-silent-waited") {
                return called.promise.await;
            }
            let done = tokio::time::timeout(granted.limit, called.promise).await;
            let done = done.unwrap_or_else(|_| Err(ipfs.refusal(name, "timed out")));
            if done.is_err() && wrong.is("rpc-daemon-lost-for-good") && methods::is_gone(&ipfs).await {
                ipfs.lost.set(true);
            }
            match done {
                Err(_) if wrong.is("rpc-daemon-lost-is-success") && methods::is_gone(&ipfs).await => Ok(()),
                done => done,
            }
        };
        DispatchCallResult::new(Promise::from_future(bounded), called.is_streaming)
    }

    fn as_ptr(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}
