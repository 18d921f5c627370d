//! Every test of the package; each behaviour of bindings/README.md is a test with that name.

comptime {
    _ = @import("submitting.zig");
    _ = @import("futures.zig");
    _ = @import("maps.zig");
    _ = @import("processes.zig");
    _ = @import("ending.zig");
    _ = @import("leaks.zig");
}
