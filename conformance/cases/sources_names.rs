//! Names by gateways: what is signed by the name's own key counts, and nothing else.

use std::io::Write;

use crate::cases::ipfs::{SCRIPT, nobody, runs};
use crate::cases::sources::PHRASE;
use crate::fake::record::{LATER, LONG_AGO, Signer};
use crate::fake::{Answer, Fake, gateway};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_41_a_signed_record_names_what_runs),
    case!(store_41_the_newest_record_counts),
    case!(store_41_a_record_that_isnt_in_force_names_nothing),
    case!(store_42_a_name_of_dns_takes_a_daemon),
];

/// A gateway with the node's blocks and this record for any name.
fn with_record(node: &Node, record: Vec<u8>) -> Verdict<Fake> {
    Ok(gateway(node, move |request, answer, stream| {
        if !request.target.contains("/ipns/") {
            return stream.write_all(&answer.bytes());
        }
        let content_type = "application/vnd.ipfs.ipns-record".into();
        stream.write_all(&Answer { status: 200, content_type, body: record.clone() }.bytes())
    })?)
}

/// The paths of two scripts, the second of which says `bad`.
fn scripts(node: &Node) -> Verdict<(String, String)> {
    let path = |content: String| -> Verdict<String> {
        Ok(format!("/ipfs/{}", node.add(content, Import { version: Some(1), ..Import::default() })?))
    };
    Ok((path(SCRIPT.into())?, path(SCRIPT.replace("ran", "bad"))?))
}

fn store_41_a_signed_record_names_what_runs(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let signer = Signer::new(1);
    let fake = with_record(node, signer.record(&scripts(node)?.0, LATER, 1))?;
    let run = || -> Verdict<_> { Ok(suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &fake.url()])) };
    runs(run()?, &format!("/ipns/{}", signer.name()))?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    let fake = with_record(node, signer.record(&format!("/ipfs/{folder}"), LATER, 2))?;
    let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &fake.url()]);
    runs(run, &format!("/ipns/{}/bin/name", signer.name()))
}

fn store_41_the_newest_record_counts(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let signer = Signer::new(1);
    let (now, before) = scripts(node)?;
    let (old, new) =
        (with_record(node, signer.record(&before, LATER, 1))?, with_record(node, signer.record(&now, LATER, 2))?);
    for order in [[&old, &new], [&new, &old]] {
        let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &order[0].url(), "--gateway", &order[1].url()]);
        runs(run, &format!("/ipns/{}", signer.name()))?;
    }
    Ok(())
}

fn store_41_a_record_that_isnt_in_force_names_nothing(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (signer, other) = (Signer::new(1), Signer::new(2));
    let target = scripts(node)?.0;
    let sound = signer.record(&target, LATER, 1);
    let changed = |at: usize| {
        let mut record = sound.clone();
        record[at] ^= 1;
        record
    };
    let path = format!("/ipns/{}", signer.name());
    for (what, record) in [
        ("expired", signer.record(&target, LONG_AGO, 1)),
        ("another key's", other.record(&target, LATER, 1)),
        ("one bit of its signature", changed(sound.len() - 200)),
        ("its last bit", changed(sound.len() - 1)),
        ("cut", sound[..sound.len() - 1].to_vec()),
        ("empty", vec![]),
        ("long", vec![0; 1 << 20]),
        ("no path", signer.record("http://127.0.0.1/", LATER, 1)),
    ] {
        let fake = with_record(node, record)?;
        let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &fake.url()]).binary(&path, ["x"]).run()?;
        run.holds(what, run.report.code == Some(1))?;
        run.refuses(1, PHRASE, &path)?;
        run.holds("the gateway is named", run.first_line().contains(&fake.url()))?;
        holds("it was asked", fake.connections() > 0, what)?;
    }
    Ok(())
}

fn store_42_a_name_of_dns_takes_a_daemon(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = "/ipns/ww-conformance.example.com";
    let fake = with_record(node, Signer::new(1).record(&scripts(node)?.0, LATER, 1))?;
    let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &fake.url()]).binary(path, ["x"]).run()?;
    run.refuses(1, PHRASE, path)?;
    let line = run.first_line().to_lowercase();
    run.holds("it says that a daemon resolves it", line.contains("daemon") && line.contains("dns"))?;
    Ok(())
}
