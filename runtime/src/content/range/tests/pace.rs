//! Who is slow keeps nobody up, and the daemon isn't blamed for it.

use std::time::Duration;

use super::gateway::{large, part};
use super::*;

#[test]
fn what_is_ahead_is_bounded_and_others_get_their_turn() {
    // 40 leaves of 1 MiB, and more reads than have turns, of which only the last is taken from.
    let file = data(40 << 20);
    let mut tree = Tree::default();
    let root = tree.file(&file, 1 << 20, 64, true, false);
    let (client, asked) = daemon(tree.blocks);
    run(async {
        let mut slow = Vec::new();
        for _ in 0..4 {
            let mut reading = Ranged::new(client.clone(), root, 0, u64::MAX);
            tokio::task::yield_now().await;
            if slow.len() < 2 {
                assert!(reading.ready().await.expect("bytes"));
            }
            slow.push(reading);
        }
        // They go on receiving what there is room for, and give way as soon as they are asked to.
        let [one, two, ..] = &mut slow[..] else { unreachable!() };
        let fast = async {
            let sleeping = tokio::time::sleep(std::time::Duration::from_millis(300));
            sleeping.await;
            let is_block = |target: &&String| target.contains("block/get");
            let before = asked.lock().expect("no panic").iter().filter(is_block).count();
            // For each the root, and four blocks.
            assert!(before <= 2 * (1 + 4), "{before} blocks for reads of which nothing is taken");
            taken(Ranged::new(client.clone(), root, 0, u64::MAX), 256 << 10, usize::MAX).await
        };
        let mut fast = Box::pin(fast);
        let all = tokio::select! {
            all = &mut fast => all,
            _ = async { one.until_wanted().await.expect("no error"); one.rest(); pending::<()>().await } => unreachable!(),
            _ = async { two.until_wanted().await.expect("no error"); two.rest(); pending::<()>().await } => unreachable!(),
        };
        assert!(all.expect("the file") == file);
    });
}

#[test]
fn the_takers_time_is_not_the_daemons() {
    let gateways: [Gateway; 2] = [|_, _| None, |_, range| Some(range.map(part).unwrap_or_default())];
    for gateway in gateways {
        let (tree, root) = large();
        let (client, _) = daemon_with_gateway(tree.blocks, gateway);
        let timeouts = Timeouts { idle: Duration::from_millis(150), ..Timeouts::default() };
        let endpoint = client.daemon().expect("a daemon").endpoint().clone();
        let client = Rc::new(Sources::new(None, Some(endpoint), &[], timeouts));
        run(async {
            let mut reading = Ranged::new(client, root, 0, u64::MAX);
            let mut all = Vec::new();
            while reading.ready().await.expect("bytes") {
                let bytes = reading.bytes(1 << 20).to_vec();
                reading.take(bytes.len());
                all.extend(bytes);
                // Longer than an answer may take in all, for the first and the third of eight leaves.
                if all.len() == 1 << 20 || all.len() == 3 << 20 {
                    let taking = tokio::time::timeout(timeouts.idle * 5, reading.until_wanted()).await;
                    assert!(taking.is_err(), "nobody wants anything, and nothing fails");
                }
            }
            assert!(all == data(8 << 20));
        });
    }
}
