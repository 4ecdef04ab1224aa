//! `IPFS`: `add`, `cat`, `ls` and `stat`; the rest is in rooms of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::Notify;
use ww_schema::system_capnp::{EntryType, i_p_f_s};

use super::Wrong;
use super::access::Granted;
use super::content::{Content, Found, Kind, Lack, path};
use super::streams::{self, Streams};
use super::uploads;
use super::{methods, nodes};

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
    }

    async fn write(
        self: Rc<Self>,
        params: i_p_f_s::WriteParams,
        mut results: i_p_f_s::WriteResults,
    ) -> Result<(), Error> {
        uploads::upload(self, params.get()?.get_pin(), &mut results)
    }

    async fn ls(self: Rc<Self>, params: i_p_f_s::LsParams, mut results: i_p_f_s::LsResults) -> Result<(), Error> {
        let argument = params.get()?.get_path()?.to_string()?;
        let found = self.found("ls", &argument).await?;
        let mut entries = match found.kind {
            Kind::Directory => self.content.entries(&found.cid).await.map_err(|lack| self.lacks(&argument, lack))?,
            Kind::File if self.wrong.is("rpc-ls-file-is-entry") => {
                vec![(String::new(), Kind::File, found.size, found.cid.clone())]
            }
            _ => vec![],
        };
        match self.wrong.0 {
            "rpc-ls-unsorted" => entries.sort_by(|one, other| other.0.cmp(&one.0)),
            "rpc-ls-sorted-as-dictionary" => entries.sort_by_key(|entry| entry.0.to_lowercase().replace('ä', "a")),
            "rpc-ls-case-ignored" => entries.sort_by_key(|entry| entry.0.to_lowercase()),
            _ => entries.sort_by(|one, other| one.0.cmp(&other.0)),
        }
        if self.wrong.is("rpc-ls-at-most-1000") {
            entries.truncate(1_000);
        }
        if self.wrong.is("rpc-ls-shard-prefixed") && entries.len() > 1_000 {
            entries.iter_mut().for_each(|entry| entry.0.insert_str(0, "0F"));
        }
        if self.wrong.is("rpc-ls-cids-of-nothing") {
            entries.iter_mut().for_each(|entry| entry.3 = NOTHING.to_owned());
        }
        if self.wrong.is("rpc-ls-cids-shifted") && !entries.is_empty() {
            let mut cids: Vec<String> = entries.iter().map(|entry| entry.3.clone()).collect();
            cids.rotate_left(1);
            entries.iter_mut().zip(cids).for_each(|(entry, cid)| entry.3 = cid);
        }
        let mut list = results.get().init_entries(u32::try_from(entries.len()).unwrap_or(0));
        for (at, (name, kind, size, cid)) in (0..).zip(entries) {
            let mut entry = list.reborrow().get(at);
            entry.set_name(name);
            entry.set_type(match (kind, self.wrong.0) {
                (Kind::Symlink, "rpc-ls-symlink-is-file") => EntryType::File,
                (Kind::Directory, "rpc-ls-directory-is-file") | (Kind::File, _) => EntryType::File,
                (Kind::Directory, _) => EntryType::Directory,
                (Kind::Symlink, _) => EntryType::Symlink,
            });
            let size = match (kind, self.wrong.0) {
                (Kind::Directory, "rpc-ls-directory-has-size") => 1,
                (Kind::Directory, _) => 0,
                (_, "rpc-ls-sizes-of-blocks") => size + 14,
                _ => size,
            };
            entry.set_size(size);
            entry.set_cid(cid);
        }
        Ok(())
    }

    async fn stat(self: Rc<Self>, params: i_p_f_s::StatParams, mut results: i_p_f_s::StatResults) -> Result<(), Error> {
        let argument = params.get()?.get_cid()?.to_string()?;
        let found = self.found("stat", &argument).await?;
        let mut info = results.get().init_info();
        info.set_cid(if self.wrong.is("rpc-stat-cid-as-asked") { &argument } else { &found.cid });
        info.set_size(match (found.kind, self.wrong.0) {
            (Kind::Directory, "rpc-stat-directory-has-size") | (_, "rpc-stat-size-of-blocks") => found.cumulative,
            _ => found.size,
        });
        info.set_cumulative_size(match self.wrong.0 {
            "rpc-stat-cumulative-of-content" => found.size,
            "rpc-stat-cumulative-of-links" => found.links.iter().map(|link| link.1).sum(),
            _ => found.cumulative,
        });
        let node = info.init_node_type();
        match (found.kind, self.wrong.0) {
            (Kind::Symlink, "rpc-stat-symlink-is-file") | (Kind::File, _) => _ = node.init_file(),
            (Kind::Symlink, wrong) => {
                let target = found.links.first().map(|link| link.0.clone()).unwrap_or_default();
                node.init_symlink().set_target(if wrong == "rpc-stat-target-missing" { String::new() } else { target });
            }
            (Kind::Directory, wrong) => {
                let count = if wrong == "rpc-stat-links-missing" { 0 } else { found.links.len() };
                let mut list = node.init_directory().init_links(u32::try_from(count).unwrap_or(0));
                for (at, (name, size, cid)) in (0..).zip(found.links).take(count) {
                    let mut link = list.reborrow().get(at);
                    link.set_name(name);
                    link.set_size(size);
                    link.set_cid(if wrong == "rpc-stat-links-unlinked" { String::new() } else { cid });
                }
            }
        }
        Ok(())
    }
}
