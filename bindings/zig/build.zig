//! The package: the modules `c`, the installed header translated, and `cfutures`, the wrapper; and its tests and
//! examples. Both modules link the system's library, which pkg-config knows.
//!
//!     zig build test        the tests; -Dtasks=<folder> says where libcfutures-tasks.so is
//!     zig build examples    zig-out/bin/primes, pages and hostile

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});

    const translated = b.addTranslateC(.{
        .root_source_file = b.addWriteFiles().add("c.h", "#include <cfutures.h>\n"),
        .target = target,
        .optimize = optimize,
    });
    translated.linkSystemLibrary("cfutures", .{});
    const cfutures = b.addModule("cfutures", .{
        .root_source_file = b.path("src/cfutures.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "c", .module = translated.addModule("c") }},
    });

    const parts: Parts = .{ .b = b, .target = target, .optimize = optimize, .cfutures = cfutures };
    addTests(parts);
    addExamples(parts);
}

/// What all programs here are made of.
const Parts = struct {
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.Optimize,
    cfutures: *std.Build.Module,

    /// The root of a program.
    fn root(parts: Parts, file: []const u8) *std.Build.Module {
        return parts.b.createModule(.{
            .root_source_file = parts.b.path(file),
            .target = parts.target,
            .optimize = parts.optimize,
            .imports = &.{.{ .name = "cfutures", .module = parts.cfutures }},
        });
    }
};

fn addTests(parts: Parts) void {
    const b = parts.b;
    const step = b.step("test", "Run the tests");
    const tests = b.addTest(.{
        .root_module = parts.root("tests/all.zig"),
        .test_runner = .{ .path = b.path("tests/runner.zig"), .mode = .simple },
    });
    if (b.option([]const u8, "tasks", "The folder of libcfutures-tasks.so, for the tests")) |folder| {
        tests.root_module.addLibraryPath(.{ .cwd_relative = folder });
    }
    tests.root_module.linkSystemLibrary("cfutures-tasks", .{ .use_pkg_config = .no });
    const run = b.addRunArtifact(tests);
    run.addPassthruArgs();
    step.dependOn(&run.step);
    for (refused) |case| {
        const compiled = b.addTest(.{
            .name = case.name,
            .root_module = parts.root(b.fmt("tests/refused/{s}.zig", .{case.name})),
        });
        compiled.expect_errors = .{ .contains = case.message };
        step.dependOn(&compiled.step);
    }
}

fn addExamples(parts: Parts) void {
    const b = parts.b;
    const step = b.step("examples", "Build the examples");
    for ([_][]const u8{ "primes", "pages", "hostile" }) |name| {
        const example = b.addExecutable(.{
            .name = name,
            .root_module = parts.root(b.fmt("examples/{s}.zig", .{name})),
        });
        step.dependOn(&b.addInstallArtifact(example, .{}).step);
    }
}

/// What must not compile, and how a line of what the compiler says of it ends.
const refused = [_]struct { name: []const u8, message: []const u8 }{
    .{ .name = "argument", .message = "with a []const u8" ++ nowhere },
    .{ .name = "result", .message = "a result of the map is a error{Nameless}!?*const u8 with a *const u8" ++ nowhere },
    .{ .name = "loop", .message = "cfutures: only a pool of threads runs loops" },
    .{ .name = "generic", .message = "cfutures: a task has no generic parameters: fn (anytype) u8" },
    .{ .name = "callback", .message = "cfutures: a callback begins with the future, future.Future(u8)" },
};
const nowhere = ", which leads nowhere in another process: pass a value, or memory of sharedAlloc";
