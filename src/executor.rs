//! What every kind of executor has in common, and the contract that each kind obeys.
//!
//! Owns: the handle `cf_executor`, its references, the table that turns the executor id in a node into the
//! executor, and the guests: threads that are none of the executor's own and finish its tasks.
//! Called by: the C interface, waits (claims, graph of waits), cancel.
//!
//! Always true:
//! - the executor lives while a handle, one of its threads, or somebody who looked it up has a reference;
//! - an id names one executor until that executor's memory is given back;
//! - each task that was accepted ends in exactly one state, and `shutdown(wait)` returns after the last
//!   callback and destroy function of the tasks.

use crate::capi::types::TaskFn;
use crate::deadlock::{Blocked, Manner, Stir, WaitSet};
use crate::error::{cf_error, Failure};
use crate::fork;
use crate::future::hint::Hint;
use crate::future::node::{cf_future, Arg, Birth, Call};
use crate::future::trim;
use crate::hook::Hook;
use crate::mem;
use crate::options::{self, cf_options};
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{self, yield_now, AtomicPtr, AtomicU32, Ordering::*, Sleepers};
use crate::threads::Pool;
use crate::time::Deadline;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

/// What a kind of executor must do. Implemented by the thread pool; the process pool comes next.
pub trait Executor: Sync {
    fn max_workers(&self) -> usize;
    /// CF_BROKEN_POOL or CF_SHUTDOWN when nothing is accepted any more.
    fn admit(&self) -> Result<()>;
    /// Queues a PENDING task. On failure nobody else will ever claim it.
    fn enqueue(&self, hint: Hint) -> Result<()>;
    /// Is this thread one of the executor's own?
    fn owns(&self, runner: &Runner) -> bool;
    /// May a thread that waits for a pending task run it itself?
    fn claimable(&self, waiter: WaiterView) -> bool;
    /// Will a pending task be run, if these threads go on?
    fn may_go_on(&self, is_live: &dyn Fn(u16) -> bool) -> bool;
    /// Will all that runs come to an end, if these threads go on?
    fn all_go_on(&self, is_live: &dyn Fn(u16) -> bool) -> bool;
    /// One of its threads is about to sleep inside a task: another may stand in.
    fn block(&self);
    fn unblock(&self);
    /// Accepts nothing more; what is queued still runs.
    fn close(&self);
    fn is_closed(&self) -> bool;
    /// Cancels what is queued, in the calling thread.
    fn cancel_queued(&self);
    /// Have all its threads done their last work? Each last one calls `cf_executor::ring_end`.
    fn has_ended(&self) -> bool;
    /// After `has_ended`: waits until they are gone.
    fn reap(&self);
    /// Nobody will join: its threads clean up after themselves.
    fn detach(&self);
    fn broken(&self) -> Option<&cf_error>;
}

/// What an executor is told about a thread that waits.
#[derive(Clone, Copy)]
pub struct WaiterView {
    /// The executor whose worker it is; `NO_EXECUTOR` for a thread of the host's.
    pub executor: u16,
}

impl WaiterView {
    pub fn of(runner: &Runner) -> WaiterView {
        WaiterView { executor: runner.seat().map_or(NO_EXECUTOR, |s| s.executor()) }
    }
}

/// The executor of futures that are completed by hand.
pub const NO_EXECUTOR: u16 = 0;
/// Executors alive at one time.
const MOST: usize = 4096;

struct Place {
    executor: AtomicPtr<cf_executor>,
    /// Threads between reading the pointer and having a reference.
    entering: AtomicU32,
}

/// Executors that have not ended.
static LIVE: AtomicU32 = AtomicU32::new(0);

static TABLE: [Place; MOST] =
    [const { Place { executor: AtomicPtr::new(null_mut()), entering: AtomicU32::new(0) } }; MOST];

/// A pool of workers and the tasks given to it; opaque to C.
pub struct cf_executor {
    epoch: u64,
    id: u16,
    refs: AtomicU32,
    guests: AtomicU32,
    /// What those sleep on who wait for the end.
    end_bell: AtomicU32,
    sleepers: Sleepers,
    kind: Box<dyn Executor>,
}

// SAFETY: every kind of executor is Sync, and the rest are atomics and constants.
unsafe impl Sync for cf_executor {}

impl fork::Handle for cf_executor {
    #[inline]
    fn foreign(&self) -> bool {
        self.epoch != fork::epoch()
    }
}

impl cf_executor {
    pub fn thread_pool(max_workers: usize) -> Result<*mut cf_executor, Failure> {
        let mut options = cf_options::defaults();
        if max_workers > 0 {
            options.set_max_workers(max_workers)?;
        }
        Self::thread_pool_with(&options)
    }

    pub fn thread_pool_with(options: &cf_options) -> Result<*mut cf_executor, Failure> {
        let epoch = fork::enter()?;
        let mut pool = mem::try_new(options::with_plan(options, Pool::new)?)?;
        // SAFETY: just made, seen by nobody.
        let kind: Box<dyn Executor> = unsafe { Box::from_raw(pool.as_ptr()) };
        let id = take_place()?;
        let executor = cf_executor {
            epoch,
            id,
            refs: AtomicU32::new(1),
            guests: AtomicU32::new(0),
            end_bell: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            kind,
        };
        match mem::try_new(executor) {
            Ok(p) => {
                // SAFETY: both at their final addresses, seen by nobody yet.
                unsafe { pool.as_mut().settle(p.as_ptr()) };
                TABLE[id as usize].executor.store(p.as_ptr(), Release);
                LIVE.fetch_add(1, Relaxed);
                Ok(p.as_ptr())
            }
            Err(e) => {
                TABLE[id as usize].executor.store(null_mut(), Release);
                Err(e.into())
            }
        }
    }

    pub fn id(&self) -> u16 {
        self.id
    }

    pub fn kind(&self) -> &dyn Executor {
        &*self.kind
    }

    // ---- submit

    /// # Safety
    /// `arg` points to `size` readable bytes; `out` is NULL or writable.
    pub unsafe fn submit(&self, func: TaskFn, arg: *const c_void, size: usize, out: *mut *mut cf_future) -> Result<()> {
        if arg.is_null() && size > 0 {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        // SAFETY: the caller's promise.
        unsafe { self.submit_call(func, Arg::Copy(arg, size), Birth::NONE, out) }
    }

    /// # Safety
    /// `out` is NULL or writable.
    pub unsafe fn submit_owned(&self, func: TaskFn, arg: Hook, out: *mut *mut cf_future) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.submit_call(func, Arg::Owned(arg), Birth::NONE, out) }
    }

    /// # Safety
    /// `args` points to `size * count` readable bytes, `out` is NULL or has `count` places, `submitted` is NULL or writable.
    pub unsafe fn submit_many(
        &self,
        func: TaskFn,
        args: *const c_void,
        size: usize,
        count: usize,
        out: *mut *mut cf_future,
        submitted: *mut usize,
    ) -> Result<()> {
        let whole = size.checked_mul(count).ok_or(Status::CF_INVALID_ARGUMENT)?;
        if args.is_null() && whole > 0 {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        let mut result = self.kind.admit();
        let mut n = 0;
        while result.is_ok() && n < count {
            let arg = Arg::Copy(args.wrapping_byte_add(n * size), size);
            let birth = Birth { index: n, ..Birth::NONE };
            let place = if out.is_null() { out } else { out.wrapping_add(n) };
            // SAFETY: inside the caller's arrays.
            result = unsafe { self.submit_call(func, arg, birth, place) };
            n += result.is_ok() as usize;
        }
        // SAFETY: the caller's promise.
        unsafe {
            if !out.is_null() {
                (n..count).for_each(|i| out.add(i).write(null_mut()));
            }
            if !submitted.is_null() {
                submitted.write(n);
            }
        }
        result
    }

    /// Makes a task and queues it; `*out` is written before it can start, and NULL on failure.
    ///
    /// # Safety
    /// As for `submit`.
    #[inline]
    pub unsafe fn submit_call(&self, func: TaskFn, arg: Arg, birth: Birth, out: *mut *mut cf_future) -> Result<()> {
        let refs = if out.is_null() { 1 } else { 2 };
        let made = self.make(Call { func, arg, birth, executor: self.id }, refs);
        if !out.is_null() {
            let p = made.as_ref().map_or(null_mut(), |n| *n as *const cf_future as *mut cf_future);
            // SAFETY: the caller's promise.
            unsafe { out.write(p) };
        }
        let node = made?;
        self.kind.enqueue(Hint::new(node)).inspect_err(|_| {
            // SAFETY: nobody else will ever claim it: all its references are ours.
            unsafe {
                if !out.is_null() {
                    out.write(null_mut());
                }
                node.abandon(refs);
            }
        })
    }

    /// A PENDING task that is not queued yet.
    #[inline]
    fn make(&self, call: Call, refs: u32) -> Result<&'static cf_future> {
        self.kind.admit()?;
        let node = cf_future::new(runner::current()?, call, refs)?;
        node.open(0);
        Ok(node)
    }

    // ---- the end

    pub fn max_workers(&self) -> usize {
        self.kind.max_workers()
    }

    pub fn broken(&self) -> *const cf_error {
        self.kind.broken().map_or(null(), |e| e)
    }

    pub fn shutdown(&self, wait: bool, cancel: bool) -> Result<()> {
        if wait && self.would_join_itself() {
            return Err(Status::CF_DEADLOCK);
        }
        self.kind.close();
        if cancel {
            // As a guest: another thread's shutdown(wait) returns after the callbacks that run here.
            as_guest(self.id, false, |_| self.kind.cancel_queued());
        }
        if wait {
            self.wait_for_end(Deadline::NEVER)?;
        }
        Ok(())
    }

    pub fn join(&self, deadline: Deadline) -> Result<()> {
        if !self.kind.is_closed() {
            return Err(Status::CF_INVALID_STATE);
        }
        if self.would_join_itself() {
            return Err(Status::CF_DEADLOCK);
        }
        self.wait_for_end(deadline)
    }

    /// Is this thread a worker of the executor, or does it run one of its tasks?
    fn would_join_itself(&self) -> bool {
        runner::existing().is_some_and(|r| self.kind.owns(r)) || guests_here(self.id).any(|g| g.runs_task)
    }

    /// Waits until all work, callbacks and threads have ended.
    fn wait_for_end(&self, deadline: Deadline) -> Result<()> {
        // The callbacks that this very thread runs as a guest are not waited for, neither here nor by another
        // guest that waits in the same way: so this thread is no guest meanwhile.
        let own = guests_here(self.id).count() as u32;
        self.leave_guests(own);
        let result = self.sleep_until_end(deadline);
        self.guests.fetch_add(own, Relaxed);
        if result.is_ok() {
            self.kind.reap();
        }
        result
    }

    fn sleep_until_end(&self, deadline: Deadline) -> Result<()> {
        let stir = Stir { what: (self as *const cf_executor).cast(), how: cf_executor::stir };
        let manner = Manner { stir: Some(stir), can_claim: false, firm: false };
        let blocked = Blocked::enter(WaitSet::End(self), deadline, manner)?;
        loop {
            let seen = self.end_bell.load(Acquire);
            // Acquire: pairs with the guests' Release. The mark stays: others may wait as well.
            let guests = self.guests.fetch_or(AWAITED, Acquire) & !AWAITED;
            if guests == 0 && self.kind.has_ended() {
                return Ok(());
            }
            if blocked.is_doomed() {
                return Err(Status::CF_DEADLOCK);
            }
            if deadline.has_passed() {
                return Err(Status::CF_TIMEOUT);
            }
            // SAFETY: the caller's reference keeps the word.
            unsafe {
                let unchanged = || self.end_bell.load(Relaxed) == seen;
                self.sleepers.wait(sync::address(&self.end_bell), seen, unchanged, deadline);
            }
        }
    }

    /// Something has ended that `wait_for_end` may wait for.
    pub fn ring_end(&self) {
        self.end_bell.fetch_add(1, Release);
        self.sleepers.wake_all(sync::address(&self.end_bell));
    }

    unsafe fn stir(this: *const ()) {
        // SAFETY: the waiter keeps the executor while its wait is published.
        unsafe { (*this.cast::<cf_executor>()).ring_end() };
    }

    /// Release: the end of the executor comes after what the guests did.
    fn leave_guests(&self, n: u32) {
        if n > 0 && self.guests.fetch_sub(n, Release) & AWAITED != 0 {
            self.ring_end();
        }
    }

    /// # Safety
    /// NULL, or the caller's handle, which is not used again.
    pub unsafe fn free(this: *mut cf_executor) {
        // SAFETY: the caller's promise.
        let Some(executor) = (unsafe { this.as_ref() }) else { return };
        if fork::Handle::foreign(executor) {
            return;
        }
        if executor.shutdown(true, false).is_err() {
            executor.kind.close();
            executor.kind.detach();
        }
        executor.release();
    }

    /// # Safety
    /// As for `free`.
    pub unsafe fn detach(this: *mut cf_executor) {
        // SAFETY: the caller's promise.
        let Some(executor) = (unsafe { this.as_ref() }) else { return };
        if !fork::Handle::foreign(executor) {
            executor.kind.close();
            executor.kind.detach();
            executor.release();
        }
    }

    // ---- references

    pub fn retain(&self) {
        self.refs.fetch_add(1, Relaxed);
    }

    fn try_retain(&self) -> bool {
        let mut n = self.refs.load(Relaxed);
        while n > 0 {
            match self.refs.compare_exchange_weak(n, n + 1, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    /// Gives a reference back; the last one ends the executor.
    pub fn release(&self) {
        // Release: what this thread did with the executor comes before its end.
        if self.refs.fetch_sub(1, Release) != 1 {
            return;
        }
        sync::fence(Acquire);
        let place = &TABLE[self.id as usize];
        // SeqCst, as in `lookup`: whoever enters after this finds NULL, whoever entered before is waited for.
        place.executor.store(reserved(), SeqCst);
        while place.entering.load(SeqCst) != 0 {
            yield_now();
        }
        // SAFETY: made by `try_new`; nobody has a reference and nobody can get one.
        unsafe { mem::free(self as *const cf_executor as *mut cf_executor) };
        place.executor.store(null_mut(), Release);
        if LIVE.fetch_sub(1, Relaxed) == 1 {
            // The program may have done with us: what a burst of tasks has left goes back to the system.
            trim::when_idle();
        }
    }
}

/// Marks a place whose executor is being made or unmade.
fn reserved() -> *mut cf_executor {
    core::ptr::without_provenance_mut(1)
}

fn take_place() -> Result<u16> {
    (1..MOST)
        .find(|i| TABLE[*i].executor.compare_exchange(null_mut(), reserved(), Acquire, Relaxed).is_ok())
        .map(|i| i as u16)
        .ok_or(Status::CF_NO_MEMORY)
}

/// A reference to an executor that was found through its id.
pub struct Found(&'static cf_executor);

impl core::ops::Deref for Found {
    type Target = cf_executor;
    fn deref(&self) -> &cf_executor {
        self.0
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// The executor with this id, if it still lives.
pub fn lookup(id: u16) -> Option<Found> {
    if id == NO_EXECUTOR {
        return None;
    }
    let place = &TABLE[id as usize];
    place.entering.fetch_add(1, SeqCst);
    let p = place.executor.load(SeqCst);
    let found = if p.is_null() || p == reserved() {
        None
    } else {
        // SAFETY: `release` waits for those who are entering before it frees.
        let executor: &'static cf_executor = unsafe { &*p };
        executor.try_retain().then_some(Found(executor))
    };
    place.entering.fetch_sub(1, SeqCst);
    found
}

/// A thread that is none of the executor's own and finishes one of its tasks; `shutdown(wait)` waits for it.
pub struct Guest {
    executor: u16,
    /// It runs a task, so the end of the executor cannot come before it returns.
    runs_task: bool,
    previous: *const Guest,
}

/// In `guests`: somebody waits for them to leave.
const AWAITED: u32 = 1 << 31;

thread_local! {
    /// The guests on this thread's stack, innermost first.
    static GUESTS: Cell<*const Guest> = const { Cell::new(null()) };
}

/// Runs `f` as a guest of this executor, if it still lives.
pub fn as_guest<R>(id: u16, runs_task: bool, f: impl FnOnce(Option<&cf_executor>) -> R) -> R {
    let Some(executor) = lookup(id) else { return f(None) };
    executor.guests.fetch_add(1, Relaxed);
    let guest = Guest { executor: id, runs_task, previous: GUESTS.get() };
    GUESTS.set(&guest);
    let result = f(Some(&executor));
    GUESTS.set(guest.previous);
    executor.leave_guests(1);
    result
}

/// The guests on this thread's stack, for whoever publishes a wait.
pub fn guests_of_this_thread() -> *const Guest {
    GUESTS.get()
}

/// Is one of these guests with this executor?
///
/// # Safety
/// From `guests_of_this_thread`, of a thread that sleeps in a wait or is the caller: the frames are open.
pub unsafe fn are_guests_of(first: *const Guest, id: u16) -> bool {
    // SAFETY: the caller's promise.
    unsafe { stays(first) }.any(|g| g.executor == id)
}

unsafe fn stays(first: *const Guest) -> impl Iterator<Item = &'static Guest> {
    let mut at = first;
    core::iter::from_fn(move || {
        // SAFETY: the marks lie in frames that are still open.
        let guest = unsafe { at.as_ref() }?;
        at = guest.previous;
        Some(guest)
    })
}

/// This thread's own stays with an executor.
fn guests_here(id: u16) -> impl Iterator<Item = &'static Guest> {
    // SAFETY: this thread's own frames.
    unsafe { stays(GUESTS.get()) }.filter(move |g| g.executor == id)
}

/// Forgets what belongs to the parent, in a forked child. The executors stay where inherited handles point.
pub fn after_fork() {
    for place in &TABLE {
        place.executor.store(null_mut(), Relaxed);
        place.entering.store(0, Relaxed);
    }
    GUESTS.set(null());
    LIVE.store(0, Relaxed);
}
