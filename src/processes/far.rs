//! What is done with a future of the process pool: looking, sleeping, watching, cancelling.
//!
//! Called by: the future's own verbs (`future::far`), on threads of the host's.
//!
//! Always true: a thread that sleeps on a slot's word is counted in the slot's private part, so the slot is not used
//! for another task under it.

use super::harvest::Here;
use super::pool::Pool;
use super::slot::{self, Cell, CLAIMED, COLLECT, DONE, TAKEN, WAITERS};
use crate::future::far::Far;
use crate::future::{cf_future, word};
use crate::sys::futex;
use crate::time::Deadline;

impl Far for Pool {
    fn look(&self, f: &'static cf_future) -> u64 {
        if self.harvest(f, Here::User) {
            // Whoever else ends it reads as RUNNING until it is published.
            return f.peek().max(word::RUNNING);
        }
        let place = f.place();
        let w = self.slot(place.slot).word.look();
        let runs = slot::generation(w) == place.generation && matches!(slot::state(w), CLAIMED | TAKEN);
        match f.peek() {
            word::PENDING if runs => word::RUNNING,
            state => state,
        }
    }

    fn cancel(&self, f: &'static cf_future) -> bool {
        let place = f.place();
        // Anything but READY in this generation is not to be cancelled, and shows below.
        if self.take_ready(Cell::new(place.slot, place.generation)).is_some() && f.begin_outcome() {
            self.finish_cancelled(f, place.slot, Here::Canceller);
        } else {
            self.harvest(f, Here::User);
        }
        f.peek() == word::CANCELLED
    }

    fn sleep(&self, f: &'static cf_future, deadline: Deadline) -> bool {
        let place = f.place();
        let is_here = self.slots.lock().find(place.slot, place.generation).map(|p| p.waiters += 1).is_some();
        if !is_here {
            return f.sleep_until_published(deadline);
        }
        let slot = self.slot(place.slot);
        let seen = slot.word.flag(place.generation, WAITERS);
        let in_time = match seen {
            // SAFETY: a word of the shared memory, which the caller's future keeps mapped.
            Ok(w) => unsafe { futex::wait_shared(slot.word.bed(), w as u32, deadline) },
            Err(_) => true,
        };
        self.slots.lock().rise(&self.view.ready(), place.slot);
        match seen {
            // Its worker is dead, and what became of it is not known yet.
            Err(w) if slot::state(w) == TAKEN => f.sleep_until_published(deadline),
            _ => in_time,
        }
    }

    fn attend(&self, f: &'static cf_future) {
        let place = f.place();
        if let Err(w) = self.slot(place.slot).word.flag(place.generation, COLLECT) {
            if slot::state(w) == DONE || slot::generation(w) != place.generation {
                self.harvest(f, Here::User);
            }
        }
    }

    fn stir(&self, f: &'static cf_future) {
        let place = f.place();
        let slot = self.slot(place.slot);
        slot.word.stir(place.generation);
        futex::wake_shared(slot.word.bed(), i32::MAX);
    }
}
