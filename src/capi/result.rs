//! The outcome of a future.

use super::future::read;
use super::{borrow, check_bytes, guard, handle_out, write_if_some};
use crate::error::cf_error;
use crate::future::cf_future;
use crate::status::cf_status;
use crate::time::Deadline;
use core::ffi::c_void;
use core::ptr::null;

/// Returns the result of a call, waiting for it if need be.
///
/// The bytes belong to the future: they stay valid, 16-byte aligned and at the same address until
/// the last reference to the future is released, also after the executor is gone. An empty result
/// has size 0 and an address that is not NULL. Of cf_task_return_owned() the address is the object
/// and the size 0.
///
/// @param future      The future.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @param data        Receives the address of the result. May be NULL.
/// @param size        Receives its size in bytes. May be NULL.
/// @return CF_OK;
///         CF_TIMEOUT: not done in time, the call goes on;
///         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
///         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
///         more;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.result(timeout)`.
///
/// @code{.c}
/// const void *data;
/// size_t size;
/// if (cf_future_result(future, cf_seconds(1.5), &data, &size) == CF_OK)
///   fwrite(data, 1, size, stdout);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_result(
    future: *mut cf_future,
    timeout_ns: i64,
    data: *mut *const c_void,
    size: *mut usize,
) -> cf_status {
    guard(|| {
        // SAFETY: `future` is NULL or live.
        let bytes = unsafe { borrow(future) }?.result(Deadline::after_ns(timeout_ns))?;
        // SAFETY: `data` and `size` are NULL or writable.
        unsafe {
            write_if_some(data, bytes.0);
            write_if_some(size, bytes.1);
        }
        Ok(())
    })
}

/// Copies the result of a call into a variable, waiting for it if need be.
///
/// @param future      The future.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @param out         Receives the result. May be NULL when size is 0.
/// @param size        Size of the variable in bytes: exactly that of the result.
/// @return CF_OK;
///         CF_SIZE_MISMATCH: the result has another size; nothing is written;
///         CF_TIMEOUT: not done in time, the call goes on;
///         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
///         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
///         more;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `x =
/// Future.result(timeout)`.
///
/// @code{.c}
/// int value;
/// if (cf_future_result_into(future, CF_FOREVER, &value, sizeof value) == CF_OK)
///   printf("%d\n", value);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_result_into(
    future: *mut cf_future,
    timeout_ns: i64,
    out: *mut c_void,
    size: usize,
) -> cf_status {
    guard(|| {
        // SAFETY: `future` is NULL or live.
        let future = unsafe { borrow(future) }?;
        check_bytes(out, size)?;
        // SAFETY: `out` has room for `size` bytes.
        unsafe { future.result_into(Deadline::after_ns(timeout_ns), out, size) }
    })
}

/// Returns the object that a task gave with cf_task_return_owned(), waiting for it if need be.
///
/// @param future      The future.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @param out         Receives the object; NULL on failure.
/// @return CF_OK;
///         CF_INVALID_STATE: the result is bytes and not an object, as always in a process pool;
///         CF_TIMEOUT: not done in time, the call goes on;
///         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
///         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
///         more;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time; the object is shared by all who ask for it. Ownership: the object
/// belongs to the future and is valid until its last release. Python: `Future.result(timeout)`.
///
/// @code{.c}
/// void *text;
/// if (cf_future_result_object(future, CF_FOREVER, &text) == CF_OK)
///   puts(text);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_result_object(
    future: *mut cf_future,
    timeout_ns: i64,
    out: *mut *mut c_void,
) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable; `future` is NULL or live.
        let (out, future) = unsafe { (handle_out(out)?, borrow(future)?) };
        *out = future.result_object(Deadline::after_ns(timeout_ns))?;
        Ok(())
    })
}

/// Returns how a call failed, waiting for its end if need be.
///
/// @param future      The future.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @param out         Receives the error, or NULL when the call succeeded; NULL also when this
///                    function fails.
/// @return CF_OK: the call is done, and *out says how;
///         CF_TIMEOUT: not done in time, the call goes on;
///         CF_CANCELLED: the future was cancelled;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time. Ownership: the error belongs to the future and is valid until its
/// last release. Python: `Future.exception(timeout)`.
///
/// @code{.c}
/// const cf_error *failure;
/// if (cf_future_exception(future, CF_FOREVER, &failure) == CF_OK && failure != NULL)
///   printf("failed with code %d: %s\n", (int)cf_error_code(failure), cf_error_message(failure));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_exception(
    future: *mut cf_future,
    timeout_ns: i64,
    out: *mut *const cf_error,
) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        unsafe { write_if_some(out, null()) };
        if out.is_null() {
            return Err(cf_status::CF_INVALID_ARGUMENT);
        }
        // SAFETY: `future` is NULL or live.
        let error = unsafe { borrow(future) }?.exception(Deadline::after_ns(timeout_ns))?;
        // SAFETY: not NULL, hence writable.
        unsafe { out.write(error) };
        Ok(())
    })
}

/// Returns the result of a call that has succeeded, and never waits.
///
/// For callbacks and loops over futures that are known to be done. See cf_future_result() for what
/// the bytes are and how long they stay.
///
/// @param future  The future. May be NULL.
/// @param size    Receives the size in bytes; 0 when there is no result. May be NULL.
/// @return The address of the result; NULL when the call has not succeeded, for NULL and, in a
///         forked child, for a future of the parent.
///
/// Threads: any, at any time. Ownership: the bytes belong to the future. Python: `Future.result()`
/// of a future that is done.
///
/// @code{.c}
/// size_t size;
/// const int *value = cf_future_data(future, &size);
/// if (value != NULL && size == sizeof *value)
///   printf("%d\n", *value);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_data(future: *const cf_future, size: *mut usize) -> *const c_void {
    // SAFETY: `future` is NULL or live; `size` is NULL or writable.
    unsafe {
        let bytes = read(future, (null(), 0), |f| f.data().unwrap_or((null(), 0)));
        write_if_some(size, bytes.1);
        bytes.0
    }
}

/// Returns how a call failed or that it was cancelled, and never waits.
///
/// @param future  The future. May be NULL.
/// @return The error; with the status CF_CANCELLED for a cancelled future. NULL while the future is
///         not done, when it succeeded, for NULL and, in a forked child, for a future of the
///         parent.
///
/// Threads: any, at any time. Ownership: the error belongs to the future and is valid until its
/// last release. Python: `Future.exception()` of a future that is done.
///
/// @code{.c}
/// if (cf_future_result(future, CF_FOREVER, NULL, NULL) != CF_OK)
///   fprintf(stderr, "%s\n", cf_error_message(cf_future_error(future)));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_future_error(future: *const cf_future) -> *const cf_error {
    // SAFETY: `future` is NULL or live.
    unsafe { read(future, null(), |f| f.error()) }
}
