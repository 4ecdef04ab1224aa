//! A call on fd 3 beside the same call where both ends are libcapnp's, and beside the same bytes on raw sockets.
//!
//! `cargo bench -p ww --bench rpc`, as `ci/bench rpc` does it. Each end is a thread or process of its own, and all are
//! pinned to one core: what is compared is work, not the waking of idle cores. Absolute times drift with the machine;
//! the ratios are of runs that took turns.
//! What must stay true: a contender that can't be built or fails ends the benchmark.

#[path = "contender/cpp.rs"]
mod cpp;

use std::future::Future;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use futures::StreamExt;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local};
use ww::access::Access;
use ww::content::{Content, Timeouts};
use ww::endpoint::Endpoint;
use ww::serve::rpc::CellSession;
use ww_schema::system_capnp::i_p_f_s;

use cpp::Cpp;

/// An identity CID: the answer is in the path, and no daemon is asked.
const PATH: &str = "/ipfs/bafkqac3imvwgy3zmebrwk3dm";
/// About what the call above and its answer are on the wire, in bytes.
const MESSAGE: usize = 176;
const IN_FLIGHT: u32 = 64;
/// Rounds in turn, and calls in each.
const ROUNDS: usize = 31;
const CALLS: u32 = 2000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Serves as `ww run` does, in a thread of its own; gives the cell's end.
fn host() -> UnixStream {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    std::thread::spawn(move || {
        ww::sys::heap::give_back_large_blocks();
        let endpoint = Endpoint::parse(Endpoint::DEFAULT).expect("an endpoint");
        let content = Content::new(endpoint, Timeouts::default());
        let tasks = LocalSet::new();
        // A task beside what the host waits for, as in a run.
        tasks.spawn_local(CellSession::new().serve(ours, content, Access::Full));
        tasks.block_on(&runtime(), std::future::pending::<()>());
    });
    theirs
}

/// A cell in Rust, with the library for cells.
struct Cell {
    runtime: Runtime,
    tasks: LocalSet,
    ipfs: i_p_f_s::Client,
}

impl Cell {
    fn new() -> Cell {
        let (runtime, tasks) = (runtime(), LocalSet::new());
        let ipfs = tasks.block_on(&runtime, async {
            let (host, rpc) = ww_cell::connect_over(host()).expect("a host");
            spawn_local(rpc);
            host.ipfs_request().send().pipeline.get_ipfs()
        });
        Cell { runtime, tasks, ipfs }
    }

    fn one_by_one(&self) -> f64 {
        self.tasks.block_on(&self.runtime, async {
            let mut times = Vec::with_capacity(CALLS as usize);
            for _ in 0..CALLS {
                let begin = Instant::now();
                cat(&self.ipfs).await;
                times.push(begin.elapsed().as_secs_f64() * 1e6);
            }
            median(times)
        })
    }

    fn at_once(&self) -> f64 {
        self.tasks.block_on(&self.runtime, async {
            let begin = Instant::now();
            in_flight(|| cat(&self.ipfs)).await;
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
        })
    }
}

async fn cat(ipfs: &i_p_f_s::Client) {
    let mut request = ipfs.cat_request();
    request.get().set_cid(PATH);
    let answer = request.send().promise.await.expect("an answer");
    assert_eq!(answer.get().expect("results").get_body().expect("a body"), b"hello, cell");
}

/// All the calls of a round, [`IN_FLIGHT`] of them at a time.
async fn in_flight<F: Future<Output = ()>>(call: impl Fn() -> F) {
    let calls = futures::stream::iter(0..CALLS).map(|_| call());
    calls.buffer_unordered(IN_FLIGHT as usize).collect::<()>().await;
}

/// Gives back what comes, in a thread of its own.
fn echo() -> UnixStream {
    let (mut near, far) = UnixStream::pair().expect("a socket pair");
    std::thread::spawn(move || {
        let mut bytes = [0; MESSAGE];
        while near.read_exact(&mut bytes).and_then(|()| near.write_all(&bytes)).is_ok() {}
    });
    far
}

fn raw(stream: &mut UnixStream) -> f64 {
    let mut times = Vec::with_capacity(CALLS as usize);
    for _ in 0..CALLS {
        let begin = Instant::now();
        let mut bytes = [1; MESSAGE];
        stream.write_all(&bytes).expect("an echo");
        stream.read_exact(&mut bytes).expect("an echo");
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    median(times)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    // Everything that is started from here on is on this core, too.
    let mut core = CpuSet::new();
    core.set(0).expect("core 0");
    sched_setaffinity(Pid::from_raw(0), &core).expect("to be pinned to core 0");

    let (cell, mut cpp, mut stream) = (Cell::new(), Cpp::build_and_start(), echo());
    let mut rows: [(&str, Vec<f64>); 5] = [
        ("raw socket, blocking", vec![]),
        ("ww, one after the other", vec![]),
        ("C++, one after the other", vec![]),
        ("ww, 64 in flight", vec![]),
        ("C++, 64 in flight", vec![]),
    ];
    for _ in 0..ROUNDS {
        let took =
            [raw(&mut stream), cell.one_by_one(), cpp.calls(CALLS, 1), cell.at_once(), cpp.calls(CALLS, IN_FLIGHT)];
        for ((_, times), took) in rows.iter_mut().zip(took) {
            times.push(took);
        }
    }
    let medians = rows.each_ref().map(|(_, times)| median(times.clone()));
    println!("\n| a call on fd 3, both ends on one core | µs | calls/s | beside C++ |");
    println!("|---|---|---|---|");
    for (at, (name, _)) in rows.iter().enumerate() {
        let beside = match at {
            1 => format!("{:.2} of its time", medians[1] / medians[2]),
            3 => format!("{:.2} times its rate", medians[4] / medians[3]),
            _ => String::new(),
        };
        println!("| {name} | {:.2} | {:.0} | {beside} |", medians[at], 1e6 / medians[at]);
    }
}
