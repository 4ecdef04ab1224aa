//! The IPFS endpoint, as far as no daemon is needed: what is refused, and what isn't dialled.

use std::net::TcpListener;

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail};

pub(crate) const CASES: &[Case] = &[
    case!(ep_10_an_endpoint_that_cant_be_parsed_is_refused),
    case!(ep_10_an_endpoint_in_ww_ipfs_that_cant_be_parsed_is_refused),
    case!(ep_11_a_local_program_dials_nothing),
];

const ILL_FORMED: [&str; 12] = [
    "nonsense",
    "/",
    "/ip4",
    "/ip4/127.0.0.1",
    "/ip4/300.0.0.1/tcp/5001",
    "/ip4/127.0.0.1/tcp/70000",
    "/ip4/127.0.0.1/tcp/port/http",
    "/dns4//tcp/5001",
    "/ip4/127.0.0.1/udp/5001",
    "ftp://127.0.0.1:5001",
    "http://",
    "127.0.0.1:5001",
];

fn ep_10_an_endpoint_that_cant_be_parsed_is_refused(suite: &Suite<'_>) -> Verdict {
    for endpoint in ILL_FORMED {
        suite.ww().flags(["--ipfs", endpoint]).probe(["facts"]).run()?.refuses(2, "", endpoint)?;
    }
    suite.ww().flags(["--ipfs", ""]).probe(["facts"]).run()?.refuses(2, "", "--ipfs")?;
    Ok(())
}

fn ep_10_an_endpoint_in_ww_ipfs_that_cant_be_parsed_is_refused(suite: &Suite<'_>) -> Verdict {
    for endpoint in ILL_FORMED {
        suite.ww().env("WW_IPFS", endpoint).probe(["facts"]).run()?.refuses(2, "", endpoint)?;
    }
    Ok(())
}

fn ep_11_a_local_program_dials_nothing(suite: &Suite<'_>) -> Verdict {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let endpoint = format!("/ip4/127.0.0.1/tcp/{}/http", listener.local_addr()?.port());
    suite.ww().flags(["--ipfs", &endpoint]).probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    suite.ww().env("WW_IPFS", &endpoint).probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    if let Ok((_, peer)) = listener.accept() {
        return fail("a local program makes no connection to the daemon", format!("one from {peer}"));
    }
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let endpoint = format!("/ip4/127.0.0.1/tcp/{nobody}/http");
    suite.ww().flags(["--ipfs", &endpoint]).probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    Ok(())
}
