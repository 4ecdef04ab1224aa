//! Cells in other languages on fd 3: each is built as its README says, and gets content from a real session.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};

use crate::daemon::{self, Blocks, identity};
use ww::access::Access;

fn cells() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cells")
}

/// Builds one, and gives the folder that it is in.
fn build(language: &str, needs: &str) -> PathBuf {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cells").join(language);
    let output = Command::new("sh").arg(cells().join(language).join("build.sh")).arg(&out).output().expect("sh");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}\nthe {language} cell can't be built: it needs {needs}");
    out
}

/// Runs a cell with a session on its fd 3: content inside of a CID, of a daemon, and nothing at all.
fn ask(mut cell: Command) {
    let mut blocks = Blocks::default();
    let held = blocks.raw(b"held by the daemon");
    let directory = blocks.directory(&[("file", held, 18)]);
    let daemon = blocks.serve();

    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    cell.arg(identity(b"inside").to_string());
    cell.args([format!("/ipfs/{directory}/file"), format!("/ipfs/{directory}"), "nonsense".to_owned()]);
    cell.env("WW_RPC_FD", "3").stdin(Stdio::null()).stdout(Stdio::piped());
    cell.fd_mappings(vec![FdMapping { parent_fd: theirs.into(), child_fd: 3 }]).expect("one mapping");
    let process = cell.spawn().expect("the cell starts");
    // It has the only other end: the session ends with it.
    drop(cell);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let session = ww::serve::rpc::CellSession::new().serve(ours, daemon::content(daemon), Access::default());
    tokio::task::LocalSet::new().block_on(&runtime, session);

    let output = process.wait_with_output().expect("the cell's end");
    let said = String::from_utf8_lossy(&output.stdout).replace("remote exception: ", "");
    assert!(output.status.success(), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["= inside", "= held by the daemon"]);
    let refused = format!("! unexpected node type: /ipfs/{directory}: a directory");
    assert!(lines[2].contains(&refused[2..]) && lines[2].starts_with("! "), "{said}");
    assert!(lines[3].starts_with("! ") && lines[3].contains("system.IPFS.cat: neither a CID"), "{said}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_cell_in_cpp_is_served() {
    let out = build("cpp", "`apt-get install g++ capnproto libcapnp-dev`");
    ask(Command::new(out.join("cat")));
}

#[test]
fn a_cell_in_python_is_served() {
    let out = build("python", "`apt-get install python3-venv`, and pycapnp from a package index");
    let mut cell = Command::new(out.join("venv/bin/python"));
    cell.arg(cells().join("python/cat.py"));
    ask(cell);
}
