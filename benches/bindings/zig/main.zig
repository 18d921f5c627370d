//! The library through its package for Zig, used as any Zig program would use it: a task is a Zig function, which calls
//! the shared work as the tasks of every other program do. Loops are those of C and have no row here.

const std = @import("std");
const bench = @import("bench");
const cfutures = @import("cfutures");

const Pool = cfutures.ThreadPool;
const Work = *const fn (u64) callconv(.c) u64;
const Future = cfutures.FutureOf(call);

fn call(work: Work, arg: u64) u64 {
    return work(arg);
}

/// What did not go well ends the program.
fn must(outcome: anytype) @typeInfo(@TypeOf(outcome)).error_union.payload {
    return outcome catch |err| bench.bench_die("%s", @errorName(err).ptr);
}

fn open(workers: c_uint) callconv(.c) ?*anyopaque {
    return must(Pool.init(.{ .max_workers = workers })).raw;
}

fn close(state: ?*anyopaque) callconv(.c) void {
    poolOf(state).deinit();
}

fn submit(state: ?*anyopaque, work: ?Work, arg: u64, handle: ?*anyopaque) callconv(.c) void {
    const future: *Future = @ptrCast(@alignCast(handle));
    future.* = must(poolOf(state).submit(call, .{ work.?, arg }));
}

fn result(_: ?*anyopaque, handle: ?*anyopaque) callconv(.c) u64 {
    const future: *Future = @ptrCast(@alignCast(handle));
    defer future.deinit();
    return must(future.result(.forever));
}

fn asCompleted(state: ?*anyopaque, count: usize) callconv(.c) u64 {
    const futures = must(std.heap.c_allocator.alloc(Future, count));
    defer std.heap.c_allocator.free(futures);
    for (futures, 0..) |*future, i| future.* = must(poolOf(state).submit(call, .{ bench.bench_noop, i }));
    defer cfutures.deinitAll(futures);
    var completed = must(cfutures.asCompleted(futures, .forever));
    defer completed.deinit();
    var sum: u64 = 0;
    while (must(completed.next())) |one| sum += must(one.future.result(.poll));
    return sum;
}

fn poolOf(state: ?*anyopaque) Pool {
    return .{ .raw = @ptrCast(state.?) };
}

pub export fn main(argc: c_int, argv: [*c][*c]u8) c_int {
    const peer: bench.bench_peer = .{
        .name = "cfutures Zig",
        .version = cfutures.c.cf_version_string(),
        .open = open,
        .close = close,
        .handle_size = @sizeOf(Future),
        .submit = submit,
        .result = result,
        .as_completed = asCompleted,
    };
    return bench.bench_main(argc, argv, &peer);
}
