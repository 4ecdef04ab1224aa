//! What `--ro` and `--rw` take, and where it comes to lie.

use std::ffi::OsString;

use super::*;

fn parse(value: &str) -> Result<(String, String), PathError> {
    let grant = PathGrant::parse(Access::Read, OsStr::new(value), Some(Path::new("/home/me")))?;
    let from = match &grant.source {
        Source::Host(from) => from.display().to_string(),
        Source::Content(Ok(path)) => path.to_string(),
        Source::Content(Err(why)) => why.to_string(),
    };
    Ok((from, grant.at.display().to_string()))
}

#[test]
fn store_an_ipfs_path_is_told_from_the_hosts() {
    const CID: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    for (value, from, at) in [
        ("/ipfs/CID:/x", "/ipfs/CID", "/x"),
        ("/ipfs/CID", "/ipfs/CID", "/ipfs/CID"),
        ("/ipfs/CID/a/./b/", "/ipfs/CID/a/b", "/ipfs/CID/a/b"),
        ("/ipfs/CID/a:b:/x", "/ipfs/CID/a:b", "/x"),
        ("ipfs://CID", "/ipfs/CID", "/ipfs/CID"),
        ("ipfs://CID/a%3Ab:/x//y", "/ipfs/CID/a:b", "/x/y"),
        ("/ipns/example.org/a:/x", "/ipns/example.org/a", "/x"),
        ("ipns://example.org", "/ipns/example.org", "/ipns/example.org"),
        ("/ipfs/CID/../a:/x", "`..` leads nowhere in an IPFS path", "/x"),
        ("/ipfs/CID/../a", "`..` leads nowhere in an IPFS path", "/ipfs/a"),
        // No CID: a path of the host's, as for <binary>.
        ("/ipfs/readme:/x", "/ipfs/readme", "/x"),
        ("/ipfs:/x", "/ipfs", "/x"),
    ] {
        let [value, from, at] = [value, from, at].map(|text| text.replace("CID", CID));
        assert_eq!(parse(&value), Ok((from, at)), "{value}");
    }
    assert_eq!(parse(&format!("/ipfs/{CID}:/usr")), Err(PathError::System("/usr".into())));
    assert_eq!(parse(&format!("/ipfs/{CID}:x")), Err(PathError::RelativePlace));
    assert_eq!(parse(&format!("/ipfs/{CID}/a:x")), Err(PathError::RelativePlace));
    let written = OsString::from(format!("ipfs://{CID}:/x"));
    assert_eq!(PathGrant::parse(Access::Write, &written, None), Err(PathError::Unchanging));
}

#[test]
fn limit_the_place_begins_at_the_last_colon_before_a_slash() {
    for (value, from, at) in [
        ("/srv/data", "/srv/data", "/srv/data"),
        ("data", "/home/me/data", "/home/me/data"),
        ("../you/./data/", "/home/me/../you/./data/", "/home/you/data"),
        ("/srv:/data", "/srv", "/data"),
        ("/a:b:/a:b", "/a:b", "/a:b"),
        ("/a:/b:/c//d/.", "/a:/b", "/c/d"),
        (".:/work", "/home/me/.", "/work"),
        ("/etc/hosts", "/etc/hosts", "/etc/hosts"),
    ] {
        assert_eq!(parse(value), Ok((from.into(), at.into())), "{value}");
    }
}

#[test]
fn limit_ill_formed_grants() {
    for (value, error) in [
        ("", PathError::Empty),
        (":/data", PathError::Empty),
        ("/srv:data", PathError::RelativePlace),
        ("/srv:", PathError::RelativePlace),
        ("/srv:/data/../x", PathError::Upwards),
        ("/srv:/proc", PathError::Own("/proc".into())),
        ("/srv:/proc/self/fd", PathError::Own("/proc".into())),
        ("/dev/null", PathError::Own("/dev".into())),
        ("/srv:/ww/bin/x", PathError::Own("/ww".into())),
        ("/", PathError::System("/".into())),
        ("../..", PathError::System("/".into())),
        ("/srv:/usr/", PathError::System("/usr".into())),
        ("/etc", PathError::System("/etc".into())),
        ("/srv:/lib64", PathError::System("/lib64".into())),
    ] {
        assert_eq!(parse(value), Err(error), "{value}");
    }
    let nowhere = PathGrant::parse(Access::Read, OsStr::new("data"), None);
    assert_eq!(nowhere, Err(PathError::NoDirectory));
}

#[test]
fn limit_a_place_is_one_grants() {
    let grant = |value: &str| PathGrant::parse(Access::Write, OsStr::new(value), None).unwrap();
    for (one, other) in [("/a:/x", "/b:/x"), ("/a:/x", "/b:/x/y"), ("/a:/x/y", "/b:/x")] {
        let mut places = Places::default();
        places.claim(grant(one)).unwrap();
        assert!(matches!(places.claim(grant(other)), Err(PathError::Over { .. })), "{one} {other}");
    }
    let mut places = Places::default();
    assert!(["/a:/x", "/a:/xy", "/b:/y/x"].map(grant).into_iter().all(|grant| places.claim(grant).is_ok()));
}

#[test]
fn limit_a_working_directory_is_absolute() {
    assert_eq!(workdir(OsStr::new("/data/x")), Ok("/data/x".into()));
    assert_eq!(workdir(OsStr::new("data")), Err(PathError::RelativeWorkdir));
    assert_eq!(workdir(OsStr::new("")), Err(PathError::Empty));
}

proptest::proptest! {
    #[test]
    fn limit_what_parses_lies_at_a_plain_place(bytes in proptest::collection::vec("[a-z.:/]", 0..12)) {
        let value = bytes.concat();
        if let Ok(grant) = PathGrant::parse(Access::Read, OsStr::new(&value), Some(Path::new("/home/me"))) {
            let names = |path: &Path| path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
            let absolute = matches!(&grant.source, Source::Host(from) if from.is_absolute());
            assert!(grant.at.is_absolute() && names(&grant.at) && absolute, "{value}: {grant:?}");
            assert!(refuse_taken_by_jail(&grant.at).is_ok(), "{value}: {grant:?}");
        }
    }
}
