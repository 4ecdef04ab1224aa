//! The cell's bootstrap capability: `Host` of `system.capnp`.
//!
//! Serves: rulings 13, 15.

use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_schema::system_capnp::{host, i_p_f_s};

use super::gate::Gate;
use super::ipfs::{Guarded, Ipfs};
use super::refusal::Refusal;
use crate::access::Access;
use crate::content::Content;

struct Host {
    /// One for the session: asked for again, it is the same capability and takes no room. `None`: not granted.
    ipfs: Option<i_p_f_s::Client>,
}

/// The `Host` of one session.
pub(super) fn client(content: Content, access: Access, gate: Rc<Gate>) -> host::Client {
    let limit = content.call_limit();
    let ipfs =
        (access > Access::None).then(|| new_client(Guarded::new(Ipfs::new(content, access, gate), access, limit)));
    new_client(Host { ipfs })
}

impl host::Server for Host {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        results.get().set_ipfs(self.ipfs.clone().ok_or(Refusal::NoAccess)?);
        Ok(())
    }
}
