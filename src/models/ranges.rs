//! The shared range (`ranges`): every block comes to exactly one participant, whoever steals from whom.

use super::{holds, refuted};
use crate::ranges::Ranges;
use crate::sync::Ordering::*;
use loom::thread;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;

/// Each participant works until it finds nothing; then every item has been seen once.
fn every_item_once(count: usize, grain: usize, participants: usize, numbers: &'static [usize]) {
    let ranges = Arc::new(Ranges::new(count, grain, participants).unwrap());
    let seen: Arc<Vec<_>> = Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect());
    let work = |mine: usize| {
        let (ranges, seen) = (ranges.clone(), seen.clone());
        move || {
            while let Some((begin, end)) = ranges.next(mine) {
                assert!(begin < end && end <= count);
                (begin..end).for_each(|i| assert_eq!(seen[i].fetch_add(1, Relaxed), 0, "an item came twice"));
            }
        }
    };
    let others: Vec<_> = numbers[1..].iter().map(|i| thread::spawn(work(*i))).collect();
    work(numbers[0])();
    others.into_iter().for_each(|t| t.join().unwrap());
    assert!(ranges.is_exhausted() && seen.iter().all(|n| n.load(Relaxed) == 1), "an item was lost");
}

holds! {
    /// Two participants with four blocks: each takes from its own share while the other steals half of it.
    two_participants, 3, || every_item_once(4, 1, 2, &[0, 1])
}
holds! {
    /// Three participants with two blocks: one has nothing from the start, and what it steals may be stolen again.
    three_participants, 1, || every_item_once(2, 1, 3, &[0, 1, 2])
}
holds! {
    /// Two thieves meet at the share of one that never comes; pieces of several items, the last of them shorter.
    a_participant_that_never_comes, 2, || every_item_once(7, 2, 3, &[0, 1])
}
refuted! {
    /// Two threads in one place: the store of what was stolen is safe only in a share of one's own.
    no_two_threads_with_one_number, 3, "an item", || every_item_once(4, 1, 2, &[0, 0])
}
