//! Must not compile: a result with a pointer, from another process.
const cfutures = @import("cfutures");

fn name(n: u8) error{Nameless}!?*const u8 {
    return if (n == 0) error.Nameless else null;
}

test {
    const pool: cfutures.ProcessPool = try .init(.{});
    _ = try pool.map(name, &.{ 1, 2 }, .{});
}
