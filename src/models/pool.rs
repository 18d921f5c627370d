//! A pool with everything but tasks of the user's: the real queue, bell and crew, put together as in
//! `threads/starting` and `threads/contract`. Driven by `bell` and `crew`; what its threads do is in `worker`.
//!
//! A task that nobody runs, or a thread that nobody wakes, leaves the main thread asleep for ever.

use super::worker::Worker;
use crate::sync::{self, yield_now, AtomicBool, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::threads::bell::{Bell, Call};
use crate::threads::crew::{Crew, Growth};
use crate::threads::queue::{Fifo, Pop};
use crate::time::Deadline;
use loom::thread::{self, JoinHandle};
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::sync::Mutex;

/// In `permits`.
const PERMITS: u32 = 0xffff;
const LOOK_AGAIN: u32 = 1 << 16;

#[derive(Clone, Copy)]
pub enum Task {
    Quick,
    /// It stays in user code until those tasks (bits) have ended.
    Holds(u32),
    /// It waits for them through the library, so that a spare may stand in.
    Blocks(u32),
}

/// What differs in the variations; `RIGHT` is what the code does.
#[derive(Clone, Copy)]
pub struct Rule {
    /// A woken worker clears the flag before it runs the task, and looks.
    pub pass_on: bool,
    /// It looks, and clears the flag after that.
    pub look_then_clear: bool,
    /// A worker that stayed up leaves the flag alone.
    pub woken_if_it_slept: bool,
    /// The last look before sleeping loads the tail, as a pop does.
    pub last_look_is_a_pop: bool,
    pub call_then_push: bool,
    /// A worker looks at the queue and then marks its seat.
    pub look_then_mark: bool,
    /// Submitters to a pool without any thread start one as they come.
    pub first_starts_overlap: bool,
    /// A thread that blocks does not look at what is queued.
    pub block_without_a_look: bool,
    /// A thread that is back stays active.
    pub never_stand_by: bool,
    /// Who stands by goes home when the queue is closed, whatever is in it.
    pub home_when_closed: bool,
}

pub const RIGHT: Rule = Rule {
    pass_on: true,
    look_then_clear: false,
    woken_if_it_slept: false,
    last_look_is_a_pop: false,
    call_then_push: false,
    look_then_mark: false,
    first_starts_overlap: false,
    block_without_a_look: false,
    never_stand_by: false,
    home_when_closed: false,
};

pub struct Pool {
    pub(super) rule: Rule,
    pub(super) tasks: &'static [Task],
    pub(super) queue: Fifo<2>,
    pub(super) bell: Bell,
    pub(super) crew: Crew,
    pub(super) in_user_code: Vec<AtomicBool>,
    seats_used: AtomicU32,
    /// Seats whose thread could not be started.
    vacant: Lock<Vec<usize>>,
    first_start: Lock<()>,
    has_thread: AtomicBool,
    permits: AtomicU32,
    sleepers: Sleepers,
    /// Tasks whose hint is stale.
    claimed: Vec<Mutex<bool>>,
    /// Tasks that have ended, one bit each.
    ended: AtomicU32,
    waiting: Sleepers,
    /// So many starts of a thread will fail.
    failing_starts: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Threads that ever sat down, and that ever stood by.
    pub started: AtomicUsize,
    pub stood_by: AtomicUsize,
}

impl Pool {
    pub fn new(rule: Rule, tasks: &'static [Task], max: usize, spares: usize, failing_starts: usize) -> Arc<Pool> {
        Arc::new(Pool {
            rule,
            tasks,
            queue: Fifo::new().unwrap(),
            bell: Bell::new(),
            crew: Crew::new(max, max + spares),
            in_user_code: (0..max + spares).map(|_| AtomicBool::new(false)).collect(),
            seats_used: AtomicU32::new(0),
            vacant: Lock::new(Vec::new()),
            first_start: Lock::new(()),
            has_thread: AtomicBool::new(false),
            permits: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            claimed: tasks.iter().map(|_| Mutex::new(false)).collect(),
            ended: AtomicU32::new(0),
            waiting: Sleepers::new(),
            failing_starts: AtomicUsize::new(failing_starts),
            threads: Mutex::new(Vec::new()),
            started: AtomicUsize::new(0),
            stood_by: AtomicUsize::new(0),
        })
    }

    /// So many workers from the start, whom nobody has called; asleep, or on their way there.
    pub fn seat(self: &Arc<Self>, workers: usize, asleep: bool) {
        if asleep {
            loom::stop_exploring();
        }
        for _ in 0..workers {
            assert!(self.crew.grow() != Growth::None);
            self.sit_down(self.take_seat(), false);
        }
        // The workers run before this thread does.
        yield_now();
        if asleep {
            loom::explore();
        }
    }

    /// All tasks end; then the pool does, as in `Pool::close` and `join`.
    pub fn end(self: &Arc<Self>) {
        self.wait_for((1 << self.tasks.len()) - 1);
        // What is to be shown has been shown; `close` is for the models of the end.
        loom::stop_exploring();
        self.close();
        self.join();
    }

    /// The pool is closed while tasks are queued and blocked; they end all the same.
    pub fn close_and_end(self: &Arc<Self>) {
        self.close();
        self.wait_for((1 << self.tasks.len()) - 1);
        loom::stop_exploring();
        self.join();
    }

    fn close(&self) {
        self.queue.close();
        self.bell.ring_all();
        self.stir_reserve();
    }

    fn join(&self) {
        loop {
            let thread = self.threads.lock().unwrap().pop();
            match thread {
                Some(thread) => thread.join().unwrap(),
                None => break,
            }
        }
        assert!(self.queue.is_over() || !self.has_thread.load(Relaxed));
        assert!(self.crew.count().active() <= self.crew.max_active(), "more are active than may be");
    }

    pub(super) fn wait_for(&self, tasks: u32) {
        loop {
            let ended = self.ended.load(Acquire);
            if ended & tasks == tasks {
                return;
            }
            let unchanged = || self.ended.load(Relaxed) == ended;
            // SAFETY: the word lives as long as the pool.
            unsafe { self.waiting.wait(sync::address(&self.ended), ended, unchanged, Deadline::NEVER) };
        }
    }

    /// A task has run, was refused or has failed.
    pub(super) fn finish(&self, task: usize) {
        let before = self.ended.fetch_or(1 << task, AcqRel);
        assert_eq!(before >> task & 1, 0, "a task ended twice");
        self.waiting.wake_all(sync::address(&self.ended));
    }

    pub(super) fn claim(&self, task: usize) -> bool {
        // No step of its own: what a claim is, `node` models.
        !core::mem::replace(&mut *self.claimed[task].lock().unwrap(), true)
    }

    // ---- as in `contract` and `starting`

    pub fn submit(self: &Arc<Self>, task: usize) {
        if self.rule.call_then_push {
            self.call_somebody().unwrap();
        }
        let is_first = !self.has_thread.load(Acquire);
        self.queue.push(task as u64 + 1).unwrap();
        if self.rule.call_then_push {
            return;
        }
        let one_at_a_time = (is_first && !self.rule.first_starts_overlap).then(|| self.first_start.lock());
        if self.call_somebody().is_err() && is_first && !self.has_thread.load(Acquire) && self.claim(task) {
            self.finish(task); // refused
        }
        drop(one_at_a_time);
    }

    pub(super) fn look(self: &Arc<Self>) {
        if self.queue.has_work() {
            let _ = self.call_somebody();
        }
    }

    fn call_somebody(self: &Arc<Self>) -> Result<(), ()> {
        match self.bell.look() {
            Call::InFlight => return Ok(()),
            Call::NobodySleeps if !self.crew.can_grow() => return Ok(()),
            _ => {}
        }
        loop {
            if self.bell.call() != Call::NobodySleeps || !self.needs_thread() {
                return Ok(());
            }
            if self.bell.begin_start() {
                match self.crew.grow() {
                    Growth::FromReserve => {
                        self.permits.fetch_add(1, Release);
                        self.sleepers.wake_one(sync::address(&self.permits));
                        return Ok(());
                    }
                    Growth::NewSeat(_) => return self.start(),
                    Growth::None => self.bell.clear(),
                }
            }
            yield_now(); // the counts may be stale
        }
    }

    fn needs_thread(&self) -> bool {
        let c = self.crew.count();
        let seats = &self.in_user_code[..self.seats_used.load(Acquire) as usize];
        self.crew.can_grow() && (c.away() > 0 || seats.iter().all(|s| s.load(Relaxed)))
    }

    fn start(self: &Arc<Self>) -> Result<(), ()> {
        let seat = self.take_seat();
        if self.failing_starts.load(Relaxed) > 0 {
            self.failing_starts.fetch_sub(1, Relaxed);
            self.in_user_code[seat].store(true, Relaxed);
            self.vacant.lock().push(seat);
            self.crew.undo_new_seat();
            self.bell.clear();
            return Err(());
        }
        self.sit_down(seat, true);
        Ok(())
    }

    fn take_seat(&self) -> usize {
        let mut vacant = self.vacant.lock();
        let seat = match vacant.pop() {
            Some(seat) => seat,
            None => self.seats_used.fetch_add(1, AcqRel) as usize,
        };
        self.in_user_code[seat].store(false, Release);
        seat
    }

    fn sit_down(self: &Arc<Self>, seat: usize, woken: bool) {
        let pool = self.clone();
        let thread = thread::spawn(move || Worker { pool: &pool, seat, woken }.live());
        self.threads.lock().unwrap().push(thread);
        self.started.fetch_add(1, Relaxed);
        self.has_thread.store(true, Release);
    }

    pub(super) fn wait_in_reserve(&self) -> bool {
        loop {
            let p = self.permits.load(Acquire);
            if p & PERMITS > 0 {
                if self.permits.compare_exchange(p, p - 1, AcqRel, Relaxed).is_ok() {
                    return true;
                }
                continue;
            }
            if if self.rule.home_when_closed { self.queue.is_closed() } else { self.queue.is_over() } {
                if self.crew.end_in_reserve() {
                    return false;
                }
                yield_now();
                continue;
            }
            let unchanged = || self.permits.load(Relaxed) == p;
            // SAFETY: the word lives as long as the pool.
            unsafe { self.sleepers.wait(sync::address(&self.permits), p, unchanged, Deadline::NEVER) };
        }
    }

    pub(super) fn stir_reserve(&self) {
        self.permits.fetch_add(LOOK_AGAIN, Release);
        self.sleepers.wake_all(sync::address(&self.permits));
    }
}
