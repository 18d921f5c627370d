//! How a Zig function becomes a task: what its signature says, and the C function that calls it.
//!
//! Used by: executor.zig, map.zig. Always true: one C function exists for each function and way to call it, it lies in
//! the same file as the code that submits it, and so a worker process of the same program finds it.

const std = @import("std");
const c = @import("c");
const Task = @import("task.zig").Task;
const Failure = @import("status.zig").Failure;

/// What a return type says: the value, and the errors beside it.
pub fn Outcome(comptime Return: type) type {
    return struct {
        pub const Errors: type = switch (@typeInfo(Return)) {
            .error_union => |both| both.error_set,
            else => error{},
        };
        pub const Payload: type = switch (@typeInfo(Return)) {
            .error_union => |both| both.payload,
            .noreturn => void,
            else => Return,
        };

        /// The task's own error, if the failure is one: its name is the message.
        pub fn recover(failure: Failure) ?Errors {
            // Which numbers are errors the language does not say, so of all errors no single one can be asked for.
            if (Errors == anyerror) return null;
            const name = failure.message();
            inline for (@typeInfo(Errors).error_set.error_names.?) |candidate| {
                if (std.mem.eql(u8, candidate, name)) return @field(Errors, candidate);
            }
            return null;
        }
    };
}

/// The parameters of a function, without a `*Task` at their beginning.
pub fn Signature(comptime Function: type) type {
    if (@typeInfo(Function) != .@"fn") @compileError("cfutures: a task is a function, not a " ++ @typeName(Function));
    const info = @typeInfo(Function).@"fn";
    const wants_task = info.param_types.len > 0 and info.param_types[0] == *Task;
    comptime var types: [info.param_types.len - @intFromBool(wants_task)]type = undefined;
    for (&types, info.param_types[@intFromBool(wants_task)..]) |*T, param| {
        T.* = param orelse @compileError("cfutures: a task has no generic parameters: " ++ @typeName(Function));
    }
    const kept = types;
    return struct {
        pub const takes_task = wants_task;
        pub const params = kept;
        pub const Args = @Tuple(&kept);
        pub const Return = info.return_type.?;
    };
}

/// What a call of `function` with a copy of its arguments needs.
pub fn Submitted(comptime function: anytype) type {
    const S = Signature(@TypeOf(function));
    return struct {
        pub const Args = S.Args;
        pub const Return = S.Return;

        pub fn run(raw: ?*c.cf_task, arg: ?*anyopaque, size: usize) callconv(.c) i32 {
            _ = size;
            return invoke(function, raw.?, load(Args, arg));
        }
    };
}

/// What a call of `function` for an item of a map needs: the item, after what all items share if `Context` is not void.
pub fn Mapped(comptime function: anytype, comptime Context: type) type {
    const S = Signature(@TypeOf(function));
    const shared: usize = @intFromBool(Context != void);
    if (S.params.len != 1 + shared)
        @compileError("cfutures: a function that is mapped takes one item: " ++ @typeName(@TypeOf(function)));
    return struct {
        pub const Item = S.params[shared];
        pub const Return = S.Return;

        pub fn run(raw: ?*c.cf_task, arg: ?*anyopaque, size: usize) callconv(.c) i32 {
            _ = size;
            const item = load(Item, arg);
            if (Context == void) return invoke(function, raw.?, .{item});
            const nothing: Context = undefined;
            const pointer = if (@sizeOf(Context) == 0) &nothing else c.cf_task_context(raw).?;
            const context: *const Context = @ptrCast(@alignCast(pointer));
            return invoke(function, raw.?, .{ context, item });
        }
    };
}

/// A value out of bytes that need not lie as it wants to.
pub fn load(comptime T: type, bytes: ?*const anyopaque) T {
    var value: T = undefined;
    if (@sizeOf(T) > 0) @memcpy(std.mem.asBytes(&value), @as([*]const u8, @ptrCast(bytes.?))[0..@sizeOf(T)]);
    return value;
}

/// Calls the function and gives what it returns to the future.
pub fn invoke(comptime function: anytype, raw: *c.cf_task, args: anytype) i32 {
    const S = Signature(@TypeOf(function));
    const task: *Task = @ptrCast(raw);
    const all = if (S.takes_task) .{task} ++ args else args;
    if (S.Return == noreturn) @call(.auto, function, all);
    return finish(raw, @call(.auto, function, all));
}

fn finish(raw: *c.cf_task, outcome: anytype) i32 {
    const O = Outcome(@TypeOf(outcome));
    const value = if (@typeInfo(@TypeOf(outcome)) == .error_union) outcome catch |err| return fail(raw, err) else outcome;
    if (@sizeOf(O.Payload) == 0) return 0;
    return c.cf_task_return(raw, std.mem.asBytes(&value), @sizeOf(O.Payload));
}

fn fail(raw: *c.cf_task, err: anyerror) i32 {
    const code: i32 = @intFromError(err);
    // Task.fail() has said it all.
    if (err == error.TaskFailed) return code;
    return c.cf_task_fail(raw, code, @errorName(err).ptr);
}
