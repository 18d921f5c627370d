//! A worker of a thread pool: its seat, and its life from start to end.
//!
//! Owns: the seat, which says whether the worker is in user code. A submitter that finds nobody asleep starts
//! a thread only if every seat is in user code, so that sequential use stays at one thread.
//! Called by: the pool (start), the future that runs (rest and work around user code).
//!
//! Always true: a worker that enters user code marks its seat first and looks at the queue after, and a
//! submitter queues first and reads the seats after: one of the two sees the other. The look may be left out
//! while no thread could be started anyway.

use super::nested::{Looks, Own};
use super::queue::{Apart, Pop};
use super::Pool;
use crate::deadlock;
use crate::future::hint::Hint;
use crate::runner::{self, Runner, NOBODY};
use crate::status::Result;
use crate::sync::{yield_now, AtomicBool, AtomicPtr, AtomicU32, Ordering::*};
use crate::sys::thread;
use core::ffi::{c_void, CStr};
use core::ptr::null_mut;

/// In a seat's `runner`: beyond every runner id, NOBODY in its lower half.
const LEFT: u32 = 1 << 16 | NOBODY as u32;

/// One place for a thread in a pool.
pub struct Seat {
    in_user_code: Apart<AtomicBool>,
    /// The runner of the thread that sits here.
    runner: AtomicU32,
    /// For the thread that is being started here; NULL when it has taken it.
    prepared: AtomicPtr<Runner>,
    index: u32,
    own: Own,
    pool: *const Pool,
}

// SAFETY: a seat is atomics and constants; the pool outlives its seats.
unsafe impl Sync for Seat {}
// SAFETY: as above.
unsafe impl Send for Seat {}

impl Seat {
    pub fn new(index: u32) -> Seat {
        Seat {
            in_user_code: Apart(AtomicBool::new(false)),
            runner: AtomicU32::new(NOBODY as u32),
            prepared: AtomicPtr::new(null_mut()),
            index,
            own: Own::new(),
            pool: core::ptr::null(),
        }
    }

    /// Before any thread knows of the pool.
    pub fn belong_to(&mut self, pool: *const Pool) {
        self.pool = pool;
    }

    pub fn pool(&self) -> &Pool {
        // SAFETY: the pool outlives its seats.
        unsafe { &*self.pool }
    }

    pub fn executor(&self) -> u16 {
        self.pool().id()
    }

    pub fn index(&self) -> u32 {
        self.index
    }

    pub fn own(&self) -> &Own {
        &self.own
    }

    pub fn name(&self) -> &CStr {
        self.pool().seat_name(self.index)
    }

    /// A thread is about to be started for this seat.
    pub fn take(&self) {
        self.runner.store(NOBODY as u32, Relaxed);
        self.rest();
    }

    /// Provides for a thread all that it needs, so that nothing can fail once it runs.
    pub fn prepare(&self) -> Result<()> {
        deadlock::make_room()?;
        let runner = runner::prepare().inspect_err(|_| deadlock::give_room_back())?;
        // Relaxed: the start of the thread publishes it.
        self.prepared.store(runner.into_raw(), Relaxed);
        Ok(())
    }

    fn take_prepared(&self) -> Option<runner::Prepared> {
        // SAFETY: what `prepare` has put here, once: it is replaced by NULL.
        unsafe { runner::Prepared::from_raw(self.prepared.swap(null_mut(), Relaxed)) }
    }

    /// It could not be started: nobody here will look at the queue.
    pub fn vacate(&self) {
        if self.take_prepared().is_some() {
            deadlock::give_room_back();
        }
        self.runner.store(LEFT, Relaxed);
        self.in_user_code.0.store(true, Relaxed);
    }

    pub fn runner(&self) -> u16 {
        self.runner.load(Relaxed) as u16
    }

    /// The thread that sat here has ended or is ending.
    pub fn has_left(&self) -> bool {
        self.runner.load(Relaxed) == LEFT
    }

    pub fn is_in_user_code(&self) -> bool {
        self.in_user_code.0.load(Relaxed)
    }

    /// Between tasks: this worker will look at the queue before it does anything else.
    #[inline]
    pub fn rest(&self) {
        // Release: with the publish that follows, whoever sees the result sees the worker free.
        self.in_user_code.0.store(false, Release);
    }

    /// User code begins: from here on the worker may be away for ever, so it looks who else could go.
    #[inline]
    pub fn work(&self) {
        self.in_user_code.0.store(true, Relaxed);
        if self.pool().can_grow() {
            self.pool().look();
        }
    }
}

/// The thread's main function; `arg` is its seat, and a reference to the executor is its own.
pub extern "C" fn main(arg: *mut c_void) -> *mut c_void {
    // SAFETY: the pool passes a seat, and the thread's reference keeps it alive.
    let seat: &Seat = unsafe { &*arg.cast::<Seat>() };
    let pool = seat.pool();
    let prepared = seat.take_prepared().unwrap_or_else(|| unreachable!("a thread is provided for before its start"));
    let (runner, told) = prepared.settle();
    seat.runner.store(runner.id as u32, Relaxed);
    runner.seat.set(seat);
    pool.name_thread(seat);
    Worker { seat, pool, runner, woken: true, looks: Looks::default() }.live();
    deadlock::give_room_back();
    seat.runner.store(LEFT, Relaxed);
    runner.seat.set(core::ptr::null());
    pool.leave(thread::current());
    if !told {
        runner::end();
    }
    null_mut()
}

struct Worker<'a> {
    seat: &'a Seat,
    pool: &'a Pool,
    runner: &'a Runner,
    /// The wake in flight is this one's to clear.
    woken: bool,
    looks: Looks,
}

impl Worker<'_> {
    fn live(&mut self) {
        if !self.initialize() {
            return;
        }
        loop {
            if self.pool.is_surplus() && !self.stand_by() {
                break;
            }
            match self.pool.next(self.seat, &mut self.looks) {
                Pop::Hint(bits) => self.take(Hint::from_bits(bits)),
                Pop::Unfilled => yield_now(),
                Pop::Empty => {
                    if self.pool.is_over() {
                        break;
                    }
                    self.pool.queue().settle(&mut self.looks.taken);
                    self.pool.bell().sleep(|| self.pool.has_work() || self.pool.queue().is_closed());
                    // Also if it stayed up: a call may have been meant for it after the announcement, and its flag
                    // would stand until somebody sleeps again, while no thread is started.
                    self.woken = true;
                }
            }
        }
        self.pass_on();
    }

    /// The wake in flight ends here; if there is more to do and somebody to do it, the next one begins.
    fn pass_on(&mut self) {
        if core::mem::take(&mut self.woken) {
            self.pool.bell().clear();
            self.pool.look();
        }
    }

    fn initialize(&mut self) -> bool {
        if self.pool.has_initializer() {
            self.seat.work();
            self.pass_on();
            if !self.pool.initialize(self.runner) {
                return false;
            }
            self.seat.rest();
        }
        true
    }

    fn take(&mut self, hint: Hint) {
        let Some(node) = hint.claim(self.runner) else {
            return; // claimed by a waiter, or cancelled
        };
        if let Some(why) = self.pool.broken() {
            return node.fail_unrun(why.copy_at(0));
        }
        self.seat.work();
        self.pass_on();
        node.run(self.runner);
        self.seat.rest();
    }

    /// More threads are up than may run, because one that was blocked is back: this one stands by.
    /// False if the pool has ended meanwhile.
    fn stand_by(&mut self) -> bool {
        if !self.pool.enter_reserve() {
            return true;
        }
        self.pool.queue().settle(&mut self.looks.taken);
        self.pass_on();
        self.pool.look();
        self.woken = self.pool.wait_in_reserve();
        self.woken
    }
}
