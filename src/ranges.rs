//! A range that several threads work off: contiguous shares, split again when somebody has nothing left.
//!
//! Owns: one word per participant, `begin:32 | end:32` in blocks of items.
//! Called by: `map_into`.
//!
//! Each participant takes from the front of its own share, a sixteenth of it at a time, so most steps touch
//! only its own cache line and long pieces stay contiguous; who has nothing left takes the upper half of the
//! largest share. There is no counter that all touch at each step.
//!
//! Always true: every block is in exactly one share, or taken, or in the hands of a thief between two shares.
//! `models/ranges.rs` checks it.

use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicU64, Ordering::*};
use crate::threads::queue::Apart;

/// A share is taken in so many parts, each of what is left.
const PARTS: u32 = 16;
/// Beyond so many blocks an item range is cut into larger blocks.
const MOST_BLOCKS: usize = 1 << 31;

pub struct Ranges {
    shares: Box<[Apart<AtomicU64>]>,
    count: usize,
    block: usize,
    /// Blocks that are taken at least.
    least: u32,
    /// Blocks that are taken at most.
    most: u32,
}

fn pack(begin: u32, end: u32) -> u64 {
    (begin as u64) << 32 | end as u64
}

fn unpack(share: u64) -> (u32, u32) {
    ((share >> 32) as u32, share as u32)
}

impl Ranges {
    /// `count` items in equal shares. A grain of 0 lets pieces follow what is left; else each piece has so many items.
    pub fn new(count: usize, grain: usize, shares: usize) -> Result<Ranges> {
        let block = grain.max(1).max(count.div_ceil(MOST_BLOCKS));
        let blocks = count.div_ceil(block);
        let edge = |i: usize| (blocks as u128 * i as u128 / shares as u128) as u32;
        Ok(Ranges {
            shares: mem::try_slice(shares, |i| Apart(AtomicU64::new(pack(edge(i), edge(i + 1)))))?,
            count,
            block,
            // Pieces of a cheap loop do not become tiny at the end of a share.
            least: if grain == 0 { (blocks / (4096 * shares)).max(1) as u32 } else { 1 },
            most: if grain == 0 { u32::MAX } else { 1 },
        })
    }

    /// The next piece for this participant, as items; none when every share is empty.
    pub fn next(&self, mine: usize) -> Option<(usize, usize)> {
        loop {
            if let Some((begin, end)) = self.take(mine) {
                let item = |block: u32| (block as usize).saturating_mul(self.block).min(self.count);
                return Some((item(begin), item(end)));
            }
            if !self.steal(mine) {
                return None;
            }
        }
    }

    fn take(&self, mine: usize) -> Option<(u32, u32)> {
        let share = &self.shares[mine].0;
        // Relaxed throughout: the blocks' memory is ordered by the futures of the participants.
        let mut w = share.load(Relaxed);
        loop {
            let (begin, end) = unpack(w);
            if begin >= end {
                return None;
            }
            let n = ((end - begin) / PARTS).max(self.least).min(self.most).min(end - begin);
            match share.compare_exchange_weak(w, pack(begin + n, end), Relaxed, Relaxed) {
                Ok(_) => return Some((begin, begin + n)),
                Err(now) => w = now,
            }
        }
    }

    /// Moves the upper half of the largest share into one's own, which is empty. False if all are empty.
    fn steal(&self, mine: usize) -> bool {
        loop {
            let left = |w: u64| unpack(w).1.saturating_sub(unpack(w).0);
            let Some((victim, w)) = (0..self.shares.len())
                .map(|i| (i, self.shares[i].0.load(Relaxed)))
                .filter(|(_, w)| left(*w) > 0)
                .max_by_key(|(_, w)| left(*w))
            else {
                return false;
            };
            let (begin, end) = unpack(w);
            let middle = begin + (end - begin) / 2;
            if self.shares[victim].0.compare_exchange(w, pack(begin, middle), Relaxed, Relaxed).is_ok() {
                self.shares[mine].0.store(pack(middle, end), Relaxed);
                return true;
            }
        }
    }

    /// Has every share been taken?
    pub fn is_exhausted(&self) -> bool {
        self.shares.iter().all(|s| {
            let (begin, end) = unpack(s.0.load(Relaxed));
            begin >= end
        })
    }

    pub fn blocks(count: usize, grain: usize) -> usize {
        count.div_ceil(grain.max(1))
    }
}

/// A range that C gave: its length.
pub fn length(begin: usize, end: usize) -> Result<usize> {
    end.checked_sub(begin).ok_or(Status::CF_INVALID_ARGUMENT)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once_whatever_the_order_of_the_participants() {
        for (count, grain, shares) in [(1, 0, 3), (10, 3, 2), (1000, 0, 4), (100_000, 0, 3), (5, 7, 2)] {
            let r = Ranges::new(count, grain, shares).unwrap();
            let mut seen = vec![0; count];
            let mut who = 0;
            while !r.is_exhausted() {
                if let Some((b, e)) = r.next(who % shares) {
                    assert!(b < e && (grain == 0 || e - b <= grain));
                    (b..e).for_each(|i| seen[i] += 1);
                }
                who += 7;
            }
            assert!(seen.iter().all(|n| *n == 1), "{count} {grain} {shares}");
        }
    }

    #[test]
    fn a_huge_range_is_cut_into_larger_blocks() {
        let r = Ranges::new(usize::MAX, 0, 2).unwrap();
        let (b, e) = r.next(0).unwrap();
        assert!(b == 0 && e > usize::MAX / 64);
    }
}
