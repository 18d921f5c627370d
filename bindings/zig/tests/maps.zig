//! Maps, queues of completions and loops.

const std = @import("std");
const cf = @import("cfutures");
const tasks = @import("tasks.zig");
const testing = std.testing;
const Gate = tasks.Gate;

fn turned(gate: *const *Gate, item: u64) u64 {
    // The first item ends last.
    if (item == 0) gate.*.pass() else if (item == 3) gate.*.open();
    return item * 10;
}

test "map_order" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var gate: Gate = .{};
    const context: *Gate = &gate;
    var map = try pool.mapWith(&context, turned, &.{ 0, 1, 2, 3 }, .{ .chunk_size = 1 });
    defer map.deinit();
    for (0..4) |i| {
        try testing.expectEqual(10 * i, (try map.next()).?);
        try testing.expectEqual(i, map.index());
    }
    try testing.expectEqual(null, try map.next());

    var items: [1000]u64 = undefined;
    for (&items, 0..) |*item, i| item.* = i;
    var results: [1000]u64 = undefined;
    try pool.mapInto(tasks.double, &items, &results, .{});
    for (results, 0..) |result, i| try testing.expectEqual(2 * i, result);
}

test "map_error" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const items = [_]u64{ 2, 4, 5, 6, 7 };
    var map = try pool.map(tasks.half, &items, .{});
    defer map.deinit();
    try testing.expectEqual(1, try map.next());
    try testing.expectEqual(2, try map.next());
    try testing.expectEqual(null, map.failure());
    try testing.expectError(error.Odd, map.next());
    try testing.expectEqual(2, map.index());
    try testing.expectEqual(2, map.failure().?.index());
    try testing.expectEqualStrings("Odd", map.failure().?.message());
    try testing.expectEqual(3, try map.next());
    try testing.expectError(error.Odd, map.next());
    try testing.expectEqual(null, try map.next());

    var results: [5]u64 = undefined;
    var why: cf.Diagnostics = .{};
    defer why.deinit();
    try testing.expectError(error.Odd, pool.mapInto(tasks.half, &items, &results, .{ .diagnostics = &why }));
    try testing.expectEqual(2, why.failure().?.index());
    try testing.expectError(error.Odd, pool.mapInto(tasks.half, &items, &results, .{}));
}

fn hold(gate: *const *Gate, item: u64) u64 {
    gate.*.pass();
    return item;
}

test "map_timeout" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 1 });
    defer pool.deinit();
    var gate: Gate = .{};
    defer gate.open();
    const context: *Gate = &gate;
    var map = try pool.mapWith(&context, hold, &.{ 1, 2, 3 }, .{ .chunk_size = 1, .timeout = .ms(5) });
    defer map.deinit();
    try testing.expectError(error.Timeout, map.next());
    try testing.expectEqual(null, try map.next());
    gate.open();
    try pool.shutdown(.{});
    // The first one may have begun before the time was over; the others could not.
    try testing.expect(gate.entered <= 1);
}

const Vector = struct { x: f64, y: f64 };

fn scale(factor: *const Vector, v: Vector) Vector {
    return .{ .x = v.x * factor.x, .y = v.y * factor.y };
}

test "map_with_context" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const processes: cf.ProcessPool = try .init(.{ .max_workers = 2, .start_method = .fork });
    defer processes.deinit();
    const vectors = [_]Vector{ .{ .x = 1, .y = 2 }, .{ .x = 3, .y = 4 } };
    const factor: Vector = .{ .x = 2, .y = -1 };
    var here = try pool.mapWith(&factor, scale, &vectors, .{});
    defer here.deinit();
    var there = try processes.mapWith(&factor, scale, &vectors, .{});
    defer there.deinit();
    for (vectors) |v| {
        const expected: Vector = .{ .x = 2 * v.x, .y = -v.y };
        try testing.expectEqual(expected, (try here.next()).?);
        try testing.expectEqual(expected, (try there.next()).?);
    }
    const nothing: struct {} = .{};
    var none = try processes.mapWith(&nothing, ignore(@TypeOf(nothing)).context, &.{7}, .{});
    defer none.deinit();
    try testing.expectEqual(7, try none.next());
    var empty = try pool.map(tasks.double, &.{}, .{});
    defer empty.deinit();
    try testing.expectEqual(null, try empty.next());
}

fn ignore(comptime Context: type) type {
    return struct {
        fn context(_: *const Context, n: u64) u64 {
            return n;
        }
    };
}

fn addUp(begin: usize, end: usize, numbers: []const u64, sum: *u64) error{TooLarge}!void {
    var part: u64 = 0;
    for (numbers[begin..end]) |n| {
        if (n > 1000) return error.TooLarge;
        part += n;
    }
    _ = @atomicRmw(u64, sum, .Add, part, .monotonic);
}

test "for_range" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    var numbers: [10_000]u64 = @splat(3);
    var sum: u64 = 0;
    try pool.forRange(numbers.len, 100, addUp, .{ &numbers, &sum });
    try testing.expectEqual(30_000, sum);
    numbers[5000] = 1001;
    try testing.expectError(error.TooLarge, pool.forRange(numbers.len, 100, addUp, .{ &numbers, &sum }));
}

const Tag = enum { first, second };

var destroyed: u32 = 0;
fn countTag(tag: *u32) void {
    tag.* += 1;
    destroyed += 1;
}

test "completion_queue" {
    const pool: cf.ThreadPool = try .init(.{ .max_workers = 2 });
    defer pool.deinit();
    const queue: cf.CompletionQueue(cf.Future(i32), Tag) = try .init();
    defer queue.deinit();
    var gates: [2]Gate = @splat(.{});
    for (&gates, [_]Tag{ .first, .second }) |*gate, tag| {
        const future = try gate.submit(pool);
        defer future.deinit();
        try queue.add(future, tag);
    }
    try testing.expectError(error.Timeout, queue.next(.poll));
    const fd = queue.fd().?;
    var waiting = [_]std.posix.pollfd{.{ .fd = fd, .events = std.posix.POLL.IN, .revents = 0 }};
    try testing.expectEqual(0, try std.posix.poll(&waiting, 0));
    for ([_]usize{ 1, 0 }) |turn| {
        gates[turn].open();
        try testing.expectEqual(1, try std.posix.poll(&waiting, -1));
        const one = (try queue.next(.poll)).?;
        defer one.future.deinit();
        try testing.expectEqual(@as(Tag, @fromBackingInt(@intCast(turn))), one.tag);
        try testing.expectEqual(0, try one.future.result(.poll));
    }
    try queue.close();
    try testing.expectEqual(null, try queue.next(.forever));

    destroyed = 0;
    var count: u32 = 0;
    {
        const owner: cf.CompletionQueue(cf.AnyFuture, *u32) = try .init();
        defer owner.deinit();
        const promise: cf.Promise(void) = try .init();
        defer promise.deinit();
        try owner.addOwned(promise.future.any(), &count, countTag);
        try owner.close();
        try testing.expectError(error.Shutdown, owner.addOwned(promise.future.any(), &count, countTag));
        try testing.expectEqual(1, destroyed);
    }
    try testing.expectEqual(2, count);
}
