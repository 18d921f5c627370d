//! The node and the hints that outlive it (`future/word`). The first task is claimed, finished and released by its
//! waiter while a worker still holds the hint; the node is used again for the second task; a canceller races with
//! every claim of the first.

use super::{holds, refuted};
use crate::future::word::{self, Word, CANCELLED, FINISHED, RUNNING, WAITERS};
use crate::sync::{self, AtomicBool, AtomicU32, AtomicU64, Cell, Ordering::*, Sleepers};
use crate::time::Deadline;
use loom::thread;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;

const NOTHING: u32 = 9;

/// What differs in the variations; `RIGHT` is what the code does.
#[derive(Clone, Copy)]
struct Rule {
    /// A claim takes the generation from the word, not from the hint.
    any_generation: bool,
    /// The task is read before the claim has won.
    look_before_the_claim: bool,
    /// Who wins a cancel leaves the pool's reference alone.
    cancel_keeps_the_reference: bool,
    /// The node is given back before the generation has risen.
    free_before_the_close: bool,
    /// The last reference does not acquire what the others have done.
    no_acquire_at_the_end: bool,
}

const RIGHT: Rule = Rule {
    any_generation: false,
    look_before_the_claim: false,
    cancel_keeps_the_reference: false,
    free_before_the_close: false,
    no_acquire_at_the_end: false,
};

struct Node {
    word: Word,
    refs: AtomicU32,
    task: Cell<u32>,
    result: Cell<u32>,
    sleepers: Sleepers,
    free: AtomicBool,
}

struct Slab {
    rule: Rule,
    nodes: [Node; 2],
    /// The queue: `generation:32 | index + 1` of each task, 0 when taken.
    hints: [AtomicU64; 2],
    ran: [AtomicUsize; 2],
    freed: [AtomicUsize; 2],
    cancelled: AtomicUsize,
}

impl Slab {
    fn new(rule: Rule) -> Arc<Slab> {
        let node = || Node {
            word: Word::new(),
            refs: AtomicU32::new(0),
            task: Cell::new(NOTHING),
            result: Cell::new(NOTHING),
            sleepers: Sleepers::new(),
            free: AtomicBool::new(true),
        };
        let n = || AtomicUsize::new(0);
        Arc::new(Slab {
            rule,
            nodes: [node(), node()],
            hints: [AtomicU64::new(0), AtomicU64::new(0)],
            ran: [n(), n()],
            freed: [n(), n()],
            cancelled: n(),
        })
    }

    /// A node for the task, the same again if it is free: one reference is the caller's, one the pool's.
    fn submit(&self, task: u32) -> usize {
        // Acquire: pairs with the Release in `release`.
        let i = !self.nodes[0].free.swap(false, Acquire) as usize;
        let n = &self.nodes[i];
        // SAFETY: a free node in the hands of its maker.
        n.task.with_mut(|p| unsafe { *p = task });
        n.refs.store(2, Relaxed);
        n.word.open(0);
        let hint = (word::generation(n.word.load(Relaxed)) as u64) << 32 | (i as u64 + 1);
        // Relaxed, so that the model finds what the word itself must order.
        self.hints[task as usize].store(hint, Relaxed);
        i
    }

    /// PENDING becomes `to`: the pool's reference is the caller's then.
    fn take(&self, i: usize, generation: u32, to: u64) -> Option<u64> {
        let word = &self.nodes[i].word;
        let now = || word::generation(word.load(Relaxed));
        word.take(if self.rule.any_generation { now() } else { generation }, to, 1, false)
    }

    /// Claims and runs.
    fn claim(&self, i: usize, generation: u32, expected: u32) {
        let n = &self.nodes[i];
        // SAFETY: written before PENDING, and read by the claimer.
        let read = || n.task.with(|p| unsafe { *p });
        let early = self.rule.look_before_the_claim.then(read);
        if self.take(i, generation, RUNNING).is_none() {
            return;
        }
        let task = early.unwrap_or_else(read);
        assert_eq!(task, expected, "a stranger's task was claimed");
        self.ran[task as usize].fetch_add(1, Relaxed);
        // SAFETY: by the claimer.
        n.result.with_mut(|p| unsafe { *p = task + 10 });
        self.tell(i, n.word.publish(FINISHED));
        self.release(i);
    }

    fn tell(&self, i: usize, before: u64) {
        let n = &self.nodes[i];
        if before & WAITERS != 0 {
            n.sleepers.wake_all(sync::low_half(n.word.atomic()));
        }
    }

    fn release(&self, i: usize) {
        let n = &self.nodes[i];
        if n.refs.fetch_sub(1, Release) != 1 {
            return;
        }
        if !self.rule.no_acquire_at_the_end {
            n.refs.load(Acquire);
        }
        // SAFETY: nobody has a reference any more.
        let task = n.task.with_mut(|p| unsafe { core::mem::replace(&mut *p, NOTHING) });
        // SAFETY: as above.
        n.result.with_mut(|p| unsafe { *p = NOTHING });
        self.freed[task as usize].fetch_add(1, Relaxed);
        if self.rule.free_before_the_close {
            n.free.store(true, Release);
            n.word.close();
        } else {
            n.word.close();
            n.free.store(true, Release);
        }
    }

    /// By a holder of a reference, so the generation stands still.
    fn cancel(&self, i: usize) {
        let generation = word::generation(self.nodes[i].word.load(Relaxed));
        if let Some(before) = self.take(i, generation, CANCELLED) {
            self.cancelled.fetch_add(1, Relaxed);
            self.tell(i, before);
            if !self.rule.cancel_keeps_the_reference {
                self.release(i);
            }
        }
        self.release(i);
    }

    /// Runs it here if it is still pending, waits, looks, and gives the reference back.
    fn wait(&self, i: usize, task: u32) {
        let n = &self.nodes[i];
        self.claim(i, word::generation(n.word.load(Relaxed)), task);
        loop {
            let w = n.word.flag(WAITERS) | WAITERS;
            if word::is_done(w) {
                break;
            }
            let unchanged = || n.word.load(Relaxed) as u32 == w as u32;
            // SAFETY: the reference keeps the word.
            unsafe { n.sleepers.wait(sync::low_half(n.word.atomic()), w as u32, unchanged, Deadline::NEVER) };
        }
        if word::state(n.word.load(Acquire)) == FINISHED {
            // SAFETY: published.
            assert_eq!(n.result.with(|p| unsafe { *p }), task + 10);
        }
        self.release(i);
    }

    /// Takes both hints, which may be stale.
    fn work(&self) {
        for task in 0..2 {
            let hint = self.hints[task].swap(0, Relaxed);
            if hint != 0 {
                self.claim(hint as u32 as usize - 1, (hint >> 32) as u32, task as u32);
            }
        }
    }
}

fn two_tasks(rule: Rule, canceller: bool) {
    let slab = Slab::new(rule);
    let i = slab.submit(0);
    let worker = slab.clone();
    let mut threads = vec![thread::spawn(move || worker.work())];
    if canceller {
        slab.nodes[i].refs.fetch_add(1, Relaxed);
        let other = slab.clone();
        threads.push(thread::spawn(move || other.cancel(i)));
    }
    slab.wait(i, 0);
    let i = slab.submit(1);
    slab.wait(i, 1);
    threads.into_iter().for_each(|t| t.join().unwrap());
    let n = |a: &AtomicUsize| a.load(Relaxed);
    assert_eq!((n(&slab.ran[0]) + n(&slab.cancelled), n(&slab.ran[1])), (1, 1), "each task runs or is cancelled once");
    assert_eq!((n(&slab.freed[0]), n(&slab.freed[1])), (1, 1), "the last reference goes exactly once");
}

holds! {
    /// A stale hint claims nothing and touches nothing but the word, also when the node is a stranger's by then.
    stale_hints_and_a_node_used_again, 3, || two_tasks(RIGHT, false)
}
holds! {
    /// As before, with a canceller: whoever takes the word out of PENDING owns the pool's reference.
    cancel_against_both_claims, 2, || two_tasks(RIGHT, true)
}
refuted!(no_claim_of_any_generation, 3, "stranger", || two_tasks(Rule { any_generation: true, ..RIGHT }, false));
refuted!(no_look_before_the_claim, 3, "Causality violation", || {
    two_tasks(Rule { look_before_the_claim: true, ..RIGHT }, false)
});
refuted!(no_cancel_that_keeps_the_reference, 2, "the last reference", || {
    two_tasks(Rule { cancel_keeps_the_reference: true, ..RIGHT }, true)
});
refuted! {
    /// Its next user opens it in the old generation, and the close then takes its task away.
    no_node_given_back_before_its_end, 3, "deadlock", || {
        two_tasks(Rule { free_before_the_close: true, ..RIGHT }, false)
    }
}
refuted!(no_end_without_an_acquire, 3, "Causality violation", || {
    two_tasks(Rule { no_acquire_at_the_end: true, ..RIGHT }, false)
});
