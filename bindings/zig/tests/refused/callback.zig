//! Must not compile: a callback of another kind of future.
const cfutures = @import("cfutures");

fn done(_: cfutures.Future(u16)) void {}

test {
    const promise: cfutures.Promise(u8) = try .init();
    try promise.future.addDoneCallback(undefined, done, .{});
}
