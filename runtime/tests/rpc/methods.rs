//! What works: `add`, `cat`, `ls`, `stat`.

use ww_schema::system_capnp::{EntryType, i_p_f_s, node_info};

use crate::daemon::{Blocks, added, identity, nobody};
use crate::session;

async fn cat(ipfs: &i_p_f_s::Client, path: &str) -> Result<Vec<u8>, capnp::Error> {
    let mut request = ipfs.cat_request();
    request.get().set_cid(path);
    let answer = request.send().promise.await?;
    Ok(answer.get()?.get_body()?.to_vec())
}

#[test]
fn an_identity_cid_needs_no_daemon() {
    session::run(async {
        let ipfs = session::ipfs(nobody());
        let cid = identity(b"inside");
        for path in [format!("/ipfs/{cid}"), cid.to_string()] {
            assert_eq!(cat(&ipfs, &path).await.expect(&path), b"inside");
        }
    });
}

#[test]
fn cat_gives_files_of_every_size_up_to_its_limit() {
    let mut blocks = Blocks::default();
    let files = [(blocks.raw(b""), 0), (blocks.raw(b"small"), 5), (blocks.raw(&[7; 200 << 10]), 200 << 10)];
    let largest = (blocks.file(8), 8 << 20);
    let daemon = blocks.serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        for (cid, size) in files.into_iter().chain([largest]) {
            let body = cat(&ipfs, &format!("/ipfs/{cid}")).await.expect("a file");
            assert_eq!(body.len(), size);
        }
        assert!(cat(&ipfs, &largest.0.to_string()).await.expect("a file").iter().all(|byte| *byte == b'm'));
    });
}

#[test]
fn calls_in_flight_are_all_answered() {
    let mut blocks = Blocks::default();
    let large = blocks.file(8).to_string();
    let small = blocks.raw(b"small").to_string();
    let daemon = blocks.serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        let calls = (0..64).map(|n| cat(&ipfs, if n % 16 == 0 { &large } else { &small }));
        for body in futures::future::join_all(calls).await {
            assert!([5, 8 << 20].contains(&body.expect("a file").len()));
        }
    });
}

#[test]
fn ls_gives_entries_with_type_size_and_cid() {
    let mut blocks = Blocks::default();
    let file = blocks.raw(b"twelve bytes");
    let link = blocks.symlink("a");
    let inner = blocks.directory(&[]);
    let directory = blocks.directory(&[("a", file, 12), ("b", inner, 4), ("c", link, 7)]);
    let daemon = blocks.serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        let mut request = ipfs.ls_request();
        request.get().set_path(format!("/ipfs/{directory}"));
        let answer = request.send().promise.await.expect("an answer");
        let entries = answer.get().expect("results").get_entries().expect("entries");
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let name = entry.get_name().expect("a name").to_string().expect("UTF-8");
                let cid = entry.get_cid().expect("a CID").to_string().expect("UTF-8");
                (name, entry.get_type().expect("a type"), entry.get_size(), cid)
            })
            .collect();
        let expected =
            |name: &str, entry_type, size, cid: cid::Cid| (name.to_owned(), entry_type, size, cid.to_string());
        assert_eq!(
            entries,
            [
                expected("a", EntryType::File, 12, file),
                expected("b", EntryType::Directory, 0, inner),
                expected("c", EntryType::Symlink, 1, link),
            ]
        );

        let mut request = ipfs.ls_request();
        request.get().set_path(file.to_string());
        let answer = request.send().promise.await.expect("an answer");
        assert_eq!(answer.get().expect("results").get_entries().expect("entries").len(), 0);
    });
}

#[test]
fn stat_tells_files_directories_and_symlinks_apart() {
    let mut blocks = Blocks::default();
    let file = blocks.raw(b"twelve bytes");
    let link = blocks.symlink("a");
    let directory = blocks.directory(&[("a", file, 12)]);
    let daemon = blocks.serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        for path in [file.to_string(), format!("/ipfs/{directory}/a"), directory.to_string(), link.to_string()] {
            let mut request = ipfs.stat_request();
            request.get().set_cid(&path);
            let answer = request.send().promise.await.expect("an answer");
            let info = answer.get().expect("results").get_info().expect("info");
            let at = info.get_cid().expect("a CID").to_string().expect("UTF-8");
            match info.get_node_type().which().expect("a known type") {
                node_info::node_type::File(_) => {
                    assert_eq!((at, info.get_size(), info.get_cumulative_size()), (file.to_string(), 12, 12));
                }
                node_info::node_type::Directory(found) => {
                    assert_eq!((at, info.get_size()), (directory.to_string(), 0));
                    let links = found.expect("a directory").get_links().expect("links");
                    assert_eq!(links.len(), 1);
                    assert_eq!(links.get(0).get_cid().expect("a CID").to_str(), Ok(file.to_string().as_str()));
                    assert_eq!(links.get(0).get_size(), 12);
                }
                node_info::node_type::Symlink(found) => {
                    assert_eq!(at, link.to_string());
                    assert_eq!(found.expect("a symlink").get_target().expect("a target").to_str(), Ok("a"));
                }
            }
        }
    });
}

#[test]
fn add_stores_up_to_its_limit_and_names_it() {
    let daemon = Blocks::default().serve();
    session::run(async {
        let ipfs = session::ipfs(daemon);
        for size in [0, 5, 8 << 20] {
            let data = vec![b'a'; size];
            let mut request = ipfs.add_request();
            request.get().set_data(&data);
            let answer = request.send().promise.await.expect("an answer");
            let stored = answer.get().expect("results").get_cid().expect("a CID").to_string().expect("UTF-8");
            assert_eq!(stored, added(&data).to_string());
        }
    });
}

#[test]
fn host_gives_the_same_ipfs_each_time() {
    session::run(async {
        let host = session::connect(nobody());
        for _ in 0..3 {
            let answer = host.ipfs_request().send().promise.await.expect("an answer");
            let ipfs = answer.get().expect("results").get_ipfs().expect("IPFS");
            assert_eq!(cat(&ipfs, &identity(b"x").to_string()).await.expect("a file"), b"x");
        }
    });
}
