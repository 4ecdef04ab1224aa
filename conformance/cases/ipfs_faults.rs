//! Retrievals that fail: nobody there, an error of the daemon's, nothing at a path, a cut, a silence.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use wiremock::ResponseTemplate;

use crate::cases::ipfs::{SCRIPT, nobody, script_of};
use crate::clauses::Profile;
use crate::fake::{Answer, Fake, Scripted, before};
use crate::invocation::Invocation;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_11_nobody_answers).also(&["EXIT-11", "MSG-05"]),
    case!(ipfs_12_an_error_of_the_daemon_is_repeated).also(&["EXIT-11"]),
    case!(ipfs_12_an_error_after_the_body_began_is_repeated).also(&["EXIT-11"]),
    case!(ipfs_13_nothing_at_the_path).also(&["EXIT-11"]),
    case!(ipfs_13_nothing_below_a_file).also(&["EXIT-11"]),
    case!(ipfs_13_a_block_that_isnt_there).also(&["EXIT-11"]),
    case!(ipfs_14_an_answer_that_is_cut_short).also(&["EXIT-11"]),
    case!(ipfs_15_a_daemon_that_never_answers).also(&["EXIT-11"]),
    case!(ipfs_15_a_daemon_that_stalls_in_the_midst).also(&["EXIT-11"]),
    case!(msg_07_control_characters_of_the_daemon_stay_in_the_line).needs(Profile::Ipfs),
];

/// A CID that parses; no node has it.
const NOWHERE: &str = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";
const PHRASE: &str = "failed to get IPFS path";

fn ipfs_11_nobody_answers(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--ipfs", &nobody()?]).binary(NOWHERE, ["facts"]).run()?;
    run.refuses(1, PHRASE, NOWHERE)?;
    let line = run.first_line().to_lowercase();
    let cause = line.split_once(&NOWHERE.to_lowercase()).map_or("", |(_, cause)| cause);
    let words = [
        "refused",
        "connect",
        "reach",
        "dial",
        "no daemon",
        "nobody",
        "not running",
        "running?",
        "no answer",
        "listen",
    ];
    run.holds("after the path, the line says that nobody is there", words.iter().any(|word| cause.contains(word)))?;
    Ok(())
}

fn ipfs_12_an_error_of_the_daemon_is_repeated(suite: &Suite<'_>) -> Verdict {
    let body = serde_json::json!({ "Message": "the cat is on the keyboard", "Code": 0, "Type": "error" });
    let fake = Scripted::answering(ResponseTemplate::new(500).set_body_json(body))?;
    for path in [NOWHERE, "/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r/a"] {
        let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(path, ["facts"]).run()?;
        run.refuses(1, PHRASE, "the cat is on the keyboard")?;
    }
    holds("the daemon was asked", fake.requests() > 0, fake.requests())
}

/// The first half of a body in chunks, then an error in the trailer, as Kubo's streams have it.
fn breaks_off(answer: &Answer, stream: &mut TcpStream) -> io::Result<()> {
    let half = &answer.body[..answer.body.len() / 2];
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nTrailer: X-Stream-Error\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        half.len()
    )?;
    stream.write_all(half)?;
    stream.write_all(b"\r\n0\r\nX-Stream-Error: the disk is on fire\r\n\r\n")
}

fn ipfs_12_an_error_after_the_body_began_is_repeated(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.add(script_of(9_000), Import::default())?);
    let fake = before(node, |request, answer, stream| match request.is_for_content() {
        true => breaks_off(&answer, stream),
        false => stream.write_all(&answer.bytes()),
    })?;
    suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?.refuses(
        1,
        PHRASE,
        "the disk is on fire",
    )?;
    Ok(())
}

fn ipfs_13_nothing_at_the_path(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.directory([("bin/name", SCRIPT.into())])?;
    for name in ["nam", "bin/nam", "bin/name2", "BIN/name", "bin/name/deeper", "x/y/z"] {
        let path = format!("/ipfs/{cid}/{name}");
        suite.ww_with_node()?.binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    }
    Ok(())
}

fn ipfs_13_nothing_below_a_file(suite: &Suite<'_>) -> Verdict {
    let path = format!("/ipfs/{}/name", suite.node()?.add(SCRIPT, Import::default())?);
    suite.ww_with_node()?.binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    Ok(())
}

fn ipfs_13_a_block_that_isnt_there(suite: &Suite<'_>) -> Verdict {
    hasty(suite, suite.ww_with_node()?).binary(NOWHERE, ["x"]).run()?.refuses(1, PHRASE, NOWHERE)?;
    Ok(())
}

fn ipfs_14_an_answer_that_is_cut_short(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.add(SCRIPT, Import { version: Some(1), ..Import::default() })?);
    // The whole script but for its last byte would run, too.
    for missing in [1, SCRIPT.len() / 2, SCRIPT.len()] {
        for chunked in [false, true] {
            let fake = before(node, move |request, answer, stream| {
                if !request.is_for_content() {
                    return stream.write_all(&answer.bytes());
                }
                let kept = answer.body.len().saturating_sub(missing);
                if chunked {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                    write!(stream, "{:x}\r\n", answer.body.len())?;
                    stream.write_all(&answer.body[..kept])?;
                } else {
                    let bytes = answer.bytes();
                    stream.write_all(&bytes[..bytes.len() - (answer.body.len() - kept)])?;
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            })?;
            suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
        }
    }
    Ok(())
}

/// Has the implementation give up early, where it can be told to, else waits as long as it does by itself.
pub(crate) fn hasty<'a>(suite: &Suite<'a>, run: Invocation<'a>) -> Invocation<'a> {
    let adapter = suite.setup().adapter();
    let run = run.deadline_ms(adapter.timeouts.ipfs_ms + adapter.timeouts.run_ms);
    match &adapter.ipfs_timeout_flag {
        Some(flag) => run.flags([flag.as_str(), "1s"]),
        None => run,
    }
}

fn times_out(suite: &Suite<'_>, endpoint: &str, path: &str) -> Verdict {
    let began = Instant::now();
    let run = hasty(suite, suite.ww().flags(["--ipfs", endpoint])).binary(path, ["facts"]).run()?;
    run.refuses(1, PHRASE, path)?;
    let line = run.first_line().to_lowercase();
    run.holds(
        "the line says that it timed out",
        ["timed out", "timeout", "time out", "deadline"].iter().any(|word| line.contains(word)),
    )?;
    let timeouts = &suite.setup().adapter().timeouts;
    let most = Duration::from_millis(timeouts.run_ms + timeouts.ipfs_ms);
    holds(format!("it ends within {most:?}"), began.elapsed() < most, began.elapsed())
}

/// Holds a connection until the other side ends it; nothing more is sent.
fn silence(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink())?;
    Err(io::ErrorKind::ConnectionAborted.into())
}

fn ipfs_15_a_daemon_that_never_answers(suite: &Suite<'_>) -> Verdict {
    let fake = Fake::new(|_, stream| silence(stream))?;
    times_out(suite, &fake.endpoint(), NOWHERE)?;
    times_out(suite, &fake.endpoint(), "/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r")?;
    holds("the daemon was asked", fake.connections() > 0, fake.connections())
}

fn ipfs_15_a_daemon_that_stalls_in_the_midst(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.add(script_of(9_000), Import::default())?);
    for kept in [0, 1, 200] {
        let fake = before(node, move |request, answer, stream| {
            let bytes = answer.bytes();
            if !request.is_for_content() {
                return stream.write_all(&bytes);
            }
            // Nothing of the body, all but its last byte, or a part of it.
            let cut = if kept == 1 { 1 } else { answer.body.len() - kept.min(answer.body.len()) };
            stream.write_all(&bytes[..bytes.len() - cut])?;
            silence(stream)
        })?;
        times_out(suite, &fake.endpoint(), &path)?;
    }
    Ok(())
}

fn msg_07_control_characters_of_the_daemon_stay_in_the_line(suite: &Suite<'_>) -> Verdict {
    let body = serde_json::json!({ "Message": "one\ntwo\r\u{1b}[31mthree\u{7}\u{0}four", "Code": 0, "Type": "error" });
    let fake = Scripted::answering(ResponseTemplate::new(500).set_body_json(body))?;
    let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(NOWHERE, ["facts"]).run()?;
    run.refuses(1, PHRASE, "four")?;
    let text = run.stderr.strip_suffix(b"\n").unwrap_or(&run.stderr);
    run.holds("one line without control characters", !text.iter().any(u8::is_ascii_control))?;
    Ok(())
}
