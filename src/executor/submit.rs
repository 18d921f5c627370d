//! From bytes and a function to a queued future.
//!
//! Always true: `*out` is written before the task can start, and is NULL after a failure; on failure nothing has
//! changed but that the argument was given back.

use super::cf_executor;
use crate::capi::types::TaskFn;
use crate::future::call::Burst;
use crate::future::node::{cf_future, Arg, Birth, Call};
use crate::hook::Hook;
use crate::status::Result;
use core::ffi::c_void;
use core::ptr::null_mut;

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
    /// The arguments are readable; `out` is NULL or has a place for each, `submitted` is NULL or writable.
    pub unsafe fn submit_many(&self, burst: Burst, submitted: *mut usize) -> Result<()> {
        let (n, result) = match (self.kind.processes(), self.kind.admit()) {
            (_, Err(e)) => (0, Err(e)),
            // SAFETY: the caller's promise.
            (Some(pool), _) => unsafe { pool.submit_many(burst) },
            // SAFETY: as above.
            (None, _) => unsafe { self.submit_each(burst) },
        };
        // SAFETY: the caller's promise.
        unsafe {
            if !burst.out.is_null() {
                (n..burst.count).for_each(|i| burst.out.add(i).write(null_mut()));
            }
            if !submitted.is_null() {
                submitted.write(n);
            }
        }
        result
    }

    /// # Safety
    /// As for `submit_many`.
    unsafe fn submit_each(&self, burst: Burst) -> (usize, Result<()>) {
        let Burst { func, args, size, count, out } = burst;
        let (kind, executor) = (&*self.kind, self.id);
        for n in 0..count {
            let arg = Arg::Copy(args.wrapping_byte_add(n * size), size);
            let call = Call { func, arg, birth: Birth { index: n, ..Birth::NONE }, executor };
            let place = if out.is_null() { out } else { out.wrapping_add(n) };
            // SAFETY: inside the caller's arrays.
            if let Err(e) = unsafe { kind.submit(call, place) } {
                return (n, Err(e));
            }
        }
        (count, Ok(()))
    }

    /// Makes a task and queues it; `*out` is written before it can start, and NULL on failure.
    ///
    /// # Safety
    /// As for `submit`.
    #[inline]
    pub unsafe fn submit_call(&self, func: TaskFn, arg: Arg, birth: Birth, out: *mut *mut cf_future) -> Result<()> {
        let call = Call { func, arg, birth, executor: self.id };
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
