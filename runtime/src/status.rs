//! `--status-fd`: what happens to the run, one JSON object a line.
//!
//! What must stay true: a reader that went away, or doesn't read, costs the run nothing but the lines.
//! Clauses: STATUS-*.

use std::os::fd::RawFd;

use libp2p_identity::PeerId;

use crate::ended::Ended;
use crate::jail::Level;
use crate::peers::address::Address;
use crate::sys::fds::write_line;

/// The status descriptor, if there is one.
#[derive(Debug)]
pub struct Status {
    fd: Option<RawFd>,
    level: Level,
}

impl Status {
    /// Lines go to `fd`; the jail is of this level.
    pub fn new(fd: Option<RawFd>, level: Level) -> Status {
        Status { fd, level }
    }

    /// The descriptor that has to stay open.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.fd
    }

    /// The program runs, as `pid` on the host.
    pub fn started(&mut self, pid: i32) {
        self.line(&format!(r#"{{"event":"started","pid":{pid},"jail":"{}"}}"#, self.level));
    }

    /// Peers can come: as whom they find the run, and where.
    pub fn listening(&mut self, peer: &PeerId, addresses: &[Address]) {
        let addresses: Vec<String> = addresses.iter().map(|address| format!(r#""{address}/p2p/{peer}""#)).collect();
        self.line(&format!(r#"{{"event":"listening","peer":"{peer}","addrs":[{}]}}"#, addresses.join(",")));
    }

    /// The cell ended.
    pub fn exited(&mut self, ended: Ended) {
        let signal = ended.signal().map_or("null".to_owned(), |signal| signal.to_string());
        self.line(&format!(r#"{{"event":"exited","code":{},"signal":{signal}}}"#, ended.code()));
    }

    fn line(&mut self, line: &str) {
        if let Some(fd) = self.fd
            && write_line(fd, line).is_err()
        {
            self.fd = None;
        }
    }
}
