//! Which texts are IPFS paths, and which of those can be followed.

use proptest::prelude::*;

use super::*;
use crate::block::cid_from_bytes;

const V0: &str = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnzqpq";
const V1: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const KEY: &str = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";
const PEER: &str = "12D3KooWD3bfmNbuuuVCYwkjnFt3ukm3qaB3hDED3peHHXawvRAi";

fn parsed(text: &str) -> Option<Result<String, String>> {
    let path = ContentPath::parse(text)?;
    Some(path.map(|path| path.to_string()).map_err(|error| error.to_string()))
}

#[test]
fn what_is_an_ipfs_path() {
    let cases = [
        (format!("/ipfs/{V0}"), format!("/ipfs/{V0}"), V0),
        (format!("/ipfs/{V1}/"), format!("/ipfs/{V1}"), V1),
        (format!("/ipfs/{V1}/a/b"), format!("/ipfs/{V1}/a/b"), "b"),
        (format!("/ipfs/{V1}//a/./b//"), format!("/ipfs/{V1}/a/b"), "b"),
        (format!("/ipfs/{V1}/100%/?#"), format!("/ipfs/{V1}/100%/?#"), "?#"),
        (format!("ipfs://{V1}"), format!("/ipfs/{V1}"), V1),
        (format!("ipfs://{V0}/a%20%C3%A4/b"), format!("/ipfs/{V0}/a ä/b"), "b"),
        (format!("/ipns/{KEY}/x"), format!("/ipns/{KEY}/x"), "x"),
        (format!("/ipns/{PEER}"), format!("/ipns/{PEER}"), PEER),
        (format!("/ipns/{V0}"), format!("/ipns/{V0}"), V0),
        ("/ipns/docs.ipfs.tech/x".into(), "/ipns/docs.ipfs.tech/x".into(), "x"),
        ("ipns://docs.ipfs.tech".into(), "/ipns/docs.ipfs.tech".into(), "docs.ipfs.tech"),
    ];
    for (text, shown, name) in cases {
        assert_eq!(parsed(&text), Some(Ok(shown)), "{text}");
        assert_eq!(ContentPath::parse(&text).unwrap().unwrap().name(), name);
    }
}

#[test]
fn what_is_a_local_path() {
    let cut = &V1[..58];
    let longer = format!("{V1}aa");
    let texts = [
        "",
        "x",
        "./x",
        "/bin/true",
        "/ipfs",
        "/ipfs/",
        "/ipfs/foo",
        "/ipfs/foo/x",
        "ipfs/x",
        "/IPFS/x",
        "/ipns/",
        "/ipns/foo",
        "/ipns/self",
        "/ipns/-a.b",
        "/ipns/1.2",
        "/ipns/a..b",
        "ipfs:x",
        "ipfs:///x",
        "ipfs:",
        "http://x",
        "/ipfs/Qmx",
        "/ipfs/z",
        "ipns://foo/x",
    ];
    let made = [
        V1.to_owned(),
        format!("//ipfs/{V1}"),
        format!("/ipfs//{V1}"),
        format!("/ipfs/{cut}"),
        format!("/ipfs/{longer}"),
        format!("/ipfs/{V1}?x"),
        format!("/ipfs/z{V0}"),
        format!("/ipns/{V1}"),
        format!("./ipfs/{V1}"),
    ];
    for text in texts.into_iter().chain(made.iter().map(String::as_str)) {
        assert_eq!(parsed(text), None, "{text}");
    }
    assert!(ContentPath::parse(OsStr::from_bytes(b"/ipfs/\xff")).is_none());
}

#[test]
fn what_can_not_be_followed() {
    let long = format!("/ipfs/{V1}/{}", "x".repeat(PATH_LIMIT));
    let cases = [
        (format!("/ipfs/{V1}/a/../b"), PathError::Parent),
        (format!("ipfs://{V1}/%2e%2E"), PathError::Parent),
        (format!("/ipfs/{V1}/a\0b"), PathError::Name),
        (format!("ipfs://{V1}/a%2Fb"), PathError::Name),
        (format!("ipfs://{V1}/a%2"), PathError::Percent),
        (format!("ipfs://{V1}/a%+1"), PathError::Percent),
        (format!("ipfs://{V1}/%ff"), PathError::Utf8),
        (format!("ipfs://{V1}/a?b"), PathError::Query),
        (format!("ipfs://{V1}#b"), PathError::Query),
        (long, PathError::Long),
    ];
    for (text, expected) in cases {
        assert_eq!(parsed(&text), Some(Err(expected.to_string())), "{text}");
    }
    let bytes = [format!("/ipfs/{V1}/").as_bytes(), b"\xff"].concat();
    assert!(matches!(ContentPath::parse(OsStr::from_bytes(&bytes)), Some(Err(ContentError::Path(PathError::Utf8)))));
}

#[test]
fn a_cell_may_name_a_bare_cid() {
    assert_eq!(ContentPath::parse_or_cid(V0).unwrap().unwrap().to_string(), format!("/ipfs/{V0}"));
    assert_eq!(ContentPath::parse_or_cid("/ipns/a.b").unwrap().unwrap().to_string(), "/ipns/a.b");
    assert!(ContentPath::parse_or_cid("foo").is_none());
}

#[test]
fn a_message_stays_on_one_line() {
    let path = ContentPath::parse(format!("/ipfs/{V1}/a\nb\u{1b}[1m")).unwrap().unwrap();
    assert_eq!(path.to_string(), format!("/ipfs/{V1}/a\\nb\\u{{1b}}[1m"));
    assert_eq!(path.name(), "a\nb\u{1b}[1m");
}

proptest! {
    #[test]
    fn no_path_panics(bytes in any::<Vec<u8>>(), prefix in 0..5usize) {
        let prefixes = [String::new(), "/ipfs/".into(), "/ipns/".into(), format!("/ipfs/{V1}/"), format!("ipfs://{V1}/")];
        let bytes = [prefixes[prefix].as_bytes(), &bytes].concat();
        if let Some(Ok(path)) = ContentPath::parse(OsStr::from_bytes(&bytes)) {
            prop_assert!(!path.to_string().contains(char::is_control));
            prop_assert!(path.names().iter().all(|name| !name.is_empty() && name != ".." && !name.contains(['/', '\0'])));
        }
    }

    #[test]
    fn a_cid_is_read_whole_or_not_at_all(bytes in any::<Vec<u8>>()) {
        if let Some(cid) = cid_from_bytes(&bytes) {
            prop_assert_eq!(cid.to_bytes(), bytes);
            prop_assert_eq!(parse_cid(&cid.to_string()), Some(cid));
        }
    }
}
