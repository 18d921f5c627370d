//! Memory that the caller and all tasks of an executor see at the same address.

use super::{borrow, guard, guard_or, handle_out};
use crate::executor::cf_executor;
use crate::status::cf_status;
use core::ffi::c_void;

/// Allocates memory that the caller and all tasks of an executor see at the same address.
///
/// Pointers to it and within it hold in every worker process, and what a task writes into it the
/// caller reads. When several tasks work on it at the same time, they share it as threads do, with
/// atomic variables for instance; a lock that a dying worker holds stays locked.
///
/// An argument or a map's context that lies in it is passed to a process pool and not copied: the
/// task works on the memory itself. A thread pool copies arguments all the same. A task that is to
/// change the memory in both gets a pointer to it, as below. In a thread pool it is plain memory, so
/// that the same program serves both.
///
/// @param executor  The executor.
/// @param size      Size in bytes, at least 1. In a process pool it counts against
///                  cf_options_set_shared_memory_limit().
/// @param out       Receives the memory, 64-byte aligned and not zeroed; NULL on failure.
/// @return CF_OK;
///         CF_NO_MEMORY: also at the limit of the pool's shared memory;
///         CF_FORKED; CF_INVALID_ARGUMENT: a NULL argument, or 0 bytes.
///
/// Threads: any, at any time. Ownership: the caller owns the memory, see cf_executor_shared_free().
/// Python: `multiprocessing.shared_memory.SharedMemory(create=True, size=size)`.
///
/// @code{.c}
/// static int32_t task_fill(cf_task *task, void *arg, size_t arg_size) {
///   double *values = *(double **)arg; // a pointer to shared memory holds here as well
///   (void)task, (void)arg_size;
///   for (size_t i = 0; i < 1000; i++)
///     values[i] = i * 0.5;
///   return 0;
/// }
/// static void print_last(cf_executor *pool) {
///   void *values;
///   cf_future *f;
///   if (cf_executor_shared_alloc(pool, 1000 * sizeof(double), &values) != CF_OK)
///     return;
///   if (cf_executor_submit(pool, task_fill, &values, sizeof values, &f) == CF_OK) {
///     if (cf_future_result(f, CF_FOREVER, NULL, NULL) == CF_OK)
///       printf("%g\n", ((double *)values)[999]);
///     cf_future_release(f);
///   }
///   cf_executor_shared_free(pool, values);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_executor_shared_alloc(
    executor: *mut cf_executor,
    size: usize,
    out: *mut *mut c_void,
) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable; `executor` is NULL or live.
        unsafe {
            let out = handle_out(out)?;
            *out = borrow(executor)?.shared_alloc(size)?;
        }
        Ok(())
    })
}

/// Frees memory of cf_executor_shared_alloc().
///
/// No task may use it any more, running or queued. Do it before cf_executor_free(): after that the
/// memory of a process pool is gone, and that of a thread pool can no longer be freed.
///
/// @param executor  The executor that gave it. One of the parent process is left alone.
/// @param memory    The memory, as cf_executor_shared_alloc() gave it. May be NULL.
///
/// Threads: any, at any time. Ownership: takes the memory. Python: `SharedMemory.unlink()`.
///
/// @code{.c}
/// void *memory;
/// if (cf_executor_shared_alloc(executor, 4096, &memory) == CF_OK)
///   cf_executor_shared_free(executor, memory);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_executor_shared_free(executor: *mut cf_executor, memory: *mut c_void) {
    guard_or((), || {
        // SAFETY: `executor` is NULL or live; `memory` is NULL or its own, and the caller gives it back.
        unsafe {
            if let Ok(executor) = borrow(executor) {
                executor.shared_free(memory);
            }
        }
    });
}
