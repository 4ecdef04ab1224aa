//! A whole file, or a block, into the store and into the daemon where one answers.
//!
//! - What must stay true: the CID is the same whoever gets it. It counts when all who must have it do: a daemon that was
//!   named, the store where there is no daemon. The daemon comes first, so that what it refuses isn't kept.
//! - Serves: ruling 16; clauses STORE-02, STORE-04, STORE-05, RPC-13, RPC-28.

use bytes::Bytes;

use super::import::{self, Blocks, Layout, Profile};
use super::sources::{Receivers, Sources};
use super::{Cid, Content, ContentError, Upload, wide};
use crate::store::{Root, Store, StoreError, Writer};

/// The size of a leaf, in bytes.
const LEAF: usize = Profile::V1.shape().leaf;

impl Blocks for Writer {
    type Error = StoreError;

    fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
        Writer::put(self, cid, block)
    }
}

impl Content {
    /// Stores a file, unpinned, with the import profile `unixfs-v1-2025` (ruling 16).
    ///
    /// # Errors
    /// Where the daemon refuses it or stored it under another CID than the profile's; where it was named and can't be
    /// reached; where there is none and the store doesn't take it.
    pub async fn add(&self, data: Vec<u8>) -> Result<cid::Cid, ContentError> {
        let receivers = self.sources.receivers().await?;
        let data = Bytes::from(data);
        let stored = match &receivers.daemon {
            Some(daemon) => Some(daemon.add(data.clone()).await?),
            None => None,
        };
        self.sources.kept(&receivers, stored, move |store| file(&store, &data)).await
    }

    /// Stores a block, unpinned, under the CID (version 1, sha2-256) that it has with this codec.
    ///
    /// # Errors
    /// As [`Content::add`].
    pub async fn put_block(&self, data: Vec<u8>, codec: u64) -> Result<cid::Cid, ContentError> {
        let cid = import::of_block(codec, &data);
        let receivers = self.sources.receivers().await?;
        let data = Bytes::from(data);
        let stored = match &receivers.daemon {
            Some(daemon) => Some(daemon.put_block(data.clone(), &cid).await.map(|()| cid)?),
            None => None,
        };
        self.sources.kept(&receivers, stored, move |store| block(&store, cid, &data)).await
    }

    /// A file to be stored as [`Content::add`] does, however large. Begins nothing yet. One that is dropped before its end was
    /// never there.
    pub fn upload(&self) -> Upload {
        Upload::new(self.sources.clone())
    }
}

impl Sources {
    /// Has the store keep what the daemon has `stored`, if there is one.
    async fn kept(
        &self,
        receivers: &Receivers,
        stored: Option<cid::Cid>,
        keep: impl FnOnce(Store) -> Result<cid::Cid, StoreError> + Send + 'static,
    ) -> Result<cid::Cid, ContentError> {
        let kept = match receivers.store.clone() {
            Some(store) => Some(self.at_work(move || keep(store)).await),
            None => None,
        };
        self.all_have(stored, kept)
    }

    /// What came of it, by the word of the daemon and that of the store.
    pub(super) fn all_have(
        &self,
        stored: Option<cid::Cid>,
        kept: Option<Result<cid::Cid, ContentError>>,
    ) -> Result<cid::Cid, ContentError> {
        match (stored, kept) {
            (None, Some(Ok(cid))) => {
                self.alone();
                Ok(cid)
            }
            (Some(cid), Some(Err(ContentError::Store(error)))) => {
                self.lacks_store(&error);
                Ok(cid)
            }
            (None, Some(Err(error))) => Err(error),
            (Some(cid), _) => Ok(cid),
            (None, None) => Err(ContentError::Offline),
        }
    }
}

/// Keeps a whole file.
fn file(store: &Store, data: &[u8]) -> Result<cid::Cid, StoreError> {
    let mut writer = store.writer()?;
    let mut layout = Layout::new(Profile::V1.shape());
    let (first, rest) = data.split_at(data.len().min(LEAF));
    // A file has one leaf at least, which may be empty.
    for leaf in [first].into_iter().chain(rest.chunks(LEAF)) {
        import::leaf(&mut layout, leaf, &mut writer)?;
    }
    let root = layout.finish(&mut writer)?;
    let cid = Profile::V1.cid(root.id);
    writer.commit(&Root { cid: wide(&cid), name: None }).map(|()| cid)
}

/// Keeps a block.
fn block(store: &Store, cid: cid::Cid, data: &[u8]) -> Result<cid::Cid, StoreError> {
    let mut writer = store.writer()?;
    writer.put(&wide(&cid), data)?;
    writer.commit(&Root { cid: wide(&cid), name: None }).map(|()| cid)
}
