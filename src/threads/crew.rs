//! How many threads a pool has, and how many of them may run.
//!
//! Owns: one word, `used:16 | away:16 | reserve:16 | surplus:1 | room:1`. `used` seats have been given to threads;
//! `away` of these threads are blocked in a wait, stand by in the reserve, or have ended; `reserve` of the away ones
//! stand by. Active threads are `used - away`; at most `max_workers` of them, but for the moment between the return of
//! one that was blocked and the end of the task of the one that stood in for it.
//!
//! Always true: the two bits say what the counts beside them mean. Every task asks, and the counts hardly ever change.

use crate::sync::{AtomicU64, Ordering::*};

#[derive(Clone, Copy)]
pub struct Count(u64);

const USED: u64 = 1;
const AWAY: u64 = 1 << 16;
const RESERVE: u64 = 1 << 32;
/// More are active than may be.
const SURPLUS: u64 = 1 << 48;
/// One more could become active.
const ROOM: u64 = 1 << 49;

impl Count {
    pub fn used(self) -> usize {
        self.0 as u16 as usize
    }
    pub fn away(self) -> usize {
        (self.0 >> 16) as u16 as usize
    }
    pub fn reserve(self) -> usize {
        (self.0 >> 32) as u16 as usize
    }
    pub fn active(self) -> usize {
        self.used() - self.away()
    }
}

pub struct Crew {
    word: AtomicU64,
    max_active: usize,
    seats: usize,
}

/// How another thread can become active.
#[derive(PartialEq, Eq, Debug)]
pub enum Growth {
    FromReserve,
    /// With so many seats used before.
    NewSeat(usize),
    None,
}

impl Crew {
    pub fn new(max_active: usize, seats: usize) -> Crew {
        let crew = Crew { word: AtomicU64::new(0), max_active, seats };
        crew.word.store(crew.judged(0), Relaxed);
        crew
    }

    /// The counts of `w` with what they mean.
    fn judged(&self, w: u64) -> u64 {
        let c = Count(w);
        let surplus = c.active() > self.max_active;
        let room = c.active() < self.max_active && (c.reserve() > 0 || c.used() < self.seats);
        w & !(SURPLUS | ROOM) | if surplus { SURPLUS } else { 0 } | if room { ROOM } else { 0 }
    }

    pub fn max_active(&self) -> usize {
        self.max_active
    }

    #[inline]
    pub fn count(&self) -> Count {
        Count(self.word.load(Acquire))
    }

    /// Could one more become active?
    #[inline]
    pub fn can_grow(&self) -> bool {
        self.count().0 & ROOM != 0
    }

    #[inline]
    pub fn is_surplus(&self) -> bool {
        self.count().0 & SURPLUS != 0
    }

    fn update(&self, change: impl Fn(Count) -> Option<u64>) -> Option<Count> {
        let mut w = self.word.load(Acquire);
        loop {
            let next = self.judged(change(Count(w))?);
            match self.word.compare_exchange_weak(w, next, AcqRel, Acquire) {
                Ok(_) => return Some(Count(w)),
                Err(now) => w = now,
            }
        }
    }

    /// Makes one more active; the caller wakes it or starts it.
    pub fn grow(&self) -> Growth {
        let before = self.update(|c| {
            let how = if c.reserve() > 0 { 0u64.wrapping_sub(RESERVE + AWAY) } else { USED };
            (c.0 & ROOM != 0).then(|| c.0.wrapping_add(how))
        });
        match before {
            Some(c) if c.reserve() > 0 => Growth::FromReserve,
            Some(c) => Growth::NewSeat(c.used()),
            None => Growth::None,
        }
    }

    /// The new seat's thread could not be started.
    pub fn undo_new_seat(&self) {
        self.update(|c| Some(c.0 - USED));
    }

    pub fn go_away(&self) {
        self.update(|c| Some(c.0 + AWAY));
    }

    pub fn come_back(&self) {
        self.update(|c| Some(c.0 - AWAY));
    }

    /// A surplus thread joins the reserve; false if it is none any more.
    pub fn enter_reserve(&self) -> bool {
        self.update(|c| (c.0 & SURPLUS != 0).then_some(c.0 + RESERVE + AWAY)).is_some()
    }

    /// A thread ends out of the reserve: it stays away. False if it was called out of it at this moment.
    pub fn end_in_reserve(&self) -> bool {
        self.update(|c| (c.reserve() > 0).then(|| c.0 - RESERVE)).is_some()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_spare_stands_in_for_a_blocked_one_and_stands_by_after() {
        let crew = Crew::new(2, 3);
        assert_eq!((crew.grow(), crew.grow()), (Growth::NewSeat(0), Growth::NewSeat(1)));
        assert_eq!((crew.grow(), crew.can_grow()), (Growth::None, false));
        crew.go_away();
        assert_eq!((crew.can_grow(), crew.grow()), (true, Growth::NewSeat(2)));
        crew.come_back();
        assert!(crew.is_surplus() && crew.enter_reserve() && !crew.enter_reserve());
        crew.go_away();
        assert_eq!((crew.grow(), crew.count().active()), (Growth::FromReserve, 2));
    }
}
