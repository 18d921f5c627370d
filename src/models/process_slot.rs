//! The word of a task in shared memory (`processes/slot`), with `queue::take`, the repair after a death and the audit: a
//! worker may vanish at any step, and each task ends once. The word is the real one; what lies beside it in the shared
//! memory is put together here.
//!
//! A death is seen as the end of a thread: the host knows of it when the process is gone, and of all that it wrote.

use super::{holds, refuted};
use crate::processes::slot::{self, Word, CLAIMED, DONE, WAITERS};
use crate::sync::{AtomicU64, Cell, Lock, Ordering::*, Sleepers};
use crate::time::Deadline;
use loom::thread;
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Rule {
    /// A task is claimed, then its cell is popped; else the other way about.
    claim_first: bool,
    /// A worker says what it will claim before it claims it.
    intent_first: bool,
    /// A claim that its worker does not name is taken in one step from the word as it was seen.
    second_look: bool,
    /// The completion is one exchange.
    exchange: bool,
    /// Who repairs wakes those that sleep on the word.
    repair_wakes: bool,
}

const RIGHT: Rule =
    Rule { claim_first: true, intent_first: true, second_look: true, exchange: true, repair_wakes: true };

/// After which step a worker vanishes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Never,
    Intent,
    Claim,
    Pop,
    Result,
    Done,
}

const GENERATION: u32 = 1;
/// No task's number; a task is named by its number and one more.
const NONE: u64 = 0;

struct Task {
    word: Word,
    sleepers: Sleepers,
    result: Cell<u32>,
    /// The host's own: how it has ended.
    ends: Lock<Vec<&'static str>>,
}

struct Pool {
    rule: Rule,
    tasks: Vec<Task>,
    head: AtomicU64,
    intents: [AtomicU64; 2],
}

impl Pool {
    /// With so many tasks in the queue.
    fn new(rule: Rule, tasks: usize) -> Arc<Pool> {
        let task = |_| {
            let word = Word::new();
            word.open(GENERATION, 0);
            Task { word, sleepers: Sleepers::new(), result: Cell::new(0), ends: Lock::new(Vec::new()) }
        };
        let intents = [AtomicU64::new(NONE), AtomicU64::new(NONE)];
        Arc::new(Pool { rule, tasks: (0..tasks).map(task).collect(), head: AtomicU64::new(0), intents })
    }

    fn pop(&self, head: u64) -> bool {
        self.head.compare_exchange(head, head + 1, Release, Relaxed).is_ok()
    }

    /// As `Ready::take`. Err: the worker has vanished.
    fn take(&self, me: u16, dies: Step) -> Result<Option<usize>, ()> {
        let at = |step| if dies == step { Err(()) } else { Ok(()) };
        let intent = &self.intents[me as usize];
        loop {
            let head = self.head.load(Acquire);
            if head as usize >= self.tasks.len() {
                intent.store(NONE, Release);
                return Ok(None);
            }
            if !self.rule.claim_first {
                if !self.pop(head) {
                    continue;
                }
                at(Step::Pop)?;
            }
            if self.rule.intent_first {
                intent.store(head + 1, Release);
                at(Step::Intent)?;
            }
            let mine = self.tasks[head as usize].word.claim(GENERATION, me).is_some();
            if mine {
                at(Step::Claim)?;
            }
            if !self.rule.intent_first {
                intent.store(head + 1, Release);
            }
            if self.rule.claim_first {
                self.pop(head);
            }
            if mine {
                at(Step::Pop)?;
                return Ok(Some(head as usize));
            }
        }
    }

    /// As `Worker::serve`, until it finds nothing.
    fn serve(&self, me: u16, dies: Step) -> Result<(), ()> {
        let at = |step| if dies == step { Err(()) } else { Ok(()) };
        while let Some(index) = self.take(me, dies)? {
            let task = &self.tasks[index];
            // SAFETY: as loom has it: who has claimed the task is the only one.
            task.result.with_mut(|r| unsafe { *r = index as u32 + 1 });
            at(Step::Result)?;
            let before = if self.rule.exchange {
                task.word.complete(GENERATION, me).unwrap()
            } else {
                let before = task.word.look();
                task.word.close(GENERATION);
                before
            };
            at(Step::Done)?;
            if before & WAITERS != 0 {
                task.sleepers.wake_all(task.word.bed());
            }
        }
        Ok(())
    }

    fn end(&self, index: usize, how: &'static str) {
        self.tasks[index].ends.lock().push(how);
    }

    /// Fetches the outcome if the worker has stored one.
    fn harvest(&self, index: usize) -> bool {
        let task = &self.tasks[index];
        let done = slot::state(task.word.look()) == DONE;
        if done {
            // SAFETY: as loom has it: the word publishes it.
            assert_eq!(task.result.with(|r| unsafe { *r }), index as u32 + 1);
            self.end(index, "done");
        }
        done
    }

    /// As `Pool::take_from`: what the dead worker had.
    fn repair(&self, dead: u16) {
        let Some(index) = self.intents[dead as usize].load(Acquire).checked_sub(1) else { return };
        let task = &self.tasks[index as usize];
        if task.word.take_claimed(GENERATION, dead).is_some() {
            self.end(index as usize, "died");
        }
        if self.rule.repair_wakes {
            task.sleepers.wake_all(task.word.bed());
        }
    }

    /// As `Pool::audit`: takes a claim that its worker does not name.
    fn audit(&self, index: usize) {
        let word = &self.tasks[index].word;
        let w = word.look();
        if slot::state(w) != CLAIMED {
            return;
        }
        let worker = slot::worker(w);
        if self.intents[worker as usize].load(Acquire) == index as u64 + 1 {
            return;
        }
        let taken = !self.rule.second_look || word.take_claimed(GENERATION, worker).is_some();
        assert!(!taken, "an honest claim was taken");
    }

    /// As `Far::sleep`, until the task is done.
    fn sleep(&self, index: usize) {
        let task = &self.tasks[index];
        while let Ok(w) = task.word.flag(GENERATION, WAITERS) {
            let unchanged = || task.word.look() as u32 == w as u32;
            // SAFETY: the word lives as long as the pool.
            unsafe { task.sleepers.wait(task.word.bed(), w as u32, unchanged, Deadline::NEVER) };
        }
    }

    fn check(&self) {
        for (index, task) in self.tasks.iter().enumerate() {
            if !self.harvest(index) && task.word.take_ready(GENERATION).is_some() {
                panic!("a task was left in the queue, behind its head");
            }
            assert_eq!(task.ends.lock().len(), 1, "how often a task has ended");
        }
    }
}

/// Two workers have two tasks; one of them vanishes, and the host cancels the second task meanwhile if it can.
fn death(rule: Rule, dies: Step) {
    let pool = Pool::new(rule, 2);
    let (mortal, other) = (pool.clone(), pool.clone());
    let mortal = thread::spawn(move || mortal.serve(0, dies).is_err());
    let other = thread::spawn(move || other.serve(1, Step::Never).unwrap());
    if pool.tasks[1].word.take_ready(GENERATION).is_some() {
        pool.end(1, "cancelled");
    }
    if mortal.join().unwrap() {
        pool.repair(0);
    }
    other.join().unwrap();
    pool.check();
}

/// The host looks at both tasks of a worker, again and again, while it runs them. The worker is the thread that loom runs
/// first: a load after a store may still read what was there before, but not the other way about.
fn audit(rule: Rule) {
    let pool = Pool::new(rule, 2);
    let host = pool.clone();
    let host = thread::spawn(move || [0, 1, 0, 1].map(|index| host.audit(index)));
    pool.serve(0, Step::Never).unwrap();
    host.join().unwrap();
    pool.check();
}

/// A thread sleeps on the word of a task while another one stirs it and a worker completes it, and vanishes perhaps.
fn sleeper(rule: Rule, dies: Step) {
    let pool = Pool::new(rule, 1);
    let (worker, host) = (pool.clone(), pool.clone());
    let worker = thread::spawn(move || worker.serve(0, dies).is_err());
    let host = thread::spawn(move || host.sleep(0));
    pool.tasks[0].word.stir(GENERATION);
    if worker.join().unwrap() {
        pool.repair(0);
    }
    host.join().unwrap();
}

holds!(who_vanishes_with_an_intent_takes_nothing_along, 2, || death(RIGHT, Step::Intent));
holds!(who_vanishes_with_a_claim_takes_only_that_along, 2, || death(RIGHT, Step::Claim));
holds!(who_vanishes_after_the_pop_takes_only_that_along, 2, || death(RIGHT, Step::Pop));
holds!(who_vanishes_with_a_result_takes_only_that_along, 2, || death(RIGHT, Step::Result));
holds!(who_vanishes_after_the_completion_has_done_it, 2, || death(RIGHT, Step::Done));
holds!(each_task_is_done_once, 2, || death(RIGHT, Step::Never));
holds!(an_audit_takes_no_honest_claim, 3, || audit(RIGHT));
holds!(sleepers_hear_of_the_completion, 3, || sleeper(RIGHT, Step::Never));
holds!(sleepers_hear_of_a_death, 3, || sleeper(RIGHT, Step::Claim));
holds!(sleepers_hear_of_a_completion_whose_worker_vanished, 3, || sleeper(RIGHT, Step::Done));

refuted!(no_pop_before_the_claim, 2, "left in the queue, behind its head", || {
    death(Rule { claim_first: false, ..RIGHT }, Step::Pop)
});
refuted!(no_claim_before_the_intent, 2, "how often a task has ended", || {
    death(Rule { intent_first: false, ..RIGHT }, Step::Claim)
});
refuted!(no_audit_of_claims_before_their_intent, 3, "an honest claim was taken", || {
    audit(Rule { intent_first: false, ..RIGHT })
});
refuted!(no_audit_without_a_second_look, 3, "an honest claim was taken", || {
    audit(Rule { second_look: false, ..RIGHT })
});
refuted!(no_completion_that_stores, 3, "deadlock", || sleeper(Rule { exchange: false, ..RIGHT }, Step::Never));
refuted!(no_repair_that_wakes_nobody, 3, "deadlock", || { sleeper(Rule { repair_wakes: false, ..RIGHT }, Step::Done) });
