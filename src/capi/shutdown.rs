//! What an executor tells of itself, and its end.

use super::{borrow, guard, guard_or};
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::status::cf_status;
use crate::time::Deadline;
use core::ptr::null;

/// Returns how many tasks of an executor may run at the same time.
///
/// @param executor  The executor. May be NULL.
/// @return The number that it was made with or that the library chose; 0 for NULL and, in a forked
///         child, for an executor of the parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `executor._max_workers`.
///
/// @code{.c}
/// printf("%zu workers\n", cf_executor_max_workers(executor));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_max_workers(executor: *const cf_executor) -> usize {
    // SAFETY: `executor` is NULL or live.
    guard_or(0, || unsafe { borrow(executor) }.map_or(0, cf_executor::max_workers))
}

/// Returns why an executor is broken.
///
/// @param executor  The executor. May be NULL.
/// @return An error with the status CF_BROKEN_POOL and, when an initializer failed, its code and
///         message; when a death has broken a process pool, the worker's process id, signal and exit
///         code. Worker processes that die again and again before their first task break it under
///         every policy, as does it when none can be started any more. NULL when the executor is not
///         broken, for NULL and, in a forked child, for an executor of the parent. Valid until
///         cf_executor_free() or cf_executor_detach().
///
/// Threads: any, at any time. Ownership: the error belongs to the executor. Python:
/// `BrokenThreadPool` and `BrokenProcessPool`.
///
/// @code{.c}
/// if (cf_executor_submit(executor, task_print, "hello", 6, NULL) == CF_BROKEN_POOL)
///   fprintf(stderr, "%s\n", cf_error_message(cf_executor_error(executor)));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_error(executor: *const cf_executor) -> *const cf_error {
    // SAFETY: `executor` is NULL or live.
    guard_or(null(), || unsafe { borrow(executor) }.map_or(null(), cf_executor::broken))
}

/// Ends an executor: it takes no more tasks, and those it has run to their end or are cancelled.
///
/// It may be called again, for instance to wait or to cancel after all. To end what runs in worker
/// processes as well see cf_executor_terminate_workers().
///
/// @param executor        The executor.
/// @param wait            true: return when all tasks, callbacks and workers have ended. false:
///                        return at once, the work goes on.
/// @param cancel_futures  true: cancel every task that has not started. false: they still run.
/// @return CF_OK;
///         CF_DEADLOCK: wait is true, and the caller is a worker or the callback thread of this
///         executor or runs one of its tasks: nothing has changed; or a task of it waits for the
///         caller: it is shut down, but its end was not awaited;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time. Ownership: nothing changes hands; futures stay valid. Python:
/// `Executor.shutdown(wait, cancel_futures=...)`.
///
/// @code{.c}
/// cf_executor_shutdown(executor, true, false);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_shutdown(
    executor: *mut cf_executor,
    wait: bool,
    cancel_futures: bool,
) -> cf_status {
    // SAFETY: `executor` is NULL or live.
    guard(|| unsafe { borrow(executor) }?.shutdown(wait, cancel_futures))
}

/// Waits until an executor that was shut down has come to its end.
///
/// @param executor    The executor.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @return CF_OK: all tasks, callbacks and workers have ended;
///         CF_TIMEOUT: not in time, the work goes on;
///         CF_INVALID_STATE: cf_executor_shutdown() was not called yet;
///         CF_DEADLOCK: the caller is a worker or the callback thread of this executor or runs one
///         of its tasks, or a task of it waits for the caller;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `shutdown(wait=True)`,
/// which has no timeout.
///
/// @code{.c}
/// cf_executor_shutdown(executor, false, false);
/// if (cf_executor_join(executor, cf_seconds(10)) == CF_TIMEOUT)
///   cf_executor_shutdown(executor, true, true);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_join(executor: *mut cf_executor, timeout_ns: i64) -> cf_status {
    // SAFETY: `executor` is NULL or live.
    guard(|| unsafe { borrow(executor) }?.join(Deadline::after_ns(timeout_ns)))
}

/// Shuts an executor down if need be, waits for its end and frees it.
///
/// Tasks that have not started still run: cancel them first with cf_executor_shutdown() if they are
/// not wanted. Futures stay valid. Called by a worker or the callback thread of the same executor it
/// acts as cf_executor_detach().
///
/// @param executor  The executor. May be NULL. One of the parent process is left alone.
///
/// Threads: any; nobody else may use the handle any more. Ownership: takes the executor. Python:
/// the end of `with ThreadPoolExecutor() as executor:`.
///
/// @code{.c}
/// cf_executor *pool;
/// if (cf_thread_pool_new(2, &pool, NULL) == CF_OK)
///   cf_executor_free(pool);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_free(executor: *mut cf_executor) {
    guard_or((), || {
        // SAFETY: `executor` is NULL or live, and the caller gives it back.
        unsafe {
            if borrow(executor).is_ok() {
                cf_executor::free(executor);
            }
        }
    });
}

/// Gives an executor back without waiting.
///
/// It takes no more tasks; those it has still run, and its workers end after them. For garbage
/// collectors and other places that must not block.
///
/// @param executor  The executor. May be NULL. One of the parent process is left alone.
///
/// Threads: any; nobody else may use the handle any more. Ownership: takes the executor. Python:
/// the last reference to an executor goes.
///
/// @code{.c}
/// cf_executor *pool;
/// if (cf_thread_pool_new(2, &pool, NULL) == CF_OK)
///   cf_executor_detach(pool);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_detach(executor: *mut cf_executor) {
    guard_or((), || {
        // SAFETY: `executor` is NULL or live, and the caller gives it back.
        unsafe {
            if borrow(executor).is_ok() {
                cf_executor::detach(executor);
            }
        }
    });
}
