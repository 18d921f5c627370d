//! What a call says of itself: the error set of the statuses, and the detail behind an error.
//!
//! Owns: the one table from statuses to errors. Used by every other file here.
//! Always true: an error of `Error` and its status say the same; nothing here is thread-local, so an error and its
//! detail are never mixed up with those of another call.

const std = @import("std");
const c = @import("c");

/// Why a call of the library failed. What a task itself returned comes out of `Future.result` beside these, see there.
pub const Error = error{
    /// The wait timed out; the work goes on.
    Timeout,
    /// The future was cancelled.
    Cancelled,
    /// The task failed with a code and message of its own, see `Failure`.
    TaskFailed,
    /// The worker process that ran the task died; `Failure` has its pid, signal and exit code.
    WorkerDied,
    /// The pool is broken: an initializer failed, or a worker died that was not to be replaced.
    BrokenPool,
    /// Submitted after shutdown.
    Shutdown,
    /// A deadline of the task itself passed; for later, nothing gives it yet.
    Deadline,
    /// This wait could never end.
    Deadlock,
    /// A bounded queue is full; for later, nothing gives it yet.
    WouldBlock,
    /// An argument makes no sense; nothing was changed.
    InvalidArgument,
    /// The object is not in a state that allows this call; nothing was changed.
    InvalidState,
    /// The handle belongs to the process that this one was forked from.
    Forked,
    /// No memory, or the limit of a process pool's shared memory; nothing was changed.
    OutOfMemory,
    /// The operating system refused; errno is the code of the detail.
    OsError,
    /// Not possible with this kind of executor.
    Unsupported,
    /// A bug in the library, contained.
    Panic,
    /// The result has another size than the type that was asked for.
    SizeMismatch,
    /// The worker processes cannot find this function.
    UnknownFunction,
    /// A status that this version of the package does not know.
    Unexpected,
};

const Pair = struct { c_int, Error };
const table = [_]Pair{
    .{ c.CF_TIMEOUT, error.Timeout },
    .{ c.CF_CANCELLED, error.Cancelled },
    .{ c.CF_TASK_FAILED, error.TaskFailed },
    .{ c.CF_WORKER_DIED, error.WorkerDied },
    .{ c.CF_BROKEN_POOL, error.BrokenPool },
    .{ c.CF_SHUTDOWN, error.Shutdown },
    .{ c.CF_DEADLINE, error.Deadline },
    .{ c.CF_DEADLOCK, error.Deadlock },
    .{ c.CF_WOULD_BLOCK, error.WouldBlock },
    .{ c.CF_INVALID_ARGUMENT, error.InvalidArgument },
    .{ c.CF_INVALID_STATE, error.InvalidState },
    .{ c.CF_FORKED, error.Forked },
    .{ c.CF_NO_MEMORY, error.OutOfMemory },
    .{ c.CF_OS_ERROR, error.OsError },
    .{ c.CF_UNSUPPORTED, error.Unsupported },
    .{ c.CF_PANIC, error.Panic },
    .{ c.CF_SIZE_MISMATCH, error.SizeMismatch },
    .{ c.CF_UNKNOWN_FUNCTION, error.UnknownFunction },
};

/// The error that a status means. Not for `CF_OK`, and not for `CF_END`, which iterators give as null.
pub fn errorOf(status: c_int) Error {
    for (table) |pair| if (pair[0] == status) return pair[1];
    return error.Unexpected;
}

/// The status that an error means; `CF_PANIC` for `error.Unexpected`, which has none.
pub fn statusOf(err: Error) c_int {
    for (table) |pair| if (pair[1] == err) return pair[0];
    return c.CF_PANIC;
}

/// Turns a status into an error, if it is one.
pub fn check(status: c_int) Error!void {
    if (status != c.CF_OK) return errorOf(status);
}

/// The detail of a failure: the task's own code, a message, and how a worker process died.
///
/// Borrowed from the future, pool, map or `Diagnostics` that gave it, and valid as long as that.
///
/// Python: the exception. Prints itself with `{f}`.
pub const Failure = struct {
    raw: *const c.cf_error,

    /// What kind of failure it is.
    pub fn err(failure: Failure) Error {
        return errorOf(c.cf_error_status(failure.raw));
    }

    /// The number of the task's own for `error.TaskFailed`, of an initializer for `error.BrokenPool`, errno for
    /// `error.OsError`; else 0. A Zig error that a task returned has its own integer here.
    pub fn code(failure: Failure) i32 {
        return c.cf_error_code(failure.raw);
    }

    /// What happened, in words. Of a Zig error that a task returned it is the name.
    pub fn message(failure: Failure) [:0]const u8 {
        return std.mem.span(@as([*:0]const u8, c.cf_error_message(failure.raw)));
    }

    /// The process id of the worker that died.
    pub fn pid(failure: Failure) ?i32 {
        const number = c.cf_error_pid(failure.raw);
        return if (number != 0) number else null;
    }

    /// The signal that killed the worker.
    pub fn signal(failure: Failure) ?i32 {
        const number = c.cf_error_signal(failure.raw);
        return if (number != 0) number else null;
    }

    /// The exit code of the worker that died.
    pub fn exitCode(failure: Failure) ?i32 {
        const number = c.cf_error_exit_code(failure.raw);
        return if (number >= 0) number else null;
    }

    /// Which item of a map failed, or which first index of a piece of a loop; else 0.
    pub fn index(failure: Failure) usize {
        return c.cf_error_index(failure.raw);
    }

    /// Writes the error's name and the message, for `{f}`.
    pub fn format(failure: Failure, writer: *std.Io.Writer) std.Io.Writer.Error!void {
        try writer.print("{s}: {s}", .{ @errorName(failure.err()), failure.message() });
    }
};

/// Where a call that has no future or pool yet puts the detail of its failure. Optional everywhere.
///
/// ```zig
/// var why: cfutures.Diagnostics = .{};
/// defer why.deinit();
/// const pool = cfutures.ProcessPool.init(.{ .diagnostics = &why }) catch |err| {
///     if (why.failure()) |failure| std.debug.print("{f}\n", .{failure});
///     return err;
/// };
/// ```
pub const Diagnostics = struct {
    raw: ?*c.cf_error = null,

    /// What the last call that failed said; null if none did, or if memory had run out.
    pub fn failure(diagnostics: *const Diagnostics) ?Failure {
        return .{ .raw = diagnostics.raw orelse return null };
    }

    /// Frees the detail. It may be used again after that.
    pub fn deinit(diagnostics: *Diagnostics) void {
        c.cf_error_free(diagnostics.raw);
        diagnostics.raw = null;
    }

    /// Where C writes an error: forgets the one before it.
    pub fn receiver(diagnostics: *Diagnostics) *?*c.cf_error {
        diagnostics.deinit();
        return &diagnostics.raw;
    }
};

/// How long a call may wait: `.forever`, `.poll`, `.ms(100)`, `.seconds(0.5)`, `.ns(n)`.
pub const Timeout = enum(i64) {
    /// Without limit.
    forever = std.math.maxInt(i64),
    /// Not at all: says what is there.
    poll = 0,
    _,

    /// So many nanoseconds. Negative has expired already.
    pub fn ns(nanoseconds: i64) Timeout {
        return @fromBackingInt(nanoseconds);
    }

    /// So many milliseconds.
    pub fn ms(milliseconds: i64) Timeout {
        return @fromBackingInt(milliseconds *| std.time.ns_per_ms);
    }

    /// So many seconds: fractions, infinity and NaN too.
    pub fn seconds(number: f64) Timeout {
        return @fromBackingInt(c.cf_seconds(number));
    }
};
