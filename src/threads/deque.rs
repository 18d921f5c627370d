//! A worker's own deque: the hints of tasks that its tasks have submitted.
//!
//! Owns: a ring of hints of fixed size; `bottom`, where its worker adds and takes back, and `top`, where anybody
//! takes the oldest. What does not fit goes to the pool's queue.
//! Called by: submit inside a task (`push`), waits of its worker (`last`, `take_back`), every worker that looks for
//! work, and whoever empties the pool (`steal`).
//!
//! Always true:
//! - each hint that was added comes out exactly once, to its worker or to a thief; a hint is a claim to try, not a
//!   task: who waits may have run it already;
//! - `top` only grows; a cell is written again only when `top` has passed it, so a thief that has read a cell that
//!   changed loses its step of `top`;
//! - whoever pushes and then finds nobody to call, and whoever announces that it sleeps, or closes the pool, and then
//!   finds nothing here: one of the two sees the other. Hence a full fence on either side: in `push`, and by whoever
//!   asks `has_work`.
//!
//! After Chase and Lev, with the orderings of Lê, Pop, Cohen and Zappa Nardelli. `models/deque.rs` checks it.

use crate::mem;
use crate::status::Result;
use crate::sync::{fence_after_update, full_fence, AtomicU64, Ordering::*};

use super::queue::Apart;

/// Cells of a worker's ring.
pub const CELLS: usize = 256;

pub struct Deque<const N: usize> {
    /// Apart: thieves write it.
    top: Apart<AtomicU64>,
    /// Written by the owner only.
    bottom: AtomicU64,
    ring: Box<[AtomicU64; N]>,
}

pub enum Steal {
    Hint(u64),
    Empty,
    /// Somebody else was faster: there may be more.
    Lost,
}

impl<const N: usize> Deque<N> {
    pub fn new() -> Result<Deque<N>> {
        const { assert!(N.is_power_of_two()) };
        // Both start at 1, so that what lies below the bottom is never below zero.
        let (top, bottom) = (Apart(AtomicU64::new(1)), AtomicU64::new(1));
        let ring =
            mem::try_slice(N, |_| AtomicU64::new(0))?.try_into().unwrap_or_else(|_| unreachable!("a slice of N"));
        Ok(Deque { top, bottom, ring })
    }

    #[inline]
    fn cell(&self, i: u64) -> &AtomicU64 {
        &self.ring[i as usize % N]
    }

    /// By the owner: adds a hint; false if there is no room. Then a full fence: what the caller reads next, about who
    /// sleeps and whether the pool is closed, is read after the hint can be seen.
    #[inline]
    pub fn push(&self, hint: u64) -> bool {
        let b = self.bottom.load(Relaxed);
        // Acquire: the thief that has moved `top` past a cell has read the cell before.
        if b - self.top.0.load(Acquire) >= N as u64 {
            return false;
        }
        self.cell(b).store(hint, Relaxed);
        // Release: publishes the cell, and with it the task's node; pairs with the Acquire in `steal`.
        self.bottom.store(b + 1, Release);
        full_fence();
        true
    }

    /// By the owner: the hint that was added last, if it is still here; a thief may be about to take it.
    #[inline]
    pub fn last(&self) -> Option<u64> {
        let b = self.bottom.load(Relaxed);
        (b > self.top.0.load(Relaxed)).then(|| self.cell(b - 1).load(Relaxed))
    }

    /// By the owner: takes the hint that was added last, there being one; false if a thief was faster. In between
    /// `update` is done, and says whether it was an AcqRel read-modify-write.
    #[inline]
    pub fn take_back(&self, update: impl FnOnce() -> bool) -> bool {
        let b = self.bottom.load(Relaxed) - 1;
        self.bottom.store(b, Relaxed);
        // Either a thief sees that the cell is taken, or this sees the thief's step of `top`.
        if update() {
            fence_after_update();
        } else {
            full_fence();
        }
        let t = self.top.0.load(Relaxed);
        if t < b {
            return true;
        }
        // The only one, or none: whoever moves `top` has it. AcqRel as in `steal`.
        let won = t == b && self.top.0.compare_exchange(t, t + 1, AcqRel, Relaxed).is_ok();
        self.bottom.store(b + 1, Relaxed);
        won
    }

    /// The oldest hint; by anybody, the owner too.
    pub fn steal(&self) -> Steal {
        // Acquire: with the fence, `bottom` is read after it.
        let t = self.top.0.load(Acquire);
        full_fence();
        // Acquire: pairs with the Release in `push`.
        let b = self.bottom.load(Acquire);
        if t >= b {
            return Steal::Empty;
        }
        let hint = self.cell(t).load(Relaxed);
        // AcqRel: the cell was read before the owner may write it again, and the owner's `push` sees that.
        match self.top.0.compare_exchange(t, t + 1, AcqRel, Relaxed) {
            Ok(_) => Steal::Hint(hint),
            Err(_) => Steal::Lost,
        }
    }

    /// Is there a hint? For whoever has just announced something that a submitter must see, after a full fence.
    pub fn has_work(&self) -> bool {
        // Acquire: what is seen here can be stolen by this thread.
        self.top.0.load(Acquire) < self.bottom.load(Acquire)
    }
}
