//! Another Rust library in the same program, with the standard library's own handler of panics. Link-time optimisation
//! leaves some names of the standard library global in it. Used by the check "panic" (cmake/checks-package.sh).

#[no_mangle]
pub extern "C" fn other_quotient(a: i32, b: i32) -> i32 {
    std::panic::catch_unwind(|| a / std::hint::black_box(b)).unwrap_or(-1)
}
