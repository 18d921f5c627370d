//! Which values mean the same in another process: those without pointers.
//!
//! Used by: executor.zig and the files beside it, at compile time, for process pools.
//! Always true: what `travels` accepts is whole in its own bytes, for this very program.

const std = @import("std");

/// Whether values of a type can be sent to a worker process and back as bytes: nothing in it is a pointer.
pub fn travels(comptime T: type) bool {
    return findPointer(T) == null;
}

/// The first type inside `T` that leads nowhere in another process.
pub fn findPointer(comptime T: type) ?type {
    switch (@typeInfo(T)) {
        .void, .bool, .int, .float, .@"enum", .error_set, .noreturn => return null,
        .array => |array| return findPointer(array.child),
        .vector => |vector| return findPointer(vector.child),
        .optional => |optional| return findPointer(optional.child),
        .error_union => |both| return findPointer(both.payload),
        inline .@"struct", .@"union" => |info| {
            for (info.field_types) |F| if (findPointer(F)) |found| return found;
            return null;
        },
        else => return T,
    }
}

/// Ends the compilation if a value of this type cannot be sent to a worker process.
pub fn mustTravel(comptime T: type, comptime what: []const u8) void {
    const found = findPointer(T) orelse return;
    const inside = if (found == T) "" else " with a " ++ @typeName(found);
    @compileError("cfutures: " ++ what ++ " is a " ++ @typeName(T) ++ inside ++
        ", which leads nowhere in another process: pass a value, or memory of sharedAlloc");
}
