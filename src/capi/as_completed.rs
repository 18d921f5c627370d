//! Futures in the order in which they are done.

use super::{borrow, guard, guard_or, handle_out, required, slice, write_if_some};
use crate::capi::types::cf_each_fn;
use crate::completions::{self, cf_completions};
use crate::future::cf_future;
use crate::status::cf_status;
use crate::time::Deadline;
use core::ffi::c_void;

/// Makes an iterator that gives futures in the order in which they are done.
///
/// It keeps references of its own: the array and the caller's references may go.
///
/// @param futures     The futures, of any executors. May be NULL when count is 0.
/// @param count       Number of futures.
/// @param timeout_ns  Time for the whole iteration in nanoseconds, from now on; CF_FOREVER, 0 for
///                    those that are done already, negative is already expired.
/// @param out         Receives the iterator; NULL on failure.
/// @return CF_OK; CF_NO_MEMORY; CF_FORKED;
///         CF_INVALID_ARGUMENT: out, futures or one of its entries is NULL.
///
/// Threads: any; nobody may change the array meanwhile. Ownership: the caller owns the iterator,
/// see cf_completions_free(). Python: `concurrent.futures.as_completed(fs, timeout)`.
///
/// @code{.c}
/// cf_completions *it;
/// size_t i;
/// if (cf_as_completed(futures, count, CF_FOREVER, &it) == CF_OK) {
///   while (cf_completions_next(it, &i, NULL) == CF_OK)
///     printf("%zu is done\n", i);
///   cf_completions_free(it);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_as_completed(
    futures: *const *mut cf_future,
    count: usize,
    timeout_ns: i64,
    out: *mut *mut cf_completions,
) -> cf_status {
    guard(|| {
        let deadline = Deadline::after_ns(timeout_ns);
        // SAFETY: `out` is NULL or writable; `futures` has `count` entries, each NULL or live.
        let (out, futures) = unsafe { (handle_out(out)?, slice(futures, count)?) };
        *out = cf_completions::new(futures, deadline)?;
        Ok(())
    })
}

/// Returns the next future that is done, waiting for it if need be.
///
/// Those that were done at the beginning come first, then the others as they are done. A future
/// that stands in the array more than once comes once, with its first index. A future that is done
/// is handed out even after the deadline.
///
/// @param completions  The iterator.
/// @param index        Receives the future's index in the array. May be NULL.
/// @param out          Receives the future; NULL on failure. May be NULL.
/// @return CF_OK;
///         CF_END: all have been handed out;
///         CF_TIMEOUT: the deadline has passed, and no other is done;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_INVALID_STATE: another thread is in this call;
///         CF_NO_MEMORY, CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, one at a time for the same iterator. Ownership: the future is borrowed from the
/// iterator until the next call for it; retain it to keep it longer. Python: `next(iterator)`.
///
/// @code{.c}
/// cf_future *f;
/// cf_status status;
/// while ((status = cf_completions_next(completions, NULL, &f)) == CF_OK)
///   puts(cf_error_message(cf_future_error(f)));
/// if (status == CF_TIMEOUT)
///   puts("some were too slow");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completions_next(
    completions: *mut cf_completions,
    index: *mut usize,
    out: *mut *mut cf_future,
) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        unsafe { write_if_some(out, core::ptr::null_mut()) };
        // SAFETY: `completions` is NULL or live.
        let (position, future) = unsafe { borrow(completions) }?.next()?;
        // SAFETY: `index` and `out` are NULL or writable.
        unsafe {
            write_if_some(index, position);
            write_if_some(out, future);
        }
        Ok(())
    })
}

/// Frees an iterator, at any time. Futures that it has not handed out go on.
///
/// @param completions  The iterator. May be NULL. One of the parent process is left alone.
///
/// Threads: any; nobody else may use the iterator any more. Ownership: takes the iterator. Python:
/// `iterator.close()`.
///
/// @code{.c}
/// cf_completions_free(completions);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completions_free(completions: *mut cf_completions) {
    guard_or((), || {
        // SAFETY: `completions` is NULL or live, and the caller gives it back.
        unsafe {
            if borrow(completions).is_ok() {
                cf_completions::free(completions);
            }
        }
    });
}

/// Calls a function for each future as it is done, in the caller's thread.
///
/// The order is that of cf_completions_next(). It returns when the function has seen all of them or
/// has returned false.
///
/// @param futures     The futures, of any executors. May be NULL when count is 0.
/// @param count       Number of futures.
/// @param timeout_ns  Time for all of them in nanoseconds; CF_FOREVER, 0 for those that are done
///                    already, negative is already expired.
/// @param function    Called for each.
/// @param user_data   Passed to it. May be NULL.
/// @return CF_OK: the function has seen all, or stopped;
///         CF_TIMEOUT: not all were done in time; the function has seen those that were;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_NO_MEMORY; CF_FORKED;
///         CF_INVALID_ARGUMENT: function, futures or one of its entries is NULL.
///
/// Threads: any, at any time; nobody may change the array meanwhile. Ownership: nothing changes
/// hands. Python: `for future in as_completed(fs, timeout):`.
///
/// @code{.c}
/// static bool show(cf_future *done, size_t index, void *user_data) {
///   FILE *file = user_data;
///   fprintf(file, "%zu: %s\n", index, cf_error_message(cf_future_error(done)));
///   return !cf_future_cancelled(done);
/// }
/// static cf_status show_all(cf_future **all, size_t n) {
///   return cf_as_completed_each(all, n, CF_FOREVER, show, stdout);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_as_completed_each(
    futures: *const *mut cf_future,
    count: usize,
    timeout_ns: i64,
    function: cf_each_fn,
    user_data: *mut c_void,
) -> cf_status {
    guard(|| {
        let deadline = Deadline::after_ns(timeout_ns);
        let function = required(function)?;
        // SAFETY: `futures` has `count` entries, each NULL or live; `function` takes `user_data`.
        unsafe { completions::each(slice(futures, count)?, deadline, function, user_data) }
    })
}
