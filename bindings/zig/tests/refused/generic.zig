//! Must not compile: a function without a type of its own.
const cfutures = @import("cfutures");

fn same(value: anytype) u8 {
    return value;
}

test {
    const pool: cfutures.ThreadPool = try .init(.{});
    _ = try pool.submit(same, .{1});
}
