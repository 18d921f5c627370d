//! Making a thread pool; `processes` makes the other kind.

use super::{guard_failure, handle_out};
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::status::cf_status;

/// Makes a thread pool.
///
/// Workers start on demand, one for each task that finds none idle, and stay until the pool ends.
/// Tasks from outside the pool start in the order of submission; what tasks submit may overtake
/// them. For names, initializers and other choices see
/// cf_thread_pool_new_with().
///
/// @param max_workers  How many tasks may run at the same time. 0: the smaller of 32 and 4 more
///                     than the CPUs that this process may use, as affinity and control groups
///                     allow.
/// @param out          Receives the pool; NULL on failure.
/// @param error        Receives what went wrong; NULL on success. May be NULL.
/// @return CF_OK;
///         CF_INVALID_ARGUMENT: out is NULL, or more workers than the library can count;
///         CF_NO_MEMORY;
///         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
///
/// Threads: any, at any time. Ownership: the caller owns the pool, see cf_executor_free(), and the
/// error, see cf_error_free(). Python: `ThreadPoolExecutor(max_workers)`.
///
/// @code{.c}
/// cf_executor *pool;
/// if (cf_thread_pool_new(4, &pool, NULL) == CF_OK) {
///   if (cf_executor_submit(pool, task_print, "hello", 6, NULL) != CF_OK)
///     puts("not submitted");
///   cf_executor_free(pool);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_thread_pool_new(
    max_workers: usize,
    out: *mut *mut cf_executor,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` and `out` are NULL or writable.
    unsafe {
        guard_failure(error, || {
            let out = handle_out(out)?;
            *out = cf_executor::thread_pool(max_workers)?;
            Ok(())
        })
    }
}
