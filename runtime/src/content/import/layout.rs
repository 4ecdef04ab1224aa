//! The balanced layout: nodes above the leaves of a file, as they come.
//!
//! - What must stay true: every leaf is as deep as the others, as boxo's `importer/balanced` has it. It holds links
//!   alone, one node's for each level.
//! - Serves: STORE-07.

use super::dagpb;
use super::shape::Shape;
use super::{Blocks, Link, put};

/// A file whose leaves come one after another.
pub(crate) struct Layout {
    shape: Shape,
    /// What waits for a node above it: leaves first, then nodes of leaves, and so on.
    levels: Vec<Vec<Link>>,
}

impl Layout {
    pub(crate) fn new(shape: Shape) -> Layout {
        Layout { shape, levels: vec![Vec::new()] }
    }

    /// Adds the next leaf. A file has one at least, which may be empty.
    pub(crate) fn leaf<B: Blocks>(&mut self, leaf: Link, blocks: &mut B) -> Result<(), B::Error> {
        self.push(0, leaf, blocks)
    }

    /// The file.
    pub(crate) fn finish<B: Blocks>(mut self, blocks: &mut B) -> Result<Link, B::Error> {
        let mut level = 0;
        loop {
            let links = std::mem::take(&mut self.levels[level]);
            match (&links[..], self.levels.len() == level + 1) {
                // What is alone at the top is the file.
                ([root], true) => return Ok(*root),
                ([], _) => {}
                // A last node that isn't full, of one link even, is as deep as those before it.
                (links, _) => self.node(level + 1, links, blocks)?,
            }
            level += 1;
        }
    }

    /// Adds what is done to its level; a level that is full is a node of the next.
    fn push<B: Blocks>(&mut self, level: usize, link: Link, blocks: &mut B) -> Result<(), B::Error> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(link);
        if self.levels[level].len() == self.shape.links {
            let links = std::mem::take(&mut self.levels[level]);
            self.node(level + 1, &links, blocks)?;
        }
        Ok(())
    }

    fn node<B: Blocks>(&mut self, level: usize, links: &[Link], blocks: &mut B) -> Result<(), B::Error> {
        let node = dagpb::node(self.shape, links);
        put(self.shape.profile, &node, blocks)?;
        self.push(level, node.link, blocks)
    }

    /// How many links it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }
}
