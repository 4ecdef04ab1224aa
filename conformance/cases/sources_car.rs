//! Whole trees out of a gateway's CAR: in few answers, and nothing is taken of one that isn't the tree's.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use crate::cases::export::store;
use crate::cases::import::{imported, tree};
use crate::cases::ipfs::script_of;
use crate::cases::ipfs_faults::hasty;
use crate::cases::sources::{PHRASE, script};
use crate::cases::telling::from;
use crate::fake::{CarFault, Fake, Fault, broken_cars, broken_gateway, gateway, honest_gateway};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_35_nothing_of_a_broken_gateway_is_written),
    case!(store_60_a_tree_comes_whole_whatever_its_car_is),
    case!(store_60_what_nobody_asked_for_is_not_kept),
    case!(store_61_a_tree_comes_in_a_few_answers),
    case!(store_61_a_file_of_a_gateway_that_is_far_comes_in_a_few_answers),
];

/// A tree with directories in it, no block of which another `name` has: its path, and what is written of it.
fn made(node: &Node, name: &str) -> Verdict<(String, BTreeMap<String, Vec<u8>>)> {
    let content = |n: usize| format!("{name} {n}\n").repeat(40 * n).into_bytes();
    let files: BTreeMap<String, Vec<u8>> =
        (1..=40).map(|n| (format!("d{}/e{}/f{n}", n % 3, n % 2), content(n))).collect();
    let cid = node.directory(files.clone())?;
    let folders = (0..3).flat_map(|d| [format!("d{d}"), format!("d{d}/e0"), format!("d{d}/e1")]);
    let wanted = files.into_iter().chain(folders.map(|folder| (folder, b"/".to_vec()))).collect();
    Ok((format!("/ipfs/{cid}"), wanted))
}

/// A program of one block, which nothing else links to: its CID, and the block.
fn stranger(node: &Node) -> Verdict<(String, Vec<u8>)> {
    let block = script_of(700);
    Ok((node.add(block.clone(), Import { version: Some(1), raw_leaves: Some(true), ..Import::default() })?, block))
}

fn store_35_nothing_of_a_broken_gateway_is_written(suite: &Suite<'_>) -> Verdict {
    let (path, _) = made(suite.node()?, "never")?;
    for some in Fault::ALL.chunks(5) {
        let mut started = Vec::new();
        for fault in some {
            let (gateway, to) = (broken_gateway(suite.node()?, *fault)?, suite.path("data").join(format!("{fault:?}")));
            let run = hasty(suite, suite.tool("import").flags(from(&gateway)?)).may_leave_files();
            let run = run.flags([path.as_bytes(), to.as_os_str().as_encoded_bytes()]).start()?;
            started.push((fault, to, run, gateway));
        }
        for (fault, to, run, _gateway) in started {
            let run = run.finish()?;
            run.holds(format!("{fault:?}"), run.report.code == Some(1))?;
            run.refuses(1, PHRASE, &path)?;
            holds("nothing is written", !to.exists(), to.display())?;
        }
    }
    Ok(())
}

fn store_60_a_tree_comes_whole_whatever_its_car_is(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (cid, block) = stranger(node)?;
    for fault in CarFault::ALL {
        let (path, wanted) = made(node, &format!("{fault:?}"))?;
        let (gateway, to) = (broken_cars(node, fault, (&cid, &block))?, suite.path("data").join(format!("{fault:?}")));
        imported(hasty(suite, store(suite, suite.tool("import"))).flags(from(&gateway)?), &path, &to)?;
        holds(format!("{fault:?}: it is what was to be written"), tree(&to)? == wanted, to.display())?;
    }
    store(suite, suite.tool("store")).flags(["verify"]).run()?.exits(0)?;
    Ok(())
}

fn store_60_what_nobody_asked_for_is_not_kept(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (cid, block) = stranger(node)?;
    for fault in [CarFault::Stranger, CarFault::Another] {
        let (path, _) = made(node, &format!("{fault:?}"))?;
        let gateway = broken_cars(node, fault, (&cid, &block))?;
        let to = suite.path("data").join(format!("{fault:?}"));
        imported(store(suite, suite.tool("import")).flags(from(&gateway)?), &path, &to)?;
        let path = format!("/ipfs/{cid}");
        let run = store(suite, suite.ww()).flags(["--offline"]).binary(&path, ["x"]).run()?;
        run.refuses(1, PHRASE, &path)?;
    }
    Ok(())
}

/// A gateway that is some way off.
fn far(node: &Node) -> Verdict<Fake> {
    Ok(gateway(node, |_, answer, stream| {
        sleep(Duration::from_millis(30));
        stream.write_all(&answer.bytes())
    })?)
}

fn is_asked_little(gateway: &Fake, blocks: usize) -> Verdict {
    let asked = gateway.targets();
    holds(format!("it isn't asked for each of {blocks} blocks"), (1..=blocks / 4).contains(&asked.len()), asked)
}

fn store_61_a_tree_comes_in_a_few_answers(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for (name, gateway) in [("near", honest_gateway(node)?), ("far", far(node)?)] {
        let (path, wanted) = made(node, name)?;
        let to = suite.path("data").join(name);
        imported(suite.tool("import").flags(from(&gateway)?), &path, &to)?;
        same("what is written", tree(&to)?, wanted)?;
        is_asked_little(&gateway, 50)?;
    }
    Ok(())
}

fn store_61_a_file_of_a_gateway_that_is_far_comes_in_a_few_answers(suite: &Suite<'_>) -> Verdict {
    let gateway = far(suite.node()?)?;
    let path = script(suite.node()?, 200)?;
    suite.ww().flags(from(&gateway)?).binary(&path, ["x"]).run()?.exits(0)?.prints("ran x\n")?;
    is_asked_little(&gateway, 200)
}
