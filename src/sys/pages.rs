//! Fresh zeroed pages that no allocator knows of, and the page that a fork wipes.

use crate::status::{Result, Status};
use core::ptr::{null_mut, NonNull};

pub const PAGE: usize = 4096;

/// `size` zeroed bytes, a multiple of the page size; they cost nothing until touched.
pub fn map(size: usize) -> Result<NonNull<u8>> {
    // SAFETY: an anonymous mapping at an address of the kernel's choice.
    let p = unsafe {
        libc::mmap(
            null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if p == libc::MAP_FAILED {
        return Err(Status::CF_NO_MEMORY);
    }
    NonNull::new(p.cast()).ok_or(Status::CF_NO_MEMORY)
}

/// `size` zeroed bytes at an address that is a multiple of `size` (a power of two).
pub fn map_aligned(size: usize) -> Result<NonNull<u8>> {
    let p = map(2 * size)?;
    let lead = p.as_ptr().align_offset(size);
    // SAFETY: both ends lie inside the mapping that was just made, and nobody knows of it yet.
    unsafe {
        if lead > 0 {
            unmap(p.as_ptr(), lead);
        }
        let middle = p.as_ptr().add(lead);
        if size - lead > 0 {
            unmap(middle.add(size), size - lead);
        }
        Ok(NonNull::new_unchecked(middle))
    }
}

/// # Safety
/// The range came from `map`, and nobody uses it any more.
pub unsafe fn unmap(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(p.cast(), size) };
}

/// Gives the memory behind a range back to the kernel; it reads as zeroes from then on.
///
/// # Safety
/// The range came from `map`; nobody relies on what it holds.
pub unsafe fn discard(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::madvise(p.cast(), size, libc::MADV_DONTNEED) };
}

/// Makes every fork see zeroes in this range. False where the kernel cannot, or its pages are larger.
///
/// # Safety
/// The range came from `map`, or is zeroed memory of the library's that nothing else lies in.
pub unsafe fn wipe_on_fork(p: *mut u8, size: usize) -> bool {
    // The kernel rounds the size up to its own pages, with what else lies there.
    // SAFETY: the caller's promise.
    unsafe {
        libc::sysconf(libc::_SC_PAGESIZE) == PAGE as i64 && libc::madvise(p.cast(), size, libc::MADV_WIPEONFORK) == 0
    }
}
