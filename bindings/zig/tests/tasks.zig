//! The C functions of bindings/tasks, and what the tests share. `Gate` decides the order of events, never a sleep.

const std = @import("std");
const cf = @import("cfutures");

extern fn tasks_square(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_fail(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_is_prime(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_sleep(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_gate(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_gate_open(*Gate) void;
extern fn tasks_gate_entered(*const Gate) i32;
extern fn tasks_crash(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_pid(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_endless(?*cf.c.cf_task, ?*anyopaque, usize) i32;
extern fn tasks_await(?*cf.c.cf_task, ?*anyopaque, usize) i32;

pub const square = tasks_square;
pub const fail = tasks_fail;
pub const isPrime = tasks_is_prime;
pub const sleep = tasks_sleep;
pub const gate = tasks_gate;
pub const crash = tasks_crash;
pub const pid = tasks_pid;
pub const endless = tasks_endless;
pub const awaitOther = tasks_await;

/// Holds tasks back until a test lets them go. `tasks_gate_t` in C.
pub const Gate = extern struct {
    entered: i32 = 0,
    is_open: i32 = 0,

    /// A task that waits here, with its turn as result.
    pub fn submit(g: *Gate, pool: cf.ThreadPool) !cf.Future(i32) {
        return pool.submitC(i32, gate, std.mem.asBytes(&g));
    }

    /// For Zig tasks: waits until the gate is open.
    pub fn pass(g: *Gate) void {
        _ = @atomicRmw(i32, &g.entered, .Add, 1, .acq_rel);
        while (@atomicLoad(i32, &g.is_open, .acquire) == 0) breathe();
    }

    pub fn open(g: *Gate) void {
        tasks_gate_open(g);
    }

    /// Waits until so many tasks have come.
    pub fn awaitEntered(g: *const Gate, count: i32) void {
        while (tasks_gate_entered(g) < count) breathe();
    }
};

/// Lets others run; for loops that wait for what is sure to come.
pub fn breathe() void {
    _ = usleep(200);
}
extern fn usleep(c_uint) c_int;

/// A task with a Zig result and no error.
pub fn double(n: u64) u64 {
    return 2 * n;
}

/// A task that fails for odd numbers.
pub fn half(n: u64) error{Odd}!u64 {
    return if (n % 2 == 0) n / 2 else error.Odd;
}

pub const starts = [_]cf.StartMethod{ .fork, .spawn };
