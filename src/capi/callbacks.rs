//! Callbacks and user data of a future.

use super::future::read;
use super::{borrow, guard, required};
use crate::capi::types::{cf_done_fn, cf_free_fn};
use crate::future::cf_future;
use crate::hook::Hook;
use crate::status::cf_status;
use core::ffi::c_void;
use core::ptr::null_mut;

/// Has a function called when a future is done, however it ends.
///
/// Callbacks run in the order in which they were added, each exactly once, on the thread that
/// completes the future; if it is done already, at once and here. What a worker process completes is
/// called back on the pool's one callback thread: a slow callback delays those after it, but no
/// result. Waiters may wake before the callbacks have run.
///
/// @param future     The future.
/// @param function   The callback.
/// @param user_data  Passed to it. May be NULL.
/// @param destroy    Ends the life of user_data; runs exactly once: after the callback, when the
///                   future goes without ever being done, or when this call fails. May be NULL.
/// @return CF_OK; CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: future or function is NULL.
///
/// Threads: any, at any time. Ownership: takes user_data, also when it fails. Python:
/// `Future.add_done_callback(fn)`.
///
/// @code{.c}
/// if (cf_future_add_done_callback(future, print_when_done, "download", NULL) != CF_OK)
///   puts("no memory for the callback");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_add_done_callback(
    future: *mut cf_future,
    function: cf_done_fn,
    user_data: *mut c_void,
    destroy: cf_free_fn,
) -> cf_status {
    guard(|| {
        let user_data = Hook::new(user_data, destroy);
        // SAFETY: `future` is NULL or live.
        unsafe { borrow(future) }?.add_done_callback(required(function)?, user_data)
    })
}

/// Attaches a pointer to a future, once.
///
/// @param future   The future.
/// @param data     The pointer.
/// @param destroy  Ends the life of data; runs exactly once: at the last release of the future, or
///                 when this call fails. May be NULL.
/// @return CF_OK;
///         CF_INVALID_STATE: the future has user data already;
///         CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: future is NULL.
///
/// Threads: any, at any time; of several the first wins. Ownership: takes data, also when it fails.
/// Python: `future.arg = x`.
///
/// @code{.c}
/// char *url = malloc(sizeof "http://localhost");
/// if (url != NULL) {
///   strcpy(url, "http://localhost");
///   cf_future_set_user_data(future, url, free);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_set_user_data(
    future: *mut cf_future,
    data: *mut c_void,
    destroy: cf_free_fn,
) -> cf_status {
    guard(|| {
        let data = Hook::new(data, destroy);
        // SAFETY: `future` is NULL or live.
        unsafe { borrow(future) }?.set_user_data(data)
    })
}

/// Returns the pointer that was attached to a future.
///
/// @param future  The future. May be NULL.
/// @return What was given to cf_future_set_user_data(); NULL without it, for NULL and, in a forked
///         child, for a future of the parent.
///
/// Threads: any, at any time. Ownership: the data belongs to the future. Python: `future.arg`.
///
/// @code{.c}
/// const char *url = cf_future_user_data(future);
/// printf("%s: %s\n", url, cf_error_message(cf_future_error(future)));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_user_data(future: *const cf_future) -> *mut c_void {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, null_mut(), |f| f.user_data()) }
}
