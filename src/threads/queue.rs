//! The queue for tasks from outside: an unbounded lock-free FIFO in segments that are used again.
//!
//! Owns: tickets (`tail` given, `head` taken), segments of cells, the closed mark.
//! Called by: submit (`push`), workers (`take`), whoever empties it (`pop`), the bell (`has_work`).
//!
//! Always true:
//! - a ticket is taken by compare-and-swap, and only when its segment stands, so that running out of memory
//!   changes nothing and a closed queue gives no ticket;
//! - cells are filled after their ticket was given: an unfilled cell proves nothing but "come back";
//! - a segment is used again by the last of `CELLS + 2` to leave it: each cell's consumer, and the head
//!   pointer and the tail pointer when they have moved on to its successor. Segments are type-stable, so a
//!   late reader finds atomics, and the base in the pointer words tells it that it is late.
//!
//! `models/queue.rs` checks it.

use super::segments::{base, index, pack, Segments, NONE};
use crate::status::{Result, Status};
use crate::sync::{spin_hint, yield_now, AtomicU64, Ordering::*};

/// Keeps what one side writes off the cache lines of the other.
#[repr(align(128))]
pub struct Apart<T>(pub T);

/// Cells per segment of a pool's queue.
pub const CELLS: usize = 1024;
const CLOSED: u64 = 1;
/// A cache line of hints ahead.
const AHEAD: usize = 8;

pub struct Fifo<const N: usize> {
    /// Tickets given, shifted by one; the lowest bit says closed.
    tail: Apart<AtomicU64>,
    tail_segment: AtomicU64,
    /// Tickets taken.
    head: Apart<AtomicU64>,
    /// At least so many tickets are given: while `head` is below it, takers leave the submitters' line alone.
    given: Apart<AtomicU64>,
    head_segment: AtomicU64,
    segments: Apart<Segments<N>>,
}

/// Several want the same word: whoever has lost leaves it alone for a while, longer each time.
struct Crowd(u32);

impl Crowd {
    fn step_back(&mut self) {
        let hints = if cfg!(loom) { 1 } else { 1 << self.0 };
        (0..hints).for_each(|_| spin_hint());
        self.0 = (self.0 + 1).min(6);
    }
}

/// Cells that a taker is done with, of the last segment that it took from: not counted as left yet.
#[derive(Default)]
pub struct Taken {
    segment: u32,
    cells: u32,
    /// A hint that this taker may come to soon, or 0.
    pub ahead: u64,
}

pub enum Pop {
    Hint(u64),
    /// No ticket is open.
    Empty,
    /// The first ticket's cell is not filled yet: look again.
    Unfilled,
}

impl<const N: usize> Fifo<N> {
    pub fn new() -> Result<Fifo<N>> {
        let segments = Segments::new();
        let first = pack(0, segments.take(0)?);
        Ok(Fifo {
            tail: Apart(AtomicU64::new(0)),
            tail_segment: AtomicU64::new(first),
            head: Apart(AtomicU64::new(0)),
            given: Apart(AtomicU64::new(0)),
            head_segment: AtomicU64::new(first),
            segments: Apart(segments),
        })
    }

    /// Queues a hint, which is not 0. `CF_SHUTDOWN` when closed, `CF_NO_MEMORY`; nothing has changed then.
    #[inline]
    pub fn push(&self, hint: u64) -> Result<()> {
        debug_assert!(hint != 0);
        let mut crowd = Crowd(0);
        loop {
            let t = self.tail.0.load(Acquire);
            if t & CLOSED != 0 {
                return Err(Status::CF_SHUTDOWN);
            }
            let ticket = t >> 1;
            let wanted = (ticket / N as u64) as u32;
            // Acquire: pairs with the Release in `advance`; the segment was prepared before.
            let s = self.tail_segment.load(Acquire);
            if base(s) != wanted {
                if (base(s).wrapping_sub(wanted) as i32) < 0 {
                    self.append(s)?;
                }
                continue;
            }
            // AcqRel: the sleepers' last look is a read-modify-write of this word; see `bell`.
            if self.tail.0.compare_exchange_weak(t, t + 2, AcqRel, Relaxed).is_ok() {
                // Release: publishes the task's node; pairs with the Acquire in `pop`.
                self.segments.0.cells(index(s))[ticket as usize % N].store(hint, Release);
                return Ok(());
            }
            crowd.step_back();
        }
    }

    /// Appends a successor to the tail's segment and moves the pointer there; others may have done either.
    #[cold]
    fn append(&self, s: u64) -> Result<()> {
        let none = pack(base(s).wrapping_add(1), NONE);
        let segment = self.segments.0.get(index(s));
        let mut next = segment.next.load(Acquire);
        if next == none {
            let fresh = self.segments.0.take(base(none))?;
            // Release: the fresh segment is prepared; pairs with the Acquire of whoever follows the link.
            match segment.next.compare_exchange(none, pack(base(none), fresh), AcqRel, Acquire) {
                Ok(_) => next = pack(base(none), fresh),
                Err(other) => {
                    self.segments.0.put_back(fresh);
                    next = other;
                }
            }
        }
        if !self.advance(&self.tail_segment, s, next) {
            yield_now(); // `s` is stale
        }
        Ok(())
    }

    /// Moves a pointer from `s` to its successor; who moves it leaves the segment. False if `next` is none of `s`.
    fn advance(&self, pointer: &AtomicU64, s: u64, next: u64) -> bool {
        let fits = base(next) == base(s).wrapping_add(1) && index(next) != NONE;
        if fits && pointer.compare_exchange(s, next, AcqRel, Relaxed).is_ok() {
            self.leave(index(s), 1);
        }
        fits
    }

    fn leave(&self, i: u32, n: u32) {
        let segment = self.segments.0.get(i);
        // AcqRel: the last one sees that all others have done with the segment.
        if segment.left.fetch_add(n, AcqRel) + n == N as u32 + 2 {
            segment.left.store(0, Relaxed);
            // Not by each taker: the line would go back and forth between those who read it.
            self.segments.0.cells(i).iter().for_each(|cell| cell.store(0, Relaxed));
            self.segments.0.put_back(i);
        }
    }

    /// As `take`, by who takes now and then.
    pub fn pop(&self) -> Pop {
        let mut taken = Taken::default();
        let found = self.take(&mut taken);
        self.settle(&mut taken);
        found
    }

    /// Counts what was taken as left. Before a sleep too: until then the segment cannot be used again.
    pub fn settle(&self, taken: &mut Taken) {
        let Taken { segment, cells, .. } = core::mem::take(taken);
        if cells > 0 {
            self.leave(segment, cells);
        }
    }

    /// The oldest hint. `taken` counts for its segment, which all takers would have to write for each hint else.
    #[inline]
    pub fn take(&self, taken: &mut Taken) -> Pop {
        let mut crowd = Crowd(0);
        loop {
            let h = self.head.0.load(Acquire);
            // Acquire: pairs with the Release below, as with the tail itself. It may be set back by who was slow: then
            // the tail is read once more.
            if h >= self.given.0.load(Acquire) {
                let given = self.tail.0.load(Acquire) >> 1;
                if h >= given {
                    return Pop::Empty;
                }
                self.given.0.store(given, Release);
            }
            let wanted = (h / N as u64) as u32;
            let s = self.head_segment.load(Acquire);
            if base(s) != wanted {
                if (base(s).wrapping_sub(wanted) as i32) < 0 {
                    let next = self.segments.0.get(index(s)).next.load(Acquire);
                    if !self.advance(&self.head_segment, s, next) {
                        yield_now(); // `s` is stale
                    }
                }
                continue;
            }
            let cell = &self.segments.0.cells(index(s))[h as usize % N];
            // Acquire: pairs with the Release in `push`.
            let hint = cell.load(Acquire);
            if hint == 0 {
                // Unchanged head: this was the cell. Else the look went into a segment that had gone.
                if self.head.0.load(Acquire) == h {
                    return Pop::Unfilled;
                }
                continue;
            }
            // If the head still stands at `h`, the cell was read before anyone could use it again.
            if self.head.0.compare_exchange_weak(h, h + 1, AcqRel, Relaxed).is_ok() {
                if taken.segment != index(s) {
                    self.settle(taken);
                    taken.segment = index(s);
                }
                taken.cells += 1;
                let ahead = self.segments.0.cells(index(s)).get(h as usize % N + AHEAD);
                taken.ahead = ahead.map_or(0, |cell| cell.load(Relaxed));
                return Pop::Hint(hint);
            }
            crowd.step_back();
        }
    }

    #[cfg(all(test, not(loom)))]
    pub fn segments(&self) -> &Segments<N> {
        &self.segments.0
    }

    /// Is a ticket open? A read-modify-write, for whoever has just announced something that a submitter
    /// must see: either this look sees the ticket, or the submitter sees the announcement.
    pub fn has_work(&self) -> bool {
        self.tail.0.fetch_add(0, AcqRel) >> 1 > self.head.0.load(Acquire)
    }

    /// How many tickets are open; a guess, as both ends move.
    pub fn count(&self) -> u64 {
        (self.tail.0.load(Relaxed) >> 1).saturating_sub(self.head.0.load(Relaxed))
    }

    /// No ticket is given from here on.
    pub fn close(&self) {
        self.tail.0.fetch_or(CLOSED, AcqRel);
    }

    pub fn is_closed(&self) -> bool {
        self.tail.0.load(Acquire) & CLOSED != 0
    }

    /// Closed, and every ticket was taken. One look at both: that a queue was empty before it was closed proves
    /// nothing, since a ticket may have been given in between.
    pub fn is_over(&self) -> bool {
        let t = self.tail.0.load(Acquire);
        t & CLOSED != 0 && self.head.0.load(Acquire) >= t >> 1
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn fifo_over_many_segments_and_closed() {
        let q = Fifo::<4>::new().unwrap();
        let pop = || match q.pop() {
            Pop::Hint(h) => Some(h),
            _ => None,
        };
        for round in 0..100u64 {
            (1..=10).for_each(|k| q.push(round * 10 + k).unwrap());
            (1..=10).for_each(|k| assert_eq!(pop(), Some(round * 10 + k)));
            assert_eq!(pop(), None);
        }
        assert!(q.segments.0.made() <= 5, "segments are used again");
        q.push(1).unwrap();
        q.close();
        assert_eq!((q.push(2), q.has_work(), q.is_over()), (Err(Status::CF_SHUTDOWN), true, false));
        assert_eq!((pop(), q.has_work(), q.is_closed(), q.is_over()), (Some(1), false, true, true));
    }
}
