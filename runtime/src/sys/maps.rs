//! The id maps of a user namespace (user_namespaces(7)), written by the host: only it may map root's cells to
//! another user.

use std::io;

use nix::unistd::Pid;

use crate::jail::Identity;

/// Maps the one user and group of a process that has just got a user namespace of its own.
pub(super) fn write(process: Pid, identity: &Identity) -> io::Result<()> {
    let Identity { uid, gid, host_uid, host_gid, drops_groups } = identity;
    let write = |file: &str, text: String| std::fs::write(format!("/proc/{process}/{file}"), text);
    if !drops_groups {
        write("setgroups", "deny".to_owned())?;
    }
    write("gid_map", format!("{gid} {host_gid} 1"))?;
    write("uid_map", format!("{uid} {host_uid} 1"))
}
