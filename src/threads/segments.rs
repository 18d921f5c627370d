//! The segments of a queue: blocks of cells that are used again, and are never moved while the queue lives.
//!
//! Owns: the segments, found by index, and which of them are free. Called by: `queue`, which says when one is free.
//!
//! Always true: a segment's two halves stay segment and cells as long as the queue lives, so that a late reader finds
//! atomics; the cells of a free one are 0, so that the memory behind them may go and come back unnoticed.

use crate::future::stack::{IndexStack, Links};
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Lock, Ordering::*};
use crate::sys::pages;
use core::ptr::null_mut;

/// Free segments that keep their memory: 16 MiB, as many tasks as the slab keeps nodes for.
const MOST_KEPT: u32 = if cfg!(loom) { 0 } else { 2048 };
const BUCKETS: usize = if cfg!(loom) { 3 } else { 31 };
pub const NONE: u32 = 0;

/// Where hints lie. Each cell of a free segment is 0: whoever left it last has seen to that.
pub type Cells<const N: usize> = [AtomicU64; N];

/// What is known of a segment, apart from its cells, so that these are whole pages.
pub struct Segment {
    /// `base of the successor:32 | its index:32`, index NONE until it stands.
    pub next: AtomicU64,
    pub left: AtomicU32,
    free_link: AtomicU32,
}

pub fn pack(base: u32, index: u32) -> u64 {
    (base as u64) << 32 | index as u64
}

pub fn base(word: u64) -> u32 {
    (word >> 32) as u32
}

pub fn index(word: u64) -> u32 {
    word as u32
}

/// The segments ever made, found by index; bucket `k` holds the cells of 2^k of them, and behind these the rest.
pub struct Segments<const N: usize> {
    buckets: [AtomicPtr<Cells<N>>; BUCKETS],
    free: IndexStack,
    /// How many segments are free.
    idle: AtomicU32,
    made: Lock<u32>,
}

impl<const N: usize> Segments<N> {
    pub fn new() -> Segments<N> {
        Segments {
            buckets: core::array::from_fn(|_| AtomicPtr::new(null_mut())),
            free: IndexStack::new(),
            idle: AtomicU32::new(0),
            made: Lock::new(0),
        }
    }

    /// The bucket of a segment, how many it holds, and which of them is meant.
    #[inline]
    fn find(&self, i: u32) -> (*mut Cells<N>, usize, usize) {
        let n = 1 << i.ilog2();
        // Acquire: pairs with the Release in `make`. An index is handed out after its bucket was made.
        (self.buckets[i.ilog2() as usize].load(Acquire), n as usize, (i - n) as usize)
    }

    #[inline]
    pub fn cells(&self, i: u32) -> &Cells<N> {
        let (bucket, _, k) = self.find(i);
        // SAFETY: buckets live as long as the queue, and begin with the cells.
        unsafe { &*bucket.add(k) }
    }

    #[inline]
    pub fn get(&self, i: u32) -> &Segment {
        let (bucket, n, k) = self.find(i);
        // SAFETY: as above; the segments' other halves follow.
        unsafe { &*bucket.add(n).cast::<Segment>().add(k) }
    }

    /// A segment for the cells from `base` on.
    pub fn take(&self, base: u32) -> Result<u32> {
        let i = match self.free.pop(self) {
            Some(i) => {
                self.idle.fetch_sub(1, Relaxed);
                i
            }
            None => self.make()?,
        };
        self.get(i).next.store(pack(base.wrapping_add(1), NONE), Relaxed);
        Ok(i)
    }

    /// Back to the free ones: empty, nobody inside. Beyond what a large burst needs, only the address is kept.
    pub fn put_back(&self, i: u32) {
        if self.idle.fetch_add(1, Relaxed) >= MOST_KEPT {
            discard(self.cells(i));
        }
        self.free.push(i, self);
    }

    /// How many were ever made.
    #[cfg(test)]
    pub fn made(&self) -> u32 {
        *self.made.lock()
    }

    #[cold]
    fn make(&self) -> Result<u32> {
        let mut made = self.made.lock();
        let i = *made + 1;
        let bucket = self.buckets.get(i.ilog2() as usize).ok_or(Status::CF_NO_MEMORY)?;
        if bucket.load(Relaxed).is_null() {
            bucket.store(new_bucket(1 << i.ilog2())?, Release);
        }
        *made = i;
        Ok(i)
    }
}

impl<const N: usize> Links for Segments<N> {
    fn link(&self, i: u32) -> u32 {
        self.get(i).free_link.load(Relaxed)
    }
    fn set_link(&self, i: u32, next: u32) {
        self.get(i).free_link.store(next, Relaxed);
    }
}

impl<const N: usize> Drop for Segments<N> {
    fn drop(&mut self) {
        for (k, bucket) in self.buckets.iter().enumerate() {
            let p = bucket.load(Relaxed);
            if !p.is_null() {
                // SAFETY: made by `new_bucket(1 << k)`; nobody uses the queue any more.
                unsafe { free_bucket(p, 1 << k) };
            }
        }
    }
}

/// Bytes of a bucket of `n` segments.
fn bucket_size<const N: usize>(n: usize) -> usize {
    (n * (size_of::<Cells<N>>() + size_of::<Segment>())).next_multiple_of(pages::PAGE)
}

#[cfg(not(loom))]
fn new_bucket<const N: usize>(n: usize) -> Result<*mut Cells<N>> {
    // Zeroed atomics are empty cells, and what a segment needs otherwise `take` writes.
    Ok(pages::map(bucket_size::<N>(n))?.as_ptr().cast())
}

#[cfg(not(loom))]
unsafe fn free_bucket<const N: usize>(p: *mut Cells<N>, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { pages::unmap(p.cast(), bucket_size::<N>(n)) }
}

/// Gives the memory of a free segment's cells back, if they are whole pages. Nobody sees a difference, not even a late
/// reader: the cells were zero and are so still.
#[cfg(not(loom))]
fn discard<const N: usize>(cells: &Cells<N>) {
    if size_of::<Cells<N>>().is_multiple_of(pages::PAGE) {
        // SAFETY: inside a bucket's mapping, which begins with all cells of its segments; nothing is stored there.
        unsafe { pages::discard((&raw const *cells).cast_mut().cast(), size_of::<Cells<N>>()) };
    }
}

#[cfg(loom)]
fn discard<const N: usize>(cells: &Cells<N>) {
    cells.iter().for_each(|c| assert_eq!(c.load(Relaxed), 0, "what is discarded was empty"));
}

#[cfg(loom)]
fn new_bucket<const N: usize>(n: usize) -> Result<*mut Cells<N>> {
    let p = crate::mem::try_bytes(bucket_size::<N>(n), 16)?.as_ptr().cast::<Cells<N>>();
    let segment = || Segment { next: AtomicU64::new(0), left: AtomicU32::new(0), free_link: AtomicU32::new(0) };
    for k in 0..n {
        // SAFETY: room for `n` of each.
        unsafe {
            p.add(k).write(core::array::from_fn(|_| AtomicU64::new(0)));
            p.add(n).cast::<Segment>().add(k).write(segment());
        }
    }
    Ok(p)
}

#[cfg(loom)]
unsafe fn free_bucket<const N: usize>(p: *mut Cells<N>, n: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        for k in 0..n {
            p.add(k).drop_in_place();
            p.add(n).cast::<Segment>().add(k).drop_in_place();
        }
        crate::mem::free_bytes(p.cast(), bucket_size::<N>(n), 16);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::queue::{Fifo, Pop};
    use super::*;

    fn is_resident(cells: &Cells<512>) -> bool {
        let mut page = 0u8;
        // SAFETY: one page of a mapping, and room for its answer.
        let asked = unsafe { libc::mincore((&raw const *cells).cast_mut().cast(), pages::PAGE, &mut page) };
        assert_eq!((asked, size_of::<Cells<512>>()), (0, pages::PAGE));
        page & 1 != 0
    }

    #[test]
    fn a_burst_gives_its_memory_back_and_can_come_again() {
        let q = Fifo::<512>::new().unwrap();
        let segments = q.segments();
        for _ in 0..2 {
            let hints = (MOST_KEPT as u64 + 1000) * 512;
            (1..=hints).for_each(|h| q.push(h).unwrap());
            let resident = || (1..=segments.made()).filter(|i| is_resident(segments.cells(*i))).count();
            assert!(resident() >= MOST_KEPT as usize + 1000);
            (1..=hints).for_each(|h| assert!(matches!(q.pop(), Pop::Hint(x) if x == h)));
            assert!(resident() <= MOST_KEPT as usize + 2);
        }
        assert!(segments.made() <= MOST_KEPT + 1002, "segments are used again");
    }
}
