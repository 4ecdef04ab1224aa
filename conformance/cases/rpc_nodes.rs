//! IPLD nodes: `Node` of the schema, on blocks of each codec.

#[path = "rpc_nodes/bounds.rs"]
mod bounds;

use serde_json::{Value, json};

use crate::cases::ipfs::SCRIPT;
use crate::cases::rpc_methods::{ask, failed, ok};
use crate::node::unixfs::{self, cid_bytes};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, same};
use bounds::{
    rpc_36_ill_formed_blocks_are_exceptions, rpc_36_nesting_without_end_is_an_exception,
    rpc_37_nodes_are_bounded_and_given_back, rpc_38_what_no_message_holds_is_refused,
};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_30_a_node_is_its_cid_and_its_block),
    case!(rpc_31_a_path_leads_to_the_first_link),
    case!(rpc_32_a_tree_is_of_the_block_alone),
    case!(rpc_33_links_are_the_blocks),
    case!(rpc_33_the_first_link_on_a_path),
    case!(rpc_34_sizes_are_the_blocks_and_its_links),
    case!(rpc_35_a_path_goes_through_every_codec),
    case!(rpc_36_ill_formed_blocks_are_exceptions),
    case!(rpc_36_nesting_without_end_is_an_exception),
    case!(rpc_37_nodes_are_bounded_and_given_back),
    case!(rpc_38_what_no_message_holds_is_refused),
];

/// One block of each codec, all about the same.
pub(crate) struct Sample {
    /// A raw block.
    pub(crate) leaf: String,
    /// A node of dag-pb that isn't UnixFS, with a link `x` to the leaf.
    pub(crate) pb: String,
    /// A map of dag-cbor: a link at `a/l` to the node above, one at `a/n/1/x` to the leaf, and odd names.
    pub(crate) cbor: String,
    /// The same as dag-json.
    pub(crate) json: String,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn binary(cid: &str) -> Verdict<Vec<u8>> {
    cid_bytes(cid).map_or_else(|| fail("a CID of version 1 from the node", cid), Ok)
}

/// A text of dag-cbor.
fn text(text: &str) -> Vec<u8> {
    [&[0x60 | u8::try_from(text.len()).unwrap_or(0)][..], text.as_bytes()].concat()
}

/// A link of dag-cbor: tag 42 before bytes that begin with a zero.
pub(super) fn link(cid: &str) -> Verdict<Vec<u8>> {
    let cid = binary(cid)?;
    let length = u8::try_from(cid.len() + 1).unwrap_or(0);
    let length = if length < 24 { vec![0x40 | length] } else { vec![0x58, length] };
    Ok([&[0xd8, 0x2a], &length[..], &[0], &cid].concat())
}

pub(crate) fn sample(node: &Node) -> Verdict<Sample> {
    let leaf = node.block("raw", "sha2-256", b"a leaf")?;
    let pb = unixfs::node(&[("x", &binary(&leaf)?, 6), ("y/z", &binary(&leaf)?, 6)], b"no UnixFS");
    let pb = node.block("dag-pb", "sha2-256", &pb)?;
    let list = [&[0x82, 0x01, 0xa1][..], &text("x"), &link(&leaf)?].concat();
    let inner = [&[0xa3][..], &text(""), &[0xf6], &text("l"), &link(&pb)?, &text("n"), &list].concat();
    let cbor = [&[0xa3][..], &text("a"), &inner, &text("b"), &[0x42, 1, 2], &text("c/d"), &[0x18, 0x2a]].concat();
    let cbor = node.block("dag-cbor", "sha2-256", &cbor)?;
    let json = format!(
        r#"{{"a":{{"":null,"l":{{"/":"{pb}"}},"n":[1,{{"x":{{"/":"{leaf}"}}}}]}},"b":{{"/":{{"bytes":"AQI"}}}},"c/d":42}}"#
    );
    let json = node.block("dag-json", "sha2-256", json.as_bytes())?;
    Ok(Sample { leaf, pb, cbor, json })
}

/// Asks each, one after the other, and compares what must succeed. A tree may be told in any order.
fn all(suite: &Suite<'_>, expected: &[(&str, String, Value)]) -> Verdict {
    let calls: Vec<_> = expected.iter().map(|(verb, word, _)| (*verb, word.as_str())).collect();
    for ((call, answer), (verb, _, wanted)) in calls.iter().zip(&ask(suite, &calls)?).zip(expected) {
        let mut found = ok(*call, answer)?.clone();
        if let (&"node-tree", Value::Array(paths)) = (verb, &mut found) {
            paths.sort_by_key(|path| path.as_str().map(str::to_owned));
        }
        same(format!("{call:?}"), &found, wanted)?;
    }
    Ok(())
}

fn rpc_30_a_node_is_its_cid_and_its_block(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let Sample { leaf, pb, cbor, json } = sample(node)?;
    let large = node.block("raw", "sha2-256", &[7; 1 << 20])?;
    let mut expected = vec![("node-data-length", large, json!(1 << 20))];
    for cid in [leaf, pb, cbor, json] {
        let binary = json!(hex(&binary(&cid)?));
        expected.push(("node-data", cid.clone(), json!(hex(&node.block_of(&cid)?))));
        expected.push(("node-cid", format!("/ipfs/{cid}"), binary.clone()));
        expected.push(("node-copy", cid, binary));
    }
    // Content inside its CID.
    expected.push(("node-data", "bafkqac3imvwgy3zmebrwk3dm".into(), json!(hex(b"hello, cell"))));
    all(suite, &expected)
}

fn rpc_31_a_path_leads_to_the_first_link(suite: &Suite<'_>) -> Verdict {
    let Sample { leaf, pb, cbor, json } = sample(suite.node()?)?;
    let at = |cid: &str, left: &[&str]| {
        Ok::<_, crate::verdict::Stop>(json!({ "cid": hex(&binary(cid)?), "remaining": left }))
    };
    let mut expected = Vec::new();
    for cid in [&cbor, &json] {
        expected.push(("node-path", format!("{cid} a/l"), at(&pb, &[])?));
        expected.push(("node-path", format!("{cid} a/l/x/y"), at(&pb, &["x", "y"])?));
        expected.push(("node-path", format!("{cid} a/n/1/x"), at(&leaf, &[])?));
        expected.push(("node-path", format!("{cid} a/n/1"), at(cid, &["a", "n", "1"])?));
        expected.push(("node-path", format!("{cid} c%2Fd"), at(cid, &["c/d"])?));
        expected.push(("node-path", cid.clone(), at(cid, &[])?));
    }
    expected.push(("node-path", format!("{pb} x/more"), at(&leaf, &["more"])?));
    expected.push(("node-path", format!("{pb} y%2Fz"), at(&leaf, &[])?));
    expected.push(("node-path", leaf.clone(), at(&leaf, &[])?));
    all(suite, &expected)?;
    let nowhere = [
        format!("{cbor} q"),
        format!("{cbor} a/n/2"),
        format!("{cbor} a/n/x"),
        format!("{json} b/0"),
        format!("{json} a/n/0/x"),
        format!("{pb} Links/0"),
        format!("{leaf} x"),
    ];
    let calls: Vec<_> = nowhere.iter().map(|word| ("node-path", word.as_str())).collect();
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        failed(*call, answer, "failed to get IPFS path: ", call.1.split(' ').next().unwrap_or_default())?;
    }
    Ok(())
}

fn rpc_32_a_tree_is_of_the_block_alone(suite: &Suite<'_>) -> Verdict {
    let Sample { leaf, pb, cbor, json } = sample(suite.node()?)?;
    let mut expected = Vec::new();
    for cid in [&cbor, &json] {
        // Odd names are left out, and what is below them.
        expected.push((
            "node-tree",
            format!("{cid}  -1"),
            json!(["a", "a/l", "a/n", "a/n/0", "a/n/1", "a/n/1/x", "b"]),
        ));
        expected.push(("node-tree", format!("{cid}  1"), json!(["a", "b"])));
        expected.push(("node-tree", format!("{cid}  0"), json!([])));
        expected.push(("node-tree", format!("{cid} a 1"), json!(["l", "n"])));
        expected.push(("node-tree", format!("{cid} a/n -1"), json!(["0", "1", "1/x"])));
        expected.push(("node-tree", format!("{cid} a/l -1"), json!([])));
    }
    expected.push(("node-tree", format!("{pb}  -1"), json!(["x"])));
    expected.push(("node-tree", format!("{leaf}  -1"), json!([])));
    all(suite, &expected)?;
    let word = format!("{cbor} a/q -1");
    let call = ("node-tree", word.as_str());
    failed(call, &ask(suite, &[call])?[0], "failed to get IPFS path: ", &cbor)
}

fn rpc_33_links_are_the_blocks(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let Sample { leaf, pb, cbor, json } = sample(node)?;
    let link = |name: &str, size: u64, cid: &str| {
        Ok::<_, crate::verdict::Stop>(json!({ "name": name, "size": size, "cid": hex(&binary(cid)?) }))
    };
    let below = json!([link("a/l", 0, &pb)?, link("a/n/1/x", 0, &leaf)?]);
    let named = json!([link("x", 6, &leaf)?, link("y/z", 6, &leaf)?]);
    let lone = node.block("dag-json", "sha2-256", format!(r#"[{{"/":"{leaf}"}},{{"/":1}}]"#).as_bytes())?;
    all(
        suite,
        &[
            ("node-links", cbor, below.clone()),
            ("node-links", json, below),
            ("node-links", pb, named),
            ("node-links", lone, json!([link("0", 0, &leaf)?])),
            ("node-links", leaf, json!([])),
        ],
    )
}

fn rpc_33_the_first_link_on_a_path(suite: &Suite<'_>) -> Verdict {
    let Sample { leaf, pb, cbor, json } = sample(suite.node()?)?;
    let at = |name: &str, size: u64, cid: &str, left: &[&str]| {
        let link = json!({ "name": name, "size": size, "cid": hex(&binary(cid)?) });
        Ok::<_, crate::verdict::Stop>(json!({ "link": link, "remaining": left }))
    };
    let mut expected = vec![("node-link", format!("{pb} x/y"), at("x", 6, &leaf, &["y"])?)];
    for cid in [&cbor, &json] {
        expected.push(("node-link", format!("{cid} a/l"), at("a/l", 0, &pb, &[])?));
        expected.push(("node-link", format!("{cid} a/n/1/x/b/c"), at("a/n/1/x", 0, &leaf, &["b", "c"])?));
    }
    all(suite, &expected)?;
    let (inside, root, nowhere) = (format!("{cbor} a/n"), cbor.clone(), format!("{json} a/q"));
    let calls = [("node-link", inside.as_str()), ("node-link", &root), ("node-link", &nowhere)];
    let said = ask(suite, &calls)?;
    failed(calls[0], &said[0], "system.IPFS.resolveNode: ", "")?;
    failed(calls[1], &said[1], "system.IPFS.resolveNode: ", "")?;
    failed(calls[2], &said[2], "failed to get IPFS path: ", &json)
}

fn rpc_34_sizes_are_the_blocks_and_its_links(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let Sample { leaf, pb, cbor, json } = sample(node)?;
    let mut expected = Vec::new();
    for (cid, links, data, below) in [(leaf, 0, None, 0), (pb, 2, Some(9), 12), (cbor, 2, None, 0), (json, 2, None, 0)]
    {
        let block = node.block_of(&cid)?.len();
        let data = data.unwrap_or(block);
        let stat = json!({
            "hash": hex(&binary(&cid)?),
            "links": links,
            "block": block,
            "of_links": block - data,
            "of_data": data,
            "cumulative": block + below,
        });
        expected.push(("node-size", cid.clone(), json!(block + below)));
        expected.push(("node-stat", cid, stat));
    }
    all(suite, &expected)
}

fn rpc_35_a_path_goes_through_every_codec(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let Sample { leaf, pb, cbor, json } = sample(node)?;
    let file = node.add(SCRIPT, Import { version: Some(1), ..Import::default() })?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    let sharded = crate::cases::ipfs::sharded(node)?;
    let top = [&[0x82][..], &link(&folder)?, &link(&sharded)?].concat();
    let top = node.block("dag-cbor", "sha2-256", &top)?;
    let resolved = |cid: &str, codec: u64| json!({ "cid": cid, "codec": codec });
    let mut expected = vec![
        ("resolve", format!("/ipfs/{top}/0/bin/name"), resolved(&file, 0x55)),
        ("cat", format!("/ipfs/{top}/0/bin/name"), json!(SCRIPT.escape_default().to_string())),
        ("cat", format!("/ipfs/{top}/1/tool"), json!(SCRIPT.escape_default().to_string())),
        ("resolve", format!("/ipfs/{top}/0"), resolved(&folder, 0x70)),
        ("resolve", format!("/ipfs/{pb}/x"), resolved(&leaf, 0x55)),
    ];
    for (cid, codec) in [(&cbor, 0x71), (&json, 0x0129)] {
        expected.push(("resolve", format!("/ipfs/{cid}/a/l/x"), resolved(&leaf, 0x55)));
        expected.push(("resolve", format!("/ipfs/{cid}/a/n/1/x"), resolved(&leaf, 0x55)));
        expected.push(("cat", format!("/ipfs/{cid}/a/l/x"), json!("a leaf")));
        expected.push(("resolve", format!("/ipfs/{cid}/a/n"), resolved(cid, codec)));
        expected.push(("node-links-length", format!("/ipfs/{cid}/a/n"), json!(2)));
    }
    all(suite, &expected)?;
    let words = [format!("/ipfs/{cbor}/a/q"), format!("/ipfs/{json}/a/n/7"), format!("/ipfs/{top}/0/bin/q")];
    let calls: Vec<_> = words.iter().map(|word| ("resolve", word.as_str())).collect();
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        failed(*call, answer, "failed to get IPFS path: ", call.1)?;
    }
    // A value isn't a file.
    let word = format!("/ipfs/{cbor}/b");
    let call = ("cat", word.as_str());
    failed(call, &ask(suite, &[call])?[0], "unexpected node type: ", &word)
}
