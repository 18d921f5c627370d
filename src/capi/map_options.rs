//! Options of a map.

use super::{borrow_mut, check_bytes, guard, guard_or, handle_out};
use crate::map::cf_map_options;
use crate::status::cf_status;
use core::ffi::c_void;

/// Makes a set of options for maps with default values.
///
/// @param out  Receives the options; NULL on failure.
/// @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
///
/// Threads: any, at any time. Ownership: the caller owns the options, see cf_map_options_free().
/// Python: the keyword arguments of `Executor.map`.
///
/// @code{.c}
/// cf_map_options *o;
/// cf_map *m = NULL;
/// if (cf_map_options_new(&o) == CF_OK) {
///   cf_map_options_set_chunk_size(o, 100);
///   if (cf_executor_map(executor, task_square, numbers, sizeof numbers[0], 1000, o, &m) != CF_OK)
///     puts("no map");
///   cf_map_options_free(o);
/// }
/// cf_map_free(m);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_map_options_new(out: *mut *mut cf_map_options) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        let out = unsafe { handle_out(out) }?;
        *out = cf_map_options::new()?;
        Ok(())
    })
}

/// Frees options. Maps that were made with them keep what they need.
///
/// @param options  The options. May be NULL.
///
/// Threads: any; nobody may use the options any more. Ownership: takes the options. Python: garbage
/// collection.
///
/// @code{.c}
/// cf_map_options_free(map_options);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_options_free(options: *mut cf_map_options) {
    guard_or((), || {
        if !options.is_null() {
            // SAFETY: the caller owned the options and gives them back.
            unsafe { cf_map_options::free(options) }
        }
    });
}

/// Sets the time for a whole map, counted from the call that makes it.
///
/// @param options     The options.
/// @param timeout_ns  Nanoseconds; CF_FOREVER is the default, 0 and negative have expired already.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `Executor.map(..., timeout=seconds)`.
///
/// @code{.c}
/// cf_map_options_set_timeout(map_options, cf_seconds(5));
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_options_set_timeout(options: *mut cf_map_options, timeout_ns: i64) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_timeout(timeout_ns))
}

/// Sets how many items one task of a map takes.
///
/// The items of a chunk run one after another in the same worker; each still has an outcome of its
/// own. When a worker process dies of an item, another goes on behind it.
///
/// @param options  The options.
/// @param items    Items in a chunk; 0, the default: chosen by the library, so that cheap functions
///                 over many items are not dominated by the pool.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `Executor.map(..., chunksize=n)`, which `ThreadPoolExecutor` ignores.
///
/// @code{.c}
/// cf_map_options_set_chunk_size(map_options, 1);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_options_set_chunk_size(options: *mut cf_map_options, items: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_chunk_size(items))
}

/// Sets what all items of a map share; a task reads it with cf_task_context().
///
/// @param options  The options.
/// @param context  The context. A thread pool passes the pointer, and what it points to must stay
///                 until the map is freed and its running items have ended. A process pool copies
///                 the bytes once for each map; tasks must not change the copy, and pointers in it
///                 mean nothing to them. What lies in its memory of cf_executor_shared_alloc() is
///                 passed and not copied, and must stay as in a thread pool. NULL, the default, for
///                 none.
/// @param size     Its size in bytes, so that process pools can copy it; thread pools do not use it.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or a NULL context with a size.
///
/// Threads: one at a time for the same options; the tasks read the context at the same time.
/// Ownership: nothing changes hands. Python: `Executor.map(functools.partial(fn, context), ...)`.
///
/// @code{.c}
/// static const double factor = 2.5;
/// cf_map_options_set_context(map_options, &factor, sizeof factor);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_map_options_set_context(
    options: *mut cf_map_options,
    context: *const c_void,
    size: usize,
) -> cf_status {
    guard(|| {
        // SAFETY: `options` is NULL or live, and this thread's for the call.
        let options = unsafe { borrow_mut(options) }?;
        check_bytes(context, size)?;
        options.set_context(context, size)
    })
}
