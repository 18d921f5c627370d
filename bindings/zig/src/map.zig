//! Many items through one function: the iterator over the results, results side by side, and loops.
//!
//! Used by executor.zig. Always true: a map holds its own references; what it gave last is valid until the next step.

const std = @import("std");
const c = @import("c");
const call = @import("call.zig");
const status = @import("status.zig");

const Error = status.Error;

/// How a map is made.
pub const MapOptions = struct {
    /// Time for the whole map.
    timeout: status.Timeout = .forever,
    /// How many items one task takes; 0: the library chooses.
    chunk_size: usize = 0,
    /// Where `mapInto` puts the detail of its failure.
    diagnostics: ?*status.Diagnostics = null,

    fn make(options: MapOptions, context: ?[]const u8) Error!?*c.cf_map_options {
        var all: ?*c.cf_map_options = null;
        try status.check(c.cf_map_options_new(&all));
        errdefer c.cf_map_options_free(all);
        try status.check(c.cf_map_options_set_timeout(all, @backingInt(options.timeout)));
        try status.check(c.cf_map_options_set_chunk_size(all, options.chunk_size));
        if (context) |bytes| try status.check(c.cf_map_options_set_context(all, bytes.ptr, bytes.len));
        return all;
    }
};

const CFunction = *const fn (?*c.cf_task, ?*anyopaque, usize) callconv(.c) i32;

/// A map that runs, and the iterator over its results. One thread at a time may use it.
///
/// ```zig
/// var squares = try pool.map(square, &numbers, .{});
/// defer squares.deinit();
/// while (try squares.next()) |n| std.debug.print("{d}\n", .{n});
/// ```
///
/// Python: what `Executor.map` returns, which ends after an exception; this goes on.
pub fn Map(comptime Return: type) type {
    return struct {
        const Self = @This();
        const O = call.Outcome(Return);

        /// The handle of the C interface.
        raw: *c.cf_map,
        last: c.cf_item,

        /// What `next` can fail with.
        pub const ResultError = Error || O.Errors;

        /// Called by `Executor.map`.
        pub fn start(
            pool: *c.cf_executor,
            function: CFunction,
            items: anytype,
            options: MapOptions,
            context: ?[]const u8,
        ) Error!Self {
            const all = try options.make(context);
            defer c.cf_map_options_free(all);
            var raw: ?*c.cf_map = null;
            const size = @sizeOf(std.meta.Elem(@TypeOf(items)));
            try status.check(c.cf_executor_map(pool, function, items.ptr, size, items.len, all, &raw));
            return .{ .raw = raw.?, .last = std.mem.zeroes(c.cf_item) };
        }

        /// Cancels the items that have not started and frees the map. It does not wait for those that run.
        pub fn deinit(map: *Self) void {
            c.cf_map_free(map.raw);
            map.* = undefined;
        }

        /// The result of the next item in the order of the items, for which it waits; null after the last one. If that
        /// item failed its error comes, and the next call goes on behind it. `error.Timeout` of the map itself comes
        /// once, and then null.
        pub fn next(map: *Self) ResultError!?O.Payload {
            map.last = std.mem.zeroes(c.cf_item);
            const code = c.cf_map_next(map.raw, &map.last);
            if (code == c.CF_END) return null;
            try status.check(code);
            if (map.last.status != c.CF_OK) return errorOf(O, map.last.status, map.failure());
            if (O.Payload == void) return {};
            if (map.last.size != @sizeOf(O.Payload)) return error.SizeMismatch;
            return call.load(O.Payload, map.last.data);
        }

        /// Which item `next` gave last, or failed with.
        pub fn index(map: *const Self) usize {
            return map.last.index;
        }

        /// Why the item that `next` gave last failed; null if it did not.
        pub fn failure(map: *const Self) ?status.Failure {
            return .{ .raw = map.last.@"error" orelse return null };
        }
    };
}

fn errorOf(comptime O: type, code: c_int, failure: ?status.Failure) (Error || O.Errors) {
    if (code == c.CF_TASK_FAILED) {
        if (failure) |it| if (O.recover(it)) |err| return err;
    }
    return status.errorOf(code);
}

/// Called by `Executor.mapInto`.
pub fn into(
    pool: *c.cf_executor,
    comptime Return: type,
    function: CFunction,
    items: anytype,
    out: []call.Outcome(Return).Payload,
    options: MapOptions,
) (Error || call.Outcome(Return).Errors)!void {
    const O = call.Outcome(Return);
    if (items.len != out.len) return error.InvalidArgument;
    const all = try options.make(null);
    defer c.cf_map_options_free(all);
    var own: status.Diagnostics = .{};
    defer own.deinit();
    const why = options.diagnostics orelse &own;
    const size = @sizeOf(std.meta.Elem(@TypeOf(items)));
    const code = c.cf_executor_map_into(
        pool,
        function,
        items.ptr,
        size,
        items.len,
        all,
        out.ptr,
        @sizeOf(O.Payload),
        null,
        why.receiver(),
    );
    if (code != c.CF_OK) return errorOf(O, code, why.failure());
}

/// A loop body: `fn (begin: usize, end: usize, args...) void`, or with errors.
pub fn Range(comptime body: anytype) type {
    const S = call.Signature(@TypeOf(body));
    if (S.params.len < 2 or S.params[0] != usize or S.params[1] != usize)
        @compileError("cfutures: a loop body begins with two indices of the type usize: " ++ @typeName(@TypeOf(body)));
    const kept = S.params[2..].*;
    return struct {
        pub const Args = @Tuple(&kept);
        pub const Errors = call.Outcome(S.Return).Errors;

        pub fn over(pool: *c.cf_executor, count: usize, grain: usize, args: Args) (Error || Errors)!void {
            if (call.Outcome(S.Return).Payload != void) @compileError("cfutures: a loop body gives no result");
            var why: status.Diagnostics = .{};
            defer why.deinit();
            const context: ?*anyopaque = @ptrCast(@constCast(&args));
            const code = c.cf_executor_for_range(pool, 0, count, grain, run, context, why.receiver());
            if (code != c.CF_OK) return errorOf(call.Outcome(S.Return), code, why.failure());
        }

        fn run(raw: ?*c.cf_task, begin: usize, end: usize, context: ?*anyopaque) callconv(.c) i32 {
            return call.invoke(body, raw.?, .{ begin, end } ++ call.load(Args, context));
        }
    };
}
