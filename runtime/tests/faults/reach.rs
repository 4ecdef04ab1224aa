//! Whether a daemon can be reached at all, and that nobody tries before there is a need.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use ww::content::{Content, ContentError};
use ww::endpoint::Endpoint;

use crate::fake::{HASTY, PATIENT, RAW, cid_of, inline, ok, path, wait};

fn cat(endpoint: &str) -> Result<Vec<u8>, ContentError> {
    let content = Content::new(Endpoint::parse(endpoint).unwrap(), PATIENT);
    wait(content.cat(&path(&cid_of(RAW, b"hello")), 10))
}

/// A port on which nobody listens.
fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn r9_a_refused_connection_says_what_to_do() {
    let port = closed();
    for endpoint in [
        format!("/ip4/127.0.0.1/tcp/{port}"),
        format!("http://localhost:{port}"),
        "/unix/nonexistent".into(),
    ] {
        let error = cat(&endpoint).unwrap_err();
        assert!(matches!(error, ContentError::Refused { .. }), "{error:?}");
        let hint = "start one with `ipfs daemon`, or name another with --ipfs";
        assert_eq!(
            error.to_string(),
            format!("connection refused: is an IPFS daemon running at {endpoint}? {hint}")
        );
    }
}

#[test]
fn r6_identity_content_needs_no_daemon() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!(
        "/ip4/127.0.0.1/tcp/{}",
        listener.local_addr().unwrap().port()
    );
    let content = Content::new(Endpoint::parse(&endpoint).unwrap(), HASTY);
    let cid = inline(RAW, b"hello");
    assert_eq!(wait(content.cat(&path(&cid), 5)).unwrap(), b"hello");
    assert_eq!(wait(content.stat(&path(&cid))).unwrap().size, 5);
    assert_eq!(wait(content.ls(&path(&cid))).unwrap(), []);
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn r6_a_unix_socket_and_every_loopback_name() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("api");
    let unix = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || answer(unix.accept().unwrap().0));
    assert_eq!(
        cat(&format!("/unix{}", socket.display())).unwrap(),
        b"hello"
    );

    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    std::thread::spawn(move || v4.incoming().for_each(|stream| answer(stream.unwrap())));
    for endpoint in [
        "/dns4/localhost/tcp/",
        "/dns/localhost/tcp/",
        "/ip4/127.0.0.1/tcp/",
        "http://localhost:",
    ] {
        assert_eq!(
            cat(&format!("{endpoint}{port}")).unwrap(),
            b"hello",
            "{endpoint}"
        );
    }
    // Nobody listens on ::1.
    assert!(matches!(
        cat(&format!("/dns6/localhost/tcp/{port}")),
        Err(ContentError::Refused { .. })
    ));
}

fn answer(mut stream: impl Read + Write) {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).unwrap() > 0);
    stream.write_all(&ok(b"hello")).unwrap();
}

#[test]
fn r20_a_handshake_that_stalls_ends_at_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!(
        "https://127.0.0.1:{}",
        listener.local_addr().unwrap().port()
    );
    let content = Content::new(Endpoint::parse(&endpoint).unwrap(), HASTY);
    let started = Instant::now();
    let error = wait(content.cat(&path(&cid_of(RAW, b"hello")), 10)).unwrap_err();
    match error {
        ContentError::ConnectTimeout { after, .. } => assert_eq!(after, Duration::from_secs(1)),
        // Where the machine has no CA certificates there is no handshake, and the message says so.
        error => assert!(
            format!("{error:?}").contains("ca-certificates"),
            "{error:?}"
        ),
    }
    assert!(started.elapsed() < HASTY.connect * 5);
}

#[test]
fn r6_a_host_name_that_does_not_exist_is_named() {
    let error = cat("/dns/nowhere.invalid/tcp/5001").unwrap_err();
    assert!(
        matches!(
            error,
            ContentError::Connect { .. } | ContentError::ConnectTimeout { .. }
        ),
        "{error:?}"
    );
}
