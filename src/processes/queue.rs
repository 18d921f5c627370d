//! The ready queue between host and workers: claim first, then pop, and anyone helps.
//!
//! Owns: the protocol on `head`, `tail` and the ring of cells. The host is the only producer; its threads take turns
//! under the pool's lock. Called by: submit (push), workers (`take`), the
//! host's table (`help`), the audit (`mend_head`).
//!
//! Always true, also when a worker is killed or stopped between any two steps:
//! - a task that is READY has its cell between head and tail, or was claimed by somebody whose intent names it;
//! - head passes a cell only when its task is not READY any more;
//! - head never passes tail: a worker looks at tail after head and goes on only if head < tail.
//!
//! A ring that pops first and claims then loses an entry with the popper.

use super::layout::{Control, Slot, WorkerArea, MOST_SLOTS};
use super::points::{point, Point};
use super::slot::{self, Cell, READY};
use crate::sync::{full_fence, AtomicU64, Ordering::*};

/// A view of the queue in the shared memory.
#[derive(Clone, Copy)]
pub struct Ready<'a> {
    pub control: &'a Control,
    pub ring: &'a [AtomicU64],
    pub slots: &'a [Slot],
}

impl Ready<'_> {
    fn cell(&self, position: u64) -> &AtomicU64 {
        &self.ring[position as usize % MOST_SLOTS]
    }

    /// The host queues a task at its private tail. There is room: there are as many cells as slots, and a slot is used
    /// again only when head is past its last cell.
    pub fn push(&self, tail: u64, cell: Cell) {
        // Relaxed: the tail publishes it.
        self.cell(tail).store(cell.0, Relaxed);
        // Release: publishes the cell; pairs with the Acquire in `take`.
        self.control.tail.0.store(tail + 1, Release);
    }

    pub fn head(&self) -> u64 {
        self.control.head.0.load(Acquire)
    }

    /// Is there a cell that nobody has popped? Called after a fence by whoever goes to sleep or passes a wake on.
    pub fn has_work(&self) -> bool {
        let head = self.control.head.0.load(Acquire);
        // Partner of the fence in `announce`: who pushes and does not see this head yet is seen to have pushed.
        full_fence();
        (self.control.tail.0.load(Acquire).wrapping_sub(head) as i64) > 0
    }

    /// A worker claims the first task that is READY; None if there is none.
    pub fn take(&self, me: u16, area: &WorkerArea) -> Option<Cell> {
        loop {
            let head = self.control.head.0.load(Acquire);
            point(Point::Head);
            // Acquire: pairs with the Release in `push`.
            let tail = self.control.tail.0.load(Acquire);
            if tail.wrapping_sub(head) as i64 <= 0 {
                // Release: as below. Who tried to claim and failed is not to be believed to have the task.
                area.intent.store(Cell::NONE.0, Release);
                return None;
            }
            let cell = Cell(self.cell(head).load(Relaxed));
            point(Point::Cell);
            // Release: whoever sees it sees that the task before is done; pairs with the Acquire in `Pool::intent`. That it
            // is claimed, the slot's word confirms.
            area.intent.store(cell.0, Release);
            point(Point::Intent);
            let slot = &self.slots[cell.slot() as usize % MOST_SLOTS];
            let mine = slot.word.claim(cell.generation(), me).is_some();
            if mine {
                point(Point::Claim);
            }
            // Release: the slot's step comes before head. A failure means that somebody else has helped.
            let _ = self.control.head.0.compare_exchange(head, head + 1, Release, Relaxed);
            if mine {
                point(Point::Pop);
                return Some(cell);
            }
        }
    }

    /// A head that is not between what the host has seen of it and the tail is no worker's honest doing.
    pub fn mend_head(&self, (seen, tail): (u64, u64)) {
        let head = self.head();
        if head < seen || head > tail {
            // AcqRel: as every step of the head. What it has skipped is found by looking at all.
            let _ = self.control.head.0.compare_exchange(head, head.clamp(seen, tail), AcqRel, Relaxed);
        }
    }

    /// The host helps head over cells whose task is not READY any more, so that their slots can be used again.
    pub fn help(&self, seen: u64, tail: u64) {
        self.mend_head((seen, tail));
        loop {
            let head = self.head();
            if head >= tail {
                return;
            }
            let cell = Cell(self.cell(head).load(Relaxed));
            let w = self.slots[cell.slot() as usize % MOST_SLOTS].word.look();
            if slot::state(w) == READY && slot::generation(w) == cell.generation() {
                return;
            }
            // Release: as in `take`.
            let _ = self.control.head.0.compare_exchange(head, head + 1, Release, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_put_back_between_what_was_seen_of_it_and_the_tail() {
        // SAFETY: all zeroes are a control block.
        let control: Box<Control> = unsafe { Box::new(core::mem::zeroed()) };
        let ready = Ready { control: &control, ring: &[], slots: &[] };
        for (head, mended) in [(0, 1500), (1499, 1500), (1500, 1500), (1550, 1550), (1600, 1600), (u64::MAX, 1600)] {
            control.head.0.store(head, Relaxed);
            ready.mend_head((1500, 1600));
            assert_eq!(ready.head(), mended);
        }
    }
}
