//! Builds bench-cfutures-zig. -Dbench=<folder> says where the shared work, libcfutures-bench.a, is.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const cfutures = b.dependency("cfutures", .{ .target = target, .optimize = optimize });
    const bench = b.addTranslateC(.{ .root_source_file = b.path("../../workloads/bench.h"), .target = target, .optimize = optimize });
    const program = b.addExecutable(.{
        .name = "bench-cfutures-zig",
        .root_module = b.createModule(.{
            .root_source_file = b.path("main.zig"),
            .target = target,
            .optimize = optimize,
            .imports = &.{
                .{ .name = "bench", .module = bench.createModule() },
                .{ .name = "cfutures", .module = cfutures.module("cfutures") },
            },
        }),
    });
    if (b.option([]const u8, "bench", "The folder of libcfutures-bench.a")) |folder| {
        program.root_module.addLibraryPath(.{ .cwd_relative = folder });
    }
    program.root_module.linkSystemLibrary("cfutures-bench", .{ .use_pkg_config = .no });
    b.installArtifact(program);
}
