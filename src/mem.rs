//! Fallible allocation: a library may not abort its host because memory ran out.
//!
//! Called by: every module that allocates on the paths of new, submit, map, wait and callback.

use crate::status::{Result, Status};
use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc, dealloc};

/// A value on the heap that its owner frees with [`free`]; `CF_NO_MEMORY` when there is none.
pub fn try_new<T>(value: T) -> Result<NonNull<T>> {
    let layout = Layout::new::<T>();
    debug_assert!(layout.size() > 0);
    // SAFETY: the layout has a size; the fresh block is written before anyone sees it.
    unsafe {
        let p = NonNull::new(alloc(layout).cast::<T>()).ok_or(Status::CF_NO_MEMORY)?;
        p.as_ptr().write(value);
        Ok(p)
    }
}

/// Drops and frees a value made by [`try_new`].
///
/// # Safety
/// `p` came from `try_new::<T>` and nobody uses it any more.
pub unsafe fn free<T>(p: *mut T) {
    // SAFETY: the caller's promise; a Box has the same layout.
    unsafe { drop(Box::from_raw(p)) }
}

/// `size` bytes, aligned to `align` (a power of two); an empty block is a dangling, aligned pointer.
pub fn try_bytes(size: usize, align: usize) -> Result<NonNull<u8>> {
    let layout = Layout::from_size_align(size, align).map_err(|_| Status::CF_NO_MEMORY)?;
    if size == 0 {
        return Ok(NonNull::without_provenance(
            core::num::NonZero::new(align).unwrap_or(core::num::NonZero::<usize>::MIN),
        ));
    }
    // SAFETY: the layout has a size.
    NonNull::new(unsafe { alloc(layout) }).ok_or(Status::CF_NO_MEMORY)
}

/// # Safety
/// `p` came from `try_bytes(size, align)` and nobody uses it any more.
pub unsafe fn free_bytes(p: *mut u8, size: usize, align: usize) {
    if size > 0 {
        // SAFETY: the caller's promise.
        unsafe { dealloc(p, Layout::from_size_align_unchecked(size, align)) }
    }
}

/// Bytes from [`try_bytes`] that are freed when this goes.
pub struct Bytes {
    pub place: *mut u8,
    pub size: usize,
    pub align: usize,
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: made by `try_bytes` with this size and alignment, and this is the owner.
        unsafe { free_bytes(self.place, self.size, self.align) };
    }
}

/// A boxed slice of `n` values made by `make`; `CF_NO_MEMORY` when there is no room.
pub fn try_slice<T>(n: usize, make: impl FnMut(usize) -> T) -> Result<Box<[T]>> {
    let mut v = Vec::new();
    v.try_reserve_exact(n).map_err(|_| Status::CF_NO_MEMORY)?;
    v.extend((0..n).map(make));
    Ok(v.into_boxed_slice())
}

/// As `ptr::copy`, without a call for what fits into a node.
///
/// # Safety
/// As for `ptr::copy`; both may be anything if `size` is 0.
#[inline]
pub unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    /// Both ends, which overlap in the middle; all is read before anything is written.
    #[inline]
    unsafe fn ends<T>(from: *const u8, to: *mut u8, size: usize) {
        let last = size - size_of::<T>();
        // SAFETY: the caller's promise, with size_of::<T>() <= size.
        unsafe {
            let (a, z) = (from.cast::<T>().read_unaligned(), from.add(last).cast::<T>().read_unaligned());
            to.cast::<T>().write_unaligned(a);
            to.add(last).cast::<T>().write_unaligned(z);
        }
    }
    // SAFETY: the caller's promise; each size is at least the type's and at most twice that.
    unsafe {
        match size {
            8..=16 => ends::<u64>(from, to, size),
            4..=7 => ends::<u32>(from, to, size),
            2..=3 => ends::<u16>(from, to, size),
            1 => *to = *from,
            0 => {}
            _ => core::ptr::copy(from, to, size),
        }
    }
}
