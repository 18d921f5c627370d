//! A pool that is broken: why, and what becomes of its tasks.
//!
//! Called by: the supervisor. Always true: the reason stands before anything fails because of it; every task that is
//! queued or running, then or later, ends with a copy of it.

use super::crew::Crew;
use super::harvest::Here;
use super::pool::Pool;
use super::slot::Cell;
use crate::error::cf_error;
use crate::future::cf_future;
use crate::sync::Ordering::*;
use core::ptr::null_mut;

impl Pool {
    /// The first reason stands.
    pub(super) fn break_with(&self, error: cf_error) {
        let p = error.into_box();
        // Without memory for the reason there is still a broken pool, with the status's own text.
        let p = if p.is_null() { (&raw const super::pool::NO_REASON).cast_mut() } else { p };
        // Release: pairs with the Acquire in `broken`.
        if self.broken.compare_exchange(null_mut(), p, AcqRel, Acquire).is_err() {
            // SAFETY: nobody has seen it.
            unsafe { super::pool::free_reason(p) };
        }
        self.slots.lock().broken = true;
    }

    /// In a broken pool what is queued fails. Who works is killed, unless only an initializer failed.
    pub(super) fn finish_breaking(&self, crew: &mut Crew) {
        let Some(why) = self.broken() else { return };
        self.take_queued(|f, slot| {
            self.finish(f, slot, Err(why.copy_at(0)), Here::Supervisor);
        });
        if crew.killing {
            crew.signal_all(libc::SIGKILL);
        }
    }

    /// Takes every task that nobody has claimed, with the right to end it.
    pub(super) fn take_queued(&self, mut each: impl FnMut(&'static cf_future, u32)) {
        self.each_task(|cell| {
            if self.take_ready(cell).is_some() {
                if let Some(f) = self.begin_taken(cell) {
                    each(f, cell.slot());
                }
            }
        });
    }

    /// Every task that has not ended, where it lies; one that ends or comes meanwhile may be among them or not.
    pub(super) fn each_task(&self, mut each: impl FnMut(Cell)) {
        let made = self.slots.lock().made();
        for index in 0..made {
            let generation = {
                let mut slots = self.slots.lock();
                let private = slots.get(index);
                (!private.node.is_null()).then_some(private.generation)
            };
            if let Some(generation) = generation {
                each(Cell::new(index, generation));
            }
        }
    }
}
