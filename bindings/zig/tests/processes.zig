//! Worker processes, forked and spawned: the spawned ones run this very program, see runner.zig.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;

test "process_result" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer pool.deinit();
        const n: i64 = 9;
        const squared = try pool.submitC(i64, tasks.square, std.mem.asBytes(&n));
        defer squared.deinit();
        try testing.expectEqual(81, try squared.result(.forever));
        const pid = try pool.submitC(i64, tasks.pid, "");
        defer pid.deinit();
        try testing.expect(try pid.result(.forever) != getpid());
    }
}
extern fn getpid() c_int;

const Job = struct { width: u32, height: u32, title: [16]u8 };
const Answer = union(enum) { area: u64, none: void };

fn area(job: Job, twice: bool) error{ Flat, OutOfMemory }!Answer {
    if (job.title[0] == 'x') return error.OutOfMemory;
    if (job.width == 0) return error.Flat;
    if (job.height == 0) return .none;
    return .{ .area = @as(u64, job.width) * job.height * if (twice) @as(u64, 2) else 1 };
}

test "process_function" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 2, .start_method = start });
        defer pool.deinit();
        var job: Job = .{ .width = 3, .height = 4, .title = @splat('n') };
        const future = try pool.submit(area, .{ job, true });
        defer future.deinit();
        try testing.expectEqual(Answer{ .area = 24 }, try future.result(.forever));
        job.width = 0;
        const flat = try pool.submit(area, .{ job, false });
        defer flat.deinit();
        try testing.expectError(error.Flat, flat.result(.forever));
        job.title[0] = 'x';
        const memory = try pool.submit(area, .{ job, false });
        defer memory.deinit();
        try testing.expectError(error.OutOfMemory, memory.result(.forever));
        try testing.expectEqual(error.TaskFailed, memory.failure().?.err());

        var results: [300]u64 = undefined;
        var items: [300]u64 = undefined;
        for (&items, 0..) |*item, i| item.* = i;
        try pool.mapInto(tasks.double, &items, &results, .{});
        for (results, items) |result, item| try testing.expectEqual(2 * item, result);
    }
}

fn overrun(n: usize) u8 {
    // A bug that safe builds catch, and others do not.
    @setRuntimeSafety(true);
    const numbers = [_]u8{ 1, 2, 3 };
    return numbers[n];
}

test "worker_crash" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer pool.deinit();
        const before = try pool.submitC(i64, tasks.pid, "");
        defer before.deinit();
        const pid = try before.result(.forever);
        for ([_]std.posix.SIG{ .SEGV, .KILL, .ABRT }) |signal| {
            const number: i32 = @intCast(@backingInt(signal));
            const crashed = try pool.submitC(void, tasks.crash, std.mem.asBytes(&number));
            defer crashed.deinit();
            try testing.expectError(error.WorkerDied, crashed.result(.forever));
            const failure = crashed.failure().?;
            try testing.expectEqual(number, failure.signal());
            try testing.expectEqual(null, failure.exitCode());
            if (signal == .SEGV) try testing.expectEqual(pid, failure.pid().?);
        }
        const after = try pool.submit(tasks.double, .{21});
        defer after.deinit();
        try testing.expectEqual(42, try after.result(.forever));
        try testing.expectEqual(null, pool.broken());
    }
}

fn leave(code: u8) noreturn {
    exit(code);
}
extern fn exit(c_int) noreturn;

test "worker_exit" {
    const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork });
    defer pool.deinit();
    const future = try pool.submit(leave, .{7});
    defer future.deinit();
    try testing.expectError(error.WorkerDied, future.result(.forever));
    try testing.expectEqual(7, future.failure().?.exitCode());
    try testing.expectEqual(null, future.failure().?.signal());
}

test "kill_future" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer pool.deinit();
        const future = try pool.submitC(void, tasks.endless, "");
        defer future.deinit();
        while (!future.running()) tasks.breathe();
        try testing.expect(!future.cancel());
        try future.kill(.poll);
        try testing.expectError(error.Cancelled, future.result(.forever));
        try testing.expectError(error.InvalidState, future.kill(.poll));
        const after = try pool.submit(tasks.double, .{4});
        defer after.deinit();
        try testing.expectEqual(8, try after.result(.forever));
    }
}

fn increase(counters: cf.Shared(u64), at: u32) void {
    _ = @atomicRmw(u64, &counters.slice()[at], .Add, 1, .monotonic);
}

test "shared_memory" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 2, .start_method = start });
        defer pool.deinit();
        const counters = try pool.sharedAlloc(u64, 4);
        defer pool.sharedFree(counters);
        @memset(counters.slice(), 10);
        var futures: [20]cf.Future(void) = undefined;
        for (&futures, 0..) |*future, i| future.* = try pool.submit(increase, .{ counters, @as(u32, @intCast(i % 4)) });
        defer cf.deinitAll(&futures);
        try testing.expectEqual(20, try cf.wait(&futures, .{}));
        for (futures) |future| try future.result(.poll);
        try testing.expectEqualSlices(u64, &.{ 15, 15, 15, 15 }, counters.slice());
    }
}

var set_up: u64 = 0;

fn setUp(value: u64) void {
    set_up = value;
}

fn readSetUp() u64 {
    return set_up;
}

fn refuse() error{NoLicence}!void {
    return error.NoLicence;
}

test "initializer" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .initWith(.{ .max_workers = 1, .start_method = start }, setUp, .{42});
        defer pool.deinit();
        const future = try pool.submit(readSetUp, .{});
        defer future.deinit();
        try testing.expectEqual(42, try future.result(.forever));
        try testing.expectEqual(0, set_up);
    }
}

test "initializer_fails" {
    const threads: cf.ThreadPool = try .initWith(.{ .max_workers = 1 }, refuse, .{});
    defer threads.deinit();
    // Whether it is known in time is chance; the pool is broken in any case.
    if (threads.submit(tasks.double, .{1})) |future| {
        defer future.deinit();
        try testing.expectError(error.BrokenPool, future.result(.forever));
    } else |err| try testing.expectEqual(error.BrokenPool, err);
    try testing.expect(std.mem.endsWith(u8, threads.broken().?.message(), ": NoLicence"));

    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .initWith(.{ .max_workers = 1, .start_method = start }, refuse, .{});
        defer pool.deinit();
        const future = try pool.submit(tasks.double, .{1});
        defer future.deinit();
        try testing.expectError(error.BrokenPool, future.result(.forever));
        try testing.expectError(error.BrokenPool, pool.submit(tasks.double, .{1}));
        try testing.expect(std.mem.endsWith(u8, pool.broken().?.message(), ": NoLicence"));
        try testing.expectEqual(@intFromError(error.NoLicence), pool.broken().?.code());
    }
}

test "process_callback" {
    const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork });
    defer pool.deinit();
    var sum: u64 = 0;
    for (1..11) |n| {
        const future = try pool.submit(tasks.double, .{n});
        defer future.deinit();
        try future.addDoneCallback(testing.allocator, add, .{&sum});
    }
    try pool.shutdown(.{});
    try testing.expectEqual(110, sum);
}

fn add(future: cf.Future(u64), sum: *u64) void {
    sum.* += future.result(.poll) catch 0;
}

test "terminate" {
    const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork });
    defer pool.deinit();
    var futures: [2]cf.Future(void) = undefined;
    for (&futures) |*future| future.* = try pool.submitC(void, tasks.endless, "");
    defer cf.deinitAll(&futures);
    while (!futures[0].running()) tasks.breathe();
    try pool.terminateWorkers();
    try pool.join(.forever);
    try testing.expectError(error.WorkerDied, futures[0].result(.forever));
    try testing.expectEqual(15, futures[0].failure().?.signal());
    try testing.expectError(error.Cancelled, futures[1].result(.forever));
    try pool.killWorkers();
}

test "forked_handles" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    const future = try pool.submit(tasks.double, .{1});
    defer future.deinit();
    inherited = future;
    const processes: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork });
    defer processes.deinit();
    const asked = try processes.submit(askInherited, .{});
    defer asked.deinit();
    try testing.expectError(error.Forked, asked.result(.forever));
    try testing.expectEqual(2, try future.result(.forever));
}

var inherited: cf.Future(u64) = undefined;

fn askInherited() cf.Error!u64 {
    return inherited.result(.forever);
}

test "break_pool" {
    const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork, .on_worker_death = .break_pool });
    defer pool.deinit();
    const number: i32 = 9;
    const crashed = try pool.submitC(void, tasks.crash, std.mem.asBytes(&number));
    defer crashed.deinit();
    try testing.expectError(error.BrokenPool, crashed.result(.forever));
    try testing.expectEqual(9, pool.broken().?.signal());
    try testing.expectError(error.BrokenPool, pool.submit(tasks.double, .{1}));
}

test "panic" {
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer pool.deinit();
        const future = try pool.submit(quietOverrun, .{5});
        defer future.deinit();
        try testing.expectError(error.WorkerDied, future.result(.forever));
        try testing.expectEqual(6, future.failure().?.signal());
    }
}

/// As overrun; what the panic prints is of no interest.
fn quietOverrun(n: usize) u8 {
    _ = close(2);
    return overrun(n);
}
extern fn close(c_int) c_int;

fn report(n: u64) [256]u8 {
    var text: [256]u8 = @splat(0);
    // What prints asks the environment about colours first.
    std.debug.print("", .{});
    const variable = std.c.getenv("PATH") orelse "none";
    _ = std.fmt.bufPrint(&text, "{d} {s}", .{ n, variable }) catch {};
    return text;
}

test "environment" {
    const here = report(1);
    for (tasks.starts) |start| {
        const pool: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer pool.deinit();
        const future = try pool.submit(report, .{1});
        defer future.deinit();
        try testing.expectEqualStrings(&here, &try future.result(.seconds(30)));
    }
}
