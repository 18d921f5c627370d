//! The C interface as this program calls it, after include/cfutures.h.
//!
//! Declared safe, so that the driver reads as a C program does: what makes the calls right is the world's own
//! account of which handles it has.

use std::ffi::{c_char, c_int, c_void};

pub type Status = i32;
pub const OK: Status = 0;
pub const TIMEOUT: Status = -1;
pub const CANCELLED: Status = -2;
pub const TASK_FAILED: Status = -3;
pub const WORKER_DIED: Status = -4;
pub const SHUTDOWN: Status = -6;
pub const END: Status = -10;
pub const INVALID_ARGUMENT: Status = -11;
pub const INVALID_STATE: Status = -12;
pub const UNSUPPORTED: Status = -16;
pub const SIZE_MISMATCH: Status = -18;

pub const PENDING: c_int = 0;
pub const RUNNING: c_int = 1;
pub const FINISHED: c_int = 2;
pub const FAILED: c_int = 3;
pub const STATE_CANCELLED: c_int = 4;

pub const FOREVER: i64 = i64::MAX;
pub const REPEAT: usize = usize::MAX;
pub const START_FORK: c_int = 1;

macro_rules! opaque {
    ($($name:ident)*) => { $(#[repr(C)] pub struct $name { _private: [u8; 0] })* };
}
opaque! { Executor Options Future Completions Queue MapOptions Map Error Task }

pub type TaskFn = Option<extern "C" fn(*mut Task, *mut c_void, usize) -> i32>;
pub type DoneFn = Option<extern "C" fn(*mut Future, *mut c_void)>;
pub type FreeFn = Option<extern "C" fn(*mut c_void)>;
pub type EachFn = Option<extern "C" fn(*mut Future, usize, *mut c_void) -> bool>;
pub type RangeFn = Option<extern "C" fn(*mut Task, usize, usize, *mut c_void) -> i32>;

#[repr(C)]
pub struct Array {
    pub data: *const c_void,
    pub item_size: usize,
    pub item_align: usize,
    pub stride: usize,
    pub count: usize,
}

#[repr(C)]
pub struct Item {
    pub index: usize,
    pub status: Status,
    pub data: *const c_void,
    pub size: usize,
    pub error: *const Error,
}

unsafe extern "C" {
    pub safe fn cf_error_status(error: *const Error) -> Status;
    pub safe fn cf_error_code(error: *const Error) -> i32;
    pub safe fn cf_error_message(error: *const Error) -> *const c_char;
    pub safe fn cf_error_pid(error: *const Error) -> i32;
    pub safe fn cf_error_signal(error: *const Error) -> i32;
    pub safe fn cf_error_exit_code(error: *const Error) -> i32;
    pub safe fn cf_error_index(error: *const Error) -> usize;
    pub safe fn cf_error_free(error: *mut Error);

    pub safe fn cf_task_return(task: *mut Task, data: *const c_void, size: usize) -> i32;
    pub safe fn cf_task_result_buffer(task: *mut Task, size: usize) -> *mut c_void;
    pub safe fn cf_task_return_owned(task: *mut Task, object: *mut c_void, destroy: FreeFn) -> i32;
    pub safe fn cf_task_fail(task: *mut Task, code: i32, message: *const c_char) -> i32;
    pub safe fn cf_task_index(task: *const Task) -> usize;

    pub safe fn cf_thread_pool_new(workers: usize, out: *mut *mut Executor, error: *mut *mut Error) -> Status;
    pub safe fn cf_options_new(out: *mut *mut Options) -> Status;
    pub safe fn cf_options_free(options: *mut Options);
    pub safe fn cf_options_set_max_workers(options: *mut Options, workers: usize) -> Status;
    pub safe fn cf_options_set_name(options: *mut Options, prefix: *const c_char) -> Status;
    pub safe fn cf_options_set_start_method(options: *mut Options, method: c_int) -> Status;
    pub safe fn cf_thread_pool_new_with(o: *const Options, out: *mut *mut Executor, e: *mut *mut Error) -> Status;
    pub safe fn cf_process_pool_new_with(o: *const Options, out: *mut *mut Executor, e: *mut *mut Error) -> Status;

    pub safe fn cf_executor_submit(
        executor: *mut Executor,
        function: TaskFn,
        arg: *const c_void,
        arg_size: usize,
        out: *mut *mut Future,
    ) -> Status;
    pub safe fn cf_executor_submit_owned(
        executor: *mut Executor,
        function: TaskFn,
        arg: *mut c_void,
        free_arg: FreeFn,
        options: *const c_void,
        out: *mut *mut Future,
    ) -> Status;
    pub safe fn cf_executor_submit_many(
        executor: *mut Executor,
        function: TaskFn,
        args: *const c_void,
        arg_size: usize,
        count: usize,
        out: *mut *mut Future,
        submitted: *mut usize,
    ) -> Status;

    pub safe fn cf_executor_max_workers(executor: *const Executor) -> usize;
    pub safe fn cf_executor_error(executor: *const Executor) -> *const Error;
    pub safe fn cf_executor_shutdown(executor: *mut Executor, wait: bool, cancel: bool) -> Status;
    pub safe fn cf_executor_join(executor: *mut Executor, timeout: i64) -> Status;
    pub safe fn cf_executor_free(executor: *mut Executor);
    pub safe fn cf_executor_detach(executor: *mut Executor);
    pub safe fn cf_executor_terminate_workers(executor: *mut Executor) -> Status;
    pub safe fn cf_executor_kill_workers(executor: *mut Executor) -> Status;
    pub safe fn cf_future_kill(future: *mut Future, grace: i64) -> Status;

    pub safe fn cf_future_cancel(future: *mut Future) -> bool;
    pub safe fn cf_future_state(future: *const Future) -> c_int;
    pub safe fn cf_future_cancelled(future: *const Future) -> bool;
    pub safe fn cf_future_running(future: *const Future) -> bool;
    pub safe fn cf_future_done(future: *const Future) -> bool;
    pub safe fn cf_future_result(f: *mut Future, timeout: i64, data: *mut *const c_void, size: *mut usize) -> Status;
    pub safe fn cf_future_result_into(f: *mut Future, timeout: i64, out: *mut c_void, size: usize) -> Status;
    pub safe fn cf_future_result_object(f: *mut Future, timeout: i64, out: *mut *mut c_void) -> Status;
    pub safe fn cf_future_exception(f: *mut Future, timeout: i64, out: *mut *const Error) -> Status;
    pub safe fn cf_future_data(future: *const Future, size: *mut usize) -> *const c_void;
    pub safe fn cf_future_error(future: *const Future) -> *const Error;
    pub safe fn cf_future_add_done_callback(f: *mut Future, call: DoneFn, data: *mut c_void, free: FreeFn) -> Status;
    pub safe fn cf_future_set_user_data(future: *mut Future, data: *mut c_void, destroy: FreeFn) -> Status;
    pub safe fn cf_future_user_data(future: *const Future) -> *mut c_void;
    pub safe fn cf_future_retain(future: *mut Future) -> *mut Future;
    pub safe fn cf_future_release(future: *mut Future);
    pub safe fn cf_futures_release(futures: *mut *mut Future, count: usize);
    pub safe fn cf_futures_cancel(futures: *const *mut Future, count: usize) -> usize;

    pub safe fn cf_future_new(out: *mut *mut Future) -> Status;
    pub safe fn cf_future_set_running_or_notify_cancel(future: *mut Future, run: *mut bool) -> Status;
    pub safe fn cf_future_set_result(future: *mut Future, data: *const c_void, size: usize) -> Status;
    pub safe fn cf_future_set_exception(future: *mut Future, code: i32, message: *const c_char) -> Status;

    pub safe fn cf_wait(
        futures: *const *mut Future,
        count: usize,
        timeout: i64,
        return_when: c_int,
        done: *mut bool,
        done_count: *mut usize,
    ) -> Status;
    pub safe fn cf_as_completed(
        f: *const *mut Future,
        count: usize,
        timeout: i64,
        out: *mut *mut Completions,
    ) -> Status;
    pub safe fn cf_completions_next(it: *mut Completions, index: *mut usize, out: *mut *mut Future) -> Status;
    pub safe fn cf_completions_free(it: *mut Completions);
    pub safe fn cf_as_completed_each(
        futures: *const *mut Future,
        count: usize,
        timeout: i64,
        function: EachFn,
        user_data: *mut c_void,
    ) -> Status;
    pub safe fn cf_completion_queue_new(out: *mut *mut Queue) -> Status;
    pub safe fn cf_completion_queue_add(q: *mut Queue, f: *mut Future, tag: *mut c_void, destroy: FreeFn) -> Status;
    pub safe fn cf_completion_queue_next(
        q: *mut Queue,
        timeout: i64,
        f: *mut *mut Future,
        t: *mut *mut c_void,
    ) -> Status;
    pub safe fn cf_completion_queue_fd(queue: *mut Queue) -> c_int;
    pub safe fn cf_completion_queue_close(queue: *mut Queue) -> Status;
    pub safe fn cf_completion_queue_free(queue: *mut Queue);

    pub safe fn cf_map_options_new(out: *mut *mut MapOptions) -> Status;
    pub safe fn cf_map_options_free(options: *mut MapOptions);
    pub safe fn cf_map_options_set_timeout(options: *mut MapOptions, timeout: i64) -> Status;
    pub safe fn cf_map_options_set_chunk_size(options: *mut MapOptions, items: usize) -> Status;
    pub safe fn cf_executor_map(
        executor: *mut Executor,
        function: TaskFn,
        items: *const c_void,
        item_size: usize,
        count: usize,
        options: *const MapOptions,
        out: *mut *mut Map,
    ) -> Status;
    pub safe fn cf_executor_map_arrays(
        executor: *mut Executor,
        function: TaskFn,
        arrays: *const Array,
        n_arrays: usize,
        options: *const MapOptions,
        out: *mut *mut Map,
    ) -> Status;
    pub safe fn cf_map_next(map: *mut Map, out: *mut Item) -> Status;
    pub safe fn cf_map_free(map: *mut Map);
    pub safe fn cf_executor_map_into(
        executor: *mut Executor,
        function: TaskFn,
        items: *const c_void,
        item_size: usize,
        count: usize,
        options: *const MapOptions,
        out: *mut c_void,
        out_item_size: usize,
        statuses: *mut Status,
        error: *mut *mut Error,
    ) -> Status;
    pub safe fn cf_executor_for_range(
        executor: *mut Executor,
        begin: usize,
        end: usize,
        grain: usize,
        function: RangeFn,
        ctx: *mut c_void,
        error: *mut *mut Error,
    ) -> Status;
}
