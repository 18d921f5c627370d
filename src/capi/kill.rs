//! Ending what runs in worker processes.

use super::{borrow, guard};
use crate::executor::cf_executor;
use crate::future::cf_future;
use crate::status::cf_status;

/// Ends a process pool at once, but lets its workers clean up.
///
/// The pool takes no more tasks, those that have not started are cancelled, and every worker is
/// sent SIGTERM. A task that runs dies of it and ends with CF_WORKER_DIED, unless it has set up a
/// handler for the signal. The call does not wait: cf_executor_join() does.
///
/// @param executor  The executor: a process pool.
/// @return CF_OK; also when it was shut down before;
///         CF_UNSUPPORTED: a thread pool, whose tasks cannot be ended from outside;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time; callbacks of what is cancelled run here. Ownership: nothing changes
/// hands; futures stay valid. Python: `ProcessPoolExecutor.terminate_workers()`, since 3.14.
///
/// @code{.c}
/// cf_executor_terminate_workers(executor);
/// if (cf_executor_join(executor, cf_seconds(3)) == CF_TIMEOUT)
///   cf_executor_kill_workers(executor);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_terminate_workers(executor: *mut cf_executor) -> cf_status {
    // SAFETY: `executor` is NULL or live.
    guard(|| unsafe { borrow(executor) }?.terminate_workers())
}

/// Ends a process pool at once.
///
/// As cf_executor_terminate_workers(), but with SIGKILL, which no task can catch.
///
/// @param executor  The executor: a process pool.
/// @return CF_OK; also when it was shut down before;
///         CF_UNSUPPORTED: a thread pool, whose tasks cannot be ended from outside;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time; callbacks of what is cancelled run here. Ownership: nothing changes
/// hands; futures stay valid. Python: `ProcessPoolExecutor.kill_workers()`, since 3.14.
///
/// @code{.c}
/// cf_executor_kill_workers(executor);
/// cf_executor_join(executor, CF_FOREVER);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_kill_workers(executor: *mut cf_executor) -> cf_status {
    // SAFETY: `executor` is NULL or live.
    guard(|| unsafe { borrow(executor) }?.kill_workers())
}

/// Cancels a call, even if it runs already: its worker process is killed and replaced.
///
/// A call that has not started is cancelled now, as by cf_future_cancel(). One that runs is sent
/// SIGTERM and, when the grace is over, SIGKILL; the future ends with CF_CANCELLED once the worker
/// is dead. If the task ends before that, its outcome stands. The call does not wait. No other task
/// is harmed, but what this one shared with the world, such as a file half written, is the
/// caller's to clean up.
///
/// @param future    A future of a process pool.
/// @param grace_ns  Nanoseconds from SIGTERM to SIGKILL. 0 or negative: SIGKILL at once; CF_FOREVER:
///                  only SIGTERM.
/// @return CF_OK: it is cancelled, or its worker was sent the signal;
///         CF_INVALID_STATE: it is done already, cancelled or not;
///         CF_UNSUPPORTED: it belongs to a thread pool, or was made by cf_future_new();
///         CF_FORKED; CF_INVALID_ARGUMENT: future is NULL.
///
/// Threads: any, at any time; callbacks of a call that has not started run here. Ownership: nothing
/// changes hands. Python: has no equivalent; `Future.cancel()` leaves a running call alone.
///
/// @code{.c}
/// if (cf_future_result(future, cf_seconds(10), NULL, NULL) == CF_TIMEOUT)
///   cf_future_kill(future, cf_seconds(0.5));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_kill(future: *mut cf_future, grace_ns: i64) -> cf_status {
    // SAFETY: `future` is NULL or live.
    guard(|| unsafe { borrow(future) }?.kill(grace_ns))
}
