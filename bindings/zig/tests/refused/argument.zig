//! Must not compile: an argument with a pointer, for another process.
const cfutures = @import("cfutures");

fn length(job: struct { name: []const u8 }) usize {
    return job.name.len;
}

test {
    const pool: cfutures.ProcessPool = try .init(.{});
    _ = try pool.submit(length, .{.{ .name = "nowhere" }});
}
