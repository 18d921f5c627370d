//! Python's `concurrent.futures` for Zig: pools of threads and of crash-isolated worker processes behind one interface.
//!
//! ```zig
//! const pool: cfutures.ThreadPool = try .init(.{ .max_workers = 4 });
//! defer pool.deinit();
//! const future = try pool.submit(square, .{7});
//! defer future.deinit();
//! std.debug.print("{d}\n", .{try future.result(.forever)});
//! ```
//!
//! - `ThreadPool`, `ProcessPool`: make a pool with `init`, end it with `deinit`.
//! - `submit`, `submitMany`, `map`, `mapWith`, `mapInto`, `forRange`: functions of a pool that run a Zig function, known
//!   at compile time; `submitC`, `submitManyC` run a C function.
//! - `Future(T)`: `result`, `exception`, `cancel`, `kill`, `addDoneCallback`, ...
//! - `wait`, `asCompleted`, `CompletionQueue`: many futures at once.
//!
//! Handles are small values; each that a call gives is ended by one `deinit`. No call keeps memory of yours but the
//! closure of `addDoneCallback`, for which it takes an allocator. No function may be called in a signal handler.
//! What is not said here is in the C header, whose names these are.

const std = @import("std");

/// The C interface itself, translated from the installed header.
pub const c = @import("c");

const status = @import("status.zig");
pub const Error = status.Error;
pub const Failure = status.Failure;
pub const Diagnostics = status.Diagnostics;
pub const Timeout = status.Timeout;
pub const statusOf = status.statusOf;
pub const errorOf = status.errorOf;

const executor = @import("executor.zig");
pub const Executor = executor.Executor;
pub const Kind = executor.Kind;
pub const ThreadPool = executor.ThreadPool;
pub const ProcessPool = executor.ProcessPool;

const options = @import("options.zig");
pub const Initializer = options.Initializer;
pub const StartMethod = options.StartMethod;
pub const OnWorkerDeath = options.OnWorkerDeath;
pub const ThreadOptions = options.ThreadOptions;
pub const ProcessOptions = options.ProcessOptions;

const future = @import("future.zig");
pub const Future = future.Future;
pub const FutureOf = future.FutureOf;
pub const AnyFuture = future.AnyFuture;
pub const State = future.State;
pub const Promise = @import("promise.zig").Promise;
pub const Task = @import("task.zig").Task;

const map = @import("map.zig");
pub const Map = map.Map;
pub const MapOptions = map.MapOptions;

const waiting = @import("wait.zig");
pub const wait = waiting.wait;
pub const WaitOptions = waiting.WaitOptions;
pub const ReturnWhen = waiting.ReturnWhen;
pub const asCompleted = waiting.asCompleted;
pub const Completions = waiting.Completions;
pub const cancelAll = waiting.cancelAll;
pub const deinitAll = waiting.deinitAll;
pub const CompletionQueue = @import("queue.zig").CompletionQueue;

pub const Shared = @import("shared.zig").Shared;
pub const travels = @import("travel.zig").travels;

/// Lets the workers of spawned process pools run this very program. Call it first thing in `main`: in an ordinary
/// process it returns at once, in a worker it serves the pool and never returns.
pub fn workerMain() void {
    keepEnviron();
    c.cf_worker_main();
}

/// A worker takes the variable by which it was called out of its environment. Zig remembers from the start how long the
/// list was, and would stumble over its new end as soon as a task prints: the list that changes is a copy.
fn keepEnviron() void {
    if (std.c.getenv("CFUTURES_WORKER") == null) return;
    var size: usize = 1;
    while (environ[size - 1] != null) size += 1;
    const copy = std.heap.c_allocator.alloc(?[*:0]u8, size) catch return;
    @memcpy(copy, environ[0..size]);
    environ = copy.ptr;
}
extern var environ: [*]?[*:0]u8;

/// Gives a C function a name by which worker processes find it, for code that lies in no file.
pub fn registerTask(
    name: [:0]const u8,
    function: *const fn (?*c.cf_task, ?*anyopaque, usize) callconv(.c) i32,
) Error!void {
    try status.check(c.cf_register_task(name.ptr, function));
}

/// The version of the library that is linked at run time.
pub fn version() std.SemanticVersion {
    const number = c.cf_version();
    return .{ .major = number >> 16, .minor = number >> 8 & 0xff, .patch = number & 0xff };
}
