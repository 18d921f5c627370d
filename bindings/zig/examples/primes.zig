//! Which numbers are prime, asked in worker processes. Shows: a map, whose results come in the order of the numbers.

const std = @import("std");
const cfutures = @import("cfutures");

const numbers = [_]u64{
    112272535095293, 112582705942171, 112272535095293,
    115280095190773, 115797848077099, 1099726899285419,
};

fn isPrime(n: u64) bool {
    if (n < 2) return false;
    if (n % 2 == 0) return n == 2;
    var divisor: u64 = 3;
    while (divisor * divisor <= n) : (divisor += 2) {
        if (n % divisor == 0) return false;
    }
    return true;
}

pub fn main(init: std.process.Init) !void {
    cfutures.workerMain();
    var buffer: [1024]u8 = undefined;
    var stdout: std.Io.File.Writer = .init(.stdout(), init.io, &buffer);
    const out = &stdout.interface;

    const pool: cfutures.ProcessPool = try .init(.{});
    defer pool.deinit();

    var primes = try pool.map(isPrime, &numbers, .{});
    defer primes.deinit();
    while (try primes.next()) |prime| {
        try out.print("{d} is prime: {}\n", .{ numbers[primes.index()], prime });
    }
    try out.flush();
}
