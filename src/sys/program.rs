//! This program: its name, its environment, its files.
//!
//! Called by: `processes`, when a program is to be run.

use super::{clock, process};
use core::ffi::{c_char, c_void, CStr};
use core::mem::MaybeUninit;

extern "C" {
    static program_invocation_name: *const c_char;
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// The way to the running program, also when its file has been replaced or removed.
pub const SELF: &CStr = c"/proc/self/exe";

/// What this program was called as.
pub fn argv0() -> *const c_char {
    // SAFETY: set by libc before main, and never freed.
    unsafe { program_invocation_name }
}

/// A variable of the environment; none in a program that has more rights than who called it.
pub fn env(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: a terminated name; the value stands until somebody changes the environment.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    }
}

pub fn unset_env(name: &CStr) {
    // SAFETY: a terminated name; called where there is one thread.
    unsafe { libc::unsetenv(name.as_ptr()) };
}

/// True if there was memory for it.
pub fn set_env(name: &CStr, value: &CStr) -> bool {
    // SAFETY: terminated strings, which are copied; called where there is one thread.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) == 0 }
}

/// The environment: terminated strings, and a null behind the last.
pub fn environ() -> *const *const c_char {
    // SAFETY: libc's own variable.
    unsafe { libc::environ as *const *const c_char }
}

/// This program has more rights than who called it (set-user-id and the like).
pub fn is_privileged() -> bool {
    // SAFETY: always succeeds.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The file that a function of this process was loaded from.
pub fn file_of(function: *const c_void) -> Option<&'static CStr> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: filled in when the call succeeds; the name belongs to the loaded object, here the library itself.
    unsafe {
        if libc::dladdr(function, info.as_mut_ptr()) == 0 || info.assume_init_ref().dli_fname.is_null() {
            return None;
        }
        Some(CStr::from_ptr(info.assume_init_ref().dli_fname))
    }
}

/// There is a file which this process may execute.
pub fn is_executable(path: &CStr) -> bool {
    // SAFETY: a terminated path.
    unsafe { libc::access(path.as_ptr(), libc::X_OK) == 0 }
}

/// Both paths lead to the same file.
pub fn is_same_file(a: &CStr, b: &CStr) -> bool {
    let identity = |path: &CStr| {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: a terminated path; the structure is read when the call has filled it.
        unsafe {
            (libc::stat(path.as_ptr(), stat.as_mut_ptr()) == 0)
                .then(|| (stat.assume_init_ref().st_dev, stat.assume_init_ref().st_ino))
        }
    };
    identity(a).is_some_and(|a| Some(a) == identity(b))
}

/// A number that nobody can guess; where the kernel gives none, one that is hard to guess.
pub fn nonce() -> u64 {
    let mut n = 0u64;
    // SAFETY: eight writable bytes.
    let got = unsafe { libc::getrandom((&raw mut n).cast(), 8, libc::GRND_NONBLOCK) };
    match got {
        8 => n,
        _ => clock::now_ns().rotate_left(32) ^ process::id() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_found() {
        let file = file_of(this_program_is_found as *const c_void).unwrap();
        assert!(is_executable(SELF) && is_same_file(SELF, file) && !is_same_file(SELF, c"/"));
        assert!(!argv0().is_null() && !is_privileged());
        assert_ne!(nonce(), nonce());
    }
}
