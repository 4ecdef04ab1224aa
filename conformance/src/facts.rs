//! What the probe prints of itself, typed.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

use nix::sys::stat::fstat;
use serde::Deserialize;

/// Everything that a cell sees of itself. Bytes are escaped as [`escaped`] does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Facts {
    /// Arguments, its own name first.
    pub argv: Vec<String>,
    /// Environment, in order.
    pub env: Vec<String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// `/proc/self/exe`.
    pub exe: Option<String>,
    /// Open descriptors, by number.
    pub fds: Vec<Descriptor>,
    /// Users and groups.
    pub ids: Ids,
    /// Supplementary groups.
    pub groups: Option<Vec<u32>>,
    /// The five sets, one bit a capability.
    pub capabilities: BTreeMap<String, Option<u64>>,
    /// 1 where `no_new_privs` is set.
    pub no_new_privs: Option<i32>,
    /// 2 where a seccomp filter is in force.
    pub seccomp: Option<i32>,
    /// Links of `/proc/self/ns`.
    pub namespaces: BTreeMap<String, Option<String>>,
    /// Lines of `/proc/self/mountinfo`.
    pub mounts: Option<Vec<String>>,
    /// Names of network interfaces.
    pub interfaces: Option<Vec<String>>,
    /// Name of the machine.
    pub hostname: Option<String>,
    /// Soft and hard limits by name; -1 is none.
    pub limits: BTreeMap<String, Option<[i64; 2]>>,
    /// Signals by state.
    pub signals: Signals,
    /// Umask.
    pub umask: u32,
    /// Process numbers.
    pub process: Process,
}

/// One open descriptor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// Whether it goes when another program is executed.
    pub close_on_exec: bool,
    /// Status flags and access mode, as F_GETFL gives them.
    pub flags: Option<i32>,
    /// Offset, where it can be sought.
    pub offset: Option<i64>,
    /// Whether it is a terminal.
    pub terminal: bool,
    /// Link of `/proc/self/fd`.
    pub path: Option<String>,
    /// Kind of file.
    pub kind: Option<String>,
    /// Device that it lies on.
    pub device: Option<u64>,
    /// Inode.
    pub inode: Option<u64>,
    /// Device that it is.
    pub rdev: Option<u64>,
    /// Address family of a socket.
    pub domain: Option<i32>,
    /// Type of a socket.
    #[serde(rename = "type")]
    pub socket_type: Option<i32>,
    /// Whether a socket has a peer.
    pub connected: Option<bool>,
}

impl Descriptor {
    /// What tells one file from another: device and inode.
    #[must_use]
    pub fn identity(&self) -> (u64, u64) {
        (self.device.unwrap_or(0), self.inode.unwrap_or(0))
    }

    /// Whether it is one end of a connected stream of `AF_UNIX`, as the RPC socket is.
    #[must_use]
    pub fn is_connected_stream(&self) -> bool {
        let shape = (self.domain, self.socket_type, self.connected);
        shape == (Some(libc::AF_UNIX), Some(libc::SOCK_STREAM), Some(true))
    }

    /// Whether it is `/dev/null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind.as_deref() == Some("character device") && self.rdev == Some(libc::makedev(1, 3))
    }
}

/// Real, effective and saved ids.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ids {
    /// Users.
    pub uid: [u32; 3],
    /// Groups.
    pub gid: [u32; 3],
}

/// Signals by state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Signals {
    /// Ignored.
    pub ignored: Vec<i32>,
    /// Caught.
    pub caught: Vec<i32>,
    /// Blocked.
    pub blocked: Vec<i32>,
}

/// Process numbers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Process {
    /// Pid.
    pub pid: i32,
    /// Parent.
    pub parent: i32,
    /// Process group.
    pub group: i32,
    /// Session.
    pub session: i32,
    /// Foreground group of the terminal on fd 0, -1 where there is none.
    pub foreground: i32,
}

/// What tells an open file of the suite's own from another: device and inode.
///
/// # Errors
/// What fstat(2) says.
pub fn identity(file: &impl AsFd) -> io::Result<(u64, u64)> {
    let stat = fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Bytes as the probe prints them.
#[must_use]
pub fn escaped(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().escape_ascii().to_string()
}

impl Facts {
    /// The descriptor of this number.
    #[must_use]
    pub fn fd(&self, number: i32) -> Option<&Descriptor> {
        self.fds.iter().find(|fd| fd.number == number)
    }

    /// Device and inode of what a number leads to.
    #[must_use]
    pub fn identity(&self, number: i32) -> Option<(u64, u64)> {
        self.fd(number).map(Descriptor::identity)
    }

    /// The number that a variable of the environment holds.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i32> {
        match self.values(key)[..] {
            [one] => one.parse().ok(),
            _ => None,
        }
    }

    /// The numbers that are open.
    #[must_use]
    pub fn numbers(&self) -> Vec<i32> {
        self.fds.iter().map(|fd| fd.number).collect()
    }

    /// Every value that the environment has for a key.
    #[must_use]
    pub fn values(&self, key: &str) -> Vec<&str> {
        self.env
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .filter(|(name, _)| *name == key)
            .map(|(_, v)| v)
            .collect()
    }

    /// The arguments after its own name and the probe's verb.
    #[must_use]
    pub fn rest(&self) -> &[String] {
        self.argv.get(2..).unwrap_or(&[])
    }
}
