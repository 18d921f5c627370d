/**
 * @file cfutures.h
 * Python's concurrent.futures for C.
 *
 * An executor runs functions in other threads or in other processes. Submitting a function gives a
 * future, which one can wait for, cancel, and ask for the result. Everything else, such as map,
 * as_completed, callbacks and completion queues, is built on these two.
 *
 * @code{.c}
 * #include <cfutures.h>
 * #include <stdio.h>
 *
 * static int32_t square(cf_task *task, void *arg, size_t arg_size) {
 *   int n = *(int *)arg, result = n * n;
 *   (void)arg_size;
 *   return cf_task_return(task, &result, sizeof result);
 * }
 *
 * int main(void) {
 *   cf_executor *pool;
 *   cf_future *future;
 *   int n = 7, result;
 *   if (cf_thread_pool_new(0, &pool, NULL) != CF_OK)
 *     return 1;
 *   if (cf_executor_submit(pool, square, &n, sizeof n, &future) == CF_OK) {
 *     if (cf_future_result_into(future, CF_FOREVER, &result, sizeof result) == CF_OK)
 *       printf("%d\n", result);
 *     cf_future_release(future);
 *   }
 *   cf_executor_free(pool);
 *   return 0;
 * }
 * @endcode
 *
 * Link with -lcfutures. This file is generated; its text stands in the sources of the library.
 *
 * # Contents
 *
 *   Version, status, errors   cf_version, cf_status_name, cf_error_message, ...
 *   Time                      cf_seconds, CF_FOREVER
 *   Inside a task             cf_task_return, cf_task_fail, cf_task_index, ...
 *   Executors                 cf_thread_pool_new, cf_options_new, cf_thread_pool_new_with, ...
 *   Process pools             cf_process_pool_new, cf_process_pool_new_with, cf_worker_main, ...
 *   Submitting                cf_executor_submit, cf_executor_submit_owned, cf_executor_submit_many
 *   Shutdown                  cf_executor_shutdown, cf_executor_join, cf_executor_free, ...
 *   Killing                   cf_executor_terminate_workers, cf_future_kill, ...
 *   Futures                   cf_future_result, cf_future_cancel, cf_future_add_done_callback, ...
 *   Futures by hand           cf_future_new, cf_future_set_result, ...
 *   Waiting for many          cf_wait, cf_as_completed, cf_completion_queue_new, ...
 *   Map                       cf_executor_map, cf_executor_map_into, cf_executor_for_range, ...
 *   Shared memory             cf_executor_shared_alloc, cf_executor_shared_free
 *
 * # Conventions
 *
 * - A call that can fail returns a cf_status: CF_OK is 0, errors are negative. Results come through
 *   the last parameters and are written only on CF_OK, unless the comment says otherwise; an owned
 *   handle is set to NULL on failure. Predicates return bool.
 * - Times are int64_t nanoseconds on the monotonic clock. CF_FOREVER has no limit, 0 polls, a
 *   negative time has expired already; nothing overflows. A wait that times out cancels nothing.
 * - Enumerations come in as int and are checked: an unknown value is CF_INVALID_ARGUMENT.
 * - NULL is CF_INVALID_ARGUMENT unless the comment allows it. Predicates and getters accept NULL
 *   and give a neutral value. Wherever bytes come with a size, NULL is allowed when the size is 0.
 * - Functions that end in _new or _retain, and those that submit, give a reference; _free and
 *   _release give it back and accept NULL. A handle that comes from any other call is borrowed.
 *   Executors, futures and queues may be freed in any order. Two futures are the same if their
 *   pointers are equal.
 * - A callback that outlives its call comes as function, user data and destroy function. The
 *   destroy function may be NULL; it runs exactly once on every path, also when the call that takes
 *   it fails. No user code ever runs under a lock of the library. Callbacks and tasks must not
 *   throw or longjmp out of themselves, nor end their thread: a C++ exception that escapes one, or
 *   pthread_exit(), stops the program.
 * - Text is UTF-8 and ends with a NUL.
 * - Whatever does work is a real function: the macros are constants and attributes only.
 *
 * # Processes
 *
 * cf_process_pool_new() makes an executor whose tasks run in worker processes: for code that may
 * crash, leaks, is not thread-safe, or has to be killed. It is used like a thread pool, and a
 * program changes from one to the other in the line that makes it, if it minds these differences:
 *
 * - **Arguments and results are bytes.** They are copied between the processes, but not what they
 *   point to: a pointer in them means nothing on the other side. Use flat structs, offsets, or
 *   memory of cf_executor_shared_alloc(), which is passed and not copied. What needs one address
 *   space is CF_UNSUPPORTED: cf_executor_submit_owned(), cf_task_return_owned(),
 *   cf_executor_for_range().
 * - **Variables are the worker's own.** What a task changes outside of its result and of shared
 *   memory, no other worker and no caller sees, but a later task in the same worker does.
 * - **Handles stay behind.** An executor or a future in an argument is a pointer like any other and
 *   means nothing in a worker. What a forked worker has inherited, from before the pool was made,
 *   gives CF_FORKED there, also to a task that would wait for it. A task may make pools of its own,
 *   of both kinds.
 * - **Functions must be found.** A worker finds a task's function by the file that it was loaded
 *   from, this program or a shared library, and loads the library if need be. For code that lies
 *   in no file see cf_register_task(). What cannot be found is CF_UNKNOWN_FUNCTION, when it is
 *   submitted if that can be known, else as the outcome of the future.
 *
 * Start. Making a pool starts one small process with a single thread, a copy of which stands by;
 * all that these two do is to fork workers, when there are tasks for them and after deaths.
 * cf_options_set_start_method() says whether they begin as copies of this process or as a program
 * of their own. CF_START_AUTO, the default, forks if this process has no threads but the calling
 * one and those that serve process pools; else it spawns this program, if it has called
 * cf_worker_main(), or the helper that comes with the library; if there is neither, no pool is
 * made, and the error says what to do.
 *
 * What a worker inherits. The working directory and the environment as they were when the pool was
 * made. Forked, also the memory and the descriptors of that moment, so make the pool before files
 * and connections are opened that workers should not have; spawned, of the descriptors only the
 * standard output and error. The standard input is /dev/null. All signals but two, see below, have
 * their default actions, and none is blocked.
 *
 * Output. What a task prints to stdout is flushed when it has ended, so that nothing is lost and
 * nothing is printed twice.
 *
 * Crashes. A task that crashes, is killed from outside or calls exit() ends its own future with
 * CF_WORKER_DIED: cf_error_pid(), cf_error_signal() and cf_error_exit_code() say how. No other task
 * is harmed, none is run twice, and another worker takes the place. In a map it is the item that
 * fails. cf_options_set_on_worker_death() chooses Python's way instead, in which a death breaks the
 * pool. exit() runs none of the functions that this program gave to atexit(); quick_exit() does run
 * those of at_quick_exit(). A child that a task has forked is ended where it would return from the
 * task.
 *
 * Signals. Workers ignore SIGINT and SIGQUIT: Ctrl-C reaches this program only, and it decides what
 * to do with its pools. The library sets up no signal handler, and workers are no children of this
 * process: they raise no SIGCHLD, and wait() does not meet them; cf_options_set_start_method()
 * names one exception. When this process ends, however it ends, so do its workers.
 *
 * Futures. CF_STATE_RUNNING says that a worker has the task; until then it can be cancelled.
 * cf_future_kill() ends one that runs, with its worker.
 *
 * Size. A pool holds up to 1,048,576 tasks that have not ended. Beyond that, and at the limit of
 * its shared memory, submitting gives CF_NO_MEMORY, and works again when tasks have ended.
 *
 * # Waiting inside a pool
 *
 * A task may wait for other tasks, also of its own pool, and even if the pool has a single worker:
 * it cannot hang. This is about threads: a task in a worker process has no handle of another task
 * that it could wait for, unless it has made a pool itself.
 *
 * - A task that waits without a time limit for a future which has not started, of its own pool or
 *   of another thread pool without initializer, runs that one task itself, on its own stack; never
 *   any other task. What a worker has started is waited for.
 * - A wait that would close a cycle of tasks that wait for each other can never end. It returns
 *   CF_DEADLOCK at once, and the tasks go on: a task that gets it has to give up what it wanted to
 *   wait for. The same holds for a task that waits for itself, or for the end of its own pool.
 * - Where the task cannot be run on the spot (the wait has a time limit,
 *   cf_options_set_inline_wait() is off, or little of the stack is left) a spare worker stands in
 *   for the one that waits, up to the number of cf_options_set_max_spares(). Where that is not
 *   possible either, the wait returns CF_DEADLOCK.
 * - What a process pool runs or has queued is waited for, and a spare stands in meanwhile. Its
 *   tasks can wait for nothing in this process, so such a wait closes no cycle.
 *
 * A task that runs in a waiting one sees that thread's thread-local variables and signal mask, and
 * a recursive lock that the waiting task holds is open to it: do not wait while holding one, or
 * switch inline waiting off. cf_task_worker() tells it apart: a thread of another pool has no index
 * in the task's own. Callbacks count as part of the task on whose thread they run, and on the
 * callback thread of a process pool as tasks of their own. Waits that the library does not make,
 * such as those for a condition variable or a pipe, it cannot see.
 *
 * # Threads
 *
 * - Executors, futures and completion queues may be used from any number of threads at the same
 *   time. Only the call that gives a reference back needs that this reference is used by nobody
 *   else any more.
 * - Option objects have one user at a time; that is the caller's to see to. Iterators (cf_map,
 *   cf_completions) have one user at a time as well; a second one gets CF_INVALID_STATE.
 * - A cf_task belongs to the thread that runs the task.
 * - What a task wrote before it returned is seen by whoever has seen its future done; what was
 *   written before a submit is seen by the task.
 * - Done callbacks run on the thread that completes the future, in the order in which they were
 *   added: that of the worker, or of whoever cancels it. What a worker process completes is called
 *   back on one thread of the pool, future by future in the order in which they are done, so that a
 *   slow callback holds up no result, only the callbacks after it; one that waits for what a later
 *   callback of the pool is to do waits in vain.
 * - A process pool has two threads of its own: one that watches over the workers, and the callback
 *   thread.
 * - No function may be called in a signal handler. Worker threads block all signals, so that they
 *   reach the program's own threads.
 *
 * # Errors
 *
 * There is no "last error" of a thread. The status says what kind of failure it was; the detail is
 * a cf_error: the task's own code, a message, the index in a map. A future owns the error with
 * which it ended (cf_future_error()), an executor the one that broke it (cf_executor_error()), a
 * map those of its items. Calls that have no such object hand an error out through a cf_error **
 * parameter, which may be NULL: it is set to NULL on success, and after a failure it is the
 * caller's to free with cf_error_free(); only when memory has run out it stays NULL.
 * cf_error_message(NULL) is "". When a worker process has died, the error says which and how.
 *
 * A task's own code is never mixed up with a status: a task that returns 5 ends its future with
 * CF_TASK_FAILED, and cf_error_code() is 5.
 *
 * # Forks
 *
 * Threads do not live on in a forked child, and worker processes serve only the process that made
 * their pool. Every call in the child with a handle that the parent made returns CF_FORKED, or a
 * neutral value where there is no status, and never hangs; calls that give a handle back do
 * nothing. The child may make executors of its own. All this holds in worker processes that were
 * forked.
 */

#ifndef CFUTURES_H
#define CFUTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header; cf_version() is that of the library. A new one may change all. */
#define CF_VERSION_MAJOR 0
/** Its second part; while the first one is 0, a new one may change the interface. */
#define CF_VERSION_MINOR 1
/** Its third part; a new one changes no interface. */
#define CF_VERSION_PATCH 0
/** One number for comparisons: major << 16 | minor << 8 | patch. */
#define CF_VERSION_NUMBER (CF_VERSION_MAJOR << 16 | CF_VERSION_MINOR << 8 | CF_VERSION_PATCH)
/** The same as text. */
#define CF_VERSION_STRING "0.1.0"

/** A time without limit, in nanoseconds. */
#define CF_FOREVER INT64_MAX

/** The count of a cf_array that gives its first item for ever. */
#define CF_REPEAT SIZE_MAX

/** Marks what the library exports. */
#ifndef CF_API
#  if defined(__GNUC__)
#    define CF_API __attribute__((visibility("default")))
#  else
#    define CF_API
#  endif
#endif

/** Marks calls that may leave a handle unset. Define it as nothing to switch the warning off. */
#ifndef CF_NODISCARD
#  if defined(__GNUC__)
#    define CF_NODISCARD __attribute__((warn_unused_result))
#  else
#    define CF_NODISCARD
#  endif
#endif

/**
 * Why a call failed: the status, the task's own code, a message, the index, and how a process died.
 *
 * Python: an exception. See the chapter "Errors" for who owns it.
 */
typedef struct cf_error cf_error;

/** The running call, as its task sees it. Valid until the task function returns. */
typedef struct cf_task cf_task;

/**
 * What runs tasks: a pool of threads or of processes.
 *
 * Python: `concurrent.futures.Executor`. Made by cf_thread_pool_new() or cf_process_pool_new(),
 * given back by cf_executor_free().
 */
typedef struct cf_executor cf_executor;

/**
 * Options of an executor.
 *
 * Python: the keyword arguments of `ThreadPoolExecutor` and `ProcessPoolExecutor`. Made by
 * cf_options_new(), freed by cf_options_free().
 */
typedef struct cf_options cf_options;

/**
 * Options of one submit. None can be made in this release: pass NULL.
 *
 * The type is declared so that the options of a coming release need no other function.
 */
typedef struct cf_submit_options cf_submit_options;

/**
 * A call that has been submitted, and its outcome.
 *
 * Python: `concurrent.futures.Future`. Reference-counted: submitting gives one reference,
 * cf_future_retain() another, cf_future_release() gives one back.
 */
typedef struct cf_future cf_future;

/**
 * An iterator over futures in the order in which they are done.
 *
 * Python: what `as_completed` returns. Made by cf_as_completed(), freed by cf_completions_free().
 */
typedef struct cf_completions cf_completions;

/**
 * A queue of futures that are done, for many producers and consumers.
 *
 * Made by cf_completion_queue_new(), freed by cf_completion_queue_free().
 */
typedef struct cf_completion_queue cf_completion_queue;

/**
 * Options of a map.
 *
 * Python: the keyword arguments of `Executor.map`. Made by cf_map_options_new(), freed by
 * cf_map_options_free().
 */
typedef struct cf_map_options cf_map_options;

/**
 * A map that runs, and the iterator over its outcomes.
 *
 * Python: what `Executor.map` returns. Made by cf_executor_map(), freed by cf_map_free().
 */
typedef struct cf_map cf_map;

/**
 * What a call says of itself: 0 is success, errors are negative.
 *
 * The meaning of each value is the same in every function; a function's own comment lists which of
 * them it can return. cf_status_name() and cf_status_message() turn a value into text.
 */
typedef enum cf_status {
  /** Success. */
  CF_OK = 0,
  /** The wait timed out; the work goes on. */
  CF_TIMEOUT = -1,
  /** The future was cancelled. */
  CF_CANCELLED = -2,
  /** The task failed with a code of its own, see cf_error_code(). */
  CF_TASK_FAILED = -3,
  /** The worker process that ran the task died; pid, signal and exit code are in the error. */
  CF_WORKER_DIED = -4,
  /** The pool is broken: an initializer failed, or a worker died that was not to be replaced. */
  CF_BROKEN_POOL = -5,
  /** Submitted after shutdown. */
  CF_SHUTDOWN = -6,
  /** The task's own queue or run deadline passed; for later, nothing gives it yet. */
  CF_DEADLINE = -7,
  /**
   * This wait could never end: it would close a cycle of waiting tasks, or join the caller itself.
   */
  CF_DEADLOCK = -8,
  /** The bounded queue is full; for later, nothing gives it yet. */
  CF_WOULD_BLOCK = -9,
  /** An iterator or queue has nothing more to give. */
  CF_END = -10,
  /** A NULL, unknown, overflowing or contradictory argument; nothing was changed. */
  CF_INVALID_ARGUMENT = -11,
  /** The object is not in a state that allows this call; nothing was changed. */
  CF_INVALID_STATE = -12,
  /** The handle belongs to the process that this one was forked from. */
  CF_FORKED = -13,
  /** Out of memory; nothing was changed. */
  CF_NO_MEMORY = -14,
  /** The operating system refused; errno is in the error. */
  CF_OS_ERROR = -15,
  /** Not possible with this kind of executor. */
  CF_UNSUPPORTED = -16,
  /** A bug in the library, contained. */
  CF_PANIC = -17,
  /** The result has another size than the caller's variable. */
  CF_SIZE_MISMATCH = -18,
  /** The worker processes cannot find this function, see cf_register_task(). */
  CF_UNKNOWN_FUNCTION = -19,
} cf_status;

/**
 * Where a future stands.
 *
 * It goes from PENDING to RUNNING to FINISHED or FAILED, or from PENDING to CANCELLED; the last
 * three are final. A future completed by hand may skip RUNNING, and cf_future_kill() leads from
 * RUNNING to CANCELLED.
 */
typedef enum cf_state {
  /** Not started yet; it can be cancelled. */
  CF_STATE_PENDING = 0,
  /** A worker, or a task that waits for it, runs it. */
  CF_STATE_RUNNING = 1,
  /** Done, with a result. */
  CF_STATE_FINISHED = 2,
  /** Done, with an error. */
  CF_STATE_FAILED = 3,
  /** Done, as it was cancelled before it started, or killed. */
  CF_STATE_CANCELLED = 4,
} cf_state;

/**
 * What cf_wait() waits for. Passed as int.
 *
 * Python: the constants `ALL_COMPLETED`, `FIRST_COMPLETED` and `FIRST_EXCEPTION`.
 */
typedef enum cf_return_when {
  /** Until all futures are done. */
  CF_ALL_COMPLETED = 0,
  /** Until one is done, however it ended. */
  CF_FIRST_COMPLETED = 1,
  /** Until one has failed, or all are done. A cancelled future is no failure. */
  CF_FIRST_EXCEPTION = 2,
} cf_return_when;

/**
 * How the workers of a process pool come to life. Passed as int.
 *
 * Python: the names that `multiprocessing.get_context` takes.
 */
typedef enum cf_start_method {
  /** A fork if that is safe, else a spawn. */
  CF_START_AUTO = 0,
  /** Copies of this process, as it was when the pool was made. */
  CF_START_FORK = 1,
  /** Fresh runs of a program: this one, or a helper. */
  CF_START_SPAWN = 2,
} cf_start_method;

/**
 * What happens to a process pool when one of its workers dies. Passed as int.
 *
 * Python: always CF_BREAK_POOL.
 */
typedef enum cf_on_worker_death {
  /** The task that it was running fails; another worker takes its place. */
  CF_REPLACE_WORKER = 0,
  /** The pool is broken; all that is not done fails. */
  CF_BREAK_POOL = 1,
} cf_on_worker_death;

/**
 * Ends the life of user data that a call or a future was given.
 *
 * Runs exactly once on every path, also when the call that takes it fails. It runs on the thread
 * that drops the last use: the caller of the function that failed, a thread of the executor, or
 * whoever releases the last reference; never under a lock of the library, and never in a worker
 * process, but for what a task there gives to cf_task_return_owned(). It may call the library. It
 * must not throw or longjmp.
 *
 * @param user_data  The pointer that was given with it.
 */
typedef void (*cf_free_fn)(void *user_data);

/**
 * A task: the function that a worker calls.
 *
 * It may block, submit to any executor and wait for any future (see "Waiting inside a pool"). A
 * result is given with cf_task_return(), cf_task_result_buffer() or cf_task_return_owned();
 * without one the result is empty. It must not throw or longjmp out of itself, nor end its thread.
 *
 * In a process pool it runs in a worker process: handles and pointers of the process that made the
 * pool mean nothing there (see "Processes"). What it does wrong ends that worker only.
 *
 * @param task      The running call; valid until the function returns.
 * @param arg       The task's own copy of the submitted bytes, 16-byte aligned, which it may
 *                  change; or the very pointer that was given to cf_executor_submit_owned(), or to
 *                  a process pool if it lies in its memory of cf_executor_shared_alloc().
 * @param arg_size  Size of the copy in bytes; 0 for cf_executor_submit_owned().
 * @return 0 for success; any other value fails the future with this code (CF_TASK_FAILED).
 */
typedef int32_t (*cf_task_fn)(cf_task *task, void *arg, size_t arg_size);

/**
 * Called once when a future is done, however it ended.
 *
 * It runs on the thread that completes the future: a worker, the caller of cf_future_cancel() or
 * of a by-hand setter; or at once in cf_future_add_done_callback() when the future is done
 * already. What a worker process completes is called back in the process that made the pool, on
 * the pool's callback thread. No lock is held: it may call everything, also wait (see "Waiting
 * inside a pool") and release the future. It must not throw or longjmp.
 *
 * @param future     The future, done. Borrowed for the call: retain it to keep it.
 * @param user_data  What was given to cf_future_add_done_callback().
 */
typedef void (*cf_done_fn)(cf_future *future, void *user_data);

/**
 * Called by cf_as_completed_each() for each future that is done, in the caller's thread.
 *
 * @param future     The future, done. Borrowed: it is the caller's own.
 * @param index      Its first position in the array.
 * @param user_data  What was given to cf_as_completed_each().
 * @return true to go on, false to stop.
 */
typedef bool (*cf_each_fn)(cf_future *future, size_t index, void *user_data);

/** One iterable of a map: item i is item_size bytes at data + i * stride. */
typedef struct cf_array {
  /** The first item. May be NULL when count or item_size is 0. */
  const void *data;
  /** Size of an item in bytes. */
  size_t item_size;
  /**
   * Alignment that the task needs, a power of two up to 16. 0: the largest one that divides
   * item_size.
   */
  size_t item_align;
  /** Bytes from one item to the next, at least item_size. 0: contiguous, item_size. */
  size_t stride;
  /** Number of items. CF_REPEAT: the first item for ever. */
  size_t count;
} cf_array;

/**
 * The outcome of one item of a map.
 *
 * Python: one step of the iterator that `Executor.map` returns.
 */
typedef struct cf_item {
  /** Position of the item in the input. */
  size_t index;
  /** CF_OK, or how this item ended: CF_TASK_FAILED, CF_CANCELLED, CF_WORKER_DIED, ... */
  cf_status status;
  /** The result, 16-byte aligned. NULL when the item failed. */
  const void *data;
  /** Size of the result in bytes. 0 when the item failed. */
  size_t size;
  /** Why the item failed, with code, message and index. NULL when it succeeded. */
  const cf_error *error;
} cf_item;

/**
 * A loop body over the indices from begin up to, but not including, end.
 *
 * @param task   The running call, as for a task; it takes no result.
 * @param begin  First index.
 * @param end    One more than the last index.
 * @param ctx    What was given to cf_executor_for_range(). All pieces share it, at the same time.
 * @return 0 for success; any other value fails the loop with this code (CF_TASK_FAILED).
 */
typedef int32_t (*cf_range_fn)(cf_task *task, size_t begin, size_t end, void *ctx);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ---------------------------------------------------------------------- Version, status, errors */

/**
 * Returns the version of the library that is linked at run time, as one number.
 *
 * Compare it with CF_VERSION_NUMBER, the version of this header, when the program may meet another
 * build of the library than it was compiled for.
 *
 * @return major << 16 | minor << 8 | patch.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `sys.version_info`.
 *
 * @code{.c}
 * if (cf_version() < CF_VERSION_NUMBER)
 *   fprintf(stderr, "libcfutures %s is older than its header\n", cf_version_string());
 * @endcode
 * @since 0.1
 */
CF_API uint32_t cf_version(void);

/**
 * Returns the version of the library that is linked at run time, as text.
 *
 * @return "major.minor.patch". Static, never NULL.
 *
 * Threads: any, at any time. Ownership: the text is static. Python: `platform.python_version()`.
 *
 * @code{.c}
 * printf("cfutures %s\n", cf_version_string());
 * @endcode
 * @since 0.1
 */
CF_API const char *cf_version_string(void);

/**
 * Returns the name of a status, such as "CF_TIMEOUT".
 *
 * @param status  A cf_status; any other value is accepted too.
 * @return The name, or "CF_UNKNOWN". Static, never NULL.
 *
 * Threads: any, at any time. Ownership: the text is static. Python: `type(exception).__name__`.
 *
 * @code{.c}
 * cf_status status = cf_future_result(future, 0, NULL, NULL);
 * if (status != CF_OK)
 *   printf("no result: %s\n", cf_status_name(status));
 * @endcode
 * @since 0.1
 */
CF_API const char *cf_status_name(int status);

/**
 * Returns what a status means, in words for a person.
 *
 * It says what kind of failure it was; what happened to one future stands in its cf_error.
 *
 * @param status  A cf_status; any other value is accepted too.
 * @return A sentence without a full stop, in English. Static, never NULL.
 *
 * Threads: any, at any time. Ownership: the text is static. Python: `str(exception)`.
 *
 * @code{.c}
 * cf_status status = cf_executor_shutdown(executor, true, false);
 * if (status != CF_OK)
 *   fprintf(stderr, "shutdown: %s\n", cf_status_message(status));
 * @endcode
 * @since 0.1
 */
CF_API const char *cf_status_message(int status);

/**
 * Returns what kind of failure an error describes.
 *
 * @param error  The error. May be NULL.
 * @return The status that the failed call returned, or the future ended with; CF_OK for NULL.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: the class of the exception.
 *
 * @code{.c}
 * if (cf_error_status(cf_future_error(future)) == CF_CANCELLED)
 *   puts("cancelled");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_error_status(const cf_error *error);

/**
 * Returns the number that came with a failure.
 *
 * @param error  The error. May be NULL.
 * @return For CF_TASK_FAILED the task's own code, never 0; for CF_BROKEN_POOL the code of the
 *         initializer if it failed, or the errno with which workers were refused; for CF_OS_ERROR
 *         the errno; otherwise 0.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `exception.args[0]`,
 * `OSError.errno`.
 *
 * @code{.c}
 * const cf_error *failure = cf_future_error(future);
 * if (cf_error_status(failure) == CF_TASK_FAILED)
 *   printf("the task returned %d\n", (int)cf_error_code(failure));
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_error_code(const cf_error *error);

/**
 * Returns what happened, in words for a person.
 *
 * @param error  The error. May be NULL.
 * @return The message given to cf_task_fail() or cf_future_set_exception(), else a text of the
 *         library. "" for NULL; never NULL. Valid as long as the error.
 *
 * Threads: any, at any time. Ownership: the text belongs to the error. Python: `str(exception)`.
 *
 * @code{.c}
 * if (cf_future_result(future, CF_FOREVER, NULL, NULL) != CF_OK)
 *   fprintf(stderr, "%s\n", cf_error_message(cf_future_error(future)));
 * @endcode
 * @since 0.1
 */
CF_API const char *cf_error_message(const cf_error *error);

/**
 * Returns the process id of the worker that died.
 *
 * @param error  The error. May be NULL.
 * @return The process id, or 0 when no process died; always 0 for a thread pool.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: the text of
 * `BrokenProcessPool`.
 *
 * @code{.c}
 * const cf_error *failure = cf_future_error(future);
 * if (cf_error_pid(failure) != 0)
 *   printf("worker %d died\n", (int)cf_error_pid(failure));
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_error_pid(const cf_error *error);

/**
 * Returns the signal that killed the worker.
 *
 * @param error  The error. May be NULL.
 * @return The signal's number, or 0 when no signal killed a process; always 0 for a thread pool.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: a negative
 * `multiprocessing.Process.exitcode`.
 *
 * @code{.c}
 * const cf_error *failure = cf_future_error(future);
 * if (cf_error_signal(failure) != 0)
 *   printf("killed by signal %d\n", (int)cf_error_signal(failure));
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_error_signal(const cf_error *error);

/**
 * Returns the exit code of the worker that died.
 *
 * @param error  The error. May be NULL.
 * @return The exit code, or -1 when it is not known or no process ended; always -1 for a thread
 *         pool.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python:
 * `multiprocessing.Process.exitcode`.
 *
 * @code{.c}
 * const cf_error *failure = cf_future_error(future);
 * if (cf_error_exit_code(failure) >= 0)
 *   printf("the worker called exit(%d)\n", (int)cf_error_exit_code(failure));
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_error_exit_code(const cf_error *error);

/**
 * Returns which item of a map, or which part of a loop, failed.
 *
 * @param error  The error. May be NULL.
 * @return For a map the position of the item, for cf_executor_for_range() the first index of the
 *         piece; otherwise, and for NULL, 0.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: the position at which the
 * iterator of `Executor.map` raised.
 *
 * @code{.c}
 * double roots[1000];
 * if (cf_executor_map_into(executor, task_root, numbers, sizeof numbers[0], 1000, NULL, roots,
 *                          sizeof roots[0], NULL, &error) != CF_OK)
 *   fprintf(stderr, "item %zu: %s\n", cf_error_index(error), cf_error_message(error));
 * cf_error_free(error);
 * @endcode
 * @since 0.1
 */
CF_API size_t cf_error_index(const cf_error *error);

/**
 * Frees an error that a call handed out through its `cf_error **` parameter.
 *
 * Errors that a future, an executor or a cf_item owns are borrowed: never free those.
 *
 * @param error  The error. May be NULL.
 *
 * Threads: any; nobody may use the error any more. Ownership: takes the error. Python: garbage
 * collection of an exception.
 *
 * @code{.c}
 * cf_executor *pool;
 * if (cf_thread_pool_new(0, &pool, &error) != CF_OK) {
 *   fprintf(stderr, "%s\n", cf_error_message(error));
 *   cf_error_free(error);
 * }
 * @endcode
 * @since 0.1
 */
CF_API void cf_error_free(cf_error *error);

/* ----------------------------------------------------------------------------------------- Time */

/**
 * Converts seconds to the nanoseconds that every wait takes.
 *
 * @param seconds  Any value: fractions, infinity and NaN too.
 * @return The nanoseconds; CF_FOREVER for infinity and whatever is too large; negative, which has
 *         expired already, for NaN and negative values.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: a `timeout` argument, where
 * `None` is CF_FOREVER.
 *
 * @code{.c}
 * if (cf_future_result(future, cf_seconds(0.5), NULL, NULL) == CF_TIMEOUT)
 *   puts("not done after half a second");
 * @endcode
 * @since 0.1
 */
CF_API int64_t cf_seconds(double seconds);

/* -------------------------------------------------------------------------------- Inside a task */

/**
 * Gives the task's result: a copy of some bytes.
 *
 * A second call, of this or another function that gives a result, replaces the first. Call it as
 * the last thing and return what it returns: then running out of memory is reported as well.
 *
 * @param task  The running call.
 * @param data  The result. May be NULL when size is 0.
 * @param size  Its size in bytes; up to 16 bytes need no allocation.
 * @return 0;
 *         CF_INVALID_ARGUMENT: task is NULL, or data is NULL and size is not 0; nothing changes;
 *         or another code for the task to return, and whatever it returns the call has failed:
 *         with CF_NO_MEMORY, with CF_SIZE_MISMATCH when the caller of cf_executor_map_into()
 *         expects another size, with CF_UNSUPPORTED in a loop body, which has no result.
 *
 * Threads: the one that runs the task. Ownership: the bytes are copied. Python: `return value`.
 *
 * @code{.c}
 * static int32_t task_twice(cf_task *task, void *arg, size_t arg_size) {
 *   int twice = 2 * *(int *)arg;
 *   (void)arg_size;
 *   return cf_task_return(task, &twice, sizeof twice);
 * }
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_task_return(cf_task *task, const void *data, size_t size);

/**
 * Gives the task a buffer to write its result into.
 *
 * What stands in the buffer when the task returns 0 is the result. It replaces a result given
 * before.
 *
 * @param task  The running call.
 * @param size  Size of the result in bytes.
 * @return The buffer; valid until the task returns or gives another result. 16-byte aligned and
 *         zeroed, but in cf_executor_map_into() the item's place in the caller's array as it is.
 *         Of a size that the caller of cf_executor_map_into() does not expect, and in a loop body,
 *         it can be written to, but the call fails as for cf_task_return(). NULL: out of memory,
 *         and the call fails with CF_NO_MEMORY, whatever the task returns; or, with nothing
 *         changed, task is NULL or no object can have the size.
 *
 * Threads: the one that runs the task. Ownership: the buffer belongs to the future. Python:
 * `return value`, without the copy.
 *
 * @code{.c}
 * static int32_t task_row(cf_task *task, void *arg, size_t arg_size) {
 *   double *row = cf_task_result_buffer(task, 640 * sizeof *row);
 *   if (row == NULL || arg_size != sizeof(int))
 *     return 1;
 *   for (int x = 0; x < 640; x++)
 *     row[x] = x * 0.5 + *(int *)arg;
 *   return 0;
 * }
 * @endcode
 * @since 0.1
 */
CF_API void *cf_task_result_buffer(cf_task *task, size_t size);

/**
 * Gives the task's result: an object that the future owns from now on.
 *
 * For results that own memory of their own, such as a list or an open file. It is read with
 * cf_future_result_object(); cf_future_result() and cf_item give its address too, with size 0. Only
 * in thread pools: out of a worker process no object can be handed, only bytes.
 *
 * @param task     The running call.
 * @param object   The object. May be NULL.
 * @param destroy  Ends its life; runs exactly once: at the last release of the future, when
 *                 another result replaces it, when the task fails after all, or when this call
 *                 fails; in an initializer, whose result is not used, at once. May be NULL.
 * @return 0;
 *         CF_INVALID_ARGUMENT: task is NULL;
 *         or another code for the task to return, and whatever it returns the call has failed:
 *         with CF_NO_MEMORY, or with CF_UNSUPPORTED where there is no place for an object: in a
 *         process pool, in cf_executor_map_into() and in a loop body.
 *
 * Threads: the one that runs the task. Ownership: takes the object, also when it fails. Python:
 * `return an_object`.
 *
 * @code{.c}
 * static int32_t task_read(cf_task *task, void *arg, size_t arg_size) {
 *   char *text = malloc(arg_size + 1);
 *   if (text == NULL)
 *     return cf_task_fail(task, 1, "no memory for the text");
 *   memcpy(text, arg, arg_size);
 *   text[arg_size] = '\0';
 *   return cf_task_return_owned(task, text, free);
 * }
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_task_return_owned(cf_task *task, void *object, cf_free_fn destroy);

/**
 * Fails the task with a code and a message.
 *
 * Final: what the task returns or gives as a result after it changes nothing. Call it as the last
 * thing and return what it returns.
 *
 * @param task     The running call.
 * @param code     The task's own code, see cf_error_code(). 0 would be success and is taken as -1.
 * @param message  UTF-8 text for a person, copied; from a worker process at most 64 KiB of it. May
 *                 be NULL.
 * @return The code, never 0; CF_INVALID_ARGUMENT when task is NULL.
 *
 * Threads: the one that runs the task. Ownership: the message is copied. Python: `raise`.
 *
 * @code{.c}
 * static int32_t task_divide(cf_task *task, void *arg, size_t arg_size) {
 *   const int *pair = arg;
 *   if (arg_size != 2 * sizeof *pair || pair[1] == 0)
 *     return cf_task_fail(task, 33, "division by zero");
 *   int quotient = pair[0] / pair[1];
 *   return cf_task_return(task, &quotient, sizeof quotient);
 * }
 * @endcode
 * @since 0.1
 */
CF_API int32_t cf_task_fail(cf_task *task, int32_t code, const char *message);

/**
 * Returns the position of the running task among those submitted together.
 *
 * @param task  The running call. May be NULL.
 * @return The position in a map or in cf_executor_submit_many(), counted from 0; the first index of
 *         the piece in cf_executor_for_range(); otherwise, and for NULL, 0.
 *
 * Threads: the one that runs the task. Ownership: nothing changes hands. Python: `enumerate` over
 * the arguments of `Executor.map`.
 *
 * @code{.c}
 * size_t i = cf_task_index(task);
 * return cf_task_return(task, &i, sizeof i);
 * @endcode
 * @since 0.1
 */
CF_API size_t cf_task_index(const cf_task *task);

/**
 * Returns what all items of the running map share.
 *
 * @param task  The running call. May be NULL.
 * @return The pointer that was given to cf_map_options_set_context(), in a process pool one to the
 *         copy of the bytes, in cf_executor_for_range() its ctx; NULL without one, outside of both
 *         and for NULL.
 *
 * Threads: the one that runs the task; other items of the map use the context at the same time.
 * Ownership: nothing changes hands. Python: `functools.partial(fn, context)`.
 *
 * @code{.c}
 * const double *factor = cf_task_context(task);
 * double product = *(double *)arg * *factor;
 * return cf_task_return(task, &product, sizeof product);
 * @endcode
 * @since 0.1
 */
CF_API void *cf_task_context(const cf_task *task);

/**
 * Returns which worker of its pool runs the task.
 *
 * No two tasks that run at the same time have the same index, except where one waits for the
 * other: use it to choose one of several caches or output files. A worker process that replaces
 * another has its index.
 *
 * @param task  The running call. May be NULL.
 * @return The worker's index in its pool, counted from 0. UINT32_MAX when the thread is no worker
 *         of the task's pool (see "Waiting inside a pool"), and for NULL.
 *
 * Threads: the one that runs the task. Ownership: nothing changes hands. Python: the number in
 * `threading.current_thread().name` or `multiprocessing.current_process().name`.
 *
 * @code{.c}
 * printf("worker %u took %d\n", (unsigned)cf_task_worker(task), *(int *)arg);
 * @endcode
 * @since 0.1
 */
CF_API uint32_t cf_task_worker(const cf_task *task);

/**
 * Returns the name of the worker that runs the task.
 *
 * @param task  The running call. May be NULL.
 * @return "<prefix>_<index>", see cf_options_set_name(); "" when the thread is no worker of the
 *         task's pool, and for NULL. Valid while the task runs; never NULL.
 *
 * Threads: the one that runs the task. Ownership: the text belongs to the worker. Python:
 * `threading.current_thread().name`.
 *
 * @code{.c}
 * printf("%s took %d\n", cf_task_worker_name(task), *(int *)arg);
 * @endcode
 * @since 0.1
 */
CF_API const char *cf_task_worker_name(const cf_task *task);

/* ------------------------------------------------------------------------------------ Executors */

/**
 * Makes a thread pool.
 *
 * Workers start on demand, one for each task that finds none idle, and stay until the pool ends.
 * Tasks from outside the pool start in the order of submission; what tasks submit may overtake
 * them. For names, initializers and other choices see
 * cf_thread_pool_new_with().
 *
 * @param max_workers  How many tasks may run at the same time. 0: the smaller of 32 and 4 more
 *                     than the CPUs that this process may use, as affinity and control groups
 *                     allow.
 * @param out          Receives the pool; NULL on failure.
 * @param error        Receives what went wrong; NULL on success. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_ARGUMENT: out is NULL, or more workers than the library can count;
 *         CF_NO_MEMORY;
 *         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
 *
 * Threads: any, at any time. Ownership: the caller owns the pool, see cf_executor_free(), and the
 * error, see cf_error_free(). Python: `ThreadPoolExecutor(max_workers)`.
 *
 * @code{.c}
 * cf_executor *pool;
 * if (cf_thread_pool_new(4, &pool, NULL) == CF_OK) {
 *   if (cf_executor_submit(pool, task_print, "hello", 6, NULL) != CF_OK)
 *     puts("not submitted");
 *   cf_executor_free(pool);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_thread_pool_new(size_t max_workers, cf_executor **out,
                                                 cf_error **error);

/**
 * Makes a set of options with default values.
 *
 * @param out  Receives the options; NULL on failure.
 * @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
 *
 * Threads: any, at any time. Ownership: the caller owns the options, see cf_options_free().
 * Python: the keyword arguments of `ThreadPoolExecutor` and `ProcessPoolExecutor`.
 *
 * @code{.c}
 * cf_options *o;
 * cf_executor *pool = NULL;
 * if (cf_options_new(&o) == CF_OK) {
 *   cf_options_set_max_workers(o, 4);
 *   cf_options_set_name(o, "decode");
 *   if (cf_thread_pool_new_with(o, &pool, NULL) != CF_OK)
 *     puts("no pool");
 *   cf_options_free(o);
 * }
 * cf_executor_free(pool);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_options_new(cf_options **out);

/**
 * Frees options. Executors that were made with them keep what they need.
 *
 * @param options  The options. May be NULL.
 *
 * Threads: any; nobody may use the options any more. Ownership: takes the options. Python: garbage
 * collection.
 *
 * @code{.c}
 * cf_options_free(options);
 * @endcode
 * @since 0.1
 */
CF_API void cf_options_free(cf_options *options);

/**
 * Sets how many tasks may run at the same time.
 *
 * The default of a thread pool is the smaller of 32 and 4 more than the CPUs that this process may
 * use, that of a process pool their number.
 *
 * @param options      The options.
 * @param max_workers  At least 1. A process pool with more than 1024 cannot be made.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, 0 workers, or more than the library can
 *         count.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `ThreadPoolExecutor(max_workers=n)`, where 0 is refused as well.
 *
 * @code{.c}
 * cf_options_set_max_workers(options, 8);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_max_workers(cf_options *options, size_t max_workers);

/**
 * Sets what the workers are called: "<prefix>_0", "<prefix>_1" and so on.
 *
 * The default prefix is "ThreadPoolExecutor-<k>" or "ProcessPoolExecutor-<k>", where k counts the
 * pools of the kind that have no name of their own, from 0. The system's name of the thread or
 * process, as shown by top and debuggers, has room for 15 bytes: a longer prefix is cut there so
 * that "_0", "_1" and so on remain, and the default of threads is "cf-<k>_0" and so on.
 *
 * @param options  The options.
 * @param prefix   UTF-8 text, copied.
 * @return CF_OK; CF_INVALID_ARGUMENT: a NULL argument; CF_NO_MEMORY.
 *
 * Threads: one at a time for the same options. Ownership: the text is copied. Python:
 * `ThreadPoolExecutor(thread_name_prefix=...)`; `ProcessPoolExecutor` has no such thing.
 *
 * @code{.c}
 * cf_options_set_name(options, "decode");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_name(cf_options *options, const char *prefix);

/**
 * Sets a function that each worker calls once, before its first task.
 *
 * If it fails the pool is broken: everything that has not started ends with CF_BROKEN_POOL, later
 * submits return it, and cf_executor_error() has the message that the initializer gave to
 * cf_task_fail(). In a thread pool tasks that run go on; in a process pool their workers are killed
 * and they end with CF_BROKEN_POOL too. A worker that replaces a dead one calls it as well.
 *
 * @param options   The options.
 * @param function  The initializer. It runs like a task; its result is not used.
 * @param arg       Its argument, copied now; each worker gets a copy of its own. A pointer in it
 *                  means nothing to a worker process. May be NULL when arg_size is 0.
 * @param arg_size  Size of the argument in bytes.
 * @return CF_OK; CF_INVALID_ARGUMENT: options or function is NULL, or NULL bytes with a size;
 *         CF_NO_MEMORY.
 *
 * Threads: one at a time for the same options. Ownership: the argument is copied. Python:
 * `ThreadPoolExecutor(initializer=function, initargs=(arg,))`, and `ProcessPoolExecutor` likewise.
 *
 * @code{.c}
 * unsigned seed = 42;
 * cf_options_set_initializer(options, task_seed, &seed, sizeof seed);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_initializer(cf_options *options, cf_task_fn function,
                                            const void *arg, size_t arg_size);

/**
 * Sets the size of each worker's stack.
 *
 * A task that waits for a pending one may run it on its own stack (see "Waiting inside a pool"),
 * so leave room for what tasks wait on. Memory is used only as the stack grows. An option of thread
 * pools: a process pool made with it gives CF_UNSUPPORTED.
 *
 * @param options  The options.
 * @param bytes    Size in bytes, rounded up as the system asks for. The default is 8 MiB.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or a size that no thread can have.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `threading.stack_size(bytes)`.
 *
 * @code{.c}
 * cf_options_set_stack_size(options, (size_t)64 << 20);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_stack_size(cf_options *options, size_t bytes);

/**
 * Sets how many spare workers may stand in for tasks that wait.
 *
 * A spare starts when a task waits in a way that lets it run nothing itself (see "Waiting inside a
 * pool"). Never do more than max_workers tasks run, as the one that waits does not. An option of
 * thread pools: a process pool made with it gives CF_UNSUPPORTED.
 *
 * @param options     The options.
 * @param max_spares  Largest number at the same time; 0 for none. The default is 64.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or more than the library can count.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
 * equivalent; there a pool whose tasks wait for each other can hang.
 *
 * @code{.c}
 * cf_options_set_max_spares(options, 4);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_max_spares(cf_options *options, size_t max_spares);

/**
 * Sets whether a task that waits for a pending task of the pool may run it itself.
 *
 * Switch it off when tasks depend on the thread they run on, or hold recursive locks while they
 * wait. A spare worker then stands in for the one that waits. An option of thread pools: a process
 * pool made with it gives CF_UNSUPPORTED.
 *
 * @param options  The options.
 * @param on       The default is true.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
 * equivalent; there a pool whose tasks wait for each other can hang.
 *
 * @code{.c}
 * cf_options_set_inline_wait(options, false);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_inline_wait(cf_options *options, bool on);

/**
 * Makes a thread pool with options.
 *
 * The options are read now and may be changed, used again or freed afterwards.
 *
 * @param options  The options. May be NULL: the defaults.
 * @param out      Receives the pool; NULL on failure.
 * @param error    Receives what went wrong; NULL on success. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_ARGUMENT: out is NULL;
 *         CF_UNSUPPORTED: an option that a thread pool does not have, named in the error;
 *         CF_NO_MEMORY;
 *         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
 *
 * Threads: any; nobody may change the options meanwhile. Ownership: the caller owns the pool, see
 * cf_executor_free(), and the error, see cf_error_free(). Python: `ThreadPoolExecutor(...)`.
 *
 * @code{.c}
 * cf_executor *pool;
 * if (cf_thread_pool_new_with(options, &pool, &error) != CF_OK) {
 *   fprintf(stderr, "%s\n", cf_error_message(error));
 *   cf_error_free(error);
 * }
 * cf_executor_free(pool);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_thread_pool_new_with(const cf_options *options, cf_executor **out,
                                                      cf_error **error);

/* -------------------------------------------------------------------------------- Process pools */

/**
 * Makes a pool of worker processes. A pointer inside an argument means nothing to them!
 *
 * The bytes of an argument are copied to the worker, but not what they point to. A task that
 * follows such a pointer crashes, or reads something else; under CF_START_FORK it may even work
 * by chance, for what was there before the pool. Put everything into one flat struct as below,
 * write offsets in place of pointers, or let the pointers lead into memory of
 * cf_executor_shared_alloc(), which has the same address in every worker. The same holds for
 * results.
 *
 * Otherwise the pool is used as one of threads: only this line changes. A task that crashes or
 * calls exit() fails its own future with CF_WORKER_DIED, and its worker is replaced. Workers start
 * on demand, and die with this process, however it ends. The chapter "Processes" says how they
 * start and what they inherit; for other choices see cf_process_pool_new_with().
 *
 * @param max_workers  How many tasks may run at the same time, at most 1024. 0: the CPUs that this
 *                     process may use, as affinity and control groups allow.
 * @param out          Receives the pool; NULL on failure.
 * @param error        Receives what went wrong; NULL on success. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_ARGUMENT: out is NULL, or more workers than a pool can have;
 *         CF_UNSUPPORTED: this program has other threads, so it cannot be forked, and there is no
 *         program for the workers to run; the error says what to do;
 *         CF_NO_MEMORY: also when the shared memory is refused;
 *         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
 *
 * Threads: any, at any time, tasks of a process pool included; early, before the program starts
 * threads of its own, is best. Ownership: the caller owns the pool, see cf_executor_free(), and the
 * error, see cf_error_free(). Python: `ProcessPoolExecutor(max_workers)`.
 *
 * @code{.c}
 * struct job { // flat: the text lies in the struct, not behind a pointer
 *   int width, height;
 *   char title[32];
 * };
 * static int32_t task_area(cf_task *task, void *arg, size_t arg_size) {
 *   const struct job *job = arg;
 *   int area = job->width * job->height;
 *   printf("%s, %zu bytes\n", job->title, arg_size);
 *   return cf_task_return(task, &area, sizeof area);
 * }
 * static void print_area(void) {
 *   struct job job = { 640, 480, "night" };
 *   cf_executor *pool;
 *   cf_future *f;
 *   int area;
 *   if (cf_process_pool_new(0, &pool, NULL) != CF_OK)
 *     return;
 *   if (cf_executor_submit(pool, task_area, &job, sizeof job, &f) == CF_OK) {
 *     if (cf_future_result_into(f, CF_FOREVER, &area, sizeof area) == CF_OK)
 *       printf("%d\n", area);
 *     cf_future_release(f);
 *   }
 *   cf_executor_free(pool);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_process_pool_new(size_t max_workers, cf_executor **out,
                                                  cf_error **error);

/**
 * Makes a pool of worker processes with options.
 *
 * The options are read now and may be changed, used again or freed afterwards. For what arguments
 * may hold see cf_process_pool_new().
 *
 * @param options  The options. May be NULL: the defaults.
 * @param out      Receives the pool; NULL on failure.
 * @param error    Receives what went wrong; NULL on success. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_ARGUMENT: out is NULL, more than 1024 workers, or options that contradict
 *         each other, named in the error;
 *         CF_UNSUPPORTED: an option that a process pool does not have, named in the error; or the
 *         workers cannot be started in the way that was asked for, and the error says what to do;
 *         CF_UNKNOWN_FUNCTION: the workers cannot find the initializer, see cf_register_task();
 *         CF_NO_MEMORY: also when the limit of shared memory is too small for any pool;
 *         CF_OS_ERROR: the system refused what the pool needs, errno is the error's code.
 *
 * Threads: any; nobody may change the options meanwhile. Ownership: the caller owns the pool, see
 * cf_executor_free(), and the error, see cf_error_free(). Python: `ProcessPoolExecutor(...)`.
 *
 * @code{.c}
 * cf_executor *pool;
 * cf_options_set_start_method(options, CF_START_SPAWN);
 * if (cf_process_pool_new_with(options, &pool, &error) != CF_OK) {
 *   fprintf(stderr, "%s\n", cf_error_message(error));
 *   cf_error_free(error);
 * }
 * cf_executor_free(pool);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_process_pool_new_with(const cf_options *options, cf_executor **out,
                                                       cf_error **error);

/**
 * Lets the workers of spawned pools run this very program. Call it first thing in main().
 *
 * In an ordinary process it returns at once. In a process that a pool has started it serves the
 * pool and never returns: whatever main() does before it is done in such processes too, so print
 * nothing and start no thread there. Only cf_register_task() belongs before it.
 *
 * Without it a spawned pool runs the helper `cfutures-worker`, which comes with the library and
 * knows only the functions of shared libraries.
 *
 * Threads: the main thread, before the program has started others: another one may take the signal
 * that tells of a worker's death. Ownership: nothing changes hands. Python:
 * `if __name__ == "__main__":` and `multiprocessing.freeze_support()`.
 *
 * @code{.c}
 * static int my_main(int argc, char **argv) { // the program's main()
 *   cf_worker_main();
 *   printf("%s is no worker, it has %d arguments\n", argv[0], argc - 1);
 *   return 0;
 * }
 * @endcode
 * @since 0.1
 */
CF_API void cf_worker_main(void);

/**
 * Gives a function a name by which worker processes find it.
 *
 * Most functions need none: a worker finds a function of the program or of a shared library,
 * static or not, by the file that it was loaded from. A name is for those that no loader knows,
 * such as code that was made at run time. The worker must have given the same name to its own copy
 * of the function: with CF_START_FORK register before the pool is made, with CF_START_SPAWN before
 * cf_worker_main() or in a constructor of a library.
 *
 * @param name      UTF-8 text of 1 to 463 bytes, copied. It is best to begin with the program's
 *                  name.
 * @param function  The task, or an initializer.
 * @return CF_OK; also for the same function and name again;
 *         CF_INVALID_STATE: another function has this name;
 *         CF_NO_MEMORY: also when there are 1024 names already;
 *         CF_INVALID_ARGUMENT: a NULL argument, or a name that is empty or too long.
 *
 * Threads: any, at any time. Ownership: the text is copied; the name stays for the life of the
 * process, and so must the function. Python: has no equivalent; functions are pickled by their
 * qualified name.
 *
 * @code{.c}
 * if (cf_register_task("photos.square", task_square) != CF_OK)
 *   puts("the name is taken");
 * cf_worker_main();
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_register_task(const char *name, cf_task_fn function);

/**
 * Sets how the workers of a process pool come to life.
 *
 * | method         | a worker begins as                                                        |
 * |----------------|---------------------------------------------------------------------------|
 * | CF_START_FORK  | a copy of this process, with its memory as it was when the pool was made   |
 * | CF_START_SPAWN | a fresh run of this program, see cf_worker_main(), or of a worker program  |
 * | CF_START_AUTO  | a fork if that is safe, else a spawn                                       |
 *
 * A fork is safe while this process has no threads but the calling one and those by which the
 * library watches its process pools; the workers of a thread pool count as threads of the
 * program. If it has others, CF_START_AUTO spawns: this program if it has called
 * cf_worker_main(), else the worker program; and if there is neither, making the pool fails with
 * CF_UNSUPPORTED and an error that says what to do. CF_START_FORK forks in any case: a lock that
 * another thread held at that moment stays locked in every worker for ever, and the program may
 * see one SIGCHLD while the pool is made.
 *
 * A fork copies the page tables: making a pool takes tens of milliseconds longer for each GiB that
 * this process has touched. A spawn takes as long in a large process as in a small one.
 *
 * @param options  The options.
 * @param method   A cf_start_method. The default is CF_START_AUTO.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or the method is unknown.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`.
 *
 * @code{.c}
 * cf_options_set_start_method(options, CF_START_SPAWN);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_start_method(cf_options *options, int method);

/**
 * Sets the program that the workers of a spawned pool run.
 *
 * It must call cf_worker_main() and use the same version of the library. Unless it is this very
 * program, it knows only functions of shared libraries, which it loads when a task needs them:
 * submitting any other gives CF_UNKNOWN_FUNCTION. The default is this program if it has called
 * cf_worker_main(), else the helper `cfutures-worker`: where the environment variable
 * CFUTURES_WORKER_PROGRAM says, or near the library, or where it was installed.
 *
 * @param options  The options.
 * @param path     UTF-8 text, copied: the path of the program. PATH is not searched.
 * @return CF_OK; CF_INVALID_ARGUMENT: a NULL argument or an empty path; CF_NO_MEMORY. That there is
 *         no such program shows when the pool is made: CF_UNSUPPORTED. So does CF_START_FORK,
 *         which runs no program: CF_INVALID_ARGUMENT. CF_START_AUTO uses it only where it spawns.
 *
 * Threads: one at a time for the same options. Ownership: the text is copied. Python:
 * `multiprocessing.set_executable(path)`.
 *
 * @code{.c}
 * cf_options_set_start_method(options, CF_START_SPAWN);
 * cf_options_set_worker_program(options, "/usr/libexec/photos-worker");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_worker_program(cf_options *options, const char *path);

/**
 * Sets after how many tasks a worker process is replaced by a fresh one.
 *
 * For tasks that leak memory or leave other traces. A chunk of a map counts as one task. No task
 * notices: the worker leaves between two of them.
 *
 * @param options    The options.
 * @param max_tasks  At least 1. By default a worker stays until the pool ends.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 tasks.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `ProcessPoolExecutor(max_tasks_per_child=n)`, which there excludes the fork method.
 *
 * @code{.c}
 * cf_options_set_max_tasks_per_child(options, 1000);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_max_tasks_per_child(cf_options *options, size_t max_tasks);

/**
 * Sets what happens to a process pool when one of its workers dies.
 *
 * @param options  The options.
 * @param policy   A cf_on_worker_death. CF_REPLACE_WORKER, the default: the task that the worker
 *                 was running ends with CF_WORKER_DIED, and all else goes on. CF_BREAK_POOL: the
 *                 pool is broken, and everything that is not done ends with CF_BROKEN_POOL. A death
 *                 that cf_future_kill() or the limit of tasks has brought about breaks nothing.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or the policy is unknown.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python: always as
 * CF_BREAK_POOL, with `BrokenProcessPool`.
 *
 * @code{.c}
 * cf_options_set_on_worker_death(options, CF_BREAK_POOL);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_on_worker_death(cf_options *options, int policy);

/**
 * Sets how much memory a process pool may share with its workers.
 *
 * In it lie the queue, arguments and results too large for the queue, until the task or the future
 * is gone, and what cf_executor_shared_alloc() gives. When it is used up, submitting gives
 * CF_NO_MEMORY, and a task that cannot store its result ends with it; nothing else is harmed.
 *
 * @param options  The options.
 * @param bytes    At least 1; below a few MiB no pool can be made. Memory is taken from the system
 *                 only as it is needed. The default is half of what the machine or the control
 *                 group has to spare when the pool is made.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 bytes.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python: has no
 * equivalent; there everything goes through pipes.
 *
 * @code{.c}
 * cf_options_set_shared_memory_limit(options, (size_t)512 << 20);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_shared_memory_limit(cf_options *options, size_t bytes);

/**
 * Sets how much memory each worker process may have for itself.
 *
 * A task that asks for more gets NULL from malloc(), in its own worker only. What counts is the
 * writable memory of the process, RLIMIT_DATA, beyond what it begins with; the memory that it
 * shares with the pool does not count.
 *
 * @param options  The options.
 * @param bytes    At least 1. There is no limit by default.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or 0 bytes.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `resource.setrlimit(RLIMIT_DATA, ...)` in the initializer.
 *
 * @code{.c}
 * cf_options_set_worker_memory_limit(options, (size_t)2 << 30);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_options_set_worker_memory_limit(cf_options *options, size_t bytes);

/* ----------------------------------------------------------------------------------- Submitting */

/**
 * Submits a call of a function, with a copy of its argument.
 *
 * It returns at once. Tasks that are submitted from outside the pool start in the order of
 * submission. *out is written before the task can start. In a process pool a pointer inside the
 * argument means nothing to the task, see cf_process_pool_new().
 *
 * @param executor  The executor.
 * @param function  The task.
 * @param arg       Its argument, copied, of any size; up to 16 bytes need no allocation. What lies
 *                  in a process pool's memory of cf_executor_shared_alloc() is passed to it and not
 *                  copied. May be NULL when arg_size is 0.
 * @param arg_size  Size of the argument in bytes.
 * @param out       Receives the future; NULL on failure. May be NULL: then nobody hears of the
 *                  result.
 * @return CF_OK;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
 *         fails during this very call;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED, CF_INVALID_ARGUMENT. After a failure nothing has been submitted.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the argument is
 * copied; the caller owns one reference to the future, see cf_future_release(). Python:
 * `Executor.submit(function, arg)`.
 *
 * @code{.c}
 * int n = 7, n_squared;
 * cf_future *f;
 * if (cf_executor_submit(executor, task_square, &n, sizeof n, &f) == CF_OK) {
 *   if (cf_future_result_into(f, CF_FOREVER, &n_squared, sizeof n_squared) == CF_OK)
 *     printf("%d\n", n_squared);
 *   cf_future_release(f);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_submit(cf_executor *executor, cf_task_fn function,
                                                 const void *arg, size_t arg_size, cf_future **out);

/**
 * Submits a call of a function, with an argument that is passed as it is.
 *
 * The task gets the very pointer, with size 0, and reads and changes the object without a copy.
 * *out is written before the task can start. Tasks of a process pool cannot: they run where the
 * object is not.
 *
 * @param executor  The executor: a thread pool.
 * @param function  The task.
 * @param arg       Its argument. May be NULL.
 * @param free_arg  Ends the argument's life; runs exactly once: after the task, when the task is
 *                  cancelled, or when this call fails. May be NULL.
 * @param options   NULL: there are no options for a task in this release.
 * @param out       Receives the future; NULL on failure. May be NULL: then nobody hears of the
 *                  result.
 * @return CF_OK;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
 *         fails during this very call;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNSUPPORTED: a process pool, whose tasks run in other processes;
 *         CF_NO_MEMORY;
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED;
 *         CF_INVALID_ARGUMENT: executor or function is NULL, or options is not. After a failure
 *         nothing has been submitted.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: takes the argument,
 * also when it fails; the caller owns one reference to the future, see cf_future_release().
 * Python: `Executor.submit(function, arg)` with an object as argument.
 *
 * @code{.c}
 * char *line = malloc(6);
 * if (line != NULL) {
 *   memcpy(line, "hello", 6);
 *   if (cf_executor_submit_owned(executor, task_print, line, free, NULL, NULL) != CF_OK)
 *     puts("not submitted, and the line is freed");
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_submit_owned(cf_executor *executor, cf_task_fn function,
                                                       void *arg, cf_free_fn free_arg,
                                                       const cf_submit_options *options,
                                                       cf_future **out);

/**
 * Submits many calls of a function at once, each with its own argument.
 *
 * Cheaper than as many calls of cf_executor_submit(). cf_task_index() tells a task its position.
 * Either all are accepted or, when memory runs out or somebody shuts the executor down half-way,
 * the first *submitted of them.
 *
 * @param executor   The executor.
 * @param function   The task.
 * @param args       count arguments of arg_size bytes side by side, copied. May be NULL when
 *                   arg_size or count is 0.
 * @param arg_size   Size of one argument in bytes.
 * @param count      Number of tasks. 0 is allowed.
 * @param out        Room for count futures: the first *submitted are valid, the rest NULL; not
 *                   written when count * arg_size overflows. May be NULL.
 * @param submitted  Receives how many tasks were accepted, on failure too. May be NULL.
 * @return CF_OK: all were accepted;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why; also if an initializer
 *         fails during this very call;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the arguments are
 * copied; the caller owns one reference to each future, see cf_futures_release(). Python:
 * `[executor.submit(function, x) for x in args]`.
 *
 * @code{.c}
 * int n[3] = { 1, 2, 3 };
 * cf_future *f[3];
 * size_t submitted;
 * if (cf_executor_submit_many(executor, task_square, n, sizeof n[0], 3, f, &submitted) != CF_OK)
 *   printf("only %zu of 3 were submitted\n", submitted);
 * cf_futures_release(f, 3);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_submit_many(cf_executor *executor, cf_task_fn function,
                                                      const void *args, size_t arg_size,
                                                      size_t count, cf_future **out,
                                                      size_t *submitted);

/* ------------------------------------------------------------------------------------- Shutdown */

/**
 * Returns how many tasks of an executor may run at the same time.
 *
 * @param executor  The executor. May be NULL.
 * @return The number that it was made with or that the library chose; 0 for NULL and, in a forked
 *         child, for an executor of the parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `executor._max_workers`.
 *
 * @code{.c}
 * printf("%zu workers\n", cf_executor_max_workers(executor));
 * @endcode
 * @since 0.1
 */
CF_API size_t cf_executor_max_workers(const cf_executor *executor);

/**
 * Returns why an executor is broken.
 *
 * @param executor  The executor. May be NULL.
 * @return An error with the status CF_BROKEN_POOL and, when an initializer failed, its code and
 *         message; when a death has broken a process pool, the worker's process id, signal and exit
 *         code. Worker processes that die again and again before their first task break it under
 *         every policy, as does it when none can be started any more. NULL when the executor is not
 *         broken, for NULL and, in a forked child, for an executor of the parent. Valid until
 *         cf_executor_free() or cf_executor_detach().
 *
 * Threads: any, at any time. Ownership: the error belongs to the executor. Python:
 * `BrokenThreadPool` and `BrokenProcessPool`.
 *
 * @code{.c}
 * if (cf_executor_submit(executor, task_print, "hello", 6, NULL) == CF_BROKEN_POOL)
 *   fprintf(stderr, "%s\n", cf_error_message(cf_executor_error(executor)));
 * @endcode
 * @since 0.1
 */
CF_API const cf_error *cf_executor_error(const cf_executor *executor);

/**
 * Ends an executor: it takes no more tasks, and those it has run to their end or are cancelled.
 *
 * It may be called again, for instance to wait or to cancel after all. To end what runs in worker
 * processes as well see cf_executor_terminate_workers().
 *
 * @param executor        The executor.
 * @param wait            true: return when all tasks, callbacks and workers have ended. false:
 *                        return at once, the work goes on.
 * @param cancel_futures  true: cancel every task that has not started. false: they still run.
 * @return CF_OK;
 *         CF_DEADLOCK: wait is true, and the caller is a worker or the callback thread of this
 *         executor or runs one of its tasks: nothing has changed; or a task of it waits for the
 *         caller: it is shut down, but its end was not awaited;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time. Ownership: nothing changes hands; futures stay valid. Python:
 * `Executor.shutdown(wait, cancel_futures=...)`.
 *
 * @code{.c}
 * cf_executor_shutdown(executor, true, false);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_executor_shutdown(cf_executor *executor, bool wait, bool cancel_futures);

/**
 * Waits until an executor that was shut down has come to its end.
 *
 * @param executor    The executor.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @return CF_OK: all tasks, callbacks and workers have ended;
 *         CF_TIMEOUT: not in time, the work goes on;
 *         CF_INVALID_STATE: cf_executor_shutdown() was not called yet;
 *         CF_DEADLOCK: the caller is a worker or the callback thread of this executor or runs one
 *         of its tasks, or a task of it waits for the caller;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `shutdown(wait=True)`,
 * which has no timeout.
 *
 * @code{.c}
 * cf_executor_shutdown(executor, false, false);
 * if (cf_executor_join(executor, cf_seconds(10)) == CF_TIMEOUT)
 *   cf_executor_shutdown(executor, true, true);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_executor_join(cf_executor *executor, int64_t timeout_ns);

/**
 * Shuts an executor down if need be, waits for its end and frees it.
 *
 * Tasks that have not started still run: cancel them first with cf_executor_shutdown() if they are
 * not wanted. Futures stay valid. Called by a worker or the callback thread of the same executor it
 * acts as cf_executor_detach().
 *
 * @param executor  The executor. May be NULL. One of the parent process is left alone.
 *
 * Threads: any; nobody else may use the handle any more. Ownership: takes the executor. Python:
 * the end of `with ThreadPoolExecutor() as executor:`.
 *
 * @code{.c}
 * cf_executor *pool;
 * if (cf_thread_pool_new(2, &pool, NULL) == CF_OK)
 *   cf_executor_free(pool);
 * @endcode
 * @since 0.1
 */
CF_API void cf_executor_free(cf_executor *executor);

/**
 * Gives an executor back without waiting.
 *
 * It takes no more tasks; those it has still run, and its workers end after them. For garbage
 * collectors and other places that must not block.
 *
 * @param executor  The executor. May be NULL. One of the parent process is left alone.
 *
 * Threads: any; nobody else may use the handle any more. Ownership: takes the executor. Python:
 * the last reference to an executor goes.
 *
 * @code{.c}
 * cf_executor *pool;
 * if (cf_thread_pool_new(2, &pool, NULL) == CF_OK)
 *   cf_executor_detach(pool);
 * @endcode
 * @since 0.1
 */
CF_API void cf_executor_detach(cf_executor *executor);

/* -------------------------------------------------------------------------------------- Killing */

/**
 * Ends a process pool at once, but lets its workers clean up.
 *
 * The pool takes no more tasks, those that have not started are cancelled, and every worker is
 * sent SIGTERM. A task that runs dies of it and ends with CF_WORKER_DIED, unless it has set up a
 * handler for the signal. The call does not wait: cf_executor_join() does.
 *
 * @param executor  The executor: a process pool.
 * @return CF_OK; also when it was shut down before;
 *         CF_UNSUPPORTED: a thread pool, whose tasks cannot be ended from outside;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time; callbacks of what is cancelled run here. Ownership: nothing changes
 * hands; futures stay valid. Python: `ProcessPoolExecutor.terminate_workers()`, since 3.14.
 *
 * @code{.c}
 * cf_executor_terminate_workers(executor);
 * if (cf_executor_join(executor, cf_seconds(3)) == CF_TIMEOUT)
 *   cf_executor_kill_workers(executor);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_executor_terminate_workers(cf_executor *executor);

/**
 * Ends a process pool at once.
 *
 * As cf_executor_terminate_workers(), but with SIGKILL, which no task can catch.
 *
 * @param executor  The executor: a process pool.
 * @return CF_OK; also when it was shut down before;
 *         CF_UNSUPPORTED: a thread pool, whose tasks cannot be ended from outside;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time; callbacks of what is cancelled run here. Ownership: nothing changes
 * hands; futures stay valid. Python: `ProcessPoolExecutor.kill_workers()`, since 3.14.
 *
 * @code{.c}
 * cf_executor_kill_workers(executor);
 * cf_executor_join(executor, CF_FOREVER);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_executor_kill_workers(cf_executor *executor);

/**
 * Cancels a call, even if it runs already: its worker process is killed and replaced.
 *
 * A call that has not started is cancelled now, as by cf_future_cancel(). One that runs is sent
 * SIGTERM and, when the grace is over, SIGKILL; the future ends with CF_CANCELLED once the worker
 * is dead. If the task ends before that, its outcome stands. The call does not wait. No other task
 * is harmed, but what this one shared with the world, such as a file half written, is the
 * caller's to clean up.
 *
 * @param future    A future of a process pool.
 * @param grace_ns  Nanoseconds from SIGTERM to SIGKILL. 0 or negative: SIGKILL at once; CF_FOREVER:
 *                  only SIGTERM.
 * @return CF_OK: it is cancelled, or its worker was sent the signal;
 *         CF_INVALID_STATE: it is done already, cancelled or not;
 *         CF_UNSUPPORTED: it belongs to a thread pool, or was made by cf_future_new();
 *         CF_FORKED; CF_INVALID_ARGUMENT: future is NULL.
 *
 * Threads: any, at any time; callbacks of a call that has not started run here. Ownership: nothing
 * changes hands. Python: has no equivalent; `Future.cancel()` leaves a running call alone.
 *
 * @code{.c}
 * if (cf_future_result(future, cf_seconds(10), NULL, NULL) == CF_TIMEOUT)
 *   cf_future_kill(future, cf_seconds(0.5));
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_kill(cf_future *future, int64_t grace_ns);

/* -------------------------------------------------------------------------------------- Futures */

/**
 * Cancels a call that has not started.
 *
 * The future is done at once for every waiter. Its callbacks and the free function of its argument
 * run here, before the function returns. A task that runs already goes on; in a process pool
 * cf_future_kill() ends that too.
 *
 * @param future  The future. May be NULL.
 * @return true: the future is cancelled, now or before; false: it runs or is done, or it is NULL
 *         or, in a forked child, a future of the parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.cancel()`.
 *
 * @code{.c}
 * if (!cf_future_cancel(future))
 *   puts("too late, it runs or is done");
 * @endcode
 * @since 0.1
 */
CF_API bool cf_future_cancel(cf_future *future);

/**
 * Returns the state of a future, as one snapshot.
 *
 * @param future  The future. May be NULL.
 * @return The state; CF_STATE_PENDING for NULL and, in a forked child, for a future of the parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future._state`.
 *
 * @code{.c}
 * switch (cf_future_state(future)) {
 * case CF_STATE_PENDING:   puts("waits for a worker"); break;
 * case CF_STATE_RUNNING:   puts("runs"); break;
 * case CF_STATE_FINISHED:  puts("has a result"); break;
 * case CF_STATE_FAILED:    puts("has an error"); break;
 * case CF_STATE_CANCELLED: puts("was cancelled"); break;
 * }
 * @endcode
 * @since 0.1
 */
CF_API cf_state cf_future_state(const cf_future *future);

/**
 * Tells whether a future was cancelled.
 *
 * @param future  The future. May be NULL.
 * @return true in the state CF_STATE_CANCELLED; false for NULL and, in a forked child, for a
 *         future of the parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.cancelled()`.
 *
 * @code{.c}
 * if (cf_future_cancelled(future))
 *   puts("cancelled");
 * @endcode
 * @since 0.1
 */
CF_API bool cf_future_cancelled(const cf_future *future);

/**
 * Tells whether a worker runs the call at this moment.
 *
 * @param future  The future. May be NULL.
 * @return true in the state CF_STATE_RUNNING: a worker, or a task that waits for it, has taken it
 *         up, and nobody else ever will; false for NULL and, in a forked child, for a future of the
 *         parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.running()`, which is
 * true already for calls of a process pool that wait in its pipe.
 *
 * @code{.c}
 * if (cf_future_running(future))
 *   puts("too late to cancel it");
 * @endcode
 * @since 0.1
 */
CF_API bool cf_future_running(const cf_future *future);

/**
 * Tells whether a future is done: finished, failed or cancelled.
 *
 * @param future  The future. May be NULL.
 * @return true when waiting for it would return at once; false for NULL and, in a forked child,
 *         for a future of the parent.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.done()`.
 *
 * @code{.c}
 * if (cf_future_done(future))
 *   puts("done");
 * @endcode
 * @since 0.1
 */
CF_API bool cf_future_done(const cf_future *future);

/**
 * Returns the result of a call, waiting for it if need be.
 *
 * The bytes belong to the future: they stay valid, 16-byte aligned and at the same address until
 * the last reference to the future is released, also after the executor is gone. An empty result
 * has size 0 and an address that is not NULL. Of cf_task_return_owned() the address is the object
 * and the size 0.
 *
 * @param future      The future.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @param data        Receives the address of the result. May be NULL.
 * @param size        Receives its size in bytes. May be NULL.
 * @return CF_OK;
 *         CF_TIMEOUT: not done in time, the call goes on;
 *         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
 *         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
 *         more;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `Future.result(timeout)`.
 *
 * @code{.c}
 * const void *data;
 * size_t size;
 * if (cf_future_result(future, cf_seconds(1.5), &data, &size) == CF_OK)
 *   fwrite(data, 1, size, stdout);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_result(cf_future *future, int64_t timeout_ns, const void **data,
                                  size_t *size);

/**
 * Copies the result of a call into a variable, waiting for it if need be.
 *
 * @param future      The future.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @param out         Receives the result. May be NULL when size is 0.
 * @param size        Size of the variable in bytes: exactly that of the result.
 * @return CF_OK;
 *         CF_SIZE_MISMATCH: the result has another size; nothing is written;
 *         CF_TIMEOUT: not done in time, the call goes on;
 *         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
 *         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
 *         more;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `x =
 * Future.result(timeout)`.
 *
 * @code{.c}
 * int value;
 * if (cf_future_result_into(future, CF_FOREVER, &value, sizeof value) == CF_OK)
 *   printf("%d\n", value);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_result_into(cf_future *future, int64_t timeout_ns, void *out,
                                       size_t size);

/**
 * Returns the object that a task gave with cf_task_return_owned(), waiting for it if need be.
 *
 * @param future      The future.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @param out         Receives the object; NULL on failure.
 * @return CF_OK;
 *         CF_INVALID_STATE: the result is bytes and not an object, as always in a process pool;
 *         CF_TIMEOUT: not done in time, the call goes on;
 *         CF_CANCELLED, CF_TASK_FAILED, CF_BROKEN_POOL, CF_WORKER_DIED, CF_DEADLINE, CF_NO_MEMORY,
 *         CF_UNSUPPORTED, CF_UNKNOWN_FUNCTION: it ended without a result, cf_future_error() says
 *         more;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time; the object is shared by all who ask for it. Ownership: the object
 * belongs to the future and is valid until its last release. Python: `Future.result(timeout)`.
 *
 * @code{.c}
 * void *text;
 * if (cf_future_result_object(future, CF_FOREVER, &text) == CF_OK)
 *   puts(text);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_result_object(cf_future *future, int64_t timeout_ns, void **out);

/**
 * Returns how a call failed, waiting for its end if need be.
 *
 * @param future      The future.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @param out         Receives the error, or NULL when the call succeeded; NULL also when this
 *                    function fails.
 * @return CF_OK: the call is done, and *out says how;
 *         CF_TIMEOUT: not done in time, the call goes on;
 *         CF_CANCELLED: the future was cancelled;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time. Ownership: the error belongs to the future and is valid until its
 * last release. Python: `Future.exception(timeout)`.
 *
 * @code{.c}
 * const cf_error *failure;
 * if (cf_future_exception(future, CF_FOREVER, &failure) == CF_OK && failure != NULL)
 *   printf("failed with code %d: %s\n", (int)cf_error_code(failure), cf_error_message(failure));
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_exception(cf_future *future, int64_t timeout_ns, const cf_error **out);

/**
 * Returns the result of a call that has succeeded, and never waits.
 *
 * For callbacks and loops over futures that are known to be done. See cf_future_result() for what
 * the bytes are and how long they stay.
 *
 * @param future  The future. May be NULL.
 * @param size    Receives the size in bytes; 0 when there is no result. May be NULL.
 * @return The address of the result; NULL when the call has not succeeded, for NULL and, in a
 *         forked child, for a future of the parent.
 *
 * Threads: any, at any time. Ownership: the bytes belong to the future. Python: `Future.result()`
 * of a future that is done.
 *
 * @code{.c}
 * size_t size;
 * const int *value = cf_future_data(future, &size);
 * if (value != NULL && size == sizeof *value)
 *   printf("%d\n", *value);
 * @endcode
 * @since 0.1
 */
CF_API const void *cf_future_data(const cf_future *future, size_t *size);

/**
 * Returns how a call failed or that it was cancelled, and never waits.
 *
 * @param future  The future. May be NULL.
 * @return The error; with the status CF_CANCELLED for a cancelled future. NULL while the future is
 *         not done, when it succeeded, for NULL and, in a forked child, for a future of the
 *         parent.
 *
 * Threads: any, at any time. Ownership: the error belongs to the future and is valid until its
 * last release. Python: `Future.exception()` of a future that is done.
 *
 * @code{.c}
 * if (cf_future_result(future, CF_FOREVER, NULL, NULL) != CF_OK)
 *   fprintf(stderr, "%s\n", cf_error_message(cf_future_error(future)));
 * @endcode
 * @since 0.1
 */
CF_API const cf_error *cf_future_error(const cf_future *future);

/**
 * Has a function called when a future is done, however it ends.
 *
 * Callbacks run in the order in which they were added, each exactly once, on the thread that
 * completes the future; if it is done already, at once and here. What a worker process completes is
 * called back on the pool's one callback thread: a slow callback delays those after it, but no
 * result. Waiters may wake before the callbacks have run.
 *
 * @param future     The future.
 * @param function   The callback.
 * @param user_data  Passed to it. May be NULL.
 * @param destroy    Ends the life of user_data; runs exactly once: after the callback, when the
 *                   future goes without ever being done, or when this call fails. May be NULL.
 * @return CF_OK; CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: future or function is NULL.
 *
 * Threads: any, at any time. Ownership: takes user_data, also when it fails. Python:
 * `Future.add_done_callback(fn)`.
 *
 * @code{.c}
 * if (cf_future_add_done_callback(future, print_when_done, "download", NULL) != CF_OK)
 *   puts("no memory for the callback");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_add_done_callback(cf_future *future, cf_done_fn function,
                                             void *user_data, cf_free_fn destroy);

/**
 * Attaches a pointer to a future, once.
 *
 * @param future   The future.
 * @param data     The pointer.
 * @param destroy  Ends the life of data; runs exactly once: at the last release of the future, or
 *                 when this call fails. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_STATE: the future has user data already;
 *         CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: future is NULL.
 *
 * Threads: any, at any time; of several the first wins. Ownership: takes data, also when it fails.
 * Python: `future.arg = x`.
 *
 * @code{.c}
 * char *url = malloc(sizeof "http://localhost");
 * if (url != NULL) {
 *   strcpy(url, "http://localhost");
 *   cf_future_set_user_data(future, url, free);
 * }
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_set_user_data(cf_future *future, void *data, cf_free_fn destroy);

/**
 * Returns the pointer that was attached to a future.
 *
 * @param future  The future. May be NULL.
 * @return What was given to cf_future_set_user_data(); NULL without it, for NULL and, in a forked
 *         child, for a future of the parent.
 *
 * Threads: any, at any time. Ownership: the data belongs to the future. Python: `future.arg`.
 *
 * @code{.c}
 * const char *url = cf_future_user_data(future);
 * printf("%s: %s\n", url, cf_error_message(cf_future_error(future)));
 * @endcode
 * @since 0.1
 */
CF_API void *cf_future_user_data(const cf_future *future);

/**
 * Takes another reference to a future.
 *
 * @param future  The future. May be NULL.
 * @return The same pointer.
 *
 * Threads: any, at any time, while the caller has or borrows a reference. Ownership: the caller
 * owns one more reference, see cf_future_release(). Python: `other = future`.
 *
 * @code{.c}
 * cf_future *mine = cf_future_retain(future);
 * cf_future_release(mine);
 * @endcode
 * @since 0.1
 */
CF_API cf_future *cf_future_retain(cf_future *future);

/**
 * Gives a reference to a future back.
 *
 * It never cancels: a call that nobody refers to any more still runs. With the last reference the
 * result, the error and the user data go.
 *
 * @param future  The future. May be NULL. One of the parent process is left alone.
 *
 * Threads: any, at any time. Ownership: takes one reference. Python: `del future`.
 *
 * @code{.c}
 * cf_future *f;
 * if (cf_executor_submit(executor, task_print, "hello", 6, &f) == CF_OK)
 *   cf_future_release(f);
 * @endcode
 * @since 0.1
 */
CF_API void cf_future_release(cf_future *future);

/**
 * Gives references to many futures back and sets the array to NULL.
 *
 * @param futures  The array; NULL entries are fine. May be NULL when count is 0.
 * @param count    Number of entries.
 *
 * Threads: any; nobody else may use the array meanwhile. Ownership: takes one reference to each
 * future. Python: `futures.clear()`.
 *
 * @code{.c}
 * int n[2] = { 1, 2 };
 * cf_future *f[2];
 * if (cf_executor_submit_many(executor, task_square, n, sizeof n[0], 2, f, NULL) == CF_OK)
 *   cf_wait(f, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL);
 * cf_futures_release(f, 2);
 * @endcode
 * @since 0.1
 */
CF_API void cf_futures_release(cf_future **futures, size_t count);

/**
 * Cancels all of many futures that have not started.
 *
 * @param futures  The array; NULL entries are fine. May be NULL when count is 0.
 * @param count    Number of entries.
 * @return How many entries are cancelled now, those that were cancelled before included.
 *
 * Threads: any; nobody may change the array meanwhile. Ownership: nothing changes hands. Python:
 * `sum(future.cancel() for future in futures)`.
 *
 * @code{.c}
 * printf("%zu of %zu did not start\n", cf_futures_cancel(futures, count), count);
 * @endcode
 * @since 0.1
 */
CF_API size_t cf_futures_cancel(cf_future *const *futures, size_t count);

/* ------------------------------------------------------------------------------ Futures by hand */

/**
 * Makes a future that no executor completes.
 *
 * It is pending until one of the setters below or cf_future_cancel() is called; all else works as
 * for the future of a task. A wait that must be interruptible adds such a future and waits for the
 * first.
 *
 * @param out  Receives the future; NULL on failure.
 * @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
 *
 * Threads: any, at any time. Ownership: the caller owns one reference, see cf_future_release().
 * Python: `Future()`.
 *
 * @code{.c}
 * cf_future *promise;
 * if (cf_future_new(&promise) == CF_OK) {
 *   cf_future_set_result(promise, "done", 5);
 *   cf_future_release(promise);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_future_new(cf_future **out);

/**
 * Says that the work for a future begins, unless the future was cancelled.
 *
 * After it the future can be cancelled no more. It is not needed before the setters.
 *
 * @param future  A future made by cf_future_new().
 * @param run     Receives true: the work is to be done; false: the future was cancelled.
 * @return CF_OK: the future runs now or was cancelled;
 *         CF_INVALID_STATE: it runs already or is done, or it belongs to a pool;
 *         CF_FORKED, CF_INVALID_ARGUMENT. After a failure *run is false.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python:
 * `Future.set_running_or_notify_cancel()`.
 *
 * @code{.c}
 * bool run;
 * if (cf_future_set_running_or_notify_cancel(future, &run) == CF_OK && run)
 *   cf_future_set_result(future, "done", 5);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_set_running_or_notify_cancel(cf_future *future, bool *run);

/**
 * Completes a future with a result.
 *
 * Waiters wake, and the callbacks run here, before the function returns.
 *
 * @param future  A future made by cf_future_new().
 * @param data    The result, copied. May be NULL when size is 0.
 * @param size    Its size in bytes.
 * @return CF_OK;
 *         CF_INVALID_STATE: it is done or being completed already, or it belongs to a pool;
 *         CF_NO_MEMORY, CF_FORKED, CF_INVALID_ARGUMENT. After a failure nothing has changed.
 *
 * Threads: any, at any time; of several the first wins. Ownership: the bytes are copied. Python:
 * `Future.set_result(value)`.
 *
 * @code{.c}
 * int answer = 42;
 * if (cf_future_set_result(future, &answer, sizeof answer) == CF_INVALID_STATE)
 *   puts("somebody was faster, or it was cancelled");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_set_result(cf_future *future, const void *data, size_t size);

/**
 * Completes a future with a failure.
 *
 * Waiters wake, and the callbacks run here, before the function returns.
 *
 * @param future   A future made by cf_future_new().
 * @param code     Any code but 0, see cf_error_code().
 * @param message  UTF-8 text for a person, copied. May be NULL.
 * @return CF_OK;
 *         CF_INVALID_STATE: it is done or being completed already, or it belongs to a pool;
 *         CF_INVALID_ARGUMENT: future is NULL or code is 0;
 *         CF_NO_MEMORY, CF_FORKED. After a failure nothing has changed.
 *
 * Threads: any, at any time; of several the first wins. Ownership: the message is copied. Python:
 * `Future.set_exception(exception)`.
 *
 * @code{.c}
 * cf_future_set_exception(future, 404, "no such page");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_future_set_exception(cf_future *future, int32_t code, const char *message);

/* ----------------------------------------------------------------------------- Waiting for many */

/**
 * Waits until some or all of many futures are done.
 *
 * The futures may come from several executors; the same one may stand in the array more than once.
 * With count 0 it returns at once. For a wait that must be interruptible add a future made by
 * cf_future_new() and wait for the first.
 *
 * @param futures      The futures. May be NULL when count is 0.
 * @param count        Number of futures.
 * @param timeout_ns   Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                     expired.
 * @param return_when  A cf_return_when: CF_ALL_COMPLETED, CF_FIRST_COMPLETED or
 *                     CF_FIRST_EXCEPTION.
 * @param done         Room for count values: done[i] tells whether futures[i] is done. May be
 *                     NULL.
 * @param done_count   Receives how many positions are done. May be NULL.
 * @return CF_OK: what return_when says has come about;
 *         CF_TIMEOUT: not in time; done and done_count are filled in all the same;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_NO_MEMORY; CF_FORKED;
 *         CF_INVALID_ARGUMENT: futures or one of its entries is NULL, or return_when is unknown.
 *         Only CF_OK and CF_TIMEOUT write anything.
 *
 * Threads: any, at any time; nobody may change the array meanwhile. Ownership: nothing changes
 * hands. Python: `concurrent.futures.wait(fs, timeout, return_when)`.
 *
 * @code{.c}
 * bool done[8];
 * size_t done_count;
 * if (cf_wait(futures, 8, cf_seconds(2), CF_FIRST_COMPLETED, done, &done_count) == CF_OK)
 *   for (size_t i = 0; i < 8; i++)
 *     if (done[i])
 *       printf("%zu is one of %zu that are done\n", i, done_count);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_wait(cf_future *const *futures, size_t count, int64_t timeout_ns,
                         int return_when, bool *done, size_t *done_count);

/**
 * Makes an iterator that gives futures in the order in which they are done.
 *
 * It keeps references of its own: the array and the caller's references may go.
 *
 * @param futures     The futures, of any executors. May be NULL when count is 0.
 * @param count       Number of futures.
 * @param timeout_ns  Time for the whole iteration in nanoseconds, from now on; CF_FOREVER, 0 for
 *                    those that are done already, negative is already expired.
 * @param out         Receives the iterator; NULL on failure.
 * @return CF_OK; CF_NO_MEMORY; CF_FORKED;
 *         CF_INVALID_ARGUMENT: out, futures or one of its entries is NULL.
 *
 * Threads: any; nobody may change the array meanwhile. Ownership: the caller owns the iterator,
 * see cf_completions_free(). Python: `concurrent.futures.as_completed(fs, timeout)`.
 *
 * @code{.c}
 * cf_completions *it;
 * size_t i;
 * if (cf_as_completed(futures, count, CF_FOREVER, &it) == CF_OK) {
 *   while (cf_completions_next(it, &i, NULL) == CF_OK)
 *     printf("%zu is done\n", i);
 *   cf_completions_free(it);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_as_completed(cf_future *const *futures, size_t count,
                                              int64_t timeout_ns, cf_completions **out);

/**
 * Returns the next future that is done, waiting for it if need be.
 *
 * Those that were done at the beginning come first, then the others as they are done. A future
 * that stands in the array more than once comes once, with its first index. A future that is done
 * is handed out even after the deadline.
 *
 * @param completions  The iterator.
 * @param index        Receives the future's index in the array. May be NULL.
 * @param out          Receives the future; NULL on failure. May be NULL.
 * @return CF_OK;
 *         CF_END: all have been handed out;
 *         CF_TIMEOUT: the deadline has passed, and no other is done;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_INVALID_STATE: another thread is in this call;
 *         CF_NO_MEMORY, CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, one at a time for the same iterator. Ownership: the future is borrowed from the
 * iterator until the next call for it; retain it to keep it longer. Python: `next(iterator)`.
 *
 * @code{.c}
 * cf_future *f;
 * cf_status status;
 * while ((status = cf_completions_next(completions, NULL, &f)) == CF_OK)
 *   puts(cf_error_message(cf_future_error(f)));
 * if (status == CF_TIMEOUT)
 *   puts("some were too slow");
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_completions_next(cf_completions *completions, size_t *index, cf_future **out);

/**
 * Frees an iterator, at any time. Futures that it has not handed out go on.
 *
 * @param completions  The iterator. May be NULL. One of the parent process is left alone.
 *
 * Threads: any; nobody else may use the iterator any more. Ownership: takes the iterator. Python:
 * `iterator.close()`.
 *
 * @code{.c}
 * cf_completions_free(completions);
 * @endcode
 * @since 0.1
 */
CF_API void cf_completions_free(cf_completions *completions);

/**
 * Calls a function for each future as it is done, in the caller's thread.
 *
 * The order is that of cf_completions_next(). It returns when the function has seen all of them or
 * has returned false.
 *
 * @param futures     The futures, of any executors. May be NULL when count is 0.
 * @param count       Number of futures.
 * @param timeout_ns  Time for all of them in nanoseconds; CF_FOREVER, 0 for those that are done
 *                    already, negative is already expired.
 * @param function    Called for each.
 * @param user_data   Passed to it. May be NULL.
 * @return CF_OK: the function has seen all, or stopped;
 *         CF_TIMEOUT: not all were done in time; the function has seen those that were;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_NO_MEMORY; CF_FORKED;
 *         CF_INVALID_ARGUMENT: function, futures or one of its entries is NULL.
 *
 * Threads: any, at any time; nobody may change the array meanwhile. Ownership: nothing changes
 * hands. Python: `for future in as_completed(fs, timeout):`.
 *
 * @code{.c}
 * static bool show(cf_future *done, size_t index, void *user_data) {
 *   FILE *file = user_data;
 *   fprintf(file, "%zu: %s\n", index, cf_error_message(cf_future_error(done)));
 *   return !cf_future_cancelled(done);
 * }
 * static cf_status show_all(cf_future **all, size_t n) {
 *   return cf_as_completed_each(all, n, CF_FOREVER, show, stdout);
 * }
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_as_completed_each(cf_future *const *futures, size_t count, int64_t timeout_ns,
                                      cf_each_fn function, void *user_data);

/**
 * Makes a queue that collects futures as they are done.
 *
 * Unlike an iterator of cf_as_completed() it lives long: futures are added at any time, by any
 * number of threads, and any number of threads take them out.
 *
 * @param out  Receives the queue; NULL on failure.
 * @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
 *
 * Threads: any, at any time. Ownership: the caller owns the queue, see cf_completion_queue_free().
 * Python: `queue.SimpleQueue()` and `future.add_done_callback(q.put)`.
 *
 * @code{.c}
 * cf_completion_queue *q;
 * cf_future *f;
 * if (cf_completion_queue_new(&q) == CF_OK) {
 *   cf_completion_queue_add(q, future, NULL, NULL);
 *   if (cf_completion_queue_next(q, CF_FOREVER, &f, NULL) == CF_OK)
 *     cf_future_release(f);
 *   cf_completion_queue_free(q);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_completion_queue_new(cf_completion_queue **out);

/**
 * Has a queue collect a future when it is done, however it ends.
 *
 * A future that is done already is there at once. It may be added to several queues, and more than
 * once. An entry whose future is never done stays until the queue is freed.
 *
 * @param queue    The queue.
 * @param future   The future.
 * @param tag      Handed out together with the future. May be NULL.
 * @param destroy  Ends the life of the tag if it is never handed out: when the queue is freed
 *                 first, or when this call fails; at most once. May be NULL.
 * @return CF_OK;
 *         CF_SHUTDOWN: the queue is closed;
 *         CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: queue or future is NULL.
 *
 * Threads: any, at any time. Ownership: the queue takes a reference of its own to the future, and
 * the tag, also when it fails. Python: `future.add_done_callback(q.put)`.
 *
 * @code{.c}
 * char *url = malloc(sizeof "http://localhost");
 * if (url != NULL) {
 *   strcpy(url, "http://localhost");
 *   cf_completion_queue_add(queue, future, url, free);
 * }
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_completion_queue_add(cf_completion_queue *queue, cf_future *future, void *tag,
                                         cf_free_fn destroy);

/**
 * Takes the next future that is done out of a queue, waiting for it while the queue is open.
 *
 * A task that waits here without limit gets CF_DEADLOCK as soon as the queue holds pending futures
 * and none of them can ever be done, even though somebody might still add another. While nothing
 * is pending it waits for whoever adds something.
 *
 * @param queue       The queue.
 * @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
 *                    expired.
 * @param out         Receives the future; NULL on failure.
 * @param tag         Receives its tag, which is the caller's from then on. May be NULL.
 * @return CF_OK;
 *         CF_TIMEOUT: none was done in time;
 *         CF_END: the queue is closed and has nothing more to give;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, at any time; each entry is given to one of them. Ownership: the caller owns a
 * reference to the future, see cf_future_release(), and the tag. Python: `q.get(timeout=...)`.
 *
 * @code{.c}
 * cf_future *f;
 * void *url;
 * while (cf_completion_queue_next(queue, cf_seconds(5), &f, &url) == CF_OK) {
 *   printf("%s: %s\n", (char *)url, cf_error_message(cf_future_error(f)));
 *   free(url);
 *   cf_future_release(f);
 * }
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_completion_queue_next(cf_completion_queue *queue, int64_t timeout_ns,
                                          cf_future **out, void **tag);

/**
 * Returns a descriptor that is readable while a future waits to be taken out, or the queue is
 * closed.
 *
 * For poll, epoll and event loops; it is level-triggered. When it is readable call
 * cf_completion_queue_next() with timeout 0 until that returns CF_TIMEOUT.
 *
 * @param queue  The queue. May be NULL.
 * @return The descriptor, close-on-exec, the same at every call. Never read, write or close it. -1
 *         for NULL, when the system has none to give and, in a forked child, for a queue of the
 *         parent.
 *
 * Threads: any, at any time. Ownership: the descriptor belongs to the queue and is valid until
 * cf_completion_queue_free(). Python: `loop.call_soon_threadsafe` in a callback.
 *
 * @code{.c}
 * struct pollfd waiting = { .fd = cf_completion_queue_fd(queue), .events = POLLIN };
 * cf_future *f;
 * cf_status status = CF_TIMEOUT;
 * while (status != CF_END && poll(&waiting, 1, -1) > 0)
 *   while ((status = cf_completion_queue_next(queue, 0, &f, NULL)) == CF_OK)
 *     cf_future_release(f);
 * @endcode
 * @since 0.1
 */
CF_API int cf_completion_queue_fd(cf_completion_queue *queue);

/**
 * Closes a queue: nothing can be added any more, and every waiting thread wakes.
 *
 * cf_completion_queue_next() still gives what is there, then CF_END. It may be called again.
 *
 * @param queue  The queue.
 * @return CF_OK; CF_FORKED; CF_INVALID_ARGUMENT: queue is NULL.
 *
 * Threads: any, at any time. Ownership: nothing changes hands. Python: `queue.Queue.shutdown()`.
 *
 * @code{.c}
 * cf_completion_queue_close(queue);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_completion_queue_close(cf_completion_queue *queue);

/**
 * Frees a queue. Futures that were added to it go on; tags that it still has are destroyed.
 *
 * @param queue  The queue. May be NULL. One of the parent process is left alone.
 *
 * Threads: any; nobody else may use the queue any more: close it first to wake who waits.
 * Ownership: takes the queue. Python: garbage collection.
 *
 * @code{.c}
 * cf_completion_queue_free(queue);
 * @endcode
 * @since 0.1
 */
CF_API void cf_completion_queue_free(cf_completion_queue *queue);

/* ------------------------------------------------------------------------------------------ Map */

/**
 * Makes a set of options for maps with default values.
 *
 * @param out  Receives the options; NULL on failure.
 * @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
 *
 * Threads: any, at any time. Ownership: the caller owns the options, see cf_map_options_free().
 * Python: the keyword arguments of `Executor.map`.
 *
 * @code{.c}
 * cf_map_options *o;
 * cf_map *m = NULL;
 * if (cf_map_options_new(&o) == CF_OK) {
 *   cf_map_options_set_chunk_size(o, 100);
 *   if (cf_executor_map(executor, task_square, numbers, sizeof numbers[0], 1000, o, &m) != CF_OK)
 *     puts("no map");
 *   cf_map_options_free(o);
 * }
 * cf_map_free(m);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_map_options_new(cf_map_options **out);

/**
 * Frees options. Maps that were made with them keep what they need.
 *
 * @param options  The options. May be NULL.
 *
 * Threads: any; nobody may use the options any more. Ownership: takes the options. Python: garbage
 * collection.
 *
 * @code{.c}
 * cf_map_options_free(map_options);
 * @endcode
 * @since 0.1
 */
CF_API void cf_map_options_free(cf_map_options *options);

/**
 * Sets the time for a whole map, counted from the call that makes it.
 *
 * @param options     The options.
 * @param timeout_ns  Nanoseconds; CF_FOREVER is the default, 0 and negative have expired already.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `Executor.map(..., timeout=seconds)`.
 *
 * @code{.c}
 * cf_map_options_set_timeout(map_options, cf_seconds(5));
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_map_options_set_timeout(cf_map_options *options, int64_t timeout_ns);

/**
 * Sets how many items one task of a map takes.
 *
 * The items of a chunk run one after another in the same worker; each still has an outcome of its
 * own. When a worker process dies of an item, another goes on behind it.
 *
 * @param options  The options.
 * @param items    Items in a chunk; 0, the default: chosen by the library, so that cheap functions
 *                 over many items are not dominated by the pool.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL.
 *
 * Threads: one at a time for the same options. Ownership: nothing changes hands. Python:
 * `Executor.map(..., chunksize=n)`, which `ThreadPoolExecutor` ignores.
 *
 * @code{.c}
 * cf_map_options_set_chunk_size(map_options, 1);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_map_options_set_chunk_size(cf_map_options *options, size_t items);

/**
 * Sets what all items of a map share; a task reads it with cf_task_context().
 *
 * @param options  The options.
 * @param context  The context. A thread pool passes the pointer, and what it points to must stay
 *                 until the map is freed and its running items have ended. A process pool copies
 *                 the bytes once for each map; tasks must not change the copy, and pointers in it
 *                 mean nothing to them. What lies in its memory of cf_executor_shared_alloc() is
 *                 passed and not copied, and must stay as in a thread pool. NULL, the default, for
 *                 none.
 * @param size     Its size in bytes, so that process pools can copy it; thread pools do not use it.
 * @return CF_OK; CF_INVALID_ARGUMENT: options is NULL, or a NULL context with a size.
 *
 * Threads: one at a time for the same options; the tasks read the context at the same time.
 * Ownership: nothing changes hands. Python: `Executor.map(functools.partial(fn, context), ...)`.
 *
 * @code{.c}
 * static const double factor = 2.5;
 * cf_map_options_set_context(map_options, &factor, sizeof factor);
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_map_options_set_context(cf_map_options *options, const void *context,
                                            size_t size);

/**
 * Calls a function for every item of an array, in parallel, and gives the outcomes in input order.
 *
 * All items are submitted, and the input is taken, before the call returns. Items are put together
 * into chunks, see cf_map_options_set_chunk_size(). A task reads its position with
 * cf_task_index().
 *
 * @param executor   The executor.
 * @param function   The task; arg points to a copy of its item.
 * @param items      count items of item_size bytes side by side. May be NULL when either is 0.
 * @param item_size  Size of one item in bytes.
 * @param count      Number of items; CF_REPEAT is not allowed here.
 * @param options    Options. May be NULL: the defaults.
 * @param out        Receives the map; NULL on failure.
 * @return CF_OK; over 0 items also when the executor was shut down;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED;
 *         CF_INVALID_ARGUMENT: a NULL argument, or a size that overflows. After a failure what
 *         has not started is cancelled.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the items are copied;
 * the caller owns the map, see cf_map_free(). Python: `Executor.map(function, items)`.
 *
 * @code{.c}
 * cf_map *m;
 * cf_item item;
 * if (cf_executor_map(executor, task_square, numbers, sizeof numbers[0], 1000, NULL, &m) == CF_OK)
 * {
 *   while (cf_map_next(m, &item) == CF_OK)
 *     if (item.status == CF_OK)
 *       printf("%zu: %d\n", item.index, *(const int *)item.data);
 *   cf_map_free(m);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_map(cf_executor *executor, cf_task_fn function,
                                              const void *items, size_t item_size, size_t count,
                                              const cf_map_options *options, cf_map **out);

/**
 * Calls a function for every item of several arrays, taken side by side.
 *
 * The shortest array ends it; one with the count CF_REPEAT gives its first item for ever. The
 * items of one position are laid out behind each other as the members of a C struct are, so that
 * the task can read arg as such a struct. Otherwise as cf_executor_map().
 *
 * @param executor  The executor.
 * @param function  The task; arg points to a copy of its items.
 * @param arrays    n_arrays arrays. May be NULL when n_arrays is 0.
 * @param n_arrays  Number of arrays; 0 makes an empty map.
 * @param options   Options. May be NULL: the defaults.
 * @param out       Receives the map; NULL on failure.
 * @return CF_OK; over 0 items also when the executor was shut down;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_NO_MEMORY: also at the limit of a process pool's shared memory;
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED;
 *         CF_INVALID_ARGUMENT: a NULL argument, a size that overflows, a stride below the item's
 *         size, an alignment that is no power of two up to 16, or CF_REPEAT for all arrays. After
 *         a failure what has not started is cancelled.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the items are copied;
 * the caller owns the map, see cf_map_free(). Python: `Executor.map(function, xs, ys, repeat(z))`.
 *
 * @code{.c}
 * int exponent = 3;
 * cf_array arrays[2] = {
 *   { .data = numbers, .item_size = sizeof numbers[0], .count = 1000 },
 *   { .data = &exponent, .item_size = sizeof exponent, .count = CF_REPEAT },
 * };
 * cf_map *m;
 * if (cf_executor_map_arrays(executor, task_power, arrays, 2, NULL, &m) == CF_OK)
 *   cf_map_free(m);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_map_arrays(cf_executor *executor, cf_task_fn function,
                                                     const cf_array *arrays, size_t n_arrays,
                                                     const cf_map_options *options, cf_map **out);

/**
 * Returns the outcome of the next item in input order, waiting for it if need be.
 *
 * A failed item does not end the map: the call returns CF_OK and item.status says how it ended. The
 * death of a worker process fails the one item that it was running.
 *
 * @param map  The map.
 * @param out  Receives the outcome; what it points to is valid until the next call for this map.
 * @return CF_OK: *out is written;
 *         CF_END: all outcomes have been given;
 *         CF_TIMEOUT: once, when the map's time is over and the next outcome is not there; what has
 *         not started is cancelled, and the next call returns CF_END;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_INVALID_STATE: another thread is in this call;
 *         CF_FORKED, CF_INVALID_ARGUMENT.
 *
 * Threads: any, one at a time for the same map. Ownership: the result and the error belong to the
 * map. Python: `next(iterator)` of `Executor.map`, which goes on after an exception.
 *
 * @code{.c}
 * cf_item item;
 * while (cf_map_next(map, &item) == CF_OK)
 *   if (item.status != CF_OK)
 *     printf("%zu: %s\n", item.index, cf_error_message(item.error));
 * @endcode
 * @since 0.1
 */
CF_API cf_status cf_map_next(cf_map *map, cf_item *out);

/**
 * Frees a map, at any time, and cancels its items that have not started.
 *
 * It does not wait: items that run already run to their end.
 *
 * @param map  The map. May be NULL. One of the parent process is left alone.
 *
 * Threads: any; nobody else may use the map any more. Ownership: takes the map and all results and
 * errors that it gave. Python: `iterator.close()`.
 *
 * @code{.c}
 * cf_map_free(map);
 * @endcode
 * @since 0.1
 */
CF_API void cf_map_free(cf_map *map);

/**
 * Calls a function for every item of an array, in parallel, and puts the results side by side.
 *
 * It returns when all is done. A thread pool reads the items where they lie and does not copy them
 * before; a process pool copies them and the results once. A failed item does not stop the others.
 * When the time of the options is over, what has not started is cancelled. In every case the call
 * returns only when no running item can touch the arrays any more.
 *
 * @param executor       The executor.
 * @param function       The task; arg points to its item. Its result must have out_item_size
 *                       bytes.
 * @param items          count items of item_size bytes side by side. May be NULL when either is 0.
 * @param item_size      Size of one item in bytes.
 * @param count          Number of items; CF_REPEAT is not allowed here.
 * @param options        Options. May be NULL: the defaults.
 * @param out            Room for count results; those of failed items are not written. May be NULL
 *                       when count or out_item_size is 0.
 * @param out_item_size  Size of one result in bytes. 0: the function gives no results.
 * @param statuses       Room for count statuses: CF_OK or how the item ended, CF_SIZE_MISMATCH if
 *                       its result had another size, CF_CANCELLED if it was not started. May be
 *                       left as it is when no item was started. May be NULL.
 * @param error          Receives what went wrong, with the item's position as cf_error_index();
 *                       NULL on success. May be NULL.
 * @return CF_OK: every item succeeded; over 0 items also when the executor was shut down;
 *         CF_TASK_FAILED, CF_SIZE_MISMATCH, CF_CANCELLED, CF_BROKEN_POOL, CF_WORKER_DIED,
 *         CF_NO_MEMORY: how the failed item with the lowest index ended;
 *         CF_TIMEOUT: the time was over first;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED;
 *         CF_INVALID_ARGUMENT: a NULL argument, or a size that overflows.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
 * error, see cf_error_free(). Python: `out = list(executor.map(function, items))`.
 *
 * @code{.c}
 * int squares[1000];
 * if (cf_executor_map_into(executor, task_square, numbers, sizeof numbers[0], 1000, NULL, squares,
 *                          sizeof squares[0], NULL, NULL) == CF_OK)
 *   printf("%d\n", squares[999]);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_map_into(cf_executor *executor, cf_task_fn function,
                                                   const void *items, size_t item_size,
                                                   size_t count, const cf_map_options *options,
                                                   void *out, size_t out_item_size,
                                                   cf_status *statuses, cf_error **error);

/**
 * Calls a function for every item of several arrays, and puts the results side by side.
 *
 * The arrays are read as by cf_executor_map_arrays(), the results come as from
 * cf_executor_map_into().
 *
 * @param executor       The executor.
 * @param function       The task; arg points to its items. Its result must have out_item_size
 *                       bytes.
 * @param arrays         n_arrays arrays. May be NULL when n_arrays is 0.
 * @param n_arrays       Number of arrays; 0 for an empty map.
 * @param options        Options. May be NULL: the defaults.
 * @param out            Room for as many results as the shortest array has items; those of failed
 *                       items are not written. May be NULL when there are none or out_item_size is
 *                       0.
 * @param out_item_size  Size of one result in bytes. 0: the function gives no results.
 * @param statuses       Room for as many statuses: CF_OK or how the item ended, CF_SIZE_MISMATCH
 *                       if its result had another size, CF_CANCELLED if it was not started. May be
 *                       left as it is when no item was started. May be NULL.
 * @param error          Receives what went wrong, with the item's position as cf_error_index();
 *                       NULL on success. May be NULL.
 * @return CF_OK: every item succeeded; over 0 items also when the executor was shut down;
 *         CF_TASK_FAILED, CF_SIZE_MISMATCH, CF_CANCELLED, CF_BROKEN_POOL, CF_WORKER_DIED,
 *         CF_NO_MEMORY: how the failed item with the lowest index ended;
 *         CF_TIMEOUT: the time was over first;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNKNOWN_FUNCTION: the worker processes cannot find the function, see
 *         cf_register_task();
 *         CF_OS_ERROR: the first worker cannot be started;
 *         CF_FORKED;
 *         CF_INVALID_ARGUMENT: a NULL argument, a size that overflows, a stride below the item's
 *         size, an alignment that is no power of two up to 16, or CF_REPEAT for all arrays.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
 * error, see cf_error_free(). Python: `out = list(executor.map(function, xs, ys))`.
 *
 * @code{.c}
 * int exponents[1000] = { 2, 3 }, powers[1000];
 * cf_array arrays[2] = {
 *   { .data = numbers, .item_size = sizeof numbers[0], .count = 1000 },
 *   { .data = exponents, .item_size = sizeof exponents[0], .count = 1000 },
 * };
 * if (cf_executor_map_arrays_into(executor, task_power, arrays, 2, NULL, powers, sizeof powers[0],
 *                                 NULL, NULL) == CF_OK)
 *   printf("%d\n", powers[0]);
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_map_arrays_into(cf_executor *executor,
                                                          cf_task_fn function,
                                                          const cf_array *arrays, size_t n_arrays,
                                                          const cf_map_options *options, void *out,
                                                          size_t out_item_size, cf_status *statuses,
                                                          cf_error **error);

/**
 * Runs a loop body over the indices from begin up to, but not including, end, in parallel.
 *
 * The range is split into pieces, and the function loops over the indices of each: there is no
 * call per index. It returns when all pieces are done. The caller takes part in the work: with
 * max_workers - 1 workers beside it, as many threads as the pool has, and alone in a pool of one
 * worker. When a piece fails, those that have not started are left out.
 *
 * @param executor  The executor: a thread pool.
 * @param begin     First index.
 * @param end       One more than the last index; not below begin.
 * @param grain     Fewest indices worth a piece of their own. 0: chosen by the library.
 * @param function  The loop body.
 * @param ctx       Passed to it. May be NULL.
 * @param error     Receives what went wrong, with the piece's first index as cf_error_index();
 *                  NULL on success. May be NULL.
 * @return CF_OK: every piece succeeded; also for an empty range;
 *         CF_TASK_FAILED: a piece failed; of several the one with the lowest index is reported;
 *         CF_BROKEN_POOL: the pool is broken, cf_executor_error() says why;
 *         CF_SHUTDOWN: the executor was shut down;
 *         CF_UNSUPPORTED: a process pool, whose tasks cannot reach what ctx points to; or a piece
 *         gave a result;
 *         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
 *         CF_NO_MEMORY; CF_FORKED;
 *         CF_INVALID_ARGUMENT: executor or function is NULL, or begin is above end.
 *
 * Threads: any, at any time, tasks of the same executor included. Ownership: the caller owns the
 * error, see cf_error_free(). Python: has no equivalent; `for i in range(begin, end):` in
 * parallel.
 *
 * @code{.c}
 * static int32_t halve(cf_task *task, size_t begin, size_t end, void *ctx) {
 *   double *values = ctx;
 *   for (size_t i = begin; i < end; i++)
 *     values[i] *= 0.5;
 *   (void)task;
 *   return 0;
 * }
 * static cf_status halve_all(cf_executor *pool, double *values, size_t n) {
 *   return cf_executor_for_range(pool, 0, n, 0, halve, values, NULL);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_for_range(cf_executor *executor, size_t begin, size_t end,
                                                    size_t grain, cf_range_fn function, void *ctx,
                                                    cf_error **error);

/* -------------------------------------------------------------------------------- Shared memory */

/**
 * Allocates memory that the caller and all tasks of an executor see at the same address.
 *
 * Pointers to it and within it hold in every worker process, and what a task writes into it the
 * caller reads. When several tasks work on it at the same time, they share it as threads do, with
 * atomic variables for instance; a lock that a dying worker holds stays locked.
 *
 * An argument or a map's context that lies in it is passed to a process pool and not copied: the
 * task works on the memory itself. A thread pool copies arguments all the same. A task that is to
 * change the memory in both gets a pointer to it, as below. In a thread pool it is plain memory, so
 * that the same program serves both.
 *
 * @param executor  The executor.
 * @param size      Size in bytes, at least 1. In a process pool it counts against
 *                  cf_options_set_shared_memory_limit().
 * @param out       Receives the memory, 64-byte aligned and not zeroed; NULL on failure.
 * @return CF_OK;
 *         CF_NO_MEMORY: also at the limit of the pool's shared memory;
 *         CF_FORKED; CF_INVALID_ARGUMENT: a NULL argument, or 0 bytes.
 *
 * Threads: any, at any time. Ownership: the caller owns the memory, see cf_executor_shared_free().
 * Python: `multiprocessing.shared_memory.SharedMemory(create=True, size=size)`.
 *
 * @code{.c}
 * static int32_t task_fill(cf_task *task, void *arg, size_t arg_size) {
 *   double *values = *(double **)arg; // a pointer to shared memory holds here as well
 *   (void)task, (void)arg_size;
 *   for (size_t i = 0; i < 1000; i++)
 *     values[i] = i * 0.5;
 *   return 0;
 * }
 * static void print_last(cf_executor *pool) {
 *   void *values;
 *   cf_future *f;
 *   if (cf_executor_shared_alloc(pool, 1000 * sizeof(double), &values) != CF_OK)
 *     return;
 *   if (cf_executor_submit(pool, task_fill, &values, sizeof values, &f) == CF_OK) {
 *     if (cf_future_result(f, CF_FOREVER, NULL, NULL) == CF_OK)
 *       printf("%g\n", ((double *)values)[999]);
 *     cf_future_release(f);
 *   }
 *   cf_executor_shared_free(pool, values);
 * }
 * @endcode
 * @since 0.1
 */
CF_API CF_NODISCARD cf_status cf_executor_shared_alloc(cf_executor *executor, size_t size,
                                                       void **out);

/**
 * Frees memory of cf_executor_shared_alloc().
 *
 * No task may use it any more, running or queued. Do it before cf_executor_free(): after that the
 * memory of a process pool is gone, and that of a thread pool can no longer be freed.
 *
 * @param executor  The executor that gave it. One of the parent process is left alone.
 * @param memory    The memory, as cf_executor_shared_alloc() gave it. May be NULL.
 *
 * Threads: any, at any time. Ownership: takes the memory. Python: `SharedMemory.unlink()`.
 *
 * @code{.c}
 * void *memory;
 * if (cf_executor_shared_alloc(executor, 4096, &memory) == CF_OK)
 *   cf_executor_shared_free(executor, memory);
 * @endcode
 * @since 0.1
 */
CF_API void cf_executor_shared_free(cf_executor *executor, void *memory);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CFUTURES_H */
