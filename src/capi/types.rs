//! The callback types and plain structures of the header.
//!
//! Owns: every type whose layout C sees. Used by: the entry points, and the core, which calls the callbacks.
//!
//! All callbacks are `extern "C-unwind"`: a C++ exception that escapes one then stops the program with a
//! message, where `extern "C"` would let it pass over Rust frames without running their destructors.

use crate::error::cf_error;
use crate::future::cf_future;
use crate::status::cf_status;
use crate::task::cf_task;
use core::ffi::c_void;

/// Ends the life of user data that a call or a future was given.
///
/// Runs exactly once on every path, also when the call that takes it fails. It runs on the thread
/// that drops the last use: the caller of the function that failed, a thread of the executor, or
/// whoever releases the last reference; never under a lock of the library, and never in a worker
/// process, but for what a task there gives to cf_task_return_owned(). It may call the library. It
/// must not throw or longjmp.
///
/// @param user_data  The pointer that was given with it.
pub type cf_free_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// A task: the function that a worker calls.
///
/// It may block, submit to any executor and wait for any future (see "Waiting inside a pool"). A
/// result is given with cf_task_return(), cf_task_result_buffer() or cf_task_return_owned();
/// without one the result is empty. It must not throw or longjmp out of itself, nor end its thread.
///
/// In a process pool it runs in a worker process: handles and pointers of the process that made the
/// pool mean nothing there (see "Processes"). What it does wrong ends that worker only.
///
/// @param task      The running call; valid until the function returns.
/// @param arg       The task's own copy of the submitted bytes, 16-byte aligned, which it may
///                  change; or the very pointer that was given to cf_executor_submit_owned(), or to
///                  a process pool if it lies in its memory of cf_executor_shared_alloc().
/// @param arg_size  Size of the copy in bytes; 0 for cf_executor_submit_owned().
/// @return 0 for success; any other value fails the future with this code (CF_TASK_FAILED).
pub type cf_task_fn = Option<unsafe extern "C-unwind" fn(task: *mut cf_task, arg: *mut c_void, arg_size: usize) -> i32>;

/// Called once when a future is done, however it ended.
///
/// It runs on the thread that completes the future: a worker, the caller of cf_future_cancel() or
/// of a by-hand setter; or at once in cf_future_add_done_callback() when the future is done
/// already. What a worker process completes is called back in the process that made the pool, on
/// the pool's callback thread. No lock is held: it may call everything, also wait (see "Waiting
/// inside a pool") and release the future. It must not throw or longjmp.
///
/// @param future     The future, done. Borrowed for the call: retain it to keep it.
/// @param user_data  What was given to cf_future_add_done_callback().
pub type cf_done_fn = Option<unsafe extern "C-unwind" fn(future: *mut cf_future, user_data: *mut c_void)>;

/// Called by cf_as_completed_each() for each future that is done, in the caller's thread.
///
/// @param future     The future, done. Borrowed: it is the caller's own.
/// @param index      Its first position in the array.
/// @param user_data  What was given to cf_as_completed_each().
/// @return true to go on, false to stop.
pub type cf_each_fn =
    Option<unsafe extern "C-unwind" fn(future: *mut cf_future, index: usize, user_data: *mut c_void) -> bool>;

/// A loop body over the indices from begin up to, but not including, end.
///
/// @param task   The running call, as for a task; it takes no result.
/// @param begin  First index.
/// @param end    One more than the last index.
/// @param ctx    What was given to cf_executor_for_range(). All pieces share it, at the same time.
/// @return 0 for success; any other value fails the loop with this code (CF_TASK_FAILED).
pub type cf_range_fn =
    Option<unsafe extern "C-unwind" fn(task: *mut cf_task, begin: usize, end: usize, ctx: *mut c_void) -> i32>;

/// What the core calls: the same functions, present.
pub type TaskFn = unsafe extern "C-unwind" fn(task: *mut cf_task, arg: *mut c_void, arg_size: usize) -> i32;
pub type DoneFn = unsafe extern "C-unwind" fn(future: *mut cf_future, user_data: *mut c_void);
pub type EachFn = unsafe extern "C-unwind" fn(future: *mut cf_future, index: usize, user_data: *mut c_void) -> bool;
pub type RangeFn = unsafe extern "C-unwind" fn(task: *mut cf_task, begin: usize, end: usize, ctx: *mut c_void) -> i32;

/// The count of a `cf_array` that never ends (`CF_REPEAT` in C).
pub const REPEAT: usize = usize::MAX;

/// One iterable of a map: item i is item_size bytes at data + i * stride.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cf_array {
    /// The first item. May be NULL when count or item_size is 0.
    pub data: *const c_void,
    /// Size of an item in bytes.
    pub item_size: usize,
    /// Alignment that the task needs, a power of two up to 16. 0: the largest one that divides
    /// item_size.
    pub item_align: usize,
    /// Bytes from one item to the next, at least item_size. 0: contiguous, item_size.
    pub stride: usize,
    /// Number of items. CF_REPEAT: the first item for ever.
    pub count: usize,
}

/// The outcome of one item of a map.
///
/// Python: one step of the iterator that `Executor.map` returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cf_item {
    /// Position of the item in the input.
    pub index: usize,
    /// CF_OK, or how this item ended: CF_TASK_FAILED, CF_CANCELLED, CF_WORKER_DIED, ...
    pub status: cf_status,
    /// The result, 16-byte aligned. NULL when the item failed.
    pub data: *const c_void,
    /// Size of the result in bytes. 0 when the item failed.
    pub size: usize,
    /// Why the item failed, with code, message and index. NULL when it succeeded.
    pub error: *const cf_error,
}

/// Options of one submit. There are none in this release: pass NULL.
///
/// The type is declared so that options of a coming release need no other function.
pub struct cf_submit_options {
    _private: [u8; 0],
}

/// Where a future stands.
///
/// It goes from PENDING to RUNNING to FINISHED or FAILED, or from PENDING to CANCELLED; the last
/// three are final. A future completed by hand may skip RUNNING, and cf_future_kill() leads from
/// RUNNING to CANCELLED.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum cf_state {
    /// Not started yet; it can be cancelled.
    CF_STATE_PENDING = 0,
    /// A worker, or a task that waits for it, runs it.
    CF_STATE_RUNNING = 1,
    /// Done, with a result.
    CF_STATE_FINISHED = 2,
    /// Done, with an error.
    CF_STATE_FAILED = 3,
    /// Done, as it was cancelled before it started, or killed.
    CF_STATE_CANCELLED = 4,
}

/// What cf_wait() waits for. Passed as int.
///
/// Python: the constants `ALL_COMPLETED`, `FIRST_COMPLETED` and `FIRST_EXCEPTION`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum cf_return_when {
    /// Until all futures are done.
    CF_ALL_COMPLETED = 0,
    /// Until one is done, however it ended.
    CF_FIRST_COMPLETED = 1,
    /// Until one has failed, or all are done. A cancelled future is no failure.
    CF_FIRST_EXCEPTION = 2,
}

/// How the workers of a process pool come to life. Passed as int.
///
/// Python: the names that `multiprocessing.get_context` takes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum cf_start_method {
    /// A fork if that is safe, else a spawn.
    CF_START_AUTO = 0,
    /// Copies of this process, as it was when the pool was made.
    CF_START_FORK = 1,
    /// Fresh runs of a program: this one, or a helper.
    CF_START_SPAWN = 2,
}

/// What happens to a process pool when one of its workers dies. Passed as int.
///
/// Python: always CF_BREAK_POOL.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum cf_on_worker_death {
    /// The task that it was running fails; another worker takes its place.
    CF_REPLACE_WORKER = 0,
    /// The pool is broken; all that is not done fails.
    CF_BREAK_POOL = 1,
}
