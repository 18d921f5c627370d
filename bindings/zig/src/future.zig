//! A handle of a call that was submitted, and of its outcome.
//!
//! Made by executor.zig and promise.zig. Always true: a future is nothing but the pointer of the C interface, so that
//! an array of futures is an array of those.

const std = @import("std");
const c = @import("c");
const status = @import("status.zig");
const Outcome = @import("call.zig").Outcome;
const load = @import("call.zig").load;

const Error = status.Error;
const Failure = status.Failure;
const Timeout = status.Timeout;

/// Where a future stands.
pub const State = enum(c_int) {
    /// Not started yet; it can be cancelled.
    pending = c.CF_STATE_PENDING,
    /// A worker, or a task that waits for it, runs it.
    running = c.CF_STATE_RUNNING,
    /// Done, with a result.
    finished = c.CF_STATE_FINISHED,
    /// Done, with an error.
    failed = c.CF_STATE_FAILED,
    /// Done, as it was cancelled before it started, or killed.
    cancelled = c.CF_STATE_CANCELLED,
};

/// The future of a call of this function: what `submit` gives.
pub fn FutureOf(comptime function: anytype) type {
    return Future(@typeInfo(@TypeOf(function)).@"fn".return_type.?);
}

/// A future of which the type of the result does not matter, so that several kinds fit into one array.
pub const AnyFuture = Future(void);

/// The future of a call that returns `Return`, be it with errors or without.
///
/// A handle is a reference: whoever gets one calls `deinit` once. It may be copied as long as that holds; `retain` makes
/// a second reference. Dropping the last one cancels nothing. Any number of threads may use it at the same time.
///
/// With `[]const u8` the result is the bytes of a C function, which belong to the future.
///
/// Python: `concurrent.futures.Future`.
pub fn Future(comptime Return: type) type {
    return extern struct {
        const Self = @This();
        const O = Outcome(Return);

        /// The handle of the C interface.
        raw: *c.cf_future,

        /// What the call gives when it succeeds.
        pub const Payload = O.Payload;
        /// What `result` can fail with: what the library says, and the errors of the function itself.
        pub const ResultError = Error || O.Errors;

        /// Gives the reference back. A call that nobody refers to any more still runs.
        pub fn deinit(future: Self) void {
            c.cf_future_release(future.raw);
        }

        /// Another reference to the same future, with a `deinit` of its own.
        pub fn retain(future: Self) Self {
            return .{ .raw = c.cf_future_retain(future.raw).? };
        }

        /// The same future for arrays of several kinds; no reference of its own.
        pub fn any(future: Self) AnyFuture {
            return .{ .raw = future.raw };
        }

        /// Where it stands, as one snapshot.
        pub fn state(future: Self) State {
            return @fromBackingInt(@intCast(c.cf_future_state(future.raw)));
        }

        /// Whether it has ended, however it did.
        pub fn done(future: Self) bool {
            return c.cf_future_done(future.raw);
        }

        /// Whether a worker runs it now.
        pub fn running(future: Self) bool {
            return c.cf_future_running(future.raw);
        }

        /// Whether it was cancelled.
        pub fn cancelled(future: Self) bool {
            return c.cf_future_cancelled(future.raw);
        }

        /// Cancels a call that has not started. True: it is cancelled, now or before.
        pub fn cancel(future: Self) bool {
            return c.cf_future_cancel(future.raw);
        }

        /// Ends a call of a process pool even if it runs: its worker gets SIGTERM and, when the grace is over, SIGKILL.
        /// `.poll` as grace is SIGKILL at once.
        pub fn kill(future: Self, grace: Timeout) Error!void {
            try status.check(c.cf_future_kill(future.raw, @backingInt(grace)));
        }

        /// Waits for the result, a copy of which it gives, as often as one asks.
        ///
        /// An error that the task returned comes out as itself. If that has the same name as one of the library, such
        /// as `error.Timeout`, `failure` tells them apart.
        pub fn result(future: Self, timeout: Timeout) ResultError!Payload {
            var data: ?*const anyopaque = undefined;
            var size: usize = undefined;
            const code = c.cf_future_result(future.raw, @backingInt(timeout), &data, &size);
            if (code != c.CF_OK) return future.why(code);
            return decode(data, size);
        }

        /// Waits for the end, and says how the call failed; null when it succeeded. A cancelled call is
        /// `error.Cancelled`.
        pub fn exception(future: Self, timeout: Timeout) Error!?Failure {
            var failed: ?*const c.cf_error = undefined;
            try status.check(c.cf_future_exception(future.raw, @backingInt(timeout), &failed));
            return .{ .raw = failed orelse return null };
        }

        /// How the call failed or that it was cancelled; null while it is not done, and when it succeeded.
        pub fn failure(future: Self) ?Failure {
            return .{ .raw = c.cf_future_error(future.raw) orelse return null };
        }

        /// Has `function` called with this future and `args` when it is done, however it ends: on the thread that
        /// completes it, or here and now if it is done already. It must not block for long.
        ///
        /// `gpa` keeps the arguments until then, so it must be safe to use from several threads; without arguments it
        /// is not used. The future is borrowed: `retain` it to keep it.
        ///
        /// Python: `Future.add_done_callback`.
        pub fn addDoneCallback(
            future: Self,
            gpa: std.mem.Allocator,
            comptime function: anytype,
            args: Callback(function).Args,
        ) Error!void {
            const C = Callback(function);
            const closure = try C.make(gpa, args);
            try status.check(c.cf_future_add_done_callback(future.raw, C.run, closure, C.destroy));
        }

        fn Callback(comptime function: anytype) type {
            const params = @typeInfo(@TypeOf(function)).@"fn".param_types;
            if (params.len == 0 or params[0] != Self)
                @compileError("cfutures: a callback begins with the future, " ++ @typeName(Self));
            comptime var types: [params.len - 1]type = undefined;
            for (&types, params[1..]) |*T, param| T.* = param.?;
            const kept = types;
            return struct {
                const Args = @Tuple(&kept);
                const Closure = struct { gpa: std.mem.Allocator, args: Args };

                fn make(gpa: std.mem.Allocator, args: Args) Error!?*anyopaque {
                    if (@sizeOf(Args) == 0) return null;
                    const closure = gpa.create(Closure) catch return error.OutOfMemory;
                    closure.* = .{ .gpa = gpa, .args = args };
                    return closure;
                }

                fn run(raw: ?*c.cf_future, user_data: ?*anyopaque) callconv(.c) void {
                    const self: Self = .{ .raw = raw.? };
                    const args: Args = if (@sizeOf(Args) == 0) load(Args, null) else closureOf(user_data).?.args;
                    @call(.auto, function, .{self} ++ args);
                }

                fn destroy(user_data: ?*anyopaque) callconv(.c) void {
                    const closure = closureOf(user_data) orelse return;
                    closure.gpa.destroy(closure);
                }

                fn closureOf(user_data: ?*anyopaque) ?*Closure {
                    return @ptrCast(@alignCast(user_data));
                }
            };
        }

        fn decode(data: ?*const anyopaque, size: usize) ResultError!Payload {
            if (Return == []const u8) return @as([*]const u8, @ptrCast(data.?))[0..size];
            // What another kind of future gave is of no interest to an AnyFuture.
            if (Payload == void) return;
            if (size != @sizeOf(Payload)) return error.SizeMismatch;
            return load(Payload, data);
        }

        fn why(future: Self, code: c_int) ResultError {
            @branchHint(.unlikely);
            if (code == c.CF_TASK_FAILED) {
                if (future.failure()) |it| if (O.recover(it)) |err| return err;
            }
            return status.errorOf(code);
        }
    };
}
