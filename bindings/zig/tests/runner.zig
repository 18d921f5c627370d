//! Runs the tests, one after the other; arguments are parts of names, of which one has to fit.
//!
//! Not the runner that comes with Zig, as its `main` does not begin with `workerMain`: spawned workers run this program.

const std = @import("std");
const builtin = @import("builtin");
const cfutures = @import("cfutures");

pub fn main(init: std.process.Init.Minimal) u8 {
    cfutures.workerMain();
    var buffer: [8192]u8 = undefined;
    var fixed: std.heap.FixedBufferAllocator = .init(&buffer);
    const args = init.args.toSlice(fixed.allocator()) catch &.{};
    var ran: usize = 0;
    var failed: usize = 0;
    for (builtin.test_functions) |one| {
        if (!wanted(one.name, args)) continue;
        ran += 1;
        if (!succeeds(one, init)) {
            failed += 1;
            std.debug.print("FAILED: {s}\n", .{one.name});
        }
    }
    if (failed > 0 or ran == 0) std.debug.print("{d} of {d} tests failed\n", .{ failed, ran });
    return @intFromBool(failed > 0 or ran == 0);
}

fn succeeds(one: std.builtin.TestFn, init: std.process.Init.Minimal) bool {
    std.testing.environ = init.environ;
    std.testing.allocator_instance = .init(std.heap.page_allocator, .{});
    std.testing.io_instance = .init(std.testing.allocator, .{ .argv0 = .init(init.args), .environ = init.environ });
    one.func() catch |err| {
        std.debug.print("{t}\n", .{err});
        if (@errorReturnTrace()) |trace| std.debug.dumpErrorReturnTrace(trace);
        return false;
    };
    std.testing.io_instance.deinit();
    const leaks = std.testing.allocator_instance.deinit();
    if (leaks != 0) std.debug.print("{d} allocations were not freed\n", .{leaks});
    return leaks == 0;
}

fn wanted(name: []const u8, args: []const [:0]const u8) bool {
    if (args.len < 2) return true;
    for (args[1..]) |part| if (std.mem.find(u8, name, part) != null) return true;
    return false;
}
