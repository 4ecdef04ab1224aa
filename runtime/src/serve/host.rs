//! The cell's bootstrap capability: `Host` of `system.capnp`.
//!
//! Serves: ruling 13.

use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_schema::system_capnp::{host, i_p_f_s};

use super::gate::Gate;
use super::ipfs::Ipfs;
use crate::content::Content;

struct Host {
    /// One for the session: asked for again, it is the same capability and takes no room.
    ipfs: i_p_f_s::Client,
}

/// The `Host` of one session.
pub(super) fn client(content: Content, gate: Rc<Gate>) -> host::Client {
    new_client(Host { ipfs: new_client(Ipfs::new(content, gate)) })
}

impl host::Server for Host {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        results.get().set_ipfs(self.ipfs.clone());
        Ok(())
    }
}
