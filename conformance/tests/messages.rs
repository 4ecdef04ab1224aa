//! The reference's own messages, word for word: what the specification leaves open, so that a
//! change of one is seen. Other implementations aren't judged by this.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// A place with one of each thing that can't be run.
fn place() -> TempDir {
    let place = TempDir::new().expect("a temporary directory");
    let write = |name: &str, text: &[u8], mode: u32| {
        let path = place.path().join(name);
        fs::write(&path, text).expect("a file in it");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
    };
    fs::create_dir(place.path().join("folder")).expect("a folder in it");
    write("empty", b"", 0o755);
    write("text", b"not a program\n", 0o755);
    write("plain", b"#!/bin/sh\n", 0o644);
    write("script", b"#!/no/such/interpreter\n", 0o755);
    write("secret", b"not a key\n", 0o600);
    write("cut", b"\x7fELF\x02\x01\x01", 0o755);
    place
}

/// Exit code and standard error of each command line, one after the other.
fn said(place: &Path, lines: &[&[&str]]) -> String {
    let program = std::env::var_os("WW_BIN").map_or_else(
        || ww_conformance::setup::Setup::beside().expect("the folder of this test").join("ww"),
        std::path::PathBuf::from,
    );
    assert!(program.is_file(), "{} isn't there: build it (cargo build -p ww --bin ww)", program.display());
    let mut all = String::new();
    for line in lines {
        let output = Command::new(&program)
            .arg("run")
            .args(*line)
            .current_dir(place)
            .env_clear()
            .env("WW_STORE", place.join("store"))
            .output()
            .expect("the reference starts");
        let code = output.status.code().expect("it exits");
        let text = String::from_utf8(output.stderr).expect("messages are UTF-8");
        let text = as_glibc_says(text);
        assert_eq!(output.stdout, b"", "nothing on standard output: {line:?}");
        assert!(text.starts_with("ww: "), "{line:?} says {text:?}");
        all += &format!("$ ww run {}\n{text}[{code}]\n\n", line.join(" "));
    }
    all
}

/// A cause is told in the C library's words, and musl, by which `ww` is shipped, has its own for some.
fn as_glibc_says(text: String) -> String {
    text.replace(": Address in use", ": Address already in use")
        .replace(": Address not available", ": Cannot assign requested address")
}

/// Compares with what the messages were; `INSTA_UPDATE=always` writes them anew.
fn remembered(name: &str, said: String) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, said);
    });
}

#[test]
fn usage() {
    remembered(
        "usage",
        said(
            place().path(),
            &[
                &[],
                &["--unknown-option", "x"],
                &["--env"],
                &["--fd-layout", "sideways", "x"],
                &["--max-size", "much", "x"],
                &["--ipfs-timeout", "soon", "x"],
                &["--ipfs-access", "some", "x"],
            ],
        ),
    );
}

#[test]
fn grants() {
    remembered(
        "grants",
        said(
            place().path(),
            &[
                &["--with-fd", "db", "x"],
                &["--with-fd", "=1", "x"],
                &["--with-fd", "1db=1", "x"],
                &["--with-fd", "d-b=1", "x"],
                &["--with-fd", "db=1", "--with-fd", "DB=2", "x"],
                &["--with-fd", "db=", "x"],
                &["--with-fd", "db=one", "x"],
                &["--with-fd", "db=-1", "x"],
                &["--with-fd", "db=99999999999999999999", "x"],
                &["--with-fd", "db=777", "x"],
            ],
        ),
    );
}

#[test]
fn path_grants() {
    let place = place();
    let script = place.path().join("elsewhere");
    fs::write(&script, format!("#!{}\n", place.path().join("plain").display())).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("its mode");
    remembered(
        "path_grants",
        said(
            place.path(),
            &[
                &["--ro", "", "x"],
                &["--ro", "/srv:data", "x"],
                &["--rw", "/srv:/data/..", "x"],
                &["--ro", "/srv:/proc/self", "x"],
                &["--ro", "/usr", "x"],
                &["--ro", "/srv:/data", "--rw", "/opt:/data/x", "x"],
                &["--workdir", "data", "x"],
                &["--ro", "missing:/data", "/bin/true"],
                &["--rw", "/dev/null:/data", "/bin/true"],
                &["--ro", "folder:/usr/no-such-folder", "/bin/true"],
                &["--ro", "empty:/usr/bin", "/bin/true"],
                &["--ro", "empty:/usr/share", "/bin/true"],
                &["--workdir", "/missing", "/bin/true"],
                &["--workdir", "/etc/passwd", "/bin/true"],
                &["--rw", "/ipfs/bafkqaaa:/data", "x"],
                &["--offline", "--ro", "/ipfs/bafkqaaa/../x:/data", "/bin/true"],
                &["--offline", "--ro", "/ipfs/bafkqaaa/x:/data", "/bin/true"],
                &["--jail", "none", "--ro", "/ipfs/bafkqaaa:/data", "/bin/true"],
                &["./elsewhere"],
            ],
        )
        .replace(&place.path().display().to_string(), "PLACE"),
    );
}

#[test]
fn environment() {
    remembered(
        "environment",
        said(place().path(), &[&["--env", "=x", "x"], &["--env", "WW_RPC_FD=3", "x"], &["--env", "WW_FD_DB", "x"]]),
    );
}

#[test]
fn endpoints() {
    remembered(
        "endpoints",
        said(
            place().path(),
            &[
                &["--ipfs", "nonsense", "x"],
                &["--ipfs", "/ip4/127.0.0.1/udp/5001", "x"],
                &["--ipfs", "/ip4/127.0.0.1/tcp/70000", "x"],
                &["--ipfs", "ftp://localhost", "x"],
            ],
        ),
    );
}

#[test]
fn status() {
    remembered(
        "status",
        said(
            place().path(),
            &[
                &["--status-fd", "x", "x"],
                &["--status-fd", "777", "x"],
                &["--status-fd", "0", "x"],
                &["--status-fd", "1", "--with-fd", "out=1", "x"],
            ],
        ),
    );
}

#[test]
fn programs() {
    remembered(
        "programs",
        said(
            place().path(),
            &[
                &["./missing"],
                &[""],
                &["text/below"],
                &["./folder"],
                &["./plain"],
                &["./empty"],
                &["./text"],
                &["./cut"],
                &["./script"],
                &["/ipfs/not-a-cid"],
            ],
        ),
    );
}

#[test]
fn retrieval() {
    remembered(
        "retrieval",
        said(
            place().path(),
            &[&["--ipfs", "/ip4/127.0.0.1/tcp/1/http", "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"]],
        ),
    );
}

#[test]
fn peers() {
    let place = place();
    let taken = std::net::TcpListener::bind("127.0.0.4:38571").expect("a port that nobody else takes");
    remembered(
        "peers",
        said(
            place.path(),
            &[
                &["--listen", "127.0.0.1:4001", "/bin/true"],
                &["--listen", "/ip4/1.2.3/tcp/1", "/bin/true"],
                &["--listen", "/ip4/127.0.0.1/tcp/70000", "/bin/true"],
                &["--listen", "none", "--listen", "/ip4/127.0.0.1/tcp/0", "/bin/true"],
                &["--listen", "/ip4/127.0.0.4/tcp/38571", "/bin/true"],
                &["--listen", "/ip4/192.0.2.1/tcp/0", "/bin/true"],
                &["--identity", "missing", "/bin/true"],
                &["--identity", "folder", "/bin/true"],
                &["--identity", "text", "/bin/true"],
                &["--identity", "secret", "/bin/true"],
                &["--allow-peer", "12D3", "/bin/true"],
            ],
        ),
    );
    drop(taken);
}
