//! Waits that could never end: found when they close, by looking at who can still go on.
//!
//! Owns: the graph, which is what threads that sleep inside a task have published of their waits; what each of them
//! waits for. The rule by which they are judged is `graph`.
//! Called by: every wait that is about to sleep.
//!
//! - A future is live if it is done, completed by hand, RUNNING by a live thread, or PENDING in an executor
//!   that has a live worker or may start one.
//! - A published wait is live if what it waits for is: ALL if every pending branch is, ANY if one is.
//!
//! Nodes of the graph are threads, not tasks: frames below the top of a stack wait for the top. Timed waits publish
//! nothing. A waiter for ANY that could run one of its pending futures itself is live by that; if somebody relies on
//! it, it is stirred to do so.
//!
//! `models/deadlock.rs` checks the rule, `c-tests/deadlock_graphs.c` tries thousands of random graphs.

use crate::completion_queue::cf_completion_queue;
use crate::executor::{self, cf_executor, Executor, Guest, WaiterView, NO_EXECUTOR};
use crate::future::cf_future;
use crate::future::word::{self, BY_HAND, FAILED, FINISHED, PENDING};
use crate::graph::{Graph, Verdict, Wait};
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Lock, Ordering::*};
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
}

// SAFETY: the pointers are used under the lock, while their owner sleeps.
unsafe impl Send for Published {}

static GRAPH: Lock<Graph<Published>> = Lock::new(Graph::new());
/// Threads for which there is room in the graph.
static THREADS: AtomicU32 = AtomicU32::new(0);

/// A thread that sleeps in a wait. On a thread of the host's outside any task this is nothing.
#[must_use]
pub struct Blocked {
    runner: Option<&'static Runner>,
    published: bool,
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
            let (waiter, guests) = (WaiterView::of(r), executor::guests_of_this_thread());
            let wait = Published { runner: r.id, waiter, guests, set, manner };
            let verdict = GRAPH.lock().publish(wait)?;
            match verdict {
                Verdict::Live => blocked.published = true,
                Verdict::ByClaim => return Err(Status::CF_WOULD_BLOCK),
                Verdict::Dead => return Err(Status::CF_DEADLOCK),
            }
        }
        Ok(blocked)
    }

    /// Must this wait end in place of another one? To be asked between reading the word to sleep on and sleeping.
    pub fn is_doomed(&self) -> bool {
        self.runner.is_some_and(|r| self.published && GRAPH.lock().is_doomed(r.id))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let Some(runner) = self.runner else { return };
        if self.published {
            GRAPH.lock().withdraw(runner.id);
        }
        if let Some(seat) = runner.seat() {
            seat.pool().unblock();
        }
    }
}

impl Wait for Published {
    fn thread(&self) -> u16 {
        self.runner
    }

    fn can_end(&self, graph: &Graph<Published>) -> bool {
        let is_live = &|runner| graph.is_live(runner);
        // More branches than are looked at: live, unless the waiter can run one of those that were looked at.
        let beyond = !self.manner.can_claim;
        let live = |f: &cf_future| future_is_live(f, is_live);
        let any = |left: &mut dyn Iterator<Item = &cf_future>| {
            left.take(MOST_BRANCHES).any(live) || beyond && left.next().is_some()
        };
        // SAFETY: the waiter that published these pointers keeps what they point to.
        unsafe {
            match self.set {
                WaitSet::One(f) => live(&*f),
                WaitSet::All(p, n) => branches(p, n).all(live),
                WaitSet::Any(p, n) => any(&mut branches(p, n)),
                // One that ends well does not end the wait; it is judged anew then. Each branch is sorted out by one
                // look: one that ends between two looks must not count as neither pending nor the last.
                WaitSet::FirstFailure(p, n) => {
                    let counts = |f: &&cf_future| matches!(f.peek(), s if s == FAILED || s < FINISHED);
                    let mut left = branches(p, n).filter(counts).peekable();
                    left.peek().is_none() || any(&mut left)
                }
                WaitSet::Queue(q) => (*q).any_pending(live, beyond).unwrap_or(true),
                WaitSet::End(executor) => {
                    let id = (*executor).id();
                    let holds_up = |p: &Published| p.runner != self.runner && executor::are_guests_of(p.guests, id);
                    (*executor).kind().all_go_on(is_live) && !graph.stuck().any(holds_up)
                }
            }
        }
    }

    fn needs(&self, other: &Published) -> bool {
        let needs = |f: &cf_future| {
            let w = f.word().load(Relaxed);
            match word::state(w) {
                PENDING => f.executor() == other.waiter.executor,
                _ => !word::is_done(w) && word::runner(w) == other.runner,
            }
        };
        // SAFETY: as in `can_end`.
        unsafe {
            match self.set {
                WaitSet::One(f) => needs(&*f),
                WaitSet::All(p, n) | WaitSet::Any(p, n) | WaitSet::FirstFailure(p, n) => branches(p, n).any(needs),
                WaitSet::Queue(queue) => (*queue).any_pending(needs, false).unwrap_or(false),
                WaitSet::End(executor) => {
                    let id = (*executor).id();
                    id == other.waiter.executor || executor::are_guests_of(other.guests, id)
                }
            }
        }
    }

    /// Does this waiter for ANY have a pending future that it could run itself?
    fn could_claim(&self) -> bool {
        let claimable = |f: &cf_future| is_claimable(f, self.waiter);
        // SAFETY: as in `can_end`.
        self.manner.can_claim
            && unsafe {
                match self.set {
                    WaitSet::Any(f, n) | WaitSet::FirstFailure(f, n) => {
                        branches(f, n).take(MOST_BRANCHES).any(claimable)
                    }
                    WaitSet::Queue(q) => (*q).any_pending(claimable, false).unwrap_or(false),
                    _ => false,
                }
            }
    }

    /// Is a wait for ANY live only through futures that are completed by hand? Whoever is to complete them may never
    /// do so: then a pending branch that nobody else will ever run is the waiter's own to run.
    fn should_claim(&self, graph: &Graph<Published>) -> bool {
        let by_hand = |f: &cf_future| f.peek() < FINISHED && f.word().load(Relaxed) & BY_HAND != 0;
        let others = |r: u16| r != self.runner && graph.is_live(r);
        let otherwise = |f: &cf_future| !by_hand(f) && future_is_live(f, &others);
        // SAFETY: as in `can_end`.
        unsafe {
            match self.set {
                WaitSet::Any(p, n) | WaitSet::FirstFailure(p, n) => {
                    let looked_at = || branches(p, n).take(MOST_BRANCHES);
                    looked_at().any(by_hand) && !looked_at().any(otherwise)
                }
                WaitSet::Queue(q) => {
                    (*q).any_pending(by_hand, false).unwrap_or(false)
                        && !(*q).any_pending(otherwise, false).unwrap_or(true)
                }
                _ => false,
            }
        }
    }

    fn is_firm(&self) -> bool {
        self.manner.firm
    }

    fn stir(&self) -> bool {
        let Some(stir) = self.manner.stir else { return false };
        // SAFETY: the owner sleeps, or waits for the graph's lock to take its wait back.
        unsafe { (stir.how)(stir.what) };
        true
    }
}

/// The futures of an ANY; NULL stands for one that does not count any more.
///
/// # Safety
/// The waiter that published these pointers keeps what they point to.
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

/// Is this future pending, and may that waiter run it?
pub fn is_claimable(f: &cf_future, waiter: WaiterView) -> bool {
    f.peek() == PENDING
        && f.executor() != NO_EXECUTOR
        && executor::lookup(f.executor()).is_some_and(|e| e.kind().claimable(waiter))
}

/// A thread on which somebody may have counted could not be started: waits that can never end now are ended.
pub fn judge_anew() {
    GRAPH.lock().judge_anew();
}

/// Room for the wait of one more thread, so that no wait is ever refused for want of memory.
pub fn make_room() -> Result<()> {
    let n = THREADS.fetch_add(1, Relaxed) + 1;
    GRAPH.lock().make_room(n as usize).inspect_err(|_| give_room_back())
}

/// The thread will not wait any more.
pub fn give_room_back() {
    THREADS.fetch_sub(1, Relaxed);
}

/// In a forked child: nobody waits.
pub fn after_fork() {
    THREADS.store(0, Relaxed);
    if let Some(mut graph) = GRAPH.try_lock() {
        return graph.clear();
    }
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { GRAPH.break_open() };
    // What another thread was in the middle of changing is left where it is.
    // SAFETY: a valid place; nothing is dropped.
    unsafe { core::ptr::write(&mut *GRAPH.lock(), Graph::new()) };
}
