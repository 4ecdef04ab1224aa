//! Pins what a cell that was built years ago calls by: the ids of files and interfaces, the ordinals of methods.

use std::path::Path;
use std::process::Command;

use capnp::message::ReaderOptions;
use capnp::schema_capnp::{code_generator_request, node};
use capnp::traits::HasTypeId;
use ww_schema::{anchor_capnp as anchor, system_capnp as system};

const METHODS: &[(&str, u64, &[&str])] = &[
    ("Host", 0x9e59_aede_f7c4_667a, &["ipfs"]),
    (
        "IPFS",
        0xf07e_5f02_273b_1d4b,
        &[
            "add",
            "cat",
            "ls",
            "stat",
            "pin",
            "unpin",
            "pins",
            "id",
            "connect",
            "peers",
            "resolveNode",
            "read",
            "write",
            "resolve",
            "getBlock",
            "putBlock",
        ],
    ),
    ("ByteSink", 0xb9ea_7f79_adc6_95c6, &["write", "end"]),
    ("Upload", 0xd02f_f274_7101_6d7b, &["finish"]),
    ("Block", 0xa6a3_6110_b9b2_4f44, &["cid", "rawData"]),
    ("Resolver", 0x9721_c5b1_50e3_79b1, &["resolvePath", "tree"]),
    ("Node", 0xe4d7_f77e_f9c6_43ff, &["resolveLink", "copy", "links", "stat", "size"]),
];

#[test]
fn interfaces_have_the_published_ids() {
    let ids = [
        ("Host", system::host::Client::TYPE_ID),
        ("IPFS", system::i_p_f_s::Client::TYPE_ID),
        ("ByteSink", system::byte_sink::Client::TYPE_ID),
        ("Upload", system::upload::Client::TYPE_ID),
        ("Block", anchor::block::Client::TYPE_ID),
        ("Resolver", anchor::resolver::Client::TYPE_ID),
        ("Node", anchor::node::Client::TYPE_ID),
    ];
    for (name, id) in ids {
        let published = METHODS.iter().find(|(interface, ..)| *interface == name).expect("a published interface");
        assert_eq!(id, published.1, "{name}: {id:#x}");
    }
    assert_eq!(ids.len(), METHODS.len());
}

#[test]
fn methods_have_the_published_ordinals() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("capnp");
    command.current_dir(schema).env("PWD", schema).args(["compile", "-o-", "system.capnp", "anchor.capnp"]);
    let output = command.output().expect("`capnp` runs (`apt-get install capnproto libcapnp-dev` on Debian)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let request = capnp::serialize::read_message(&mut output.stdout.as_slice(), ReaderOptions::new());
    let request = request.expect("a message of the schema compiler");
    let request = request.get_root::<code_generator_request::Reader<'_>>().expect("a request");

    let nodes = request.get_nodes().expect("nodes");
    for (name, id, published) in METHODS {
        let node = nodes.iter().find(|node| node.get_id() == *id).unwrap_or_else(|| panic!("no interface {name}"));
        let Ok(node::Interface(interface)) = node.which() else { panic!("{name} isn't an interface") };
        // The compiler lists methods by ordinal.
        let methods = interface.get_methods().expect("methods");
        let methods: Vec<String> =
            methods.iter().map(|method| method.get_name().expect("a name").to_string().expect("UTF-8")).collect();
        assert_eq!(methods, *published, "{name}");
    }
    for id in [0xda96_5b22_da73_4daf, 0xdd88_5ad0_27c7_a7c5] {
        assert!(request.get_requested_files().expect("files").iter().any(|file| file.get_id() == id), "{id:#x}");
    }
}
