//! Spares (`threads/crew` with `threads/bell`): a thread that blocks makes room for another, and one of them stands by
//! when both are back.

use super::pool::{Pool, Rule, Task, RIGHT};
use super::{holds, refuted};
use crate::sync::Ordering::*;
use crate::threads::crew::{Crew, Growth};
use loom::thread;
use std::sync::Arc;

/// Two threads of a crew of one block and come back, and each tries to bring in another before it sleeps, as a look
/// at a queue that always has work would.
fn counts() {
    let crew = Arc::new(Crew::new(1, 3));
    assert_eq!(crew.grow(), Growth::NewSeat(0));
    let life = |crew: Arc<Crew>| {
        move || {
            crew.go_away();
            let brought = crew.grow();
            // Only what has come back since may be too many.
            if let Growth::NewSeat(_) = brought {
                crew.go_away();
                crew.come_back();
            }
            crew.come_back();
            let stands_by = crew.is_surplus() && crew.enter_reserve();
            (brought != Growth::None, stands_by)
        }
    };
    let other = thread::spawn(life(crew.clone()));
    let mine = life(crew.clone())();
    let theirs = other.join().unwrap();
    let (brought, stood_by) = ([mine, theirs].map(|x| x.0 as usize), [mine, theirs].map(|x| x.1 as usize));
    let c = crew.count();
    assert_eq!(c.reserve(), stood_by.iter().sum::<usize>());
    assert!(c.used() <= 1 + brought.iter().sum::<usize>() && c.used() <= 3, "seats {}", c.used());
}

/// A pool of one with a spare: the first task blocks until the second has run, which takes the spare.
const IN_TURN: &[Task] = &[Task::Blocks(0b10), Task::Quick];
/// After that the third blocks until the fourth has run: the spare comes out of the reserve.
const TWICE: &[Task] = &[Task::Blocks(0b10), Task::Quick, Task::Blocks(0b1000), Task::Quick];
/// Both workers of a pool of two block, and one spare runs what they wait for.
const BOTH: &[Task] = &[Task::Blocks(0b100), Task::Blocks(0b100), Task::Quick];

fn spares(rule: Rule, tasks: &'static [Task], max: usize) -> Arc<Pool> {
    let pool = Pool::new(rule, tasks, max, 1, 0);
    (0..tasks.len()).for_each(|k| pool.submit(k));
    pool.end();
    pool
}

holds!(one_word_counts_all, 3, counts);
holds!(a_spare_runs_what_the_blocked_one_waits_for, 3, || {
    assert_eq!(spares(RIGHT, IN_TURN, 1).started.load(Relaxed), 2);
});
holds!(a_spare_is_called_out_of_the_reserve, 1, || {
    let pool = spares(RIGHT, TWICE, 1);
    assert!(pool.started.load(Relaxed) == 2 && pool.stood_by.load(Relaxed) > 0);
});
holds!(one_spare_for_two_blocked_ones, 1, || drop(spares(RIGHT, BOTH, 2)));
refuted! {
    /// What was queued before it blocked is nobody's any more.
    no_block_without_a_look, 2, "deadlock", || drop(spares(Rule { block_without_a_look: true, ..RIGHT }, IN_TURN, 1))
}
refuted!(no_surplus_for_ever, 2, "more are active", || {
    drop(spares(Rule { never_stand_by: true, ..RIGHT }, IN_TURN, 1));
});
