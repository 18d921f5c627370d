//! Spares (`threads/crew` with `threads/bell`): a thread that blocks makes room for another, and one of them stands by
//! when both are back.

use super::pool::{Pool, Rule, Task, RIGHT};
use super::{holds, refuted};
use crate::sync::Ordering::*;
use crate::threads::crew::{Crew, Growth};
use loom::thread;
use std::sync::Arc;

/// Both threads of a crew of two block and come back, and each brings in another before it sleeps, if it can.
fn counts() {
    let crew = Arc::new(Crew::new(2, 3));
    assert_eq!([crew.grow(), crew.grow(), crew.grow()], [Growth::NewSeat(0), Growth::NewSeat(1), Growth::None]);
    let life = |crew: Arc<Crew>| {
        move || {
            crew.go_away();
            let brought = crew.grow();
            crew.come_back();
            if crew.is_surplus() {
                crew.enter_reserve();
            }
            brought
        }
    };
    let other = thread::spawn(life(crew.clone()));
    let brought = [life(crew.clone())(), other.join().unwrap()];
    let c = crew.count();
    let new_seats = brought.iter().filter(|b| matches!(b, Growth::NewSeat(_))).count();
    assert!(brought[0] != Growth::None || brought[1] != Growth::None);
    assert_eq!((c.active(), c.used(), c.reserve()), (2, 2 + new_seats, new_seats));
    assert!(new_seats == 1 && !crew.can_grow());
}

/// A pool of one with a spare: the first task blocks until the second has run, which takes the spare.
const IN_TURN: &[Task] = &[Task::Blocks(0b10), Task::Quick];
/// After that the third blocks until the fourth has run: the spare comes out of the reserve.
const TWICE: &[Task] = &[Task::Blocks(0b10), Task::Quick, Task::Blocks(0b1000), Task::Quick];
/// Both workers of a pool of two block, and one spare runs what they wait for.
const BOTH: &[Task] = &[Task::Blocks(0b100), Task::Blocks(0b100), Task::Quick];

fn spares(rule: Rule, tasks: &'static [Task], max: usize, end: fn(&Arc<Pool>)) -> Arc<Pool> {
    let pool = Pool::new(rule, tasks, max, 1, 0);
    (0..tasks.len()).for_each(|k| pool.submit(k));
    end(&pool);
    pool
}

holds!(one_word_counts_all, 3, counts);
holds!(a_spare_runs_what_the_blocked_one_waits_for, 1, || {
    assert_eq!(spares(RIGHT, IN_TURN, 1, Pool::end).started.load(Relaxed), 2);
});
holds!(a_spare_is_called_out_of_the_reserve, 1, || {
    let pool = spares(RIGHT, TWICE, 1, Pool::end);
    assert!(pool.started.load(Relaxed) == 2 && pool.stood_by.load(Relaxed) > 0);
});
holds!(one_spare_for_two_blocked_ones, 0, || drop(spares(RIGHT, BOTH, 2, Pool::end)));
holds! {
    /// The pool is closed while the spare stands by and one more task will block.
    a_spare_stays_while_work_is_queued, 1, || drop(spares(RIGHT, TWICE, 1, Pool::close_and_end))
}
refuted! {
    /// What was queued before it blocked is nobody's any more.
    no_block_without_a_look, 1, "deadlock", || {
        drop(spares(Rule { block_without_a_look: true, ..RIGHT }, IN_TURN, 1, Pool::end))
    }
}
refuted!(no_surplus_for_ever, 1, "more are active", || {
    drop(spares(Rule { never_stand_by: true, ..RIGHT }, IN_TURN, 1, Pool::end));
});
refuted!(no_going_home_when_closed, 1, "deadlock", || {
    drop(spares(Rule { home_when_closed: true, ..RIGHT }, TWICE, 1, Pool::close_and_end));
});
