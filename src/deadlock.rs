//! Waits that could never end: found when they close, by looking at who can still go on.
//!
//! Owns: the graph, which is what threads that sleep inside a task have published of their waits.
//! Called by: every wait that is about to sleep.
//!
//! The rule, under one hold of the lock: publish the wait, then compute who is live.
//! - A thread that has published nothing is live.
//! - A future is live if it is done, completed by hand, RUNNING by a live thread, or PENDING in an executor
//!   that has a live worker or may start one.
//! - A published wait is live if what it waits for is: ALL if every pending branch is, ANY if one is.
//! - Repeated until nothing changes. If the caller is not live, its wait can never end.
//!
//! This covers cycles, knots of ANY and starvation alike. The publisher that makes a set stuck is always in
//! it, so each deadlock is reported when it closes. Nodes are threads, not tasks: frames below the top of a
//! stack wait for the top. Timed waits publish nothing. A waiter for ANY that could run one of its pending
//! futures itself is live by that; if somebody relies on it, it is stirred to do so.
//!
//! `models/deadlock.rs` checks the rule, `c-tests/deadlock_graphs.c` tries thousands of random graphs.

use crate::completion_queue::cf_completion_queue;
use crate::executor::{self, cf_executor, Executor, Guest, WaiterView, NO_EXECUTOR};
use crate::future::cf_future;
use crate::future::word::{self, BY_HAND, FAILED, FINISHED, PENDING};
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Lock, LockGuard, Ordering::*};
use crate::time::Deadline;

/// So many branches of a wait for ANY are looked at.
pub const MOST_BRANCHES: usize = 1024;

/// What a thread waits for. The pointers are good while it sleeps: it holds the references.
#[derive(Clone, Copy)]
pub enum WaitSet {
    One(*const cf_future),
    All(*const *mut cf_future, usize),
    Any(*const *mut cf_future, usize),
    /// The first that fails, or else all.
    FirstFailure(*const *mut cf_future, usize),
    Queue(*const cf_completion_queue),
    /// The end of an executor.
    End(*const cf_executor),
}

/// How a sleeping waiter is made to look again. `what` lives as long as the wait is published.
#[derive(Clone, Copy)]
pub struct Stir {
    pub what: *const (),
    pub how: unsafe fn(*const ()),
}

/// How a wait can be treated.
#[derive(Clone, Copy)]
pub struct Manner {
    pub stir: Option<Stir>,
    /// The waiter could run a pending future of its set itself.
    pub can_claim: bool,
    /// The waiter cannot give up: others use its memory. Another wait of the same deadlock ends instead.
    pub firm: bool,
}

struct Published {
    runner: u16,
    waiter: WaiterView,
    /// Executors whose end cannot come before this thread goes on.
    guests: *const Guest,
    set: WaitSet,
    manner: Manner,
    live: bool,
    /// Live only because it could run a pending future itself.
    by_claim: bool,
    /// It is to end with CF_DEADLOCK in place of a firm one.
    doomed: bool,
}

// SAFETY: the pointers are used under the lock, while their owner sleeps.
unsafe impl Send for Published {}

type Graph = Vec<Published>;
static GRAPH: Lock<Graph> = Lock::new(Vec::new());
/// Threads for which there is room in the graph.
static THREADS: AtomicU32 = AtomicU32::new(0);

/// A thread that sleeps in a wait. On a thread of the host's outside any task this is nothing.
#[must_use]
pub struct Blocked {
    runner: Option<&'static Runner>,
    published: bool,
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Live,
    /// Only by running one of the pending futures oneself.
    ByClaim,
    Dead,
}

impl Blocked {
    /// Before sleeping: a spare may stand in, and the wait is published if it has no limit.
    /// `CF_DEADLOCK` if it could never end; `CF_WOULD_BLOCK` if it ends only when the caller itself runs one
    /// of the pending futures (only where it said that it could).
    pub fn enter(set: WaitSet, deadline: Deadline, manner: Manner) -> Result<Blocked> {
        let runner = runner::existing().filter(|r| r.is_in_pool());
        // From here on dropping it undoes what was done.
        let mut blocked = Blocked { runner, published: false };
        let Some(r) = runner else { return Ok(blocked) };
        if let Some(seat) = r.seat() {
            seat.pool().block();
        }
        if deadline.is_never() {
            let mut graph = GRAPH.lock();
            graph.try_reserve(1).map_err(|_| Status::CF_NO_MEMORY)?;
            let (waiter, guests) = (WaiterView::of(r), executor::guests_of_this_thread());
            let runner = r.id;
            graph.push(Published { runner, waiter, guests, set, manner, live: false, by_claim: false, doomed: false });
            let mut verdict = judge(&mut graph);
            while verdict == Verdict::Dead && manner.firm && doom_another(&mut graph) {
                verdict = judge(&mut graph);
            }
            if verdict == Verdict::Live {
                blocked.published = true;
                return Ok(blocked);
            }
            graph.pop();
            return Err(if verdict == Verdict::ByClaim { Status::CF_WOULD_BLOCK } else { Status::CF_DEADLOCK });
        }
        Ok(blocked)
    }

    /// Must this wait end in place of another one? To be asked between reading the word to sleep on and sleeping.
    pub fn is_doomed(&self) -> bool {
        let Some(runner) = self.runner.filter(|_| self.published) else { return false };
        GRAPH.lock().iter().any(|p| p.runner == runner.id && p.doomed)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let Some(runner) = self.runner else { return };
        if self.published {
            let mut graph = GRAPH.lock();
            if let Some(i) = graph.iter().position(|p| p.runner == runner.id) {
                graph.swap_remove(i);
            }
        }
        if let Some(seat) = runner.seat() {
            seat.pool().unblock();
        }
    }
}

/// Ends another wait of the deadlock that the last publisher, which cannot give up, has closed: one that it depends
/// on, so never one that merely waits for the deadlock's end. False if there is none.
fn doom_another(graph: &mut LockGuard<Graph>) -> bool {
    let graph: &mut Graph = graph;
    let me = graph.len() - 1;
    // `by_claim` is free after a verdict of Dead: here it marks what is reached.
    graph[me].by_claim = true;
    loop {
        let next = (0..graph.len()).find(|q| {
            let q = &graph[*q];
            !q.live && !q.by_claim && graph.iter().any(|p| p.by_claim && depends(&p.set, q))
        });
        let Some(q) = next.map(|q| &mut graph[q]) else { return false };
        q.by_claim = true;
        if let (Some(stir), false) = (q.manner.stir, q.manner.firm) {
            q.doomed = true;
            // SAFETY: as in `judge`.
            unsafe { (stir.how)(stir.what) };
            return true;
        }
    }
}

/// Does the end of this wait need the thread of `q`?
fn depends(set: &WaitSet, q: &Published) -> bool {
    let needs = |f: &cf_future| {
        let w = f.word().load(Relaxed);
        match word::state(w) {
            PENDING => f.executor() == q.waiter.executor,
            _ => !word::is_done(w) && word::runner(w) == q.runner,
        }
    };
    // SAFETY: as in `wait_is_live`.
    unsafe {
        match *set {
            WaitSet::One(f) => needs(&*f),
            WaitSet::All(p, n) | WaitSet::Any(p, n) | WaitSet::FirstFailure(p, n) => branches(p, n).any(needs),
            WaitSet::Queue(queue) => (*queue).any_pending(needs, false).unwrap_or(false),
            WaitSet::End(executor) => {
                let id = (*executor).id();
                id == q.waiter.executor || executor::are_guests_of(q.guests, id)
            }
        }
    }
}

/// Judges the wait that was published last.
fn judge(graph: &mut LockGuard<Graph>) -> Verdict {
    let graph: &mut Graph = graph;
    let me = graph.len() - 1;
    for p in graph.iter_mut() {
        // A doomed wait is about to end: who depends on it goes on.
        (p.live, p.by_claim) = (p.doomed, false);
    }
    loop {
        settle(graph);
        if graph[me].live {
            if only_by_hand(graph, me) && could_claim(&graph[me]) {
                return Verdict::ByClaim;
            }
            break;
        }
        if could_claim(&graph[me]) {
            return Verdict::ByClaim;
        }
        let mut found = false;
        for p in graph.iter_mut().filter(|p| !p.live) {
            p.by_claim = could_claim(p);
            p.live = p.by_claim;
            found |= p.by_claim;
        }
        if !found {
            return Verdict::Dead;
        }
    }
    for p in graph.iter().filter(|p| p.by_claim) {
        if let Some(stir) = p.manner.stir {
            // SAFETY: the owner sleeps, or waits for the graph's lock to take its wait back.
            unsafe { (stir.how)(stir.what) };
        }
    }
    Verdict::Live
}

/// A thread on which somebody may have counted could not be started: waits that can never end now are ended.
pub fn judge_anew() {
    let mut graph = GRAPH.lock();
    let graph: &mut Graph = &mut graph;
    for p in graph.iter_mut() {
        (p.live, p.by_claim) = (p.doomed, false);
    }
    loop {
        settle(graph);
        let Some(p) = graph.iter_mut().find(|p| !p.live && !p.manner.firm && p.manner.stir.is_some()) else { return };
        // One that could run a pending future looks again by itself; the others give up.
        p.doomed = !could_claim(p);
        p.live = true;
        if let Some(stir) = p.manner.stir {
            // SAFETY: as in `judge`.
            unsafe { (stir.how)(stir.what) };
        }
    }
}

/// Is a wait for ANY live only through futures that are completed by hand? Whoever is to complete them may never do
/// so: then a pending branch that nobody else will ever run is the waiter's own to run.
fn only_by_hand(graph: &Graph, me: usize) -> bool {
    let by_hand = |f: &cf_future| !f.is_done() && f.word().load(Relaxed) & BY_HAND != 0;
    let others = |r: u16| r != graph[me].runner && thread_is_live(graph, r);
    let otherwise = |f: &cf_future| !by_hand(f) && future_is_live(f, &others);
    // SAFETY: as in `wait_is_live`.
    unsafe {
        match graph[me].set {
            WaitSet::Any(p, n) | WaitSet::FirstFailure(p, n) => {
                let looked_at = || branches(p, n).take(MOST_BRANCHES);
                looked_at().any(by_hand) && !looked_at().any(otherwise)
            }
            WaitSet::Queue(q) => {
                (*q).any_pending(by_hand, false).unwrap_or(false) && !(*q).any_pending(otherwise, false).unwrap_or(true)
            }
            _ => false,
        }
    }
}

/// Spreads "live" until nothing changes.
fn settle(graph: &mut Graph) {
    loop {
        let mut changed = false;
        for i in 0..graph.len() {
            if !graph[i].live && wait_is_live(graph, &graph[i]) {
                graph[i].live = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

fn thread_is_live(graph: &Graph, runner: u16) -> bool {
    graph.iter().find(|p| p.runner == runner).is_none_or(|p| p.live)
}

fn wait_is_live(graph: &Graph, wait: &Published) -> bool {
    let is_live = &|runner| thread_is_live(graph, runner);
    // More branches than are looked at: live, unless the waiter can run one of those that were looked at.
    let beyond = !wait.manner.can_claim;
    let any = |p, n, ends: &dyn Fn(&cf_future) -> bool| {
        // SAFETY: the waiter that published these pointers keeps what they point to, here and below.
        let mut branches = unsafe { branches(p, n) };
        branches.by_ref().take(MOST_BRANCHES).any(ends) || beyond && branches.next().is_some()
    };
    let live = |f: &cf_future| future_is_live(f, is_live);
    // SAFETY: as above.
    unsafe {
        match wait.set {
            WaitSet::One(f) => live(&*f),
            WaitSet::All(p, n) => branches(p, n).all(live),
            WaitSet::Any(p, n) => any(p, n, &live),
            // One that ends well does not end the wait; it is judged anew then. Each branch is sorted out by one look:
            // one that ends between two looks must not count as neither pending nor the last.
            WaitSet::FirstFailure(p, n) => {
                let counts = |f: &&cf_future| matches!(f.look(), s if s == FAILED || s < FINISHED);
                let mut left = branches(p, n).filter(counts).peekable();
                left.peek().is_none() || left.by_ref().take(MOST_BRANCHES).any(live) || beyond && left.next().is_some()
            }
            WaitSet::Queue(q) => (*q).any_pending(live, beyond).unwrap_or(true),
            WaitSet::End(executor) => {
                let id = (*executor).id();
                let holds_up = |p: &Published| !p.live && executor::are_guests_of(p.guests, id);
                (*executor).kind().all_go_on(is_live) && !graph.iter().any(|p| p.runner != wait.runner && holds_up(p))
            }
        }
    }
}

/// The futures of an ANY; NULL stands for one that does not count any more.
///
/// # Safety
/// As for `wait_is_live`.
unsafe fn branches<'a>(p: *const *mut cf_future, n: usize) -> impl Iterator<Item = &'a cf_future> {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(p, n).iter().filter_map(|f| f.as_ref()) }
}

fn future_is_live(f: &cf_future, is_live: &dyn Fn(u16) -> bool) -> bool {
    // Relaxed: the lock has ordered every claim that matters.
    let w = f.word().load(Relaxed);
    if word::is_done(w) || w & BY_HAND != 0 {
        return true;
    }
    if word::state(w) == PENDING {
        return executor::lookup(f.executor()).is_none_or(|e| e.kind().may_go_on(is_live));
    }
    is_live(word::runner(w))
}

/// Does this waiter for ANY have a pending future that it could run itself?
fn could_claim(p: &Published) -> bool {
    let claimable = |f: &cf_future| is_claimable(f, p.waiter);
    // SAFETY: as in `wait_is_live`.
    p.manner.can_claim
        && unsafe {
            match p.set {
                WaitSet::Any(f, n) | WaitSet::FirstFailure(f, n) => branches(f, n).take(MOST_BRANCHES).any(claimable),
                WaitSet::Queue(q) => (*q).any_pending(claimable, false).unwrap_or(false),
                _ => false,
            }
        }
}

/// Is this future pending, and may that waiter run it?
pub fn is_claimable(f: &cf_future, waiter: WaiterView) -> bool {
    f.look() == PENDING
        && f.executor() != NO_EXECUTOR
        && executor::lookup(f.executor()).is_some_and(|e| e.kind().claimable(waiter))
}

/// Room for the wait of one more thread, so that no wait is ever refused for want of memory.
pub fn make_room() -> Result<()> {
    let n = THREADS.fetch_add(1, Relaxed) + 1;
    let mut graph = GRAPH.lock();
    let more = (n as usize).saturating_sub(graph.len());
    graph.try_reserve(more).map_err(|_| Status::CF_NO_MEMORY)
}

/// The thread will not wait any more.
pub fn give_room_back() {
    THREADS.fetch_sub(1, Relaxed);
}

/// In a forked child: nobody waits.
pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { GRAPH.break_open() };
    // What another thread was in the middle of changing is left where it is.
    // SAFETY: a valid place; nothing is dropped.
    unsafe { core::ptr::write(&mut *GRAPH.lock(), Vec::new()) };
    THREADS.store(0, Relaxed);
}
