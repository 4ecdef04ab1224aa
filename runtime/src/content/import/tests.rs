//! The builder beside what Kubo 0.43.0 says, and beside a layout that is made of the whole file at once.

use proptest::prelude::*;

use super::*;
use crate::content::node::{Kind, Node};

mod vectors;

/// Nowhere, for directories, whose names have no hash in common.
struct Unfailing;

#[derive(Debug)]
enum Never {}

impl From<Collision> for Never {
    fn from(collision: Collision) -> Never {
        panic!("{collision}")
    }
}

impl Blocks for Unfailing {
    type Error = Never;

    fn put(&mut self, _: &crate::content::Cid, _: &[u8]) -> Result<(), Never> {
        Ok(())
    }
}

/// Bytes of which no two leaves are the same.
fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + (at >> 3)) as u8).collect()
}

fn built(shape: Shape, file: &[u8], part: usize) -> cid::Cid {
    let mut builder = Builder::shaped(shape);
    file.chunks(part).for_each(|part| builder.write(part));
    builder.finish()
}

/// `ipfs add -Q --only-hash --cid-version=1 --raw-leaves --chunker=size-LEAF --max-file-links=LINKS`, Kubo 0.43.0.
const KUBO: [(usize, usize, usize, &str); 25] = [
    (4, 3, 0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
    (4, 3, 1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"),
    (4, 3, 4, "bafkreidocrmqqymbl27lw5xizjdamin5b5qoutyvkdw36mxgmtjq26qe7u"),
    (4, 3, 5, "bafybeiesaxrnz524ylvlijb7rni2ki5ybckv47unwdkdiqeovakgniw6fm"),
    (4, 3, 11, "bafybeidotfuil6ar7ez6hnflsaolmgtbhnsfk6ncsqljlrdpl32eok53pi"),
    (4, 3, 12, "bafybeibqyprgsheiwyxubhzlthsukwjrxscztfwh3yw2lim6jkwomgw35a"),
    (4, 3, 13, "bafybeibo2rlnicv2qjp2s4fpik5ifb22dj3thtgu44wskhhhq3e4uap2fa"),
    (4, 3, 16, "bafybeifcq3dzun2dn2quk2axqrepwhhfwgfljsa754g7rtomqbsxo2opfa"),
    (4, 3, 17, "bafybeigdq7mefot6mfcaqovv6zigscztj4bjlmhegxxjunkpah2xbsqu4y"),
    (4, 3, 35, "bafybeicc3um6tyvybdihgtsvpuf4dbpjcxl7522wutouyt5xzc4qsgluge"),
    (4, 3, 36, "bafybeieytnkljydersexrsxuw5qlf6xhbtmq6y7jrwi6xlqerwdhutfwb4"),
    (4, 3, 37, "bafybeiahkgsfoip3fuskfwltm52jse3dydfkbeorcghrram2l7djx34vqe"),
    (4, 3, 108, "bafybeifk3ft53sqx6iqzcfeaflwtk5yntbpvjbkje2vkvkxqv6ecz5tqse"),
    (4, 3, 109, "bafybeifjben2m3yjp275yoxen2pdbgbkhd3mngkopronu47pd5xvyeson4"),
    (4, 3, 145, "bafybeiex6ks4xffk2nbbr46fnxw3qt46z5lrli773dy5j5uwsdpeiyzmdu"),
    (4, 3, 324, "bafybeiglcv2qr54xv2rrgtdngejjn3nj2bcrlawj2ry32hdyyrmr5whwya"),
    (4, 3, 325, "bafybeidettipnvylasztpouk7xf6ma2kcfhvk5vhj7ek6wq6xraornewsq"),
    (4, 3, 1000, "bafybeicbick2s2rbacgmmabijslc6y7cs3hdmxngdboqmfmczajjaoglw4"),
    (5, 2, 5, "bafkreibgvdglonyr2jmmemhmimq5r5usftifdmvyapadbngpatpaimezwy"),
    (5, 2, 11, "bafybeihbynl2mnpjdtkuw4tkvej2bkscwxmjqpsemuoeptksih2ilpvtiy"),
    (5, 2, 16, "bafybeign7isww4s67fncq24sdzptz6wlmxdesiymc3rrkyxtdkc3kzx6li"),
    (5, 2, 40, "bafybeiafk6dt2vvljvzwtcgrrqbzigmwcabzcek2zltad6mdqp7izqopiy"),
    (5, 2, 109, "bafybeievas7mxnjbwwveoqbnkmesmioxxujt5wc3ytblthm55fiarizr2y"),
    (5, 2, 325, "bafybeihpsf5ki2v4a66nntrlc7fg4be2hrtjwdxpwvtmuviobskn43kxuu"),
    (5, 2, 1000, "bafybeihruq22u4ta4q42arml3u36zo35zieum2be4mol6diui3x27fnu3y"),
];

#[test]
fn it_is_what_kubo_gives() {
    for (leaf, links, length, cid) in KUBO {
        for part in [1, 3, 4, 64, 4096] {
            let built = built(Shape { leaf, links, profile: Profile::V1 }, &file(length), part);
            assert_eq!(built.to_string(), cid, "{length} bytes, leaves of {leaf}, {links} links, by {part}");
        }
    }
}

/// The layout by its definition: as deep as the leaves need, and every part as deep as the others.
fn whole(shape: Shape, file: &[u8]) -> cid::Cid {
    let leaf = |leaf: &[u8]| dagpb::leaf(shape.profile, [&[0; dagpb::ROOM], leaf].concat()).link;
    let mut links: Vec<Link> = match file {
        [] => vec![leaf(&[])],
        file => file.chunks(shape.leaf).map(leaf).collect(),
    };
    while links.len() > 1 {
        links = links.chunks(shape.links).map(|links| dagpb::node(shape, links).link).collect();
    }
    shape.profile.cid(links[0].id)
}

proptest! {
    #[test]
    fn parts_give_what_the_whole_gives(
        length in 0usize..3000,
        leaf in 1usize..9,
        links in 2usize..6,
        cuts in prop::collection::vec(1usize..70, 1..9),
    ) {
        let (shape, file) = (Shape { leaf, links, profile: Profile::V1 }, file(length));
        let mut builder = Builder::shaped(shape);
        let (mut rest, mut cuts) = (&file[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(*cuts.next().expect("a cycle")));
            builder.write(part);
            rest = after;
        }
        prop_assert_eq!(builder.finish(), whole(shape, &file));
    }
}

#[test]
fn the_profile_holds_links_alone() {
    // 1,025 leaves' worth would be 1 GiB to hash: what is kept is counted for some.
    let mut builder = Builder::new();
    let part = vec![7; 3 << 20];
    for _ in 0..4 {
        builder.write(&part);
    }
    assert_eq!(builder.layout.held(), 11, "the last leaf is still open");
}

/// What was put, by its CID.
#[derive(Default)]
struct Kept(std::collections::BTreeMap<String, Vec<u8>>);

impl Blocks for Kept {
    type Error = Never;

    fn put(&mut self, cid: &crate::content::Cid, block: &[u8]) -> Result<(), Never> {
        // Whatever it links to is there already.
        if let Ok(node) = Node::decode(block)
            && cid.codec() == DAG_PB
        {
            assert!(node.links().all(|link| self.0.contains_key(&link.cid.to_string())));
        }
        self.0.insert(cid.to_string(), block.to_vec());
        Ok(())
    }
}

/// All names below a directory, and the bytes of all blocks, by its links.
fn names(kept: &Kept, cid: &str, names: &mut Vec<Vec<u8>>) -> u64 {
    let block = &kept.0[cid];
    let node = Node::decode(block).unwrap();
    let shard = node.unixfs.as_ref().unwrap().kind == Kind::Shard;
    let below: u64 = node
        .links()
        .map(|link| match (shard, link.name) {
            (true, [_, _]) => {
                let below = self::names(kept, &link.cid.to_string(), names);
                assert_eq!(link.tsize, Some(below));
                below
            }
            (_, name) => {
                names.push(name[if shard { 2 } else { 0 }..].to_vec());
                link.tsize.unwrap()
            }
        })
        .sum();
    below + block.len() as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_directory_has_its_entries_whatever_their_order(
        mut entries in prop::collection::btree_map(prop::collection::vec(1u8..=255, 1..90), 0u64..1 << 40, 0..5000),
        v0 in any::<bool>(),
        turn in any::<prop::sample::Index>(),
    ) {
        let profile = if v0 { Profile::V0 } else { Profile::V1 };
        let leaf = dagpb::leaf(profile, vec![0; dagpb::ROOM]).link;
        let mut order: Vec<(&Vec<u8>, &mut u64)> = entries.iter_mut().collect();
        let turned = turn.index(order.len().max(1)).min(order.len());
        let built = |order: &[(&Vec<u8>, &mut u64)]| {
            let mut directory = Directory::new(profile);
            for (name, tsize) in order {
                directory.add(name[..].into(), Link { tsize: **tsize, ..leaf });
            }
            let mut kept = Kept::default();
            kept.0.insert(profile.cid(leaf.id).to_string(), vec![]);
            let root = directory.finish(&mut kept).unwrap();
            (root, kept)
        };
        let (root, kept) = built(&order);
        order.rotate_left(turned);
        prop_assert_eq!(built(&order).0, root);
        let mut found = Vec::new();
        prop_assert_eq!(names(&kept, &profile.cid(root.id).to_string(), &mut found), root.tsize);
        found.sort();
        prop_assert!(found.iter().eq(entries.keys()));
        // It is one block exactly where that would be small enough.
        let whole = kept.0.len() == 2;
        let size: u64 = if v0 {
            entries.keys().map(|name| name.len() as u64 + 34).sum()
        } else {
            // The block that it would be.
            let block = dagpb::directory(profile, [].into_iter());
            let links = entries.iter().map(|(name, tsize)| {
                let one = Link { tsize: *tsize, ..leaf };
                let with = dagpb::directory(profile, [(&name[..], &one)].into_iter());
                (with.bytes().len() - block.bytes().len()) as u64
            });
            block.bytes().len() as u64 + links.sum::<u64>()
        };
        prop_assert_eq!(whole, size <= 256 * 1024);
    }
}
