//! `--dry-run`: a run's jail and program as one object, for programs as JSON and for people as lines.
//!
//! What must stay true: it shows the very data that a start acts on, and no value of a variable. The keys are
//! documented in docs/guide/run.md; new ones may come, none goes.
//! Clauses: JAIL-41.

mod human;
mod peers;
mod view;

use serde::Serialize;

use crate::access::Access;
use crate::fds::FdPlan;
use crate::jail::landlock::On;
use crate::jail::limits::UNLIMITED;
use crate::jail::{Bounds, Identity, Jail, Landlock, Limit, Session};
use crate::peers::address::Listen;
use crate::sys::Program;

/// What a run would be.
#[derive(Debug, Serialize)]
pub struct Plan {
    jail: &'static str,
    program: Executed,
    environment: Vec<String>,
    descriptors: Vec<Descriptor>,
    ipfs_access: &'static str,
    peers: Option<peers::Met>,
    session: &'static str,
    namespaces: &'static [&'static str],
    identity: Who,
    workdir: String,
    view: Vec<view::Shown>,
    bounds: Together,
    limits: Vec<Bound>,
    landlock: Option<Rules>,
    seccomp: Option<Filtered>,
}

#[derive(Debug, Serialize)]
struct Executed {
    path: String,
    arguments: Vec<String>,
}

/// A descriptor that is open in the cell.
#[derive(Debug, Serialize)]
struct Descriptor {
    fd: i32,
    is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
    /// The host's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<i32>,
}

#[derive(Debug, Serialize)]
struct Who {
    uid: u32,
    gid: u32,
    host_uid: u32,
    host_gid: u32,
    drops_groups: bool,
}

/// What bounds all processes together; `None` is no bound.
#[derive(Debug, Serialize)]
struct Together {
    milliseconds: Option<u64>,
    memory: u64,
    memory_by: &'static str,
    processes: Option<u64>,
    descriptors: u64,
}

/// A resource limit; `None` is no limit.
#[derive(Debug, Serialize)]
struct Bound {
    resource: String,
    soft: Option<u64>,
    hard: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Filtered {
    filter: &'static str,
    instructions: usize,
}

#[derive(Debug, Serialize)]
struct Rules {
    handled: Vec<&'static str>,
    network: Vec<&'static str>,
    scoped: Vec<&'static str>,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    on: String,
    allowed: Vec<&'static str>,
}

/// The namespaces of the cell's own.
const NAMESPACES: [&str; 7] = ["user", "pid", "mount", "network", "ipc", "uts", "cgroup"];

impl Plan {
    /// The plan of a run whose parts are these.
    pub(super) fn new(
        jail: &Jail,
        program: &Program,
        fds: &FdPlan,
        access: Access,
        (listen, who): (&Listen, &crate::peers::Who),
    ) -> Plan {
        let text = |string: &std::ffi::CString| string.to_string_lossy().into_owned();
        let name = |entry: &std::ffi::CString| text(entry).split('=').next().unwrap_or_default().to_owned();
        Plan {
            jail: jail.level.name(),
            program: Executed { path: text(&program.path), arguments: program.arguments.iter().map(text).collect() },
            environment: program.environment.iter().map(name).collect(),
            descriptors: descriptors(fds),
            ipfs_access: access.name(),
            peers: peers::Met::new(listen, who),
            session: session(jail.session),
            namespaces: if jail.level.has_namespaces() { &NAMESPACES } else { &[] },
            identity: user(&jail.identity),
            workdir: text(&jail.workdir),
            view: jail.view.entries.iter().map(view::Shown::new).collect(),
            bounds: together(&jail.bounds),
            limits: jail.limits.iter().map(bound).collect(),
            landlock: jail.landlock.as_ref().map(rules),
            seccomp: jail.seccomp.map(|filter| Filtered { filter: filter.name, instructions: filter.program.len() }),
        }
    }

    /// The plan as one JSON object on one line.
    pub fn json(&self) -> String {
        // Strings and numbers alone: nothing in it fails to serialize.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

fn descriptors(fds: &FdPlan) -> Vec<Descriptor> {
    let streams = ["standard input", "standard output", "standard error"];
    let streams = (0..).zip(streams).map(|(fd, is)| Descriptor { fd, is, variable: None, from: Some(fd) });
    let rpc = Descriptor { fd: fds.rpc, is: "rpc", variable: Some(crate::fds::RPC_VARIABLE.to_owned()), from: None };
    let grants = fds.grants.iter().map(|(grant, fd)| Descriptor {
        fd: *fd,
        is: "grant",
        variable: Some(grant.variable()),
        from: Some(grant.source()),
    });
    let mut all: Vec<_> = streams.chain([rpc]).chain(grants).collect();
    all.sort_by_key(|descriptor| descriptor.fd);
    all
}

fn session(session: Session) -> &'static str {
    match session {
        Session::Own => "own",
        Session::Member => "member",
        Session::Leader { foreground: true } => "leader in the foreground",
        Session::Leader { foreground: false } => "leader",
    }
}

fn user(identity: &Identity) -> Who {
    let Identity { uid, gid, host_uid, host_gid, drops_groups } = *identity;
    Who { uid, gid, host_uid, host_gid, drops_groups }
}

fn together(bounds: &Bounds) -> Together {
    Together {
        milliseconds: bounds.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        memory: bounds.memory,
        memory_by: if bounds.exact { "cgroup" } else { "watch" },
        processes: bounds.processes,
        descriptors: bounds.descriptors,
    }
}

fn bound(Limit { resource, soft, hard }: &Limit) -> Bound {
    let value = |limit: u64| (limit != UNLIMITED).then_some(limit);
    let name = format!("{resource:?}").trim_start_matches("RLIMIT_").to_lowercase();
    Bound { resource: name, soft: value(*soft), hard: value(*hard) }
}

fn rules(landlock: &Landlock) -> Rules {
    Rules {
        handled: names(&FILES, landlock.handled),
        network: names(&NETWORK, landlock.network),
        scoped: names(&SCOPES, landlock.scoped),
        rules: landlock
            .rules
            .iter()
            .map(|rule| Rule { on: on(&rule.on), allowed: names(&FILES, rule.allowed) })
            .collect(),
    }
}

fn on(place: &On) -> String {
    match place {
        On::Place(path) => path.to_string_lossy().into_owned(),
        On::Descriptor(number) => format!("descriptor {number}"),
    }
}

/// `LANDLOCK_ACCESS_FS_*`, by bit (linux/landlock.h).
const FILES: [&str; 17] = [
    "execute",
    "write_file",
    "read_file",
    "read_dir",
    "remove_dir",
    "remove_file",
    "make_char",
    "make_dir",
    "make_reg",
    "make_sock",
    "make_fifo",
    "make_block",
    "make_sym",
    "refer",
    "truncate",
    "ioctl_dev",
    "resolve_unix",
];
/// `LANDLOCK_ACCESS_NET_*`, by bit.
const NETWORK: [&str; 4] = ["bind_tcp", "connect_tcp", "bind_udp", "connect_send_udp"];
/// `LANDLOCK_SCOPE_*`, by bit.
const SCOPES: [&str; 2] = ["abstract_unix_socket", "signal"];

fn names(of: &[&'static str], bits: u64) -> Vec<&'static str> {
    of.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_have_the_kernels_names() {
        assert_eq!(names(&FILES, 0b1101), ["execute", "read_file", "read_dir"]);
        assert_eq!(names(&SCOPES, 0b11), ["abstract_unix_socket", "signal"]);
        assert_eq!(names(&FILES, 1 << 40), Vec::<&str>::new());
    }

    #[test]
    fn no_limit_is_null() {
        let limit = Limit { resource: nix::sys::resource::Resource::RLIMIT_NOFILE, soft: 9, hard: UNLIMITED };
        let Bound { resource, soft, hard } = bound(&limit);
        assert_eq!((resource.as_str(), soft, hard), ("nofile", Some(9), None));
    }

    #[test]
    fn descriptors_come_in_their_order() {
        let grant = crate::fds::Grant::parse("db=9".as_ref()).unwrap();
        let plan = FdPlan::new(crate::fds::Layout::GrantsFirst, vec![grant]);
        let found: Vec<_> = descriptors(&plan).iter().map(|one| (one.fd, one.is, one.from)).collect();
        assert_eq!(found[3..], [(3, "grant", Some(9)), (4, "rpc", None)]);
    }
}
