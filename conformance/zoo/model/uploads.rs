//! `IPFS.write`: what the cell writes goes to the daemon as the daemon takes it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use capnp_rpc::new_client;
use ww_schema::system_capnp::{byte_sink, i_p_f_s, upload};

use super::ipfs::Ipfs;
use super::request::Open;
use super::streams::Counted;

/// One upload.
struct Writing {
    ipfs: Rc<Ipfs>,
    pin: bool,
    open: RefCell<Option<Open>>,
    /// What a fault has in memory.
    kept: RefCell<Vec<u8>>,
    ended: Cell<bool>,
    finished: Cell<bool>,
    _counted: Counted,
}

/// Serves one call of `write`.
pub fn upload(ipfs: Rc<Ipfs>, pin: bool, results: &mut i_p_f_s::WriteResults) -> Result<(), Error> {
    let Some(counted) = Counted::new(&ipfs.streams.uploads, ipfs.wrong) else {
        return Err(ipfs.refusal("write", "too many uploads are open"));
    };
    let pin = match ipfs.wrong.0 {
        "rpc-write-never-pins" => false,
        "rpc-write-always-pins" => true,
        _ => pin,
    };
    let chunker = if ipfs.wrong.is("rpc-write-other-chunks") { 262_144 } else { 1 << 20 };
    // Whoever drops it waits for nothing more: what is stored then is pinned by the same request.
    let pinned = pin && ipfs.wrong.is("rpc-write-dropped-is-stored");
    let open = Some(Open::new(ipfs.content.authority(), pinned, chunker));
    results.get().set_upload(new_client(Writing {
        ipfs,
        pin,
        open: RefCell::new(open),
        kept: RefCell::default(),
        ended: Cell::new(false),
        finished: Cell::new(false),
        _counted: counted,
    }));
    Ok(())
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.ipfs.wrong.is("rpc-write-dropped-is-stored")
            && let Some(open) = self.open.take()
        {
            tokio::task::spawn_local(open.finish());
        }
    }
}

impl Writing {
    fn refused(&self, why: &str) -> Error {
        self.ipfs.refusal("write", why)
    }

    async fn send(&self, bytes: &[u8]) -> Result<(), Error> {
        let open = self.open.take();
        let mut open = open.ok_or_else(|| self.refused("nothing more can be written"))?;
        let sent = open.send(bytes).await;
        if !self.ipfs.wrong.is("rpc-write-broken-is-stored") {
            sent.map_err(|fault| self.refused(&fault.to_string()))?;
        }
        self.open.replace(Some(open));
        Ok(())
    }
}

impl byte_sink::Server for Writing {
    async fn write(self: Rc<Self>, params: byte_sink::WriteParams) -> Result<(), Error> {
        if self.ended.get() && !self.ipfs.wrong.is("rpc-write-after-end") {
            return Err(self.refused("it has ended"));
        }
        let bytes = params.get()?.get_bytes()?;
        match self.ipfs.wrong.0 {
            "rpc-write-all-in-memory" => self.kept.borrow_mut().extend_from_slice(bytes),
            "rpc-write-8-mib-at-most" if self.kept.borrow().len() + bytes.len() > 8 << 20 => {
                return Err(self.refused("larger than 8 MiB"));
            }
            "rpc-write-8-mib-at-most" => {
                self.kept.borrow_mut().extend_from_slice(bytes);
                self.send(bytes).await?;
            }
            "rpc-write-first-chunk" if !self.kept.borrow().is_empty() => {}
            "rpc-write-first-chunk" => {
                self.kept.borrow_mut().push(0);
                self.send(bytes).await?;
            }
            _ => self.send(bytes).await?,
        }
        Ok(())
    }

    async fn end(self: Rc<Self>, _: byte_sink::EndParams, _: byte_sink::EndResults) -> Result<(), Error> {
        if self.ended.replace(true) {
            return Err(self.refused("it has ended"));
        }
        Ok(())
    }
}

impl upload::Server for Writing {
    async fn finish(self: Rc<Self>, _: upload::FinishParams, mut results: upload::FinishResults) -> Result<(), Error> {
        if !self.ended.get() && !self.ipfs.wrong.is("rpc-finish-ends") {
            return Err(self.refused("it hasn't ended"));
        }
        if self.finished.replace(true) {
            return Err(self.refused("it is finished"));
        }
        let kept = self.kept.take();
        if self.ipfs.wrong.is("rpc-write-all-in-memory") {
            self.send(&kept).await?;
        }
        let open = self.open.take().ok_or_else(|| self.refused("it failed"))?;
        let cid = match open.finish().await {
            Err(_) if self.ipfs.wrong.is("rpc-write-broken-is-stored") => "bafkqac3imvwgy3zmebrwk3dm".to_owned(),
            cid => cid.map_err(|fault| self.refused(&fault.to_string()))?,
        };
        if self.pin {
            self.ipfs.pin_for_run("write", &cid).await?;
        }
        results.get().set_cid(cid);
        Ok(())
    }
}
