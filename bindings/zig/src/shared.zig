//! Memory that a pool's tasks and this process see at the same address.
//!
//! Made and freed by `Executor`. Always true: it is kept as a number, so that it travels to worker processes; this type
//! and the library promise that the number means the same there.

/// Items in memory of `Executor.sharedAlloc`: an argument, or part of one, in pools of both kinds.
pub fn Shared(comptime T: type) type {
    return extern struct {
        address: usize,
        len: usize,

        /// The items themselves. Who uses them at the same time has to agree, as with any memory of several threads.
        pub fn slice(shared: @This()) []T {
            return @as([*]T, @ptrFromInt(shared.address))[0..shared.len];
        }
    };
}
