//! However much there is in a block, whoever shares the thread has turns meanwhile.

use std::cell::Cell;
use std::rc::Rc;

use super::paced::AT_A_STRETCH;
use super::*;

/// An eighth of the largest block there is, in bytes.
const LENGTH: usize = 256 << 10;

/// Does `work` beside a task that counts its turns, and gives their number.
fn turns_beside<T>(work: impl AsyncFnOnce() -> T) -> (T, usize) {
    let turns = Rc::new(Cell::new(0));
    let counted = turns.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = tokio::task::LocalSet::new().block_on(&runtime, async move {
        let other = tokio::task::spawn_local(async move {
            loop {
                counted.set(counted.get() + 1);
                tokio::task::yield_now().await;
            }
        });
        let done = work().await;
        other.abort();
        done
    });
    (done, turns.get())
}

/// A list of as many values as fit into so much, how many those are, and the path to the last one.
fn list(codec: u64) -> (Vec<u8>, usize, Vec<String>) {
    let (bytes, count) = match codec {
        DAG_CBOR => {
            let count = LENGTH - 5;
            let length = (count as u32).to_be_bytes();
            ([&[0x9a][..], &length, &vec![0; count]].concat(), count)
        }
        _ => {
            let count = LENGTH / 2 - 1;
            ([b"[".to_vec(), b"0,".repeat(count - 1), b"0]".to_vec()].concat(), count)
        }
    };
    assert!(bytes.len() <= LENGTH);
    (bytes, count, vec![(count - 1).to_string()])
}

#[test]
fn a_block_of_many_values_leaves_turns_to_others() {
    for codec in [DAG_CBOR, DAG_JSON] {
        let (bytes, count, last) = list(codec);
        let cid = of(codec);
        let least = count / AT_A_STRETCH as usize - 1;
        let (block, turns) = turns_beside(async || Block::new(&cid, &bytes).await.unwrap());
        assert!(turns > least, "to read {count} values: {turns} turns");
        let (found, turns) = turns_beside(async || block.find(&last).await.unwrap());
        assert_eq!(found, Found::Inside);
        assert!(turns > least, "to find the last of {count} values: {turns} turns");
        let mut seen = 0;
        let see = |_: &str| {
            seen += 1;
            Ok(())
        };
        let (_, turns) = turns_beside(async || block.tree(&[], 1, see).await.unwrap());
        assert_eq!(seen, count);
        assert!(turns > least, "to tell {count} paths: {turns} turns");
        let (_, turns) = turns_beside(async || block.links(|_| Ok(())).await.unwrap());
        assert!(turns > least, "to look for links among {count} values: {turns} turns");
    }
}

#[test]
fn a_block_of_many_links_leaves_turns_to_others() {
    // An identity CID of nothing, without a name.
    let link = [0x12, 6, 0x0a, 4, 1, 0x55, 0, 0];
    let count = LENGTH / link.len();
    let (cid, bytes) = (of(DAG_PB), link.repeat(count));
    let least = count / AT_A_STRETCH as usize - 1;
    let block = read(&cid, &bytes).unwrap();
    let (sizes, turns) = turns_beside(async || block.sizes().await);
    assert_eq!(sizes.links, count);
    assert!(turns > least, "to measure {count} links: {turns} turns");
    let (_, turns) = turns_beside(async || block.links(|_| Ok(())).await.unwrap());
    assert!(turns > least, "to tell {count} links: {turns} turns");
    let missing = text(&["missing"]);
    let (_, turns) = turns_beside(async || block.find(&missing).await.unwrap());
    assert!(turns > least, "to look for a name among {count} links: {turns} turns");
}

#[test]
fn one_that_is_given_up_ends_in_the_middle() {
    let (bytes, ..) = list(DAG_CBOR);
    let (cid, mut seen) = (of(DAG_CBOR), 0);
    turns_beside(async || {
        let block = Block::new(&cid, &bytes).await.unwrap();
        let see = |_: &str| {
            seen += 1;
            Ok(())
        };
        tokio::select! {
            biased;
            _ = block.tree(&[], 1, see) => panic!("it came to an end"),
            () = std::future::ready(()) => {}
        }
    });
    assert!(seen > 0 && seen <= AT_A_STRETCH as usize, "{seen} were seen");
}
