//! A decoder that crashes on some inputs, behind a pool of processes. Shows: each of 10,000 inputs is accounted for, and
//! a crash costs one worker, not the program.

const std = @import("std");
const cfutures = @import("cfutures");

const Input = struct { size: usize, bytes: [24]u8 };

/// Records of a kind, a length and bytes.
fn decode(input: Input) error{CutOff}!i32 {
    var sum: i32 = 0;
    var at: usize = 0;
    while (at < input.size) {
        const head = input.bytes[at];
        const kind: u8 = if (head >= 254) 3 else head / 90;
        var length: usize = head % 8;
        if (head == 253) std.process.abort(); // "this cannot happen"
        at += 1;
        if (at + length > input.size) return error.CutOff;
        if (kind == 3) length += 1; // its length does not count its sign
        while (length > 0 and at < input.size) : (length -= 1) {
            sum = switch (kind) {
                0, 2 => sum + input.bytes[at],
                1 => sum - input.bytes[at],
                else => sum + reader_of_kind_3.*,
            };
            at += 1;
        }
    }
    return sum;
}

/// Kind 3 was never written: this points to nothing.
const reader_of_kind_3: *allowzero const volatile u8 = @ptrFromInt(0);

var state: u32 = 1;
fn randomNumber(sides: u32) u32 {
    state = state *% 1664525 +% 1013904223;
    return (state >> 16) % sides;
}

const Tally = struct {
    decoded: u32 = 0,
    malformed: u32 = 0,
    crashed: u32 = 0,
    asserted: u32 = 0,

    fn add(tally: *Tally, future: cfutures.FutureOf(decode)) !void {
        if (future.result(.forever)) |_| {
            tally.decoded += 1;
        } else |err| switch (err) {
            error.CutOff => tally.malformed += 1,
            error.WorkerDied => switch (future.failure().?.signal().?) {
                @backingInt(std.posix.SIG.SEGV) => tally.crashed += 1,
                @backingInt(std.posix.SIG.ABRT) => tally.asserted += 1,
                else => {},
            },
            else => return err,
        }
    }
};

pub fn main(init: std.process.Init) !void {
    cfutures.workerMain();
    // Workers inherit this: a file for each crash is of no use here.
    try std.posix.setrlimit(.CORE, .{ .cur = 0, .max = 0 });
    const arena = init.arena.allocator();
    const inputs = try arena.alloc(Input, 10_000);
    for (inputs) |*input| {
        input.* = .{ .size = 1 + randomNumber(24), .bytes = undefined };
        for (input.bytes[0..input.size]) |*byte| byte.* = @intCast(randomNumber(256));
    }

    const pool: cfutures.ProcessPool = try .init(.{});
    defer pool.deinit();
    const futures = try arena.alloc(cfutures.FutureOf(decode), inputs.len);
    try pool.submitMany(decode, inputs, futures);
    defer cfutures.deinitAll(futures);

    var tally: Tally = .{};
    for (futures) |future| try tally.add(future);
    const rest = inputs.len - tally.decoded - tally.malformed - tally.crashed - tally.asserted;

    var buffer: [256]u8 = undefined;
    var stdout: std.Io.File.Writer = .init(.stdout(), init.io, &buffer);
    try stdout.interface.print("decoded: {d}\nmalformed: {d}\ncrashed: {d}\nasserted: {d}\nunaccounted for: {d}\n", .{
        tally.decoded, tally.malformed, tally.crashed, tally.asserted, rest,
    });
    try stdout.interface.flush();
}

/// A crash of the worker is for the pool to tell, not for the handler that Zig sets up.
pub const std_options: std.Options = .{ .enable_segfault_handler = false };
