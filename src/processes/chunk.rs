//! A chunk of a mebibyte that is cut into blocks of one size.
//!
//! Owns: the private record of which blocks are taken. Called by: `blocks`.
//!
//! Always true: `used` counts the bits that are not set; a set bit is a free block.

use crate::mem;
use crate::status::Result;
use core::ptr::NonNull;

pub const CHUNK: usize = 1 << 20;
/// The largest block that is cut from a chunk.
pub const SMALL: usize = 64 << 10;
/// Every block is aligned to this and is at least this long.
pub const UNIT: usize = 64;
/// Four sizes for each doubling.
pub const CLASSES: usize = 36;
const WORDS: usize = CHUNK / UNIT / 64;

/// The class of the smallest blocks that hold `size` bytes, at most `SMALL`.
#[inline]
pub fn class_of(size: usize) -> usize {
    let units = size.div_ceil(UNIT).max(1);
    if units <= 4 {
        return units - 1;
    }
    let log = (units - 1).ilog2() as usize;
    4 + (log - 2) * 4 + ((units - 1) >> (log - 2) & 3)
}

#[inline]
pub fn class_size(class: usize) -> usize {
    if class < 4 {
        return (class + 1) * UNIT;
    }
    let (shift, step) = ((class - 4) / 4, (class - 4) % 4);
    ((5 + step) << shift) * UNIT
}

pub struct Chunk {
    pub class: usize,
    pub used: u32,
    count: u32,
    /// Bytes from the chunk's start that have memory behind them.
    pub ready: usize,
    /// Neighbours in the list of chunks of this class that have free blocks.
    pub prev: u32,
    pub next: u32,
    /// One bit for each word of `free` that is not zero.
    summary: [u64; WORDS / 64],
    free: [u64; WORDS],
}

impl Chunk {
    pub fn new(class: usize, ready: usize) -> Result<NonNull<Chunk>> {
        let count = CHUNK / class_size(class);
        let (mut summary, mut free) = ([0; WORDS / 64], [0; WORDS]);
        for i in 0..count {
            free[i / 64] |= 1 << (i % 64);
            summary[i / 4096] |= 1 << (i / 64 % 64);
        }
        mem::try_new(Chunk { class, used: 0, count: count as u32, ready, prev: 0, next: 0, summary, free })
    }

    pub fn is_full(&self) -> bool {
        self.used == self.count
    }

    /// The lowest free block's number; there is one.
    #[inline]
    pub fn lowest(&self) -> usize {
        let word = self.summary.iter().position(|w| *w != 0).unwrap_or(0);
        let word = word * 64 + self.summary[word].trailing_zeros() as usize % 64;
        word * 64 + self.free[word].trailing_zeros() as usize % 64
    }

    #[inline]
    pub fn take(&mut self, block: usize) {
        self.used += 1;
        self.free[block / 64] &= !(1 << (block % 64));
        if self.free[block / 64] == 0 {
            self.summary[block / 4096] &= !(1 << (block / 64 % 64));
        }
    }

    /// The block that starts so many bytes into the chunk, if it is taken.
    #[inline]
    pub fn taken(&self, at: usize) -> Option<usize> {
        let size = class_size(self.class);
        let block = at / size;
        let taken =
            at.is_multiple_of(size) && block < self.count as usize && self.free[block / 64] & 1 << (block % 64) == 0;
        taken.then_some(block)
    }

    #[inline]
    pub fn free(&mut self, block: usize) {
        self.used -= 1;
        self.free[block / 64] |= 1 << (block % 64);
        self.summary[block / 4096] |= 1 << (block / 64 % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_fit_closely() {
        assert_eq!(class_of(SMALL), CLASSES - 1);
        for size in 1..=SMALL {
            let class = class_of(size);
            assert!(class_size(class) >= size && class < CLASSES);
            assert!(class == 0 || class_size(class - 1) < size);
        }
    }

    #[test]
    fn every_block_is_given_once() {
        for class in 0..CLASSES {
            let chunk = Chunk::new(class, 0).unwrap();
            // SAFETY: made above and freed below.
            let c = unsafe { &mut *chunk.as_ptr() };
            let mut n = 0;
            while !c.is_full() {
                assert_eq!(c.lowest(), n);
                c.take(n);
                n += 1;
            }
            assert!(n * class_size(class) <= CHUNK && (n + 1) * class_size(class) > CHUNK);
            c.free(n / 2);
            assert_eq!((c.lowest(), c.taken(n / 2 * class_size(class))), (n / 2, None));
            // SAFETY: made above.
            unsafe { mem::free(chunk.as_ptr()) };
        }
    }
}
