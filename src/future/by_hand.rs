//! Futures that their owner completes: for executor implementations and tests.
//!
//! A setter holds the caller's reference for the call; the one that wins the step to SETTING writes the
//! outcome, the loser gets CF_INVALID_STATE at once and may still read RUNNING for a moment.

use super::node::{cf_future, invalid_state};
use super::word::{self, BY_HAND, CANCELLED, FAILED, FINISHED, PENDING, RUNNING, SETTING};
use crate::error::{cf_error, Lossy};
use crate::mem;
use crate::runner;
use crate::status::{Result, Status};
use core::ffi::{c_void, CStr};

impl cf_future {
    pub fn by_hand() -> Result<*mut cf_future> {
        let node = cf_future::new_by_hand(runner::current()?)?;
        node.open(BY_HAND);
        Ok(node as *const cf_future as *mut cf_future)
    }

    fn is_by_hand(&self) -> bool {
        self.word().load(crate::sync::Ordering::Relaxed) & BY_HAND != 0
    }

    /// True: it runs now. False: it was cancelled, the work is not to be done.
    pub fn set_running_or_notify_cancel(&self) -> Result<bool> {
        if !self.is_by_hand() {
            return invalid_state();
        }
        match self.word().step(&[PENDING], RUNNING) {
            Ok(_) => Ok(true),
            Err(w) if word::state(w) == CANCELLED => Ok(false),
            Err(_) => invalid_state(),
        }
    }

    /// # Safety
    /// `data` points to `size` readable bytes (anything if `size` is 0).
    pub unsafe fn set_result(&'static self, data: *const c_void, size: usize) -> Result<()> {
        let before = self.begin_setting()?;
        match self.result_place(size) {
            Ok(place) => {
                // SAFETY: the caller's promise; room for `size` bytes.
                unsafe { mem::copy(data.cast(), place, size) };
                self.finish_by_hand(FINISHED);
                Ok(())
            }
            Err(e) => {
                self.undo_setting(before);
                Err(e)
            }
        }
    }

    pub fn set_exception(&'static self, code: i32, message: Option<&CStr>) -> Result<()> {
        if code == 0 {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.begin_setting()?;
        self.store_error(match message {
            Some(text) => cf_error::with_text(Status::CF_TASK_FAILED, code, format_args!("{}", Lossy(text))),
            None => cf_error::plain(Status::CF_TASK_FAILED, code),
        });
        self.finish_by_hand(FAILED);
        Ok(())
    }

    fn begin_setting(&self) -> Result<u64> {
        if !self.is_by_hand() {
            return invalid_state();
        }
        self.word().step(&[PENDING, RUNNING], SETTING).or_else(|_| invalid_state())
    }

    /// Out of memory between the step and the publish: nothing has changed.
    fn undo_setting(&self, before: u64) {
        let _ = self.word().step(&[SETTING], word::state(before));
    }
}
