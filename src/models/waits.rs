//! Pools whose tasks wait for each other, under the real judge (`graph`) and over real words. Driven by `deadlock`.
//!
//! What a wait is for is answered as `deadlock` in the library does; how waiters sleep and look again is as in `wait`.

use crate::future::word::{self, Word, BY_HAND, FINISHED, PENDING, RUNNING, SETTING, WAITERS};
use crate::graph::{Graph, Verdict, Wait};
use crate::sync::{self, yield_now, AtomicBool, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::time::Deadline;
use loom::thread;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    All,
    Any,
    /// ALL, and the waiter cannot give up.
    Firm,
}

/// What a task waits for: futures of this kind, by number.
pub type Set = (Kind, &'static [usize]);

pub use Kind::*;

#[derive(Clone, Copy)]
pub struct Task {
    /// One after the other.
    pub waits: &'static [Set],
    /// May a waiter run it?
    pub inline: bool,
    pub by_hand: bool,
    /// The other threads run before it waits.
    pub late: bool,
}

pub const fn task(waits: &'static [Set]) -> Task {
    Task { waits, inline: false, by_hand: false, late: false }
}

pub const fn inline(waits: &'static [Set]) -> Task {
    Task { waits, inline: true, by_hand: false, late: false }
}

pub const fn late(waits: &'static [Set]) -> Task {
    Task { late: true, ..task(waits) }
}

pub const BY_HAND_TASK: Task = Task { waits: &[], inline: false, by_hand: true, late: false };

#[derive(Clone, Copy)]
pub struct Case {
    pub tasks: &'static [Task],
    /// Threads that take the tasks in order.
    pub workers: u16,
    /// A task that is run, or completed by hand, by a thread of its own, which is no worker.
    pub outside: Option<usize>,
    /// A further worker is being started, in vain.
    pub start_fails: bool,
}

/// Workers and no other thread.
pub const fn pool(workers: u16, tasks: &'static [Task]) -> Case {
    Case { tasks, workers, outside: None, start_fails: false }
}

impl Case {
    fn threads(&self) -> u16 {
        self.workers + self.outside.is_some() as u16 + self.start_fails as u16
    }
}

/// What differs in the variations; `RIGHT` is what the code does.
#[derive(Clone, Copy)]
pub struct Rule {
    /// A wait is taken back before its thread sleeps.
    pub withdrawn_before_the_sleep: bool,
    /// The word to sleep on is read when the wait has been published.
    pub word_read_late: bool,
    /// A stir does nothing.
    pub nobody_stirs: bool,
    /// A pool with a blocked worker is taken for dead.
    pub blocked_is_dead: bool,
    /// Any wait is ended in place of a firm one.
    pub anyone_is_doomed: bool,
    /// Who could not start a worker leaves it at that.
    pub not_judged_anew: bool,
}

pub const RIGHT: Rule = Rule {
    withdrawn_before_the_sleep: false,
    word_read_late: false,
    nobody_stirs: false,
    blocked_is_dead: false,
    anyone_is_doomed: false,
    not_judged_anew: false,
};

struct World {
    rule: Rule,
    case: Case,
    words: Vec<Word>,
    graph: Lock<Graph<Waiting>>,
    /// A worker may still be started.
    may_grow: AtomicBool,
    /// What each thread sleeps on: changed by every end that somebody waits for, and by its stirs.
    bells: Vec<Bell>,
    ran: AtomicUsize,
    deadlocks: AtomicUsize,
}

struct Bell {
    word: AtomicU32,
    sleepers: Sleepers,
}

impl Bell {
    fn ring(&self) {
        self.word.fetch_add(1, Release);
        self.sleepers.wake_all(sync::address(&self.word));
    }

    fn wait(&self, seen: u32) {
        let unchanged = || self.word.load(Relaxed) == seen;
        // SAFETY: the world keeps the word.
        unsafe { self.sleepers.wait(sync::address(&self.word), seen, unchanged, Deadline::NEVER) };
    }
}

/// A published wait. Threads have the numbers 1 and up.
struct Waiting {
    world: Arc<World>,
    thread: u16,
    set: Set,
}

impl World {
    fn new(rule: Rule, case: Case) -> Arc<World> {
        let open = |t: &Task| {
            let word = Word::new();
            word.open(if t.by_hand { BY_HAND } else { 0 });
            word
        };
        Arc::new(World {
            rule,
            case,
            words: case.tasks.iter().map(open).collect(),
            graph: Lock::new(Graph::new()),
            may_grow: AtomicBool::new(case.start_fails),
            bells: (0..case.threads()).map(|_| Bell { word: AtomicU32::new(0), sleepers: Sleepers::new() }).collect(),
            ran: AtomicUsize::new(0),
            deadlocks: AtomicUsize::new(0),
        })
    }

    fn bell(&self, thread: u16) -> &Bell {
        &self.bells[thread as usize - 1]
    }

    fn is_done(&self, f: usize) -> bool {
        word::is_done(self.words[f].load(Acquire))
    }

    fn publish(&self, f: usize) {
        if self.words[f].publish(FINISHED) & WAITERS != 0 {
            self.bells.iter().for_each(Bell::ring);
        }
    }

    /// As `Pool::start` when the system refuses.
    fn start_in_vain(&self) {
        self.may_grow.store(false, Relaxed);
        if !self.rule.not_judged_anew {
            self.graph.lock().judge_anew();
        }
    }

    fn set_by_hand(&self, f: usize) {
        self.words[f].step(&[PENDING], SETTING).unwrap();
        self.publish(f);
    }
}

/// Has this wait ended, or may it, given that of each future?
fn ends(set: Set, f: impl Fn(usize) -> bool) -> bool {
    match set.0 {
        All | Firm => set.1.iter().all(|i| f(*i)),
        Any => set.1.iter().any(|i| f(*i)),
    }
}

fn claim(world: &Arc<World>, f: usize, me: u16) -> bool {
    let won = world.words[f].take(0, RUNNING, me, false).is_some();
    if won {
        run(world, f, me);
    }
    won
}

/// Runs a task that this thread has claimed.
fn run(world: &Arc<World>, f: usize, me: u16) {
    if world.case.tasks[f].late {
        yield_now();
    }
    for set in world.case.tasks[f].waits {
        if !wait(world, *set, me) {
            world.deadlocks.fetch_add(1, Relaxed);
        }
    }
    world.ran.fetch_add(1, Relaxed);
    world.publish(f);
}

/// False for CF_DEADLOCK.
fn wait(world: &Arc<World>, set: Set, me: u16) -> bool {
    if set.0 == Any {
        return wait_for_any(world, set, me);
    }
    for f in set.1.iter().filter(|f| world.case.tasks[**f].inline) {
        claim(world, *f, me);
    }
    wait_for_all(world, set, me)
}

impl World {
    /// Has the wait ended? Else whoever ends one of them rings.
    fn has_ended(&self, set: Set) -> bool {
        ends(set, |f| word::is_done(self.words[f].flag(WAITERS)))
    }

    /// Publishes a wait; what follows is the variations'.
    fn enter(self: &Arc<Self>, set: Set, me: u16) -> Verdict {
        let mut graph = self.graph.lock();
        let verdict = graph.publish(Waiting { world: self.clone(), thread: me, set }).unwrap();
        if self.rule.withdrawn_before_the_sleep {
            graph.withdraw(me);
        }
        verdict
    }
}

/// As `wait::sleep_until_done`: published once, asked for its doom before each sleep.
fn wait_for_all(world: &Arc<World>, set: Set, me: u16) -> bool {
    if world.has_ended(set) {
        return true;
    }
    if world.enter(set, me) != Verdict::Live {
        return false;
    }
    let bell = world.bell(me);
    let ended = loop {
        let seen = bell.word.load(Acquire);
        if world.has_ended(set) {
            break true;
        }
        if world.graph.lock().is_doomed(me) {
            break false;
        }
        bell.wait(seen);
    };
    world.graph.lock().withdraw(me);
    ended
}

/// As `wait::sleep_until_over`: published anew before each sleep.
fn wait_for_any(world: &Arc<World>, set: Set, me: u16) -> bool {
    let bell = world.bell(me);
    loop {
        let mut seen = bell.word.load(Acquire);
        if world.has_ended(set) {
            return true;
        }
        match world.enter(set, me) {
            Verdict::Dead => return false,
            Verdict::ByClaim => {
                let _ = set.1.iter().any(|f| world.case.tasks[*f].inline && claim(world, *f, me));
                continue;
            }
            Verdict::Live => {}
        }
        if world.rule.word_read_late {
            seen = bell.word.load(Acquire);
        }
        let doomed = world.graph.lock().is_doomed(me);
        if !doomed {
            bell.wait(seen);
        }
        world.graph.lock().withdraw(me);
        if doomed {
            return false;
        }
    }
}

impl Waiting {
    fn future_is_live(&self, f: usize, is_live: &dyn Fn(u16) -> bool) -> bool {
        let w = self.world.words[f].load(Relaxed);
        if word::is_done(w) || w & BY_HAND != 0 {
            return true;
        }
        let workers = 1..=self.world.case.workers;
        match word::state(w) {
            PENDING if self.world.rule.blocked_is_dead => workers.into_iter().all(is_live),
            PENDING => self.world.may_grow.load(Relaxed) || workers.into_iter().any(is_live),
            _ => is_live(word::runner(w)),
        }
    }
}

impl Wait for Waiting {
    fn thread(&self) -> u16 {
        self.thread
    }

    fn can_end(&self, graph: &Graph<Waiting>) -> bool {
        ends(self.set, |f| self.future_is_live(f, &|thread| graph.is_live(thread)))
    }

    fn needs(&self, other: &Waiting) -> bool {
        let needs = |f: &usize| {
            let w = self.world.words[*f].load(Relaxed);
            match word::state(w) {
                PENDING => other.thread <= self.world.case.workers,
                _ => !word::is_done(w) && word::runner(w) == other.thread,
            }
        };
        self.world.rule.anyone_is_doomed || self.set.1.iter().any(needs)
    }

    fn could_claim(&self) -> bool {
        let pending = |f: &usize| word::state(self.world.words[*f].load(Acquire)) == PENDING;
        self.set.0 == Any && self.set.1.iter().any(|f| pending(f) && self.world.case.tasks[*f].inline)
    }

    fn should_claim(&self, graph: &Graph<Waiting>) -> bool {
        let by_hand = |f: &usize| self.world.case.tasks[*f].by_hand && !self.world.is_done(*f);
        let others = |thread: u16| thread != self.thread && graph.is_live(thread);
        let otherwise = |f: &usize| !by_hand(f) && self.future_is_live(*f, &others);
        self.set.0 == Any && self.set.1.iter().any(by_hand) && !self.set.1.iter().any(otherwise)
    }

    fn is_firm(&self) -> bool {
        self.set.0 == Firm
    }

    fn stir(&self) -> bool {
        if !self.world.rule.nobody_stirs {
            self.world.bell(self.thread).ring();
        }
        true
    }
}

/// Every task ends, and so many waits have been told that they never would.
pub fn judged(rule: Rule, case: Case, deadlocks: usize) {
    let world = World::new(rule, case);
    let life = |me: u16| {
        let world = world.clone();
        move || match case.outside {
            None if me > case.workers => world.start_in_vain(),
            Some(f) if me > case.workers && case.tasks[f].by_hand => world.set_by_hand(f),
            Some(f) if me > case.workers => run(&world, f, me),
            _ => {
                for f in 0..case.tasks.len() {
                    claim(&world, f, me);
                }
            }
        }
    };
    let threads = case.threads();
    if let Some(f) = case.outside.filter(|f| !case.tasks[*f].by_hand) {
        assert!(world.words[f].take(0, RUNNING, threads, false).is_some());
    }
    let others: Vec<_> = (2..=threads).map(|me| thread::spawn(life(me))).collect();
    life(1)();
    others.into_iter().for_each(|t| t.join().unwrap());
    assert!((0..case.tasks.len()).all(|f| world.is_done(f)));
    let told = world.deadlocks.load(Relaxed);
    assert_eq!(told, deadlocks, "false or missing reports");
}
