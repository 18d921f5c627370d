//! The end of an executor: shutdown, join, free, detach.
//!
//! All waits for the end sleep on one word, `end_bell`, which the last thread, the last guest, and the judge of
//! deadlocks ring.

use super::guests::{guests_here, AWAITED};
use super::{as_guest, cf_executor};
use crate::deadlock::{Blocked, Manner, Stir, WaitSet};
use crate::fork;
use crate::runner;
use crate::status::{Result, Status};
use crate::sync::{self, Ordering::*};
use crate::time::Deadline;

impl cf_executor {
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
    pub(super) fn leave_guests(&self, n: u32) {
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
}
