//! Must not compile: a loop over shared variables, in other processes.
const cfutures = @import("cfutures");

fn nothing(_: usize, _: usize) void {}

test {
    const pool: cfutures.ProcessPool = try .init(.{});
    try pool.forRange(10, 0, nothing, .{});
}
