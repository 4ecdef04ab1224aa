//! The blocks of an upload, as its bytes come: written to the store, or hashed alone where there is none.
//!
//! - What must stay true: one leaf is in memory, and as many links as a node has for each level. What is dropped before
//!   [`Tree::commit`] was never there.
//! - Serves: ruling 16; clauses STORE-02, STORE-05, STORE-46.

use std::convert::Infallible;
use std::sync::Arc;

use crate::content::import::{self, Blocks, Builder, Layout, Profile};
use crate::content::sources::Sources;
use crate::content::{Cid, ContentError, wide};
use crate::store::{Root, Store, StoreError, Writer};

/// The size of a leaf, in bytes.
const LEAF: usize = Profile::V1.shape().leaf;

/// A file that is put together.
pub(super) enum Tree {
    /// Of which the CID is wanted alone.
    Hashed(Box<Builder>),
    /// Of which the store gets the blocks.
    Written(Box<Written>),
}

/// What is done, and what comes next.
pub(super) struct Written {
    leaf: Vec<u8>,
    /// Away while somebody works on them.
    parts: Option<Parts>,
    any: bool,
}

struct Parts {
    layout: Layout,
    shelf: Shelf,
}

/// The store until it fails; then it is nowhere.
struct Shelf {
    writer: Option<Writer>,
    failed: Option<Arc<StoreError>>,
}

impl Blocks for Shelf {
    type Error = Infallible;

    fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Infallible> {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.put(cid, block)
        {
            self.fail(error);
        }
        Ok(())
    }
}

impl Shelf {
    fn fail(&mut self, error: StoreError) {
        self.writer = None;
        self.failed = Some(Arc::new(error));
    }
}

impl Parts {
    fn leaf(&mut self, leaf: &[u8]) {
        let Ok(()) = import::leaf(&mut self.layout, leaf, &mut self.shelf);
    }
}

impl Tree {
    /// Begins a file; in a store, if there is one.
    pub(super) async fn begin(sources: &Sources, store: Option<Store>) -> Result<Tree, ContentError> {
        let Some(store) = store else { return Ok(Tree::Hashed(Box::new(Builder::new()))) };
        let begun = sources.at_work(move || Ok(store.slow_writer())).await?;
        let mut shelf = Shelf { writer: None, failed: None };
        match begun {
            Ok(writer) => shelf.writer = Some(writer),
            Err(error) => shelf.fail(error),
        }
        let parts = Some(Parts { layout: Layout::new(Profile::V1.shape()), shelf });
        Ok(Tree::Written(Box::new(Written { leaf: Vec::new(), parts, any: false })))
    }

    /// Takes the next bytes; waits until the store has the leaves that they fill.
    pub(super) async fn write(&mut self, sources: &Sources, mut bytes: &[u8]) -> Result<(), ContentError> {
        let written = match self {
            Tree::Hashed(builder) => {
                builder.write(bytes);
                return Ok(());
            }
            Tree::Written(written) => written,
        };
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(LEAF - written.leaf.len()));
            written.leaf.extend_from_slice(now);
            bytes = later;
            if written.leaf.len() == LEAF {
                written.end_leaf(sources).await?;
            }
        }
        Ok(())
    }

    /// The CID of all that was written.
    pub(super) async fn end(&mut self, sources: &Sources) -> Result<cid::Cid, ContentError> {
        let written = match self {
            Tree::Hashed(builder) => return Ok(std::mem::replace(&mut **builder, Builder::new()).finish()),
            Tree::Written(written) => written,
        };
        // An empty file is an empty leaf.
        if !written.leaf.is_empty() || !written.any {
            written.end_leaf(sources).await?;
        }
        let Some(Parts { layout, mut shelf }) = written.parts.take() else { return Err(gone()) };
        let (root, shelf) = sources
            .at_work(move || {
                let Ok(root) = layout.finish(&mut shelf);
                Ok((root, shelf))
            })
            .await?;
        written.parts = Some(Parts { layout: Layout::new(Profile::V1.shape()), shelf });
        Ok(Profile::V1.cid(root.id))
    }

    /// What the store failed with, told once.
    pub(super) fn failed(&mut self) -> Option<Arc<StoreError>> {
        match self {
            Tree::Hashed(_) => None,
            Tree::Written(written) => written.parts.as_mut()?.shelf.failed.take(),
        }
    }

    /// Has the store keep it, where it has all of it.
    pub(super) async fn commit(self, sources: &Sources, cid: cid::Cid) -> Option<Result<cid::Cid, ContentError>> {
        let Tree::Written(written) = self else { return None };
        let writer = written.parts?.shelf.writer?;
        let root = Root { cid: wide(&cid), name: None };
        Some(sources.at_work(move || writer.commit(&root)).await.map(|()| cid))
    }
}

impl Written {
    async fn end_leaf(&mut self, sources: &Sources) -> Result<(), ContentError> {
        let Some(mut parts) = self.parts.take() else { return Err(gone()) };
        let mut leaf = std::mem::take(&mut self.leaf);
        let (parts, leaf) = sources
            .at_work(move || {
                parts.leaf(&leaf);
                leaf.clear();
                Ok((parts, leaf))
            })
            .await?;
        (self.parts, self.leaf, self.any) = (Some(parts), leaf, true);
        Ok(())
    }
}

/// It was given up in the middle: whoever did has let go of all of it.
fn gone() -> ContentError {
    ContentError::Answer("the upload was given up".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Timeouts;
    use crate::content::import::cid_of;
    use crate::store::Place;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn whoever_has_it_the_cid_is_the_same() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::new(home.path().join("store"), None)).unwrap();
        let sources = Sources::new(None, None, &[], Timeouts::default());
        for (size, part) in [(0, 1), (1, 1), (LEAF - 1, 70_001), (LEAF, LEAF), (LEAF + 1, 300_000), (3 * LEAF, 999_999)]
        {
            let data: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            for to in [None, Some(store.clone())] {
                let kept = to.is_some();
                let (cid, committed) = run(async {
                    let mut tree = Tree::begin(&sources, to).await.unwrap();
                    for piece in data.chunks(part) {
                        tree.write(&sources, piece).await.unwrap();
                    }
                    let cid = tree.end(&sources).await.unwrap();
                    assert!(tree.failed().is_none());
                    (cid, tree.commit(&sources, cid).await)
                });
                assert_eq!(cid, cid_of(&data), "{size} bytes");
                assert_eq!(committed.map(Result::unwrap), kept.then_some(cid));
            }
            assert!(store.has(&wide(&cid_of(&data))).unwrap());
        }
        assert_eq!(store.roots().unwrap().len(), 6);
        assert!(store.verify().unwrap().is_clean());
    }

    #[test]
    fn what_is_dropped_before_its_end_was_never_there() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::new(home.path().join("store"), None)).unwrap();
        let sources = Sources::new(None, None, &[], Timeouts::default());
        run(async {
            let mut tree = Tree::begin(&sources, Some(store.clone())).await.unwrap();
            tree.write(&sources, &vec![7; LEAF + 1]).await.unwrap();
            tree.end(&sources).await.unwrap();
        });
        assert!(store.roots().unwrap().is_empty() && !store.has(&wide(&cid_of(&vec![7; LEAF]))).unwrap());
        assert_eq!(std::fs::read_dir(home.path().join("store/tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_store_that_fails_is_told_once_and_the_cid_is_right() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("store");
        let store = Store::open(&Place::new(&place, None)).unwrap();
        let sources = Sources::new(None, None, &[], Timeouts::default());
        std::fs::remove_dir_all(&place).unwrap();
        let (failed, again, cid, kept) = run(async {
            let mut tree = Tree::begin(&sources, Some(store)).await.unwrap();
            let failed = tree.failed();
            tree.write(&sources, &vec![7; LEAF + 1]).await.unwrap();
            let (again, cid) = (tree.failed(), tree.end(&sources).await.unwrap());
            (failed, again, cid, tree.commit(&sources, cid).await)
        });
        assert!(failed.is_some() && again.is_none() && kept.is_none());
        assert_eq!(cid, cid_of(&vec![7; LEAF + 1]));
    }
}
