//! Pools of threads and of processes: making them, submitting to them, ending them.
//!
//! The heart of the package. Always true: a pool is nothing but the handle of the C interface; its kind is part of its
//! type, so that what cannot be done with processes does not compile.

const std = @import("std");
const c = @import("c");
const call = @import("call.zig");
const map_ = @import("map.zig");
const options_ = @import("options.zig");
const status = @import("status.zig");
const travel = @import("travel.zig");
const Future = @import("future.zig").Future;
const Shared = @import("shared.zig").Shared;

const Error = status.Error;
const Timeout = status.Timeout;

/// What a pool's workers are.
pub const Kind = enum { threads, processes };

/// A pool of threads. Tasks may take and return whatever they like: they share this process's memory.
///
/// Python: `ThreadPoolExecutor`.
pub const ThreadPool = Executor(.threads);

/// A pool of worker processes, for tasks that may crash, leak, or have to be killed.
///
/// Arguments and results are bytes that travel, so a pointer in one of them is an error of the compiler; memory that
/// all share comes from `sharedAlloc`. Spawned workers, see `StartMethod`, need a call of `workerMain` at the beginning
/// of `main`.
///
/// Python: `ProcessPoolExecutor`.
pub const ProcessPool = Executor(.processes);

/// A pool whose workers are of this kind. Everything but `deinit` and `detach` may be called by any number of threads
/// at the same time, tasks of the pool included.
pub fn Executor(comptime kind: Kind) type {
    return struct {
        const Self = @This();

        /// The handle of the C interface.
        raw: *c.cf_executor,

        /// What `init` takes.
        pub const Options = switch (kind) {
            .threads => options_.ThreadOptions,
            .processes => options_.ProcessOptions,
        };

        /// Makes a pool: `try .init(.{ .max_workers = 4 })`. End it with `deinit`.
        pub fn init(options: Options) Error!Self {
            return .{ .raw = try options_.make(options, switch (kind) {
                .threads => c.cf_thread_pool_new_with,
                .processes => c.cf_process_pool_new_with,
            }) };
        }

        /// Makes a pool each of whose workers calls `function` with a copy of `args` before its first task. If that
        /// fails the pool is broken, see `broken`.
        pub fn initWith(options: Options, comptime function: anytype, args: call.Submitted(function).Args) Error!Self {
            const S = call.Submitted(function);
            check("an argument of the initializer", S.Args);
            var all = options;
            all.initializer = .{ .function = S.run, .arg = std.mem.asBytes(&args) };
            return init(all);
        }

        /// Lets all tasks end, waits for them and frees the pool. Futures stay valid.
        pub fn deinit(pool: Self) void {
            c.cf_executor_free(pool.raw);
        }

        /// Gives the pool back without waiting; what it has still runs.
        pub fn detach(pool: Self) void {
            c.cf_executor_detach(pool.raw);
        }

        /// How many tasks may run at the same time.
        pub fn maxWorkers(pool: Self) usize {
            return c.cf_executor_max_workers(pool.raw);
        }

        /// Why the pool is broken; null when it is not.
        pub fn broken(pool: Self) ?status.Failure {
            return .{ .raw = c.cf_executor_error(pool.raw) orelse return null };
        }

        /// Submits a call of `function` with a copy of the tuple `args`, and returns at once.
        ///
        /// The function may begin with a parameter of the type `*Task`, which is not one of the arguments. What it
        /// returns, error or value, comes out of `Future.result`. A panic is one of this process in a pool of threads;
        /// in a worker process it is `error.WorkerDied`.
        ///
        /// Values are copied as bytes and never freed: what a value owns is its function's to free, also when the call
        /// is cancelled, which you then see by `Future.cancelled`.
        ///
        /// Python: `Executor.submit`.
        pub fn submit(
            pool: Self,
            comptime function: anytype,
            args: call.Submitted(function).Args,
        ) Error!Future(call.Submitted(function).Return) {
            const S = call.Submitted(function);
            check("an argument of the task", S.Args);
            check("the result of the task", S.Return);
            return pool.submitRaw(S.Return, S.run, std.mem.asBytes(&args));
        }

        /// Submits a C function with a copy of some bytes, such as `std.mem.asBytes(&n)`. Its result is a `Result`, and
        /// `error.SizeMismatch` if it has another size; with `[]const u8` it is whatever bytes there are.
        pub fn submitC(
            pool: Self,
            comptime Result: type,
            function: CFunction,
            arg: []const u8,
        ) Error!Future(Result) {
            if (Result != []const u8) check("the result of the task", Result);
            return pool.submitRaw(Result, function, arg);
        }

        /// Submits a call of `function` for each item, in one go, and writes their futures to `out`, which has as many
        /// places. Each has a `deinit` of its own. After a failure, nothing was submitted that is not cancelled.
        ///
        /// Python: `[executor.submit(function, item) for item in items]`.
        pub fn submitMany(
            pool: Self,
            comptime function: anytype,
            items: []const call.Mapped(function, void).Item,
            out: []Future(call.Mapped(function, void).Return),
        ) Error!void {
            const M = call.Mapped(function, void);
            check("an item of the task", M.Item);
            check("the result of the task", M.Return);
            return pool.submitManyRaw(M.Return, M.run, items, out);
        }

        /// As `submitMany` for a C function: one task for each item, with a copy of the item's bytes.
        pub fn submitManyC(
            pool: Self,
            comptime Item: type,
            comptime Result: type,
            function: CFunction,
            items: []const Item,
            out: []Future(Result),
        ) Error!void {
            check("an item of the task", Item);
            if (Result != []const u8) check("the result of the task", Result);
            return pool.submitManyRaw(Result, function, items, out);
        }

        /// Calls `function` for every item, in parallel; the results come in the order of the items.
        ///
        /// Python: `Executor.map`.
        pub fn map(
            pool: Self,
            comptime function: anytype,
            items: []const call.Mapped(function, void).Item,
            options: map_.MapOptions,
        ) Error!map_.Map(call.Mapped(function, void).Return) {
            const M = call.Mapped(function, void);
            check("an item of the map", M.Item);
            check("a result of the map", M.Return);
            return .start(pool.raw, M.run, items, options, null);
        }

        /// As `map`, with something that all items share: `function` takes a `*const Context` and the item. In a
        /// process pool the context is copied once for the map; threads get the very pointer, which has to stay until
        /// the map has ended.
        pub fn mapWith(
            pool: Self,
            context: anytype,
            comptime function: anytype,
            items: []const call.Mapped(function, std.meta.Child(@TypeOf(context))).Item,
            options: map_.MapOptions,
        ) Error!map_.Map(call.Mapped(function, std.meta.Child(@TypeOf(context))).Return) {
            const Context = std.meta.Child(@TypeOf(context));
            const M = call.Mapped(function, Context);
            check("the context of the map", Context);
            check("an item of the map", M.Item);
            check("a result of the map", M.Return);
            return .start(pool.raw, M.run, items, options, std.mem.asBytes(context));
        }

        /// Calls `function` for every item, in parallel, writes the results to `out`, which has as many places, and
        /// returns when all is done. The error is that of the failed item with the lowest index; the detail and the
        /// index are in the options' diagnostics.
        pub fn mapInto(
            pool: Self,
            comptime function: anytype,
            items: []const call.Mapped(function, void).Item,
            out: []call.Outcome(call.Mapped(function, void).Return).Payload,
            options: map_.MapOptions,
        ) (Error || call.Outcome(call.Mapped(function, void).Return).Errors)!void {
            const M = call.Mapped(function, void);
            check("an item of the map", M.Item);
            check("a result of the map", M.Return);
            return map_.into(pool.raw, M.Return, M.run, items, out, options);
        }

        /// Runs `body(begin, end)`, with `args` behind these two, over pieces of the indices below `count`, in
        /// parallel, and returns when all is done. `grain` is the least size of a piece; 0: the library chooses.
        /// Only for threads.
        pub fn forRange(
            pool: Self,
            count: usize,
            grain: usize,
            comptime body: anytype,
            args: map_.Range(body).Args,
        ) (Error || map_.Range(body).Errors)!void {
            if (kind != .threads) @compileError("cfutures: only a pool of threads runs loops");
            return map_.Range(body).over(pool.raw, count, grain, args);
        }

        /// How `shutdown` ends a pool.
        pub const ShutdownOptions = struct {
            /// Whether to return only when all tasks, callbacks and workers have ended.
            wait: bool = true,
            /// Whether to cancel what has not started.
            cancel_futures: bool = false,
        };

        /// Ends the pool: it takes no more tasks. `deinit` is needed all the same.
        pub fn shutdown(pool: Self, options: ShutdownOptions) Error!void {
            try status.check(c.cf_executor_shutdown(pool.raw, options.wait, options.cancel_futures));
        }

        /// Waits until a pool that was shut down has come to its end.
        pub fn join(pool: Self, timeout: Timeout) Error!void {
            try status.check(c.cf_executor_join(pool.raw, @backingInt(timeout)));
        }

        /// Ends a process pool at once: every worker gets SIGTERM. `join` waits for the end.
        pub fn terminateWorkers(pool: Self) Error!void {
            if (kind != .processes) @compileError("cfutures: threads cannot be ended from outside");
            try status.check(c.cf_executor_terminate_workers(pool.raw));
        }

        /// As `terminateWorkers` with SIGKILL, which no task can catch.
        pub fn killWorkers(pool: Self) Error!void {
            if (kind != .processes) @compileError("cfutures: threads cannot be ended from outside");
            try status.check(c.cf_executor_kill_workers(pool.raw));
        }

        /// Memory for so many items that this process and all tasks of the pool see at the same address, not zeroed.
        /// Give it back with `sharedFree`, before the pool's `deinit` and when no task uses it any more.
        pub fn sharedAlloc(pool: Self, comptime T: type, count: usize) Error!Shared(T) {
            check("an item of shared memory", T);
            const size = std.math.mul(usize, @sizeOf(T), count) catch return error.InvalidArgument;
            var memory: ?*anyopaque = null;
            try status.check(c.cf_executor_shared_alloc(pool.raw, size, &memory));
            return .{ .address = @intFromPtr(memory.?), .len = count };
        }

        /// Frees memory of `sharedAlloc`.
        pub fn sharedFree(pool: Self, shared: anytype) void {
            c.cf_executor_shared_free(pool.raw, shared.slice().ptr);
        }

        const CFunction = *const fn (?*c.cf_task, ?*anyopaque, usize) callconv(.c) i32;

        fn check(comptime what: []const u8, comptime T: type) void {
            if (kind == .processes) travel.mustTravel(T, what);
        }

        fn submitRaw(pool: Self, comptime R: type, function: CFunction, arg: []const u8) Error!Future(R) {
            var raw: ?*c.cf_future = null;
            try status.check(c.cf_executor_submit(pool.raw, function, arg.ptr, arg.len, &raw));
            return .{ .raw = raw.? };
        }

        fn submitManyRaw(
            pool: Self,
            comptime R: type,
            function: CFunction,
            items: anytype,
            out: []Future(R),
        ) Error!void {
            if (items.len != out.len) return error.InvalidArgument;
            const size = @sizeOf(std.meta.Elem(@TypeOf(items)));
            const raws: [*]?*c.cf_future = @ptrCast(out.ptr);
            const code = c.cf_executor_submit_many(pool.raw, function, items.ptr, size, items.len, raws, null);
            if (code == c.CF_OK) return;
            _ = c.cf_futures_cancel(raws, out.len);
            c.cf_futures_release(raws, out.len);
            return status.errorOf(code);
        }
    };
}
