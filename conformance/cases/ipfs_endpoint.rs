//! Which endpoint a run uses, and in which forms it may be written.

use std::io::Read;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;

use wiremock::ResponseTemplate;

use crate::cases::ipfs::{SCRIPT, nobody, runs};
use crate::fake::{Scripted, relay};
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(ep_01_the_flag_names_the_endpoint),
    case!(ep_02_the_default_is_port_5001_of_localhost),
    case!(ep_03_the_variable_beats_the_flag),
    case!(ep_04_an_empty_variable_isnt_set),
    case!(ep_05_a_warning_says_which_one_counts),
    case!(ep_06_multiaddrs_are_used),
    case!(ep_07_tls_is_dialled).also(&["EP-09"]),
    case!(ep_08_a_unix_socket_is_used),
    case!(ep_09_urls_are_used),
];

fn script(suite: &Suite<'_>) -> Verdict<String> {
    Ok(format!("/ipfs/{}", suite.node()?.add(SCRIPT, Import::default())?))
}

fn refusal() -> ResponseTemplate {
    let body = serde_json::json!({ "Message": "this is the other daemon", "Code": 0, "Type": "error" });
    ResponseTemplate::new(500).set_body_json(body)
}

fn ep_01_the_flag_names_the_endpoint(suite: &Suite<'_>) -> Verdict {
    let (one, other) = (Scripted::answering(refusal())?, Scripted::answering(refusal())?);
    let path = script(suite)?;
    let run = suite.ww().flags(["--ipfs", &one.endpoint()]).binary(&path, ["x"]).run()?;
    run.refuses(1, "failed to get IPFS path", "this is the other daemon")?;
    run.holds("it was asked", one.requests() > 0)?;
    same("requests to a daemon that nobody named", other.requests(), 0)?;
    runs(suite.ww_with_node()?, &path)
}

fn ep_02_the_default_is_port_5001_of_localhost(suite: &Suite<'_>) -> Verdict {
    let path = script(suite)?;
    let node = suite.node()?;
    if !node.endpoint().ends_with("/tcp/5001") {
        // Both, for nothing says in which order a name's addresses are tried.
        relay::over_tcp("127.0.0.1:5001", node)
            .map_err(|fault| Stop::NotVerifiable(format!("port 5001 of this machine can't be had: {fault}")))?;
        relay::over_tcp("[::1]:5001", node).ok();
    }
    runs(suite.ww(), &path)
}

fn ep_03_the_variable_beats_the_flag(suite: &Suite<'_>) -> Verdict {
    let other = Scripted::answering(refusal())?;
    let path = script(suite)?;
    let run = suite.ww().env("WW_IPFS", suite.node()?.endpoint()).flags(["--ipfs", &other.endpoint()]);
    run.binary(&path, ["a"]).run()?.exits(0)?.prints("ran a\n")?;
    same("requests to the daemon of the flag", other.requests(), 0)?;
    runs(suite.ww().env("WW_IPFS", suite.node()?.endpoint()), &path)?;
    let run = suite.ww_with_node()?.env("WW_IPFS", other.endpoint()).binary(&path, ["a"]).run()?;
    run.exits(1)?.nothing_ran()?;
    holds("the daemon of the variable was asked", other.requests() > 0, other.requests())
}

fn ep_04_an_empty_variable_isnt_set(suite: &Suite<'_>) -> Verdict {
    runs(suite.ww_with_node()?.env("WW_IPFS", ""), &script(suite)?)
}

fn ep_05_a_warning_says_which_one_counts(suite: &Suite<'_>) -> Verdict {
    let (path, nobody, endpoint) = (script(suite)?, nobody()?, suite.node()?.endpoint());
    let run = suite.ww().env("WW_IPFS", &endpoint).flags(["--ipfs", &nobody]).binary(&path, ["a"]).run()?;
    run.exits(0)?.prints("ran a\n")?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    run.holds("the warning is of the host", text.starts_with("ww: "))?;
    run.holds("the warning names both", text.contains("WW_IPFS") && text.contains("--ipfs"))?;
    run.holds("the warning says where it goes", text.contains(&endpoint))?;
    // The same place twice is no difference.
    runs(suite.ww_with_node()?.env("WW_IPFS", &endpoint), &path)
}

fn ep_06_multiaddrs_are_used(suite: &Suite<'_>) -> Verdict {
    let (path, node) = (script(suite)?, suite.node()?);
    let port = relay::over_tcp("127.0.0.1:0", node)?.port();
    let mut endpoints = Vec::new();
    for family in ["ip4/127.0.0.1", "dns/localhost", "dns4/localhost"] {
        endpoints.extend([format!("/{family}/tcp/{port}"), format!("/{family}/tcp/{port}/http")]);
    }
    if let Ok(six) = relay::over_tcp("[::1]:0", node) {
        endpoints.extend([format!("/ip6/::1/tcp/{}", six.port()), format!("/ip6/::1/tcp/{}/http", six.port())]);
        if ("localhost", six.port()).to_socket_addrs()?.any(|address| address == six) {
            endpoints.push(format!("/dns6/localhost/tcp/{}", six.port()));
        }
    }
    for endpoint in endpoints {
        runs(suite.ww().flags(["--ipfs", &endpoint]), &path)?;
    }
    Ok(())
}

fn ep_07_tls_is_dialled(suite: &Suite<'_>) -> Verdict {
    let path = script(suite)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut first = [0];
            stream.read_exact(&mut first).ok();
            if tell.send(first[0]).is_err() {
                break;
            }
        }
    });
    for endpoint in [
        format!("/ip4/127.0.0.1/tcp/{port}/https"),
        format!("/dns4/localhost/tcp/{port}/tls/http"),
        format!("https://127.0.0.1:{port}"),
    ] {
        let run = suite.ww().flags(["--ipfs", &endpoint]).binary(&path, ["x"]).run()?;
        run.refuses(1, "failed to get IPFS path", &path)?;
        // 22 is the content type of a TLS handshake (RFC 8446, section 5.1).
        run.same(format!("the first byte sent to {endpoint}"), told.try_recv().ok(), Some(22))?;
        while told.try_recv().is_ok() {}
    }
    Ok(())
}

fn ep_08_a_unix_socket_is_used(suite: &Suite<'_>) -> Verdict {
    let socket = suite.path("files").join("api.sock");
    relay::over_path(&socket, suite.node()?)?;
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    let path = script(suite)?;
    runs(suite.ww().flags(["--ipfs", &format!("/unix{}", socket.display())]), &path)
}

fn ep_09_urls_are_used(suite: &Suite<'_>) -> Verdict {
    let (path, node) = (script(suite)?, suite.node()?);
    let port = relay::over_tcp("127.0.0.1:0", node)?.port();
    for url in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}/")] {
        runs(suite.ww().flags(["--ipfs", &url]), &path)?;
    }
    Ok(())
}
