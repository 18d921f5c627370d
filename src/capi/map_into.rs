//! Maps whose results go straight into the caller's array.

use super::map::{checked, one_array};
use super::{borrow, check_items, guard_failure, required};
use crate::capi::types::{cf_array, cf_task_fn};
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::map::cf_map_options;
use crate::map_into::map_into;
use crate::status::cf_status;
use core::ffi::c_void;

/// Calls a function for every item of an array, in parallel, and puts the results side by side.
///
/// It returns when all is done. A thread pool reads the items where they lie and does not copy them
/// before; a process pool copies them and the results once. A failed item does not stop the others.
/// When the time of the options is over, what has not started is cancelled. In every case the call
/// returns only when no running item can touch the arrays any more.
///
/// @param executor       The executor.
/// @param function       The task; arg points to its item. Its result must have out_item_size
///                       bytes.
/// @param items          count items of item_size bytes side by side. May be NULL when either is 0.
/// @param item_size      Size of one item in bytes.
/// @param count          Number of items; CF_REPEAT is not allowed here.
/// @param options        Options. May be NULL: the defaults.
/// @param out            Room for count results; those of failed items are not written. May be NULL
///                       when count or out_item_size is 0.
/// @param out_item_size  Size of one result in bytes. 0: the function gives no results.
/// @param statuses       Room for count statuses: CF_OK or how the item ended, CF_SIZE_MISMATCH if
///                       its result had another size, CF_CANCELLED if it was not started. May be
///                       left as it is when no item was started. May be NULL.
/// @param error          Receives what went wrong, with the item's position as cf_error_index();
///                       NULL on success. May be NULL.
/// @return CF_OK: every item succeeded; over 0 items also when the executor was shut down;
///         CF_TASK_FAILED, CF_SIZE_MISMATCH, CF_CANCELLED, CF_BROKEN_POOL, CF_WORKER_DIED,
///         CF_NO_MEMORY: how the failed item with the lowest index ended;
///         CF_TIMEOUT: the time was over first;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED;
///         CF_INVALID_ARGUMENT: a NULL argument, or a size that overflows.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
/// error, see cf_error_free(). Python: `out = list(executor.map(function, items))`.
///
/// @code{.c}
/// int squares[1000];
/// if (cf_executor_map_into(executor, task_square, numbers, sizeof numbers[0], 1000, NULL, squares,
///                          sizeof squares[0], NULL, NULL) == CF_OK)
///   printf("%d\n", squares[999]);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_map_into(
    executor: *mut cf_executor,
    function: cf_task_fn,
    items: *const c_void,
    item_size: usize,
    count: usize,
    options: *const cf_map_options,
    out: *mut c_void,
    out_item_size: usize,
    statuses: *mut cf_status,
    error: *mut *mut cf_error,
) -> cf_status {
    let array = one_array(items, item_size, count);
    // SAFETY: as the comment of this function says; `array` is one array.
    unsafe { cf_executor_map_arrays_into(executor, function, &array, 1, options, out, out_item_size, statuses, error) }
}

/// Calls a function for every item of several arrays, and puts the results side by side.
///
/// The arrays are read as by cf_executor_map_arrays(), the results come as from
/// cf_executor_map_into().
///
/// @param executor       The executor.
/// @param function       The task; arg points to its items. Its result must have out_item_size
///                       bytes.
/// @param arrays         n_arrays arrays. May be NULL when n_arrays is 0.
/// @param n_arrays       Number of arrays; 0 for an empty map.
/// @param options        Options. May be NULL: the defaults.
/// @param out            Room for as many results as the shortest array has items; those of failed
///                       items are not written. May be NULL when there are none or out_item_size is
///                       0.
/// @param out_item_size  Size of one result in bytes. 0: the function gives no results.
/// @param statuses       Room for as many statuses: CF_OK or how the item ended, CF_SIZE_MISMATCH
///                       if its result had another size, CF_CANCELLED if it was not started. May be
///                       left as it is when no item was started. May be NULL.
/// @param error          Receives what went wrong, with the item's position as cf_error_index();
///                       NULL on success. May be NULL.
/// @return CF_OK: every item succeeded; over 0 items also when the executor was shut down;
///         CF_TASK_FAILED, CF_SIZE_MISMATCH, CF_CANCELLED, CF_BROKEN_POOL, CF_WORKER_DIED,
///         CF_NO_MEMORY: how the failed item with the lowest index ended;
///         CF_TIMEOUT: the time was over first;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED;
///         CF_INVALID_ARGUMENT: a NULL argument, a size that overflows, a stride below the item's
///         size, an alignment that is no power of two up to 16, or CF_REPEAT for all arrays.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
/// error, see cf_error_free(). Python: `out = list(executor.map(function, xs, ys))`.
///
/// @code{.c}
/// int exponents[1000] = { 2, 3 }, powers[1000];
/// cf_array arrays[2] = {
///   { .data = numbers, .item_size = sizeof numbers[0], .count = 1000 },
///   { .data = exponents, .item_size = sizeof exponents[0], .count = 1000 },
/// };
/// if (cf_executor_map_arrays_into(executor, task_power, arrays, 2, NULL, powers, sizeof powers[0],
///                                 NULL, NULL) == CF_OK)
///   printf("%d\n", powers[0]);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_map_arrays_into(
    executor: *mut cf_executor,
    function: cf_task_fn,
    arrays: *const cf_array,
    n_arrays: usize,
    options: *const cf_map_options,
    out: *mut c_void,
    out_item_size: usize,
    statuses: *mut cf_status,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` is NULL or writable; `executor` and `options` are NULL or live; `arrays` has
    // `n_arrays` entries; `out` and `statuses` are NULL or have room for the shortest of them.
    unsafe {
        guard_failure(error, || {
            let executor = borrow(executor)?;
            let function = required(function)?;
            let arrays = checked(arrays, n_arrays)?;
            let count = arrays.iter().map(|array| array.count).min().unwrap_or(0);
            check_items(out, out_item_size, count)?;
            map_into(executor, function, arrays, options.as_ref(), out, out_item_size, statuses)
        })
    }
}
