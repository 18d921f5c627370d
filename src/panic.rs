//! Where a panic begins in the library that is installed, and where it ends when memory does.
//!
//! Owns: what is said about a bug of the library.
//! Called by: core's panicking functions, and `alloc` for what cannot be refused. cmake/pack-archive.cmake puts the two
//! in the place of the standard library's handlers, which bring a reader of debug information and a printer of
//! backtraces along: a third of the library, for names of functions that an installed library does not have.
//! `cargo test` and the build types with debug information keep those.
//!
//! Always true:
//! - one panic unwinds to the guard at the entry point (`capi`), which makes CF_PANIC of it;
//! - one that begins while another unwinds ends the process. So does every panic that must not unwind: it arises
//!   from a destructor or out of a function that cannot be unwound, hence during another panic;
//! - what is said needs no memory.

use core::panic::PanicInfo;
use std::io::Write;

/// More of a message is cut off.
const LONGEST: usize = 512;

/// The name stands in cmake/pack-archive.cmake; the signature is that of every `#[panic_handler]`, which only one
/// crate of a program may declare, and the standard library has.
#[no_mangle]
extern "Rust" fn cfutures_begin_panic(info: &PanicInfo<'_>) -> ! {
    say(format_args!("a bug in the library: {info}"));
    if std::thread::panicking() {
        std::process::abort();
    }
    // A box of nothing needs no memory.
    std::panic::resume_unwind(Box::new(()))
}

/// What the library allocates for tasks can be refused (`mem`); this is the rest, such as the standard library's own.
#[no_mangle]
extern "Rust" fn cfutures_no_memory(size: usize, _align: usize) -> ! {
    say(format_args!("no memory: {size} bytes are missing"));
    std::process::abort()
}

/// In one write: other threads and processes use the same stream.
fn say(what: core::fmt::Arguments<'_>) {
    let mut line = [0; LONGEST];
    let length = describe(&mut line, what);
    let _ = std::io::stderr().write_all(&line[..length]);
}

/// Writes one line and says how long it is.
fn describe(line: &mut [u8; LONGEST], what: core::fmt::Arguments<'_>) -> usize {
    let mut rest = &mut line[..LONGEST - 1];
    // What does not fit is cut off, and that is the only failure.
    let _ = write!(rest, "libcfutures: {what}");
    let length = LONGEST - 1 - rest.len();
    line[length] = b'\n';
    length + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_and_what() {
        let mut line = [0; LONGEST];
        let length = describe(&mut line, format_args!("here: {}", "index out of bounds"));
        assert_eq!(&line[..length], b"libcfutures: here: index out of bounds\n");
    }

    #[test]
    fn what_is_too_long_is_cut_off() {
        let mut line = [0; LONGEST];
        let length = describe(&mut line, format_args!("{}", "x".repeat(1000)));
        assert_eq!((length, line[LONGEST - 2], line[LONGEST - 1]), (LONGEST, b'x', b'\n'));
    }
}
