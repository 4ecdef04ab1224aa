//! A file that is here, read over fd 3 by a cell; beside the same file sent in the same chunks over a plain socket.
//!
//! Each has two threads: one has the file and sends, the other takes and counts. The host's is what `ww run` runs.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{LocalSet, spawn_local};
use ww::access::Access;
use ww::content::{Cid, Content, Timeouts};
use ww::endpoint::Endpoint;
use ww::serve::rpc::CellSession;
use ww_schema::system_capnp::i_p_f_s;

use crate::{Counts, runtime};

/// Bytes of the file, and of a chunk.
pub const SIZE: u64 = 1 << 30;
const CHUNK: usize = 256 << 10;
/// What the file goes by. It isn't hashed again, so any CID does.
const NAME: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

/// What each round took: over fd 3, and over a plain socket.
pub fn measure(directory: &Path, rounds: usize) -> Result<[Vec<Duration>; 2], String> {
    let path = directory.join("cached");
    let mut file = File::create(&path).map_err(|error| error.to_string())?;
    let block: Vec<u8> = (0..1u64 << 20).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    for _ in 0..SIZE >> 20 {
        file.write_all(&block).map_err(|error| error.to_string())?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (at, way) in [over_rpc, over_a_socket].into_iter().enumerate() {
            let file = File::open(&path).map_err(|error| error.to_string())?;
            let took = way(file).map_err(|error| error.to_string())?;
            if round > 0 {
                times[at].push(took);
            }
        }
    }
    Ok(times)
}

fn over_rpc(file: File) -> std::io::Result<Duration> {
    let (ours, theirs) = UnixStream::pair()?;
    let host = std::thread::spawn(move || {
        ww::sys::heap::give_back_large_blocks();
        let endpoint = Endpoint::parse(Endpoint::DEFAULT).expect("an endpoint");
        let cid: Cid = NAME.parse().expect("a CID");
        let content = Content::new(endpoint, Timeouts::default()).keeping(cid, file).expect("its size");
        LocalSet::new().block_on(&runtime(), CellSession::new().serve(ours, content, Access::Read));
    });
    let took = LocalSet::new().block_on(&runtime(), async {
        let (host, rpc) = ww_cell::connect_over(theirs).expect("a host");
        let rpc = spawn_local(rpc);
        let ipfs: i_p_f_s::Client = host.ipfs_request().send().pipeline.get_ipfs();
        let count = Rc::new(Cell::new(0));
        let began = Instant::now();
        let mut request = ipfs.read_request();
        request.get().set_path(NAME);
        request.get().set_into(capnp_rpc::new_client(Counts(count.clone())));
        request.send().promise.await.expect("the file");
        let took = began.elapsed();
        assert_eq!(count.get(), SIZE);
        rpc.abort();
        took
    });
    host.join().expect("the host");
    Ok(took)
}

fn over_a_socket(file: File) -> std::io::Result<Duration> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    let began = Instant::now();
    let sender = std::thread::spawn(move || {
        let mut chunk = vec![0; CHUNK];
        for at in (0..SIZE).step_by(CHUNK) {
            file.read_exact_at(&mut chunk, at)?;
            ours.write_all(&chunk)?;
        }
        std::io::Result::Ok(())
    });
    let (mut chunk, mut count) = (vec![0; CHUNK], 0);
    while count < SIZE {
        theirs.read_exact(&mut chunk)?;
        count += chunk.len() as u64;
    }
    let took = began.elapsed();
    sender.join().expect("the sender")?;
    Ok(took)
}
