//! Waiting for some or all of many futures.

use super::{guard, slice};
use crate::capi::types::cf_return_when;
use crate::future::cf_future;
use crate::status::{cf_status, Result};
use crate::time::Deadline;
use crate::wait::{self, ReturnWhen};
use core::ffi::c_int;

/// The enumeration comes in as an int and is checked, never trusted.
fn return_when(value: c_int) -> Result<ReturnWhen> {
    const ALL: c_int = cf_return_when::CF_ALL_COMPLETED as c_int;
    const FIRST: c_int = cf_return_when::CF_FIRST_COMPLETED as c_int;
    const EXCEPTION: c_int = cf_return_when::CF_FIRST_EXCEPTION as c_int;
    match value {
        ALL => Ok(ReturnWhen::AllCompleted),
        FIRST => Ok(ReturnWhen::FirstCompleted),
        EXCEPTION => Ok(ReturnWhen::FirstException),
        _ => Err(cf_status::CF_INVALID_ARGUMENT),
    }
}

/// Waits until some or all of many futures are done.
///
/// The futures may come from several executors; the same one may stand in the array more than once.
/// With count 0 it returns at once. For a wait that must be interruptible add a future made by
/// cf_future_new() and wait for the first.
///
/// @param futures      The futures. May be NULL when count is 0.
/// @param count        Number of futures.
/// @param timeout_ns   Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                     expired.
/// @param return_when  A cf_return_when: CF_ALL_COMPLETED, CF_FIRST_COMPLETED or
///                     CF_FIRST_EXCEPTION.
/// @param done         Room for count values: done[i] tells whether futures[i] is done. May be
///                     NULL.
/// @param done_count   Receives how many positions are done. May be NULL.
/// @return CF_OK: what return_when says has come about;
///         CF_TIMEOUT: not in time; done and done_count are filled in all the same;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_NO_MEMORY; CF_FORKED;
///         CF_INVALID_ARGUMENT: futures or one of its entries is NULL, or return_when is unknown.
///         Only CF_OK and CF_TIMEOUT write anything.
///
/// Threads: any, at any time; nobody may change the array meanwhile. Ownership: nothing changes
/// hands. Python: `concurrent.futures.wait(fs, timeout, return_when)`.
///
/// @code{.c}
/// bool done[8];
/// size_t done_count;
/// if (cf_wait(futures, 8, cf_seconds(2), CF_FIRST_COMPLETED, done, &done_count) == CF_OK)
///   for (size_t i = 0; i < 8; i++)
///     if (done[i])
///       printf("%zu is one of %zu that are done\n", i, done_count);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_wait(
    futures: *const *mut cf_future,
    count: usize,
    timeout_ns: i64,
    return_when: c_int,
    done: *mut bool,
    done_count: *mut usize,
) -> cf_status {
    guard(|| {
        let return_when = self::return_when(return_when)?;
        // SAFETY: `futures` has `count` entries, each NULL or live; `done` is NULL or has room for as
        // many, `done_count` is NULL or writable.
        unsafe {
            let futures = slice(futures, count)?;
            wait::wait(futures, Deadline::after_ns(timeout_ns), return_when, done, done_count)
        }
    })
}
