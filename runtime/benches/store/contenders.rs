//! What is measured: the store, and one file a block as Kubo's flatfs has it.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use ww::content::Cid;
use ww::store::{Place, Root, Store, Writer};

/// A place for blocks.
pub trait Contender {
    fn put(&mut self, cid: &Cid, block: &[u8]);
    fn commit(&mut self);
    fn has(&self, cid: &Cid) -> bool;
    /// Verified.
    fn get(&self, cid: &Cid) -> Vec<u8>;
    /// All of it.
    fn delete(&mut self);
}

/// The store of this repository.
pub struct Packs {
    store: Store,
    writer: Option<(Writer, Cid)>,
}

impl Packs {
    pub fn open(home: &Path) -> Packs {
        Packs { store: Store::open(&Place::new(home, None)).expect("a store"), writer: None }
    }
}

impl Contender for Packs {
    fn put(&mut self, cid: &Cid, block: &[u8]) {
        let writer = || (self.store.writer().expect("a writer"), *cid);
        self.writer.get_or_insert_with(writer).0.put(cid, block).expect("a block is put");
    }

    fn commit(&mut self) {
        if let Some((writer, cid)) = self.writer.take() {
            writer.commit(&Root { cid, name: None }).expect("it is kept");
        }
    }

    fn has(&self, cid: &Cid) -> bool {
        self.store.has(cid).expect("it is asked")
    }

    fn get(&self, cid: &Cid) -> Vec<u8> {
        self.store.get(cid).expect("it is read").expect("it is there")
    }

    fn delete(&mut self) {
        let roots: Vec<String> = self.store.roots().expect("roots").iter().map(|kept| kept.cid.to_string()).collect();
        self.store.remove_all(&roots).expect("roots are removed");
        self.store.collect().expect("it is collected");
    }
}

/// One file a block, in 1,024 directories; written under another name first, made durable by one syncfs(2).
pub struct Files {
    home: PathBuf,
    next: u64,
}

impl Files {
    pub fn open(home: &Path) -> Files {
        fs::create_dir_all(home.join("tmp")).expect("a directory");
        Files { home: home.to_owned(), next: 0 }
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        let name = cid.to_string();
        self.home.join(&name[name.len() - 3..name.len() - 1]).join(name)
    }
}

impl Contender for Files {
    fn put(&mut self, cid: &Cid, block: &[u8]) {
        let (new, path) = (self.home.join("tmp").join(self.next.to_string()), self.path(cid));
        self.next += 1;
        File::create_new(&new).and_then(|mut file| file.write_all(block)).expect("a file is written");
        if fs::rename(&new, &path).is_err() {
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
            fs::rename(&new, &path).expect("it gets its name");
        }
    }

    fn commit(&mut self) {
        nix::unistd::syncfs(File::open(&self.home).expect("a directory").as_fd()).expect("it is durable");
    }

    fn has(&self, cid: &Cid) -> bool {
        self.path(cid).exists()
    }

    fn get(&self, cid: &Cid) -> Vec<u8> {
        let block = fs::read(self.path(cid)).expect("a file is read");
        assert_eq!(Sha256::digest(&block)[..], *cid.hash().digest());
        block
    }

    fn delete(&mut self) {
        fs::remove_dir_all(&self.home).expect("it goes");
    }
}
