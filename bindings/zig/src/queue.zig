//! A queue of futures that are done, with a descriptor for event loops.
//!
//! Always true: what is handed out is the caller's; what is still in the queue at its end is destroyed with it.

const std = @import("std");
const c = @import("c");
const status = @import("status.zig");

const Error = status.Error;
const Timeout = status.Timeout;

/// A queue that collects futures of the type `F` as they are done, each with a tag of the type `Tag`: a pointer, an
/// integer or enum of at most a pointer's size, or void. Any number of threads may add and take.
///
/// Python: a `queue.SimpleQueue` to which done callbacks add.
pub fn CompletionQueue(comptime F: type, comptime Tag: type) type {
    if (@bitSizeOf(Tag) > @bitSizeOf(usize))
        @compileError("cfutures: a tag is no larger than a pointer, which " ++ @typeName(Tag) ++ " is");
    return struct {
        const Self = @This();

        /// The handle of the C interface.
        raw: *c.cf_completion_queue,

        /// A future that is done.
        pub const Completed = struct {
            /// The future; the caller has to `deinit` it.
            future: F,
            /// What was given with it.
            tag: Tag,
        };

        /// Makes an empty queue.
        pub fn init() Error!Self {
            var raw: ?*c.cf_completion_queue = null;
            try status.check(c.cf_completion_queue_new(&raw));
            return .{ .raw = raw.? };
        }

        /// Frees the queue. Futures that are in it go on. Close it first to wake who waits.
        pub fn deinit(queue: Self) void {
            c.cf_completion_queue_free(queue.raw);
        }

        /// Has the queue collect a future when it is done, however it ends. The queue takes a reference of its own.
        pub fn add(queue: Self, future: F, tag: Tag) Error!void {
            try status.check(c.cf_completion_queue_add(queue.raw, future.raw, pack(tag), null));
        }

        /// As `add`, with a function that ends the life of a tag that is never handed out, also when this call fails.
        pub fn addOwned(queue: Self, future: F, tag: Tag, comptime destroy: fn (Tag) void) Error!void {
            const end = struct {
                fn end(packed_tag: ?*anyopaque) callconv(.c) void {
                    destroy(unpack(packed_tag));
                }
            }.end;
            try status.check(c.cf_completion_queue_add(queue.raw, future.raw, pack(tag), end));
        }

        /// Takes the next future that is done, for which it waits while the queue is open; null when the queue is
        /// closed and has nothing more to give.
        pub fn next(queue: Self, timeout: Timeout) Error!?Completed {
            var raw: ?*c.cf_future = undefined;
            var tag: ?*anyopaque = undefined;
            const code = c.cf_completion_queue_next(queue.raw, @backingInt(timeout), &raw, &tag);
            if (code == c.CF_END) return null;
            try status.check(code);
            return .{ .future = .{ .raw = raw.? }, .tag = unpack(tag) };
        }

        /// A descriptor that is readable while a future waits to be taken, or the queue is closed: when it is, call
        /// `next(.poll)` until that is `error.Timeout`. It belongs to the queue. Null when there is none.
        pub fn fd(queue: Self) ?c_int {
            const descriptor = c.cf_completion_queue_fd(queue.raw);
            return if (descriptor >= 0) descriptor else null;
        }

        /// Closes the queue: nothing can be added any more, and who waits wakes.
        pub fn close(queue: Self) Error!void {
            try status.check(c.cf_completion_queue_close(queue.raw));
        }

        fn pack(tag: Tag) ?*anyopaque {
            var word: usize = 0;
            @memcpy(std.mem.asBytes(&word)[0..@sizeOf(Tag)], std.mem.asBytes(&tag));
            return @ptrFromInt(word);
        }

        fn unpack(tag: ?*anyopaque) Tag {
            const word = @intFromPtr(tag);
            var value: Tag = undefined;
            @memcpy(std.mem.asBytes(&value), std.mem.asBytes(&word)[0..@sizeOf(Tag)]);
            return value;
        }
    };
}
