//! Programs from IPFS that run: paths, layouts, hashes, each kind of node.

use std::fs;
use std::net::TcpListener;

use crate::clauses::Profile;
use crate::invocation::Invocation;
use crate::node::{Import, Kind, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_01_a_file_is_fetched_and_runs_with_its_arguments),
    case!(ipfs_01_a_script_is_fetched_and_runs),
    case!(ipfs_01_a_node_in_a_container_serves),
    case!(ipfs_01_a_node_from_a_binary_serves),
    case!(ipfs_02_a_file_within_a_directory_runs),
    case!(ipfs_02_a_file_within_a_sharded_directory_runs),
    case!(ipfs_03_a_name_leads_to_a_file),
    case!(ipfs_04_a_file_runs_in_any_layout),
    case!(ipfs_05_a_raw_block_runs),
    case!(ipfs_06_a_file_runs_whatever_its_hash),
    case!(ipfs_06_a_file_inside_its_cid_needs_no_daemon),
    case!(exec_06_a_fetched_script_can_read_itself).needs(Profile::Ipfs),
    case!(exec_07_a_fetched_program_can_execute_itself_again).needs(Profile::Ipfs),
    case!(path_01_an_ipfs_path_is_never_looked_for_on_disk),
    case!(path_02_ipfs_urls_are_ipfs_paths),
];

/// A script that shows that it ran, and with what.
pub(crate) const SCRIPT: &str = "#!/bin/sh\necho \"ran $*\"\n";
/// The content of a tiny script that says as much.
const TINY: &str = "#!/bin/sh\nexit 7\n";

/// The script, made this long by a comment.
pub(crate) fn script_of(length: usize) -> Vec<u8> {
    let mut text = SCRIPT.as_bytes().to_vec();
    let mut line = 0;
    while text.len() < length {
        line += 1;
        text.extend_from_slice(format!("# line {line}\n").as_bytes());
    }
    text.truncate(length);
    text
}

/// An endpoint where nothing listens.
pub(crate) fn nobody() -> Verdict<String> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok(format!("/ip4/127.0.0.1/tcp/{port}"))
}

fn probe(suite: &Suite<'_>, node: &Node) -> Verdict<String> {
    node.add(fs::read(suite.probe())?, Import::default())
}

/// Checks that a path to [`SCRIPT`] runs.
pub(crate) fn runs(run: Invocation<'_>, path: &str) -> Verdict {
    run.binary(path, ["a", "b c"]).run()?.exits(0)?.prints("ran a b c\n")?.is_silent()?;
    Ok(())
}

fn ipfs_01_a_file_is_fetched_and_runs_with_its_arguments(suite: &Suite<'_>) -> Verdict {
    let path = format!("/ipfs/{}", probe(suite, suite.node()?)?);
    let run = suite.ww_with_node()?.binary(&path, ["facts", "", "two words", "--help"]).run()?;
    let facts = run.facts()?;
    run.same("its own name", facts.argv[0].as_str(), path.as_str())?;
    run.same("arguments", facts.rest(), &["", "two words", "--help"].map(str::to_owned)[..])?;
    suite.ww_with_node()?.binary(&path, ["exit", "7"]).run()?.exits(7)?.is_silent()?;
    Ok(())
}

fn ipfs_01_a_script_is_fetched_and_runs(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.add(SCRIPT, Import::default())?;
    runs(suite.ww_with_node()?, &format!("/ipfs/{cid}"))
}

fn serves(suite: &Suite<'_>, kind: Kind) -> Verdict {
    let node = suite.node_of(kind)?;
    let path = format!("/ipfs/{}", probe(suite, node)?);
    let run = suite.ww().flags(["--ipfs", &node.endpoint()]).binary(&path, ["print", "fetched"]).run()?;
    run.exits(0)?.prints("fetched")?.is_silent()?;
    Ok(())
}

fn ipfs_01_a_node_in_a_container_serves(suite: &Suite<'_>) -> Verdict {
    serves(suite, Kind::Container)
}

fn ipfs_01_a_node_from_a_binary_serves(suite: &Suite<'_>) -> Verdict {
    serves(suite, Kind::Binary)
}

fn ipfs_02_a_file_within_a_directory_runs(suite: &Suite<'_>) -> Verdict {
    let names = ["bin/name", "a name", "per%20cent", "ümlaut", "q?a=b&c#d", "plus+", "bin/deep/er/name"];
    let cid = suite.node()?.directory(names.map(|name| (name, SCRIPT.into())))?;
    for name in names {
        runs(suite.ww_with_node()?, &format!("/ipfs/{cid}/{name}"))?;
    }
    Ok(())
}

/// What [`sharded`] has: `tool`, and many long names.
pub(crate) fn sharded_files() -> Vec<(String, Vec<u8>)> {
    let long = "x".repeat(200);
    let many = (0..1_400).map(|at| (format!("{long}{at}"), at.to_string().into_bytes()));
    std::iter::once(("tool".to_owned(), SCRIPT.into())).chain(many).collect()
}

/// A directory of Kubo's that is sharded, for its names are many and long.
pub(crate) fn sharded(node: &Node) -> Verdict<String> {
    node.directory(sharded_files())
}

fn ipfs_02_a_file_within_a_sharded_directory_runs(suite: &Suite<'_>) -> Verdict {
    let cid = sharded(suite.node()?)?;
    runs(suite.ww_with_node()?, &format!("/ipfs/{cid}/tool"))
}

fn ipfs_03_a_name_leads_to_a_file(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let own = suite.scratch().file_name().unwrap_or_default().display();
    let key = |what| format!("ww-conformance-{what}-{own}");
    let file = node.publish(&format!("/ipfs/{}", node.add(SCRIPT, Import::default())?), &key("file"))?;
    runs(suite.ww_with_node()?, &file)?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    let folder = node.publish(&format!("/ipfs/{folder}"), &key("folder"))?;
    runs(suite.ww_with_node()?, &format!("{folder}/bin/name"))?;
    runs(suite.ww_with_node()?, &format!("{}/bin/name", folder.replace("/ipns/", "ipns://")))
}

fn ipfs_04_a_file_runs_in_any_layout(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let default = Import::default();
    let small = Some("size-1024");
    let layouts = [
        ("Qm", default),
        ("Qm", Import { chunker: small, ..default }),
        ("Qm", Import { trickle: Some(true), chunker: small, ..default }),
        ("Qm", Import { raw_leaves: Some(true), chunker: small, ..default }),
        ("bafybei", Import { version: Some(1), chunker: small, ..default }),
        ("bafybei", Import { version: Some(1), raw_leaves: Some(false), chunker: small, ..default }),
        ("bafybei", Import { version: Some(1), trickle: Some(true), chunker: small, ..default }),
        ("bafybei", Import { version: Some(1), chunker: Some("buzhash"), ..default }),
        ("bafkrei", Import { version: Some(1), chunker: Some("size-1048576"), ..default }),
    ];
    // Of 1 KiB blocks this is more than one node's links, so that there are two levels.
    let content = script_of(400 * 1024);
    for (prefix, layout) in layouts {
        let cid = node.add(content.clone(), layout)?;
        if !cid.starts_with(prefix) {
            return Err(crate::verdict::Stop::Harness(format!("{cid} isn't {prefix}…: {layout:?}")));
        }
        runs(suite.ww_with_node()?, &format!("/ipfs/{cid}"))?;
    }
    Ok(())
}

fn ipfs_05_a_raw_block_runs(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.block("raw", "sha2-256", SCRIPT.as_bytes())?;
    runs(suite.ww_with_node()?, &format!("/ipfs/{cid}"))
}

fn ipfs_06_a_file_runs_whatever_its_hash(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let content = script_of(20_000);
    for hash in ["sha2-256", "sha2-512", "blake2b-256", "blake3"] {
        let import = Import { hash: Some(hash), chunker: Some("size-4096"), version: Some(1), ..Import::default() };
        runs(suite.ww_with_node()?, &format!("/ipfs/{}", node.add(content.clone(), import)?))?;
    }
    // The last leaf, and it alone, is small enough for its CID.
    let mixed = Import { inline: Some(64), chunker: Some("size-19968"), version: Some(1), ..Import::default() };
    runs(suite.ww_with_node()?, &format!("/ipfs/{}", node.add(content, mixed)?))
}

fn ipfs_06_a_file_inside_its_cid_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    let import = Import { inline: Some(64), version: Some(1), ..Import::default() };
    let cid = suite.node()?.add(TINY, import)?;
    holds("the node puts it into its CID", cid.starts_with("bafkqa"), &cid)?;
    suite.ww().flags(["--ipfs", &nobody()?]).binary(format!("/ipfs/{cid}"), ["x"]).run()?.exits(7)?.is_silent()?;
    Ok(())
}

fn exec_06_a_fetched_script_can_read_itself(suite: &Suite<'_>) -> Verdict {
    let text = "#!/bin/sh\ncat -- \"$0\"\n";
    let path = format!("/ipfs/{}", suite.node()?.add(text, Import::default())?);
    suite.ww_with_node()?.binary(&path, [""; 0]).run()?.exits(0)?.prints(text)?.is_silent()?;
    Ok(())
}

fn exec_07_a_fetched_program_can_execute_itself_again(suite: &Suite<'_>) -> Verdict {
    let path = format!("/ipfs/{}", probe(suite, suite.node()?)?);
    let run = suite.ww_with_node()?.binary(&path, ["reexec", "reexec", "print", "again"]).run()?;
    run.exits(0)?.prints("again")?.is_silent()?;
    Ok(())
}

fn path_01_an_ipfs_path_is_never_looked_for_on_disk(suite: &Suite<'_>) -> Verdict {
    let nobody = nobody()?;
    for path in [
        "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        "/ipfs/bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/x",
        "/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r",
    ] {
        let run = suite.ww().flags(["--ipfs", &nobody]).binary(path, ["facts"]).run()?;
        run.refuses(1, "failed to get IPFS path", path)?;
    }
    Ok(())
}

fn path_02_ipfs_urls_are_ipfs_paths(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = node.add(SCRIPT, Import { version: Some(1), ..Import::default() })?;
    runs(suite.ww_with_node()?, &format!("ipfs://{cid}"))?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    runs(suite.ww_with_node()?, &format!("ipfs://{folder}/bin/name"))
}
