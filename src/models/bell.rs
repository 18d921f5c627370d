//! Throttled wake-ups (`threads/bell` on `threads/queue`). The first task returns only when the others have run, so
//! a task that is queued while a worker sleeps, and a wake-up that is lost, both leave threads asleep for ever.

use super::pool::{Pool, Rule, Task, RIGHT};
use super::{holds, refuted};
use loom::thread;

const ONE: &[Task] = &[Task::Quick];
const TWO: &[Task] = &[Task::Holds(0b10), Task::Quick];
const THREE: &[Task] = &[Task::Quick, Task::Holds(0b100), Task::Quick];

/// One submitter, and some of the workers that there may be.
fn one_submitter(rule: Rule, tasks: &'static [Task], max: usize, workers: usize, asleep: bool) {
    let pool = Pool::new(rule, tasks, max, 0, 0);
    pool.seat(workers, asleep);
    (0..tasks.len()).for_each(|k| pool.submit(k));
    pool.end();
}

/// Two submitters, whose tickets and cells overlap.
fn two_submitters(rule: Rule, tasks: &'static [Task], workers: usize, failing_starts: usize) {
    let pool = Pool::new(rule, tasks, workers.max(1), 0, failing_starts);
    pool.seat(workers, true);
    let other = pool.clone();
    let other = thread::spawn(move || other.submit(1));
    pool.submit(0);
    other.join().unwrap();
    pool.end();
}

holds! {
    /// A worker that is going to sleep, and the submit that it may miss.
    a_submit_to_one_who_falls_asleep, 3, || one_submitter(RIGHT, ONE, 1, 1, false)
}
holds! {
    /// Two workers are asleep: the one that is woken wakes the other before its task holds it up.
    who_was_woken_wakes_the_next, 2, || one_submitter(RIGHT, TWO, 2, 2, true)
}
holds!(two_submitters_to_two_sleepers, 1, || two_submitters(RIGHT, TWO, 2, 0));
holds! {
    /// Nobody is there: the first submit starts a thread, and when that is held up somebody starts another.
    a_second_thread_is_started_when_the_first_is_busy, 2, || one_submitter(RIGHT, TWO, 2, 0, true)
}
holds! {
    /// A worker that is going to sleep, stays up, and is held up with a call that was meant for it in flight.
    a_second_thread_for_one_that_stayed_up, 1, || one_submitter(RIGHT, TWO, 2, 1, false)
}
holds! {
    /// As before, with a worker that nobody has woken when it is held up.
    a_second_thread_for_one_that_was_up, 1, || one_submitter(RIGHT, THREE, 2, 0, true)
}
holds! {
    /// The first start fails, the second does not: nobody has counted on the first.
    a_failed_start_leaves_nobody_behind, 2, || two_submitters(RIGHT, &[Task::Quick; 2], 0, 1)
}
holds! {
    /// No thread can be had: every submit is refused.
    every_start_fails, 2, || two_submitters(RIGHT, &[Task::Quick; 2], 0, 9)
}
refuted! {
    /// A worker that was woken and holds on to the flag while its task runs.
    no_flag_kept_during_the_task, 1, "deadlock", || one_submitter(Rule { pass_on: false, ..RIGHT }, TWO, 2, 2, true)
}
refuted!(no_look_before_the_clear, 1, "deadlock", || {
    one_submitter(Rule { look_then_clear: true, ..RIGHT }, TWO, 2, 2, true)
});
refuted!(no_last_look_that_only_loads, 2, "deadlock", || {
    one_submitter(Rule { last_look_is_a_pop: true, ..RIGHT }, ONE, 1, 1, false)
});
refuted!(no_call_before_the_push, 2, "deadlock", || {
    one_submitter(Rule { call_then_push: true, ..RIGHT }, ONE, 1, 1, false)
});
refuted! {
    /// The flag of a call that was meant for a worker which stayed up keeps a thread from being started.
    no_flag_left_by_who_stayed_up, 2, "deadlock", || {
        one_submitter(Rule { woken_if_it_slept: true, ..RIGHT }, TWO, 2, 1, false)
    }
}
refuted! {
    /// The submitter sees a free seat, and the worker has looked already.
    no_look_before_the_seat_is_marked, 1, "deadlock", || {
        one_submitter(Rule { look_then_mark: true, ..RIGHT }, THREE, 2, 0, true)
    }
}
refuted! {
    /// A submitter that found a start under way has gone when it fails.
    no_first_starts_that_overlap, 2, "deadlock", || {
        two_submitters(Rule { first_starts_overlap: true, ..RIGHT }, &[Task::Quick; 2], 0, 1)
    }
}
