//! What is known of each call without looking: the reference that the library is compared with.
//!
//! Of a task of a pool the driver does not know at every moment whether it has started, but it knows what is possible.
//! Tasks start in the order of submission, so one behind as many closed gates as the pool has workers cannot have
//! started, and one behind fewer will. What the library answers must lie in these bounds, and narrows them.

use crate::ffi::*;
use crate::jobs::{Job, Outcome};
use crate::marks;
use std::ffi::c_int;
use std::sync::atomic::Ordering::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing yet; of one made by hand: pending.
    Open,
    Running,
    Done(c_int),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    ByHand,
    Pool(usize),
}

/// A future, or a task that nobody has a future of.
pub struct Call {
    pub handle: *mut Future,
    /// References that the driver owns.
    pub refs: u32,
    pub home: Home,
    pub process: bool,
    pub job: Job,
    pub n: u32,
    pub mark: usize,
    pub known: Known,
    /// Somebody has cancelled what may have been pending.
    pub maybe_cancelled: bool,
    /// Its worker was sent a signal.
    pub killed: bool,
    /// It submits, and the pool has been shut down meanwhile.
    pub maybe_refused: bool,
    /// Ended by this thread: whoever is to be told has been.
    pub told: bool,
    pub owned: bool,
    pub callbacks: Vec<Callback>,
    pub user_data: Option<usize>,
    /// What a setter has given.
    pub given: Outcome,
}

pub struct Callback {
    pub mark: usize,
    /// With another behind it.
    pub again: bool,
    /// Added while the future was not done: it keeps its place.
    pub early: bool,
}

pub struct Pool {
    pub handle: *mut Executor,
    pub process: bool,
    pub workers: usize,
    pub shut: bool,
    /// All tasks, callbacks and workers are known to have ended.
    pub ended: bool,
}

/// What may be and what will be, if the driver does nothing more.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    pub can_start: bool,
    pub will_start: bool,
    pub can_end: bool,
    pub will_end: bool,
}

impl Call {
    pub fn is_done(&self) -> bool {
        matches!(self.known, Known::Done(_))
    }

    pub fn is_open(&self) -> bool {
        self.job != Job::Gate || marks::at(self.mark).is_open()
    }

    /// How it ends, or has ended, in that state; none if it cannot end so.
    pub fn outcome(&self, state: c_int) -> Option<Outcome> {
        if state == STATE_CANCELLED {
            return Some(Outcome { status: CANCELLED, ..Outcome::default() });
        }
        let o = match self.home {
            Home::ByHand => {
                Outcome { bytes: self.given.bytes.clone(), message: self.given.message.clone(), ..self.given }
            }
            Home::Pool(_) if self.maybe_refused && state == FAILED => {
                Outcome { status: TASK_FAILED, code: crate::jobs::REFUSED, ..Outcome::default() }
            }
            Home::Pool(_) => self.job.outcome(self.n, self.process),
        };
        (state == if o.status == OK { FINISHED } else { FAILED }).then_some(o)
    }

    /// The states in which it may end, as bits.
    fn ends(&self) -> u8 {
        [FINISHED, FAILED].iter().filter(|s| self.outcome(**s).is_some()).fold(0, |bits, s| bits | 1 << s)
    }

    pub fn surely_fails(&self) -> bool {
        self.known == Known::Done(FAILED) || !self.is_done() && !self.maybe_cancelled && self.ends() == 1 << FAILED
    }

    pub fn can_fail(&self) -> bool {
        self.known == Known::Done(FAILED) || !self.is_done() && self.ends() & 1 << FAILED != 0
    }
}

/// What will become of `calls[i]`.
pub fn outlook(calls: &[Call], pools: &[Pool], i: usize) -> Outlook {
    let c = &calls[i];
    let Home::Pool(home) = c.home else {
        let done = c.is_done();
        return Outlook { can_start: done, will_start: done, can_end: done, will_end: done };
    };
    let (can_start, will_start) = match c.known {
        Known::Open if !pools[home].ended => {
            let (sure, possible) = holders(&calls[..i], home);
            let workers = pools[home].workers;
            (sure < workers + waiters(calls, home), possible < workers)
        }
        _ => (true, true),
    };
    let free = c.is_done() || pools[home].ended;
    Outlook {
        can_start,
        will_start,
        can_end: free || c.maybe_cancelled || can_start && c.is_open(),
        will_end: free || will_start && (c.is_open() || c.killed),
    }
}

/// How many of these calls hold a worker of the pool until the driver opens a gate: surely, and possibly.
pub fn holders(before: &[Call], home: usize) -> (usize, usize) {
    let closed = before.iter().filter(|c| c.home == Home::Pool(home) && !c.is_done() && !c.is_open());
    closed.fold((0, 0), |(sure, possible), c| {
        let is_sure = !c.killed && (!c.maybe_cancelled || c.known == Known::Running);
        (sure + is_sure as usize, possible + 1)
    })
}

/// Tasks that may be waiting for others: a spare worker stands in for each.
fn waiters(calls: &[Call], home: usize) -> usize {
    calls.iter().filter(|c| c.home == Home::Pool(home) && c.job == Job::Nested && !c.is_done()).count()
}

/// The states in which `calls[i]` may be seen now, as bits.
pub fn allowed(calls: &[Call], pools: &[Pool], i: usize) -> u8 {
    let c = &calls[i];
    let seen = match c.known {
        Known::Done(state) => return 1 << state,
        Known::Running => 1 << RUNNING,
        Known::Open if c.home == Home::ByHand => return 1 << PENDING,
        Known::Open => 1 << PENDING | 1 << RUNNING,
    };
    let Home::Pool(home) = c.home else { return seen };
    let look = outlook(calls, pools, i);
    let mut bits = if look.can_start { seen } else { 1 << PENDING };
    if look.can_start && c.is_open() {
        bits |= c.ends();
    }
    if c.maybe_cancelled {
        bits |= 1 << STATE_CANCELLED;
    }
    if pools[home].ended {
        bits &= !(1 << PENDING | 1 << RUNNING);
    }
    bits
}

/// The counts that a call must have left when everything has been given back.
pub fn account(c: &Call) -> Result<(), String> {
    let mark = marks::at(c.mark);
    let count = |word: &std::sync::atomic::AtomicU32| word.load(Acquire);
    let ran = count(&mark.ran);
    let fit = match c.known {
        _ if c.home == Home::ByHand => ran == 0,
        Known::Done(STATE_CANCELLED) if !c.killed => ran == 0,
        _ if c.maybe_cancelled => ran <= 1,
        _ => ran == 1,
    };
    let report = |what: &str, n: u32| Err(format!("{what} {n} times: {c:?}", c = Said(c)));
    if !fit {
        return report("the task ran", ran);
    }
    if c.owned && count(&mark.freed) != 1 {
        return report("the argument was freed", count(&mark.freed));
    }
    // The worker may have been killed before it gave the object.
    if count(&mark.object) != ran * c.job.objects() && !c.killed {
        return report("the object was destroyed", count(&mark.object));
    }
    if count(&mark.wrong) != 0 {
        return Err(format!("the argument was not what was given: {:?}", Said(c)));
    }
    if let Some(data) = c.user_data {
        if count(&marks::at(data).freed) != 1 {
            return report("the user data was destroyed", count(&marks::at(data).freed));
        }
    }
    account_of_callbacks(c)
}

fn account_of_callbacks(c: &Call) -> Result<(), String> {
    let is_done = c.home != Home::ByHand || c.is_done();
    let mut last = 0;
    for callback in &c.callbacks {
        let mut marks_of = vec![marks::at(callback.mark)];
        if callback.again && is_done {
            marks_of.push(marks::at(callback.mark + 1));
        }
        for mark in marks_of {
            let (ran, freed) = (mark.ran.load(Acquire), mark.freed.load(Acquire));
            if ran != is_done as u32 || freed != 1 || mark.wrong.load(Relaxed) != 0 {
                return Err(format!("a callback ran {ran} times, its data was destroyed {freed} times: {:?}", Said(c)));
            }
        }
        let order = marks::at(callback.mark).order.load(Relaxed);
        if callback.early && is_done {
            if order < last {
                return Err(format!("callbacks ran out of order: {:?}", Said(c)));
            }
            last = order;
        }
    }
    Ok(())
}

/// A call in a message.
pub struct Said<'a>(pub &'a Call);

impl std::fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let c = self.0;
        let kind = if c.process { "process" } else { "thread" };
        write!(f, "{:?} {} of {:?} ({kind}), {:?}", c.job, c.n, c.home, c.known)?;
        let flags =
            [(c.maybe_cancelled, "perhaps cancelled"), (c.killed, "killed"), (c.maybe_refused, "perhaps refused")];
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, word)| write!(f, ", {word}"))
    }
}
