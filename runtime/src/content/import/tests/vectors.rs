//! The vectors of IPIP-499: files and directories at each threshold of both profiles, and one byte above.
//!
//! Source: IPIP-499, "Test fixtures", and Kubo 0.43.0's `test/cli/cid_profiles_test.go`, which makes their content: ChaCha20
//! whose key is the SHA-256 of a seed.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;

/// What Kubo's tests draw names from.
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz01234567890-_";

fn random(seed: &str) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(dagpb::digest(seed.as_bytes()))
}

fn leaf(profile: Profile, data: &[u8]) -> Link {
    dagpb::leaf(profile, [&[0; dagpb::ROOM], data].concat()).link
}

fn file(profile: Profile, mut size: usize, seed: &str) -> String {
    let mut random = random(seed);
    let shape = profile.shape();
    let mut layout = Layout::new(shape);
    while size > 0 {
        let length = size.min(shape.leaf);
        // The allocator's zeros: without optimization, others take longer than hashing.
        let mut buffer = vec![0; dagpb::ROOM + length];
        random.fill_bytes(&mut buffer[dagpb::ROOM..]);
        let Ok(()) = layout.leaf(dagpb::leaf(profile, buffer).link, &mut Nowhere);
        size -= length;
    }
    let Ok(root) = layout.finish(&mut Nowhere);
    profile.cid(root.id).to_string()
}

/// A directory of files whose content is `x`, all with names of one length but the last.
fn directory(profile: Profile, files: usize, name: usize, last: usize, seed: &str) -> String {
    // One stream, of which names are cut.
    let mut stream = vec![0; 256 << 10];
    random(seed).fill_bytes(&mut stream);
    let mut stream = stream.into_iter().map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]);
    let mut directory = Directory::new(profile);
    let link = leaf(profile, b"x");
    for at in 0..files {
        let length = if at + 1 == files { last } else { name };
        directory.add(stream.by_ref().take(length).collect(), link);
    }
    let Ok(root) = directory.finish(&mut Unfailing);
    profile.cid(root.id).to_string()
}

#[test]
fn small_files() {
    assert_eq!(
        Profile::V1.cid(leaf(Profile::V1, b"hello world").id).to_string(),
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    );
    assert_eq!(
        Profile::V0.cid(leaf(Profile::V0, b"hello world").id).to_string(),
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"
    );
}

#[test]
fn files_at_a_leaf_and_one_byte_above() {
    let (v1, v0) = ("chunk-v1-seed", "chunk-v0-seed");
    for (profile, size, seed, cid) in [
        (Profile::V1, 1 << 20, v1, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
        (Profile::V1, (1 << 20) + 1, v1, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
        (Profile::V0, 256 << 10, v0, "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE"),
        (Profile::V0, (256 << 10) + 1, v0, "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ"),
    ] {
        assert_eq!(file(profile, size, seed), cid, "{size} bytes");
    }
}

#[test]
fn files_at_a_node_and_one_byte_above() {
    for (profile, size, seed, cid) in [
        (Profile::V0, 174 * 256 * 1024, "v0-seed", "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2"),
        (Profile::V0, 174 * 256 * 1024 + 1, "v0-seed", "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"),
    ] {
        assert_eq!(file(profile, size, seed), cid, "{size} bytes");
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "two gigabytes are made and hashed: 3 minutes without --release")]
fn files_of_a_gigabyte_and_one_byte_above() {
    for (profile, size, seed, cid) in [
        (Profile::V1, 1 << 30, "v1-2025-seed", "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
        (Profile::V1, (1 << 30) + 1, "v1-2025-seed", "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"),
    ] {
        assert_eq!(file(profile, size, seed), cid, "{size} bytes");
    }
}

#[test]
fn directories_at_the_threshold_and_one_byte_above() {
    let (v1, v0) = ("hamt-unixfs-v1-2025", "hamt-unixfs-v0-2015");
    for (profile, files, name, last, seed, cid) in [
        (Profile::V1, 4766, 11, 21, v1, "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4"),
        (Profile::V1, 4766, 11, 22, v1, "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu"),
        (Profile::V0, 4096, 30, 30, v0, "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN"),
        (Profile::V0, 4033, 31, 31, v0, "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP"),
    ] {
        assert_eq!(directory(profile, files, name, last, seed), cid, "{files} files");
    }
}
