//! A round trip on fd 3, both ends here and in one thread, beside the same bytes on raw sockets.
//!
//! `cargo bench -p ww --bench rpc`: absolute times drift with the machine, so the last lines give ratios of
//! runs that took turns. Pin it to one core (`taskset -c 0`) for figures to compare.

use std::future::Future;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use capnp::message::ReaderOptions;
use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use criterion::Criterion;
use futures::AsyncReadExt as _;
use futures::io::{BufReader, BufWriter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww::access::Access;
use ww::content::{Content, Timeouts};
use ww::endpoint::Endpoint;
use ww::serve::rpc::CellSession;
use ww_schema::system_capnp::{host, i_p_f_s};

/// An identity CID: the answer is in the path, and no daemon is asked.
const PATH: &str = "/ipfs/bafkqac3imvwgy3zmebrwk3dm";
/// About what the call above and its answer are on the wire, in bytes.
const MESSAGE: usize = 176;
const IN_FLIGHT: usize = 64;

fn session() -> i_p_f_s::Client {
    let endpoint = Endpoint::parse(Endpoint::DEFAULT).expect("an endpoint");
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    spawn_local(CellSession::new().serve(ours, Content::new(endpoint, Timeouts::default()), Access::default()));
    theirs.set_nonblocking(true).expect("non-blocking");
    let (reader, writer) = tokio::net::UnixStream::from_std(theirs).expect("a stream").compat().split();
    let (reader, writer) = (BufReader::new(reader), BufWriter::new(writer));
    let network = VatNetwork::new(reader, writer, Side::Client, ReaderOptions::new());
    let mut system = RpcSystem::new(Box::new(network), None);
    let host: host::Client = system.bootstrap(Side::Server);
    spawn_local(system);
    host.ipfs_request().send().pipeline.get_ipfs()
}

async fn cat(ipfs: &i_p_f_s::Client) {
    let mut request = ipfs.cat_request();
    request.get().set_cid(PATH);
    let answer = request.send().promise.await.expect("an answer");
    assert_eq!(answer.get().expect("results").get_body().expect("a body"), b"hello, cell");
}

async fn raw_tokio(stream: &mut tokio::net::UnixStream) {
    let mut bytes = [1; MESSAGE];
    stream.write_all(&bytes).await.expect("an echo");
    stream.read_exact(&mut bytes).await.expect("an echo");
}

fn raw_blocking(stream: &mut UnixStream) {
    let mut bytes = [1; MESSAGE];
    stream.write_all(&bytes).expect("an echo");
    stream.read_exact(&mut bytes).expect("an echo");
}

/// Gives back what comes, in a thread of its own.
fn echo_blocking() -> UnixStream {
    let (mut near, far) = UnixStream::pair().expect("a socket pair");
    std::thread::spawn(move || {
        let mut bytes = [0; MESSAGE];
        while near.read_exact(&mut bytes).and_then(|()| near.write_all(&bytes)).is_ok() {}
    });
    far
}

async fn echo_tokio() -> tokio::net::UnixStream {
    let (mut near, far) = tokio::net::UnixStream::pair().expect("a socket pair");
    spawn_local(async move {
        let mut bytes = [0; MESSAGE];
        while near.read_exact(&mut bytes).await.is_ok() && near.write_all(&bytes).await.is_ok() {}
    });
    far
}

/// What is measured, each with its other end ready.
struct Ends {
    runtime: Runtime,
    tasks: LocalSet,
    ipfs: i_p_f_s::Client,
    echo: tokio::net::UnixStream,
    echo_thread: UnixStream,
}

const NAMES: [&str; 4] =
    ["raw socket, blocking, 2 threads", "raw socket, tokio", "IPFS.cat, one after the other", "IPFS.cat, 64 in flight"];

impl Ends {
    fn new() -> Ends {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tasks = LocalSet::new();
        let (ipfs, echo) = tasks.block_on(&runtime, async { (session(), echo_tokio().await) });
        Ends { runtime, tasks, ipfs, echo, echo_thread: echo_blocking() }
    }

    /// How long so many of one kind take.
    fn time(&mut self, name: &str, calls: u64) -> Duration {
        let Ends { runtime, tasks, ipfs, echo, echo_thread } = self;
        let begin = Instant::now();
        match NAMES.iter().position(|known| *known == name) {
            Some(0) => (0..calls).for_each(|_| raw_blocking(echo_thread)),
            Some(1) => tasks.block_on(runtime, async {
                for _ in 0..calls {
                    raw_tokio(echo).await;
                }
            }),
            Some(2) => tasks.block_on(runtime, async {
                for _ in 0..calls {
                    cat(ipfs).await;
                }
            }),
            _ => tasks.block_on(runtime, in_flight(calls, || cat(ipfs))),
        }
        begin.elapsed()
    }
}

/// So many calls, [`IN_FLIGHT`] of them at a time.
async fn in_flight<F: Future<Output = ()>>(calls: u64, call: impl Fn() -> F) {
    use futures::StreamExt;
    let calls = futures::stream::iter(0..calls).map(|_| call());
    calls.buffer_unordered(IN_FLIGHT).collect::<()>().await;
}

/// The median of rounds in turn, in µs a call.
fn medians(ends: &mut Ends) -> [f64; 4] {
    const ROUNDS: usize = 41;
    const CALLS: u64 = 1000;
    let mut times = NAMES.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (name, times) in NAMES.iter().zip(&mut times) {
            times.push(ends.time(name, CALLS).as_secs_f64() * 1e6 / CALLS as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

fn main() {
    let mut ends = Ends::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fd 3");
    for name in NAMES {
        group.bench_function(name, |bencher| bencher.iter_custom(|calls| ends.time(name, calls)));
    }
    group.finish();
    criterion.final_summary();

    let medians = medians(&mut ends);
    println!("\n{:<32} {:>8} {:>14}", "in turns, median", "µs", "x raw, tokio");
    for (name, median) in NAMES.iter().zip(medians) {
        println!("{name:<32} {median:>8.2} {:>14.2}", median / medians[1]);
    }
}
