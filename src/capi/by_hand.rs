//! Futures that are completed by hand, for executor implementations and tests.

use super::{borrow, check_bytes, guard, handle_out, text_if_some};
use crate::future::cf_future;
use crate::status::cf_status;
use core::ffi::{c_char, c_void};

/// Makes a future that no executor completes.
///
/// It is pending until one of the setters below or cf_future_cancel() is called; all else works as
/// for the future of a task. A wait that must be interruptible adds such a future and waits for the
/// first.
///
/// @param out  Receives the future; NULL on failure.
/// @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
///
/// Threads: any, at any time. Ownership: the caller owns one reference, see cf_future_release().
/// Python: `Future()`.
///
/// @code{.c}
/// cf_future *promise;
/// if (cf_future_new(&promise) == CF_OK) {
///   cf_future_set_result(promise, "done", 5);
///   cf_future_release(promise);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_future_new(out: *mut *mut cf_future) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        let out = unsafe { handle_out(out) }?;
        *out = cf_future::by_hand()?;
        Ok(())
    })
}

/// Says that the work for a future begins, unless the future was cancelled.
///
/// After it the future can be cancelled no more. It is not needed before the setters.
///
/// @param future  A future made by cf_future_new().
/// @param run     Receives true: the work is to be done; false: the future was cancelled.
/// @return CF_OK: the future runs now or was cancelled;
///         CF_INVALID_STATE: it runs already or is done, or it belongs to a pool;
///         CF_FORKED, CF_INVALID_ARGUMENT. After a failure *run is false.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python:
/// `Future.set_running_or_notify_cancel()`.
///
/// @code{.c}
/// bool run;
/// if (cf_future_set_running_or_notify_cancel(future, &run) == CF_OK && run)
///   cf_future_set_result(future, "done", 5);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_set_running_or_notify_cancel(future: *mut cf_future, run: *mut bool) -> cf_status {
    guard(|| {
        if run.is_null() {
            return Err(cf_status::CF_INVALID_ARGUMENT);
        }
        // SAFETY: `run` is writable; `future` is NULL or live.
        unsafe {
            run.write(false);
            run.write(borrow(future)?.set_running_or_notify_cancel()?);
        }
        Ok(())
    })
}

/// Completes a future with a result.
///
/// Waiters wake, and the callbacks run here, before the function returns.
///
/// @param future  A future made by cf_future_new().
/// @param data    The result, copied. May be NULL when size is 0.
/// @param size    Its size in bytes.
/// @return CF_OK;
///         CF_INVALID_STATE: it is done or being completed already, or it belongs to a pool;
///         CF_NO_MEMORY, CF_FORKED, CF_INVALID_ARGUMENT. After a failure nothing has changed.
///
/// Threads: any, at any time; of several the first wins. Ownership: the bytes are copied. Python:
/// `Future.set_result(value)`.
///
/// @code{.c}
/// int answer = 42;
/// if (cf_future_set_result(future, &answer, sizeof answer) == CF_INVALID_STATE)
///   puts("somebody was faster, or it was cancelled");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_set_result(future: *mut cf_future, data: *const c_void, size: usize) -> cf_status {
    guard(|| {
        // SAFETY: `future` is NULL or live.
        let future = unsafe { borrow(future) }?;
        check_bytes(data, size)?;
        // SAFETY: `data` points to `size` bytes.
        unsafe { future.set_result(data, size) }
    })
}

/// Completes a future with a failure.
///
/// Waiters wake, and the callbacks run here, before the function returns.
///
/// @param future   A future made by cf_future_new().
/// @param code     Any code but 0, see cf_error_code().
/// @param message  UTF-8 text for a person, copied. May be NULL.
/// @return CF_OK;
///         CF_INVALID_STATE: it is done or being completed already, or it belongs to a pool;
///         CF_INVALID_ARGUMENT: future is NULL or code is 0;
///         CF_NO_MEMORY, CF_FORKED. After a failure nothing has changed.
///
/// Threads: any, at any time; of several the first wins. Ownership: the message is copied. Python:
/// `Future.set_exception(exception)`.
///
/// @code{.c}
/// cf_future_set_exception(future, 404, "no such page");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_set_exception(
    future: *mut cf_future,
    code: i32,
    message: *const c_char,
) -> cf_status {
    guard(|| {
        // SAFETY: `future` is NULL or live; `message` is NULL or a text.
        unsafe { borrow(future)?.set_exception(code, text_if_some(message)) }
    })
}
