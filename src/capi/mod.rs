//! The C interface: one file per section of the header, in the header's order.
//!
//! Owns: the guard at each entry point and the conversions from what C passes to what the core takes.
//! Called by: C. The comments in here are the documentation of the header, cbindgen carries them over;
//! the order of the modules below is the order of the functions in it.
//!
//! Always true:
//! - a function checks, converts, calls and converts; what a call means stands in the core;
//! - no panic leaves: `guard` turns it into CF_PANIC, `guard_or` into a neutral value;
//! - a `Hook` is made before anything can fail, so that a refused call gives the user's data back;
//! - an owned handle is NULL after every failure.
//!
//! Safety of all entry points: each pointer parameter is NULL or what the comment of the function says,
//! a live handle or memory of the stated size. That is C's promise and cannot be checked further.

// The contract of each function is its comment for C, written for Doxygen and not for rustdoc.
#![allow(clippy::missing_safety_doc)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

pub mod types;

// The order of the header's functions. rustfmt sorts neighbours, hence the empty lines.

mod version;

mod status;

mod error;

mod time;

mod task;

mod executor;

mod options;

mod processes;

mod process_options;

mod submit;

mod shutdown;

mod kill;

mod future;

mod result;

mod callbacks;

mod references;

mod by_hand;

mod wait;

mod as_completed;

mod completion_queue;

mod map_options;

mod map;

mod map_into;

mod range;

mod shared;

use crate::error::{cf_error, Failure};
use crate::fork::Handle;
use crate::status::{cf_status, Result};
use core::ffi::{c_char, c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs the body of an entry point; a panic becomes CF_PANIC.
// Unwind safety is asserted because the core keeps its own: a lock is never held over code that can panic
// half-way through a change.
fn guard(body: impl FnOnce() -> Result<()>) -> cf_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => cf_status::CF_OK,
        Ok(Err(status)) => status,
        Err(panic) => {
            forget_panic(panic);
            cf_status::CF_PANIC
        }
    }
}

/// As `guard`, for calls without a status: a panic gives the neutral value.
fn guard_or<T: Copy>(neutral: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        forget_panic(panic);
        neutral
    })
}

/// As `guard`, for calls that explain a failure through `cf_error **`, which may be NULL and is set
/// to NULL on success.
///
/// # Safety
/// `out` is NULL or writable.
unsafe fn guard_failure(out: *mut *mut cf_error, body: impl FnOnce() -> Result<(), Failure>) -> cf_status {
    // SAFETY: as promised by the caller.
    unsafe { write_if_some(out, core::ptr::null_mut()) };
    guard(|| {
        let Err(Failure { status, error }) = body() else {
            return Ok(());
        };
        if out.is_null() {
            // SAFETY: the failure owned its error, and nobody else has seen it.
            unsafe { cf_error::free(error) };
        } else {
            // SAFETY: not NULL, hence writable; the error is the caller's from here on.
            unsafe { out.write(error) };
        }
        Err(status)
    })
}

/// Leaks what a panic carries: its destructor could panic again, and a bug was met already.
fn forget_panic(panic: Box<dyn core::any::Any + Send>) {
    core::mem::forget(panic);
}

/// A handle that C passed in: NULL is CF_INVALID_ARGUMENT, one of the parent process CF_FORKED.
///
/// # Safety
/// `handle` is NULL or live, and stays so for the call.
unsafe fn borrow<'a, T: Handle>(handle: *const T) -> Result<&'a T> {
    // SAFETY: as promised by the caller; handles are only ever shared.
    let handle = unsafe { handle.as_ref() }.ok_or(cf_status::CF_INVALID_ARGUMENT)?;
    if handle.foreign() {
        return Err(cf_status::CF_FORKED);
    }
    Ok(handle)
}

/// An object that has one user at a time, such as options.
///
/// # Safety
/// `object` is NULL or live, and no other thread uses it during the call.
unsafe fn borrow_mut<'a, T>(object: *mut T) -> Result<&'a mut T> {
    // SAFETY: as promised by the caller.
    unsafe { object.as_mut() }.ok_or(cf_status::CF_INVALID_ARGUMENT)
}

/// The place for an owned handle, set to NULL until the call has succeeded.
///
/// # Safety
/// `out` is NULL or writable.
unsafe fn handle_out<'a, T>(out: *mut *mut T) -> Result<&'a mut *mut T> {
    if out.is_null() {
        return Err(cf_status::CF_INVALID_ARGUMENT);
    }
    // SAFETY: not NULL, hence writable; written first, as the caller may not have initialised it.
    unsafe {
        out.write(core::ptr::null_mut());
        Ok(&mut *out)
    }
}

/// A result that the caller may not want.
///
/// # Safety
/// `out` is NULL or writable.
unsafe fn write_if_some<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, hence writable.
        unsafe { out.write(value) };
    }
}

/// Refuses bytes that cannot exist: NULL with a size, or more than any object has.
fn check_bytes(data: *const c_void, size: usize) -> Result<()> {
    if (data.is_null() && size > 0) || size > isize::MAX as usize {
        return Err(cf_status::CF_INVALID_ARGUMENT);
    }
    Ok(())
}

/// As `check_bytes` for `count` items side by side.
fn check_items(data: *const c_void, size: usize, count: usize) -> Result<()> {
    check_bytes(data, size.checked_mul(count).ok_or(cf_status::CF_INVALID_ARGUMENT)?)
}

/// An array that C passed in; NULL is allowed when it is empty.
///
/// # Safety
/// `items` is NULL or points to `count` of them, which nobody changes during the call.
unsafe fn slice<'a, T>(items: *const T, count: usize) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check_items(items.cast(), size_of::<T>(), count)?;
    // SAFETY: not NULL, of a possible size, and valid as promised by the caller.
    Ok(unsafe { core::slice::from_raw_parts(items, count) })
}

/// A text that must be there.
///
/// # Safety
/// `text` is NULL or ends with a NUL, and nobody changes it during the call.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a CStr> {
    // SAFETY: as promised by the caller.
    unsafe { text_if_some(text) }.ok_or(cf_status::CF_INVALID_ARGUMENT)
}

/// A text that may be left out.
///
/// # Safety
/// As `text`.
unsafe fn text_if_some<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, hence a text as promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// A function that must be there.
fn required<F>(function: Option<F>) -> Result<F> {
    function.ok_or(cf_status::CF_INVALID_ARGUMENT)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::future::cf_future;
    use core::ptr::null_mut;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("on purpose")), cf_status::CF_PANIC);
        assert_eq!(guard_or(7, || panic!("on purpose")), 7);
        assert_eq!(guard(|| Ok(())), cf_status::CF_OK);
        assert_eq!(guard(|| Err(cf_status::CF_END)), cf_status::CF_END);
    }

    #[test]
    fn a_failure_hands_its_error_out_and_success_clears_it() {
        let fail = || {
            let status = cf_status::CF_OS_ERROR;
            Err(Failure { status, error: cf_error::boxed(status, 11, 0, format_args!("no thread")) })
        };
        let mut error = core::ptr::NonNull::dangling().as_ptr();
        // SAFETY: `error` is a local; NULL is allowed.
        unsafe {
            assert_eq!(guard_failure(null_mut(), fail), cf_status::CF_OS_ERROR);
            assert_eq!(guard_failure(&mut error, || Ok(())), cf_status::CF_OK);
            assert!(error.is_null());
            assert_eq!(guard_failure(&mut error, fail), cf_status::CF_OS_ERROR);
            assert_eq!((*error).code(), 11);
            cf_error::free(error);
        }
    }

    #[test]
    fn impossible_bytes_are_refused() {
        let byte = 0u8;
        let some: *const c_void = (&raw const byte).cast();
        assert_eq!(check_bytes(null_mut(), 0), Ok(()));
        assert_eq!(check_bytes(some, 1), Ok(()));
        assert!(check_bytes(null_mut(), 1).is_err());
        assert!(check_bytes(some, usize::MAX).is_err());
        assert!(check_items(some, usize::MAX / 2, 3).is_err());
        assert!(check_items(some, 1 << 62, 4).is_err());
    }

    #[test]
    fn a_handle_is_null_until_the_call_succeeds() {
        let mut handle = core::ptr::NonNull::<cf_future>::dangling().as_ptr();
        // SAFETY: `handle` is a local.
        assert!(unsafe { handle_out(&mut handle) }.is_ok() && handle.is_null());
        // SAFETY: NULL is allowed.
        assert!(unsafe { handle_out::<cf_future>(null_mut()) }.is_err());
    }
}
