//! Options that only pools of processes have.

use super::{borrow_mut, guard, text};
use crate::options::cf_options;
use crate::status::cf_status;
use core::ffi::{c_char, c_int};

/// Sets how the workers of a process pool come to life.
///
/// | method         | a worker begins as                                                        |
/// |----------------|---------------------------------------------------------------------------|
/// | CF_START_FORK  | a copy of this process, with its memory as it was when the pool was made   |
/// | CF_START_SPAWN | a fresh run of this program, see cf_worker_main(), or of a worker program  |
/// | CF_START_AUTO  | a fork if that is safe, else a spawn                                       |
///
/// A fork is safe while this process has no threads but the calling one and those by which the
/// library watches its process pools; the workers of a thread pool count as threads of the
/// program. If it has others, CF_START_AUTO spawns: this program if it has called
/// cf_worker_main(), else the worker program; and if there is neither, making the pool fails with
/// CF_UNSUPPORTED and an error that says what to do. CF_START_FORK forks in any case: a lock that
/// another thread held at that moment stays locked in every worker for ever, and the program may
/// see one SIGCHLD while the pool is made.
///
/// A fork copies the page tables: making a pool takes tens of milliseconds longer for each GiB that
/// this process has touched. A spawn takes as long in a large process as in a small one.
///
/// @param options  The options.
/// @param method   A cf_start_method. The default is CF_START_AUTO.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or the method is unknown.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`.
///
/// @code{.c}
/// cf_options_set_start_method(options, CF_START_SPAWN);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_start_method(options: *mut cf_options, method: c_int) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_start_method(method))
}

/// Sets the program that the workers of a spawned pool run.
///
/// It must call cf_worker_main() and use the same version of the library. Unless it is this very
/// program, it knows only functions of shared libraries, which it loads when a task needs them:
/// submitting any other gives CF_UNKNOWN_FUNCTION. The default is this program if it has called
/// cf_worker_main(), else the helper `cfutures-worker`: where the environment variable
/// CFUTURES_WORKER_PROGRAM says, or near the library, or where it was installed.
///
/// @param options  The options.
/// @param path     UTF-8 text, copied: the path of the program. PATH is not searched.
/// @return CF_OK; CF_INVALID_ARGUMENT: a NULL argument or an empty path; CF_NO_MEMORY. That there is
///         no such program shows when the pool is made: CF_UNSUPPORTED. So does CF_START_FORK,
///         which runs no program: CF_INVALID_ARGUMENT. CF_START_AUTO uses it only where it spawns.
///
/// Threads: one at a time for the same options. Ownership: the text is copied. Python:
/// `multiprocessing.set_executable(path)`.
///
/// @code{.c}
/// cf_options_set_start_method(options, CF_START_SPAWN);
/// cf_options_set_worker_program(options, "/usr/libexec/photos-worker");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_worker_program(options: *mut cf_options, path: *const c_char) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call; `path` is NULL or a text.
    guard(|| unsafe { borrow_mut(options)?.set_worker_program(text(path)?) })
}

/// Sets after how many tasks a worker process is replaced by a fresh one.
///
/// For tasks that leak memory or leave other traces. A chunk of a map counts as one task. No task
/// notices: the worker leaves between two of them.
///
/// @param options    The options.
/// @param max_tasks  At least 1. By default a worker stays until the pool ends.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 tasks.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `ProcessPoolExecutor(max_tasks_per_child=n)`, which there excludes the fork method.
///
/// @code{.c}
/// cf_options_set_max_tasks_per_child(options, 1000);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_max_tasks_per_child(options: *mut cf_options, max_tasks: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_max_tasks_per_child(max_tasks))
}

/// Sets what happens to a process pool when one of its workers dies.
///
/// @param options  The options.
/// @param policy   A cf_on_worker_death. CF_REPLACE_WORKER, the default: the task that the worker
///                 was running ends with CF_WORKER_DIED, and all else goes on. CF_BREAK_POOL: the
///                 pool is broken, and everything that is not done ends with CF_BROKEN_POOL. A death
///                 that cf_future_kill() or the limit of tasks has brought about breaks nothing.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or the policy is unknown.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python: always as
/// CF_BREAK_POOL, with `BrokenProcessPool`.
///
/// @code{.c}
/// cf_options_set_on_worker_death(options, CF_BREAK_POOL);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_on_worker_death(options: *mut cf_options, policy: c_int) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_on_worker_death(policy))
}

/// Sets how much memory a process pool may share with its workers.
///
/// In it lie the queue, arguments and results too large for the queue, until the task or the future
/// is gone, and what cf_executor_shared_alloc() gives. When it is used up, submitting gives
/// CF_NO_MEMORY, and a task that cannot store its result ends with it; nothing else is harmed.
///
/// @param options  The options.
/// @param bytes    At least 1; below a few MiB no pool can be made. Memory is taken from the system
///                 only as it is needed. The default is half of what the machine or the control
///                 group has to spare when the pool is made.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 bytes.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
/// equivalent; there everything goes through pipes.
///
/// @code{.c}
/// cf_options_set_shared_memory_limit(options, (size_t)512 << 20);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_shared_memory_limit(options: *mut cf_options, bytes: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_shared_memory_limit(bytes))
}

/// Sets how much memory each worker process may have for itself.
///
/// A task that asks for more gets NULL from malloc(), in its own worker only. What counts is the
/// writable memory of the process, RLIMIT_DATA, beyond what it begins with; the memory that it
/// shares with the pool does not count.
///
/// @param options  The options.
/// @param bytes    At least 1. There is no limit by default.
/// @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 bytes.
///
/// Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
/// `resource.setrlimit(RLIMIT_DATA, ...)` in the initializer.
///
/// @code{.c}
/// cf_options_set_worker_memory_limit(options, (size_t)2 << 30);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_options_set_worker_memory_limit(options: *mut cf_options, bytes: usize) -> cf_status {
    // SAFETY: `options` is NULL or live, and this thread's for the call.
    guard(|| unsafe { borrow_mut(options) }?.set_worker_memory_limit(bytes))
}
