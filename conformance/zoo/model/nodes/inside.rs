//! What is inside a node's block: its links, where a path leads, how large it is.

use capnp::Error;
use serde_json::Value;

use super::super::content::Lack;
use super::super::ipfs::Ipfs;
use super::super::methods::codec;
use super::value::{Link, below, bytes, child, dag_pb, linked};
use super::{LIMIT, Node};

impl Node {
    /// A block, and what is in it.
    pub(super) async fn shown(ipfs: &Ipfs, cid: &str, argument: &str) -> Result<(Vec<u8>, Value), Error> {
        let block = ipfs.block(cid, argument).await?;
        if codec(cid) == 0x55 {
            return Ok((block, Value::Null));
        }
        let shown = match codec(cid) {
            0x70 => dag_pb(&block).ok_or_else(|| "not well-formed".to_owned()),
            _ => ipfs.ask(&format!("/api/v0/dag/get?arg={cid}&output-codec=dag-json")).await,
        };
        let shown = match shown {
            Err(_) if ipfs.wrong.is("rpc-ill-formed-is-empty") => Value::Null,
            Err(_) if ipfs.wrong.is("rpc-ill-formed-ends-session") => {
                ipfs.fatal().notify_one();
                std::future::pending().await
            }
            shown => shown.map_err(|why| ipfs.lacks(argument, Lack::Retrieval(why)))?,
        };
        Ok((block, shown))
    }

    pub(super) async fn value(&self) -> Result<(Vec<u8>, Value), Error> {
        Self::shown(&self.ipfs, &self.cid, &format!("/ipfs/{}", self.cid)).await
    }

    pub(super) fn refusal(&self, method: &str, what: &str) -> Error {
        match self.ipfs.wrong.is("rpc-node-refusal-unnamed") {
            true => Error::failed(what.to_owned()),
            false => self.ipfs.refusal("resolveNode", &format!("Node.{method}: {what}")),
        }
    }

    pub(super) fn links_of(&self, value: &Value) -> Vec<Link> {
        let mut links = Vec::new();
        if codec(&self.cid) == 0x70 {
            for entry in value["Links"].as_array().into_iter().flatten() {
                links.push(Link {
                    name: entry["Name"].as_str().unwrap_or_default().to_owned(),
                    size: entry["Tsize"].as_u64().unwrap_or(0),
                    cid: entry["Hash"]["/"].as_str().unwrap_or_default().to_owned(),
                });
            }
        } else {
            below(value, "", &mut |name, value| {
                if let Some(cid) = linked(value) {
                    links.push(Link { name: name.to_owned(), size: 0, cid: cid.to_owned() });
                }
            });
        }
        links
    }

    /// The first link on a path and how many names are left; `None` where the path ends before.
    pub(super) fn follow(&self, value: &Value, path: &[String]) -> Result<Option<(Link, usize)>, Error> {
        let wrong = self.ipfs.wrong;
        let missing = || self.ipfs.lacks(&format!("/ipfs/{}", self.cid), Lack::Retrieval("nothing there".into()));
        let Some(first) = path.first() else { return Ok(None) };
        if codec(&self.cid) == 0x70 {
            let found = self.links_of(value).into_iter().find(|link| link.name == *first);
            return match found {
                None if wrong.is("rpc-node-missing-is-itself") => Ok(None),
                found => found.map(|link| Some((link, path.len() - 1))).ok_or_else(missing),
            };
        }
        let mut at = value;
        for (index, name) in path.iter().enumerate() {
            let next = if linked(at).is_some() || bytes(at) { None } else { child(at, name) };
            at = match next {
                None if wrong.is("rpc-node-missing-is-itself") => return Ok(None),
                next => next.ok_or_else(missing)?,
            };
            if let Some(cid) = linked(at) {
                let name = path[..=index].join("/");
                return Ok(Some((Link { name, size: 0, cid: cid.to_owned() }, path.len() - index - 1)));
            }
        }
        Ok(None)
    }

    pub(super) fn fits(&self, method: &str, size: usize) -> Result<(), Error> {
        if size <= LIMIT || self.ipfs.wrong.is("rpc-large-is-cut") {
            return Ok(());
        }
        let way = if self.ipfs.wrong.is("rpc-large-unhelped") { "" } else { "; use rawData" };
        Err(self.refusal(method, &format!("larger than a message{way}")))
    }
}

impl Node {
    pub(super) fn cumulative(&self, block: &[u8], links: &[Link]) -> u64 {
        let below: u64 = links.iter().map(|link| link.size).sum();
        if self.ipfs.wrong.is("rpc-node-stat-below-alone") { below } else { block.len() as u64 + below }
    }
}
