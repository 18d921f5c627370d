//! What every kind of executor has in common, and the contract that each kind obeys.
//!
//! Owns: the handle `cf_executor`. Called by: the C interface, waits (claims, graph of waits), cancel.
//!
//! - `submit` from bytes and a function to a queued future
//! - `table`  from the executor id in a node to the executor; references
//! - `guests` threads that are none of the executor's own and finish its tasks
//! - `end`    shutdown, join, free, detach
//!
//! Always true:
//! - the executor lives while a handle, one of its threads, or somebody who looked it up has a reference;
//! - an id names one executor until that executor's memory is given back;
//! - each task that was accepted ends in exactly one state, and `shutdown(wait)` returns after the last
//!   callback and destroy function of the tasks.

mod end;
mod guests;
mod submit;
mod table;

pub use guests::{are_guests_of, as_guest, guests_of_this_thread, Guest};
pub use table::{lookup, Found};

use crate::error::{cf_error, Failure};
use crate::fork;
use crate::future::hint::Hint;
use crate::mem;
use crate::options::{self, cf_options};
use crate::runner::Runner;
use crate::status::Result;
use crate::sync::{AtomicU32, Sleepers};
use crate::threads::Pool;
use core::ptr::null;

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
                // SAFETY: both at their final addresses, seen by nobody yet.
                unsafe { pool.as_mut().settle(p.as_ptr()) };
                table::enter(id, p.as_ptr());
                Ok(p.as_ptr())
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
}

/// Forgets what belongs to the parent, in a forked child. The executors stay where inherited handles point.
pub fn after_fork() {
    table::after_fork();
}
