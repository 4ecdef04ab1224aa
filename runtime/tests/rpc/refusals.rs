//! What doesn't work, and the text that says so.

use ww_schema::system_capnp::i_p_f_s;

use crate::daemon::{Blocks, cid, identity, nobody};
use crate::session::{self, text};

async fn cat(ipfs: &i_p_f_s::Client, path: &[u8]) -> String {
    let mut request = ipfs.cat_request();
    request.get().set_cid(capnp::text::Reader(path));
    match request.send().promise.await {
        Ok(_) => panic!("{} is there", String::from_utf8_lossy(path)),
        Err(error) => text(error),
    }
}

#[test]
fn retrievals_that_fail_begin_with_the_phrase_and_name_the_path() {
    let mut blocks = Blocks::default();
    let directory = blocks.directory(&[]);
    let link = blocks.symlink("a");
    let silent = blocks.silent();
    let daemon = blocks.serve();
    let missing = cid(0x55, b"missing");
    session::run(async {
        let ipfs = session::ipfs(daemon);
        for (path, begins, has) in [
            (missing.to_string(), "failed to get IPFS path: /ipfs/", "not found locally"),
            (format!("/ipfs/{silent}"), "failed to get IPFS path: /ipfs/", "nothing came for 2 s"),
            (format!("/ipfs/{directory}/x"), "failed to get IPFS path: /ipfs/", "no `x`"),
            (format!("/ipfs/{directory}/.."), "failed to get IPFS path: /ipfs/", "`..`"),
            (format!("/ipfs/{directory}"), "unexpected node type: /ipfs/", "a directory"),
            (link.to_string(), "unexpected node type: /ipfs/", "a symlink"),
            (cid(0x71, b"\xa0").to_string(), "unexpected node type: /ipfs/", "dag-cbor"),
        ] {
            let said = cat(&ipfs, path.as_bytes()).await;
            assert!(said.starts_with(begins) && said.contains(path.trim_start_matches("/ipfs/")), "{path}: {said}");
            assert!(said.contains(has), "{path}: {said}");
        }
        let ipfs = session::ipfs(nobody());
        let said = cat(&ipfs, format!("/ipfs/{missing}").as_bytes()).await;
        assert!(said.starts_with(&format!("failed to get IPFS path: /ipfs/{missing}: connection refused")), "{said}");
    });
}

#[test]
fn what_isnt_a_path_is_refused_by_the_method() {
    session::run(async {
        let ipfs = session::ipfs(nobody());
        for path in ["", "x", "/etc/passwd", "/ipfs/", "/ipfs/nope", "bafy", "/ipns/%", "a\nb\x1b[31m"] {
            let said = cat(&ipfs, path.as_bytes()).await;
            assert!(said.starts_with("system.IPFS.cat: neither a CID nor an IPFS path: "), "{path:?}: {said}");
            assert!(!said.contains(char::is_control), "{said:?}");
        }
        let said = cat(&ipfs, b"/ipfs/\xff").await;
        assert_eq!(said, "system.IPFS.cat: the path isn't UTF-8");
        let long = cat(&ipfs, "x".repeat(1 << 20).as_bytes()).await;
        assert!(long.len() < 300, "{} bytes of text", long.len());
        let long = format!("/ipfs/{}/{}", identity(b"x"), "y".repeat(1 << 20));
        let said = cat(&ipfs, long.as_bytes()).await;
        assert!(said.starts_with("failed to get IPFS path: ") && said.len() < 400, "{said}");
    });
}

#[test]
fn more_than_the_limit_is_refused() {
    let mut blocks = Blocks::default();
    let file = blocks.file(9);
    let daemon = blocks.serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        let said = cat(&ipfs, file.to_string().as_bytes()).await;
        assert!(said.starts_with(&format!("system.IPFS.cat: /ipfs/{file}: larger than the 8388608 bytes")), "{said}");

        let mut request = ipfs.add_request();
        request.get().init_data((8 << 20) + 1);
        let said = text(request.send().promise.await.err().expect("too much"));
        assert_eq!(said, "system.IPFS.add: 8388609 bytes are more than the 8388608 of one call; use `write`");

        // A message of more than 9 MiB ends the connection, which says why.
        let mut request = ipfs.add_request();
        request.get().init_data(9 << 20);
        let said = text(request.send().promise.await.err().expect("too much"));
        assert!(said.contains("too large"), "{said}");
        assert!(cat(&ipfs, b"x").await.contains("too large"));
    });
}

#[test]
fn add_without_a_daemon_says_so() {
    session::run(async {
        let mut request = session::ipfs(nobody()).add_request();
        request.get().set_data(b"x");
        let said = text(request.send().promise.await.err().expect("nobody to add to"));
        assert!(said.starts_with("system.IPFS.add: connection refused"), "{said}");
    });
}

#[test]
fn each_method_answers_a_call_that_says_nothing_in_its_own_name() {
    session::run(async {
        let ipfs = session::ipfs(nobody());
        let mut refused = Vec::new();
        macro_rules! refused {
            ($($request:ident)*) => {$(
                refused.push(ipfs.$request().send().promise.await.err().expect("nothing to do"));
            )*};
        }
        refused! {
            add_request cat_request ls_request stat_request pin_request unpin_request pins_request id_request connect_request
            peers_request resolve_node_request read_request resolve_request get_block_request put_block_request
        }
        let methods = "add cat ls stat pin unpin pins id connect peers resolveNode read resolve getBlock putBlock";
        for (error, method) in refused.into_iter().zip(methods.split(' ')) {
            assert!(text(error.clone()).starts_with(&format!("system.IPFS.{method}: ")), "{error}");
        }
    });
}

#[test]
fn a_refusal_leaves_the_session_as_it_was() {
    session::run(async {
        let ipfs = session::ipfs(nobody());
        cat(&ipfs, b"x").await;
        let mut request = ipfs.cat_request();
        request.get().set_cid(identity(b"still here").to_string());
        let answer = request.send().promise.await.expect("an answer");
        assert_eq!(answer.get().expect("results").get_body().expect("a body"), b"still here");
    });
}
