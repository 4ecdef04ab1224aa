//! Runs the example as a cell beside a host of its own making, and checks what each side got.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

use capnp::Error;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use command_fds::{CommandFdExt, FdMapping};
use futures::AsyncReadExt;
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww_cell::system_capnp::{host, i_p_f_s};

/// Answers `cat` with the path that was asked for, and refuses one; adds.
#[derive(Clone, Default)]
struct Host {
    asked: Rc<RefCell<Vec<String>>>,
}

impl host::Server for Host {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        results.get().set_ipfs(new_client(Host::clone(&self)));
        Ok(())
    }
}

impl i_p_f_s::Server for Host {
    async fn cat(self: Rc<Self>, params: i_p_f_s::CatParams, mut results: i_p_f_s::CatResults) -> Result<(), Error> {
        let path = params.get()?.get_cid()?.to_string()?;
        self.asked.borrow_mut().push(path.clone());
        if path == "/ipfs/elsewhere" {
            return Err(Error::failed(format!("failed to get IPFS path: {path}: no")));
        }
        results.get().set_body(path.as_bytes());
        Ok(())
    }

    async fn add(self: Rc<Self>, _: i_p_f_s::AddParams, mut results: i_p_f_s::AddResults) -> Result<(), Error> {
        results.get().set_cid("added");
        Ok(())
    }
}

fn hello() -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("this test's path");
    path.pop();
    path.pop();
    path.push("examples/hello");
    assert!(path.exists(), "{} isn't built: `cargo build -p ww-cell --example hello`", path.display());
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the example with these descriptors, in order from 3, and waits for its end.
fn run(mut command: Command, fds: Vec<OwnedFd>) -> Output {
    let map = |(child_fd, parent_fd)| FdMapping { parent_fd, child_fd };
    command.fd_mappings((3..).zip(fds).map(map).collect()).expect("no two at one number");
    command.output().expect("the example starts")
}

#[test]
fn a_cell_sees_its_grants_and_asks_its_host() {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let file = File::open("/dev/zero").expect("/dev/zero");
    let mut command = hello();
    command.env("WW_RPC_FD", "3").env("WW_FD_DB", "4").args(["world", "/ipfs/elsewhere"]);
    let cell = std::thread::spawn(move || run(command, vec![theirs.into(), file.into()]));

    let server = Host::default();
    ours.set_nonblocking(true).expect("non-blocking");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (reader, writer) = tokio::net::UnixStream::from_std(ours).expect("a stream").compat().split();
        let network = VatNetwork::new(reader, writer, Side::Server, capnp::message::ReaderOptions::new());
        let host: host::Client = new_client(server.clone());
        // Ends when the cell does.
        let _ = RpcSystem::new(Box::new(network), Some(host.client)).await;
    });

    let output = cell.join().expect("the cell's thread");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(err, "");
    let asked = server.asked.borrow();
    assert_eq!(asked[1..], ["/ipfs/elsewhere", "/ipfs/added"], "{asked:?}");
    for line in [
        "  4   WW_FD_DB         /dev/zero".to_owned(),
        "  WW_FD_DB=4".to_owned(),
        format!("    = {:?}", asked[0]),
        "    ! failed to get IPFS path: /ipfs/elsewhere: no".to_owned(),
        "  IPFS.add \"a line of the cell's\\n\"".to_owned(),
        format!("    = {:?}", asked[2]),
    ] {
        assert!(out.lines().any(|found| found == line), "no line {line:?} in:\n{out}");
    }
}

#[test]
fn without_a_host_a_cell_says_so() {
    let output = run(hello(), Vec::new());
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("WW_RPC_FD isn't set"), "{err}");
}

#[test]
fn what_isnt_the_hosts_socket_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let listener = UnixListener::bind(directory.path().join("socket")).expect("a listener");
    let datagram = std::os::unix::net::UnixDatagram::pair().expect("a socket pair").0;
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let tcp = std::net::TcpStream::connect(tcp.local_addr().expect("an address")).expect("a connection");
    let cases: [(OwnedFd, &str); 4] = [
        (File::open("/dev/null").expect("/dev/null").into(), "not a socket"),
        (datagram.into(), "a socket of another type"),
        (listener.into(), "a socket that isn't connected"),
        (tcp.into(), "a socket of another family"),
    ];
    for (fd, found) in cases {
        let mut command = hello();
        command.env("WW_RPC_FD", "3");
        let output = run(command, vec![fd]);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert_eq!(err, format!("  WW_RPC_FD=3: not a connected Unix stream socket ({found})\n"));
    }
}

#[test]
fn a_host_that_goes_away_is_an_error_and_no_hang() {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let mut command = hello();
    command.env("WW_RPC_FD", "3");
    let cell = std::thread::spawn(move || run(command, vec![theirs.into()]));
    // The cell's first bytes are the sign that it is connected.
    let mut ours = ours;
    ours.read_exact(&mut [0; 8]).expect("the cell's bootstrap message");
    drop(ours);
    let output = cell.join().expect("the cell's thread");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}
