//! Pages, fetched all at once on threads and shown in the order in which they arrive. Shows: tasks with several
//! arguments, errors of their own, and `asCompleted`. The addresses are the arguments: examples-c/serve.py gives some.

const std = @import("std");
const cfutures = @import("cfutures");

/// Fetches one page; the caller owns the text.
fn load(client: *std.http.Client, url: []const u8) ![]u8 {
    var body: std.Io.Writer.Allocating = .init(client.allocator);
    defer body.deinit();
    const answer = try client.fetch(.{ .location = .{ .url = url }, .response_writer = &body.writer });
    switch (answer.status) {
        .ok => return body.toOwnedSlice(),
        .forbidden => return error.Forbidden,
        else => return error.NoSuchPage,
    }
}

pub fn main(init: std.process.Init) !void {
    var buffer: [1024]u8 = undefined;
    var stdout: std.Io.File.Writer = .init(.stdout(), init.io, &buffer);
    const out = &stdout.interface;
    const urls = (try init.minimal.args.toSlice(init.arena.allocator()))[1..];
    var client: std.http.Client = .{ .allocator = init.gpa, .io = init.io };
    defer client.deinit();

    const pool: cfutures.ThreadPool = try .init(.{ .max_workers = 5 });
    defer pool.deinit();

    const futures = try init.arena.allocator().alloc(cfutures.FutureOf(load), urls.len);
    for (futures, urls) |*future, url| future.* = try pool.submit(load, .{ &client, url });
    defer cfutures.deinitAll(futures);

    var pages = try cfutures.asCompleted(futures, .seconds(60));
    defer pages.deinit();
    while (try pages.next()) |page| {
        const url = urls[page.index];
        if (page.future.result(.poll)) |text| {
            defer init.gpa.free(text);
            try out.print("{s} has {d} bytes\n", .{ url, text.len });
        } else |err| {
            try out.print("{s} failed: {t}\n", .{ url, err });
        }
        try out.flush();
    }
}
