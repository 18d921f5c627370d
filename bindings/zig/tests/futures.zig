//! Futures: cancelling, waiting, callbacks, many at once.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;
const Gate = tasks.Gate;

fn submitDouble(pool: cf.ThreadPool, n: u64) !cf.Future(u64) {
    return pool.submit(tasks.double, .{n});
}

test "wait_all" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    const held = try gate.submit(pool);
    defer held.deinit();
    const free = try submitDouble(pool, 1);
    defer free.deinit();
    try testing.expectEqual(2, try free.result(.forever));
    const both = [_]cf.AnyFuture{ held.any(), free.any() };
    var done: [2]bool = undefined;
    try testing.expectEqual(1, try cf.wait(&both, .{ .timeout = .poll, .done = &done }));
    try testing.expectEqual([2]bool{ false, true }, done);
    gate.open();
    try testing.expectEqual(2, try cf.wait(&both, .{ .done = &done }));
    try testing.expectEqual([2]bool{ true, true }, done);
    const none: []const cf.Future(u8) = &.{};
    try testing.expectEqual(0, try cf.wait(none, .{}));
}

test "wait_first_completed" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    const futures = [_]cf.AnyFuture{ (try gate.submit(pool)).any(), (try submitDouble(pool, 1)).any() };
    defer cf.deinitAll(&futures);
    defer gate.open();
    var done: [2]bool = undefined;
    try testing.expectEqual(1, try cf.wait(&futures, .{ .return_when = .first_completed, .done = &done }));
    try testing.expectEqual([2]bool{ false, true }, done);
}

test "wait_first_exception" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    const held = try gate.submit(pool);
    defer held.deinit();
    defer gate.open();
    gate.awaitEntered(1);
    const fine = try submitDouble(pool, 1);
    defer fine.deinit();
    const bad = try pool.submit(tasks.half, .{1});
    defer bad.deinit();
    const all = [_]cf.AnyFuture{ held.any(), fine.any(), bad.any() };
    var done: [3]bool = undefined;
    // The one worker that is free takes them in turn.
    try testing.expectEqual(2, try cf.wait(&all, .{ .return_when = .first_exception, .done = &done }));
    try testing.expectEqual([3]bool{ false, true, true }, done);
}

test "wait_timeout" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    const futures = [_]cf.Future(i32){try gate.submit(pool)};
    defer cf.deinitAll(&futures);
    defer gate.open();
    var done = [_]bool{true};
    try testing.expectEqual(0, try cf.wait(&futures, .{ .timeout = .ms(5), .done = &done }));
    try testing.expect(!done[0]);
    try testing.expectEqual(0, try cf.wait(&futures, .{ .timeout = .ns(-1) }));
}

test "as_completed_order" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 3 });
    defer pool.deinit();
    var gates: [3]Gate = @splat(.{});
    var futures: [3]cf.Future(i32) = undefined;
    for (&futures, &gates) |*future, *gate| future.* = try gate.submit(pool);
    defer cf.deinitAll(&futures);
    var completed = try cf.asCompleted(&futures, .forever);
    defer completed.deinit();
    for ([_]usize{ 2, 0, 1 }) |turn| {
        gates[turn].open();
        const one = (try completed.next()).?;
        try testing.expectEqual(turn, one.index);
        try testing.expectEqual(futures[turn].raw, one.future.raw);
        try testing.expectEqual(0, try one.future.result(.poll));
    }
    try testing.expectEqual(null, try completed.next());
}

test "as_completed_timeout" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    const held = try gate.submit(pool);
    defer held.deinit();
    defer gate.open();
    const ready = try submitDouble(pool, 4);
    defer ready.deinit();
    _ = try ready.result(.forever);
    var completed = try cf.asCompleted(&[_]cf.AnyFuture{ held.any(), ready.any() }, .ms(5));
    defer completed.deinit();
    try testing.expectEqual(1, (try completed.next()).?.index);
    try testing.expectError(error.Timeout, completed.next());
}

test "result_timeout" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    const future = try gate.submit(pool);
    defer future.deinit();
    try testing.expectError(error.Timeout, future.result(.poll));
    try testing.expectError(error.Timeout, future.result(.seconds(0.005)));
    try testing.expectError(error.Timeout, future.exception(.ms(1)));
    gate.open();
    try testing.expectEqual(0, try future.result(.seconds(std.math.inf(f64))));
}

fn mark(flag: *bool) void {
    flag.* = true;
}

test "cancel_pending" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    const held = try gate.submit(pool);
    defer held.deinit();
    gate.awaitEntered(1);
    var ran = false;
    const future = try pool.submit(mark, .{&ran});
    defer future.deinit();
    try testing.expectEqual(.pending, future.state());
    try testing.expect(future.cancel());
    try testing.expect(future.cancelled() and future.done());
    try testing.expectError(error.Cancelled, future.result(.forever));
    try testing.expectError(error.Cancelled, future.exception(.forever));
    try testing.expectEqual(error.Cancelled, future.failure().?.err());
    gate.open();
    _ = try held.result(.forever);
    try pool.shutdown(.{});
    try testing.expect(!ran);
}

test "cancel_running" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    const future = try gate.submit(pool);
    defer future.deinit();
    gate.awaitEntered(1);
    try testing.expect(future.running());
    try testing.expect(!future.cancel());
    try testing.expectError(error.Unsupported, future.kill(.poll));
    const waiting = try submitDouble(pool, 1);
    defer waiting.deinit();
    try testing.expectEqual(1, cf.cancelAll(&[_]cf.AnyFuture{ future.any(), waiting.any() }));
    gate.open();
    try testing.expectEqual(0, try future.result(.forever));
}

const Seen = struct {
    calls: u32 = 0,
    sum: u64 = 0,

    // What a worker adds the test reads only when the pool has ended, or on this thread.
    fn add(future: cf.Future(u64), seen: *Seen, factor: u64, weight: u64) void {
        seen.calls += 1;
        seen.sum += (future.result(.poll) catch 1000) * factor * weight;
    }
};

var bare_calls: u32 = 0;
fn bare(future: cf.Future(u64)) void {
    std.debug.assert(future.done());
    bare_calls += 1;
}

fn pass(gate: *Gate, n: u64) u64 {
    gate.pass();
    return n;
}

test "done_callback" {
    var seen: Seen = .{};
    {
        const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
        defer pool.deinit();
        var gate: Gate = .{};
        const future = try pool.submit(pass, .{ &gate, 7 });
        defer future.deinit();
        try future.addDoneCallback(testing.allocator, Seen.add, .{ &seen, 1, 1 });
        bare_calls = 0;
        try future.addDoneCallback(testing.failing_allocator, bare, .{});
        try testing.expectError(
            error.OutOfMemory,
            future.addDoneCallback(testing.failing_allocator, Seen.add, .{ &seen, 1, 1 }),
        );
        // A callback of a call that is cancelled runs as well.
        const other = try pool.submit(pass, .{ &gate, 0 });
        defer other.deinit();
        try other.addDoneCallback(testing.allocator, Seen.add, .{ &seen, 1, 2 });
        gate.awaitEntered(1);
        try testing.expectEqual(0, seen.calls);
        try testing.expect(other.cancel());
        try testing.expectEqual(1, seen.calls);
        gate.open();
        try pool.shutdown(.{});
        try testing.expectEqual(2, seen.calls);
        try testing.expectEqual(1, bare_calls);
        try future.addDoneCallback(testing.allocator, Seen.add, .{ &seen, 100, 1 });
        try testing.expectEqual(3, seen.calls);
    }
    try testing.expectEqual(7 + 2000 + 700, seen.sum);

    // One whose future is never done is freed with it.
    const promise: cf.Promise(u64) = try .init();
    try promise.future.addDoneCallback(testing.allocator, Seen.add, .{ &seen, 1, 1 });
    promise.deinit();
    try testing.expectEqual(3, seen.calls);
}

fn awaitBoth(gate: *Gate, mine: *cf.Future(cf.Error!void)) cf.Error!void {
    gate.pass();
    try mine.result(.forever);
}

test "deadlock_refused" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    var futures: [2]cf.FutureOf(awaitBoth) = undefined;
    var targets: [2]cf.Future(cf.Error!void) = undefined;
    for (&futures, 0..) |*future, i| future.* = try pool.submit(awaitBoth, .{ &gate, &targets[1 - i] });
    defer cf.deinitAll(&futures);
    for (&targets, futures) |*target, future| target.* = future;
    gate.open();
    // One of them gets it from its wait, the other one from that one.
    for (futures) |future| try testing.expectError(error.Deadlock, future.result(.forever));

    var own: *cf.c.cf_future = undefined;
    const slot = &own;
    var hold: Gate = .{};
    const first = try hold.submit(pool);
    defer first.deinit();
    const second = try hold.submit(pool);
    defer second.deinit();
    const itself = try pool.submitC(void, tasks.awaitOther, std.mem.asBytes(&slot));
    defer itself.deinit();
    own = itself.raw;
    hold.open();
    try testing.expectError(error.TaskFailed, itself.result(.forever));
    try testing.expectEqual(cf.c.CF_DEADLOCK, itself.failure().?.code());
}

fn nested(pool: *const cf.ThreadPool, n: u64) cf.Error!u64 {
    if (n < 2) return n;
    const left = try pool.submit(nested, .{ pool, n - 1 });
    defer left.deinit();
    const right = try pool.submit(nested, .{ pool, n - 2 });
    defer right.deinit();
    return try left.result(.forever) + try right.result(.forever);
}

test "nested" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    const future = try pool.submit(nested, .{ &pool, 12 });
    defer future.deinit();
    try testing.expectEqual(144, try future.result(.forever));
}

test "promise" {
    const promise: cf.Promise(error{Lost}!u32) = try .init();
    defer promise.deinit();
    try testing.expect(try promise.setRunningOrNotifyCancel());
    try testing.expect(!promise.future.cancel());
    const kept = promise.future.retain();
    defer kept.deinit();
    try promise.setResult(9);
    try testing.expectEqual(9, try kept.result(.forever));
    try testing.expectError(error.InvalidState, promise.setResult(10));

    const lost: cf.Promise(error{Lost}!u32) = try .init();
    defer lost.deinit();
    try lost.setError(error.Lost);
    try testing.expectError(error.Lost, lost.future.result(.forever));

    const given_up: cf.Promise(u32) = try .init();
    defer given_up.deinit();
    try testing.expect(given_up.future.cancel());
    try testing.expect(!try given_up.setRunningOrNotifyCancel());
}
