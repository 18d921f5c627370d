//! Throttled wake-ups (`threads/bell` on `threads/queue`). The first task returns only when the others have run, so
//! a task that is queued while a worker sleeps, and a wake-up that is lost, both leave threads asleep for ever.

use super::pool::{Pool, Rule, Task, RIGHT};
use super::{holds, refuted};
use crate::sync::yield_now;
use loom::thread;

const ONE: &[Task] = &[Task::Quick];
const TWO: &[Task] = &[Task::Holds(0b10), Task::Quick];

/// Workers who are going to sleep or asleep, and one submitter.
fn one_submitter(rule: Rule, tasks: &'static [Task], workers: usize) {
    let pool = Pool::with_workers(rule, tasks, workers);
    yield_now();
    (0..tasks.len()).for_each(|k| pool.submit(k));
    pool.end();
}

/// Two workers and two submitters, whose tickets and cells overlap.
fn two_submitters(rule: Rule) {
    let pool = Pool::with_workers(rule, TWO, 2);
    let other = pool.clone();
    let other = thread::spawn(move || other.submit(1));
    pool.submit(0);
    other.join().unwrap();
    pool.end();
}

/// Nobody is there: the first submit starts a thread, and the task that it holds up makes somebody start another.
fn threads_are_started(rule: Rule) {
    let pool = Pool::new(rule, TWO, 2, 0, 0);
    (0..2).for_each(|k| pool.submit(k));
    pool.end();
}

/// Two submitters and nobody there; the first starts of a thread fail.
fn a_start_fails(rule: Rule, failing: usize) {
    let pool = Pool::new(rule, &[Task::Quick; 2], 1, 0, failing);
    let other = pool.clone();
    let other = thread::spawn(move || other.submit(1));
    pool.submit(0);
    other.join().unwrap();
    pool.end();
}

holds!(one_submitter_one_worker, 3, || one_submitter(RIGHT, ONE, 1));
holds!(one_submitter_two_workers, 1, || one_submitter(RIGHT, TWO, 2));
holds!(two_submitters_two_workers, 1, || two_submitters(RIGHT));
holds!(the_second_thread_is_started_when_the_first_is_busy, 1, || threads_are_started(RIGHT));
holds! {
    /// The first start fails, the second does not: who counted on the first is served by the second.
    a_failed_start_leaves_nobody_behind, 1, || a_start_fails(RIGHT, 1)
}
holds! {
    /// No thread can be had: every task ends all the same.
    no_start_succeeds_and_every_task_ends, 1, || a_start_fails(RIGHT, 9)
}
refuted! {
    /// A worker that was woken and holds on to the flag while its task runs.
    no_flag_kept_during_the_task, 1, "deadlock", || one_submitter(Rule { pass_on: false, ..RIGHT }, TWO, 2)
}
refuted!(no_look_before_the_clear, 1, "deadlock", || one_submitter(Rule { look_then_clear: true, ..RIGHT }, TWO, 2));
refuted!(no_last_look_that_only_loads, 2, "deadlock", || one_submitter(
    Rule { last_look_is_a_pop: true, ..RIGHT },
    ONE,
    1
));
refuted!(no_call_before_the_push, 2, "deadlock", || one_submitter(Rule { call_then_push: true, ..RIGHT }, ONE, 1));
refuted! {
    /// The flag of a call that was meant for a worker which stayed up keeps a thread from being started.
    no_flag_left_by_who_stayed_up, 1, "deadlock", || threads_are_started(Rule { woken_if_it_slept: true, ..RIGHT })
}
refuted! {
    /// The submitter sees a free seat, and the worker has looked already.
    no_look_before_the_seat_is_marked, 1, "deadlock", || threads_are_started(Rule { look_then_mark: true, ..RIGHT })
}
refuted! {
    /// A submitter that found a start under way has gone when it fails.
    no_failed_start_without_a_look, 2, "deadlock", || a_start_fails(Rule { leave_the_unserved: true, ..RIGHT }, 1)
}
