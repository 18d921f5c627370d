//! The process pool as an executor: the contract's verbs, and what only processes can do.

use super::harvest::Here;
use super::pool::Pool;
use super::slot::{self, Cell, DONE};
use super::{callbacks, staff, supervisor};
use crate::error::{cf_error, Failure};
use crate::executor::{cf_executor, Executor, WaiterView};
use crate::future::cf_future;
use crate::future::far::Far;
use crate::future::node::{Arg, Call};
use crate::runner::{Runner, NOBODY};
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use crate::sys::{clock, thread};
use crate::time::FOREVER;

impl Executor for Pool {
    fn max_workers(&self) -> usize {
        self.plan.max_workers
    }

    unsafe fn submit(&self, call: Call, out: *mut *mut cf_future) -> Result<()> {
        if matches!(call.arg, Arg::Owned(_)) {
            // A pointer means nothing to a worker. The argument's free function runs as the call is dropped.
            return Err(Status::CF_UNSUPPORTED);
        }
        // SAFETY: the caller's promise. A pool that takes no tasks says so, whatever else is wrong.
        unsafe { self.submit_call(call, out) }.map_err(|e| self.admit().err().unwrap_or(e))
    }

    fn far(&self) -> Option<&dyn Far> {
        Some(self)
    }

    fn processes(&self) -> Option<&Pool> {
        Some(self)
    }

    fn admit(&self) -> Result<()> {
        if self.broken().is_some() {
            Err(Status::CF_BROKEN_POOL)
        } else if self.is_closed() {
            Err(Status::CF_SHUTDOWN)
        } else {
            Ok(())
        }
    }

    /// The callback thread is the only one of its own that runs code of the user's.
    fn owns(&self, runner: &Runner) -> bool {
        self.callbacks.is_runner(runner.id)
    }

    fn claimable(&self, _: WaiterView) -> bool {
        false
    }

    fn may_go_on(&self, _: &dyn Fn(u16) -> bool) -> bool {
        true
    }

    fn all_go_on(&self, is_live: &dyn Fn(u16) -> bool) -> bool {
        let runner = self.callbacks.runner();
        runner == NOBODY || is_live(runner)
    }

    fn block(&self) {}

    fn unblock(&self) {}

    fn close(&self) {
        self.slots.lock().closed = true;
        self.collect_the_rest();
        self.ring_supervisor();
    }

    fn is_closed(&self) -> bool {
        self.slots.lock().closed
    }

    fn cancel_queued(&self) {
        self.take_queued(|f, slot| {
            self.finish_cancelled(f, slot, Here::Canceller);
        });
    }

    fn has_ended(&self) -> bool {
        // Acquire: pairs with each thread's last decrement.
        self.alive.load(Acquire) == 0
    }

    fn reap(&self) {
        let mut ended = self.ended.lock();
        ended.handles.drain(..).for_each(thread::join);
    }

    fn detach(&self) {
        let mut ended = self.ended.lock();
        ended.detached = true;
        ended.handles.drain(..).for_each(thread::detach);
    }

    fn broken(&self) -> Option<&cf_error> {
        Pool::broken(self)
    }
}

impl Pool {
    /// The pool stands at its final address: its service threads start.
    pub fn settle(&mut self, executor: *mut cf_executor) -> Result<(), Failure> {
        self.executor.store(executor, Relaxed);
        // Both now: later nobody could be told that a thread was not to be had.
        let started = staff::start(self, callbacks::STACK, callbacks::main).and_then(|callbacks| {
            staff::start(self, supervisor::STACK, supervisor::main).inspect_err(|_| {
                self.callbacks.stop();
                // It holds a reference: what it keeps would be gone only some time after the failure was told.
                thread::join(callbacks);
                self.ended.lock().handles.clear(); // it has put its own there, for `reap`
            })
        });
        started.map(drop).map_err(|errno| {
            Failure::new(Status::CF_OS_ERROR, errno, format_args!("a service thread of the pool could not be started"))
        })
    }

    /// Nobody may look at what is outstanding any more: the supervisor sees to it.
    fn collect_the_rest(&self) {
        self.each_task(|cell| {
            if let Err(w) = self.slot(cell.slot()).word.flag(cell.generation(), slot::COLLECT) {
                if slot::state(w) == DONE {
                    self.view.done().set(cell.slot() as usize);
                }
            }
        });
    }

    /// Ends one task: at once if it is queued, with its worker if it runs.
    pub fn kill(&self, f: &'static cf_future, grace: i64) -> Result<()> {
        let place = f.place();
        let slot = self.slot(place.slot);
        if self.take_ready(Cell::new(place.slot, place.generation)).is_some() {
            if f.begin_outcome() {
                self.finish_cancelled(f, place.slot, Here::Canceller);
            }
            return Ok(());
        }
        let mut crew = self.crew.lock();
        // Under the lock nobody is buried: the worker of a claimed task is the one that has claimed it.
        let Some(worker) = slot.word.flag_kill(place.generation) else {
            drop(crew);
            return if f.is_done() { Err(Status::CF_INVALID_STATE) } else { Ok(()) };
        };
        if worker as usize >= crew.members.len() {
            return Ok(());
        }
        crew.members[worker as usize].condemned = true;
        crew.signal(worker, if grace > 0 { libc::SIGTERM } else { libc::SIGKILL });
        if grace > 0 && grace != FOREVER {
            crew.members[worker as usize].kill_at = clock::now_ns().saturating_add(grace as u64);
        }
        drop(crew);
        self.ring_supervisor();
        Ok(())
    }

    /// What runs ends with its worker and goes on nowhere else.
    pub fn end_all(&self) {
        self.slots.lock().ending = true;
    }

    /// Sends a signal to every worker that lives.
    pub fn signal_all(&self, signal: i32) {
        self.crew.lock().signal_all(signal);
    }
}
