//! `IPFS.write`: a file of any size, which a cell writes into an `Upload`.
//!
//! - What it does: passes what is written on to the daemon, and answers a write when the daemon has taken it.
//! - What must stay true: only `finish` makes a file of it. One that is dropped before, or failed, breaks off and
//!   leaves nothing that the daemon keeps. Calls out of turn are refused and change nothing. capnp-rpc 0.27 begins
//!   the next call on a sink when a `write` has ended, so that what is written stays in order.
//! - Serves: rulings 7, 13, 16, 20. Clauses: RPC-27, RPC-45 to RPC-48.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_schema::system_capnp::{byte_sink, i_p_f_s as ipfs, upload};

use super::pins::Pins;
use crate::content::{Content, Upload, wide};
use crate::serve::refusal::Refusal;

const METHOD: &str = "write";
/// How many uploads may be open at once: each has a connection to the daemon, and less than 1 MiB of it in memory.
const UPLOADS: usize = 8;

/// The uploads of one session.
#[derive(Clone, Default)]
pub(super) struct Uploads(Rc<Cell<usize>>);

/// A call that comes out of turn.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("system.IPFS.{METHOD}: {UPLOADS} uploads are open already; finish or drop one")]
    TooMany,
    #[error("system.IPFS.{METHOD}: `{0}` after `end`: nothing more can be written")]
    Ended(&'static str),
    #[error("system.IPFS.{METHOD}: `finish` before `end`: it isn't known to be whole")]
    NotEnded,
    #[error("system.IPFS.{METHOD}: `{0}` after `finish`: the file is stored, or failed to be")]
    Finished(&'static str),
    #[error("system.IPFS.{METHOD}: `{0}` after a `write` that failed or was given up")]
    Broken(&'static str),
}

/// The `Upload` of one file.
struct Writing {
    state: RefCell<State>,
}

enum State {
    Open(Sending),
    Ended(Sending),
    Finished,
    /// Also while a write is going on: one that is given up leaves it so.
    Broken,
}

/// An upload, counted as long as it is one.
struct Sending {
    upload: Upload,
    /// Where it is to be pinned: by whom this run's pins are known.
    pins: Option<Rc<Pins>>,
    _open: Open,
}

/// Serves one call.
pub(super) fn write(
    content: &Content,
    pins: &Rc<Pins>,
    uploads: &Uploads,
    params: &ipfs::WriteParams,
    results: &mut ipfs::WriteResults,
) -> Result<(), Error> {
    let open = uploads.open()?;
    let pins = params.get()?.get_pin().then(|| pins.clone());
    let sending = Sending { upload: content.upload(), pins, _open: open };
    results.get().set_upload(new_client(Writing { state: RefCell::new(State::Open(sending)) }));
    Ok(())
}

impl Writing {
    /// Takes the upload for a call that may come now.
    fn take(&self, call: &'static str, ended: bool) -> Result<Sending, WriteError> {
        let mut state = self.state.borrow_mut();
        match (&*state, ended) {
            (State::Open(_), false) | (State::Ended(_), true) => {}
            (State::Open(_), true) => return Err(WriteError::NotEnded),
            (State::Ended(_), false) => return Err(WriteError::Ended(call)),
            (State::Finished, _) => return Err(WriteError::Finished(call)),
            (State::Broken, _) => return Err(WriteError::Broken(call)),
        }
        match std::mem::replace(&mut *state, State::Broken) {
            State::Open(sending) | State::Ended(sending) => Ok(sending),
            State::Finished | State::Broken => Err(WriteError::Broken(call)),
        }
    }
}

impl byte_sink::Server for Writing {
    async fn write(self: Rc<Self>, params: byte_sink::WriteParams) -> Result<(), Error> {
        let mut sending = self.take("write", false)?;
        let written = sending.upload.write(params.get()?.get_bytes()?).await;
        written.map_err(|source| Refusal::Daemon { method: METHOD, source })?;
        *self.state.borrow_mut() = State::Open(sending);
        Ok(())
    }

    async fn end(self: Rc<Self>, _: byte_sink::EndParams, _: byte_sink::EndResults) -> Result<(), Error> {
        let sending = self.take("end", false)?;
        *self.state.borrow_mut() = State::Ended(sending);
        Ok(())
    }
}

impl upload::Server for Writing {
    async fn finish(self: Rc<Self>, _: upload::FinishParams, mut results: upload::FinishResults) -> Result<(), Error> {
        let Sending { upload, pins, _open } = self.take("finish", true)?;
        *self.state.borrow_mut() = State::Finished;
        let cid = upload.finish().await.map_err(|source| Refusal::Daemon { method: METHOD, source })?;
        if let Some(pins) = pins {
            pins.pin(METHOD, &wide(&cid), &cid.to_string()).await?;
        }
        results.get().set_cid(cid.to_string());
        Ok(())
    }
}

impl Uploads {
    /// Counts an upload until what this returns is dropped.
    fn open(&self) -> Result<Open, WriteError> {
        if self.0.get() == UPLOADS {
            return Err(WriteError::TooMany);
        }
        self.0.set(self.0.get() + 1);
        Ok(Open(self.clone()))
    }
}

struct Open(Uploads);

impl Drop for Open {
    fn drop(&mut self) {
        let Uploads(open) = &self.0;
        open.set(open.get() - 1);
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Error {
        Error::failed(error.to_string())
    }
}
