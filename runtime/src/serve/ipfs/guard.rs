//! What stands before `IPFS`: no call reaches a method that the run doesn't grant, or stays in one for ever.
//!
//! - What it does: dispatches by the ordinal, as the generated code does, and looks into [`Method::ALL`] first. An
//!   exception that has no beginning of the host's gets its method's.
//! - What must stay true: there is no other way to a method of [`Ipfs`]; one without an entry in the table isn't
//!   reached at all.
//! - Serves: rulings 13, 15, 20; clauses ACC-01 to ACC-06, RPC-11, RPC-20.

use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use capnp::any_pointer::Owned;
use capnp::capability::{DispatchCallResult, FromServer, Params, Promise, Results, Server};
use capnp::{Error, traits::HasTypeId};
use ww_schema::system_capnp::i_p_f_s as ipfs;

use super::super::refusal::{Refusal, begun};
use super::Ipfs;
use crate::access::{Access, Method};

/// [`Ipfs`] as far as a level grants it.
pub(in super::super) struct Guarded {
    ipfs: Rc<Ipfs>,
    access: Access,
    /// How long a call may take.
    limit: Duration,
}

impl Guarded {
    pub(in super::super) fn new(ipfs: Ipfs, access: Access, limit: Duration) -> Guarded {
        Guarded { ipfs: Rc::new(ipfs), access, limit }
    }
}

/// The dispatcher, for a client that speaks `IPFS`.
#[derive(Clone)]
pub(in super::super) struct Dispatch(Rc<Guarded>);

impl FromServer<Guarded> for ipfs::Client {
    type Dispatch = Dispatch;

    fn from_server(guarded: Rc<Guarded>) -> Dispatch {
        Dispatch(guarded)
    }
}

impl Deref for Dispatch {
    type Target = Guarded;

    fn deref(&self) -> &Guarded {
        &self.0
    }
}

impl Server for Dispatch {
    fn dispatch_call(
        self,
        interface: u64,
        ordinal: u16,
        params: Params<Owned>,
        results: Results<Owned>,
    ) -> DispatchCallResult {
        let Some(method) = Method::of(ordinal).filter(|_| interface == ipfs::Client::TYPE_ID) else {
            let unknown = Error::unimplemented(format!("system.IPFS: no method {ordinal} in interface {interface:#x}"));
            return DispatchCallResult::new(Promise::err(unknown), false);
        };
        let Method { name, least, bounded } = method;
        if self.access < least {
            let refused = Refusal::Access { method: name, least };
            return DispatchCallResult::new(Promise::err(refused.into()), false);
        }
        let limit = self.limit;
        let called =
            ipfs::ServerDispatch::<Ipfs>::dispatch_call_internal(self.0.ipfs.clone(), ordinal, params, results);
        let call = async move {
            let done = match bounded {
                true => tokio::time::timeout(limit, called.promise).await,
                false => Ok(called.promise.await),
            };
            done.map_err(|_| Refusal::Slow { method: name, limit })?.map_err(|error| begun(name, error))
        };
        DispatchCallResult::new(Promise::from_future(call), called.is_streaming)
    }

    fn as_ptr(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}
