//! Directories: children by path, plain and sharded; listings; IPNS; symlinks, which nobody follows.

use std::fs;
use std::os::unix::fs::symlink;

use ww::content::{ContentError, EntryType, NodeInfoKind, NodeKind};

use crate::daemon::{Kubo, noise, path, wait};

#[test]
fn r7_1_children_of_a_plain_directory() {
    let kubo = Kubo::start();
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("bin/ä b")).unwrap();
    fs::write(tree.path().join("bin/ä b/large"), noise(1_000_000)).unwrap();
    fs::write(tree.path().join("bin/small"), b"small").unwrap();
    symlink("small", tree.path().join("bin/link")).unwrap();
    symlink("bin", tree.path().join("way")).unwrap();
    let content = kubo.content();
    for options in [&["--cid-version=0"][..], &["--cid-version=1", "--inline"]] {
        let root = kubo.ipfs(&[&["add", "-Qr"], options, &[tree.path().to_str().unwrap()]].concat());
        let at = |rest: &str| path(format!("/ipfs/{root}{rest}"));

        assert_eq!(wait(content.cat(&at("/bin/small"), 100)).unwrap(), b"small");
        assert_eq!(wait(content.cat(&at("//bin/./small/"), 100)).unwrap(), b"small");
        assert_eq!(wait(content.cat(&at("/bin/ä b/large"), 1_000_000)).unwrap(), noise(1_000_000));
        let url = path(format!("ipfs://{root}/bin/%C3%A4%20b/large"));
        assert_eq!(wait(content.cat(&url, 1_000_000)).unwrap().len(), 1_000_000);

        for (rest, kind) in
            [("/bin", NodeKind::Directory), ("/bin/link", NodeKind::Symlink), ("/way/small", NodeKind::Symlink)]
        {
            let error = wait(content.cat(&at(rest), 100)).unwrap_err();
            assert!(matches!(error, ContentError::NodeType { kind: k } if k == kind), "{rest}: {error:?}");
        }
        for rest in ["/bin/none", "/none/small", "/bin/small/below"] {
            let error = wait(content.cat(&at(rest), 100)).unwrap_err();
            assert!(matches!(error, ContentError::NotFound { .. }), "{rest}: {error:?}");
        }

        let entries = wait(content.ls(&at("/bin"))).unwrap();
        let facts: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.entry_type, e.size)).collect();
        let expected =
            [("link", EntryType::Symlink, 5), ("small", EntryType::File, 5), ("ä b", EntryType::Directory, 0)];
        assert_eq!(facts, expected);
        assert!(wait(content.ls(&at("/bin/small"))).unwrap().is_empty());

        let stat = wait(content.stat(&at(""))).unwrap();
        let NodeInfoKind::Directory { links } = stat.kind else { panic!("{stat:?}") };
        assert_eq!(links.iter().map(|link| &link.name).collect::<Vec<_>>(), ["bin", "way"]);
        let tail = |cid: String| kubo.ipfs(&["files", "stat", "--format=<cumulsize>", &format!("/ipfs/{cid}")]);
        assert_eq!(stat.cumulative_size.to_string(), tail(root.clone()));
        assert_eq!(links[0].size.to_string(), tail(links[0].cid.to_string()));
        let link = wait(content.stat(&at("/bin/link"))).unwrap();
        assert_eq!(link.kind, NodeInfoKind::Symlink { target: "small".into() });
    }
}

#[test]
fn r7_1_children_of_a_sharded_directory() {
    for fanout in ["8", "256", "1024"] {
        let kubo = Kubo::start_with(&[
            ("Import.UnixFSHAMTDirectorySizeThreshold", "\"1B\""),
            ("Import.UnixFSHAMTDirectoryMaxFanout", fanout),
        ]);
        let tree = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..1_000).map(|n| format!("name {n:03}")).collect();
        for name in &names {
            fs::write(tree.path().join(name), name).unwrap();
        }
        let root = kubo.ipfs(&["add", "-Qr", "--cid-version=1", tree.path().to_str().unwrap()]);
        let content = kubo.content();
        wait(async {
            for name in &names {
                let data = content.cat(&path(format!("/ipfs/{root}/{name}")), 100).await.unwrap();
                assert_eq!(data, name.as_bytes(), "fanout {fanout}");
            }
        });
        let entries = wait(content.ls(&path(format!("/ipfs/{root}")))).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>(), names);
        assert!(entries.iter().all(|entry| entry.size == 8 && entry.entry_type == EntryType::File));

        let missing = wait(content.cat(&path(format!("/ipfs/{root}/none")), 100)).unwrap_err();
        assert!(matches!(missing, ContentError::NotFound { .. }), "{missing:?}");
        let itself = wait(content.cat(&path(format!("/ipfs/{root}")), 100)).unwrap_err();
        assert!(matches!(itself, ContentError::NodeType { kind: NodeKind::ShardedDirectory }), "{itself:?}");
        let stat = wait(content.stat(&path(format!("/ipfs/{root}")))).unwrap();
        assert!(matches!(stat.kind, NodeInfoKind::Directory { links } if links.len() == 1_000));
    }
}

#[test]
fn r7_1_an_ipns_name_is_resolved_by_the_daemon() {
    let kubo = Kubo::start();
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("file"), b"named").unwrap();
    let root = kubo.ipfs(&["add", "-Qr", tree.path().to_str().unwrap()]);
    let content = kubo.content();
    kubo.ipfs(&["name", "publish", "--allow-offline", "-Q", &format!("/ipfs/{root}")]);
    let key = kubo.ipfs(&["key", "list", "-l"]);
    let key = key.split_whitespace().next().unwrap();
    let peer = kubo.ipfs(&["id", "-f=<id>"]);
    for text in [format!("/ipns/{key}/file"), format!("ipns://{key}/file"), format!("/ipns/{peer}/file")] {
        assert_eq!(wait(content.cat(&path(text), 100)).unwrap(), b"named");
    }
    kubo.ipfs(&["name", "publish", "--allow-offline", "-Q", &format!("/ipfs/{root}/file")]);
    assert_eq!(wait(content.cat(&path(format!("/ipns/{key}")), 100)).unwrap(), b"named");
}
