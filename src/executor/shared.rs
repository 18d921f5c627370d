//! Memory for tasks of threads, which reach all memory: an allocation that knows its size.

use crate::mem;
use crate::status::{Result, Status};
use core::ffi::c_void;

const ALIGN: usize = 64;

pub fn alloc(size: usize) -> Result<*mut c_void> {
    let whole = size.checked_add(ALIGN).ok_or(Status::CF_NO_MEMORY)?;
    let p = mem::try_bytes(whole, ALIGN)?.as_ptr();
    // SAFETY: the size stands in the first of so many bytes that the rest keeps the alignment.
    unsafe {
        p.cast::<usize>().write(whole);
        Ok(p.add(ALIGN).cast())
    }
}

/// # Safety
/// NULL or from `alloc`, and not used again.
pub unsafe fn free(p: *mut c_void) {
    if !p.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let p = p.cast::<u8>().sub(ALIGN);
            mem::free_bytes(p, p.cast::<usize>().read(), ALIGN);
        }
    }
}
