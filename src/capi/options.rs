//! Options of an executor, and the thread pool that is made with them; `process_options` has more.

use super::{borrow_mut, check_bytes, guard, guard_failure, guard_or, handle_out, required, text};
use crate::capi::types::cf_task_fn;
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::options::cf_options;
use crate::status::cf_status;
use core::ffi::{c_char, c_void};

/// Makes a set of options with default values.
///
/// @param out  Receives the options; NULL on failure.
/// @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
///
/// Threads: any, at any time. Ownership: the caller owns the options, see cf_options_free().
/// Python: the keyword arguments of `ThreadPoolExecutor` and `ProcessPoolExecutor`.
///
/// @code{.c}
/// cf_options *o;
/// cf_executor *pool = NULL;
/// if (cf_options_new(&o) == CF_OK) {
///   cf_options_set_max_workers(o, 4);
///   cf_options_set_name(o, "decode");
///   if (cf_thread_pool_new_with(o, &pool, NULL) != CF_OK)
///     puts("no pool");
///   cf_options_free(o);
/// }
/// cf_executor_free(pool);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_options_new(out: *mut *mut cf_options) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        let out = unsafe { handle_out(out) }?;
        *out = cf_options::new()?;
        Ok(())
    })
}

/// Frees options. Executors that were made with them keep what they need.
///
/// @param options  The options. May be NULL.
///
/// Threads: any; nobody may use the options any more. Ownership: takes the options. Python: garbage
/// collection.
///
/// @code{.c}
/// cf_options_free(options);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_free(options: *mut cf_options) {
    guard_or((), || {
        if !options.is_null() {
            // SAFETY: the caller owned the options and gives them back.
            unsafe { cf_options::free(options) }
        }
    });
}

/// Sets how many tasks may run at the same time.
///
/// The default of a thread pool is the smaller of 32 and 4 more than the CPUs that this process may
/// use, that of a process pool their number.
///
/// @param options      The options.
/// @param max_workers  At least 1. A process pool with more than 1024 cannot be made.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, 0 workers, or more than the library can
///         count.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `ThreadPoolExecutor(max_workers=n)`, where 0 is refused as well.
///
/// @code{.c}
/// cf_options_set_max_workers(options, 8);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_max_workers(options: *mut cf_options, max_workers: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_max_workers(max_workers))
}

/// Sets what the workers are called: "<prefix>_0", "<prefix>_1" and so on.
///
/// The default prefix is "ThreadPoolExecutor-<k>" or "ProcessPoolExecutor-<k>", where k counts the
/// pools of the kind that have no name of their own, from 0. The system's name of the thread or
/// process, as shown by top and debuggers, has room for 15 bytes: a longer prefix is cut there so
/// that "_0", "_1" and so on remain, and the default of threads is "cf-<k>_0" and so on.
///
/// @param options  The options.
/// @param prefix   UTF-8 text, copied.
/// @return CF_OK; CF_INVALID_ARGUMENT: a NULL argument; CF_NO_MEMORY.
///
/// Threads: one at a time for the same options. Ownership: the text is copied. Python:
/// `ThreadPoolExecutor(thread_name_prefix=...)`; `ProcessPoolExecutor` has no such thing.
///
/// @code{.c}
/// cf_options_set_name(options, "decode");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_name(options: *mut cf_options, prefix: *const c_char) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call; `prefix` is NULL or a text.
    guard(|| unsafe { borrow_mut(options)?.set_name(text(prefix)?) })
}

/// Sets a function that each worker calls once, before its first task.
///
/// If it fails the pool is broken: everything that has not started ends with CF_BROKEN_POOL, later
/// submits return it, and cf_executor_error() has the message that the initializer gave to
/// cf_task_fail(). In a thread pool tasks that run go on; in a process pool their workers are killed
/// and they end with CF_BROKEN_POOL too. A worker that replaces a dead one calls it as well.
///
/// @param options   The options.
/// @param function  The initializer. It runs like a task; its result is not used.
/// @param arg       Its argument, copied now; each worker gets a copy of its own. A pointer in it
///                  means nothing to a worker process. May be NULL when arg_size is 0.
/// @param arg_size  Size of the argument in bytes.
/// @return CF_OK; CF_INVALID_ARGUMENT: options or function is NULL, or NULL bytes with a size;
///         CF_NO_MEMORY.
///
/// Threads: one at a time for the same options. Ownership: the argument is copied. Python:
/// `ThreadPoolExecutor(initializer=function, initargs=(arg,))`, and `ProcessPoolExecutor` likewise.
///
/// @code{.c}
/// unsigned seed = 42;
/// cf_options_set_initializer(options, task_seed, &seed, sizeof seed);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_initializer(
    options: *mut cf_options,
    function: cf_task_fn,
    arg: *const c_void,
    arg_size: usize,
) -> cf_status {
    guard(|| {
        // SAFETY: `options` is NULL or live, and this thread's for the call.
        let options = unsafe { borrow_mut(options) }?;
        check_bytes(arg, arg_size)?;
        // SAFETY: `arg` has `arg_size` bytes.
        unsafe { options.set_initializer(required(function)?, arg, arg_size) }
    })
}

/// Sets the size of each worker's stack.
///
/// A task that waits for a pending one may run it on its own stack (see "Waiting inside a pool"),
/// so leave room for what tasks wait on. Memory is used only as the stack grows. An option of thread
/// pools: a process pool made with it gives CF_UNSUPPORTED.
///
/// @param options  The options.
/// @param bytes    Size in bytes, rounded up as the system asks for. The default is 8 MiB.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or a size that no thread can have.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `threading.stack_size(bytes)`.
///
/// @code{.c}
/// cf_options_set_stack_size(options, (size_t)64 << 20);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_stack_size(options: *mut cf_options, bytes: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_stack_size(bytes))
}

/// Sets how many spare workers may stand in for tasks that wait.
///
/// A spare starts when a task waits in a way that lets it run nothing itself (see "Waiting inside a
/// pool"). Never do more than max_workers tasks run, as the one that waits does not. An option of
/// thread pools: a process pool made with it gives CF_UNSUPPORTED.
///
/// @param options     The options.
/// @param max_spares  Largest number at the same time; 0 for none. The default is 64.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or more than the library can count.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
/// equivalent; there a pool whose tasks wait for each other can hang.
///
/// @code{.c}
/// cf_options_set_max_spares(options, 4);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_max_spares(options: *mut cf_options, max_spares: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_max_spares(max_spares))
}

/// Sets whether a task that waits for a pending task of the pool may run it itself.
///
/// Switch it off when tasks depend on the thread they run on, or hold recursive locks while they
/// wait. A spare worker then stands in for the one that waits. An option of thread pools: a process
/// pool made with it gives CF_UNSUPPORTED.
///
/// @param options  The options.
/// @param on       The default is true.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
/// equivalent; there a pool whose tasks wait for each other can hang.
///
/// @code{.c}
/// cf_options_set_inline_wait(options, false);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_inline_wait(options: *mut cf_options, on: bool) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_inline_wait(on))
}

/// Makes a thread pool with options.
///
/// The options are read now and may be changed, used again or freed afterwards.
///
/// @param options  The options. May be NULL: the defaults.
/// @param out      Receives the pool; NULL on failure.
/// @param error    Receives what went wrong; NULL on success. May be NULL.
/// @return CF_OK;
///         CF_INVALID_ARGUMENT: out is NULL;
///         CF_UNSUPPORTED: an option that a thread pool does not have, named in the error;
///         CF_NO_MEMORY;
///         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
///
/// Threads: any; nobody may change the options meanwhile. Ownership: the caller owns the pool, see
/// cf_executor_free(), and the error, see cf_error_free(). Python: `ThreadPoolExecutor(...)`.
///
/// @code{.c}
/// cf_executor *pool;
/// if (cf_thread_pool_new_with(options, &pool, &error) != CF_OK) {
///   fprintf(stderr, "%s\n", cf_error_message(error));
///   cf_error_free(error);
/// }
/// cf_executor_free(pool);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_thread_pool_new_with(
    options: *const cf_options,
    out: *mut *mut cf_executor,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` and `out` are NULL or writable; `options` is NULL or live and does not change.
    unsafe {
        guard_failure(error, || {
            let out = handle_out(out)?;
            *out = match options.as_ref() {
                Some(options) => cf_executor::thread_pool_with(options)?,
                None => cf_executor::thread_pool(0)?,
            };
            Ok(())
        })
    }
}
