//! The line of those that have ended and wait to be handed out, and the sleep of the one who hands them out.
//!
//! Owns: one word, which is the newest that has ended, or says that nobody has and that the consumer sleeps; the
//! links from each to the next.
//! Called by: `completions`. Finishers add, any of them, each index once; one consumer takes and sleeps.
//!
//! Always true: the consumer does not sleep while somebody has ended; who ended before another is handed out first.
//! `models/completions_line.rs` checks it.

use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{self, AtomicU32, Ordering::*, Sleepers};
use crate::time::Deadline;

const NOBODY: u32 = 0;
/// In `newest`: nobody has ended, and the consumer sleeps.
const ASLEEP: u32 = u32::MAX;

pub struct Line {
    /// The newest that has ended, plus 1; the others follow through `next`.
    newest: AtomicU32,
    sleepers: Sleepers,
    next: Box<[AtomicU32]>,
}

/// A part of the line that was taken: the next of it, plus 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken(u32);

impl Taken {
    pub const NOBODY: Taken = Taken(NOBODY);

    pub fn first(self) -> Option<usize> {
        (self.0 != NOBODY).then(|| self.0 as usize - 1)
    }
}

impl Line {
    /// So many can stand in a line.
    pub const MOST: usize = ASLEEP as usize - 2;

    /// For so many, none of which has ended.
    pub fn new(n: usize) -> Result<Line> {
        if n > Line::MOST {
            return Err(Status::CF_NO_MEMORY);
        }
        let next = mem::try_slice(n, |_| AtomicU32::new(NOBODY))?;
        Ok(Line { newest: AtomicU32::new(NOBODY), sleepers: Sleepers::new(), next })
    }

    /// This one has ended.
    pub fn add(&self, index: usize) {
        let mine = index as u32 + 1;
        let mut before = self.newest.load(Relaxed);
        loop {
            self.next[index].store(if before == ASLEEP { NOBODY } else { before }, Relaxed);
            // Release: publishes the link; pairs with the Acquire in `take`.
            match self.newest.compare_exchange_weak(before, mine, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => before = now,
            }
        }
        if before == ASLEEP {
            self.sleepers.wake_one(sync::address(&self.newest));
        }
    }

    // ---- by the consumer

    /// Takes all that have ended, turned round into the order of their ends.
    pub fn take(&self) -> Taken {
        // Acquire: pairs with the Release of everyone who has added.
        let mut newest = self.newest.swap(NOBODY, Acquire);
        let mut line = NOBODY;
        while newest != NOBODY && newest != ASLEEP {
            let older = self.next[newest as usize - 1].load(Relaxed);
            self.next[newest as usize - 1].store(line, Relaxed);
            line = newest;
            newest = older;
        }
        Taken(line)
    }

    /// The rest of what was taken, without its first.
    pub fn after(&self, taken: Taken) -> Taken {
        // Relaxed: written by `take`, on this side.
        taken.first().map_or(Taken::NOBODY, |i| Taken(self.next[i].load(Relaxed)))
    }

    /// Announces that the consumer sleeps; false if somebody has ended. To be done before the wait is published:
    /// a stir must find it asleep.
    pub fn lie_down(&self) -> bool {
        self.newest.compare_exchange(NOBODY, ASLEEP, AcqRel, Relaxed).is_ok()
    }

    /// Sleeps, after `lie_down`, until somebody has ended, a stir, the deadline, or for no reason.
    pub fn sleep(&self, deadline: Deadline) {
        let unchanged = || self.newest.load(Relaxed) == ASLEEP;
        // SAFETY: the word is this line's, to which the caller has a reference.
        unsafe { self.sleepers.wait(sync::address(&self.newest), ASLEEP, unchanged, deadline) };
    }

    /// Awake again, whatever the reason.
    pub fn get_up(&self) {
        let _ = self.newest.compare_exchange(ASLEEP, NOBODY, AcqRel, Relaxed);
    }

    // ---- by whoever wants the consumer to look again

    /// Wakes the consumer, or keeps one that has lain down from falling asleep.
    pub fn stir(&self) {
        if self.newest.compare_exchange(ASLEEP, NOBODY, AcqRel, Relaxed).is_ok() {
            self.sleepers.wake_one(sync::address(&self.newest));
        }
    }
}
