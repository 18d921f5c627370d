//! The callback thread: user code that follows the end of a task, in the order of the ends.
//!
//! Owns: the line of futures whose callbacks are to run, linked through their extensions, and the thread.
//! Called by: harvest (push), the supervisor (stop).
//!
//! Always true:
//! - a future in the line holds the pool's reference and counts as not ended, so the pool waits for it;
//! - the line needs no memory of its own, so nothing is lost when there is none.

use super::pool::Pool;
use super::staff::Staff;
use crate::deadlock;
use crate::future::cf_future;
use crate::runner;
use crate::sync::{self, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::sys::thread;
use crate::time::Deadline;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

pub const STACK: usize = 8 << 20;

pub struct Callbacks {
    line: Lock<Line>,
    /// What the thread sleeps on: rises with each push and the stop.
    news: AtomicU32,
    sleepers: Sleepers,
    /// Runner of the callback thread, NOBODY without one.
    runner: AtomicU32,
}

struct Line {
    first: *const cf_future,
    last: *const cf_future,
    stopped: bool,
}

// SAFETY: the pointers are used under the lock; each future in the line is kept by the pool's reference.
unsafe impl Send for Line {}

impl Callbacks {
    pub fn new() -> Callbacks {
        Callbacks {
            line: Lock::new(Line { first: null(), last: null(), stopped: false }),
            news: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            runner: AtomicU32::new(runner::NOBODY as u32),
        }
    }

    pub fn is_runner(&self, id: u16) -> bool {
        self.runner.load(Relaxed) == id as u32
    }

    pub fn runner(&self) -> u16 {
        self.runner.load(Relaxed) as u16
    }

    /// Hands a future over whose callbacks are to run; the pool's reference goes with it.
    pub(super) fn push(&self, f: &'static cf_future) {
        self.line.lock().push(f);
        self.ring();
    }

    fn ring(&self) {
        self.news.fetch_add(1, Release);
        self.sleepers.wake_one(sync::address(&self.news));
    }

    fn pop(&self) -> Option<&'static cf_future> {
        self.line.lock().pop()
    }

    /// Nothing more comes: the thread, if there is one, ends.
    pub(super) fn stop(&self) {
        self.line.lock().stopped = true;
        self.ring();
    }
}

impl Line {
    fn push(&mut self, f: &'static cf_future) {
        if let Some(ext) = f.existing_ext() {
            ext.set_deferred_next(null());
        }
        // SAFETY: kept by the pool's reference while it is in the line.
        match unsafe { self.last.as_ref() }.and_then(cf_future::existing_ext) {
            Some(ext) => ext.set_deferred_next(f),
            None => self.first = f,
        }
        self.last = f;
    }

    fn pop(&mut self) -> Option<&'static cf_future> {
        // SAFETY: as in `push`.
        let f: &'static cf_future = unsafe { self.first.as_ref() }?;
        self.first = f.existing_ext().map_or(null(), |ext| ext.deferred_next());
        if self.first.is_null() {
            self.last = null();
        }
        Some(f)
    }
}

fn run(pool: &Pool, f: &'static cf_future) {
    // SAFETY: the pool's reference came with the future.
    unsafe { f.run_deferred() };
    pool.one_ended();
}

impl Pool {
    /// Runs on this thread what follows a publish.
    pub(super) fn run_callbacks_here(&self, f: &'static cf_future) {
        run(self, f);
    }
}

pub extern "C" fn main(arg: *mut c_void) -> *mut c_void {
    // SAFETY: `staff::start` has passed it.
    let mut staff = unsafe { Staff::begin(arg) };
    let pool = staff.pool();
    let here = &pool.callbacks;
    let known = deadlock::make_room().and_then(|()| runner::current().inspect_err(|_| deadlock::give_room_back()));
    if let Ok(runner) = &known {
        here.runner.store(runner.id as u32, Relaxed);
        // What runs here is user code like a task: its waits are judged.
        runner.depth.set(runner.depth.get() + 1);
    }
    thread::set_name(c"cf-callbacks");
    loop {
        // Acquire: pairs with the Release in `ring`.
        let seen = here.news.load(Acquire);
        if let Some(f) = here.pop() {
            staff.in_user_code(|| run(pool, f));
            continue;
        }
        if here.line.lock().stopped {
            break;
        }
        let unchanged = || here.news.load(Relaxed) == seen;
        // SAFETY: the word lives as long as the pool.
        staff.asleep(|| unsafe { here.sleepers.wait(sync::address(&here.news), seen, unchanged, Deadline::NEVER) });
    }
    if let Ok(runner) = known {
        runner.depth.set(runner.depth.get() - 1);
        here.runner.store(runner::NOBODY as u32, Relaxed);
        deadlock::give_room_back();
    }
    staff.leave();
    null_mut()
}
