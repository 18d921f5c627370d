//! Collecting what workers have done and nobody waits for, and taking the right to end a task.
//!
//! Called by: the supervisor, and whoever must know that nothing is on its way (`collect_all`); `begin_taken` by whoever
//! has taken a task out of its slot.
//!
//! Always true: who has the right to end a task took it under the pool's lock, while the pool's reference kept the future.

use super::harvest::{Fetching, Here};
use super::pool::Pool;
use super::slot::{self, Cell, CLAIMED, DONE};
use super::table::Finding;
use crate::future::cf_future;
use crate::sync::{fence, yield_now, Ordering::*};
use crate::sys::futex;

impl Pool {
    /// Everything that workers have completed so far is accepted after this, whoever fetches it: their memory may go.
    pub(super) fn collect_all(&self) {
        self.collect();
        // SeqCst: whoever has begun an outcome before it was found begun is counted.
        fence(SeqCst);
        // Acquire: pairs with the Release at the end of each fetch. A fetch runs no code of the user's.
        while self.fetching.load(Acquire) != 0 {
            yield_now();
        }
    }

    /// The items of a portion that a worker has done while it runs the others.
    pub(super) fn absorb_running(&self, worker: u16) {
        let cell = self.intent(worker);
        self.with_portion(cell, |portion, absorbed| {
            let w = self.slot(cell.slot()).word.look();
            if slot::state(w) == CLAIMED && slot::worker(w) == worker && slot::generation(w) == cell.generation() {
                self.absorb(portion, absorbed, worker, portion.ended());
            }
        });
    }

    /// Ends the tasks whose completions are to be collected, in the order of their completion.
    pub(super) fn collect(&self) {
        if !self.view.done().any() {
            return;
        }
        // By so many at a time: nothing is allocated here, whatever number has come.
        let mut batch = [(0u64, 0u32); 256];
        let mut n = 0;
        let made = self.slots.lock().made();
        self.view.done().take(|slot| {
            if slot >= made {
                return;
            }
            if n == batch.len() {
                self.collect_batch(&mut batch);
                n = 0;
            }
            batch[n] = (self.slot(slot).number.load(Relaxed), slot);
            n += 1;
        });
        self.collect_batch(&mut batch[..n]);
    }

    fn collect_batch(&self, batch: &mut [(u64, u32)]) {
        batch.sort_unstable();
        batch.iter().for_each(|(_, slot)| self.sweep_slot(*slot));
    }

    /// Ends a slot's task if its outcome has come and nobody else is at it.
    pub(super) fn sweep_slot(&self, slot: u32) {
        let mut awaited = false;
        match self.begin(slot, &mut awaited) {
            Some((f, Some(by))) => self.harvest_begun(f, by, Fetching::new(&self.fetching), Here::Supervisor),
            Some((f, None)) => self.finish_spoilt(f, Here::Supervisor),
            // Those that sleep on the slot's word may have been missed by a worker that was stopped. Whoever ends a
            // task wakes them anyway.
            None if awaited => futex::wake_shared(self.slot(slot).word.bed(), i32::MAX),
            None => {}
        }
    }

    /// Takes the right to end a slot's task, with the pool's reference; the worker that has done it, or none if the
    /// slot's word makes no sense. Says too whether somebody waits for it.
    fn begin(&self, slot: u32, awaited: &mut bool) -> Option<(&'static cf_future, Option<u16>)> {
        let mut slots = self.slots.lock();
        if slot >= slots.made() {
            return None;
        }
        *awaited = slots.get(slot).waiters > 0;
        if !matches!(slots.examine(&self.view.ready(), slot), Finding::Ended) {
            return None;
        }
        let private = slots.get(slot);
        // SAFETY: NULL, or kept by the pool's reference, which is given back only after this place is NULL.
        let f: &'static cf_future = unsafe { private.node.as_ref() }?;
        let w = self.slot(slot).word.look();
        let done = slot::generation(w) == private.generation && slot::state(w) == DONE;
        let worker = done.then(|| slot::worker(w));
        f.begin_outcome().then_some((f, worker))
    }

    /// Takes a task that no worker has claimed, for the caller to end; gives the slot's word before.
    pub(super) fn take_ready(&self, cell: Cell) -> Option<u64> {
        self.slots.lock().take_back(&self.view.ready(), cell, None)
    }

    /// Takes what a worker that is dead, or does not have it, is said to have; gives the slot's word before.
    pub(super) fn take_claimed(&self, cell: Cell, worker: u16) -> Option<u64> {
        self.slots.lock().take_back(&self.view.ready(), cell, Some(worker))
    }

    /// Takes the right to end a task that the caller has taken out of its slot, with the pool's reference.
    pub(super) fn begin_taken(&self, cell: Cell) -> Option<&'static cf_future> {
        let mut slots = self.slots.lock();
        let private = slots.find(cell.slot(), cell.generation())?;
        // SAFETY: kept by the pool's reference, which is given back only after this place is NULL; the outcome is begun
        // before the lock goes.
        let f: &'static cf_future = unsafe { private.node.as_ref() }?;
        f.begin_outcome().then_some(f)
    }

    /// The cell that a worker has said to claim.
    pub(super) fn intent(&self, worker: u16) -> Cell {
        // Acquire: pairs with the Release in `take`, so that a task before it is seen to be done.
        Cell(self.view.areas()[worker as usize].intent.load(Acquire))
    }
}
