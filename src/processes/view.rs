//! The fixed part of the shared memory, seen through its types. The same on both sides.
//!
//! Called by: pool, supervisor, worker. Memory that was not committed reads as zeroes or is not touched: the host
//! commits a part before it or a worker uses it.

use super::layout::*;
use super::queue::Ready;
use crate::sync::{AtomicU64, Ordering::*};
use core::slice::from_raw_parts;

#[derive(Clone, Copy)]
pub struct View {
    base: *mut u8,
    /// As the host has planned it, whatever stands in the shared memory.
    workers: usize,
}

impl View {
    /// # Safety
    /// The arena is mapped at `base`, for as long as the view and what it gives are used.
    pub unsafe fn new(base: *mut u8, workers: usize) -> View {
        View { base, workers }
    }

    pub fn base(&self) -> *mut u8 {
        self.base
    }

    fn array<T>(&self, offset: usize, n: usize) -> &'static [T] {
        // SAFETY: inside the fixed part, whose types are made of atomics and of what the host alone writes before
        // others read; the mapping lives as long as the view is used.
        unsafe { from_raw_parts(self.base.add(offset).cast(), n) }
    }

    pub fn control(&self) -> &'static Control {
        &self.array(0, 1)[0]
    }

    pub fn areas(&self) -> &'static [WorkerArea] {
        self.array(WORKERS, self.workers)
    }

    pub fn functions(&self) -> &'static [Function] {
        self.array(FUNCTIONS, MOST_FUNCTIONS)
    }

    pub fn slots(&self) -> &'static [Slot] {
        self.array(SLOTS, MOST_SLOTS)
    }

    pub fn ready(&self) -> Ready<'static> {
        Ready { control: self.control(), ring: self.array(RING, MOST_SLOTS), slots: self.slots() }
    }

    pub fn done(&self) -> DoneBits {
        DoneBits {
            bits: self.array(DONE, MOST_SLOTS / 64),
            summary: self.array(DONE + MOST_SLOTS / 8, MOST_SLOTS / 4096),
        }
    }

    /// # Safety
    /// The range lies in committed memory, which nobody writes to any more.
    pub unsafe fn bytes(&self, at: u64, size: u64) -> &'static [u8] {
        // SAFETY: the caller's promise.
        unsafe { from_raw_parts(self.base.add(at as usize), size as usize) }
    }
}

/// Completions that the supervisor is to collect: a bit per slot, and a bit per 64 of them.
///
/// Bits are hints: the slot's word decides. A worker that dies between its completion and its bit is found by its
/// intent.
pub struct DoneBits {
    bits: &'static [AtomicU64],
    summary: &'static [AtomicU64],
}

impl DoneBits {
    pub fn set(&self, slot: usize) {
        // Release: the outcome comes before the bit. The summary comes last, so that who finds it finds the bit.
        self.bits[slot / 64].fetch_or(1 << (slot % 64), Release);
        self.summary[slot / 4096].fetch_or(1 << (slot / 64 % 64), Release);
    }

    pub fn any(&self) -> bool {
        self.summary.iter().any(|w| w.load(Relaxed) != 0)
    }

    /// Takes every bit; gives the slots in the order of their numbers.
    pub fn take(&self, mut each: impl FnMut(u32)) {
        for (i, word) in self.summary.iter().enumerate() {
            if word.load(Relaxed) == 0 {
                continue;
            }
            // Acquire: pairs with the Release in `set`.
            for j in ones(word.swap(0, Acquire)) {
                let at = i * 64 + j;
                for k in ones(self.bits[at].swap(0, Acquire)) {
                    each((at * 64 + k) as u32);
                }
            }
        }
    }
}

fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        if bits == 0 {
            return None;
        }
        let one = bits.trailing_zeros() as usize;
        bits &= bits - 1;
        Some(one)
    })
}
