//! IPLD blocks: what is inside a block of dag-pb, raw, dag-cbor or dag-json, by path and by link.
//!
//! - What it does: finds the link that a path meets, lists paths and links. Each codec has a reader that yields
//!   [`Event`]s one by one (`cbor`, `json`); nothing here builds a tree, for a block of 2 MiB can hold millions of
//!   values (docs/decisions/ipld-readers.md).
//! - What must stay true: a [`Block`] that exists is well-formed to its last byte. No input recurses; what is open at
//!   once is bounded by [`DEPTH`], memory otherwise by the block's length. However much there is in a block, the
//!   thread's other tasks run meanwhile ([`paced`]).
//! - Serves: rulings 7, 13, 20; clauses RPC-25, RPC-30 to RPC-35.

use std::borrow::Cow;

use self::paced::Paced;
use super::error::NodeKind;
use super::node::{self, DAG_PB, RAW};
use super::{Cid, ContentError};

mod cbor;
mod json;
mod paced;
#[cfg(test)]
mod tests;
mod walk;

/// The codec of dag-cbor blocks.
pub(crate) const DAG_CBOR: u64 = 0x71;
/// The codec of dag-json blocks.
pub(crate) const DAG_JSON: u64 = 0x0129;
/// How many maps and lists may be open at once; Kubo's reader has the same bound for dag-cbor.
const DEPTH: usize = 1024;
const TOO_DEEP: Malformed = "its maps and lists are nested too deeply";

type Malformed = &'static str;

/// What comes next in a block of dag-cbor or dag-json.
#[derive(Debug, PartialEq)]
enum Event<'a> {
    Map,
    List,
    /// The end of the innermost map or list.
    End,
    /// Before each value of a map.
    Key(Cow<'a, str>),
    Link(Box<Cid>),
    /// Any other value.
    Scalar,
}

/// What is in a block of dag-cbor or dag-json, to its end or to what is wrong.
type Events<'a> = Box<dyn Iterator<Item = Result<Event<'a>, Malformed>> + 'a>;

/// A block whose codec is known and whose bytes are of it.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    cid: &'a Cid,
    bytes: &'a [u8],
    codec: Codec<'a>,
    /// How many links there are in dag-cbor or dag-json: counted as it is read.
    links: usize,
}

#[derive(Debug)]
enum Codec<'a> {
    Raw,
    DagPb(node::Node<'a>),
    Cbor,
    Json,
}

/// A link, as a cell sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    /// In dag-pb its own, else the path to it inside the block.
    pub(crate) name: Cow<'a, str>,
    /// The bytes of all blocks below, where the codec has it.
    pub(crate) size: u64,
    pub(crate) cid: Cid,
}

/// Where a path leads from the root of a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// To something of this block.
    Inside,
    /// To a link; as many names are left.
    Link { link: Link<'a>, left: usize },
    /// Nowhere: this one of its names isn't there.
    Missing { at: usize },
}

/// The sizes of a block, in bytes, and how many links it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) links: usize,
    pub(crate) block: u64,
    /// Of the block, what is links and the frame around them (dag-pb).
    pub(crate) of_links: u64,
    /// And what is data.
    pub(crate) of_data: u64,
    /// With all that the links declare to be below.
    pub(crate) cumulative: u64,
}

impl<'a> Block<'a> {
    /// Reads a block whole.
    ///
    /// # Errors
    /// [`ContentError::NodeType`] where the codec is none of the four; [`ContentError::Malformed`].
    pub(crate) async fn new(cid: &'a Cid, bytes: &'a [u8]) -> Result<Block<'a>, ContentError> {
        let malformed = |why| ContentError::malformed(cid, why);
        let codec = match cid.codec() {
            RAW => Codec::Raw,
            DAG_PB => Codec::DagPb(node::Node::decode(bytes).map_err(malformed)?),
            DAG_CBOR => Codec::Cbor,
            DAG_JSON => Codec::Json,
            code => return Err(NodeKind::Codec(code).into()),
        };
        let mut block = Block { cid, bytes, codec, links: 0 };
        let mut events = block.events();
        while let Some(event) = events.next().await {
            block.links += usize::from(matches!(event.map_err(malformed)?, Event::Link(_)));
        }
        Ok(block)
    }

    /// The block itself.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Follows a path up to the first link on it, or to its end.
    ///
    /// # Errors
    /// None: the block has been read once.
    pub(crate) async fn find<'p>(&self, path: &'p [String]) -> Result<Found<'p>, ContentError> {
        let Some(first) = path.first() else {
            return Ok(Found::Inside);
        };
        match &self.codec {
            Codec::Raw => Ok(Found::Missing { at: 0 }),
            Codec::DagPb(node) => {
                let mut links = Paced::new(node.links());
                while let Some(link) = links.next().await {
                    if link.name == first.as_bytes() {
                        let link = Link { name: first.into(), size: link.tsize.unwrap_or(0), cid: link.cid };
                        return Ok(Found::Link { link, left: path.len() - 1 });
                    }
                }
                Ok(Found::Missing { at: 0 })
            }
            Codec::Cbor | Codec::Json => {
                walk::find(self.events(), path).await.map_err(|why| ContentError::malformed(self.cid, why))
            }
        }
    }

    /// Hands out each link, in the block's order.
    ///
    /// # Errors
    /// Those of `take`, which end it.
    pub(crate) async fn links(
        &self,
        mut take: impl FnMut(&Link<'_>) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        if let Codec::DagPb(node) = &self.codec {
            let mut links = Paced::new(node.links());
            while let Some(link) = links.next().await {
                let name = String::from_utf8_lossy(link.name);
                take(&Link { name, size: link.tsize.unwrap_or(0), cid: link.cid })?;
            }
            return Ok(());
        }
        self.walk(|at, event| match event {
            Event::Link(cid) => take(&Link { name: at.text.into(), size: 0, cid: **cid }),
            _ => Ok(()),
        })
        .await
    }

    /// Hands out the paths below `path`, relative to it, as deep as `depth` names; one that can't be told as text, for
    /// a name in it is empty or has a slash, is left out.
    ///
    /// # Errors
    /// [`ContentError::NotFound`] where `path` isn't in this block; those of `take`, which end it.
    pub(crate) async fn tree(
        &self,
        path: &[String],
        depth: usize,
        mut take: impl FnMut(&str) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        match self.find(path).await? {
            Found::Inside => {}
            Found::Link { left: 0, .. } => return Ok(()),
            Found::Link { left, .. } => return Err(self.missing(path, path.len() - left)),
            Found::Missing { at } => return Err(self.missing(path, at)),
        }
        if let Codec::DagPb(node) = &self.codec {
            let mut links = Paced::new(node.links());
            while let Some(link) = links.next().await {
                let name = String::from_utf8_lossy(link.name);
                if depth > 0 && !name.is_empty() && !name.contains('/') {
                    take(&name)?;
                }
            }
            return Ok(());
        }
        let base = path.join("/");
        self.walk(|at, _| {
            let below = match (at.told, at.text.strip_prefix(base.as_str())) {
                (true, Some(below)) if base.is_empty() => below,
                (true, Some(below)) => below.strip_prefix('/').unwrap_or_default(),
                _ => "",
            };
            match !below.is_empty() && at.depth - path.len() <= depth {
                true => take(below),
                false => Ok(()),
            }
        })
        .await
    }

    /// How large it is.
    pub(crate) async fn sizes(&self) -> Sizes {
        let block = self.bytes.len() as u64;
        let mut sizes = Sizes { links: self.links, block, of_links: 0, of_data: block, cumulative: block };
        if let Codec::DagPb(node) = &self.codec {
            sizes.of_data = node.data.len() as u64;
            sizes.of_links = block - sizes.of_data;
            let mut links = Paced::new(node.links());
            while let Some(link) = links.next().await {
                sizes.links += 1;
                sizes.cumulative = sizes.cumulative.saturating_add(link.tsize.unwrap_or(0));
            }
        }
        sizes
    }

    /// The error that a path ends in whose `at`th name isn't there.
    pub(crate) fn missing(&self, path: &[String], at: usize) -> ContentError {
        let mut within = format!("/ipfs/{}", self.cid);
        for name in &path[..at] {
            within.push('/');
            within.push_str(name);
        }
        ContentError::NotFound { name: path[at].clone(), within }
    }

    fn events(&self) -> Paced<Events<'a>> {
        Paced::new(match self.codec {
            Codec::Cbor => Box::new(cbor::Reader::new(self.bytes)) as Events<'a>,
            Codec::Json => Box::new(json::Reader::new(self.bytes)),
            Codec::Raw | Codec::DagPb(_) => Box::new(std::iter::empty()),
        })
    }

    async fn walk(
        &self,
        visit: impl FnMut(walk::At<'_>, &Event<'_>) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        walk::each(self.events(), visit, |why| ContentError::malformed(self.cid, why)).await
    }
}
