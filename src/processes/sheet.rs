//! A long array that is zeroed and costs nothing where it is not touched.
//!
//! Owns: its own pages. Called by: `spans` and `blocks`, whose records are one for each page of the heap.

use crate::status::Result;
use crate::sys::pages;
use core::ops::{Index, IndexMut};
use core::ptr::NonNull;

pub struct Sheet<T> {
    place: NonNull<T>,
    n: usize,
    size: usize,
}

// SAFETY: the sheet owns its pages, as a boxed slice would.
unsafe impl<T: Send> Send for Sheet<T> {}

impl<T: Copy> Sheet<T> {
    /// # Safety
    /// All-zero bytes must be a valid `T`.
    pub unsafe fn new(n: usize) -> Result<Sheet<T>> {
        let size = (n * size_of::<T>()).next_multiple_of(pages::PAGE).max(pages::PAGE);
        Ok(Sheet { place: pages::map(size)?.cast(), n, size })
    }
}

impl<T> Index<usize> for Sheet<T> {
    type Output = T;
    #[inline]
    fn index(&self, i: usize) -> &T {
        assert!(i < self.n);
        // SAFETY: inside the pages, which hold zeroes or what was written.
        unsafe { self.place.add(i).as_ref() }
    }
}

impl<T> IndexMut<usize> for Sheet<T> {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut T {
        assert!(i < self.n);
        // SAFETY: as above, and the sheet is borrowed mutably.
        unsafe { self.place.add(i).as_mut() }
    }
}

impl<T> Drop for Sheet<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, used by nobody else.
        unsafe { pages::unmap(self.place.cast().as_ptr(), self.size) };
    }
}
