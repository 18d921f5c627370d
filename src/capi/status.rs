//! Status codes as text.

use super::guard_or;
use crate::status;
use core::ffi::{c_char, c_int};

/// Returns the name of a status, such as "CF_TIMEOUT".
///
/// @param status  A cf_status; any other value is accepted too.
/// @return The name, or "CF_UNKNOWN". Static, never NULL.
///
/// Threads: any, at any time. Ownership: the text is static. Python: `type(exception).__name__`.
///
/// @code{.c}
/// cf_status status = cf_future_result(future, 0, NULL, NULL);
/// if (status != CF_OK)
///   printf("no result: %s\n", cf_status_name(status));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_status_name(status: c_int) -> *const c_char {
    guard_or(c"CF_UNKNOWN".as_ptr(), || status::name(status).as_ptr())
}

/// Returns what a status means, in words for a person.
///
/// It says what kind of failure it was; what happened to one future stands in its cf_error.
///
/// @param status  A cf_status; any other value is accepted too.
/// @return A sentence without a full stop, in English. Static, never NULL.
///
/// Threads: any, at any time. Ownership: the text is static. Python: `str(exception)`.
///
/// @code{.c}
/// cf_status status = cf_executor_shutdown(executor, true, false);
/// if (status != CF_OK)
///   fprintf(stderr, "shutdown: %s\n", cf_status_message(status));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_status_message(status: c_int) -> *const c_char {
    guard_or(c"".as_ptr(), || status::message(status).as_ptr())
}
