//! What a cell may do with IPFS (`--ipfs-access`): the levels, the methods, and which level grants which method.
//!
//! What must stay true: [`Method::ALL`] is the one place that says it. Nothing but the dispatcher of the capability
//! asks (`serve::ipfs::guard`), before any method of it runs, so that no method can forget to.
//! Serves: ruling 15, clauses ACC-*.

use std::fmt;

/// How much of IPFS a run grants. Each level has all that the one before has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Access {
    /// Nothing: `Host.ipfs` is refused.
    None,
    /// Content can be read.
    Read,
    /// And stored; what this run pinned can be listed and unpinned.
    #[default]
    Write,
    /// And everything else: all pins, the daemon's identity, its peers.
    Full,
}

impl Access {
    /// Its name, as `--ipfs-access` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Access::None => "none",
            Access::Read => "read",
            Access::Write => "write",
            Access::Full => "full",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A method of `IPFS` (`system.capnp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Its name there.
    pub name: &'static str,
    /// The least level that grants it.
    pub least: Access,
    /// Whether a call has to be over in a time that doesn't depend on how much there is to move.
    pub bounded: bool,
}

impl Method {
    /// All of them, by their ordinals.
    pub const ALL: [Method; 16] = [
        method("add", Access::Write),
        method("cat", Access::Read),
        method("ls", Access::Read),
        method("stat", Access::Read),
        method("pin", Access::Write),
        // Of what this run pinned; of all pins at `full`.
        method("unpin", Access::Write),
        method("pins", Access::Write),
        method("id", Access::Full),
        method("connect", Access::Full),
        method("peers", Access::Full),
        method("resolveNode", Access::Read),
        // As long as there is something to send, and the cell takes it.
        Method { bounded: false, ..method("read", Access::Read) },
        method("write", Access::Write),
        method("resolve", Access::Read),
        method("getBlock", Access::Read),
        method("putBlock", Access::Write),
    ];

    /// The method of this ordinal; `None`: the contract has none.
    pub fn of(ordinal: u16) -> Option<Method> {
        Method::ALL.get(usize::from(ordinal)).copied()
    }
}

const fn method(name: &'static str, least: Access) -> Method {
    Method { name, least, bounded: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(level: Access) -> Vec<&'static str> {
        Method::ALL.iter().filter(|method| method.least <= level).map(|method| method.name).collect()
    }

    #[test]
    fn acc_02_reading_is_seven_methods() {
        assert_eq!(granted(Access::Read), ["cat", "ls", "stat", "resolveNode", "read", "resolve", "getBlock"]);
        assert!(granted(Access::None).is_empty());
    }

    #[test]
    fn acc_03_write_is_the_default_and_adds_what_stores() {
        let read = granted(Access::Read);
        let added: Vec<_> = granted(Access::default()).into_iter().filter(|name| !read.contains(name)).collect();
        assert_eq!(added, ["add", "pin", "unpin", "pins", "write", "putBlock"]);
    }

    #[test]
    fn acc_04_full_is_all() {
        assert_eq!(granted(Access::Full).len(), Method::ALL.len());
        assert_eq!(Method::of(16), None);
    }
}
