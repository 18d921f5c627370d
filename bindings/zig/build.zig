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

    const test_step = b.step("test", "Run the tests");
    const tests = b.addTest(.{
        .root_module = b.createModule(.{
            .root_source_file = b.path("tests/all.zig"),
            .target = target,
            .optimize = optimize,
            .imports = &.{.{ .name = "cfutures", .module = cfutures }},
        }),
        .test_runner = .{ .path = b.path("tests/runner.zig"), .mode = .simple },
    });
    if (b.option([]const u8, "tasks", "The folder of libcfutures-tasks.so, for the tests")) |folder| {
        tests.root_module.addLibraryPath(.{ .cwd_relative = folder });
    }
    tests.root_module.linkSystemLibrary("cfutures-tasks", .{ .use_pkg_config = .no });
    const run_tests = b.addRunArtifact(tests);
    run_tests.addPassthruArgs();
    test_step.dependOn(&run_tests.step);

    const examples = b.step("examples", "Build the examples");
    for ([_][]const u8{ "primes", "pages", "hostile" }) |name| {
        const example = b.addExecutable(.{
            .name = name,
            .root_module = b.createModule(.{
                .root_source_file = b.path(b.fmt("examples/{s}.zig", .{name})),
                .target = target,
                .optimize = optimize,
                .imports = &.{.{ .name = "cfutures", .module = cfutures }},
            }),
        });
        examples.dependOn(&b.addInstallArtifact(example, .{}).step);
    }
}
