//! A library that panics in every way that there is, with the handlers of libcfutures, which itself has no such bug to
//! show. Packed as libcfutures is; program.c calls it. Used by the check "panic" (cmake/checks-package.sh).

#[path = "../../src/panic.rs"]
#[allow(dead_code)]
mod panic;

use std::panic::catch_unwind;

/// As at an entry point: a panic becomes a status.
#[no_mangle]
pub extern "C" fn cf_version(index: usize) -> i32 {
    catch_unwind(|| [10, 11, 12][std::hint::black_box(index)]).unwrap_or(-17)
}

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("the second");
    }
}

#[no_mangle]
pub extern "C" fn cf_two_at_once() {
    let _ = catch_unwind(|| {
        let _bad = Bad;
        panic!("the first");
    });
}

#[no_mangle]
pub extern "C" fn cf_without_guard() {
    panic!("out of C");
}

#[no_mangle]
pub extern "C" fn cf_no_memory() {
    std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; 4711]>());
}
