//! Loop bodies over a range of indices.

use super::{borrow, guard_failure, required};
use crate::capi::types::cf_range_fn;
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::map_into::for_range;
use crate::status::cf_status;
use core::ffi::c_void;

/// Runs a loop body over the indices from begin up to, but not including, end, in parallel.
///
/// The range is split into pieces, and the function loops over the indices of each: there is no
/// call per index. It returns when all pieces are done. The caller takes part in the work: with
/// max_workers - 1 workers beside it, as many threads as the pool has, and alone in a pool of one
/// worker. When a piece fails, those that have not started are left out.
///
/// @param executor  The executor: a thread pool.
/// @param begin     First index.
/// @param end       One more than the last index; not below begin.
/// @param grain     Fewest indices worth a piece of their own. 0: chosen by the library.
/// @param function  The loop body.
/// @param ctx       Passed to it. May be NULL.
/// @param error     Receives what went wrong, with the piece's first index as cf_error_index();
///                  NULL on success. May be NULL.
/// @return CF_OK: every piece succeeded; also for an empty range;
///         CF_TASK_FAILED: a piece failed; of several the one with the lowest index is reported;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNSUPPORTED: a process pool, whose tasks cannot reach what ctx points to; or a piece
///         gave a result;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_NO_MEMORY; CF_FORKED;
///         CF_INVALID_ARGUMENT: executor or function is NULL, or begin is above end.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
/// error, see cf_error_free(). Python: has no equivalent; `for i in range(begin, end):` in
/// parallel.
///
/// @code{.c}
/// static int32_t halve(cf_task *task, size_t begin, size_t end, void *ctx) {
///   double *values = ctx;
///   for (size_t i = begin; i < end; i++)
///     values[i] *= 0.5;
///   (void)task;
///   return 0;
/// }
/// static cf_status halve_all(cf_executor *pool, double *values, size_t n) {
///   return cf_executor_for_range(pool, 0, n, 0, halve, values, NULL);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_for_range(
    executor: *mut cf_executor,
    begin: usize,
    end: usize,
    grain: usize,
    function: cf_range_fn,
    ctx: *mut c_void,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` is NULL or writable; `executor` is NULL or live.
    unsafe {
        guard_failure(error, || {
            let executor = borrow(executor)?;
            let function = required(function)?;
            for_range(executor, begin, end, grain, function, ctx)
        })
    }
}
