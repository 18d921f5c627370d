//! Shutdown, and what is left after it.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;
const Gate = tasks.Gate;

test "shutdown_waits" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var futures: [50]cf.Future(u64) = undefined;
    var items: [50]u64 = @splat(21);
    try pool.submitMany(tasks.double, &items, &futures);
    defer cf.deinitAll(&futures);
    try pool.shutdown(.{});
    for (futures) |future| {
        try testing.expect(future.done());
        try testing.expectEqual(42, try future.result(.poll));
    }
    try pool.join(.poll);
}

test "shutdown_cancels" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    const held = try gate.submit(pool);
    defer held.deinit();
    const pending = try pool.submit(tasks.double, .{1});
    defer pending.deinit();
    gate.awaitEntered(1);
    try testing.expectError(error.InvalidState, pool.join(.poll));
    try pool.shutdown(.{ .wait = false, .cancel_futures = true });
    try testing.expectError(error.Cancelled, pending.result(.poll));
    try testing.expectError(error.Timeout, pool.join(.poll));
    gate.open();
    try pool.join(.forever);
    try testing.expectEqual(0, try held.result(.poll));
}

test "submit_after_shutdown" {
    const threads: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer threads.deinit();
    try threads.shutdown(.{});
    try testing.expectError(error.Shutdown, threads.submit(tasks.double, .{1}));
    try testing.expectError(error.Shutdown, threads.map(tasks.double, &.{ 1, 2 }, .{}));
    const processes: cf.ProcessPool = try .init(.{ .max_workers = 1, .start_method = .fork });
    defer processes.deinit();
    try processes.shutdown(.{ .wait = false });
    try testing.expectError(error.Shutdown, processes.submit(tasks.double, .{1}));
    var futures: [2]cf.Future(u64) = undefined;
    try testing.expectError(error.Shutdown, processes.submitMany(tasks.double, &.{ 1, 2 }, &futures));
}

test "detach" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    try testing.expectEqual(1, pool.maxWorkers());
    const future = try pool.submit(tasks.double, .{3});
    defer future.deinit();
    pool.detach();
    try testing.expectEqual(6, try future.result(.forever));
}
