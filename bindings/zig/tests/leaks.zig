//! What 100,000 tasks and 100 pools leave behind: nothing.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;

/// What the system counts of this process.
const Counts = struct {
    descriptors: usize,
    threads: usize,
    pages: usize,

    fn now() !Counts {
        return .{
            .descriptors = try entries("/proc/self/fd"),
            .threads = try entries("/proc/self/task"),
            .pages = try resident(),
        };
    }
};

fn entries(path: []const u8) !usize {
    var folder = try std.Io.Dir.openDirAbsolute(testing.io, path, .{ .iterate = true });
    defer folder.close(testing.io);
    var count: usize = 0;
    var iterator = folder.iterate();
    while (try iterator.next(testing.io)) |_| count += 1;
    return count;
}

fn resident() !usize {
    var buffer: [128]u8 = undefined;
    const text = try std.Io.Dir.cwd().readFile(testing.io, "/proc/self/statm", &buffer);
    var words = std.mem.tokenizeScalar(u8, text, ' ');
    _ = words.next();
    return std.fmt.parseUnsigned(usize, words.next().?, 10);
}

fn addOne(_: cf.Future(u64), seen: *u32) void {
    _ = @atomicRmw(u32, seen, .Add, 1, .monotonic);
}

fn useThreads(rounds: usize) !void {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var futures: [100]cf.Future(u64) = undefined;
    var seen: u32 = 0;
    for (0..rounds) |round| {
        for (&futures, 0..) |*future, i| future.* = try pool.submit(tasks.double, .{i});
        defer cf.deinitAll(&futures);
        if (round % 10 == 0) for (futures) |future| try future.addDoneCallback(testing.allocator, addOne, .{&seen});
        var completed = try cf.asCompleted(&futures, .forever);
        defer completed.deinit();
        while (try completed.next()) |one| try testing.expectEqual(2 * one.index, try one.future.result(.poll));
        const failed = try pool.submit(tasks.half, .{1});
        defer failed.deinit();
        try testing.expectError(error.Odd, failed.result(.forever));
    }
    try pool.shutdown(.{});
    try testing.expectEqual(rounds / 10 * 100, seen);
}

fn usePools(pools: usize) !void {
    for (0..pools) |i| {
        const threads: cf.ThreadPool = try .init(.{ .max_workers = 2 });
        defer threads.deinit();
        const future = try threads.submit(tasks.double, .{1});
        defer future.deinit();
        if (i % 2 == 0) try testing.expectEqual(2, try future.result(.forever));
        const start = tasks.starts[i % 2];
        const processes: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = start });
        defer processes.deinit();
        var map = try processes.map(tasks.double, &.{ 1, 2, 3 }, .{});
        defer map.deinit();
        try testing.expectEqual(2, try map.next());
    }
}

test "leaks_nothing" {
    // What is made once, and stays, is made here.
    try useThreads(100);
    try usePools(10);
    const before: Counts = try .now();
    try useThreads(1000);
    try usePools(100);
    // A thread that was joined may be listed a little longer.
    var after: Counts = try .now();
    while (after.threads > before.threads or after.descriptors > before.descriptors) : (after = try .now()) tasks.breathe();
    // 2 MiB: a task or pool that leaks leaves more than 20 bytes, or 20 KiB.
    try testing.expect(after.pages < before.pages + 512);
}
