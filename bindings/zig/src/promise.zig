//! A future that no pool completes, and who completes it.
//!
//! Always true: a promise holds one reference to its future and completes it at most once.

const std = @import("std");
const c = @import("c");
const status = @import("status.zig");
const Future = @import("future.zig").Future;
const Outcome = @import("call.zig").Outcome;

const Error = status.Error;

/// A future that is completed by hand, with a `Return`: a value or an error.
///
/// Python: `Future()` with `set_result` and `set_exception`.
pub fn Promise(comptime Return: type) type {
    return struct {
        const Self = @This();
        const O = Outcome(Return);

        /// The future; borrowed from the promise, so `retain` it for somebody who outlives this.
        future: Future(Return),

        /// Makes a future that is pending.
        pub fn init() Error!Self {
            var raw: ?*c.cf_future = null;
            try status.check(c.cf_future_new(&raw));
            return .{ .future = .{ .raw = raw.? } };
        }

        /// Gives the promise's reference to the future back. One that was not completed stays pending.
        pub fn deinit(promise: Self) void {
            promise.future.deinit();
        }

        /// Says that the work begins. False: it was cancelled, and there is nothing to do.
        pub fn setRunningOrNotifyCancel(promise: Self) Error!bool {
            var run = false;
            try status.check(c.cf_future_set_running_or_notify_cancel(promise.future.raw, &run));
            return run;
        }

        /// Completes the future with a value. `error.InvalidState`: it is done already, or cancelled.
        pub fn setResult(promise: Self, value: O.Payload) Error!void {
            try status.check(c.cf_future_set_result(promise.future.raw, std.mem.asBytes(&value), @sizeOf(O.Payload)));
        }

        /// Completes the future with an error of `Return`, which `Future.result` then gives.
        pub fn setError(promise: Self, err: O.Errors) Error!void {
            try promise.fail(@intFromError(err), @errorName(err));
        }

        /// Completes the future with a failure of its own code, not 0, and message.
        pub fn fail(promise: Self, code: i32, message: [:0]const u8) Error!void {
            try status.check(c.cf_future_set_exception(promise.future.raw, code, message.ptr));
        }
    };
}
