//! What a `cf_error` tells.

use super::guard_or;
use crate::error::cf_error;
use crate::status::cf_status;
use core::ffi::c_char;

/// What a getter reads; NULL has neutral values.
///
/// # Safety
/// `error` is NULL or live.
unsafe fn read<T: Copy>(error: *const cf_error, neutral: T, get: impl FnOnce(&cf_error) -> T) -> T {
    // SAFETY: as promised by the caller; an error never changes.
    guard_or(neutral, || unsafe { error.as_ref() }.map_or(neutral, get))
}

/// Returns what kind of failure an error describes.
///
/// @param error  The error. May be NULL.
/// @return The status that the failed call returned, or the future ended with; CF_OK for NULL.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: the class of the exception.
///
/// @code{.c}
/// if (cf_error_status(cf_future_error(future)) == CF_CANCELLED)
///   puts("cancelled");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_status(error: *const cf_error) -> cf_status {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, cf_status::CF_OK, |e| e.status()) }
}

/// Returns the number that came with a failure.
///
/// @param error  The error. May be NULL.
/// @return For CF_TASK_FAILED the task's own code, never 0; for CF_BROKEN_POOL the code of the
///         initializer if it failed, or the errno with which workers were refused; for CF_OS_ERROR
///         the errno; otherwise 0.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `exception.args[0]`,
/// `OSError.errno`.
///
/// @code{.c}
/// const cf_error *failure = cf_future_error(future);
/// if (cf_error_status(failure) == CF_TASK_FAILED)
///   printf("the task returned %d\n", (int)cf_error_code(failure));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_code(error: *const cf_error) -> i32 {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, 0, |e| e.code()) }
}

/// Returns what happened, in words for a person.
///
/// @param error  The error. May be NULL.
/// @return The message given to cf_task_fail() or cf_future_set_exception(), else a text of the
///         library. "" for NULL; never NULL. Valid as long as the error.
///
/// Threads: any, at any time. Ownership: the text belongs to the error. Python: `str(exception)`.
///
/// @code{.c}
/// if (cf_future_result(future, CF_FOREVER, NULL, NULL) != CF_OK)
///   fprintf(stderr, "%s\n", cf_error_message(cf_future_error(future)));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_message(error: *const cf_error) -> *const c_char {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, c"".as_ptr(), |e| e.message().as_ptr()) }
}

/// Returns the process id of the worker that died.
///
/// @param error  The error. May be NULL.
/// @return The process id, or 0 when no process died; always 0 for a thread pool.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: the text of
/// `BrokenProcessPool`.
///
/// @code{.c}
/// const cf_error *failure = cf_future_error(future);
/// if (cf_error_pid(failure) != 0)
///   printf("worker %d died\n", (int)cf_error_pid(failure));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_pid(error: *const cf_error) -> i32 {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, 0, |e| e.pid()) }
}

/// Returns the signal that killed the worker.
///
/// @param error  The error. May be NULL.
/// @return The signal's number, or 0 when no signal killed a process; always 0 for a thread pool.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: a negative
/// `multiprocessing.Process.exitcode`.
///
/// @code{.c}
/// const cf_error *failure = cf_future_error(future);
/// if (cf_error_signal(failure) != 0)
///   printf("killed by signal %d\n", (int)cf_error_signal(failure));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_signal(error: *const cf_error) -> i32 {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, 0, |e| e.signal()) }
}

/// Returns the exit code of the worker that died.
///
/// @param error  The error. May be NULL.
/// @return The exit code, or -1 when it is not known or no process ended; always -1 for a thread
///         pool.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python:
/// `multiprocessing.Process.exitcode`.
///
/// @code{.c}
/// const cf_error *failure = cf_future_error(future);
/// if (cf_error_exit_code(failure) >= 0)
///   printf("the worker called exit(%d)\n", (int)cf_error_exit_code(failure));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_exit_code(error: *const cf_error) -> i32 {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, -1, |e| e.exit_code()) }
}

/// Returns which item of a map, or which part of a loop, failed.
///
/// @param error  The error. May be NULL.
/// @return For a map the position of the item, for cf_executor_for_range() the first index of the
///         piece; otherwise, and for NULL, 0.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: the position at which the
/// iterator of `Executor.map` raised.
///
/// @code{.c}
/// double roots[1000];
/// if (cf_executor_map_into(executor, task_root, numbers, sizeof numbers[0], 1000, NULL, roots,
///                          sizeof roots[0], NULL, &error) != CF_OK)
///   fprintf(stderr, "item %zu: %s\n", cf_error_index(error), cf_error_message(error));
/// cf_error_free(error);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_index(error: *const cf_error) -> usize {
    // SAFETY: `error` is NULL or live.
    unsafe { read(error, 0, |e| e.index()) }
}

/// Frees an error that a call handed out through its `cf_error **` parameter.
///
/// Errors that a future, an executor or a cf_item owns are borrowed: never free those.
///
/// @param error  The error. May be NULL.
///
/// Threads: any; nobody may use the error any more. Ownership: takes the error. Python: garbage
/// collection of an exception.
///
/// @code{.c}
/// cf_executor *pool;
/// if (cf_thread_pool_new(0, &pool, &error) != CF_OK) {
///   fprintf(stderr, "%s\n", cf_error_message(error));
///   cf_error_free(error);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_error_free(error: *mut cf_error) {
    guard_or((), || {
        if !error.is_null() {
            // SAFETY: the caller owned the error and gives it back.
            unsafe { cf_error::free(error) }
        }
    });
}
