//! Futures whose task runs in another process: the node stays PENDING here until the outcome is fetched.
//!
//! Called by: looking at, sleeping on, watching and cancelling a future whose word has the flag FAR.
//! The executor keeps the task in a slot of memory that it shares with its workers; the node knows which.
//!
//! Always true: the place is written before PENDING and stays; whoever takes the word from PENDING to SETTING is the
//! only one to write the outcome, as everywhere; FAR is gone from a word that is done.

use super::ext::{Ext, Loan};
use super::node::{cf_future, Area, INLINE};
use super::word;
use crate::error::cf_error;
use crate::executor;
use crate::status::Result;
use crate::sync::Ordering::*;
use crate::time::Deadline;

/// What an executor does for its futures whose tasks run elsewhere. The caller holds a reference to the future.
pub trait Far {
    /// The state as far as it is known; an outcome that has come is fetched first.
    fn look(&self, f: &'static cf_future) -> u64;
    /// As `cf_future::cancel_now`.
    fn cancel(&self, f: &'static cf_future) -> bool;
    /// Sleeps until something has happened to the task; false if the deadline has passed.
    fn sleep(&self, f: &'static cf_future, deadline: Deadline) -> bool;
    /// Somebody is to be told when it is done, without looking.
    fn attend(&self, f: &'static cf_future);
    /// Wakes whoever sleeps on it, to look again.
    fn stir(&self, f: &'static cf_future);
}

/// Where the task lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Place {
    pub slot: u32,
    pub generation: u32,
    /// What the executor knows of the task beside; NULL for nothing.
    pub portion: *const (),
}

const _: () = assert!(size_of::<Place>() <= INLINE);

/// Who is to run what follows a publish.
pub enum After {
    /// Nothing of the user's is to run.
    Nothing,
    /// Callbacks wait in the extension, and the finisher's reference is still held.
    Callbacks,
}

impl cf_future {
    /// The place of the task; constant while references exist.
    pub fn place(&self) -> Place {
        // SAFETY: written by the maker before PENDING only.
        self.arg.with(|p| unsafe { p.cast::<Place>().read() })
    }

    /// Before PENDING, by the maker.
    pub fn settle(&self, place: Place) {
        // SAFETY: not yet PENDING, so this thread is the only user; a place fits.
        unsafe { self.arg.with_mut(|p| p.cast::<Place>().write(place)) };
    }

    pub(super) fn is_far(&self) -> bool {
        self.word.load(Relaxed) & word::FAR != 0
    }

    /// For a moment, a future that is kept by the caller's reference.
    fn kept(&self) -> &'static cf_future {
        // SAFETY: the memory of nodes is type-stable, and the caller's reference keeps this one for the call.
        unsafe { &*(self as *const cf_future) }
    }

    fn with_far<R>(&self, f: impl FnOnce(&dyn Far, &'static cf_future) -> R) -> Option<R> {
        let executor = executor::lookup(self.executor())?;
        executor.kind().far().map(|far| f(far, self.kept()))
    }

    /// As `look`, of a future that is PENDING here.
    #[cold]
    pub(super) fn look_far(&self) -> u64 {
        // Without an executor it has ended meanwhile.
        let known = self.with_far(|far, f| far.look(f));
        known.unwrap_or_else(|| word::state(self.word.load(Acquire)))
    }

    pub(super) fn cancel_far(&'static self) -> bool {
        self.with_far(|far, f| far.cancel(f)).unwrap_or_else(|| self.look() == word::CANCELLED)
    }

    /// Sleeps until something has happened to the task; false if the deadline has passed.
    pub(super) fn sleep_far(&self, deadline: Deadline) -> bool {
        self.with_far(|far, f| far.sleep(f, deadline)).unwrap_or(true)
    }

    /// Sleeps until the outcome that somebody else is about to write is published; false if the deadline has passed.
    pub fn sleep_until_published(&self, deadline: Deadline) -> bool {
        let w = self.word.flag(word::WAITERS) | word::WAITERS;
        word::is_done(w) || self.sleep_here(w, deadline)
    }

    pub(super) fn attend(&self) {
        self.with_far(|far, f| far.attend(f));
    }

    pub(super) fn stir_far(&self) {
        self.with_far(|far, f| far.stir(f));
    }

    /// Its outcome has come, and some thread is about to publish it: no code of the user's runs until then.
    pub(crate) fn is_being_fetched(&self) -> bool {
        let w = self.word.load(Acquire);
        w & word::FAR != 0 && word::state(w) == word::SETTING
    }

    // ---- for the executor

    /// Takes the right to write the outcome; false if somebody else has it.
    pub fn begin_outcome(&self) -> bool {
        self.word.take(self.generation(), word::SETTING, 0, true).is_some()
    }

    /// The result lies in memory on loan: it is passed, not copied.
    pub fn borrow_result(&self, loan: Loan) -> Result<()> {
        self.drop_result();
        let ext: &Ext = self.ext()?;
        ext.borrow_result(loan);
        // SAFETY: by whoever has begun the outcome.
        unsafe { self.result_area.with_mut(|p| *p = Area::Large as u8) };
        Ok(())
    }

    /// Publishes the outcome, wakes, and tells those who watch. The finisher's reference stays the caller's.
    pub fn publish_outcome(&'static self, outcome: Result<(), cf_error>) -> After {
        let state = match outcome {
            Ok(()) => word::FINISHED,
            Err(error) => {
                self.store_error(error);
                word::FAILED
            }
        };
        let before = self.word.publish(state);
        self.wake_and_tell(before)
    }

    /// As `publish_outcome`: it was cancelled.
    pub fn publish_cancelled(&'static self) -> After {
        let before = self.word.publish(word::CANCELLED);
        self.wake_and_tell(before)
    }

    fn wake_and_tell(&'static self, before: u64) -> After {
        self.wake(before);
        let watched = (before & word::CALLBACKS != 0).then(|| self.existing_ext()).flatten();
        match watched.is_some_and(Ext::close_watches_for_later) {
            true => After::Callbacks,
            false => After::Nothing,
        }
    }

    /// Runs what was left for later and gives the finisher's reference back.
    ///
    /// # Safety
    /// The caller owns the finisher's reference.
    pub unsafe fn run_deferred(&'static self) {
        if let Some(ext) = self.existing_ext() {
            ext.take_deferred().for_each(|c| c.run(self));
        }
        // SAFETY: the caller's promise.
        unsafe { cf_future::drop_ref(self) };
    }

    /// Would giving the last reference back run a destroy function of the user's?
    pub fn has_user_data(&self) -> bool {
        self.existing_ext().is_some_and(Ext::has_user_data)
    }
}
