//! The version of the library that is linked at run time.

use super::guard_or;
use core::ffi::{c_char, CStr};

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("the version of the package is not three numbers"),
    }
}

const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

const VERSION_STRING: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the version of the package holds a NUL"),
};

/// Returns the version of the library that is linked at run time, as one number.
///
/// Compare it with CF_VERSION_NUMBER, the version of this header, when the program may meet another
/// build of the library than it was compiled for.
///
/// @return major << 16 | minor << 8 | patch.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `sys.version_info`.
///
/// @code{.c}
/// if (cf_version() < CF_VERSION_NUMBER)
///   fprintf(stderr, "libcfutures %s is older than its header\n", cf_version_string());
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_version() -> u32 {
    guard_or(0, || VERSION)
}

/// Returns the version of the library that is linked at run time, as text.
///
/// @return "major.minor.patch". Static, never NULL.
///
/// Threads: any, at any time. Ownership: the text is static. Python: `platform.python_version()`.
///
/// @code{.c}
/// printf("cfutures %s\n", cf_version_string());
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_version_string() -> *const c_char {
    guard_or(VERSION_STRING.as_ptr(), || VERSION_STRING.as_ptr())
}
