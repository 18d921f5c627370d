//! From what a worker has left in a slot to the outcome of a future.
//!
//! Called by: whoever looks at a future (its own thread fetches the outcome), the supervisor (for those that are
//! watched, orphaned or dead).
//!
//! Always true:
//! - whoever takes the node's word to SETTING is the only one to read the slot's outcome, and reads each word once;
//! - the slot is given back before the outcome is published, so that whoever sees it can submit again;
//! - `outstanding` falls after everything that follows the publish has run or was handed to the callback thread.

use super::arena::Arena;
use super::outcome::{self, Body, Owner};
use super::pool::Pool;
use super::portion::Portion;
use super::result::Words;
use super::segments::Piece;
use super::slot::{self, DONE};
use crate::error::cf_error;
use crate::future::cf_future;
use crate::future::ext::Loan;
use crate::future::far::{After, Place};
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Ordering::*};
use crate::sys::futex;
use core::ffi::c_void;

/// On which thread something ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// A thread of the host's that looks at a future, or the callback thread.
    User,
    /// A thread of the host's that cancels: callbacks run right here, as with every executor.
    Canceller,
    /// The supervisor, which no code of the user's may hold up.
    Supervisor,
}

/// An outcome is being fetched: what lies in a worker's segment may not be accepted yet.
pub struct Fetching<'a>(&'a AtomicU32);

impl Fetching<'_> {
    pub fn new(count: &AtomicU32) -> Fetching<'_> {
        // SeqCst: comes before the step that begins the outcome; partner of the fence in `collect_all`.
        count.fetch_add(1, SeqCst);
        Fetching(count)
    }
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `collect_all`.
        self.0.fetch_sub(1, Release);
    }
}

impl Pool {
    /// Fetches the outcome if the worker has stored one. True if the future is done after it, or is just being ended.
    pub(super) fn harvest(&self, f: &'static cf_future, here: Here) -> bool {
        let place = f.place();
        let w = self.slot(place.slot).word.look();
        if slot::generation(w) != place.generation {
            return self.harvest_spoilt(f, here);
        }
        if slot::state(w) != DONE {
            return false;
        }
        // Before the outcome is begun: who fails to begin it sees that it is being fetched.
        let fetching = Fetching::new(&self.fetching);
        if f.begin_outcome() {
            self.harvest_begun(f, slot::worker(w), fetching, here);
        }
        true
    }

    /// As `harvest`, by who has begun the outcome of a task that the worker has done.
    pub(super) fn harvest_begun(&self, f: &'static cf_future, worker: u16, fetching: Fetching, here: Here) {
        let Place { slot: index, portion, .. } = f.place();
        // SAFETY: NULL, or kept until the task's end.
        let outcome = match unsafe { portion.cast::<Portion>().as_ref() } {
            Some(portion) => {
                self.absorb_rest(portion, worker);
                Ok(())
            }
            None => self.fetch(f, index, worker),
        };
        drop(fetching);
        self.finish(f, index, outcome, here);
    }

    /// A worker has done the portion: all items have ended, unless the map was stopped.
    fn absorb_rest(&self, portion: &Portion, worker: u16) {
        let mut absorbed = portion.absorbed.lock();
        self.absorb(portion, &mut absorbed, worker, portion.ended());
        // SAFETY: the portion's reference keeps the items.
        let items = unsafe { &*portion.items };
        while *absorbed < portion.count && !items.is_stopped() {
            items.absorb(portion.first + *absorbed as usize, Err(outcome::nonsense()));
            *absorbed += 1;
        }
    }

    /// Hands the outcomes of a portion's items on, up to a number of them. The caller holds `absorbed`.
    pub(super) fn absorb(&self, portion: &Portion, absorbed: &mut u32, worker: u16, upto: u32) {
        // SAFETY: the portion's reference keeps the items.
        let items = unsafe { &*portion.items };
        for i in *absorbed..upto {
            let read = outcome::read(self.arena(), &self.shared, Words::of_item(portion.item(i)), worker);
            let index = portion.first + i as usize;
            match read {
                Ok(body) => items.absorb(index, Ok(body.bytes())),
                Err(error) => items.absorb(index, Err(error)),
            }
        }
        *absorbed = upto.max(*absorbed);
    }

    /// The slot's word is not of this task: it ended meanwhile, or a worker wrote nonsense.
    fn harvest_spoilt(&self, f: &'static cf_future, here: Here) -> bool {
        let place = f.place();
        {
            let mut slots = self.slots.lock();
            // While the slot is this task's, nobody but a worker out of its mind changes the generation.
            let is_here = slots.find(place.slot, place.generation).is_some();
            if is_here && slot::generation(self.slot(place.slot).word.look()) == place.generation {
                return false;
            }
            if !is_here {
                return true;
            }
        }
        if f.begin_outcome() {
            self.finish_spoilt(f, here);
        }
        true
    }

    pub(super) fn finish_spoilt(&self, f: &'static cf_future, here: Here) {
        let text = format_args!("a worker process wrote nonsense over the task");
        self.finish(f, f.place().slot, Err(cf_error::with_text(Status::CF_WORKER_DIED, 0, text)), here);
    }

    /// Reads the outcome, once, and stores it in the node.
    fn fetch(&self, f: &'static cf_future, index: u32, worker: u16) -> Result<(), cf_error> {
        let body = outcome::read(self.arena(), &self.shared, Words::of_slot(self.slot(index)), worker)?;
        self.store(f, body).map_err(|e| cf_error::plain(e, 0))
    }

    fn store(&self, f: &'static cf_future, mut body: Body) -> Result<()> {
        let lent = match core::mem::replace(&mut body.owner, Owner::Slot) {
            Owner::Slot => None,
            Owner::Worker(arena, piece) => Some((arena, piece.into_token())),
            Owner::Program(arena) => Some((arena, 0)),
        };
        if let Some((arena, token)) = lent {
            arena.retain();
            let lender: *const c_void = (&raw const *arena).cast();
            return f.borrow_result(Loan { place: body.place, size: body.size, lender, token, give_back });
        }
        let place = f.result_place(body.size)?;
        // SAFETY: room for the size; the bytes lie in the slot.
        unsafe { core::ptr::copy_nonoverlapping(body.place, place, body.size) };
        Ok(())
    }

    /// The outcome is known: gives the slot back, publishes, and sees to what follows. The caller has begun the
    /// outcome.
    pub(super) fn finish(&self, f: &'static cf_future, index: u32, outcome: Result<(), cf_error>, here: Here) {
        self.give_slot_back(index);
        let after = f.publish_outcome(outcome);
        self.after(f, after, here);
    }

    /// As `finish`: ends as cancelled what the caller has taken from the workers.
    pub(super) fn finish_cancelled(&self, f: &'static cf_future, index: u32, here: Here) {
        self.give_slot_back(index);
        let after = f.publish_cancelled();
        self.after(f, after, here);
    }

    fn give_slot_back(&self, index: u32) {
        let (block, portion, awaited) = {
            let mut slots = self.slots.lock();
            let private = slots.get(index);
            let (generation, block, portion) = (private.generation, private.block, private.portion);
            self.slot(index).word.close(generation);
            (block, portion, slots.end(&self.view.ready(), index))
        };
        if awaited {
            // Whoever still sleeps on the word wakes, and finds the future done or about to be.
            futex::wake_shared(self.slot(index).word.bed(), i32::MAX);
        }
        if block != 0 {
            self.arena().free(block as usize);
        }
        // SAFETY: NULL, or kept by the reference that goes here.
        if let Some(portion) = unsafe { portion.as_ref() } {
            // The supervisor may have found it before the slot was given back.
            drop(portion.absorbed.lock());
            // SAFETY: as above.
            unsafe { (*portion.items).portion_ended() };
        }
    }

    /// Runs the callbacks or hands them over, and gives the pool's reference back.
    fn after(&self, f: &'static cf_future, after: After, here: Here) {
        let handed_over = match after {
            After::Callbacks if here == Here::Canceller => return self.run_callbacks_here(f),
            After::Callbacks => true,
            // The last reference's end runs user code, which may not hold the supervisor up.
            After::Nothing => here == Here::Supervisor && f.has_user_data(),
        };
        if handed_over {
            self.callbacks.push(f);
        } else {
            // SAFETY: the pool's reference, which came with the outcome.
            unsafe { cf_future::drop_ref(f) };
            self.one_ended();
        }
    }

    /// A task has ended with all that follows.
    pub(super) fn one_ended(&self) {
        // AcqRel: what each task's end has done comes before what follows the last one's.
        if self.outstanding.fetch_sub(1, AcqRel) > 1 {
            return;
        }
        // Under the lock: whoever closes the pool after it sees that nothing is outstanding.
        let over = {
            let slots = self.slots.lock();
            slots.closed || slots.broken
        };
        if over {
            self.ring_supervisor();
        }
    }
}

/// The future's last reference has gone: its result's memory goes back.
unsafe fn give_back(lender: *const c_void, token: u64) {
    // SAFETY: retained when the result was lent.
    unsafe {
        let arena = lender.cast::<Arena>();
        if let Some(piece) = Piece::from_token(token) {
            (*arena).segments().release(&*arena, piece);
        }
        Arena::release(arena);
    }
}
