//! The thread pool as an executor: the contract's verbs on top of queue, bell and crew.

use super::pool::Pool;
use super::starting::First;
use crate::error::cf_error;
use crate::executor::{Executor, WaiterView};
use crate::future::hint::Hint;
use crate::future::{cf_future, node::Call};
use crate::runner::{self, Runner, NOBODY};
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use crate::sys::thread;

impl Executor for Pool {
    fn max_workers(&self) -> usize {
        self.crew().max_active()
    }

    #[inline]
    unsafe fn submit(&self, call: Call, out: *mut *mut cf_future) -> Result<()> {
        // Whether anything is admitted shows when the hint is queued.
        let refs = if out.is_null() { 1 } else { 2 };
        let runner = runner::current()?;
        let node = cf_future::new(runner, call, refs)?;
        node.open(0);
        if !out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out.write(node as *const cf_future as *mut cf_future) };
        }
        self.enqueue(runner, Hint::new(node)).inspect_err(|_| {
            // SAFETY: nobody else will ever claim it: all its references are ours.
            unsafe { node.abandon(refs) };
        })
    }

    fn admit(&self) -> Result<()> {
        if self.broken().is_some() {
            Err(Status::CF_BROKEN_POOL)
        } else if self.queue().is_closed() {
            Err(Status::CF_SHUTDOWN)
        } else {
            Ok(())
        }
    }

    fn is_behind(&self) -> bool {
        self.queue().count() > 4 * self.crew().max_active() as u64
    }

    fn owns(&self, runner: &Runner) -> bool {
        self.seat_of(runner).is_some()
    }

    fn claimable(&self, waiter: WaiterView) -> bool {
        // A thread of another pool has not run this pool's initializer.
        self.inline_wait() && (waiter.executor == self.id() || !self.has_initializer())
    }

    /// A thread that was started and has not sat down yet counts as live; one that has left does not.
    fn may_go_on(&self, is_live: &dyn Fn(u16) -> bool) -> bool {
        let c = self.crew().count();
        if self.crew().can_grow() && (c.reserve() > 0 || !self.start_fails()) {
            return true;
        }
        self.seats_used().iter().any(|s| match s.runner() {
            NOBODY => !s.has_left(),
            runner => is_live(runner),
        })
    }

    fn all_go_on(&self, is_live: &dyn Fn(u16) -> bool) -> bool {
        self.seats_used().iter().all(|s| s.runner() == NOBODY || is_live(s.runner()))
    }

    fn block(&self) {
        self.crew().go_away();
        // Whoever submits from here on sees the place that has become free; what is queued already is looked for here.
        self.look();
    }

    fn unblock(&self) {
        self.crew().come_back();
    }

    fn close(&self) {
        Pool::close(self);
    }

    fn cancel_queued(&self) {
        self.drain(Hint::cancel);
    }

    fn is_closed(&self) -> bool {
        self.queue().is_closed()
    }

    fn has_ended(&self) -> bool {
        // Acquire: pairs with each thread's last decrement.
        self.alive().load(Acquire) == 0
    }

    fn reap(&self) {
        let mut ended = self.ended().lock();
        ended.handles.drain(..).for_each(thread::join);
    }

    fn detach(&self) {
        let mut ended = self.ended().lock();
        ended.detached = true;
        ended.handles.drain(..).for_each(thread::detach);
    }

    fn broken(&self) -> Option<&cf_error> {
        Pool::broken(self)
    }
}

impl Pool {
    /// Queues a PENDING task. On failure nobody else will ever claim it.
    #[inline]
    fn enqueue(&self, runner: &Runner, hint: Hint) -> Result<()> {
        if let Some(seat) = self.seat_of(runner) {
            if self.enqueue_nested(seat, hint)? {
                return Ok(());
            }
        }
        self.enqueue_outside(hint)
    }

    /// As tasks from outside are queued: they start in this order.
    fn enqueue_outside(&self, hint: Hint) -> Result<()> {
        let starting = self.count_in_first();
        if let Err(e) = self.queue().push(hint.to_bits()) {
            hint.forget();
            return Err(if self.broken().is_some() { Status::CF_BROKEN_POOL } else { e });
        }
        match starting {
            None => {
                let _ = self.call_somebody(); // there is a thread that stays for it
                Ok(())
            }
            Some(first) => self.call_first(first, hint),
        }
    }

    /// As long as the pool has no thread at all, one after the other, so that nobody relies on a start that fails.
    #[cold]
    fn call_first(&self, _first: First, hint: Hint) -> Result<()> {
        let _one_at_a_time = self.first_start.lock();
        // Without any thread nobody would ever run it.
        if self.call_somebody().is_err() && !self.has_thread() && hint.revoke() {
            return Err(self.why_no_thread());
        }
        Ok(())
    }
}
