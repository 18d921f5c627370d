//! The bell of a process pool (`processes/bell`, with `queue::take` and the submit): the host wakes one worker and
//! leaves the next to that one. Put together from atomics as there, since the real ones lie in shared memory.
//!
//! Each task but the last holds its worker until the next one has run: a wake that is missing leaves a thread asleep for
//! ever. A worker that is to die ends while it owes another one its wake, and the host sees the death as it does a
//! process's.

use super::{holds, refuted};
use crate::sync::{self, fence, yield_now, AtomicU32, AtomicU64, Ordering::*, Sleepers};
use crate::time::Deadline;
use loom::thread;
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Rule {
    /// Who was woken and has taken a task wakes the next worker if there is more.
    pass_on: bool,
    /// The last look before a sleep reads the head, then the tail, with a fence in between.
    head_first: bool,
    /// The host looks whether the last wake was used up after its push can be seen.
    fence_in_push: bool,
    /// After a death every worker is woken, whatever its word says.
    wakes_all: bool,
}

const RIGHT: Rule = Rule { pass_on: true, head_first: true, fence_in_push: true, wakes_all: true };

/// Where the worker that passes the first wake on dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Death {
    None,
    /// It has taken a bit.
    Taken,
    /// It has cleared the word of the other one.
    Cleared,
}

struct Pool {
    rule: Rule,
    head: AtomicU64,
    tail: AtomicU64,
    stop: AtomicU32,
    bits: AtomicU32,
    naps: Vec<(AtomicU32, Sleepers)>,
    /// Tasks that have run, one bit each.
    ran: AtomicU32,
    waiting: Sleepers,
    /// The host's own.
    rung: AtomicU64,
}

impl Pool {
    fn new(rule: Rule, workers: usize) -> Arc<Pool> {
        Arc::new(Pool {
            rule,
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            stop: AtomicU32::new(0),
            bits: AtomicU32::new(0),
            naps: (0..workers).map(|_| (AtomicU32::new(0), Sleepers::new())).collect(),
            ran: AtomicU32::new(0),
            waiting: Sleepers::new(),
            rung: AtomicU64::new(0),
        })
    }

    /// As `Rung::announce` after a push.
    fn push(&self) {
        let ticket = self.tail.load(Relaxed);
        self.tail.store(ticket + 1, Release);
        if self.rule.fence_in_push {
            fence(SeqCst);
        }
        if self.head.load(Acquire) >= self.rung.load(Relaxed) && self.wake_one(Death::None).is_some() {
            self.rung.fetch_max(ticket + 1, Relaxed);
        }
    }

    /// None if nobody sleeps; false if the caller dies of it.
    fn wake_one(&self, death: Death) -> Option<bool> {
        let mut bits = self.bits.load(Relaxed);
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            bits &= !bit;
            if self.bits.fetch_and(!bit, AcqRel) & bit != 0 {
                return Some(death != Death::Taken && self.rouse(bit.trailing_zeros() as usize, death));
            }
        }
        None
    }

    fn rouse(&self, worker: usize, death: Death) -> bool {
        let (nap, sleepers) = &self.naps[worker];
        nap.store(0, Release);
        if death == Death::Cleared {
            return false;
        }
        sleepers.wake_all(sync::address(nap));
        true
    }

    fn ring_all(&self) {
        for (nap, sleepers) in &self.naps {
            if nap.swap(0, AcqRel) != 0 || self.rule.wakes_all {
                sleepers.wake_all(sync::address(nap));
            }
        }
    }

    /// False if the caller dies of it.
    fn pass_on(&self, death: Death) -> bool {
        fence(SeqCst);
        if !self.has_work() {
            return true;
        }
        self.wake_one(death).unwrap_or(true)
    }

    fn has_work(&self) -> bool {
        if self.rule.head_first {
            let head = self.head.load(Acquire);
            fence(SeqCst);
            self.tail.load(Acquire) > head
        } else {
            let tail = self.tail.load(Acquire);
            tail > self.head.load(Acquire)
        }
    }

    fn nap(&self, me: usize) {
        let (nap, sleepers) = &self.naps[me];
        nap.store(1, Relaxed);
        self.bits.fetch_or(1 << me, AcqRel);
        fence(SeqCst);
        if !self.has_work() && self.stop.load(Acquire) == 0 {
            // SAFETY: the word lives as long as the pool.
            unsafe { sleepers.wait(sync::address(nap), 1, || nap.load(Relaxed) == 1, Deadline::NEVER) };
        } else {
            yield_now(); // the look that found nothing was stale, or this one is
        }
        self.bits.fetch_and(!(1 << me), AcqRel);
    }

    fn take(&self) -> Option<u64> {
        loop {
            let head = self.head.load(Acquire);
            if self.tail.load(Acquire) <= head {
                return None;
            }
            if self.head.compare_exchange(head, head + 1, AcqRel, Relaxed).is_ok() {
                return Some(head);
            }
        }
    }

    fn live(&self, me: usize, tasks: u64, mut woken: bool) {
        loop {
            match self.take() {
                Some(task) => {
                    if core::mem::take(&mut woken) && self.rule.pass_on {
                        self.pass_on(Death::None);
                    }
                    if task + 1 < tasks {
                        self.wait_for(1 << (task + 1));
                    }
                    self.end(task);
                }
                None if self.stop.load(Acquire) != 0 => return,
                None => {
                    self.nap(me);
                    woken = true;
                }
            }
        }
    }

    fn end(&self, task: u64) {
        self.ran.fetch_or(1 << task, AcqRel);
        self.waiting.wake_all(sync::address(&self.ran));
    }

    fn end_all(&self) {
        loom::stop_exploring();
        self.stop.store(1, SeqCst);
        fence(SeqCst);
        self.ring_all();
    }

    fn wait_for(&self, tasks: u32) {
        loop {
            let ran = self.ran.load(Acquire);
            if ran & tasks == tasks {
                return;
            }
            let unchanged = || self.ran.load(Relaxed) == ran;
            // SAFETY: as above.
            unsafe { self.waiting.wait(sync::address(&self.ran), ran, unchanged, Deadline::NEVER) };
        }
    }
}

/// The host queues so many tasks; as many workers are on their way to sleep.
fn chain(rule: Rule, workers: usize, tasks: u64) {
    let pool = Pool::new(rule, workers);
    let threads: Vec<_> = (0..workers)
        .map(|me| {
            let pool = pool.clone();
            thread::spawn(move || pool.live(me, tasks, false))
        })
        .collect();
    (0..tasks).for_each(|_| pool.push());
    pool.wait_for((1 << tasks) - 1);
    pool.end_all();
    for t in threads {
        t.join().unwrap();
    }
}

/// A worker that was woken has taken the first task and found nobody asleep; another one falls asleep since, and a third
/// takes the second task while the third one is queued.
fn late_sleeper(rule: Rule) {
    let pool = Pool::new(rule, 2);
    pool.head.store(1, Relaxed);
    pool.tail.store(2, Relaxed);
    pool.rung.store(2, Relaxed);
    let (sleeper, other) = (pool.clone(), pool.clone());
    let sleeper = thread::spawn(move || {
        sleeper.nap(0);
        sleeper.live(0, 3, true);
    });
    let other = thread::spawn(move || other.live(1, 3, false));
    pool.push();
    pool.wait_for(0b110);
    pool.end_all();
    sleeper.join().unwrap();
    other.join().unwrap();
}

/// A worker that was woken has taken the first task, and dies as it passes the wake on for the second.
fn death(rule: Rule, death: Death) {
    let pool = Pool::new(rule, 1);
    pool.head.store(1, Relaxed);
    pool.tail.store(2, Relaxed);
    pool.rung.store(2, Relaxed);
    let (mortal, sleeper) = (pool.clone(), pool.clone());
    let mortal = thread::spawn(move || mortal.pass_on(death));
    let sleeper = thread::spawn(move || {
        sleeper.nap(0);
        sleeper.live(0, 0, true);
    });
    mortal.join().unwrap();
    pool.ring_all();
    pool.wait_for(0b10);
    pool.end_all();
    sleeper.join().unwrap();
}

holds!(each_task_finds_a_worker, 2, || chain(RIGHT, 2, 2));
holds!(who_falls_asleep_late_is_not_forgotten, 2, || late_sleeper(RIGHT));
holds!(who_dies_with_a_bit_is_made_up_for, 3, || death(RIGHT, Death::Taken));
holds!(who_dies_with_a_cleared_word_is_made_up_for, 3, || death(RIGHT, Death::Cleared));

refuted!(no_wake_that_ends_with_its_task, 2, "deadlock", || chain(Rule { pass_on: false, ..RIGHT }, 2, 2));
refuted!(no_push_without_a_fence, 2, "deadlock", || chain(Rule { fence_in_push: false, ..RIGHT }, 2, 2));
refuted!(no_last_look_at_the_tail_first, 2, "deadlock", || late_sleeper(Rule { head_first: false, ..RIGHT }));
refuted!(no_ring_for_all_that_believes_the_words, 3, "deadlock", || {
    death(Rule { wakes_all: false, ..RIGHT }, Death::Cleared)
});
