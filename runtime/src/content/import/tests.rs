//! The builder beside what Kubo 0.43.0 says, and beside a layout that is made of the whole file at once.

use proptest::prelude::*;

use super::*;

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
            let built = built(Shape { leaf, links }, &file(length), part);
            assert_eq!(built.to_string(), cid, "{length} bytes, leaves of {leaf}, {links} links, by {part}");
        }
    }
}

/// The layout by its definition: as deep as the leaves need, and every part as deep as the others.
fn whole(shape: Shape, file: &[u8]) -> cid::Cid {
    let leaf = |leaf: &[u8]| {
        let size = leaf.len() as u64;
        Link { cid: cid(RAW, Sha256::new_with_prefix(leaf)), tsize: size, size }
    };
    let mut links: Vec<Link> = match file {
        [] => vec![leaf(&[])],
        file => file.chunks(shape.leaf).map(leaf).collect(),
    };
    while links.len() > 1 {
        links = links.chunks(shape.links).map(node).collect();
    }
    links[0].cid
}

proptest! {
    #[test]
    fn parts_give_what_the_whole_gives(
        length in 0usize..3000,
        leaf in 1usize..9,
        links in 2usize..6,
        cuts in prop::collection::vec(1usize..70, 1..9),
    ) {
        let (shape, file) = (Shape { leaf, links }, file(length));
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
    assert_eq!(builder.levels.iter().map(Vec::len).sum::<usize>(), 11, "the last leaf is still open");
}
