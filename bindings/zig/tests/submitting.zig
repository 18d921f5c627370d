//! Submitting: what runs, what comes back, what is refused.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;

fn onePool() !cf.ThreadPool {
    return .init(.{ .max_workers = 1 });
}

test "submit_result" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const n: i64 = -12;
    const future = try pool.submitC(i64, tasks.square, std.mem.asBytes(&n));
    defer future.deinit();
    try testing.expectEqual(144, try future.result(.forever));
    try testing.expectEqual(144, try future.result(.poll));
    try testing.expectEqual(.finished, future.state());
    try testing.expectEqual(null, future.failure());

    const bytes = try pool.submitC([]const u8, tasks.square, std.mem.asBytes(&n));
    defer bytes.deinit();
    try testing.expectEqual(8, (try bytes.result(.forever)).len);
    const wrong = try pool.submitC(i32, tasks.square, std.mem.asBytes(&n));
    defer wrong.deinit();
    try testing.expectError(error.SizeMismatch, wrong.result(.forever));
}

test "submit_error" {
    const pool = try onePool();
    defer pool.deinit();
    const code: i32 = 42;
    const future = try pool.submitC(void, tasks.fail, std.mem.asBytes(&code));
    defer future.deinit();
    try testing.expectError(error.TaskFailed, future.result(.forever));
    const failure = (try future.exception(.forever)).?;
    try testing.expectEqual(error.TaskFailed, failure.err());
    try testing.expectEqual(42, failure.code());
    try testing.expectEqualStrings("failed as asked", failure.message());
    try testing.expectEqual(null, failure.pid());
    try testing.expectEqual(null, failure.signal());
    try testing.expectEqual(null, failure.exitCode());
    var buffer: [64]u8 = undefined;
    const text = try std.fmt.bufPrint(&buffer, "{f}", .{failure});
    try testing.expectEqualStrings("TaskFailed: failed as asked", text);
}

fn join(gpa: std.mem.Allocator, words: []const []const u8) ![]u8 {
    return std.mem.join(gpa, " ", words);
}

const Wide = struct { numbers: [100]u64 align(64), small: u8 };

fn widen(wide: Wide, n: u64) Wide {
    var out = wide;
    for (&out.numbers) |*number| number.* += n;
    std.debug.assert(@intFromPtr(&out) % 64 == 0);
    return out;
}

fn nothing() void {}

test "submit_closure" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const text = try pool.submit(join, .{ testing.allocator, &.{ "any", "type", "goes" } });
    defer text.deinit();
    const joined = try text.result(.forever);
    defer testing.allocator.free(joined);
    try testing.expectEqualStrings("any type goes", joined);

    const wide = try pool.submit(widen, .{ .{ .numbers = @splat(5), .small = 3 }, 2 });
    defer wide.deinit();
    const result = try wide.result(.forever);
    try testing.expectEqualSlices(u64, &@as([100]u64, @splat(7)), &result.numbers);
    try testing.expectEqual(3, result.small);

    const empty: cf.Future(void) = try pool.submit(nothing, .{});
    defer empty.deinit();
    try empty.result(.forever);
}

fn ownCode(task: *cf.Task, code: i32) error{TaskFailed}!u8 {
    return task.fail(code, "in words of its own");
}

fn anything(n: u64) anyerror!u64 {
    return if (n == 0) error.NobodyKnows else n;
}

fn inferred(n: u64) !u64 {
    if (n == 0) return error.Zero;
    return tasks.half(n);
}

test "closure_fails" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const odd = try pool.submit(tasks.half, .{3});
    defer odd.deinit();
    try testing.expectError(error.Odd, odd.result(.forever));
    const failure = odd.failure().?;
    try testing.expectEqualStrings("Odd", failure.message());
    try testing.expectEqual(@intFromError(error.Odd), failure.code());

    const zero = try pool.submit(inferred, .{0});
    defer zero.deinit();
    try testing.expectError(error.Zero, zero.result(.forever));
    const fine = try pool.submit(inferred, .{8});
    defer fine.deinit();
    try testing.expectEqual(4, try fine.result(.forever));

    const own = try pool.submit(ownCode, .{77});
    defer own.deinit();
    try testing.expectError(error.TaskFailed, own.result(.forever));
    try testing.expectEqual(77, own.failure().?.code());
    try testing.expectEqualStrings("in words of its own", own.failure().?.message());

    // Of anyerror the library gives the name.
    const any = try pool.submit(anything, .{0});
    defer any.deinit();
    try testing.expectError(error.TaskFailed, any.result(.forever));
    try testing.expectEqualStrings("NobodyKnows", any.failure().?.message());
}

fn describe(task: *cf.Task, n: u64) [4]u64 {
    const name = task.workerName();
    return .{ n, task.index(), task.worker().?, name.len };
}

test "submit_many" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2, .name = "crew" });
    defer pool.deinit();
    const items = [_]u64{ 5, 6, 7, 8, 9 };
    var futures: [items.len]cf.FutureOf(describe) = undefined;
    try pool.submitMany(describe, &items, &futures);
    defer cf.deinitAll(&futures);
    for (futures, items, 0..) |future, item, i| {
        const got = try future.result(.forever);
        try testing.expectEqual(item, got[0]);
        try testing.expectEqual(i, got[1]);
        try testing.expect(got[2] < 2);
        try testing.expectEqual("crew_0".len, got[3]);
    }

    const numbers = [_]i64{ 2, 3, 4 };
    var squares: [3]cf.Future(i64) = undefined;
    try pool.submitManyC(i64, i64, tasks.square, &numbers, &squares);
    defer cf.deinitAll(&squares);
    for (squares, numbers) |future, n| try testing.expectEqual(n * n, try future.result(.forever));
}

test "invalid_argument" {
    try testing.expectError(error.InvalidArgument, cf.ThreadPool.init(.{ .max_workers = 0 }));
    var why: cf.Diagnostics = .{};
    defer why.deinit();
    const all = std.math.maxInt(usize);
    try testing.expectError(error.InvalidArgument, cf.ProcessPool.init(.{ .max_workers = 5000, .diagnostics = &why }));
    try testing.expect(why.failure().?.message().len > 0);
    try testing.expectError(error.InvalidArgument, cf.ThreadPool.init(.{ .stack_size = all }));

    const pool = try onePool();
    defer pool.deinit();
    var two: [2]cf.FutureOf(tasks.double) = undefined;
    try testing.expectError(error.InvalidArgument, pool.submitMany(tasks.double, &.{ 1, 2, 3 }, &two));
    var results: [2]u64 = .{ 11, 12 };
    try testing.expectError(error.InvalidArgument, pool.mapInto(tasks.double, &.{1}, &results, .{}));
    try testing.expectEqual([2]u64{ 11, 12 }, results);
    const future = try pool.submit(tasks.double, .{1});
    defer future.deinit();
    var flag: [2]bool = undefined;
    try testing.expectError(error.InvalidArgument, cf.wait(&[_]cf.Future(u64){future}, .{ .done = &flag }));
    try testing.expectEqual(2, try future.result(.forever));
    const promise: cf.Promise(u8) = try .init();
    defer promise.deinit();
    try testing.expectError(error.InvalidArgument, promise.fail(0, "no code"));
    try testing.expectEqual(.pending, promise.future.state());
}

test "travels" {
    try testing.expect(cf.travels(struct { a: u8, b: ?[3]f64, c: union(enum) { x: u8, y: void } }));
    try testing.expect(cf.travels(cf.Shared([4]u32)));
    try testing.expect(cf.travels(error{A}!u8));
    try testing.expect(!cf.travels([]const u8));
    try testing.expect(!cf.travels(struct { u8, ?*u8 }));
    try testing.expect(!cf.travels(cf.Future(u8)));
    try testing.expect(!cf.travels(*const fn () void));
}

test "statuses" {
    for ([_]cf.Error{ error.Timeout, error.WorkerDied, error.OutOfMemory, error.UnknownFunction }) |err| {
        try testing.expectEqual(err, cf.errorOf(cf.statusOf(err)));
    }
    // None of the library's failures is missing in the table.
    var status: c_int = cf.c.CF_TIMEOUT;
    while (!std.mem.eql(u8, std.mem.span(cf.c.cf_status_name(status)), "CF_UNKNOWN")) : (status -= 1) {
        if (status != cf.c.CF_END) try testing.expectEqual(status, cf.statusOf(cf.errorOf(status)));
    }
    try testing.expect(status < cf.c.CF_UNKNOWN_FUNCTION);
    try testing.expectEqual(error.Unexpected, cf.errorOf(-9999));
    try testing.expect(cf.version().order(.{ .major = 0, .minor = 1, .patch = 0 }) != .lt);
}

test "options" {
    std.testing.refAllDecls(cf);
    const square: cf.Initializer = .{ .function = tasks.square, .arg = std.mem.asBytes(&@as(i64, 3)) };
    const threads: cf.ThreadPool = try .init(.{
        .max_workers = 3,
        .name = "all",
        .initializer = square,
        .stack_size = 1 << 20,
        .max_spares = 1,
        .inline_wait = false,
    });
    defer threads.deinit();
    try testing.expectEqual(3, threads.maxWorkers());
    const future = try threads.submit(tasks.double, .{2});
    defer future.deinit();
    try testing.expectEqual(4, try future.result(.forever));

    const processes: cf.ProcessPool = try .init(.{
        .max_workers = 1,
        .name = "all",
        .initializer = square,
        .start_method = .spawn,
        .max_tasks_per_child = 1,
        .shared_memory_limit = 16 << 20,
        .worker_memory_limit = 1 << 30,
    });
    defer processes.deinit();
    var pids: [2]cf.Future(i64) = undefined;
    try processes.submitManyC(u8, i64, tasks.pid, &.{ 1, 2 }, &pids);
    defer cf.deinitAll(&pids);
    try testing.expect(try pids[0].result(.forever) != try pids[1].result(.forever));
    try testing.expectError(error.OutOfMemory, processes.sharedAlloc(u8, 32 << 20));

    var why: cf.Diagnostics = .{};
    defer why.deinit();
    const missing: cf.ProcessOptions = .{
        .start_method = .spawn,
        .worker_program = "/nowhere/worker",
        .diagnostics = &why,
    };
    try testing.expectError(error.Unsupported, cf.ProcessPool.init(missing));
    try testing.expect(std.mem.find(u8, why.failure().?.message(), "/nowhere/worker") != null);
    try cf.registerTask("zig-test.square", tasks.square);
    try testing.expectError(error.InvalidState, cf.registerTask("zig-test.square", tasks.fail));
}
