//! A worker's memory for results: it fills its segments from their begin, and asks the host for new ones.
//!
//! Owns: the worker's places in its own segments. Called by: the worker's main loop and the task that it runs; a
//! worker runs one task at a time, so nothing here is shared with another thread.
//!
//! Always true:
//! - no lock and no allocator: a worker that is killed anywhere in here leaves nothing held;
//! - a result stays untouched from `alloc` to the end of its task, or to `give_back_last`, or to the second `alloc`
//!   after it: one task may copy out of its earlier result into a new one.

use super::layout::WorkerArea;
use super::points::{point, Point};
use super::segments::{is_big, KEEP};
use crate::sync::{address, Ordering::*};
use crate::sys::futex;
use crate::time::Deadline;
use core::ops::Range;

const ALIGN: usize = 16;
/// The host is asked again after this, in case that the bell was lost with somebody who was stopped, or that somebody has
/// written over the request.
const AGAIN: i64 = 100_000_000;

pub struct WorkerHeap {
    area: &'static WorkerArea,
    ring: fn(),
    /// The segment that results share, and from where it is empty.
    bump: Range<usize>,
    next: usize,
    /// The segment of a single large result of the running task.
    big: Range<usize>,
    /// Where the running task's result lies.
    last: Option<usize>,
    /// Something was stored since the host was last told to look.
    filled: bool,
}

impl WorkerHeap {
    /// `ring` tells the supervisor that there is a request.
    pub fn new(area: &'static WorkerArea, ring: fn()) -> WorkerHeap {
        WorkerHeap { area, ring, bump: 0..0, next: 0, big: 0..0, last: None, filled: false }
    }

    /// Before each task: what earlier tasks have stored belongs to the host now.
    pub fn start_task(&mut self) {
        self.big = 0..0;
        self.last = None;
    }

    /// The offset of room for a result, aligned to 16 bytes; none if the host has no memory left.
    pub fn alloc(&mut self, size: usize) -> Option<usize> {
        let size = size.max(1).checked_next_multiple_of(ALIGN)?;
        let at = if is_big(size) { self.alloc_big(size) } else { self.alloc_shared(size) };
        self.last = at;
        self.filled = true;
        at
    }

    /// Does the task that has just ended leave anything in here, as far as can be known? Asked once.
    pub fn take_filled(&mut self) -> bool {
        core::mem::take(&mut self.filled)
    }

    fn alloc_shared(&mut self, size: usize) -> Option<usize> {
        if self.bump.end - self.next < size {
            let keep = self.last.is_some_and(|l| self.bump.contains(&l));
            self.bump = 0..0;
            self.next = 0;
            self.bump = self.request(size, keep)?;
            self.next = self.bump.start;
        }
        let at = self.next;
        self.next += size;
        Some(at)
    }

    fn alloc_big(&mut self, size: usize) -> Option<usize> {
        let in_use = self.last.is_some_and(|l| self.big.contains(&l));
        if in_use || self.big.len() < size {
            self.big = 0..0;
            self.big = self.request(size, in_use)?;
        }
        Some(self.big.start)
    }

    /// Is this memory of the worker's own?
    pub fn contains(&self, at: usize) -> bool {
        self.bump.contains(&at) || self.big.contains(&at)
    }

    /// The running task's result is replaced, and nothing of it is needed any more.
    pub fn give_back_last(&mut self, at: usize, size: usize) {
        if self.last != Some(at) {
            return;
        }
        self.last = None;
        if self.bump.contains(&at) && at + size.max(1).next_multiple_of(ALIGN) == self.next {
            self.next = at;
        }
    }

    /// Asks the host and sleeps until it has answered.
    fn request(&mut self, size: usize, keep: bool) -> Option<Range<usize>> {
        let area = self.area;
        // Relaxed: only this worker writes it, after those who had its index before.
        let number = area.want.load(Relaxed).wrapping_add(1);
        let ask = || {
            area.want_size.store(size as u64 | if keep { KEEP } else { 0 }, Relaxed);
            // Release: publishes the size; pairs with the Acquire in `serve`. The same number is answered once.
            area.want.store(number, Release);
        };
        ask();
        point(Point::Want);
        (self.ring)();
        loop {
            // Acquire: pairs with the Release in `answer`, so that the answer is the one that belongs to it.
            let got = area.got.load(Acquire);
            if got == number {
                break;
            }
            // SAFETY: a word of the shared memory, which stays mapped.
            if !unsafe { futex::wait_shared(address(&area.got), got, Deadline::after_ns(AGAIN)) } {
                ask();
                (self.ring)();
            }
        }
        let (at, len) = (area.got_at.load(Relaxed) as usize, area.got_size.load(Relaxed) as usize);
        (len >= size).then(|| at..at + len)
    }
}
