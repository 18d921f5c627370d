//! Tasks that tasks submit: they go to the deque of the worker, not to the queue that all share.
//!
//! Called by: `contract` (submit), waits inside a task (`Seat::claim`), workers that look for work, the end of the pool.
//!
//! ```text
//!   submit outside ----> queue ------------------.
//!                                                 >---> a free worker: its own deque first, then the queue, then
//!   submit in a task --> the worker's own deque -'      the deques of others, the oldest task of each
//! ```
//!
//! Always true:
//! - what was accepted is seen by some worker before the last one ends: a submitter that finds the pool closed after
//!   its hint could be seen takes the task back;
//! - a worker's deque is made at its first nested submit, and goes with the pool;
//! - of `FAIR` looks one begins at the queue and one at the deques of others, so that no task waits for ever, whatever
//!   is submitted meanwhile and wherever: its worker may be blocked, or stand by.

use super::deque::{Deque, Steal, CELLS};
use super::queue::{Pop, Taken};
use super::worker::Seat;
use super::Pool;
use crate::future::cf_future;
use crate::future::hint::Hint;
use crate::mem;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{full_fence, AtomicPtr, Ordering::*};
use core::ptr::null_mut;

/// Few, as so many nested tasks may come before one from outside.
const FAIR: u32 = 8;
/// So many seats are looked at then, as hundreds of workers should not look at hundreds each time.
const GLANCE: usize = 4;

/// What a worker remembers of its looks for work.
#[derive(Default)]
pub(super) struct Looks {
    turn: u32,
    pub taken: Taken,
}

/// A seat's deque, if it has one yet.
pub struct Own(AtomicPtr<Deque<CELLS>>);

impl Own {
    pub fn new() -> Own {
        Own(AtomicPtr::new(null_mut()))
    }

    #[inline]
    fn get(&self) -> Option<&Deque<CELLS>> {
        // Acquire: pairs with the Release in `get_or_make`.
        // SAFETY: NULL or made there, and freed with the seat.
        unsafe { self.0.load(Acquire).as_ref() }
    }

    /// By the seat's own thread.
    #[inline]
    fn get_or_make(&self) -> Option<&Deque<CELLS>> {
        self.get().or_else(|| self.make())
    }

    #[cold]
    fn make(&self) -> Option<&Deque<CELLS>> {
        let made = mem::try_new(Deque::new().ok()?).ok()?;
        self.0.store(made.as_ptr(), Release);
        self.get()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let deque = self.0.load(Relaxed);
        if !deque.is_null() {
            // SAFETY: made by `try_new`; the seat's last user.
            unsafe { mem::free(deque) };
        }
    }
}

impl Seat {
    /// By the seat's thread: claims a task of its own pool. Thieves need not hear of it any more, nor of those before
    /// it that somebody has claimed already.
    #[inline]
    pub fn claim(&self, f: &cf_future, runner: &Runner) -> bool {
        let Some(deque) = self.own().get() else { return f.claim(runner) };
        let mut won = None;
        while let Some(last) = deque.last().map(Hint::from_bits) {
            let is_wanted = won.is_none() && last.is(Hint::naming(f));
            if !is_wanted && !last.is_stale() {
                break;
            }
            if deque.take_back(|| is_wanted && *won.insert(f.claim(runner))) {
                last.forget();
            }
        }
        won.unwrap_or_else(|| f.claim(runner))
    }
}

impl Pool {
    /// The seat of a thread of this pool.
    #[inline]
    pub(super) fn seat_of<'a>(&self, runner: &'a Runner) -> Option<&'a Seat> {
        runner.seat().filter(|s| core::ptr::eq(s.pool(), self))
    }

    /// Queues a PENDING task of a submitter that sits in this pool; false if there is no room in its deque.
    #[inline]
    pub(super) fn enqueue_nested(&self, seat: &Seat, hint: Hint) -> Result<bool> {
        let Some(deque) = seat.own().get_or_make() else { return Ok(false) };
        // A thief may use the entry up before it is looked at again here.
        let name = hint.keep();
        if !deque.push(hint.to_bits()) {
            name.forget();
            return Ok(false);
        }
        // After the push: either this sees that the pool is closed, or the last worker sees the hint.
        let refused = self.queue.is_closed() && hint.revoke();
        name.forget();
        if refused {
            return Err(if self.broken().is_some() { Status::CF_BROKEN_POOL } else { Status::CF_SHUTDOWN });
        }
        let _ = self.call_somebody(); // this thread itself comes back to the hint
        Ok(true)
    }

    /// The next hint for a worker that is free.
    #[inline]
    pub(super) fn next(&self, seat: &Seat, looks: &mut Looks) -> Pop {
        looks.turn = looks.turn.wrapping_add(1);
        match looks.turn % FAIR {
            0 => {}
            1 => {
                if let Some(bits) = self.glance(looks.turn / FAIR) {
                    return Pop::Hint(bits);
                }
            }
            _ => {
                // That it is empty is seen without a fence: only this thread adds.
                let own = seat.own().get().filter(|own| own.last().is_some());
                if let Some(Steal::Hint(bits)) = own.map(Deque::steal) {
                    return Pop::Hint(bits);
                }
            }
        }
        match self.queue.take(&mut looks.taken) {
            Pop::Empty => self.steal(seat.index() as usize),
            Pop::Hint(bits) => {
                // The line of a task to come is on its way while this one runs.
                Hint::from_bits(looks.taken.ahead).will_claim();
                Pop::Hint(bits)
            }
            Pop::Unfilled => Pop::Unfilled,
        }
    }

    /// The oldest hint of one of a few deques. The `n`th glance begins at the `n`th seat, so that one that is always full
    /// hides no other.
    fn glance(&self, n: u32) -> Option<u64> {
        let seats = self.seats_used();
        let few = seats.iter().cycle().skip(n as usize % seats.len()).take(GLANCE.min(seats.len()));
        few.filter_map(|s| s.own().get()).find_map(|deque| match deque.steal() {
            Steal::Hint(bits) => Some(bits),
            _ => None,
        })
    }

    /// The oldest hint of any deque, looking at `first` first; `Unfilled` if somebody else was faster somewhere.
    pub(super) fn steal(&self, first: usize) -> Pop {
        let seats = self.seats_used();
        let (before, after) = seats.split_at(first.min(seats.len()));
        let mut found = Pop::Empty;
        for deque in after.iter().chain(before).filter_map(|s| s.own().get()) {
            match deque.steal() {
                Steal::Hint(bits) => return Pop::Hint(bits),
                Steal::Lost => found = Pop::Unfilled,
                Steal::Empty => {}
            }
        }
        found
    }

    /// Is anything queued? For whoever has just announced something that a submitter must see: either this look sees
    /// the task, or its submitter sees the announcement.
    pub fn has_work(&self) -> bool {
        self.queue.has_work() || self.has_nested_work()
    }

    /// Closed, and nothing is queued.
    pub fn is_over(&self) -> bool {
        self.queue.is_over() && !self.has_nested_work()
    }

    fn has_nested_work(&self) -> bool {
        // Pairs with the fence in `Deque::push`.
        full_fence();
        self.seats_used().iter().filter_map(|s| s.own().get()).any(Deque::has_work)
    }
}
