//! Directories: follows a path's names to a CID, lists entries, says what a node is.
//!
//! - What it does: IPNS, plain and sharded directories, links of dag-cbor and dag-json; the daemon resolves no path below a CID, for its
//!   answer couldn't be checked.
//! - What must stay true: a symlink is never followed, in the middle of a path neither (`unexpected node
//!   type`).
//! - Serves: rulings 7, 20, and `ls` and `stat` of `system.IPFS`.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::error::NodeKind;
use super::ipld::{self, DAG_CBOR, DAG_JSON, Found};
use super::listing::{Child, Listing};
use super::node::{DAG_PB, Kind, Node, RAW};
use super::path::{ContentPath, Root};
use super::walk::{IN_FLIGHT, tree_size};
use super::{Cid, ContentError, Entry, EntryType, NodeInfo, NodeInfoKind, NodeLink, shard, sources::Sources};

/// How often one IPNS name may lead to another.
const NAMES: u32 = 8;

impl NodeKind {
    /// What a dag-pb node is; a file in one block and a part of one are the same.
    pub(crate) fn of<'a, 'b>(node: &'a Node<'b>) -> (NodeKind, Option<&'a super::node::UnixFs<'b>>) {
        let kind = match node.unixfs.as_ref().map(|unixfs| unixfs.kind) {
            None => NodeKind::PlainDagPb,
            Some(Kind::Raw | Kind::File) => NodeKind::File,
            Some(Kind::Directory) => NodeKind::Directory,
            Some(Kind::Shard) => NodeKind::ShardedDirectory,
            Some(Kind::Symlink) => NodeKind::Symlink,
            Some(Kind::Metadata) => NodeKind::Metadata,
        };
        (kind, node.unixfs.as_ref())
    }
}

/// Follows a path to the CID that it ends at.
pub(crate) async fn resolve(sources: &Sources, path: &ContentPath) -> Result<Cid, ContentError> {
    let mut path = path.clone();
    for _ in 0..=NAMES {
        match path.root() {
            Root::Ipfs(cid) => return descend(sources, *cid, &path).await,
            Root::Ipns => path = sources.resolve_name(&path).await?,
        }
    }
    Err(ContentError::Bomb("IPNS names that lead on and on"))
}

async fn descend(sources: &Sources, root: Cid, path: &ContentPath) -> Result<Cid, ContentError> {
    let mut cid = root;
    let mut within = format!("/ipfs/{root}");
    let mut names = path.names();
    while let Some((name, after)) = names.split_first() {
        let missing = |within: String| ContentError::NotFound { name: name.clone(), within };
        let block = match cid.codec() {
            RAW => return Err(missing(format!("{within}, which is a file"))),
            DAG_PB | DAG_CBOR | DAG_JSON => sources.block(&cid).await?,
            code => return Err(NodeKind::Codec(code).into()),
        };
        let (next, left) = match cid.codec() {
            DAG_PB => (child(sources, cid, block, name, &within).await?, after),
            _ => {
                let block = ipld::Block::new(&cid, &block).await?;
                match block.find(names).await? {
                    Found::Link { link, left } => (link.cid, &names[names.len() - left..]),
                    // As Kubo has it, a path that ends inside a block ends at that block.
                    Found::Inside => return Ok(cid),
                    Found::Missing { at } => return Err(block.missing(names, at)),
                }
            }
        };
        for name in &names[..names.len() - left.len()] {
            within = format!("{within}/{name}");
        }
        (cid, names) = (next, left);
    }
    Ok(cid)
}

/// The CID that a name leads to from a dag-pb block.
async fn child(sources: &Sources, cid: Cid, block: Vec<u8>, name: &str, within: &str) -> Result<Cid, ContentError> {
    let missing = |within: &str| ContentError::NotFound { name: name.to_owned(), within: within.to_owned() };
    let (kind, found) = {
        let node = decode(&cid, &block)?;
        let kind = NodeKind::of(&node).0;
        (kind, node.links().find(|link| link.name == name.as_bytes()).map(|link| link.cid))
    };
    match kind {
        // dag-pb that isn't UnixFS has names too.
        NodeKind::Directory | NodeKind::PlainDagPb => found.ok_or_else(|| missing(within)),
        NodeKind::ShardedDirectory => {
            let found = shard::find(sources, cid, block, name).await?;
            found.map(|child| child.cid).ok_or_else(|| missing(within))
        }
        NodeKind::File => Err(missing(&format!("{within}, which is a file"))),
        kind => Err(kind.into()),
    }
}

/// The entries of a directory, sorted by name; of anything else that UnixFS knows, none.
pub(crate) async fn ls(sources: &Sources, cid: Cid) -> Result<Vec<Entry>, ContentError> {
    let children = match cid.codec() {
        RAW => Vec::new(),
        DAG_PB => {
            let block = sources.block(&cid).await?;
            let kind = NodeKind::of(&decode(&cid, &block)?).0;
            children(sources, cid, block, kind).await?
        }
        code => return Err(NodeKind::Codec(code).into()),
    };
    stream::iter(children).map(|child| entry(sources, child)).buffered(IN_FLIGHT).try_collect().await
}

/// The entries of a directory's links, sorted by name.
async fn children(sources: &Sources, cid: Cid, block: Vec<u8>, kind: NodeKind) -> Result<Vec<Child>, ContentError> {
    let mut listing = Listing::default();
    match kind {
        NodeKind::Directory => {
            for link in decode(&cid, &block)?.links() {
                listing.push(Child::new(link.name, &link))?;
            }
        }
        NodeKind::ShardedDirectory => {
            shard::list(sources, cid, block, |name, link| listing.push(Child::new(name, link))).await?;
        }
        NodeKind::File | NodeKind::Symlink => {}
        kind => return Err(kind.into()),
    }
    Ok(listing.sorted())
}

/// Looks at an entry's own block for its type and size. A raw block's size stands in the link.
async fn entry(sources: &Sources, child: Child) -> Result<Entry, ContentError> {
    let Child { name, cid, tsize } = child;
    let (entry_type, size) = match (cid.codec(), tsize) {
        (RAW, Some(size)) => (EntryType::File, size),
        (RAW, None) => (EntryType::File, sources.block(&cid).await?.len() as u64),
        (DAG_PB, _) => {
            let block = sources.block(&cid).await?;
            let node = decode(&cid, &block)?;
            match NodeKind::of(&node) {
                (NodeKind::File, Some(file)) => (EntryType::File, tree_size(&cid, &node, file)?),
                (NodeKind::Symlink, Some(link)) => (EntryType::Symlink, link.data.len() as u64),
                (NodeKind::Directory | NodeKind::ShardedDirectory, _) => (EntryType::Directory, 0),
                _ => (EntryType::File, 0),
            }
        }
        // Not UnixFS: there is no type for it, and no content that `cat` would give.
        _ => (EntryType::File, 0),
    };
    Ok(Entry { name, entry_type, size, cid })
}

/// What a node is.
pub(crate) async fn stat(sources: &Sources, cid: Cid) -> Result<NodeInfo, ContentError> {
    if !matches!(cid.codec(), RAW | DAG_PB) {
        return Err(NodeKind::Codec(cid.codec()).into());
    }
    let block = sources.block(&cid).await?;
    let length = block.len() as u64;
    if cid.codec() == RAW {
        return Ok(NodeInfo { cid, size: length, cumulative_size: length, kind: NodeInfoKind::File });
    }
    let (kind, size, info, cumulative_size) = {
        let node = decode(&cid, &block)?;
        let below = node.links().map(|link| link.tsize.unwrap_or(0));
        let cumulative_size = below.fold(length, u64::saturating_add);
        match NodeKind::of(&node) {
            (kind @ NodeKind::File, Some(file)) => {
                (kind, tree_size(&cid, &node, file)?, NodeInfoKind::File, cumulative_size)
            }
            (kind @ NodeKind::Symlink, Some(link)) => {
                let target = String::from_utf8_lossy(link.data).into_owned();
                (kind, link.data.len() as u64, NodeInfoKind::Symlink { target }, cumulative_size)
            }
            (kind @ (NodeKind::Directory | NodeKind::ShardedDirectory), _) => {
                (kind, 0, NodeInfoKind::Directory { links: Vec::new() }, cumulative_size)
            }
            (kind, _) => return Err(kind.into()),
        }
    };
    let kind = match info {
        NodeInfoKind::Directory { .. } => {
            let children = children(sources, cid, block, kind).await?.into_iter();
            let link = |child: Child| NodeLink { name: child.name, size: child.tsize.unwrap_or(0), cid: child.cid };
            NodeInfoKind::Directory { links: children.map(link).collect() }
        }
        info => info,
    };
    Ok(NodeInfo { cid, size, cumulative_size, kind })
}

pub(super) fn decode<'a>(cid: &Cid, block: &'a [u8]) -> Result<Node<'a>, ContentError> {
    Node::decode(block).map_err(|why| ContentError::malformed(cid, why))
}
