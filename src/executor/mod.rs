//! What every kind of executor has in common, and the contract that each kind obeys.
//!
//! Owns: the handle `cf_executor`. Called by: the C interface, waits (claims, graph of waits), cancel.
//!
//! - `submit` from bytes and a function to a queued future
//! - `table`  from the executor id in a node to the executor; references
//! - `guests` threads that are none of the executor's own and finish its tasks
//! - `end`    shutdown, join, free, detach
//! - `shared` memory that tasks reach at the same address, where that is any memory
//!
//! Always true:
//! - the executor lives while a handle, one of its threads, or somebody who looked it up has a reference;
//! - an id names one executor until that executor's memory is given back;
//! - each task that was accepted ends in exactly one state, and `shutdown(wait)` returns after the last
//!   callback and destroy function of the tasks.

mod end;
mod guests;
mod shared;
mod submit;
mod table;

pub use guests::{are_guests_of, as_guest, guests_of_this_thread, Guest};
pub use table::{lookup, Found};

use crate::error::{cf_error, Failure};
use crate::fork;
use crate::future::far::Far;
use crate::future::{cf_future, node::Call};
use crate::mem;
use crate::options::{self, cf_options};
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Sleepers};
use crate::{processes, threads};
use core::ffi::c_void;
use core::ptr::{null, NonNull};

/// What a kind of executor must do. Implemented by the thread pool and the process pool.
pub trait Executor: Sync {
    fn max_workers(&self) -> usize;
    /// CF_BROKEN_POOL or CF_SHUTDOWN when nothing is accepted any more.
    fn admit(&self) -> Result<()>;
    /// Makes a task and queues it; `out` is written before it can start. On failure the argument has been given back
    /// and nobody will ever claim the task.
    ///
    /// # Safety
    /// `out` is NULL or writable; what the call's argument points to is readable.
    unsafe fn submit(&self, call: Call, out: *mut *mut cf_future) -> Result<()>;
    /// Is so much queued that whoever waits for one task may let others be done meanwhile?
    fn is_behind(&self) -> bool {
        false
    }
    /// Its verbs for futures whose tasks run in other processes.
    fn far(&self) -> Option<&dyn Far> {
        None
    }
    /// What only a pool of processes can do.
    fn processes(&self) -> Option<&processes::Pool> {
        None
    }
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
        fork::enter();
        let pool = mem::try_new(options::with_plan(options, threads::Pool::new)?)?;
        Self::of(pool, |pool, executor| {
            pool.settle(executor);
            Ok(())
        })
    }

    pub fn process_pool(max_workers: usize) -> Result<*mut cf_executor, Failure> {
        let mut options = cf_options::defaults();
        if max_workers > 0 {
            options.set_max_workers(max_workers)?;
        }
        Self::process_pool_with(&options)
    }

    pub fn process_pool_with(options: &cf_options) -> Result<*mut cf_executor, Failure> {
        fork::enter();
        let pool = mem::try_new(processes::Pool::new(options::process_plan(options)?)?)?;
        Self::of(pool, processes::Pool::settle)
    }

    /// The executor around a pool, which is told where both stand before anybody else knows.
    fn of<K: Executor + 'static>(
        mut pool: NonNull<K>,
        settle: impl FnOnce(&mut K, *mut cf_executor) -> Result<(), Failure>,
    ) -> Result<*mut cf_executor, Failure> {
        let epoch = fork::enter();
        // SAFETY: just made by `try_new`, seen by nobody.
        let kind: Box<dyn Executor> = unsafe { Box::from_raw(pool.as_ptr()) };
        let id = table::take_place()?;
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
                table::enter(id, p.as_ptr());
                // SAFETY: both at their final addresses, seen by nobody yet.
                let settled = unsafe { settle(pool.as_mut(), p.as_ptr()) };
                // SAFETY: the one reference there is.
                settled.map(|()| p.as_ptr()).inspect_err(|_| unsafe { p.as_ref() }.release())
            }
            Err(e) => {
                table::give_place_back(id);
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

    pub fn max_workers(&self) -> usize {
        self.kind.max_workers()
    }

    pub fn broken(&self) -> *const cf_error {
        self.kind.broken().map_or(null(), |e| e)
    }

    fn processes(&self) -> Result<&processes::Pool> {
        self.kind.processes().ok_or(Status::CF_UNSUPPORTED)
    }

    pub fn terminate_workers(&self) -> Result<()> {
        self.signal_workers(libc::SIGTERM)
    }

    pub fn kill_workers(&self) -> Result<()> {
        self.signal_workers(libc::SIGKILL)
    }

    /// Nothing new is accepted, what is queued is cancelled, and the workers are sent a signal.
    fn signal_workers(&self, signal: i32) -> Result<()> {
        let pool = self.processes()?;
        pool.end_all();
        self.shutdown(false, true)?;
        pool.signal_all(signal);
        Ok(())
    }

    /// Memory that tasks reach at the same address.
    pub fn shared_alloc(&self, size: usize) -> Result<*mut c_void> {
        if size == 0 || size > isize::MAX as usize {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        match self.kind.processes() {
            Some(pool) => pool.shared_alloc(size),
            None => shared::alloc(size),
        }
    }

    /// # Safety
    /// From `shared_alloc` of this executor, and not used again.
    pub unsafe fn shared_free(&self, p: *mut c_void) {
        match self.kind.processes() {
            Some(pool) => pool.shared_free(p),
            // SAFETY: the caller's promise.
            None => unsafe { shared::free(p) },
        }
    }
}

/// Forgets what belongs to the parent, in a forked child. The executors stay where inherited handles point.
pub fn after_fork() {
    table::after_fork();
}
