//! Errors that say what happened: status, the task's own code, a message, and where it happened.
//!
//! Owns: the 16-byte `cf_error` that fits into a future's result, and its detail on the heap.
//! Called by: tasks that fail, pools that break, calls that hand out an error.
//!
//! A failure without a message needs no allocation, so memory that has run out never hides a status.

use crate::mem;
use crate::status::{self, Status};
use core::ffi::CStr;
use core::fmt::{self, Write};
use core::ptr::null_mut;

/// Why a call failed; opaque to C.
#[repr(C)]
pub struct cf_error {
    status: Status,
    code: i32,
    detail: *mut Detail,
}

struct Detail {
    pid: i32,
    signal: i32,
    exit_code: i32,
    index: usize,
    /// Terminated text, `size` bytes in all; null for the status's own message.
    text: *mut u8,
    size: usize,
}

// SAFETY: an error is written once and then only read.
unsafe impl Send for cf_error {}
// SAFETY: as above.
unsafe impl Sync for cf_error {}

/// The error of every cancelled future.
pub static CANCELLED: cf_error = cf_error::plain(Status::CF_CANCELLED, 0);

impl cf_error {
    /// An error without detail.
    pub const fn plain(status: Status, code: i32) -> cf_error {
        cf_error { status, code, detail: null_mut() }
    }

    /// A task's failure with the message it gave; without memory the message is left out.
    pub fn with_text(status: Status, code: i32, text: fmt::Arguments) -> cf_error {
        cf_error { detail: Detail::new(text, 0), ..cf_error::plain(status, code) }
    }

    /// The death of a worker process: what became of it, and where it was.
    pub fn death(status: Status, pid: i32, signal: i32, exit_code: i32, text: fmt::Arguments) -> cf_error {
        let error = cf_error::with_text(status, 0, text);
        // SAFETY: null or owned by this error.
        if let Some(detail) = unsafe { error.detail.as_mut() } {
            (detail.pid, detail.signal, detail.exit_code) = (pid, signal, exit_code);
        }
        error
    }

    /// On the heap, for a caller who frees it; NULL when out of memory.
    pub fn boxed(status: Status, code: i32, index: usize, text: fmt::Arguments) -> *mut cf_error {
        let error = cf_error { detail: Detail::new(text, index), ..cf_error::plain(status, code) };
        mem::try_new(error).map_or(null_mut(), |p| p.as_ptr())
    }

    /// A copy of its own, which names an item; for errors that outlive where they arose.
    pub fn copy_at(&self, index: usize) -> cf_error {
        let mut copy = cf_error::plain(self.status, self.code);
        copy.detail = Detail::new(format_args!("{}", Lossy(self.message())), index);
        // SAFETY: both details are alive.
        if let (Some(to), Some(from)) = unsafe { (copy.detail.as_mut(), self.detail.as_ref()) } {
            (to.pid, to.signal, to.exit_code) = (from.pid, from.signal, from.exit_code);
        }
        copy
    }

    /// The same error, naming the item or the range's begin where it arose; without memory it names none.
    pub fn at(mut self, index: usize) -> cf_error {
        // SAFETY: null or owned by this error.
        match unsafe { self.detail.as_mut() } {
            Some(detail) => detail.index = index,
            None if index > 0 => self.detail = Detail::new(format_args!("{}", Lossy(self.message())), index),
            None => {}
        }
        self
    }

    pub fn into_box(self) -> *mut cf_error {
        mem::try_new(self).map_or(null_mut(), |p| p.as_ptr())
    }

    /// # Safety
    /// NULL or from `boxed` or `into_box`, and not used again.
    pub unsafe fn free(this: *mut cf_error) {
        if !this.is_null() {
            // SAFETY: the caller's promise.
            unsafe { mem::free(this) }
        }
    }

    fn detail(&self) -> Option<&Detail> {
        // SAFETY: null or owned by this error.
        unsafe { self.detail.as_ref() }
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn code(&self) -> i32 {
        self.code
    }

    pub fn message(&self) -> &CStr {
        match self.detail() {
            // SAFETY: terminated by `Detail::new`, freed with the error.
            Some(d) if !d.text.is_null() => unsafe { CStr::from_ptr(d.text.cast()) },
            _ => status::message(self.status as i32),
        }
    }

    pub fn pid(&self) -> i32 {
        self.detail().map_or(0, |d| d.pid)
    }

    pub fn signal(&self) -> i32 {
        self.detail().map_or(0, |d| d.signal)
    }

    pub fn exit_code(&self) -> i32 {
        self.detail().map_or(-1, |d| d.exit_code)
    }

    pub fn index(&self) -> usize {
        self.detail().map_or(0, |d| d.index)
    }
}

impl Drop for cf_error {
    fn drop(&mut self) {
        if !self.detail.is_null() {
            // SAFETY: owned by this error.
            unsafe {
                let d = &*self.detail;
                if !d.text.is_null() {
                    mem::free_bytes(d.text, d.size, 1);
                }
                mem::free(self.detail);
            }
        }
    }
}

impl Detail {
    /// Null when out of memory; a text that finds no room is left out.
    fn new(text: fmt::Arguments, index: usize) -> *mut Detail {
        let mut count = Count(0);
        let _ = count.write_fmt(text);
        let size = count.0 + 1;
        let place = mem::try_bytes(size, 1).map_or(null_mut(), |p| p.as_ptr());
        if !place.is_null() {
            let mut fill = Fill { at: place, left: count.0 };
            let _ = fill.write_fmt(text);
            // SAFETY: `Fill` wrote at most `count` bytes; the rest up to the terminator is filled here.
            unsafe { core::ptr::write_bytes(fill.at, 0, fill.left + 1) };
        }
        let detail = Detail { pid: 0, signal: 0, exit_code: -1, index, text: place, size };
        match mem::try_new(detail) {
            Ok(p) => p.as_ptr(),
            Err(_) => {
                if !place.is_null() {
                    // SAFETY: made above, seen by nobody.
                    unsafe { mem::free_bytes(place, size, 1) };
                }
                null_mut()
            }
        }
    }
}

/// Text from C: what is not UTF-8 in it is left out. Allocates nothing.
pub struct Lossy<'a>(pub &'a CStr);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.to_bytes().utf8_chunks().try_for_each(|c| f.write_str(c.valid()))
    }
}

struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0 += s.len();
        Ok(())
    }
}

struct Fill {
    at: *mut u8,
    left: usize,
}

impl Write for Fill {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let n = s.len().min(self.left);
        // SAFETY: `left` bytes of room stand at `at`.
        unsafe {
            core::ptr::copy_nonoverlapping(s.as_ptr(), self.at, n);
            self.at = self.at.add(n);
        }
        self.left -= n;
        Ok(())
    }
}

/// What a call with a `cf_error **` gives back when it fails.
pub struct Failure {
    pub status: Status,
    pub error: *mut cf_error,
}

impl Failure {
    pub fn new(status: Status, code: i32, text: fmt::Arguments) -> Failure {
        Failure { status, error: cf_error::boxed(status, code, 0, text) }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::new(status, 0, format_args!("{}", status::message(status as i32).to_str().unwrap_or("")))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_and_copied() {
        let e = cf_error::with_text(Status::CF_TASK_FAILED, 5, format_args!("the value {} is no good", 5));
        assert_eq!(e.message(), c"the value 5 is no good");
        let copy = e.copy_at(7);
        assert_eq!((copy.message(), copy.index(), copy.code()), (c"the value 5 is no good", 7, 5));
        assert_eq!((e.exit_code(), e.pid(), e.index()), (-1, 0, 0));
        assert!(!CANCELLED.message().is_empty());
    }
}
