//! How pools are made: the options as plain structs, and what C makes of them.
//!
//! Used by executor.zig. Always true: the options of C live no longer than the call that makes the pool.

const std = @import("std");
const c = @import("c");
const status = @import("status.zig");

const Error = status.Error;

/// A C function that each worker calls once before its first task, with a copy of these bytes. For a Zig function see
/// `Executor.initWith`.
pub const Initializer = struct {
    function: *const fn (?*c.cf_task, ?*anyopaque, usize) callconv(.c) i32,
    arg: []const u8 = "",
};

/// The options of a pool of threads.
pub const ThreadOptions = struct {
    /// How many tasks may run at the same time. By default the smaller of 32 and 4 more than there are CPUs.
    max_workers: ?usize = null,
    /// What the workers are called: "<name>_0" and so on.
    name: ?[:0]const u8 = null,
    /// What each worker does first.
    initializer: ?Initializer = null,
    /// Bytes of each worker's stack, 8 MiB by default.
    stack_size: ?usize = null,
    /// How many workers may stand in for tasks that wait, 64 by default.
    max_spares: ?usize = null,
    /// Whether a task that waits for a pending one may run it itself.
    inline_wait: bool = true,
    /// Where the detail of a failure goes.
    diagnostics: ?*status.Diagnostics = null,

    pub fn apply(options: ThreadOptions, to: *c.cf_options) Error!void {
        try set(c.cf_options_set_stack_size, to, options.stack_size);
        try set(c.cf_options_set_max_spares, to, options.max_spares);
        try status.check(c.cf_options_set_inline_wait(to, options.inline_wait));
    }
};

/// How the workers of a process pool come to life.
pub const StartMethod = enum(c_int) {
    /// A fork if that is safe, which it is while this process has a single thread, else a spawn.
    auto = c.CF_START_AUTO,
    /// Copies of this process, as it was when the pool was made.
    fork = c.CF_START_FORK,
    /// Fresh runs of this program, if it has called `workerMain`, or of the worker program.
    spawn = c.CF_START_SPAWN,
};

/// What happens to a process pool when one of its workers dies.
pub const OnWorkerDeath = enum(c_int) {
    /// The task that it was running fails; another worker takes its place.
    replace_worker = c.CF_REPLACE_WORKER,
    /// The pool is broken; all that is not done fails.
    break_pool = c.CF_BREAK_POOL,
};

/// The options of a pool of processes.
pub const ProcessOptions = struct {
    /// How many tasks may run at the same time. By default as many as there are CPUs.
    max_workers: ?usize = null,
    /// What the workers are called: "<name>_0" and so on.
    name: ?[:0]const u8 = null,
    /// What each worker does first.
    initializer: ?Initializer = null,
    /// How the workers come to life.
    start_method: StartMethod = .auto,
    /// The path of the program that spawned workers run. By default this one, if it has called `workerMain`.
    worker_program: ?[:0]const u8 = null,
    /// After how many tasks a worker is replaced by a fresh one.
    max_tasks_per_child: ?usize = null,
    /// What happens when a worker dies.
    on_worker_death: OnWorkerDeath = .replace_worker,
    /// Bytes that the pool may share with its workers.
    shared_memory_limit: ?usize = null,
    /// Bytes that each worker may have for itself.
    worker_memory_limit: ?usize = null,
    /// Where the detail of a failure goes.
    diagnostics: ?*status.Diagnostics = null,

    pub fn apply(options: ProcessOptions, to: *c.cf_options) Error!void {
        try status.check(c.cf_options_set_start_method(to, @backingInt(options.start_method)));
        if (options.worker_program) |path| try status.check(c.cf_options_set_worker_program(to, path.ptr));
        try set(c.cf_options_set_max_tasks_per_child, to, options.max_tasks_per_child);
        try status.check(c.cf_options_set_on_worker_death(to, @backingInt(options.on_worker_death)));
        try set(c.cf_options_set_shared_memory_limit, to, options.shared_memory_limit);
        try set(c.cf_options_set_worker_memory_limit, to, options.worker_memory_limit);
    }
};

/// Makes a pool with `makeNew`, one of the two functions of C.
pub fn make(options: anytype, comptime makeNew: anytype) Error!*c.cf_executor {
    const why = if (options.diagnostics) |diagnostics| diagnostics.receiver() else null;
    var all: ?*c.cf_options = null;
    try status.check(c.cf_options_new(&all));
    defer c.cf_options_free(all);
    try set(c.cf_options_set_max_workers, all.?, options.max_workers);
    if (options.name) |name| try status.check(c.cf_options_set_name(all, name.ptr));
    if (options.initializer) |first|
        try status.check(c.cf_options_set_initializer(all, first.function, first.arg.ptr, first.arg.len));
    try options.apply(all.?);
    var pool: ?*c.cf_executor = null;
    try status.check(makeNew(all, &pool, why));
    return pool.?;
}

fn set(comptime setter: anytype, to: *c.cf_options, value: ?usize) Error!void {
    if (value) |number| try status.check(setter(to, number));
}
