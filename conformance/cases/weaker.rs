//! Nothing that others say is a reason for less isolation: cells, daemons, content.

use std::fs;

use super::jail::is_jailed;
use crate::cases::ipfs::nobody;
use crate::clauses::Profile;
use crate::fake::Fake;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(self_07_what_a_cell_says_weakens_no_cell),
    case!(self_07_the_words_of_a_cell_weaken_no_cell),
    case!(self_07_a_daemon_weakens_no_cell).needs(Profile::Ipfs),
    case!(self_07_content_weakens_no_cell).needs(Profile::Ipfs),
];

fn self_07_what_a_cell_says_weakens_no_cell(suite: &Suite<'_>) -> Verdict {
    let hostile = suite.ww().probe(["rpc-garbage-then-exit", "6", "3"]).with_input().start()?;
    hostile.hears("ready", 1)?;
    // Beside it, and after it.
    is_jailed(&suite.ww().probe(["facts"]).run()?.facts()?)?;
    hostile.finish()?.exits(6)?;
    is_jailed(&suite.ww().probe(["facts"]).run()?.facts()?)
}

fn self_07_the_words_of_a_cell_weaken_no_cell(suite: &Suite<'_>) -> Verdict {
    for words in [["facts", "--jail", "none"], ["facts", "--", "--jail=none"]] {
        is_jailed(&suite.ww().probe(words).run()?.facts()?)?;
    }
    let variables = ["--env", "WW_JAIL=none", "--env", "JAIL=none"];
    is_jailed(&suite.ww().flags(variables).probe(["facts"]).run()?.facts()?)?;
    let named = suite.probe_at("files/--jail=none")?;
    is_jailed(&suite.ww().binary(named, ["facts"]).run()?.facts()?)
}

fn self_07_a_daemon_weakens_no_cell(suite: &Suite<'_>) -> Verdict {
    let lies = b"HTTP/1.1 200 OK\r\nWW-Jail: none\r\nX-Jail: none\r\nContent-Length: 11\r\n\r\n--jail=none";
    let liar = Fake::sending(lies.as_slice())?;
    for endpoint in [liar.endpoint(), nobody()?] {
        let path = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";
        suite.ww().flags(["--ipfs", &endpoint]).binary(path, ["facts"]).run()?.refuses(
            1,
            "failed to get IPFS path",
            path,
        )?;
        is_jailed(&suite.ww().flags(["--ipfs", &endpoint]).probe(["facts"]).run()?.facts()?)?;
    }
    Ok(())
}

fn self_07_content_weakens_no_cell(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let probe = node.add(fs::read(suite.probe())?, Import::default())?;
    is_jailed(&suite.ww_with_node()?.binary(format!("/ipfs/{probe}"), ["facts"]).run()?.facts()?)?;
    is_jailed(&suite.ww_with_node()?.binary(format!("/ipfs/{probe}"), ["facts", "--jail", "none"]).run()?.facts()?)
}
