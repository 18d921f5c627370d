//! The items of a map: one array or several side by side, laid out for the task as a C struct would be.
//!
//! Called by: `cf_map` (copies what it was given), `map_into` (reads the caller's arrays).

use crate::capi::types::{cf_array, REPEAT};
use crate::future::ext::ALIGN;
use crate::mem;
use crate::status::{Result, Status};

struct Part {
    data: *const u8,
    size: usize,
    /// 0 for an array that repeats its first item.
    stride: usize,
    /// In the record.
    offset: usize,
    /// Bytes that this object owns, to be freed.
    owned: usize,
}

/// What a task's argument is made of.
pub struct Input {
    parts: Box<[Part]>,
    record: usize,
    count: usize,
}

// SAFETY: only read once it is made.
unsafe impl Sync for Input {}
// SAFETY: as above.
unsafe impl Send for Input {}

/// The largest power of two that divides the size, at most 16.
fn natural_align(size: usize) -> usize {
    match size {
        0 => 1,
        n => (1 << n.trailing_zeros()).min(ALIGN),
    }
}

impl Input {
    /// Over the caller's arrays, which were checked and outlive this. The shortest ends it.
    pub fn over(arrays: &[cf_array]) -> Result<Input> {
        let (mut end, mut largest) = (0usize, 1);
        let mut parts = Vec::new();
        parts.try_reserve_exact(arrays.len()).map_err(|_| Status::CF_NO_MEMORY)?;
        for a in arrays {
            let align = if a.item_align == 0 { natural_align(a.item_size) } else { a.item_align };
            let offset = end.checked_next_multiple_of(align).ok_or(Status::CF_INVALID_ARGUMENT)?;
            end = offset.checked_add(a.item_size).ok_or(Status::CF_INVALID_ARGUMENT)?;
            largest = largest.max(align);
            let stride = match (a.count, a.stride) {
                (REPEAT, _) => 0,
                (_, 0) => a.item_size,
                (_, stride) => stride,
            };
            parts.push(Part { data: a.data.cast(), size: a.item_size, stride, offset, owned: 0 });
        }
        let record = end.checked_next_multiple_of(largest).ok_or(Status::CF_INVALID_ARGUMENT)?;
        // One array is handed to the task as it is, without padding behind the item.
        let record = if arrays.len() == 1 { arrays[0].item_size } else { record };
        let count = arrays.iter().map(|a| a.count).min().unwrap_or(0);
        Ok(Input { parts: parts.into_boxed_slice(), record, count })
    }

    /// With the items copied, so that the caller's arrays may go.
    pub fn copied(arrays: &[cf_array]) -> Result<Input> {
        let mut input = Input::over(arrays)?;
        for part in &mut input.parts {
            let n = if part.stride == 0 { input.count.min(1) } else { input.count };
            let size = part.size.checked_mul(n).ok_or(Status::CF_INVALID_ARGUMENT)?;
            let copy = mem::try_bytes(size, ALIGN)?.as_ptr();
            // SAFETY: checked arrays; room for `n` items.
            unsafe {
                if part.stride == part.size {
                    core::ptr::copy_nonoverlapping(part.data, copy, size);
                } else {
                    (0..n).for_each(|i| {
                        core::ptr::copy_nonoverlapping(
                            part.data.add(i * part.stride),
                            copy.add(i * part.size),
                            part.size,
                        )
                    });
                }
            }
            part.data = copy;
            part.owned = size;
            part.stride = part.stride.min(part.size);
        }
        Ok(input)
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes that a task sees.
    pub fn record(&self) -> usize {
        self.record
    }

    /// Puts item `i` together.
    ///
    /// # Safety
    /// `i < count`; `to` has room for a record.
    #[inline]
    pub unsafe fn gather(&self, i: usize, to: *mut u8) {
        for part in &self.parts {
            // SAFETY: inside the array and the record.
            unsafe {
                let (from, to) = (part.data.add(i * part.stride), to.add(part.offset));
                match part.size {
                    // The sizes of numbers and pointers, without a call.
                    4 => to.cast::<[u8; 4]>().write(from.cast::<[u8; 4]>().read()),
                    8 => to.cast::<[u8; 8]>().write(from.cast::<[u8; 8]>().read()),
                    n => core::ptr::copy_nonoverlapping(from, to, n),
                }
            }
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        for part in &self.parts {
            // SAFETY: `copied` made it.
            unsafe { mem::free_bytes(part.data.cast_mut(), part.owned, ALIGN) };
        }
    }
}

/// A place for one record, aligned as arguments are.
pub struct Scratch(core::ptr::NonNull<u8>, usize);

impl Scratch {
    pub fn new(size: usize) -> Result<Scratch> {
        Ok(Scratch(mem::try_bytes(size, ALIGN)?, size))
    }

    pub fn place(&self) -> *mut u8 {
        self.0.as_ptr()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: made by `new`.
        unsafe { mem::free_bytes(self.0.as_ptr(), self.1, ALIGN) };
    }
}
