//! A worker's deque (`threads/deque`): its worker adds and takes back, others steal. And what is asked after a push or
//! before a sleep: with the bell, and with the queue's closed mark.
//!
//! The twins leave the full fences out.

use super::{holds, refuted};
use crate::sync::model::NO_FENCES;
use crate::sync::{full_fence, AtomicU32, Cell, Ordering::*};
use crate::threads::bell::Bell;
use crate::threads::deque::{Deque, Steal};
use crate::threads::queue::Fifo;
use loom::thread;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;

/// The hint `i + 1` stands for `task[i]`, which is written before the push, and taken once.
struct Tasks<const N: usize> {
    deque: Deque<N>,
    task: Vec<Cell<usize>>,
    taken: Vec<AtomicUsize>,
}

impl<const N: usize> Tasks<N> {
    fn new(n: usize) -> Arc<Tasks<N>> {
        let task = (0..n).map(|_| Cell::new(0)).collect();
        Arc::new(Tasks { deque: Deque::new().unwrap(), task, taken: (0..n).map(|_| AtomicUsize::new(0)).collect() })
    }
    fn push(&self, i: usize) -> bool {
        // SAFETY: before the push nobody knows of it.
        self.task[i].with_mut(|p| unsafe { *p = i + 1 });
        self.deque.push(i as u64 + 1)
    }
    fn take(&self, hint: u64) {
        assert_ne!(hint, 0, "a cell that was not filled");
        let i = hint as usize - 1;
        // SAFETY: the push was seen.
        assert_eq!(self.task[i].with(|p| unsafe { *p }), i + 1, "the task is not what was pushed");
        assert_eq!(self.taken[i].fetch_add(1, Relaxed), 0, "a hint came out twice");
    }
    fn steal(&self) {
        if let Steal::Hint(hint) = self.deque.steal() {
            self.take(hint);
        }
    }
    /// As `Seat::claim` does, in which the claim's update is of another word.
    fn take_back(&self, update: &AtomicU32) {
        if let Some(last) = self.deque.last() {
            if self.deque.take_back(|| update.fetch_add(1, AcqRel) < 100) {
                self.take(last);
            }
        }
    }
    /// What is left, once all threads have ended.
    fn take_rest(&self, pushed: usize) {
        while let Steal::Hint(hint) = self.deque.steal() {
            self.take(hint);
        }
        (0..pushed).for_each(|i| assert_eq!(self.taken[i].load(Relaxed), 1, "a hint is lost"));
    }
}

/// The owner adds, takes back and adds again; so many thieves look twice each.
fn owner_and_thieves<const N: usize>(thieves: usize) {
    let tasks = Tasks::<N>::new(3);
    let threads: Vec<_> = (0..thieves)
        .map(|_| {
            let tasks = tasks.clone();
            thread::spawn(move || (0..2).for_each(|_| tasks.steal()))
        })
        .collect();
    let word = AtomicU32::new(0);
    assert!(tasks.push(0));
    let mut pushed = 1 + tasks.push(1) as usize;
    tasks.take_back(&word);
    pushed += (pushed == 2 && tasks.push(2)) as usize;
    tasks.take_back(&word);
    threads.into_iter().for_each(|t| t.join().unwrap());
    tasks.take_rest(pushed);
}

/// Two hints, taken back while a thief looks twice; with a fence on neither side, from when they are there.
fn two_taken_back_without_fences() {
    NO_FENCES.store(false, Relaxed);
    let tasks = Tasks::<4>::new(2);
    let word = AtomicU32::new(0);
    assert!(tasks.push(0) && tasks.push(1));
    NO_FENCES.store(true, Relaxed);
    let thief = tasks.clone();
    let thief = thread::spawn(move || (0..2).for_each(|_| thief.steal()));
    (0..2).for_each(|_| tasks.take_back(&word));
    thief.join().unwrap();
    tasks.take_rest(2);
}

/// The last hint, wanted by both.
fn the_last_one() {
    let tasks = Tasks::<2>::new(2);
    let thief = tasks.clone();
    let thief = thread::spawn(move || (0..2).for_each(|_| thief.steal()));
    let word = AtomicU32::new(0);
    assert!(tasks.push(0));
    tasks.take_back(&word);
    assert!(tasks.push(1));
    thief.join().unwrap();
    tasks.take_rest(2);
}

/// A worker goes to sleep while another submits: it sees the hint, or is called.
fn sleeper_and_submitter() {
    let shared = Arc::new((Tasks::<2>::new(1), Bell::new()));
    let other = shared.clone();
    let sleeper = thread::spawn(move || {
        let (tasks, bell) = &*other;
        bell.sleep(|| {
            full_fence();
            tasks.deque.has_work()
        });
        tasks.steal();
    });
    let (tasks, bell) = &*shared;
    assert!(tasks.push(0));
    bell.call();
    sleeper.join().unwrap();
    tasks.take_rest(1);
}

/// The pool is closed while a task submits: the submitter sees that, or whoever closed it sees the hint.
fn closer_and_submitter() {
    let shared = Arc::new((Tasks::<2>::new(1), Fifo::<2>::new().unwrap()));
    let other = shared.clone();
    let closer = thread::spawn(move || {
        let (tasks, queue) = &*other;
        queue.close();
        full_fence();
        tasks.deque.has_work()
    });
    let (tasks, queue) = &*shared;
    assert!(tasks.push(0));
    let refused = queue.is_closed();
    assert!(closer.join().unwrap() || refused, "accepted, and nobody sees it");
}

fn without_fences(model: fn()) -> impl Fn() {
    move || {
        NO_FENCES.store(true, Relaxed);
        model();
    }
}

holds!(each_hint_comes_out_once, 3, || owner_and_thieves::<4>(1));
holds!(two_thieves, 2, || owner_and_thieves::<4>(2));
holds!(a_ring_that_is_full, 3, || owner_and_thieves::<2>(1));
holds!(the_last_hint_has_one_taker, 3, the_last_one);
holds!(a_sleeper_sees_the_hint_or_is_called, 3, sleeper_and_submitter);
holds!(a_closed_pool_refuses_or_runs, 3, closer_and_submitter);

refuted!(no_fence_in_take_back, 3, "a hint came out twice", two_taken_back_without_fences);
refuted!(no_fence_in_push, 3, "a cell that was not filled", without_fences(|| owner_and_thieves::<4>(1)));
refuted!(no_fence_before_the_call, 3, "deadlock", without_fences(sleeper_and_submitter));
refuted!(no_fence_before_the_closed_mark, 3, "nobody sees it", without_fences(closer_and_submitter));
