//! Whether a daemon can be reached at all, how connections are kept, and that nobody dials without need.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ww::content::{Content, ContentError};
use ww::endpoint::Endpoint;

use crate::fake::{Fake, HASTY, PATIENT, RAW, cid_of, inline, ok, path, wait};

fn cat(endpoint: &str) -> Result<Vec<u8>, ContentError> {
    let content = Content::new(Endpoint::parse(endpoint).unwrap(), PATIENT);
    wait(content.cat(&path(&cid_of(RAW, b"hello")), 10))
}

/// A port on which nobody listens.
fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn r9_a_refused_connection_says_what_to_do() {
    let port = closed();
    for endpoint in
        [format!("/ip4/127.0.0.1/tcp/{port}"), format!("http://localhost:{port}"), "/unix/nonexistent".into()]
    {
        let error = cat(&endpoint).unwrap_err();
        assert!(matches!(error, ContentError::Refused { .. }), "{error:?}");
        let hint = "start one with `ipfs daemon`, or name another with --ipfs";
        assert_eq!(error.to_string(), format!("connection refused: is an IPFS daemon running at {endpoint}? {hint}"));
    }
}

#[test]
fn r6_identity_content_needs_no_daemon() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
    let content = Content::new(Endpoint::parse(&endpoint).unwrap(), HASTY);
    let cid = inline(RAW, b"hello");
    assert_eq!(wait(content.cat(&path(&cid), 5)).unwrap(), b"hello");
    assert_eq!(wait(content.stat(&path(&cid))).unwrap().size, 5);
    assert_eq!(wait(content.ls(&path(&cid))).unwrap(), []);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn r6_a_unix_socket_and_every_loopback_name() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("api");
    let unix = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || answer(unix.accept().unwrap().0));
    assert_eq!(cat(&format!("/unix{}", socket.display())).unwrap(), b"hello");

    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    std::thread::spawn(move || v4.incoming().for_each(|stream| answer(stream.unwrap())));
    for endpoint in ["/dns4/localhost/tcp/", "/dns/localhost/tcp/", "/ip4/127.0.0.1/tcp/", "http://localhost:"] {
        assert_eq!(cat(&format!("{endpoint}{port}")).unwrap(), b"hello", "{endpoint}");
    }
    // Nobody listens on ::1.
    assert!(matches!(cat(&format!("/dns6/localhost/tcp/{port}")), Err(ContentError::Refused { .. })));
}

fn answer(mut stream: impl Read + Write) {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).unwrap() > 0);
    stream.write_all(&ok(b"hello")).unwrap();
}

#[test]
fn r20_a_handshake_that_stalls_ends_at_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let content = Content::new(Endpoint::parse(&endpoint).unwrap(), HASTY);
    let started = Instant::now();
    let error = wait(content.cat(&path(&cid_of(RAW, b"hello")), 10)).unwrap_err();
    match error {
        ContentError::ConnectTimeout { after, .. } => assert_eq!(after, Duration::from_secs(1)),
        // Where the machine has no CA certificates there is no handshake, and the message says so.
        error => assert!(format!("{error:?}").contains("ca-certificates"), "{error:?}"),
    }
    assert!(started.elapsed() < HASTY.connect * 5);
}

#[test]
fn r6_a_host_name_that_does_not_exist_is_named() {
    let error = cat("/dns/nowhere.invalid/tcp/5001").unwrap_err();
    assert!(matches!(error, ContentError::Connect { .. } | ContentError::ConnectTimeout { .. }), "{error:?}");
}

fn hello() -> Vec<u8> {
    b"hello".to_vec()
}

#[test]
fn a_kept_connection_that_the_daemon_closed_is_replaced() {
    // Each connection has one answer, which doesn't say that it is the last.
    let fake = Fake::answers(ok(&hello()));
    wait(async {
        for _ in 0..3 {
            assert_eq!(fake.content.cat(&path(&cid_of(RAW, &hello())), 1000).await.unwrap(), hello());
        }
    });
    assert_eq!(fake.connections(), 3);
}

#[test]
fn a_request_that_crosses_the_close_of_a_kept_connection_is_sent_again() {
    let (requests, body) = (AtomicUsize::new(0), ok(&hello()));
    let fake = Fake::new(move |_, stream| match requests.fetch_add(1, Ordering::SeqCst) {
        1 => false,
        _ => stream.write_all(&body).is_ok(),
    });
    wait(async {
        for _ in 0..2 {
            assert_eq!(fake.content.cat(&path(&cid_of(RAW, &hello())), 1000).await.unwrap(), hello());
        }
    });
    assert_eq!(fake.connections(), 2);
}

#[test]
fn connections_are_kept_within_a_runtime_and_replaced_in_the_next() {
    let body = ok(&hello());
    let fake = Fake::new(move |_, stream| stream.write_all(&body).is_ok());
    for runtimes in 1..=2 {
        wait(async {
            for _ in 0..3 {
                fake.content.cat(&path(&cid_of(RAW, &hello())), 1000).await.unwrap();
            }
        });
        assert_eq!(fake.connections(), runtimes);
    }
}
