//! Putting workers to sleep and waking them, one wake at a time.
//!
//! Owns: the count of sleepers and the wake-in-flight flag (one word), and the bell that they sleep on.
//! Called by: submit after a push, workers that find nothing or have just been woken.
//!
//! Always true:
//! - work queued and a worker asleep  =>  a wake is in flight, or a worker is about to look again;
//! - at most one wake is in flight; starting a thread counts as one.
//!
//! Why throttled: a real wake-up costs the submitter 6 to 9 µs, and one woken worker can wake the next.
//! Without the flag a burst of a million submits is five times slower.
//!
//! The order that makes it right, checked by `models/bell.rs`:
//! - going to sleep: read the bell; announce and clear the flag in one step, woken or not; look a last time;
//!   sleep on the value read first;
//! - up again, woken or not (a call may have been meant for it after it announced itself): take a task, clear the
//!   flag, look, and wake the next, all before the task runs.
//!
//! Each look is a read-modify-write of the queue's tail (`Fifo::has_work`), which a submitter has also
//! modified before it reads this word: one of the two sees the other, without a fence.

use crate::sync::{self, AtomicU32, Ordering::*, Sleepers};
use crate::time::Deadline;

const IN_FLIGHT: u32 = 1;
const SLEEPER: u32 = 2;

pub struct Bell {
    /// Sleepers, shifted by one; the lowest bit says that a wake is in flight.
    word: AtomicU32,
    /// Counts the wakes; what workers sleep on.
    bell: AtomicU32,
    sleepers: Sleepers,
}

/// What a submitter finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// A worker will look: nothing to do.
    InFlight,
    /// One sleeper was woken.
    Woken,
    /// Nobody sleeps and no wake is in flight.
    NobodySleeps,
}

impl Bell {
    pub fn new() -> Bell {
        Bell { word: AtomicU32::new(0), bell: AtomicU32::new(0), sleepers: Sleepers::new() }
    }

    /// What `call` would find; `Woken` if there is somebody to wake.
    #[inline]
    pub fn look(&self) -> Call {
        Bell::meaning(self.word.load(Relaxed))
    }

    #[inline]
    fn meaning(word: u32) -> Call {
        match word {
            w if w & IN_FLIGHT != 0 => Call::InFlight,
            w if w < SLEEPER => Call::NobodySleeps,
            _ => Call::Woken,
        }
    }

    /// Wakes one sleeper unless a wake is in flight.
    pub fn call(&self) -> Call {
        let mut w = self.word.load(Relaxed);
        loop {
            match Bell::meaning(w) {
                Call::Woken => {}
                found => return found,
            }
            match self.word.compare_exchange_weak(w, w | IN_FLIGHT, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => w = now,
            }
        }
        // Release: pairs with the Acquire with which a sleeper reads the bell again.
        self.bell.fetch_add(1, Release);
        self.sleepers.wake_one(sync::address(&self.bell));
        Call::Woken
    }

    /// Sets the flag for a thread that is about to be started; false if somebody sleeps or a wake is in flight.
    pub fn begin_start(&self) -> bool {
        self.word.compare_exchange(0, IN_FLIGHT, AcqRel, Relaxed).is_ok()
    }

    /// The worker that was woken has taken a task, or the thread could not be started. Look afterwards.
    #[inline]
    pub fn clear(&self) {
        self.word.fetch_and(!IN_FLIGHT, AcqRel);
    }

    /// Sleeps until called, unless `stay_up` finds a reason after the announcement. The wake in flight, if there is
    /// one afterwards, is the caller's to clear.
    pub fn sleep(&self, stay_up: impl FnOnce() -> bool) {
        // Acquire, and before the announcement: a call after this changes the value.
        let seen = self.bell.load(Acquire);
        let mut w = self.word.load(Relaxed);
        while let Err(now) = self.word.compare_exchange_weak(w, (w + SLEEPER) & !IN_FLIGHT, AcqRel, Relaxed) {
            w = now;
        }
        if !stay_up() {
            // SAFETY: the bell lives as long as its pool, and the pool as long as its workers.
            unsafe {
                let unchanged = || self.bell.load(Acquire) == seen;
                self.sleepers.wait(sync::address(&self.bell), seen, unchanged, Deadline::NEVER);
            }
        }
        self.word.fetch_sub(SLEEPER, AcqRel);
    }

    /// Wakes all, for the end.
    pub fn ring_all(&self) {
        self.bell.fetch_add(1, Release);
        self.sleepers.wake_all(sync::address(&self.bell));
    }
}
