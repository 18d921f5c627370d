//! The pool of processes itself: what host threads share.
//!
//! Owns: arena, table of slots, functions, service threads. Called by: `contract`, `submit`, `far`, `supervisor`.
//!
//! Always true:
//! - a task that was accepted has a slot whose private part names its node, until its outcome is published;
//! - no user code runs while `slots` or `crew` is held; `crew` is taken before `slots`, never the other way round.

use super::arena::Arena;
use super::bell::{self, Rung};
use super::callbacks::Callbacks;
use super::crew::Crew;
use super::functions::Functions;
use super::layout::{Slot, MOST_SLOTS};
use super::plan::Plan;
use super::shared::Shared;
use super::start::os_error;
use super::supervisor;
use super::table::Table;
use super::view::View;
use crate::error::{cf_error, Failure};
use crate::executor::cf_executor;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Lock, Ordering::*};
use crate::sys::epoll::Epoll;
use crate::sys::eventfd::EventFd;
use crate::sys::thread;
use core::ffi::c_void;
use core::ptr::{null_mut, NonNull};

pub struct Pool {
    arena: NonNull<Arena>,
    pub(super) view: View,
    pub(super) plan: Plan,
    pub(super) functions: Functions,
    pub(super) slots: Lock<Table>,
    /// Tasks that have not ended. Rises under the lock `slots`, in no pool that is closed.
    pub(super) outstanding: AtomicUsize,
    pub(super) crew: Lock<Crew>,
    pub(super) rung: Rung,
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
        let bell = EventFd::new().map_err(|errno| os_error(errno, "eventfd"))?.raise_high().marked();
        let epoll = Epoll::new().map_err(|errno| os_error(errno, "epoll_create1"))?;
        // Here, as a supervisor that its bell cannot wake would never hear of anything.
        epoll.add(bell.raw(), supervisor::BELL).map_err(|errno| os_error(errno, "epoll_ctl"))?;
        let slots = Table::new()?;
        let mut handles = Vec::new();
        handles.try_reserve_exact(2).map_err(|_| Status::CF_NO_MEMORY)?;
        plan.write_control(view.base());
        let crew = Crew::start(&plan, shared, bell.raw())?;
        let helper = crew.runs_helper();
        plan.write_blocks(shared, &functions, helper)?;
        crew.tell_terms()?;
        core::mem::forget(guard);
        Ok(Pool {
            arena,
            view,
            plan,
            functions,
            slots: Lock::new(slots),
            outstanding: AtomicUsize::new(0),
            crew: Lock::new(crew),
            rung: Rung::new(),
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

    /// Tasks that have not ended. Under the lock `slots`: those that were accepted before are counted.
    pub(super) fn outstanding(&self) -> usize {
        // Acquire: pairs with the Release of each end.
        self.outstanding.load(Acquire)
    }

    pub(super) fn ring_supervisor(&self) {
        self.bell.raise();
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
