//! Waking a worker: one bit per worker that sleeps, and a word of its own that it sleeps on.
//!
//! Called by: submit and the supervisor (`ring`, `ring_all`), workers (`nap`).
//!
//! Always true: a bit that the host has taken is the wake in flight, so no flag exists that only a worker could clear;
//! a task that is queued while a worker sleeps or is about to finds that worker's bit, or the worker finds the task.
//!
//! The lowest bit first: a warm worker stays warm, the others stay asleep.

use super::layout::{Control, WorkerArea};
use super::points::{point, Point};
use super::queue::Ready;
use crate::sync::{address, fence, Ordering::*};
use crate::sys::futex;
use crate::time::Deadline;

/// After a push: wakes one worker that sleeps, if any does.
pub fn ring(control: &Control, areas: &[WorkerArea]) {
    // SeqCst: partner of the fence in `nap`. Either the worker's last look sees the push, or this sees its bit.
    fence(SeqCst);
    for (i, word) in control.sleepers.0.iter().enumerate().take(areas.len().div_ceil(64)) {
        let mut bits = word.load(Relaxed);
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            // AcqRel: whoever gets the bit owns the wake.
            if word.fetch_and(!bit, AcqRel) & bit != 0 {
                let w = i * 64 + bit.trailing_zeros() as usize;
                if let Some(area) = areas.get(w) {
                    rouse(area);
                    return;
                }
            }
            bits = word.load(Relaxed);
        }
    }
}

/// Every worker looks again: after a death, which may have swallowed a wake.
pub fn ring_all(areas: &[WorkerArea]) {
    areas.iter().filter(|a| a.nap.swap(0, AcqRel) != 0).for_each(|a| futex::wake_shared(address(&a.nap), i32::MAX));
}

fn rouse(area: &WorkerArea) {
    // Release: what the worker is woken for is seen by it.
    area.nap.store(0, Release);
    futex::wake_shared(address(&area.nap), 1);
}

/// The bit of a worker that is gone.
pub fn forget(control: &Control, worker: u16, area: &WorkerArea) {
    control.sleepers.0[worker as usize / 64].fetch_and(!(1 << (worker % 64)), AcqRel);
    area.nap.store(0, Release);
}

/// A worker that found nothing sleeps until it is woken; it may return for no reason.
pub fn nap(ready: &Ready, worker: u16, area: &WorkerArea) {
    let (word, bit) = (&ready.control.sleepers.0[worker as usize / 64], 1u64 << (worker % 64));
    area.nap.store(1, Relaxed);
    word.fetch_or(bit, AcqRel);
    // SeqCst: partner of the fence in `ring`.
    fence(SeqCst);
    point(Point::Bit);
    if !ready.has_work() && ready.control.stop.0.load(Acquire) == 0 {
        point(Point::Sleep);
        // SAFETY: a word of the shared memory, which stays mapped.
        unsafe { futex::wait_shared(address(&area.nap), 1, Deadline::NEVER) };
        point(Point::Woken);
    }
    word.fetch_and(!bit, AcqRel);
    point(Point::Unbit);
}
