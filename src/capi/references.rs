//! References to futures, and arrays of futures.

use super::{borrow, guard_or};
use crate::future::cf_future;
use core::ptr::null_mut;

/// Takes another reference to a future.
///
/// @param future  The future. May be NULL.
/// @return The same pointer.
///
/// Threads: any, at any time, while the caller has or borrows a reference. Ownership: the caller
/// owns one more reference, see cf_future_release(). Python: `other = future`.
///
/// @code{.c}
/// cf_future *mine = cf_future_retain(future);
/// cf_future_release(mine);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_retain(future: *mut cf_future) -> *mut cf_future {
    guard_or(future, || {
        // SAFETY: `future` is NULL or live.
        if let Ok(shared) = unsafe { borrow(future) } {
            shared.retain();
        }
        future
    })
}

/// Gives a reference to a future back.
///
/// It never cancels: a call that nobody refers to any more still runs. With the last reference the
/// result, the error and the user data go.
///
/// @param future  The future. May be NULL. One of the parent process is left alone.
///
/// Threads: any, at any time. Ownership: takes one reference. Python: `del future`.
///
/// @code{.c}
/// cf_future *f;
/// if (cf_executor_submit(executor, task_print, "hello", 6, &f) == CF_OK)
///   cf_future_release(f);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_release(future: *mut cf_future) {
    // SAFETY: `future` is NULL or live, and the caller gives its reference back.
    guard_or((), || unsafe { release(future) });
}

/// Gives references to many futures back and sets the array to NULL.
///
/// @param futures  The array; NULL entries are fine. May be NULL when count is 0.
/// @param count    Number of entries.
///
/// Threads: any; nobody else may use the array meanwhile. Ownership: takes one reference to each
/// future. Python: `futures.clear()`.
///
/// @code{.c}
/// int n[2] = { 1, 2 };
/// cf_future *f[2];
/// if (cf_executor_submit_many(executor, task_square, n, sizeof n[0], 2, f, NULL) == CF_OK)
///   cf_wait(f, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL);
/// cf_futures_release(f, 2);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_futures_release(futures: *mut *mut cf_future, count: usize) {
    guard_or((), || {
        let count = if futures.is_null() { 0 } else { count };
        for i in 0..count {
            // SAFETY: `futures` has `count` entries, each NULL or live, which the caller gives back.
            unsafe { release(futures.add(i).replace(null_mut())) };
        }
    });
}

/// Cancels all of many futures that have not started.
///
/// @param futures  The array; NULL entries are fine. May be NULL when count is 0.
/// @param count    Number of entries.
/// @return How many entries are cancelled now, those that were cancelled before included.
///
/// Threads: any; nobody may change the array meanwhile. Ownership: nothing changes hands. Python:
/// `sum(future.cancel() for future in futures)`.
///
/// @code{.c}
/// printf("%zu of %zu did not start\n", cf_futures_cancel(futures, count), count);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_futures_cancel(futures: *const *mut cf_future, count: usize) -> usize {
    guard_or(0, || {
        let count = if futures.is_null() { 0 } else { count };
        // SAFETY: `futures` has `count` entries, each NULL or live. Read one by one: a callback of a future
        // that is cancelled here may release and clear a later one.
        (0..count).filter(|&i| unsafe { borrow(*futures.add(i)) }.is_ok_and(|f| f.cancel())).count()
    })
}

/// # Safety
/// `future` is NULL or live; the caller gives its reference back.
unsafe fn release(future: *mut cf_future) {
    // SAFETY: as promised by the caller. A child of the process that made it leaves it alone.
    unsafe {
        if borrow(future).is_ok() {
            cf_future::release(future);
        }
    }
}
