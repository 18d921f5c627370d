//! Waking a worker: one bit per worker that sleeps, and a word of its own that it sleeps on.
//!
//! Called by: submit and the supervisor (`announce`, `ring`, `ring_all`, `rouse_if_asleep`), workers (`nap`,
//! `pass_on`).
//!
//! At most one wake of the host's is in flight for the tasks that are queued: who is woken and takes a task wakes the
//! next one if there are more. Whether a wake is still in flight the host sees by the queue's head: not once head has
//! passed the cell that it rang for.
//!
//! Always true:
//! - no flag exists that only one worker could clear: whoever has taken a bit owes a wake, and a worker that dies with
//!   that debt, or with a wake that was meant for it, is made up for by `ring_all`;
//! - a task that is queued while a worker sleeps or is about to finds that worker's bit, or a wake is in flight whose
//!   worker finds the task or passes the wake on, or the worker itself finds the task before it sleeps.
//!
//! The lowest bit first: a warm worker stays warm, the others stay asleep. `models/process_bell.rs` checks it.

use super::layout::{Control, WorkerArea};
use super::points::{point, Point};
use super::queue::Ready;
use crate::sync::{address, full_fence, AtomicU64, Ordering::*};
use crate::sys::futex;
use crate::time::Deadline;

/// The host's side: up to where in the queue the last wake was for.
pub struct Rung(AtomicU64);

impl Rung {
    pub fn new() -> Rung {
        Rung(AtomicU64::new(0))
    }

    /// After pushes up to `tail`: wakes a worker if one sleeps and no wake is in flight.
    pub fn announce(&self, ready: &Ready, tail: u64, areas: &[WorkerArea]) {
        // Partner of both fences in `nap`: either the worker's last look sees the pushes, or this sees its bit and every
        // head that it has seen.
        full_fence();
        if ready.head() >= self.0.load(Relaxed) && wake_one(ready.control, areas) {
            // Relaxed: a value that comes late makes a wake too many.
            self.0.fetch_max(tail, Relaxed);
        }
    }
}

/// Wakes one worker that sleeps, if any does.
pub fn ring(control: &Control, areas: &[WorkerArea]) {
    // Partner of the fences in `nap`, as in `announce`.
    full_fence();
    wake_one(control, areas);
}

/// A worker that was woken has taken a task: if more is queued, the next one is woken.
pub fn pass_on(ready: &Ready, areas: &[WorkerArea]) {
    // Partner of the fences in `announce` and `nap`: either this sees what was pushed, or who pushed it sees that head
    // has passed what it rang for; either this sees the bit, or the last look sees what this one does.
    full_fence();
    if ready.has_work() {
        wake_one(ready.control, areas);
    }
}

/// After a fence. True if a worker is on its way.
fn wake_one(control: &Control, areas: &[WorkerArea]) -> bool {
    for (i, word) in control.sleepers.0.iter().enumerate().take(areas.len().div_ceil(64)) {
        // Of bits that come later the worker's last look sees what this is for.
        let mut bits = word.load(Relaxed);
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            bits &= !bit;
            // A bit of no worker is nonsense.
            let Some(area) = areas.get(i * 64 + bit.trailing_zeros() as usize) else { break };
            // AcqRel: whoever gets the bit owns the wake.
            if word.fetch_and(!bit, AcqRel) & bit != 0 {
                point(Point::Taken);
                rouse(area);
                return true;
            }
        }
    }
    false
}

/// Every worker looks again: after a death, which may have swallowed a wake. Whatever the words say: one that died may
/// have cleared the word of another and not woken it.
pub fn ring_all(areas: &[WorkerArea]) {
    areas.iter().for_each(rouse);
}

/// Has a worker that sleeps look again.
pub fn rouse_if_asleep(area: &WorkerArea) {
    if area.nap.load(Relaxed) != 0 {
        rouse(area);
    }
}

fn rouse(area: &WorkerArea) {
    // Release: what the worker is woken for is seen by it.
    area.nap.store(0, Release);
    point(Point::Cleared);
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
    // Partner of the fence in `announce` and `ring`.
    full_fence();
    point(Point::Bit);
    if !ready.has_work() && ready.control.stop.0.load(Acquire) == 0 {
        point(Point::Sleep);
        // SAFETY: a word of the shared memory, which stays mapped.
        unsafe { futex::wait_shared(address(&area.nap), 1, Deadline::NEVER) };
        point(Point::Woken);
    }
    // Acquire: if somebody has taken the bit, what it was taken for is seen before this worker passes a wake on.
    word.fetch_and(!bit, AcqRel);
    point(Point::Unbit);
}
