//! From bytes and a function to a queued future.
//!
//! Always true: `*out` is written before the task can start, and is NULL after a failure; on failure nothing has
//! changed but that the argument was given back.

use super::cf_executor;
use crate::capi::types::TaskFn;
use crate::future::node::{cf_future, Arg, Birth, Call};
use crate::hook::Hook;
use crate::status::Result;
use core::ffi::c_void;
use core::ptr::null_mut;

/// Of so many submits of a burst one wakes a worker.
const QUIET: usize = 32;
/// Copying an argument of so many bytes takes longer than waking a worker.
const LARGE: usize = 64 << 10;

/// Is a worker woken for submit `i` of `n` that come at once? The first ones wake all workers, and the last ones do, as
/// what is left may be long. In between, a worker that is faster than the submitter sleeps a little longer instead of
/// being woken for each.
pub fn rings_in_burst(i: usize, n: usize, workers: usize) -> bool {
    i < 2 * workers || i + workers >= n || i.is_multiple_of(QUIET)
}

impl cf_executor {
    /// # Safety
    /// `arg` points to `size` readable bytes; `out` is NULL or writable.
    pub unsafe fn submit(&self, func: TaskFn, arg: *const c_void, size: usize, out: *mut *mut cf_future) -> Result<()> {
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
        let mut result = self.kind.admit();
        let (mut n, workers) = (0, self.max_workers());
        while result.is_ok() && n < count {
            let arg = Arg::Copy(args.wrapping_byte_add(n * size), size);
            let birth = Birth { index: n, ..Birth::NONE };
            let rings = size >= LARGE || rings_in_burst(n, count, workers);
            let call = Call { func, arg, birth, executor: self.id, rings };
            let place = if out.is_null() { out } else { out.wrapping_add(n) };
            // SAFETY: inside the caller's arrays.
            result = unsafe { self.kind.submit(call, place) };
            n += result.is_ok() as usize;
        }
        if result.is_err() {
            self.kind.rouse();
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
        let call = Call { func, arg, birth, executor: self.id, rings: true };
        // SAFETY: the caller's promise.
        unsafe {
            self.kind.submit(call, out).inspect_err(|_| {
                if !out.is_null() {
                    out.write(null_mut());
                }
            })
        }
    }
}
