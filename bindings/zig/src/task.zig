//! The running call, as its task sees it.
//!
//! A function whose first parameter is a `*Task` gets it, and its arguments begin after that. Made by the library, used
//! on the thread that runs the task and only until the function returns.

const std = @import("std");
const c = @import("c");

/// The running call, for functions that want to know about it.
///
/// ```zig
/// fn halve(task: *cfutures.Task, n: u32) error{TaskFailed}!u32 {
///     if (n % 2 != 0) return task.fail(33, "that is odd");
///     return n / 2;
/// }
/// ```
pub const Task = opaque {
    /// The handle of the C interface.
    pub fn raw(task: *const Task) *c.cf_task {
        return @ptrCast(@constCast(task));
    }

    /// The position among those submitted together, from 0.
    pub fn index(task: *const Task) usize {
        return c.cf_task_index(task.raw());
    }

    /// The index of the worker in its pool; null on a thread that is no worker of the task's pool.
    pub fn worker(task: *const Task) ?u32 {
        const number = c.cf_task_worker(task.raw());
        return if (number != std.math.maxInt(u32)) number else null;
    }

    /// The name of the worker: "<prefix>_<index>".
    pub fn workerName(task: *const Task) [:0]const u8 {
        return std.mem.span(@as([*:0]const u8, c.cf_task_worker_name(task.raw())));
    }

    /// Fails the task with a code, not 0, and a message of its own: `return task.fail(5, "no such page");`. It is the
    /// last word: what the task does after it changes nothing.
    pub fn fail(task: *Task, code: i32, message: [:0]const u8) error{TaskFailed} {
        _ = c.cf_task_fail(task.raw(), code, message.ptr);
        return error.TaskFailed;
    }
};
