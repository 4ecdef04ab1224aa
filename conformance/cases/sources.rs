//! Who is asked for content: the daemon, then trustless gateways, and in which words they are named.

use std::io::Write;

use crate::cases::ipfs::{SCRIPT, nobody, runs, script_of};
use crate::fake::{Fake, before, gateway, honest_gateway};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_33_a_gateway_that_a_flag_names_serves),
    case!(store_33_gateways_that_the_variable_names_serve),
    case!(store_33_a_gateway_below_a_path_serves),
    case!(store_33_a_directory_comes_from_a_gateway),
    case!(store_33_the_daemon_is_asked_first),
    case!(store_34_what_is_no_gateway_is_a_usage_error),
    case!(store_34_a_password_is_never_told),
    case!(store_36_each_source_is_named),
    case!(store_40_a_redirect_of_the_gateways_own_is_followed),
    case!(store_40_a_redirect_to_another_isnt_followed),
];

pub(crate) const PHRASE: &str = "failed to get IPFS path";

/// The path of a script of several blocks.
pub(crate) fn script(node: &Node, blocks: usize) -> Verdict<String> {
    let import = Import { version: Some(1), chunker: Some("size-1024"), ..Import::default() };
    // Lines that differ: no block is another's.
    Ok(format!("/ipfs/{}", node.add(script_of(blocks * 1024), import)?))
}

fn silent_daemon() -> Verdict<Vec<String>> {
    Ok(vec!["--ipfs".into(), nobody()?])
}

fn store_33_a_gateway_that_a_flag_names_serves(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let gateway = honest_gateway(node)?;
    for blocks in [1, 5] {
        let path = script(node, blocks)?;
        runs(suite.ww().flags(silent_daemon()?).flags(["--gateway", &gateway.url()]), &path)?;
        // None by default.
        suite.ww().flags(silent_daemon()?).binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    }
    holds("the gateway was asked", gateway.connections() > 0, gateway.connections())
}

fn store_33_gateways_that_the_variable_names_serve(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 2)?;
    let none = Fake::sending("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")?;
    let served = honest_gateway(node)?;
    for list in [
        served.url(),
        format!("{}/", served.url()),
        format!("{},{}", none.url(), served.url()),
        format!("{} {}", none.url(), served.url()),
        format!(" {} ,, {},", none.url(), served.url()),
    ] {
        runs(suite.ww().env("WW_GATEWAYS", &list).flags(silent_daemon()?), &path)?;
    }
    runs(suite.ww().env("WW_GATEWAYS", none.url()).flags(silent_daemon()?).flags(["--gateway", &served.url()]), &path)?;
    // Empty is none.
    let run = suite.ww().env("WW_GATEWAYS", "").flags(silent_daemon()?).binary(&path, ["x"]).run()?;
    run.refuses(1, PHRASE, &path)?;
    Ok(())
}

fn store_33_a_gateway_below_a_path_serves(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 2)?;
    let gateway = honest_gateway(node)?;
    runs(suite.ww().flags(silent_daemon()?).flags(["--gateway", &format!("{}/below/it/", gateway.url())]), &path)?;
    let targets = gateway.targets();
    holds(
        "what is asked is below the path",
        targets.iter().all(|target| target.starts_with("/below/it/ipfs/")),
        targets,
    )
}

fn store_33_a_directory_comes_from_a_gateway(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = node.directory([("bin/name", SCRIPT.into()), ("other", b"x".to_vec())])?;
    let gateway = honest_gateway(node)?;
    let flags = ["--gateway".to_owned(), gateway.url()];
    runs(suite.ww().flags(silent_daemon()?).flags(&flags), &format!("/ipfs/{cid}/bin/name"))?;
    let missing = format!("/ipfs/{cid}/bin/nam");
    suite.ww().flags(silent_daemon()?).flags(&flags).binary(&missing, ["x"]).run()?.refuses(1, PHRASE, &missing)?;
    Ok(())
}

fn store_33_the_daemon_is_asked_first(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 3)?;
    let gateway = honest_gateway(node)?;
    runs(suite.ww_with_node()?.flags(["--gateway", &gateway.url()]), &path)?;
    holds("a gateway isn't asked for what the daemon has", gateway.connections() == 0, gateway.targets())?;
    // And nobody for a local program.
    let run = suite.ww().flags(silent_daemon()?).flags(["--gateway", &gateway.url()]).probe(["exit", "3"]).run()?;
    run.exits(3)?.is_silent()?;
    holds("nor for a local program", gateway.connections() == 0, gateway.targets())
}

fn store_34_what_is_no_gateway_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    for wrong in [
        "gateway.example",
        "/ip4/127.0.0.1/tcp/8080",
        "ftp://gateway.example",
        "http://",
        "http://gateway.example:70000",
        "http://gateway.example/?format=raw",
        "http://gateway.example/#x",
    ] {
        let run = suite.ww().flags(["--gateway", wrong]).probe(["facts"]).run()?;
        run.refuses(2, "", wrong)?.holds("it names the flag", run.first_line().contains("--gateway"))?;
        let run = suite.ww().env("WW_GATEWAYS", format!("http://127.0.0.1:1,{wrong}")).probe(["facts"]).run()?;
        run.refuses(2, "", wrong)?.holds("it names the variable", run.first_line().contains("WW_GATEWAYS"))?;
    }
    Ok(())
}

fn store_34_a_password_is_never_told(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 1)?;
    let port = honest_gateway(node)?.url().rsplit(':').next().unwrap_or_default().to_owned();
    let untold = |run: crate::ended::Ended| -> Verdict {
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        run.holds("no password in a message", !said.contains("hunter2"))?;
        Ok(())
    };
    for (url, code) in [
        // Nobody is there any more, where it is right.
        (format!("http://user:hunter2@127.0.0.1:{port}"), 1),
        ("ftp://user:hunter2@gateway.example".to_owned(), 2),
        ("http://user:hunter2@gateway.example:70000".to_owned(), 2),
        ("http://user:hunter2@gateway.example/?a=b".to_owned(), 2),
    ] {
        let run = suite.ww().flags(silent_daemon()?).flags(["--gateway", &url]).binary(&path, ["x"]).run()?;
        run.exits(code)?;
        untold(run)?;
        let run = suite.ww().flags(silent_daemon()?).env("WW_GATEWAYS", &url).binary(&path, ["x"]).run()?;
        run.exits(code)?;
        untold(run)?;
    }
    Ok(())
}

fn store_36_each_source_is_named(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 2)?;
    let daemon = nobody()?;
    let refuses = Fake::sending("HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\nthe-cat")?;
    let flipped = gateway(node, |_, mut answer, stream| {
        if let Some(last) = answer.body.last_mut() {
            *last ^= 1;
        }
        stream.write_all(&answer.bytes())
    })?;
    let nowhere = "https://gateway.invalid";
    let run = suite.ww().flags(["--ipfs", &daemon, "--gateway", &refuses.url(), "--gateway", &flipped.url()]);
    let run = run.flags(["--gateway", nowhere]).binary(&path, ["x"]).run()?;
    let port = daemon.rsplit('/').next().unwrap_or_default().to_owned();
    for what in [port, refuses.url(), flipped.url(), nowhere.to_owned()] {
        run.refuses(1, PHRASE, &what)?;
    }
    run.holds("what one said is told", run.first_line().contains("403"))?;
    Ok(())
}

/// A gateway that redirects each request once, to a path of its own where `to` is none.
fn leads(node: &Node, to: Option<String>) -> Verdict<Fake> {
    Ok(gateway(node, move |request, answer, stream| {
        if to.is_none() && request.target.starts_with("/led/") {
            return stream.write_all(&answer.bytes());
        }
        let location = format!("{}/led{}", to.as_deref().unwrap_or_default(), request.target);
        write!(stream, "HTTP/1.1 307 There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
    })?)
}

fn store_40_a_redirect_of_the_gateways_own_is_followed(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 2)?;
    let gateway = leads(node, None)?;
    runs(suite.ww().flags(silent_daemon()?).flags(["--gateway", &gateway.url()]), &path)
}

fn store_40_a_redirect_to_another_isnt_followed(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 2)?;
    let other = honest_gateway(node)?;
    let leads_away = leads(node, Some(other.url()))?;
    let run = suite.ww().flags(silent_daemon()?).flags(["--gateway", &leads_away.url()]).binary(&path, ["x"]).run()?;
    run.refuses(1, PHRASE, &path)?;
    let to = other.url();
    let daemon = before(node, move |request, _, stream| {
        write!(stream, "HTTP/1.1 307 There\r\nLocation: {to}{}\r\nContent-Length: 0\r\n\r\n", request.target)
    })?;
    suite.ww().flags(["--ipfs", &daemon.endpoint()]).binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    holds("nobody asked where they led", other.connections() == 0, other.targets())
}
