//! What the C interface does with a future, each in a few lines on top of the word and the wait.

use super::ext::Callback;
use super::node::{cf_future, invalid_state, Area};
use super::word::{self, CANCELLED, FAILED, FAR, FINISHED, PENDING};
use crate::capi::types::{cf_state, DoneFn};
use crate::error::{self, cf_error};
use crate::executor;
use crate::hook::Hook;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use crate::time::Deadline;
use crate::wait;
use core::ffi::c_void;
use core::ptr::null;

impl cf_future {
    /// The state now, with what it promises visible: Acquire pairs with the publish.
    #[inline]
    pub(crate) fn look(&self) -> u64 {
        let w = self.word().load(Acquire);
        if w & FAR != 0 && word::state(w) == PENDING {
            return self.look_far();
        }
        word::state(w)
    }

    /// As `look`, but an outcome that lies elsewhere is not fetched: no code of others runs.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        word::state(self.word().load(Acquire))
    }

    pub fn is_done(&self) -> bool {
        self.look() >= FINISHED
    }

    pub fn state(&self) -> cf_state {
        match self.look() {
            PENDING => cf_state::CF_STATE_PENDING,
            FINISHED => cf_state::CF_STATE_FINISHED,
            FAILED => cf_state::CF_STATE_FAILED,
            CANCELLED => cf_state::CF_STATE_CANCELLED,
            _ => cf_state::CF_STATE_RUNNING,
        }
    }

    pub fn cancel(&'static self) -> bool {
        if self.look() != PENDING {
            return self.look() == CANCELLED;
        }
        // Counted as a guest of the pool: shutdown(wait) returns after the callbacks that run here.
        executor::as_guest(self.executor(), false, |_| match self.is_far() {
            true => self.cancel_far(),
            false => self.cancel_now(),
        })
    }

    /// Ends it with the worker process that runs it.
    pub fn kill(&'static self, grace: i64) -> Result<()> {
        // Asked of the future and not of its pool: that may be gone, and another one have its number.
        if !self.is_far() {
            return Err(Status::CF_UNSUPPORTED);
        }
        if self.is_done() {
            return invalid_state();
        }
        executor::as_guest(self.executor(), false, |e| match e.and_then(|e| e.kind().processes()) {
            Some(pool) => pool.kill(self, grace),
            None => invalid_state(),
        })
    }

    /// Waits until it is done; CF_OK only if there is a result.
    fn outcome(&'static self, deadline: Deadline) -> Result<()> {
        match wait::until_done(self, deadline)? {
            FINISHED => Ok(()),
            CANCELLED => Err(Status::CF_CANCELLED),
            // SAFETY: FAILED was seen with Acquire: the error is written and stays until the last reference.
            _ => Err(unsafe { self.stored_error().as_ref() }.map_or(Status::CF_PANIC, cf_error::status)),
        }
    }

    pub fn result(&'static self, deadline: Deadline) -> Result<(*const c_void, usize)> {
        self.outcome(deadline)?;
        Ok(self.result_bytes())
    }

    /// # Safety
    /// `out` has room for `size` bytes.
    pub unsafe fn result_into(&'static self, deadline: Deadline, out: *mut c_void, size: usize) -> Result<()> {
        let (data, is) = self.result(deadline)?;
        if is != size {
            return Err(Status::CF_SIZE_MISMATCH);
        }
        // SAFETY: the caller's promise.
        unsafe { mem::copy(data.cast(), out.cast(), size) };
        Ok(())
    }

    pub fn result_object(&'static self, deadline: Deadline) -> Result<*mut c_void> {
        self.outcome(deadline)?;
        if self.result_area() != Area::Owned as u8 {
            return invalid_state();
        }
        Ok(self.result_bytes().0.cast_mut())
    }

    /// NULL if it succeeded.
    pub fn exception(&'static self, deadline: Deadline) -> Result<*const cf_error> {
        match wait::until_done(self, deadline)? {
            CANCELLED => Err(Status::CF_CANCELLED),
            FAILED => Ok(self.stored_error()),
            _ => Ok(null()),
        }
    }

    pub fn data(&self) -> Option<(*const c_void, usize)> {
        (self.look() == FINISHED).then(|| self.result_bytes())
    }

    pub fn error(&self) -> *const cf_error {
        match self.look() {
            CANCELLED => &error::CANCELLED,
            FAILED => self.stored_error(),
            _ => null(),
        }
    }

    pub fn add_done_callback(&'static self, call: DoneFn, hook: Hook) -> Result<()> {
        let callback = Callback::new(call, hook);
        let late = match self.begin_watching()? {
            Some(ext) => ext.callback(callback)?,
            None => Some(callback),
        };
        if let Some(callback) = late {
            callback.run(self);
        }
        Ok(())
    }

    pub fn set_user_data(&self, hook: Hook) -> Result<()> {
        self.ext()?.set_user_data(hook)
    }

    pub fn user_data(&self) -> *mut c_void {
        self.existing_ext().map_or(core::ptr::null_mut(), |e| e.user_data())
    }

    /// # Safety
    /// `this` is NULL or owned by the caller, who does not use it again.
    pub unsafe fn release(this: *mut cf_future) {
        // SAFETY: the caller's promise.
        unsafe {
            if !this.is_null() && !crate::fork::Handle::foreign(&*this) {
                cf_future::drop_ref(this);
            }
        }
    }
}
