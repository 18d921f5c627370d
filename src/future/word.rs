//! The state word: one atomic that says who may touch what of a future.
//!
//! `generation:32 | runner:16 | flags:8 | state:8`; waiters sleep on the low half.
//! Called by: the node, hints, waiters. Pure: knows nothing of what the word guards.
//!
//! Always true:
//! - PENDING -> RUNNING -> SETTING -> a done state, or PENDING -> CANCELLED; every step but the publishing
//!   exchange is a compare-and-swap of the whole word, so exactly one thread wins it;
//! - whoever takes the word out of PENDING owns the pool's reference from then on;
//! - the generation changes only while nobody holds a reference.
//!
//! The models in `models/node.rs` and `models/completion.rs` check it.

use crate::sync::{AtomicU64, Ordering, Ordering::*};

pub const FREE: u64 = 0;
pub const PENDING: u64 = 1;
pub const RUNNING: u64 = 2;
/// The winner writes the outcome; reads as RUNNING.
pub const SETTING: u64 = 3;
pub const FINISHED: u64 = 4;
pub const FAILED: u64 = 5;
pub const CANCELLED: u64 = 6;

/// Somebody sleeps on the low half.
pub const WAITERS: u64 = 1 << 8;
/// Somebody is to be told through the list of watches.
pub const CALLBACKS: u64 = 1 << 9;
/// Its task runs in another process: until it is done the word says less than the task's slot does.
pub const FAR: u64 = 1 << 10;
/// Completed by its owner, not by a pool.
pub const BY_HAND: u64 = 1 << 11;

/// Four bits that count how often sleepers were to look again.
const STIRS: u64 = 0xf000;
const STIR: u64 = 0x1000;

const STATE: u64 = 0xff;
const FLAGS: u64 = 0xff00;
const RUNNER: u32 = 16;
const GENERATION: u32 = 32;

#[inline]
pub fn state(w: u64) -> u64 {
    w & STATE
}

#[inline]
pub fn is_done(w: u64) -> bool {
    state(w) >= FINISHED
}

#[inline]
pub fn generation(w: u64) -> u32 {
    (w >> GENERATION) as u32
}

/// Which thread runs it; meaningful while RUNNING.
#[inline]
pub fn runner(w: u64) -> u16 {
    (w >> RUNNER) as u16
}

pub struct Word(AtomicU64);

impl Word {
    pub fn new() -> Word {
        Word(AtomicU64::new(FREE))
    }

    #[inline]
    pub fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    pub fn atomic(&self) -> &AtomicU64 {
        &self.0
    }

    /// A free word becomes PENDING.
    #[inline]
    pub fn open(&self, flags: u64) {
        let generation = self.0.load(Relaxed) & (u64::MAX << GENERATION);
        // Release: publishes the task; pairs with the Acquire in `take`. A hint may be passed on Relaxed.
        self.0.store(generation | flags | PENDING, Release);
    }

    /// Nobody holds a reference any more: the next generation begins, and stale hints miss from here on.
    #[inline]
    pub fn close(&self) {
        let next = generation(self.0.load(Relaxed)).wrapping_add(1);
        // Relaxed: handing the node on (its magazine or the depot) orders this before its next use.
        self.0.store((next as u64) << GENERATION | FREE, Relaxed);
    }

    /// A node that was never used starts in generation `g`.
    pub fn start_at(&self, g: u32) {
        self.0.store((g as u64) << GENERATION | FREE, Relaxed);
    }

    /// PENDING of that generation becomes `to`; gives the word before. Only futures of threads are taken through a
    /// hint; `any` is for the owner of another kind.
    #[inline]
    pub fn take(&self, expected: u32, to: u64, by: u16, any: bool) -> Option<u64> {
        let mut w = self.0.load(Relaxed);
        while state(w) == PENDING && generation(w) == expected && (any || w & (BY_HAND | FAR) == 0) {
            let next = w & (FLAGS | u64::MAX << GENERATION) | (by as u64) << RUNNER | to;
            // Acquire: pairs with the Release in `open`. Release: a CANCELLED word is published by this very step.
            match self.0.compare_exchange_weak(w, next, AcqRel, Relaxed) {
                Ok(_) => return Some(w),
                Err(now) => w = now, // flags moved, or somebody else won
            }
        }
        None
    }

    /// A by-hand future moves from any of `from` to `to`; gives the word before, or the word that forbids it.
    pub fn step(&self, from: &[u64], to: u64) -> Result<u64, u64> {
        let mut w = self.0.load(Relaxed);
        while from.contains(&state(w)) {
            match self.0.compare_exchange_weak(w, w & !STATE | to, AcqRel, Relaxed) {
                Ok(_) => return Ok(w),
                Err(now) => w = now,
            }
        }
        Err(w)
    }

    /// Sets a flag; gives the word before. AcqRel: a word that was done shows its outcome.
    #[inline]
    pub fn flag(&self, flag: u64) -> u64 {
        self.0.fetch_or(flag, AcqRel)
    }

    /// Changes the word and nothing that it means.
    pub fn stir(&self) {
        let mut w = self.0.load(Relaxed);
        while let Err(now) = self.0.compare_exchange_weak(w, w & !STIRS | (w + STIR) & STIRS, Relaxed, Relaxed) {
            w = now;
        }
    }

    /// The owner publishes the outcome; gives the word before, whose flags say who is to be told.
    ///
    /// An exchange, never load and store: a flag set in between would be lost with its waiter.
    #[inline]
    pub fn publish(&self, to: u64) -> u64 {
        let w = self.0.load(Relaxed);
        // Release: publishes the outcome; pairs with the Acquire of whoever sees it done.
        // Acquire: the watches that a set flag announces are seen.
        self.0.swap(w & (u64::MAX << GENERATION | BY_HAND | FAR) | to, AcqRel)
    }
}
