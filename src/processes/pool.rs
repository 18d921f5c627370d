//! The pool of processes itself: what host threads share, and the submit.
//!
//! Owns: arena, table of slots, functions, service threads. Called by: `contract`, `far`, `supervisor`.
//!
//! Always true:
//! - a task that was accepted has a slot whose private part names its node, until its outcome is published;
//! - no user code runs while `slots` or `crew` is held; `crew` is taken before `slots`, never the other way round.

use super::arena::Arena;
use super::bell;
use super::callbacks::Callbacks;
use super::crew::Crew;
use super::functions::Functions;
use super::layout::{Slot, INLINE, MOST_SLOTS, PASSED, PORTION};
use super::plan::Plan;
use super::portion::Portion;
use super::shared::Shared;
use super::slot::{inline_bytes, Cell, COLLECT};
use super::table::{Table, Task};
use super::view::View;
use crate::capi::types::TaskFn;
use crate::error::{cf_error, Failure};
use crate::executor::{cf_executor, Executor};
use crate::future::far::Place;
use crate::future::node::{Arg, Call};
use crate::future::{cf_future, word};
use crate::runner;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, AtomicU32, Lock, Ordering::*};
use crate::sys::epoll::Epoll;
use crate::sys::eventfd::EventFd;
use crate::sys::thread;
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::{null, null_mut, NonNull};

pub struct Pool {
    arena: NonNull<Arena>,
    pub(super) view: View,
    pub(super) plan: Plan,
    pub(super) functions: Functions,
    pub(super) slots: Lock<Table>,
    pub(super) crew: Lock<Crew>,
    /// Wakes the supervisor.
    pub(super) bell: EventFd,
    /// Made with the pool, so that the supervisor cannot fail to; it takes it.
    pub(super) epoll: Lock<Option<Epoll>>,
    pub(super) callbacks: Callbacks,
    pub(super) shared: Shared,
    pub(super) executor: AtomicPtr<cf_executor>,
    pub(super) broken: AtomicPtr<cf_error>,
    /// Service threads that have not ended.
    pub(super) alive: AtomicU32,
    pub(super) ended: Lock<Ended>,
    /// Threads that fetch an outcome just now.
    pub(super) fetching: AtomicU32,
    /// Workers that exist, or that were asked for.
    pub(super) crew_size: AtomicU32,
    /// The workers run the helper program: functions of this program mean nothing to them.
    pub(super) helper: bool,
}

pub(super) struct Ended {
    pub handles: Vec<thread::Handle>,
    pub detached: bool,
}

// SAFETY: what is shared is behind locks and atomics; the arena is counted and locks its own state.
unsafe impl Sync for Pool {}
// SAFETY: as above.
unsafe impl Send for Pool {}

impl Pool {
    /// The pool with its zygotes, but without service threads: `settle` starts them.
    pub fn new(plan: Plan) -> Result<Pool, Failure> {
        let arena = Arena::new(plan.shared_memory_limit)?;
        // SAFETY: just made; the reference goes to the guard, and from it to the pool.
        let guard = ArenaGuard(arena);
        // SAFETY: counted by the guard.
        let shared = unsafe { arena.as_ref() };
        // SAFETY: the arena is mapped while the pool or a future holds it.
        let view = unsafe { View::new(shared.base(), plan.max_workers) };
        let functions = Functions::new();
        let bell = EventFd::new()?.raise_high();
        let epoll = Epoll::new().map_err(|errno| Failure::new(Status::CF_OS_ERROR, errno, format_args!("epoll")))?;
        let slots = Table::new()?;
        let mut handles = Vec::new();
        handles.try_reserve_exact(2).map_err(|_| Status::CF_NO_MEMORY)?;
        plan.write_control(view.base());
        let crew = Crew::start(&plan, shared, bell.raw())?;
        let helper = crew.runs_helper();
        plan.write_blocks(shared, &functions, helper)?;
        core::mem::forget(guard);
        Ok(Pool {
            arena,
            view,
            plan,
            functions,
            slots: Lock::new(slots),
            crew: Lock::new(crew),
            bell,
            epoll: Lock::new(Some(epoll)),
            callbacks: Callbacks::new(),
            shared: Shared::new(),
            executor: AtomicPtr::new(null_mut()),
            broken: AtomicPtr::new(null_mut()),
            alive: AtomicU32::new(0),
            ended: Lock::new(Ended { handles, detached: false }),
            fetching: AtomicU32::new(0),
            crew_size: AtomicU32::new(0),
            helper,
        })
    }

    pub fn arena(&self) -> &Arena {
        // SAFETY: the pool's reference.
        unsafe { self.arena.as_ref() }
    }

    pub(super) fn executor(&self) -> &cf_executor {
        // SAFETY: the executor owns the pool.
        unsafe { &*self.executor.load(Relaxed) }
    }

    pub(super) fn slot(&self, slot: u32) -> &'static Slot {
        &self.view.slots()[slot as usize % MOST_SLOTS]
    }

    pub fn broken(&self) -> Option<&cf_error> {
        // Acquire: pairs with the Release of whoever broke it. SAFETY: set once, freed with the pool.
        unsafe { self.broken.load(Acquire).as_ref() }
    }

    /// Makes a task and queues it.
    ///
    /// # Safety
    /// As for `Executor::submit`.
    pub(super) unsafe fn submit_call(&self, call: Call, out: *mut *mut cf_future) -> Result<()> {
        let Arg::Copy(from, size) = call.arg else {
            return Err(Status::CF_UNSUPPORTED);
        };
        let func = self.functions.identify(self.arena(), call.func, self.helper)?;
        // SAFETY: the caller's promise.
        let argument = unsafe { Argument::stage(self, from, size)? };
        let rings = call.rings;
        let work = Work { func, from, size, index: call.birth.index, context: 0..0, portion: null(), rings };
        // SAFETY: as above.
        unsafe { self.submit_work(work, &argument, out) }.inspect_err(|_| argument.drop(self.arena()))
    }

    /// Makes a portion of a map a task and queues it. The portion lives until its end was told.
    ///
    /// # Safety
    /// `out` is writable; the portion's block is of this pool's arena; `context` lies in it, or begins at 0.
    pub unsafe fn submit_portion(
        &self,
        func: TaskFn,
        context: Range<usize>,
        portion: &Portion,
        rings: bool,
        out: *mut *mut cf_future,
    ) -> Result<()> {
        self.admit()?;
        let func = self.functions.identify(self.arena(), func, self.helper)?;
        let size = portion.size();
        let work = Work { func, from: null(), size, index: portion.first, context, portion, rings };
        // SAFETY: the caller's promise.
        unsafe { self.submit_work(work, &Argument { at: portion.block, owned: false }, out) }
    }

    /// # Safety
    /// As for `submit_call`. The argument is the caller's to drop on failure.
    unsafe fn submit_work(&self, work: Work, argument: &Argument, out: *mut *mut cf_future) -> Result<()> {
        let refs = if out.is_null() { 1 } else { 2 };
        let node = cf_future::new_far(runner::current()?, self.executor().id(), refs)?;
        let task = Task { node, block: argument.block(), portion: work.portion };
        let taken = self.take_slot(&task);
        let (index, generation) = taken.inspect_err(|_| node.discard())?;
        node.settle(Place { slot: index, generation });
        let slot = self.slot(index);
        slot.func.store(work.func, Relaxed);
        let kind = match work.portion.is_null() {
            false => PORTION,
            true if argument.at != 0 && !argument.owned => PASSED,
            true => 0,
        };
        slot.kind.store(kind, Relaxed);
        slot.arg_size.store(work.size as u64, Relaxed);
        slot.arg_at.store(argument.at as u64, Relaxed);
        slot.index.store(work.index as u64, Relaxed);
        slot.context.store(work.context.start as u64, Relaxed);
        slot.context_size.store(work.context.len() as u64, Relaxed);
        if argument.at == 0 && work.size > 0 {
            // SAFETY: the caller's promise; the slot has room for an inline argument.
            unsafe { core::ptr::copy_nonoverlapping(work.from.cast::<u8>(), inline_bytes(&slot.arg), work.size) };
        }
        node.open(word::FAR);
        if !out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out.write(node as *const cf_future as *mut cf_future) };
        }
        // Nobody will look at a future that nobody holds.
        slot.open(generation, if out.is_null() { COLLECT } else { 0 });
        self.queue(Cell::new(index, generation), work.rings);
        Ok(())
    }

    fn take_slot(&self, task: &Task) -> Result<(u32, u32)> {
        let take = || self.slots.lock().take(self.arena(), &self.view.ready(), task);
        take().or_else(|e| {
            if e != Status::CF_NO_MEMORY {
                return Err(e);
            }
            // Futures that were given up before they were done still have their slots.
            let made = self.slots.lock().made();
            (0..made).for_each(|slot| self.sweep_slot(slot));
            take()
        })
    }

    /// The task stands in its slot: whoever is free may take it. From here on it may end at any time.
    fn queue(&self, cell: Cell, rings_worker: bool) {
        let ready = self.view.ready();
        let (outstanding, rings) = {
            let mut slots = self.slots.lock();
            slots.queue(&ready, cell);
            // Whoever breaks the pool at this moment may not have seen the task; a supervisor that sleeps without limit
            // is to look after it.
            (slots.outstanding, slots.broken || core::mem::take(&mut slots.idle))
        };
        if rings_worker {
            bell::ring(ready.control, self.view.areas());
        }
        let size = self.crew_size.load(Relaxed) as usize;
        if rings || size < self.plan.max_workers && outstanding > size {
            self.ring_supervisor();
        }
    }

    /// Wakes all workers there may be work for, after submits that did not.
    pub fn rouse(&self) {
        (0..self.plan.max_workers).for_each(|_| bell::ring(self.view.ready().control, self.view.areas()));
    }

    pub fn shared_alloc(&self, size: usize) -> Result<*mut c_void> {
        self.shared.alloc(self.arena(), size)
    }

    /// Gives memory of `shared_alloc` back; what is not is left alone.
    pub fn shared_free(&self, p: *mut c_void) {
        self.shared.free(self.arena(), p);
    }

    /// Where these bytes lie in memory of `shared_alloc`.
    pub fn shared_offset(&self, p: *const c_void, size: usize) -> Option<usize> {
        self.shared.offset_of(self.arena(), p, size)
    }

    pub(super) fn ring_supervisor(&self) {
        self.bell.raise();
    }
}

/// What a slot is to say of a task.
struct Work {
    func: u32,
    from: *const c_void,
    size: usize,
    index: usize,
    /// Where it lies; empty if it does not go with the task.
    context: Range<usize>,
    portion: *const Portion,
    /// A worker that sleeps is to be woken: else the submitter sees to that later.
    rings: bool,
}

/// An argument on its way into shared memory.
struct Argument {
    /// Its offset; 0 means that it goes into the slot.
    at: usize,
    /// The block was made for it.
    owned: bool,
}

impl Argument {
    /// # Safety
    /// `from` points to `size` readable bytes.
    unsafe fn stage(pool: &Pool, from: *const c_void, size: usize) -> Result<Argument> {
        let arena = pool.arena();
        // What lies in shared memory is passed, not copied.
        if let Some(at) = pool.shared_offset(from, size).filter(|_| size > 0) {
            return Ok(Argument { at, owned: false });
        }
        if size <= INLINE {
            return Ok(Argument { at: 0, owned: false });
        }
        let at = arena.alloc(size)?;
        // SAFETY: the caller's promise; the block has as many bytes.
        unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), arena.address(at), size) };
        Ok(Argument { at, owned: true })
    }

    fn block(&self) -> u64 {
        if self.owned {
            self.at as u64
        } else {
            0
        }
    }

    fn drop(&self, arena: &Arena) {
        if self.owned {
            arena.free(self.at);
        }
    }
}

/// Why a pool is broken when there is no memory for the reason.
pub(super) static NO_REASON: cf_error = cf_error::plain(Status::CF_BROKEN_POOL, 0);

/// # Safety
/// NULL, `NO_REASON` or boxed, and not used again.
pub(super) unsafe fn free_reason(p: *mut cf_error) {
    if !core::ptr::eq(p, &NO_REASON) {
        // SAFETY: the caller's promise.
        unsafe { cf_error::free(p) };
    }
}

/// Gives the arena back unless the pool has taken it over.
struct ArenaGuard(NonNull<Arena>);

impl Drop for ArenaGuard {
    fn drop(&mut self) {
        // SAFETY: the reference from `new`.
        unsafe { Arena::release(self.0.as_ptr()) };
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: made by `boxed`, or NULL; nobody else has the pool any more. The arena's reference is the pool's.
        unsafe {
            free_reason(self.broken.load(Relaxed));
            Arena::release(self.arena.as_ptr());
        }
    }
}
