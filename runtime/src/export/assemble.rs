//! Blocks of what comes from a walk.
//!
//! - What it does: puts leaves together to files and files to directories, and hands on each block as it is made.
//! - What must stay true: a file that was written to while it was read fails the export.
//! - Serves: STORE-07, -20.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::error::{Fault, shown};
use super::leaves::Leaves;
use super::walk::Event;
use super::{ExportError, Progress};
use crate::content::import::dagpb::{self, ROOM};
use crate::content::import::{Blocks, Directory, Layout, Link, Shape, put};

/// How long nothing may come without a word of how far it is.
const OFTEN: Duration = Duration::from_millis(125);

/// What has begun and not ended.
pub(super) struct Assembly<'a, B> {
    pub(super) shape: Shape,
    pub(super) leaves: &'a Leaves,
    pub(super) blocks: &'a mut B,
    /// The CAR file that they go to, for messages.
    pub(super) car: Option<&'a Path>,
    pub(super) progress: &'a mut dyn FnMut(Progress<'_>),
    pub(super) done: Progress<'a>,
    pub(super) directories: Vec<(Box<[u8]>, PathBuf, Directory)>,
    pub(super) file: Option<Open>,
    /// Leaves of zeros, by their length.
    pub(super) zeros: HashMap<usize, Link>,
    /// What has ended and is in no directory.
    pub(super) roots: Vec<Link>,
}

/// A file whose leaves come.
pub(super) struct Open {
    name: Box<[u8]>,
    path: PathBuf,
    opened: Option<(Arc<File>, Metadata)>,
    layout: Layout,
}

impl<B: Blocks<Error = Fault>> Assembly<'_, B> {
    /// Takes all that comes.
    pub(super) fn all(&mut self, events: &Receiver<Result<Event, ExportError>>) -> Result<(), ExportError> {
        loop {
            match events.recv_timeout(OFTEN) {
                Ok(event) => self.take(event?)?,
                // Who waits sees that it goes on, if slowly.
                Err(RecvTimeoutError::Timeout) => self.went(0),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), ExportError> {
        match event {
            Event::Directory { name, path } => {
                self.directories.push((name, path, Directory::new(self.shape.profile)));
            }
            Event::End => self.end()?,
            Event::Symlink { name, path, target } => {
                let block = dagpb::symlink(self.shape.profile, &target);
                put(self.shape.profile, &block, self.blocks).map_err(|fault| fault.at(&path, self.car))?;
                self.add(name, block.link);
            }
            Event::File { name, path, opened } => {
                self.file = Some(Open { name, path, opened, layout: Layout::new(self.shape) });
            }
            Event::Leaf(leaf, length) => {
                let taken = self.leaves.take(&leaf);
                let Some(open) = &mut self.file else { return Ok(()) };
                let block = taken.map_err(|fault| match fault.kind() {
                    // It is shorter than it was.
                    io::ErrorKind::UnexpectedEof => ExportError::Changed { path: shown(&open.path) },
                    _ => ExportError::read(&open.path, fault),
                })?;
                let fault = |fault: Fault| fault.at(&open.path, self.car);
                put(self.shape.profile, &block, self.blocks).map_err(fault)?;
                open.layout.leaf(block.link, self.blocks).map_err(fault)?;
                let size = block.link.size;
                self.leaves.done(length, Some(block));
                self.went(size);
            }
            Event::Zeros { leaves, length } => self.zeros(leaves, length)?,
            Event::EndFile => {
                let Some(Open { name, path, opened, layout }) = self.file.take() else { return Ok(()) };
                if let Some((file, before)) = opened {
                    let after = file.metadata().map_err(|fault| ExportError::read(&path, fault))?;
                    let stamp = |status: &Metadata| (status.len(), status.mtime(), status.mtime_nsec());
                    if stamp(&before) != stamp(&after) {
                        return Err(ExportError::Changed { path: shown(&path) });
                    }
                }
                let link = layout.finish(self.blocks).map_err(|fault| fault.at(&path, self.car))?;
                self.add(name, link);
            }
        }
        Ok(())
    }

    /// Ends the directory that began last.
    pub(super) fn end(&mut self) -> Result<(), ExportError> {
        if let Some((name, path, directory)) = self.directories.pop() {
            let link = directory.finish(self.blocks).map_err(|fault| fault.at(&path, self.car))?;
            self.add(name, link);
        }
        Ok(())
    }

    fn zeros(&mut self, leaves: u64, length: usize) -> Result<(), ExportError> {
        let Some(open) = &mut self.file else { return Ok(()) };
        let fault = |fault: Fault| fault.at(&open.path, self.car);
        let link = match self.zeros.get(&length) {
            Some(link) => *link,
            None => {
                let block = dagpb::leaf(self.shape.profile, vec![0; ROOM + length]);
                put(self.shape.profile, &block, self.blocks).map_err(fault)?;
                self.zeros.insert(length, block.link);
                block.link
            }
        };
        for _ in 0..leaves {
            open.layout.leaf(link, self.blocks).map_err(fault)?;
        }
        self.went(leaves * length as u64);
        Ok(())
    }

    fn add(&mut self, name: Box<[u8]>, link: Link) {
        match self.directories.last_mut() {
            // Standard input has no name: Kubo gives it that of its content.
            Some((_, _, directory)) if name.is_empty() => {
                directory.add(self.shape.profile.cid(link.id).to_string().into_bytes().into(), link);
            }
            Some((_, _, directory)) => directory.add(name, link),
            None => self.roots.push(link),
        }
    }

    fn went(&mut self, bytes: u64) {
        self.done.bytes += bytes;
        (self.progress)(self.done);
    }
}
