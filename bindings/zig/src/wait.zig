//! Waiting for many futures: until some or all are done, and one after the other as they are.
//!
//! Always true: futures that are waited for may come from any pools; nothing here changes who owns them.

const std = @import("std");
const c = @import("c");
const status = @import("status.zig");

const Error = status.Error;
const Timeout = status.Timeout;

/// What `wait` waits for.
pub const ReturnWhen = enum(c_int) {
    /// Until all futures are done.
    all_completed = c.CF_ALL_COMPLETED,
    /// Until one is done, however it ended.
    first_completed = c.CF_FIRST_COMPLETED,
    /// Until one has failed, or all are done. A cancelled future is no failure.
    first_exception = c.CF_FIRST_EXCEPTION,
};

/// How to wait.
pub const WaitOptions = struct {
    /// How long.
    timeout: Timeout = .forever,
    /// What for.
    return_when: ReturnWhen = .all_completed,
    /// Room for as many values as there are futures: `done[i]` says whether that one is done.
    done: ?[]bool = null,
};

/// Waits for futures, a slice or array of `Future(T)` or `AnyFuture`, and returns how many are done. That the time is
/// over is no error: then fewer are done than were asked for.
///
/// Python: `concurrent.futures.wait`.
pub fn wait(futures: anytype, options: WaitOptions) Error!usize {
    const raws = rawsOf(futures);
    var room: ?[*]bool = null;
    if (options.done) |done| {
        if (done.len != raws.len) return error.InvalidArgument;
        room = done.ptr;
    }
    var count: usize = 0;
    const timeout = @backingInt(options.timeout);
    const code = c.cf_wait(raws.ptr, raws.len, timeout, @backingInt(options.return_when), room, &count);
    if (code != c.CF_TIMEOUT) try status.check(code);
    return count;
}

/// Cancels all of these futures that have not started, and returns how many are cancelled now.
pub fn cancelAll(futures: anytype) usize {
    const raws = rawsOf(futures);
    return c.cf_futures_cancel(raws.ptr, raws.len);
}

/// Gives the references of all these futures back: `deinit` of each.
pub fn deinitAll(futures: anytype) void {
    for (slice(futures)) |future| future.deinit();
}

/// Gives futures in the order in which they are done. It keeps references of its own.
///
/// ```zig
/// var pages = try cfutures.asCompleted(&futures, .seconds(10));
/// defer pages.deinit();
/// while (try pages.next()) |page| std.debug.print("{d}: {d} bytes\n", .{ page.index, try page.future.result(.poll) });
/// ```
///
/// Python: `concurrent.futures.as_completed`.
pub fn asCompleted(futures: anytype, timeout: Timeout) Error!Completions(std.meta.Elem(@TypeOf(futures))) {
    const raws = rawsOf(futures);
    var raw: ?*c.cf_completions = null;
    try status.check(c.cf_as_completed(raws.ptr, raws.len, @backingInt(timeout), &raw));
    return .{ .raw = raw.? };
}

/// What `asCompleted` returns, over futures of the type `F`. One thread at a time may use it.
pub fn Completions(comptime F: type) type {
    return struct {
        const Self = @This();

        /// The handle of the C interface.
        raw: *c.cf_completions,

        /// A future that is done.
        pub const Completed = struct {
            /// Its first place among the futures that were given.
            index: usize,
            /// The future itself, borrowed until the next step.
            future: F,
        };

        /// The next future that is done, for which it waits; null after the last one. `error.Timeout` when the time of
        /// the whole iteration is over and no other is done.
        pub fn next(completions: *Self) Error!?Completed {
            var index: usize = undefined;
            var future: ?*c.cf_future = undefined;
            const code = c.cf_completions_next(completions.raw, &index, &future);
            if (code == c.CF_END) return null;
            try status.check(code);
            return .{ .index = index, .future = .{ .raw = future.? } };
        }

        /// Ends the iteration, at any time. Futures that it has not given go on.
        pub fn deinit(completions: *Self) void {
            c.cf_completions_free(completions.raw);
            completions.* = undefined;
        }
    };
}

fn slice(futures: anytype) []const std.meta.Elem(@TypeOf(futures)) {
    return futures;
}

fn rawsOf(futures: anytype) []const ?*c.cf_future {
    return @ptrCast(slice(futures));
}
