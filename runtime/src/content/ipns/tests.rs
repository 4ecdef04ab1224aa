//! Records that are in force, and every way in which one isn't.

use libp2p_identity::Keypair;
use proptest::prelude::*;

use super::*;

const TARGET: &str = "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy/a";
const UNTIL_2099: &str = "2099-01-01T00:00:00.000000000Z";

fn bytes(major: u8, bytes: &[u8]) -> Vec<u8> {
    [&[major << 5 | 24, bytes.len() as u8][..], bytes].concat()
}

fn document(value: &str, until: &str, sequence: u8) -> Vec<u8> {
    let mut map = vec![0xa5];
    for (key, field) in [
        ("TTL", vec![1]),
        ("Value", bytes(2, value.as_bytes())),
        ("Sequence", vec![24, sequence]),
        ("Validity", bytes(2, until.as_bytes())),
        ("ValidityType", vec![0]),
    ] {
        map.extend([bytes(3, key.as_bytes()), field].concat());
    }
    map
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = [bytes.len() as u8 & 0x7f | 0x80, (bytes.len() >> 7) as u8];
    [&[number << 3 | 2][..], &length, bytes].concat()
}

fn signed(key: &Keypair, document: &[u8]) -> Vec<u8> {
    let signature = key.sign(&[SIGNED, document].concat()).expect("a signature");
    [field(8, &signature), field(9, document)].concat()
}

fn keypair(seed: u8) -> Keypair {
    Keypair::ed25519_from_bytes([seed; 32]).expect("a key")
}

fn name(key: &Keypair) -> Name {
    Name::parse(&key.public().to_peer_id().to_base58()).expect("a name")
}

fn verified(key: &Keypair, record: &[u8]) -> Result<Record, RecordError> {
    Record::verified(record, &name(key), SystemTime::now())
}

#[test]
fn a_record_of_the_names_key_counts() {
    let key = keypair(1);
    let record = verified(&key, &signed(&key, &document(TARGET, UNTIL_2099, 7))).expect("a record");
    assert_eq!((record.sequence, record.into_path().to_string().as_str()), (7, TARGET));
    let with_fields =
        [field(1, TARGET.as_bytes()), vec![3 << 3, 0], vec![5 << 3, 7], signed(&key, &document(TARGET, UNTIL_2099, 7))];
    verified(&key, &with_fields.concat()).expect("one with the fields of version 1");
}

#[test]
fn a_name_is_the_same_in_either_form() {
    let key = keypair(1);
    let peer = key.public().to_peer_id();
    let cid = cid::Cid::new_v1(LIBP2P_KEY, *peer.as_ref()).to_string_of_base(Base::Base36Lower).expect("text");
    let record = signed(&key, &document(TARGET, UNTIL_2099, 0));
    for text in [peer.to_base58(), cid] {
        Record::verified(&record, &Name::parse(&text).expect("a name"), SystemTime::now()).expect("its record");
    }
    assert!(Name::parse("docs.ipfs.tech").is_none() && Name::parse("").is_none());
}

#[test]
fn what_the_key_didnt_sign_or_is_over_counts_for_nothing() {
    let (key, other) = (keypair(1), keypair(2));
    let fine = document(TARGET, UNTIL_2099, 7);
    let refused = |record: &[u8]| verified(&key, record).expect_err("no record").to_string();
    assert_eq!(refused(&signed(&other, &fine)), "the record isn't signed by the name's key");
    let mut flipped = signed(&key, &fine);
    *flipped.last_mut().expect("a byte") ^= 1;
    assert_eq!(refused(&flipped), "the record isn't signed by the name's key");
    // Another's key in the record changes nothing where the name has its own.
    let claimed = [field(7, &other.public().encode_protobuf()), signed(&other, &fine)].concat();
    assert_eq!(refused(&claimed), "the record isn't signed by the name's key");
    let past = document(TARGET, "2001-01-01T00:00:00Z", 7);
    assert_eq!(refused(&signed(&key, &past)), "the record expired at 2001-01-01T00:00:00Z");
    let contradicts = [field(1, b"/ipfs/other"), signed(&key, &fine)].concat();
    assert!(refused(&contradicts).contains("has signed another"));
    assert!(refused(&field(9, &fine)).contains("no signature of version 2"));
    assert!(refused(&[]).contains("no signature of version 2"));
    assert!(refused(&signed(&key, &document("http://x", UNTIL_2099, 7))).contains("`http://x`, which is no IPFS path"));
    assert!(refused(&signed(&key, &document(TARGET, "soon", 7))).contains("its date is none"));
    assert!(refused(&signed(&key, &[0xa0])).contains("lacks a field"));
    assert!(refused(&vec![0; LARGEST + 1]).contains("malformed"));
}

#[test]
fn the_newest_counts() {
    let key = keypair(1);
    let record = |until, sequence| verified(&key, &signed(&key, &document(TARGET, until, sequence))).expect("a record");
    assert!(record(UNTIL_2099, 1).is_older_than(&record(UNTIL_2099, 2)));
    assert!(record("2098-01-01T00:00:00Z", 2).is_older_than(&record(UNTIL_2099, 2)));
    assert!(!record(UNTIL_2099, 2).is_older_than(&record("2098-01-01T00:00:00Z", 2)));
}

proptest! {
    #[test]
    fn no_bytes_are_a_record(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let key = keypair(1);
        prop_assert!(verified(&key, &bytes).is_err());
    }
}
