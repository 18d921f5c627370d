//! Maps over arrays, item by item.

use super::{borrow, guard, guard_or, handle_out, required, slice};
use crate::capi::types::{cf_array, cf_item, cf_task_fn, REPEAT};
use crate::executor::cf_executor;
use crate::map::{cf_map, cf_map_options};
use crate::status::{cf_status, Result};
use core::ffi::c_void;

const LARGEST_ALIGNMENT: usize = 16;

/// The one array of cf_executor_map() and cf_executor_map_into().
pub(super) fn one_array(data: *const c_void, item_size: usize, count: usize) -> cf_array {
    cf_array { data, item_size, item_align: 0, stride: 0, count }
}

/// Arrays that a map can read: every item exists, and at least one of them ends.
///
/// # Safety
/// `arrays` is NULL or points to `n_arrays` of them.
pub(super) unsafe fn checked<'a>(arrays: *const cf_array, n_arrays: usize) -> Result<&'a [cf_array]> {
    // SAFETY: as promised by the caller.
    let arrays = unsafe { slice(arrays, n_arrays) }?;
    let endless = !arrays.is_empty() && arrays.iter().all(|array| array.count == REPEAT);
    if endless || !arrays.iter().all(is_readable) {
        return Err(cf_status::CF_INVALID_ARGUMENT);
    }
    Ok(arrays)
}

fn is_readable(array: &cf_array) -> bool {
    let stride = if array.stride == 0 { array.item_size } else { array.stride };
    let items = if array.count == REPEAT { 1 } else { array.count };
    let last = stride.checked_mul(items.saturating_sub(1));
    let size = last.and_then(|last| last.checked_add(array.item_size));
    let exists = size.is_some_and(|size| size <= isize::MAX as usize);
    let aligned =
        array.item_align == 0 || (array.item_align.is_power_of_two() && array.item_align <= LARGEST_ALIGNMENT);
    let there = !array.data.is_null() || array.item_size == 0 || items == 0;
    exists && aligned && there && stride >= array.item_size
}

/// Calls a function for every item of an array, in parallel, and gives the outcomes in input order.
///
/// All items are submitted, and the input is taken, before the call returns. Items are put together
/// into chunks, see cf_map_options_set_chunk_size(). A task reads its position with
/// cf_task_index().
///
/// @param executor   The executor.
/// @param function   The task; arg points to a copy of its item.
/// @param items      count items of item_size bytes side by side. May be NULL when either is 0.
/// @param item_size  Size of one item in bytes.
/// @param count      Number of items; CF_REPEAT is not allowed here.
/// @param options    Options. May be NULL: the defaults.
/// @param out        Receives the map; NULL on failure.
/// @return CF_OK; over 0 items also when the executor was shut down;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED;
///         CF_INVALID_ARGUMENT: a NULL argument, or a size that overflows. After a failure what
///         has not started is cancelled.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the items are copied;
/// the caller owns the map, see cf_map_free(). Python: `Executor.map(function, items)`.
///
/// @code{.c}
/// cf_map *m;
/// cf_item item;
/// if (cf_executor_map(executor, task_square, numbers, sizeof numbers[0], 1000, NULL, &m) == CF_OK)
/// {
///   while (cf_map_next(m, &item) == CF_OK)
///     if (item.status == CF_OK)
///       printf("%zu: %d\n", item.index, *(const int *)item.data);
///   cf_map_free(m);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_map(
    executor: *mut cf_executor,
    function: cf_task_fn,
    items: *const c_void,
    item_size: usize,
    count: usize,
    options: *const cf_map_options,
    out: *mut *mut cf_map,
) -> cf_status {
    let array = one_array(items, item_size, count);
    // SAFETY: as the comment of this function says; `array` is one array.
    unsafe { cf_executor_map_arrays(executor, function, &array, 1, options, out) }
}

/// Calls a function for every item of several arrays, taken side by side.
///
/// The shortest array ends it; one with the count CF_REPEAT gives its first item for ever. The
/// items of one position are laid out behind each other as the members of a C struct are, so that
/// the task can read arg as such a struct. Otherwise as cf_executor_map().
///
/// @param executor  The executor.
/// @param function  The task; arg points to a copy of its items.
/// @param arrays    n_arrays arrays. May be NULL when n_arrays is 0.
/// @param n_arrays  Number of arrays; 0 makes an empty map.
/// @param options   Options. May be NULL: the defaults.
/// @param out       Receives the map; NULL on failure.
/// @return CF_OK; over 0 items also when the executor was shut down;
///         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
///         CF_SHUTDOWN: the executor was shut down;
///         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
///         cf_register_task();
///         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
///         CF_OS_ERROR: the first worker cannot be started;
///         CF_FORKED;
///         CF_INVALID_ARGUMENT: a NULL argument, a size that overflows, a stride below the item's
///         size, an alignment that is no power of two up to 16, or CF_REPEAT for all arrays. After
///         a failure what has not started is cancelled.
///
/// Threads: any, at any time, tasks of the same executor included. Ownership: the items are copied;
/// the caller owns the map, see cf_map_free(). Python: `Executor.map(function, xs, ys, repeat(z))`.
///
/// @code{.c}
/// int exponent = 3;
/// cf_array arrays[2] = {
///   { .data = numbers, .item_size = sizeof numbers[0], .count = 1000 },
///   { .data = &exponent, .item_size = sizeof exponent, .count = CF_REPEAT },
/// };
/// cf_map *m;
/// if (cf_executor_map_arrays(executor, task_power, arrays, 2, NULL, &m) == CF_OK)
///   cf_map_free(m);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_map_arrays(
    executor: *mut cf_executor,
    function: cf_task_fn,
    arrays: *const cf_array,
    n_arrays: usize,
    options: *const cf_map_options,
    out: *mut *mut cf_map,
) -> cf_status {
    // SAFETY: `out` is NULL or writable; `executor` and `options` are NULL or live; `arrays` has
    // `n_arrays` entries.
    guard(|| unsafe {
        let out = handle_out(out)?;
        let executor = borrow(executor)?;
        *out = cf_map::new(executor, required(function)?, checked(arrays, n_arrays)?, options.as_ref())?;
        Ok(())
    })
}

/// Returns the outcome of the next item in input order, waiting for it if need be.
///
/// A failed item does not end the map: the call returns CF_OK and item.status says how it ended. The
/// death of a worker process fails the one item that it was running.
///
/// @param map  The map.
/// @param out  Receives the outcome; what it points to is valid until the next call for this map.
/// @return CF_OK: *out is written;
///         CF_END: all outcomes have been given;
///         CF_TIMEOUT: once, when the map's time is over and the next outcome is not there; what has
///         not started is cancelled, and the next call returns CF_END;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_INVALID_STATE: another thread is in this call;
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, one at a time for the same map. Ownership: the result and the error belong to the
/// map. Python: `next(iterator)` of `Executor.map`, which goes on after an exception.
///
/// @code{.c}
/// cf_item item;
/// while (cf_map_next(map, &item) == CF_OK)
///   if (item.status != CF_OK)
///     printf("%zu: %s\n", item.index, cf_error_message(item.error));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_next(map: *mut cf_map, out: *mut cf_item) -> cf_status {
    guard(|| {
        if out.is_null() {
            return Err(cf_status::CF_INVALID_ARGUMENT);
        }
        // SAFETY: `map` is NULL or live; `out` is writable.
        unsafe { borrow(map)?.next(out) }
    })
}

/// Frees a map, at any time, and cancels its items that have not started.
///
/// It does not wait: items that run already run to their end.
///
/// @param map  The map. May be NULL. One of the parent process is left alone.
///
/// Threads: any; nobody else may use the map any more. Ownership: takes the map and all results and
/// errors that it gave. Python: `iterator.close()`.
///
/// @code{.c}
/// cf_map_free(map);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_free(map: *mut cf_map) {
    guard_or((), || {
        // SAFETY: `map` is NULL or live, and the caller gives it back.
        unsafe {
            if borrow(map).is_ok() {
                cf_map::free(map);
            }
        }
    });
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::ptr::null;

    fn is_allowed(arrays: &[cf_array]) -> bool {
        // SAFETY: a slice.
        unsafe { checked(arrays.as_ptr(), arrays.len()) }.is_ok()
    }

    #[test]
    fn arrays_that_cannot_exist_are_refused() {
        let items = [1u64; 4];
        let good = one_array(items.as_ptr().cast(), 8, 4);
        assert!(is_allowed(&[good]));
        assert!(is_allowed(&[]));
        assert!(is_allowed(&[cf_array { stride: 16, count: 2, item_align: 8, ..good }]));
        assert!(is_allowed(&[cf_array { data: null(), count: 0, ..good }]));
        assert!(is_allowed(&[cf_array { data: null(), item_size: 0, ..good }]));
        assert!(is_allowed(&[cf_array { stride: usize::MAX, count: 1, ..good }]));
        assert!(!is_allowed(&[cf_array { item_size: usize::MAX, count: 1, ..good }]));
        assert!(!is_allowed(&[cf_array { data: null(), ..good }]));
        assert!(!is_allowed(&[cf_array { stride: 7, ..good }]));
        assert!(!is_allowed(&[cf_array { item_align: 3, ..good }]));
        assert!(!is_allowed(&[cf_array { item_align: 32, ..good }]));
        assert!(!is_allowed(&[cf_array { count: usize::MAX / 8, ..good }]));
        assert!(!is_allowed(&[cf_array { count: usize::MAX - 1, ..good }]));
    }

    #[test]
    fn a_map_must_end() {
        let item = 1u64;
        let endless = one_array((&raw const item).cast(), 8, REPEAT);
        assert!(!is_allowed(&[endless]));
        assert!(!is_allowed(&[endless, endless]));
        assert!(is_allowed(&[endless, cf_array { count: 1, ..endless }]));
        assert!(!is_allowed(&[cf_array { data: null(), ..endless }, cf_array { count: 1, ..endless }]));
    }
}
