//! Making a process pool, and what its workers need of the program.

use super::{guard, guard_failure, guard_or, handle_out, required, text};
use crate::capi::types::cf_task_fn;
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::options::cf_options;
use crate::processes::{functions, start};
use crate::status::cf_status;
use core::ffi::c_char;

/// Makes a pool of worker processes. A pointer inside an argument means nothing to them!
///
/// The bytes of an argument are copied to the worker, but not what they point to. A task that
/// follows such a pointer crashes, or reads something else; under CF_START_FORK it may even work
/// by chance, for what was there before the pool. Put everything into one flat struct as below,
/// write offsets in place of pointers, or let the pointers lead into memory of
/// cf_executor_shared_alloc(), which has the same address in every worker. The same holds for
/// results.
///
/// Otherwise the pool is used as one of threads: only this line changes. A task that crashes or
/// calls exit() fails its own future with CF_WORKER_DIED, and its worker is replaced. Workers start
/// on demand, and die with this process, however it ends. The chapter "Processes" says how they
/// start and what they inherit; for other choices see cf_process_pool_new_with().
///
/// @param max_workers  How many tasks may run at the same time, at most 1024. 0: the CPUs that this
///                     process may use, as affinity and control groups allow.
/// @param out          Receives the pool; NULL on failure.
/// @param error        Receives what went wrong; NULL on success. May be NULL.
/// @return CF_OK;
///         CF_INVALID_ARGUMENT: out is NULL, or more workers than a pool can have;
///         CF_UNSUPPORTED: this program has other threads, so it cannot be forked, and there is no
///         program for the workers to run; the error says what to do;
///         CF_NO_MEMORY: also when the shared memory is refused;
///         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
///
/// Threads: any, at any time, tasks of a process pool included; early, before the program starts
/// threads of its own, is best. Ownership: the caller owns the pool, see cf_executor_free(), and the
/// error, see cf_error_free(). Python: `ProcessPoolExecutor(max_workers)`.
///
/// @code{.c}
/// struct job { // flat: the text lies in the struct, not behind a pointer
///   int width, height;
///   char title[32];
/// };
/// static int32_t task_area(cf_task *task, void *arg, size_t arg_size) {
///   const struct job *job = arg;
///   int area = job->width * job->height;
///   printf("%s, %zu bytes\n", job->title, arg_size);
///   return cf_task_return(task, &area, sizeof area);
/// }
/// static void print_area(void) {
///   struct job job = { 640, 480, "night" };
///   cf_executor *pool;
///   cf_future *f;
///   int area;
///   if (cf_process_pool_new(0, &pool, NULL) != CF_OK)
///     return;
///   if (cf_executor_submit(pool, task_area, &job, sizeof job, &f) == CF_OK) {
///     if (cf_future_result_into(f, CF_FOREVER, &area, sizeof area) == CF_OK)
///       printf("%d\n", area);
///     cf_future_release(f);
///   }
///   cf_executor_free(pool);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_process_pool_new(
    max_workers: usize,
    out: *mut *mut cf_executor,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` and `out` are NULL or writable.
    unsafe {
        guard_failure(error, || {
            let out = handle_out(out)?;
            *out = cf_executor::process_pool(max_workers)?;
            Ok(())
        })
    }
}

/// Makes a pool of worker processes with options.
///
/// The options are read now and may be changed, used again or freed afterwards. For what arguments
/// may hold see cf_process_pool_new().
///
/// @param options  The options. May be NULL: the defaults.
/// @param out      Receives the pool; NULL on failure.
/// @param error    Receives what went wrong; NULL on success. May be NULL.
/// @return CF_OK;
///         CF_INVALID_ARGUMENT: out is NULL, more than 1024 workers, or options that contradict
///         each other, named in the error;
///         CF_UNSUPPORTED: an option that a process pool does not have, named in the error; or the
///         workers cannot be started in the way that was asked for, and the error says what to do;
///         CF_UNKNOWN_FUNCTION: the workers cannot find the initializer, see cf_register_task();
///         CF_NO_MEMORY: also when the limit of shared memory is too small for any pool;
///         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
///
/// Threads: any; nobody may change the options meanwhile. Ownership: the caller owns the pool, see
/// cf_executor_free(), and the error, see cf_error_free(). Python: `ProcessPoolExecutor(...)`.
///
/// @code{.c}
/// cf_executor *pool;
/// cf_options_set_start_method(options, CF_START_SPAWN);
/// if (cf_process_pool_new_with(options, &pool, &error) != CF_OK) {
///   fprintf(stderr, "%s\n", cf_error_message(error));
///   cf_error_free(error);
/// }
/// cf_executor_free(pool);
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_process_pool_new_with(
    options: *const cf_options,
    out: *mut *mut cf_executor,
    error: *mut *mut cf_error,
) -> cf_status {
    // SAFETY: `error` and `out` are NULL or writable; `options` is NULL or live and does not change.
    unsafe {
        guard_failure(error, || {
            let out = handle_out(out)?;
            *out = match options.as_ref() {
                Some(options) => cf_executor::process_pool_with(options)?,
                None => cf_executor::process_pool(0)?,
            };
            Ok(())
        })
    }
}

/// Lets the workers of spawned pools run this very program. Call it first thing in main().
///
/// In an ordinary process it returns at once. In a process that a pool has started it serves the
/// pool and never returns: whatever main() does before it is done in such processes too, so print
/// nothing and start no thread there. Only cf_register_task() belongs before it.
///
/// Without it a spawned pool runs the helper `cfutures-worker`, which comes with the library and
/// knows only the functions of shared libraries.
///
/// Threads: the main thread, before the program has started others: another one may take the signal
/// that tells of a worker's death. Ownership: nothing changes hands. Python:
/// `if __name__ == "__main__":` and `multiprocessing.freeze_support()`.
///
/// @code{.c}
/// static int my_main(int argc, char **argv) { // the program's main()
///   cf_worker_main();
///   printf("%s is no worker, it has %d arguments\n", argv[0], argc - 1);
///   return 0;
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_worker_main() {
    guard_or((), start::worker_main);
}

/// Gives a function a name by which worker processes find it.
///
/// Most functions need none: a worker finds a function of the program or of a shared library,
/// static or not, by the file that it was loaded from. A name is for those that no loader knows,
/// such as code that was made at run time. The worker must have given the same name to its own copy
/// of the function: with CF_START_FORK register before the pool is made, with CF_START_SPAWN before
/// cf_worker_main() or in a constructor of a library.
///
/// @param name      UTF-8 text of 1 to 463 bytes, copied. It is best to begin with the program's
///                  name.
/// @param function  The task, or an initializer.
/// @return CF_OK; also for the same function and name again;
///         CF_INVALID_STATE: another function has this name;
///         CF_NO_MEMORY: also when there are 1024 names already;
///         CF_INVALID_ARGUMENT: a NULL argument, or a name that is empty or too long.
///
/// Threads: any, at any time. Ownership: the text is copied; the name stays for the life of the
/// process, and so must the function. Python: has no equivalent; functions are pickled by their
/// qualified name.
///
/// @code{.c}
/// if (cf_register_task("photos.square", task_square) != CF_OK)
///   puts("the name is taken");
/// cf_worker_main();
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_register_task(name: *const c_char, function: cf_task_fn) -> cf_status {
    // SAFETY: `name` is NULL or a text.
    guard(|| functions::register(unsafe { text(name) }?, required(function)?))
}
