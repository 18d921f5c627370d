//! The state of a future, and cancelling it.

use super::{borrow, guard_or};
use crate::capi::types::cf_state;
use crate::future::cf_future;

/// What a predicate or getter reads; NULL and futures of the parent process have neutral values.
///
/// # Safety
/// `future` is NULL or live.
pub(super) unsafe fn read<T: Copy>(
    future: *const cf_future,
    neutral: T,
    get: impl FnOnce(&'static cf_future) -> T,
) -> T {
    // SAFETY: as promised by the caller.
    guard_or(neutral, || unsafe { borrow(future) }.map_or(neutral, get))
}

/// Cancels a call that has not started.
///
/// The future is done at once for every waiter. Its callbacks and the free function of its argument
/// run here, before the function returns. A task that runs already goes on; in a process pool
/// cf_future_kill() ends that too.
///
/// @param future  The future. May be NULL.
/// @return true: the future is cancelled, now or before; false: it runs or is done, or it is NULL
///         or, in a forked child, a future of the parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.cancel()`.
///
/// @code{.c}
/// if (!cf_future_cancel(future))
///   puts("too late, it runs or is done");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_cancel(future: *mut cf_future) -> bool {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, false, |f| f.cancel()) }
}

/// Returns the state of a future, as one snapshot.
///
/// @param future  The future. May be NULL.
/// @return The state; CF_STATE_PENDING for NULL and, in a forked child, for a future of the parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future._state`.
///
/// @code{.c}
/// switch (cf_future_state(future)) {
/// case CF_STATE_PENDING:   puts("waits for a worker"); break;
/// case CF_STATE_RUNNING:   puts("runs"); break;
/// case CF_STATE_FINISHED:  puts("has a result"); break;
/// case CF_STATE_FAILED:    puts("has an error"); break;
/// case CF_STATE_CANCELLED: puts("was cancelled"); break;
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_state(future: *const cf_future) -> cf_state {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, cf_state::CF_STATE_PENDING, |f| f.state()) }
}

/// Tells whether a future was cancelled.
///
/// @param future  The future. May be NULL.
/// @return true in the state CF_STATE_CANCELLED; false for NULL and, in a forked child, for a
///         future of the parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.cancelled()`.
///
/// @code{.c}
/// if (cf_future_cancelled(future))
///   puts("cancelled");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_cancelled(future: *const cf_future) -> bool {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, false, |f| f.state() == cf_state::CF_STATE_CANCELLED) }
}

/// Tells whether a worker runs the call at this moment.
///
/// @param future  The future. May be NULL.
/// @return true in the state CF_STATE_RUNNING: a worker, or a task that waits for it, has taken it
///         up, and nobody else ever will; false for NULL and, in a forked child, for a future of the
///         parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.running()`, which is
/// true already for calls of a process pool that wait in its pipe.
///
/// @code{.c}
/// if (cf_future_running(future))
///   puts("too late to cancel it");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_running(future: *const cf_future) -> bool {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, false, |f| f.state() == cf_state::CF_STATE_RUNNING) }
}

/// Tells whether a future is done: finished, failed or cancelled.
///
/// @param future  The future. May be NULL.
/// @return true when waiting for it would return at once; false for NULL and, in a forked child,
///         for a future of the parent.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.done()`.
///
/// @code{.c}
/// if (cf_future_done(future))
///   puts("done");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_done(future: *const cf_future) -> bool {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, false, |f| !matches!(f.state(), cf_state::CF_STATE_PENDING | cf_state::CF_STATE_RUNNING)) }
}
