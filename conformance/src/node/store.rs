//! Fixtures: what cases put into the node and read back, by ipfs-api-backend-hyper.
//!
//! What must stay true: every call is bounded in time; what was put there is read back before a case
//! uses it, so that a fault of the node or of this client is never told as the implementation's.

use std::io::{Cursor, Read};
use std::time::Duration;

use futures::TryStreamExt;
use ipfs_api_backend_hyper::request::{Add, KeyType};
use ipfs_api_backend_hyper::{Form, IpfsApi, IpfsClient, TryFromUri};
use ipfs_api_prelude::{ApiRequest, Backend};
use serde::{Deserialize, Serialize};

use super::Node;
use crate::verdict::{Stop, Verdict};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(120);
/// How many files of a directory are read back.
const READ_BACK: usize = 20;

/// How a file is cut into blocks and what its CIDs are made with; `None` is the node's default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Import<'a> {
    /// CID version.
    pub version: Option<u32>,
    /// Raw leaves.
    pub raw_leaves: Option<bool>,
    /// The trickle layout in place of the balanced one.
    pub trickle: Option<bool>,
    /// `size-262144`.
    pub chunker: Option<&'a str>,
    /// The name of a multihash.
    pub hash: Option<&'a str>,
    /// The largest block, in bytes, that is put into its CID.
    pub inline: Option<u32>,
}

impl<'a> Import<'a> {
    fn request(&self) -> Add<'a> {
        Add {
            trickle: self.trickle,
            chunker: self.chunker,
            pin: Some(false),
            raw_leaves: self.raw_leaves,
            cid_version: self.version,
            hash: self.hash,
            inline: self.inline.map(|_| true),
            inline_limit: self.inline,
            ..Add::default()
        }
    }
}

/// `block/put` with the options that Kubo has today.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PutBlock<'a> {
    cid_codec: &'a str,
    mhtype: &'a str,
    /// Larger than other nodes take, for what must refuse it.
    allow_big_block: bool,
}

impl ApiRequest for PutBlock<'_> {
    const PATH: &'static str = "/block/put";
}

/// `dag/export`: a DAG as a CAR.
#[derive(Serialize)]
struct Export<'a> {
    arg: &'a str,
    progress: bool,
}

impl ApiRequest for Export<'_> {
    const PATH: &'static str = "/dag/export";
}

/// `name/publish` as a node without peers takes it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Publish<'a> {
    arg: &'a str,
    key: &'a str,
    allow_offline: bool,
    resolve: bool,
}

impl ApiRequest for Publish<'_> {
    const PATH: &'static str = "/name/publish";
}

/// `id`, whose other fields a node without peers leaves empty, which the client named above doesn't take.
#[derive(Serialize)]
struct WhoAmI;

impl ApiRequest for WhoAmI {
    const PATH: &'static str = "/id";
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    name: String,
}

impl Node {
    fn client(&self) -> Verdict<IpfsClient> {
        Ok(IpfsClient::from_str(&self.address.url())?)
    }

    fn call<T, E: std::error::Error>(&self, what: &str, doing: impl Future<Output = Result<T, E>>) -> Verdict<T> {
        let done = self.runtime.block_on(async { tokio::time::timeout(CALL, doing).await });
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(fault)) => Err(Stop::Harness(format!("the node refuses {what}: {fault}"))),
            Err(_) => Err(Stop::Harness(format!("the node doesn't answer {what} within {CALL:?}"))),
        }
    }

    /// The version that it says it is.
    ///
    /// # Errors
    /// Where it isn't there, or is no Kubo.
    pub fn version(&self) -> Verdict<String> {
        let client = self.client()?;
        Ok(self.call("version", client.version())?.version)
    }

    /// Stores a file, unpinned; gives its CID.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn add(&self, content: impl Into<Vec<u8>>, import: Import<'_>) -> Verdict<String> {
        let content = content.into();
        let cid = self.add_from(Cursor::new(content.clone()), import)?;
        if self.cat(&cid)? != content {
            return Err(Stop::Harness(format!("the node gives other bytes for {cid} than were put there")));
        }
        Ok(cid)
    }

    /// Stores a file of any size, unpinned, and doesn't read it back; gives its CID.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn add_from(&self, content: impl Read + Send + Sync + Unpin + 'static, import: Import<'_>) -> Verdict<String> {
        let client = self.client()?;
        Ok(self.call("add", client.add_with_options(content, import.request()))?.hash)
    }

    /// Stores a directory of files, whose names may have slashes; gives its CID.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn directory<N: AsRef<str>>(&self, files: impl IntoIterator<Item = (N, Vec<u8>)>) -> Verdict<String> {
        let mut form = Form::default();
        let mut shown = Vec::new();
        for (name, content) in files {
            // Kubo takes the name of a part for one that is escaped as in a URL.
            let escaped = name.as_ref().replace('%', "%25").replace('+', "%2B");
            if shown.len() < READ_BACK {
                shown.push((name.as_ref().to_owned(), content.clone()));
            }
            form.add_reader_file("path", Cursor::new(content), format!("top/{escaped}"));
        }
        let client = self.client()?;
        let import = Import { version: Some(1), ..Import::default() };
        let stored = self.call("add", client.add_with_form(form, import.request()))?;
        let top = stored.into_iter().find(|entry| entry.name == "top");
        let cid = top.ok_or_else(|| Stop::Harness("the node names no directory".into()))?.hash;
        for (name, content) in shown {
            if self.cat(&format!("/ipfs/{cid}/{name}"))? != content {
                return Err(Stop::Harness(format!("the node gives other bytes for {cid}/{name} than were put there")));
            }
        }
        Ok(cid)
    }

    /// Stores one block; gives its CID.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn block(&self, codec: &str, hash: &str, data: &[u8]) -> Verdict<String> {
        let client = self.client()?;
        let mut form = Form::default();
        form.add_reader("data", Cursor::new(data.to_vec()));
        let request = PutBlock { cid_codec: codec, mhtype: hash, allow_big_block: true };
        let put = client.request::<_, ipfs_api_backend_hyper::response::BlockPutResponse>(request, Some(form));
        Ok(self.call("block/put", put)?.key)
    }

    /// The bytes of a block.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn block_of(&self, cid: &str) -> Verdict<Vec<u8>> {
        let client = self.client()?;
        let parts =
            self.call("block/get", client.block_get(cid).map_ok(|part| part.to_vec()).try_collect::<Vec<_>>())?;
        Ok(parts.concat())
    }

    /// A whole file.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn cat(&self, path: &str) -> Verdict<Vec<u8>> {
        let client = self.client()?;
        let parts = self.call("cat", client.cat(path).map_ok(|part| part.to_vec()).try_collect::<Vec<_>>())?;
        Ok(parts.concat())
    }

    /// Publishes a path under a new key; gives `/ipns/<name>`.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn publish(&self, path: &str, key: &str) -> Verdict<String> {
        let client = self.client()?;
        self.call("key/gen", client.key_gen(key, KeyType::Ed25519, -1))?;
        let request = Publish { arg: path, key, allow_offline: true, resolve: false };
        let published = self.call("name/publish", client.request::<_, Published>(request, None));
        self.call("key/rm", client.key_rm(key))?;
        Ok(format!("/ipns/{}", published?.name))
    }

    /// Every CID that is pinned, by itself or by one above.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn pins(&self) -> Verdict<Vec<String>> {
        let client = self.client()?;
        Ok(self.call("pin/ls", client.pin_ls(None, None))?.keys.into_keys().collect())
    }

    /// Pins what is below a CID.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn pin(&self, cid: &str) -> Verdict {
        let client = self.client()?;
        self.call("pin/add", client.pin_add(cid, true)).map(drop)
    }

    /// Its own id.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn id(&self) -> Verdict<String> {
        let client = self.client()?;
        Ok(self.call("id", client.request::<_, Identity>(WhoAmI, None))?.id)
    }

    /// Everything below a CID as a CAR, of so many bytes at most.
    ///
    /// # Errors
    /// Where the node doesn't have it, or it is larger.
    pub fn car(&self, cid: &str, most: u64) -> Verdict<Vec<u8>> {
        let client = self.client()?;
        let mut parts =
            client.request_stream_bytes(client.build_base_request(Export { arg: cid, progress: false }, None)?);
        let mut car = Vec::new();
        while let Some(part) = self.call("dag/export", parts.try_next())? {
            car.extend_from_slice(&part);
            if car.len() as u64 > most {
                return Err(Stop::Harness(format!("the CAR of {cid} is larger than {most} bytes")));
            }
        }
        Ok(car)
    }
}
