//! The part of the C interface that the sweep uses, declared as C sees it.
#![allow(clippy::missing_safety_doc)]

use core::ffi::{c_int, c_void};

/// Any handle.
pub type Handle = *mut c_void;
pub type Task = unsafe extern "C-unwind" fn(task: Handle, arg: *mut c_void, arg_size: usize) -> i32;
pub type Done = unsafe extern "C-unwind" fn(future: Handle, user_data: *mut c_void);

pub const FOREVER: i64 = i64::MAX;
pub const OK: c_int = 0;
pub const CANCELLED: c_int = -2;
pub const WORKER_DIED: c_int = -4;
pub const BROKEN_POOL: c_int = -5;
pub const END: c_int = -10;
pub const START_FORK: c_int = 1;
pub const BREAK_POOL: c_int = 1;

#[repr(C)]
pub struct Item {
    pub index: usize,
    pub status: c_int,
    pub data: *const u8,
    pub size: usize,
    pub error: Handle,
}

extern "C" {
    pub fn cf_options_new(out: *mut Handle) -> c_int;
    pub fn cf_options_free(options: Handle);
    pub fn cf_options_set_max_workers(options: Handle, n: usize) -> c_int;
    pub fn cf_options_set_start_method(options: Handle, method: c_int) -> c_int;
    pub fn cf_options_set_on_worker_death(options: Handle, policy: c_int) -> c_int;
    pub fn cf_process_pool_new_with(options: Handle, out: *mut Handle, error: *mut Handle) -> c_int;
    pub fn cf_executor_error(executor: Handle) -> Handle;
    pub fn cf_executor_shutdown(executor: Handle, wait: bool, cancel: bool) -> c_int;
    pub fn cf_executor_free(executor: Handle);
    pub fn cf_executor_shared_alloc(executor: Handle, size: usize, out: *mut *mut c_void) -> c_int;
    pub fn cf_executor_shared_free(executor: Handle, memory: *mut c_void);
    pub fn cf_executor_submit(e: Handle, f: Task, arg: *const c_void, size: usize, out: *mut Handle) -> c_int;
    pub fn cf_future_result(f: Handle, timeout: i64, data: *mut *const u8, size: *mut usize) -> c_int;
    pub fn cf_future_error(f: Handle) -> Handle;
    pub fn cf_future_cancel(f: Handle) -> bool;
    pub fn cf_future_kill(f: Handle, grace: i64) -> c_int;
    pub fn cf_future_release(f: Handle);
    pub fn cf_future_add_done_callback(f: Handle, done: Done, user_data: *mut c_void, free: *const c_void) -> c_int;
    pub fn cf_error_signal(error: Handle) -> c_int;
    pub fn cf_as_completed(futures: *const Handle, n: usize, timeout: i64, out: *mut Handle) -> c_int;
    pub fn cf_completions_next(it: Handle, index: *mut usize, out: *mut Handle) -> c_int;
    pub fn cf_completions_free(it: Handle);
    pub fn cf_map_options_new(out: *mut Handle) -> c_int;
    pub fn cf_map_options_set_chunk_size(options: Handle, items: usize) -> c_int;
    pub fn cf_map_options_free(options: Handle);
    pub fn cf_executor_map(
        e: Handle,
        f: Task,
        data: *const c_void,
        item_size: usize,
        n: usize,
        options: Handle,
        out: *mut Handle,
    ) -> c_int;
    pub fn cf_executor_map_into(
        e: Handle,
        f: Task,
        data: *const c_void,
        item_size: usize,
        n: usize,
        options: Handle,
        out: *mut c_void,
        out_size: usize,
        statuses: *mut c_int,
        error: *mut Handle,
    ) -> c_int;
    pub fn cf_error_free(error: Handle);
    pub fn cf_map_next(map: Handle, out: *mut Item) -> c_int;
    pub fn cf_map_free(map: Handle);
    pub fn cf_task_result_buffer(task: Handle, size: usize) -> *mut u8;
    pub fn cf_task_fail(task: Handle, code: i32, message: *const u8) -> i32;
}
