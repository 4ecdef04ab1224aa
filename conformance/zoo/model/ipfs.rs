//! `IPFS`: `add` and `cat`; the rest is in rooms of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::Notify;
use ww_schema::system_capnp::i_p_f_s;

use super::Wrong;
use super::access::Granted;
use super::content::{Content, Found, Kind, Lack, path};
use super::streams::{self, Streams};
use super::uploads;
use super::{listing, methods, nodes};

/// What `add` takes and `cat` gives at most.
const MOST: usize = 8 << 20;

/// How a file is cut.
const CHUNKER: &str = "size-1048576";

/// A CID that parses; no node has it.
pub(super) const NOTHING: &str = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

/// The capability.
pub struct Ipfs {
    pub(super) content: Content,
    cell: Pid,
    fatal: Rc<Notify>,
    pub(super) streams: Streams,
    pub(super) granted: Granted,
    /// What this run pinned.
    pub(super) pinned: RefCell<Vec<String>>,
    /// How many nodes the cell holds.
    pub(super) nodes: Cell<usize>,
    /// Whether a fault has given the daemon up.
    pub(super) lost: Cell<bool>,
    pub(super) wrong: Wrong,
}

impl Ipfs {
    pub fn new(content: Content, cell: Pid, granted: Granted, wrong: Wrong) -> Self {
        Self {
            content,
            cell,
            fatal: Rc::new(Notify::new()),
            streams: Streams::default(),
            granted,
            pinned: RefCell::default(),
            nodes: Cell::new(0),
            lost: Cell::new(false),
            wrong,
        }
    }

    /// Told when a failure is to end the session.
    pub fn fatal(&self) -> Rc<Notify> {
        Rc::clone(&self.fatal)
    }

    /// A call that fails.
    fn failure(&self, text: String) -> Error {
        match self.wrong.0 {
            "rpc-failure-ends-session" => self.fatal.notify_one(),
            "rpc-failure-ends-cell" => _ = kill(self.cell, Signal::SIGKILL),
            _ => {}
        }
        Error::failed(text)
    }

    /// A failure that isn't one of retrieval.
    pub(super) fn refusal(&self, method: &str, what: &str) -> Error {
        match self.wrong.0 {
            "rpc-refusal-without-system" => self.failure(format!("IPFS.{method}: {what}")),
            "rpc-refusal-without-method" => self.failure(format!("system.IPFS: {what}")),
            "rpc-refusal-of-other-method" => self.failure(format!("system.IPFS.add: {what}")),
            "rpc-refusal-overloaded" => Error::overloaded(format!("system.IPFS.{method}: {what}")),
            _ => self.failure(format!("system.IPFS.{method}: {what}")),
        }
    }

    pub(super) fn lacks(&self, path: &str, lack: Lack) -> Error {
        let (failed, other) = ("failed to get IPFS path", "unexpected node type");
        match (self.wrong.0, lack) {
            ("rpc-phrase-missing", Lack::Retrieval(why)) => self.failure(format!("{path}: {why}")),
            ("rpc-path-unnamed", Lack::Retrieval(_)) => self.failure(format!("{failed}: it: no luck")),
            ("rpc-kind-is-failure", Lack::Kind(kind)) => self.failure(format!("{failed}: {path}: {kind}")),
            ("rpc-kind-unphrased", Lack::Kind(kind)) => self.failure(format!("{path}: {kind}")),
            (_, Lack::Retrieval(why)) => self.failure(format!("{failed}: {path}: {why}")),
            (_, Lack::Kind(kind)) => self.failure(format!("{other}: {path}: {kind}")),
        }
    }

    /// What an argument leads to.
    pub(super) async fn found(&self, method: &str, argument: &str) -> Result<Found, Error> {
        let bare = format!("/ipfs/{argument}");
        let path = match (path(argument), path(&bare)) {
            (Some(path), _) => path,
            (None, Some(path)) if !self.wrong.is("rpc-bare-cid-refused") => path,
            _ if self.wrong.is("rpc-argument-is-retrieval") => {
                return Err(self.lacks(argument, Lack::Retrieval("no CID".into())));
            }
            _ => return Err(self.refusal(method, &format!("{argument}: neither a path nor a CID"))),
        };
        let path = match (self.wrong.0, method) {
            ("rpc-stat-path-ignored", "stat") => path.split('/').take(3).collect::<Vec<_>>().join("/"),
            _ => path,
        };
        let refused = match self.wrong.0 {
            "rpc-names-refused" => path.starts_with("/ipns/"),
            "rpc-paths-refused" => path.split('/').count() > 3,
            "rpc-long-form-refused" => argument.starts_with("/ipfs/"),
            _ => false,
        };
        if refused {
            return Err(self.refusal(method, &format!("{argument}: not of this form")));
        }
        if self.wrong.is("rpc-inline-needs-daemon") {
            self.content.version().await.map_err(|lack| self.lacks(argument, lack))?;
        }
        self.content.found(&path).await.map_err(|lack| self.lacks(argument, lack))
    }
}

/// Methods that are done elsewhere.
macro_rules! rooms {
    ($($method:ident($params:ident, $results:ident) in $room:ident;)*) => {$(
        async fn $method(self: Rc<Self>, params: i_p_f_s::$params, results: i_p_f_s::$results) -> Result<(), Error> {
            $room::$method(self, params, results).await
        }
    )*};
}

impl i_p_f_s::Server for Ipfs {
    async fn add(self: Rc<Self>, params: i_p_f_s::AddParams, mut results: i_p_f_s::AddResults) -> Result<(), Error> {
        let mut data = params.get()?.get_data()?.to_vec();
        let most = match self.wrong.0 {
            "rpc-add-below-8-mib" => MOST - 1,
            "rpc-add-one-more" => MOST + 1,
            "rpc-add-megabytes" => 8_000_000,
            "rpc-add-any-size" => usize::MAX,
            _ => MOST,
        };
        if data.len() > most || (data.is_empty() && self.wrong.is("rpc-add-empty-refused")) {
            return Err(self.refusal("add", &format!("{} bytes", data.len())));
        }
        match self.wrong.0 {
            "rpc-add-line-break" if !data.is_empty() => data.push(b'\n'),
            "rpc-add-first-block" => data.truncate(256 << 10),
            "rpc-add-last-byte-lost" => _ = data.pop(),
            _ => {}
        }
        let chunker = if self.wrong.is("rpc-add-other-chunks") { "size-262144" } else { CHUNKER };
        let added = self.content.add(data, self.wrong.is("rpc-add-pins"), chunker).await;
        let cid = added.map_err(|lack| match lack {
            Lack::Retrieval(why) if self.wrong.is("rpc-add-failure-unnamed") => self.failure(why),
            Lack::Retrieval(why) => self.refusal("add", &why),
            Lack::Kind(kind) => self.refusal("add", kind),
        })?;
        match self.wrong.0 {
            "rpc-add-other-cid" => {
                let other = self.content.add(Vec::new(), false, CHUNKER).await;
                results.get().set_cid(other.map_err(|_| self.refusal("add", "no other"))?);
            }
            "rpc-add-cid-of-nothing" => results.get().set_cid(NOTHING),
            "rpc-add-path" => results.get().set_cid(format!("/ipfs/{cid}")),
            _ => results.get().set_cid(cid),
        }
        Ok(())
    }

    async fn cat(self: Rc<Self>, params: i_p_f_s::CatParams, mut results: i_p_f_s::CatResults) -> Result<(), Error> {
        let argument = params.get()?.get_cid()?.to_string()?;
        let found = self.found("cat", &argument).await?;
        match found.kind {
            Kind::File => {}
            Kind::Directory => return Err(self.lacks(&argument, Lack::Kind("a directory"))),
            Kind::Symlink => return Err(self.lacks(&argument, Lack::Kind("a symlink"))),
        }
        let most = match self.wrong.0 {
            "rpc-cat-below-8-mib" => MOST - 1,
            "rpc-cat-one-more" => MOST + 1,
            "rpc-cat-cut" => usize::MAX,
            _ => MOST,
        };
        if found.size > most as u64 {
            return Err(self.refusal("cat", &format!("{argument}: larger than 8 MiB")));
        }
        let mut body = self.content.file(&found.cid).await.map_err(|lack| self.lacks(&argument, lack))?;
        match self.wrong.0 {
            "rpc-cat-cut" => body.truncate(MOST),
            "rpc-cat-first-block" => body.truncate(1 << 20),
            _ => {}
        }
        results.get().set_body(&body);
        Ok(())
    }

    rooms! {
        pin(PinParams, PinResults) in methods;
        unpin(UnpinParams, UnpinResults) in methods;
        pins(PinsParams, PinsResults) in methods;
        id(IdParams, IdResults) in methods;
        connect(ConnectParams, ConnectResults) in methods;
        peers(PeersParams, PeersResults) in methods;
        resolve(ResolveParams, ResolveResults) in methods;
        get_block(GetBlockParams, GetBlockResults) in methods;
        put_block(PutBlockParams, PutBlockResults) in methods;
        resolve_node(ResolveNodeParams, ResolveNodeResults) in nodes;
        read(ReadParams, ReadResults) in streams;
        ls(LsParams, LsResults) in listing;
        stat(StatParams, StatResults) in listing;
    }

    async fn write(
        self: Rc<Self>,
        params: i_p_f_s::WriteParams,
        mut results: i_p_f_s::WriteResults,
    ) -> Result<(), Error> {
        uploads::upload(self, params.get()?.get_pin(), &mut results)
    }
}
