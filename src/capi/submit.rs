//! Submitting tasks.

use super::{borrow, check_bytes, check_items, guard, required, write_if_some};
use crate::capi::types::{cf_free_fn, cf_submit_options, cf_task_fn};
use crate::executor::cf_executor;
use crate::future::call::Burst;
use crate::future::cf_future;
use crate::hook::Hook;
use crate::status::{cf_status, Result};
use core::ffi::c_void;
use core::ptr::null_mut;

/// Submits a call of a function, with a copy of its argument.
///
/// It returns at once. Tasks that are submitted from outside the pool start in the order of
/// submission. *out is written before the task can start. In a process pool a pointer inside the
/// argument means nothing to the task, see cf_process_pool_new().
///
/// @param executor  The executor.
/// @param function  The task.
/// @param arg       Its argument, copied, of any size; up to 16 bytes need no allocation. What lies
///                  in a process pool's memory of cf_executor_shared_alloc() is passed to it and not
///                  copied. May be NULL when arg_size is 0.
/// @param arg_size  Size of the argument in bytes.
/// @param out       Receives the future; NULL on failure. May be NULL: then nobody hears of the
///                  result.
/// @return CF_OK;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
///         fails during this very call;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED, CF_INVALID_ARGUMENT. After a failure nothing has been submitted.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the argument is
/// copied; the caller owns one reference to the future, see cf_future_release(). Python:
/// `Executor.submit(function, arg)`.
///
/// @code{.c}
/// int n = 7, n_squared;
/// cf_future *f;
/// if (cf_executor_submit(executor, task_square, &n, sizeof n, &f) == CF_OK) {
///   if (cf_future_result_into(f, CF_FOREVER, &n_squared, sizeof n_squared) == CF_OK)
///     printf("%d\n", n_squared);
///   cf_future_release(f);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_submit(
    executor: *mut cf_executor,
    function: cf_task_fn,
    arg: *const c_void,
    arg_size: usize,
    out: *mut *mut cf_future,
) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        unsafe { write_if_some(out, null_mut()) };
        check_bytes(arg, arg_size)?;
        let function = required(function)?;
        // SAFETY: `executor` is NULL or live; `arg` has `arg_size` bytes.
        unsafe { borrow(executor)?.submit(function, arg, arg_size, out) }
    })
}

/// Submits a call of a function, with an argument that is passed as it is.
///
/// The task gets the very pointer, with size 0, and reads and changes the object without a copy.
/// *out is written before the task can start. Tasks of a process pool cannot: they run where the
/// object is not.
///
/// @param executor  The executor: a thread pool.
/// @param function  The task.
/// @param arg       Its argument. May be NULL.
/// @param free_arg  Ends the argument's life; runs exactly once: after the task, when the task is
///                  cancelled, or when this call fails. May be NULL.
/// @param options   NULL: there are no options for a task in this release.
/// @param out       Receives the future; NULL on failure. May be NULL: then nobody hears of the
///                  result.
/// @return CF_OK;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
///         fails during this very call;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNSUPPORTED: a process pool, whose tasks run in other processes;
///         CF_NO_MEMORY;
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED;
///         CF_INVALID_ARGUMENT: executor or function is NULL, or options is not. After a failure
///         nothing has been submitted.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: takes the argument,
/// also when it fails; the caller owns one reference to the future, see cf_future_release().
/// Python: `Executor.submit(function, arg)` with an object as argument.
///
/// @code{.c}
/// char *line = malloc(6);
/// if (line != NULL) {
///   memcpy(line, "hello", 6);
///   if (cf_executor_submit_owned(executor, task_print, line, free, NULL, NULL) != CF_OK)
///     puts("not submitted, and the line is freed");
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_submit_owned(
    executor: *mut cf_executor,
    function: cf_task_fn,
    arg: *mut c_void,
    free_arg: cf_free_fn,
    options: *const cf_submit_options,
    out: *mut *mut cf_future,
) -> cf_status {
    guard(|| {
        let arg = Hook::new(arg, free_arg);
        // SAFETY: `out` is NULL or writable.
        unsafe { write_if_some(out, null_mut()) };
        if !options.is_null() {
            return Err(cf_status::CF_INVALID_ARGUMENT);
        }
        let function = required(function)?;
        // SAFETY: `executor` is NULL or live.
        unsafe { borrow(executor)?.submit_owned(function, arg, out) }
    })
}

/// Submits many calls of a function at once, each with its own argument.
///
/// Cheaper than as many calls of cf_executor_submit(). cf_task_index() tells a task its position.
/// Either all are accepted or, when memory runs out or somebody shuts the executor down half-way,
/// the first *submitted of them.
///
/// @param executor   The executor.
/// @param function   The task.
/// @param args       count arguments of arg_size bytes side by side, copied. May be NULL when
///                   arg_size or count is 0.
/// @param arg_size   Size of one argument in bytes.
/// @param count      Number of tasks. 0 is allowed.
/// @param out        Room for count futures: the first *submitted are valid, the rest NULL; not
///                   written when count * arg_size overflows. May be NULL.
/// @param submitted  Receives how many tasks were accepted, on failure too. May be NULL.
/// @return CF_OK: all were accepted;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
///         fails during this very call;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the arguments are
/// copied; the caller owns one reference to each future, see cf_futures_release(). Python:
/// `[executor.submit(function, x) for x in args]`.
///
/// @code{.c}
/// int n[3] = { 1, 2, 3 };
/// cf_future *f[3];
/// size_t submitted;
/// if (cf_executor_submit_many(executor, task_square, n, sizeof n[0], 3, f, &submitted) != CF_OK)
///   printf("only %zu of 3 were submitted\n", submitted);
/// cf_futures_release(f, 3);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_submit_many(
    executor: *mut cf_executor,
    function: cf_task_fn,
    args: *const c_void,
    arg_size: usize,
    count: usize,
    out: *mut *mut cf_future,
    submitted: *mut usize,
) -> cf_status {
    guard(|| {
        // SAFETY: `submitted` is NULL or writable.
        unsafe { write_if_some(submitted, 0) };
        // SAFETY: `out` is NULL or has room for `count` futures.
        unsafe { clear(out, count, arg_size) }?;
        check_items(args, arg_size, count)?;
        let function = required(function)?;
        let burst = Burst { func: function, args, size: arg_size, count, out };
        // SAFETY: `executor` is NULL or live; `args` has `count` arguments.
        unsafe { borrow(executor)?.submit_many(burst, submitted) }
    })
}

/// Sets `count` futures to NULL. A count that overflows is no promise of room: then nothing is
/// written.
///
/// # Safety
/// `out` is NULL or has room for `count` futures, if arguments of `arg_size` can exist so often.
unsafe fn clear(out: *mut *mut cf_future, count: usize, arg_size: usize) -> Result<()> {
    if out.is_null() {
        return Ok(());
    }
    for size in [arg_size, size_of::<*mut cf_future>()] {
        check_items(out.cast(), size, count)?;
    }
    for i in 0..count {
        // SAFETY: within the room that the caller promised.
        unsafe { out.add(i).write(null_mut()) };
    }
    Ok(())
}
