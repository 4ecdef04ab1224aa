//! Faults of the daemon's answers.

use std::io::Write;
use std::time::{Duration, Instant};

use ww::content::{Cid, ContentError, ContentPath};

use crate::fake::{DAG_PB, Fake, HASTY, RAW, cid_of, ok, path, wait};

fn data() -> (Cid, Vec<u8>) {
    let data = b"a program".to_vec();
    (cid_of(RAW, &data), data)
}

fn cat(fake: &Fake) -> Result<Vec<u8>, ContentError> {
    wait(fake.content.cat(&path(&data().0), 1000))
}

/// The error that one answer leads to.
fn error_of(answer: impl Into<Vec<u8>>) -> ContentError {
    cat(&Fake::answers(answer)).unwrap_err()
}

#[test]
fn r7_5_other_bytes_are_a_mismatch() {
    let (cid, data) = data();
    assert_eq!(cat(&Fake::answers(ok(&data))).unwrap(), data);
    for body in [&b"a Program"[..], b"a progra", b"a program ", b""] {
        assert!(matches!(error_of(ok(body)), ContentError::Mismatch { cid: c } if *c == cid));
    }
    let node = cid_of(DAG_PB, b"");
    let fetched = wait(Fake::answers(ok(b"x")).content.cat(&path(&node), 10));
    assert!(matches!(fetched, Err(ContentError::Mismatch { .. })));
}

#[test]
fn r7_1_the_daemons_message_is_kept_and_tamed() {
    let answer = |body: &str| format!("HTTP/1.1 500 Oops\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let message = r#"{"Message":"not\n found\u001b[31m","Code":0,"Type":"error"}"#;
    assert_eq!(error_of(answer(message)).to_string(), "the daemon says: not  found [31m");
    let long = format!(r#"{{"Message":"{}"}}"#, "x".repeat(10_000));
    assert_eq!(error_of(answer(&long)).to_string().chars().count(), "the daemon says: ".len() + 501);
    let plain = "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n";
    assert_eq!(error_of(plain).to_string(), "not an answer of the Kubo API: HTTP status 403 Forbidden: no");
    let endless = ["HTTP/1.1 500 Oops\r\n\r\n".as_bytes(), &vec![b'x'; 10 << 20]].concat();
    assert!(error_of(endless).to_string().len() < 2000);
}

#[test]
fn r7_1_an_error_in_a_trailer_counts() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Stream-Error\r\n\r\n\
                  9\r\na program\r\n0\r\nX-Stream-Error: it broke\r\n\r\n";
    assert!(matches!(error_of(answer), ContentError::Stream { message } if message == "it broke"));
    assert_eq!(cat(&Fake::answers(answer.replace("Stream-Error", "Other"))).unwrap(), data().1);
}

#[test]
fn r7_1_a_cut_body_is_an_error() {
    let cuts = [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na program",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na program\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na program\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
        "garbage\r\n\r\n",
    ];
    for cut in cuts {
        assert!(matches!(error_of(cut), ContentError::Http(_)), "{cut:?}");
    }
}

#[test]
fn r7_1_redirects_and_compression_are_errors() {
    let target = Fake::answers(ok(&data().1));
    let away =
        Fake::answers(format!("HTTP/1.1 307 Away\r\nLocation: {:?}\r\nContent-Length: 0\r\n\r\n", "http://127.0.0.1"));
    assert!(cat(&away).unwrap_err().to_string().contains("redirect"));
    assert_eq!((away.connections(), target.connections()), (1, 0));
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\na program";
    assert!(error_of(gzip).to_string().contains("compressed"));
}

#[test]
fn r20_silence_ends_at_the_idle_timeout() {
    let silences = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na pro"];
    for silence in silences {
        let fake = Fake::timed(HASTY, move |_, stream| stream.write_all(silence.as_bytes()).is_ok());
        let started = Instant::now();
        let error = cat(&fake).unwrap_err();
        assert!(matches!(error, ContentError::Idle { .. }), "{silence:?}: {error}");
        assert_eq!(error.to_string(), format!("timed out: nothing came for 0.3 s (asked for block {})", data().0));
        assert!(started.elapsed() >= HASTY.idle);
    }
}

#[test]
fn r20_a_trickle_ends_at_the_time_for_a_whole_answer() {
    let fake = Fake::timed(HASTY, |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").unwrap();
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(HASTY.idle / 10);
        }
        false
    });
    let started = Instant::now();
    let error = cat(&fake).unwrap_err();
    assert!(matches!(error, ContentError::Slow { .. }), "{error}");
    assert!(started.elapsed() >= HASTY.idle * 4);
}

#[test]
fn r20_floods_are_cut_off() {
    let flood = |head: &'static str, piece: &'static str| {
        Fake::new(move |_, stream| {
            stream.write_all(head.as_bytes()).unwrap();
            let piece = piece.repeat(1000);
            while stream.write_all(piece.as_bytes()).is_ok() {}
            false
        })
    };
    let body = cat(&flood("HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxx")).unwrap_err();
    assert!(matches!(body, ContentError::LongBody { .. }), "{body:?}");
    let node = cid_of(DAG_PB, b"");
    let body = wait(flood("HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxx").content.cat(&path(&node), 1000)).unwrap_err();
    assert!(matches!(body, ContentError::LongBody { limit: 0x20_0000, .. }), "{body:?}");
    let head = cat(&flood("HTTP/1.1 200 OK\r\n", "X-Y: xxxxxxxxxx\r\n")).unwrap_err();
    assert!(matches!(head, ContentError::Http(_)), "{head:?}");
    let line = cat(&flood("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxx")).unwrap_err();
    assert!(matches!(line, ContentError::Http(_)), "{line:?}");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let trailers = cat(&flood(chunked, "X-Y: xxxxxxxxxx\r\n")).unwrap_err();
    assert!(matches!(trailers, ContentError::Http(_)), "{trailers:?}");
    // Interim answers are not an answer: as good as silence.
    let interim = cat(&Fake::timed(HASTY, |_, stream| {
        while stream.write_all(&b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)).is_ok() {}
        false
    }))
    .unwrap_err();
    assert!(matches!(interim, ContentError::Idle { .. }), "{interim:?}");
}

#[test]
fn r7_1_a_name_must_become_an_ipfs_path() {
    let name = ContentPath::parse("/ipns/example.org/x").unwrap().unwrap();
    let resolve = |body: &str| wait(Fake::answers(ok(body.as_bytes())).content.cat(&name, 10)).unwrap_err();
    for body in ["", "{}", "[]", r#"{"Path":"/etc/passwd"}"#, r#"{"Path":"x"}"#, r#"{"Path":7}"#] {
        assert!(matches!(resolve(body), ContentError::Answer(_)), "{body}");
    }
    let parent = resolve(&format!(r#"{{"Path":"/ipfs/{}/../x"}}"#, data().0));
    assert!(matches!(parent, ContentError::Path(_)), "{parent:?}");
    let fake = Fake::new(|_, stream| stream.write_all(&ok(br#"{"Path":"/ipns/example.org/y"}"#)).is_ok());
    assert!(matches!(wait(fake.content.cat(&name, 10)), Err(ContentError::Bomb(_))));
    let long = resolve(&format!(r#"{{"Path":"{}"}}"#, "x".repeat(100_000)));
    assert!(matches!(long, ContentError::LongBody { .. }), "{long:?}");
}

#[test]
fn r16_an_upload_must_become_its_cid() {
    let add = |body: &str| wait(Fake::answers(ok(body.as_bytes())).content.add(vec![1; 100]));
    for body in ["", "{}", r#"{"Hash":"x"}"#, r#"{"Hash":"/ipfs/x"}"#, "{\"Name\":\"x\"}\n{\"Name\":\"y\"}"] {
        let error = add(body).unwrap_err();
        assert!(matches!(error, ContentError::Answer(_)), "{body}: {error}");
    }
    let silent = Fake::timed(HASTY, |_, _| true);
    let error = wait(silent.content.add(vec![0; 8 << 20])).unwrap_err();
    assert!(matches!(error, ContentError::Slow { after, .. } if after == Duration::from_millis(1200)), "{error}");
}
