//! The word of a slot: who owns a task that lies in shared memory.
//!
//! `generation:32 | worker:12 | flags:12 | state:8`; waiters of the host sleep on the low half.
//! Called by: the host (submit, cancel, deaths, harvest) and workers (claim, complete).
//!
//! Always true:
//! - FREE -> READY by the host; READY -> CLAIMED by a worker, or READY -> TAKEN by the host (cancel, break);
//!   CLAIMED -> DONE by that worker, or CLAIMED -> TAKEN by the host when the worker is dead;
//! - generation and state change in one step, so a worker that was declared dead and is late finds another generation,
//!   or TAKEN or FREE in its own, and changes nothing;
//! - a completion is an exchange: a flag that was set in between decides who is woken, it is never lost;
//! - every change to a done state changes the low half before anybody is woken.

use crate::sync::{self, AtomicU64, Ordering::*};

pub const FREE: u64 = 0;
pub const READY: u64 = 1;
pub const CLAIMED: u64 = 2;
/// The worker has stored an outcome.
pub const DONE: u64 = 3;
/// The host has taken the task back: it was cancelled, or its worker died.
pub const TAKEN: u64 = 4;

/// Somebody of the host sleeps on the low half.
pub const WAITERS: u64 = 1 << 8;
/// The supervisor is to collect the outcome.
pub const COLLECT: u64 = 1 << 9;
/// The worker is being killed because of this task: it may take no other.
pub const KILL: u64 = 1 << 10;
/// Three bits that count how often sleepers were to look again.
const STIRS: u64 = 0x7000;
const STIR: u64 = 0x1000;

const STATE: u64 = 0xff;
const FLAGS: u64 = 0x000f_ff00;
const WORKER: u32 = 20;
const GENERATION: u32 = 32;

#[inline]
pub fn state(w: u64) -> u64 {
    w & STATE
}

#[inline]
pub fn generation(w: u64) -> u32 {
    (w >> GENERATION) as u32
}

#[inline]
pub fn worker(w: u64) -> u16 {
    (w >> WORKER) as u16 & 0xfff
}

#[inline]
pub fn word(generation: u32, worker: u16, state: u64) -> u64 {
    (generation as u64) << GENERATION | (worker as u64) << WORKER | state
}

/// A queue entry and a worker's intent: `slot:32 | generation:32`. No slot 0 in generation 0 exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell(pub u64);

impl Cell {
    pub const NONE: Cell = Cell(0);

    #[inline]
    pub fn new(slot: u32, generation: u32) -> Cell {
        Cell((slot as u64) << 32 | generation as u64)
    }

    #[inline]
    pub fn slot(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub fn generation(self) -> u32 {
        self.0 as u32
    }
}

/// The first word of a slot.
#[repr(transparent)]
pub struct Word(AtomicU64);

impl Word {
    /// Of a slot that nobody has used.
    #[cfg(test)]
    pub fn new() -> Word {
        Word(AtomicU64::new(0))
    }

    /// The host opens the slot for workers: the task stands in it.
    pub fn open(&self, generation: u32, flags: u64) {
        // Release: publishes the task; pairs with the Acquire in `claim`.
        self.0.store(word(generation, 0, READY) | flags, Release);
    }

    /// A worker takes the task; None if it is not READY in that generation any more.
    #[inline]
    pub fn claim(&self, generation: u32, by: u16) -> Option<u64> {
        self.step(generation, READY, CLAIMED, by)
    }

    /// The host takes a task that nobody has claimed.
    pub fn take_ready(&self, generation: u32) -> Option<u64> {
        self.step(generation, READY, TAKEN, 0)
    }

    /// The host takes what a dead worker had claimed.
    pub fn take_claimed(&self, generation: u32, from: u16) -> Option<u64> {
        let mut w = self.0.load(Relaxed);
        while generation == self::generation(w) && state(w) == CLAIMED && worker(w) == from {
            let next = w & !STATE | TAKEN;
            match self.0.compare_exchange_weak(w, next, AcqRel, Relaxed) {
                Ok(_) => return Some(w),
                Err(now) => w = now,
            }
        }
        None
    }

    /// One step of the state; flags that move meanwhile are kept and do not stop it.
    #[inline]
    fn step(&self, generation: u32, from: u64, to: u64, by: u16) -> Option<u64> {
        let mut w = self.0.load(Relaxed);
        while self::generation(w) == generation && state(w) == from {
            let next = w & FLAGS | word(generation, by, to);
            // Acquire: pairs with the Release in `open`. Release: whoever sees the step sees what led to it.
            match self.0.compare_exchange_weak(w, next, AcqRel, Relaxed) {
                Ok(_) => return Some(w),
                Err(now) => w = now,
            }
        }
        None
    }

    /// The worker has stored the outcome; gives the word before, whose flags say who is to be told. None if the host has
    /// taken the task: the worker was declared dead, and is late. Who else the word names does not matter: it is this
    /// worker that has run the task, whatever others have written.
    #[inline]
    pub fn complete(&self, generation: u32, by: u16) -> Option<u64> {
        let mut w = self.0.load(Relaxed);
        while self::generation(w) == generation && !matches!(state(w), FREE | TAKEN) {
            // Release: publishes the outcome; pairs with the Acquire of whoever sees DONE. An exchange, never load and
            // store: a flag set in between would be lost with its waiter.
            match self.0.compare_exchange_weak(w, word(generation, by, DONE), AcqRel, Relaxed) {
                Ok(_) => return Some(w),
                Err(now) => w = now,
            }
        }
        None
    }

    /// The host sets a flag on an unfinished task; gives the word with it, or the word that shows why not.
    pub fn flag(&self, generation: u32, flag: u64) -> Result<u64, u64> {
        let mut w = self.0.load(Acquire);
        while self::generation(w) == generation && matches!(state(w), READY | CLAIMED) {
            if w & flag == flag {
                return Ok(w);
            }
            // AcqRel: Acquire as in `look`, Release so that the worker that sees the flag sees who set it.
            match self.0.compare_exchange_weak(w, w | flag, AcqRel, Acquire) {
                Ok(_) => return Ok(w | flag),
                Err(now) => w = now,
            }
        }
        Err(w)
    }

    /// What was taken from a dead worker goes on: the host opens it again, in the same generation. Cells of it that are
    /// still in the queue may be claimed through, its new one is stale then.
    pub fn reopen(&self, generation: u32) {
        let mut w = self.0.load(Relaxed);
        while self::generation(w) == generation && state(w) == TAKEN {
            // Whoever waited sleeps on the future itself meanwhile: its end is the supervisor's to bring.
            let next = word(generation, 0, READY) | w & WAITERS | COLLECT;
            // Release: as in `open`.
            match self.0.compare_exchange_weak(w, next, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => w = now,
            }
        }
    }

    /// Asks for the death of the worker that runs the task: it may take no other after it.
    pub fn flag_kill(&self, generation: u32) -> Option<u16> {
        let mut w = self.0.load(Acquire);
        while self::generation(w) == generation && state(w) == CLAIMED {
            match self.0.compare_exchange_weak(w, w | KILL, AcqRel, Acquire) {
                Ok(_) => return Some(worker(w)),
                Err(now) => w = now,
            }
        }
        None
    }

    /// Changes the low half and nothing that it means, so that who is about to sleep does not.
    pub fn stir(&self, generation: u32) {
        let mut w = self.0.load(Relaxed);
        while self::generation(w) == generation {
            let next = w & !STIRS | (w + STIR) & STIRS;
            match self.0.compare_exchange_weak(w, next, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now) => w = now,
            }
        }
    }

    /// The word, with what it promises visible.
    #[inline]
    pub fn look(&self) -> u64 {
        // Acquire: pairs with the Release of the step that led here.
        self.0.load(Acquire)
    }

    /// Nobody uses the task any more. The next use has another generation.
    pub fn close(&self, generation: u32) {
        // Relaxed: the lock of the host's free list orders this before the next use.
        self.0.store(word(generation, 0, FREE), Relaxed);
    }

    /// What sleepers sleep on.
    pub fn bed(&self) -> *const u32 {
        sync::low_half(&self.0)
    }
}

/// Copies a text or result between plain memory and the slot's inline words.
pub fn inline_bytes(words: &[AtomicU64]) -> *mut u8 {
    words.as_ptr().cast_mut().cast()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_claimed_once_and_only_in_its_generation() {
        let s = Word::new();
        s.open(7, 0);
        assert!(s.claim(6, 3).is_none());
        assert!(s.claim(7, 3).is_some());
        assert!(s.claim(7, 4).is_none() && s.take_ready(7).is_none());
        let w = s.look();
        assert_eq!((state(w), worker(w), generation(w)), (CLAIMED, 3, 7));
    }

    #[test]
    fn a_flag_survives_the_claim_and_reaches_the_completion() {
        let s = Word::new();
        s.open(1, COLLECT);
        assert!(s.flag(1, WAITERS).is_ok());
        s.claim(1, 0xfff);
        s.stir(1);
        assert_eq!(s.flag_kill(1), Some(0xfff));
        let before = s.complete(1, 0xfff).unwrap();
        assert_eq!(before & (WAITERS | COLLECT | KILL), WAITERS | COLLECT | KILL);
        assert!(s.flag(1, WAITERS).is_err());
        assert_eq!(state(s.look()), DONE);
    }

    #[test]
    fn a_dead_workers_claim_is_taken_and_a_late_answer_is_ignored() {
        let s = Word::new();
        s.open(1, WAITERS);
        s.claim(1, 2);
        assert!(s.take_claimed(1, 3).is_none());
        assert!(s.take_claimed(1, 2).is_some());
        s.close(1);
        s.open(2, 0);
        assert!(s.complete(1, 2).is_none(), "declared dead, and not dead");
        assert!(s.claim(2, 0).is_some());
        assert!(s.complete(2, 0).is_some_and(|w| state(w) == CLAIMED));
    }
}
