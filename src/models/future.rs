//! A future with everything but its memory management: the real word and the real list of watches, put together
//! as `future/node`, `future/ext` and `future/run` do. Driven by `completion` and `watch`.
//!
//! Every use reads `alive` and the last reference writes it, so a use that could come after that is a causality
//! violation, and one that does come after it fails.

use crate::future::watch::{Entry, Registered, Watcher, Watches};
use crate::future::word::{self, Word, BY_HAND, CALLBACKS, CANCELLED, FINISHED, PENDING, RUNNING, SETTING, WAITERS};
use crate::sync::{self, AtomicPtr, AtomicU32, Cell, Ordering::*, Sleepers};
use crate::time::Deadline;
use core::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::Arc;

const OUTCOME: u32 = 42;

/// What differs in the variations; `RIGHT` is what the code does.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The extension is made after the flag was set.
    pub flag_before_extension: bool,
    /// The list is used without the flag in the word.
    pub no_flag: bool,
    /// The flags are read before the publish, not by it.
    pub flags_from_a_load: bool,
    /// The finisher gives its reference back before it tells.
    pub reference_dropped_early: bool,
    /// A by-hand setter stores the outcome before it has won the step to SETTING.
    pub stored_before_the_step: bool,
}

pub const RIGHT: Rule = Rule {
    flag_before_extension: false,
    no_flag: false,
    flags_from_a_load: false,
    reference_dropped_early: false,
    stored_before_the_step: false,
};

/// The number of the callback.
type Callback = usize;

pub struct Future {
    rule: Rule,
    word: Word,
    refs: AtomicU32,
    ext: AtomicPtr<Watches<Callback>>,
    outcome: Cell<u32>,
    alive: Cell<()>,
    gone: AtomicBool,
    sleepers: Sleepers,
    /// How often each callback ran.
    pub called: [AtomicUsize; 2],
    /// How often it became done.
    pub ended: AtomicUsize,
    /// Entries that were pushed and not yet freed.
    pub entries: AtomicUsize,
}

impl Future {
    /// PENDING. `refs` counts the pool's reference too, which a future that is completed by hand does not have.
    pub fn new(rule: Rule, refs: u32, by_hand: bool) -> Arc<Future> {
        let z = || AtomicUsize::new(0);
        let future = Future {
            rule,
            word: Word::new(),
            refs: AtomicU32::new(refs),
            ext: AtomicPtr::new(null_mut()),
            outcome: Cell::new(0),
            alive: Cell::new(()),
            gone: AtomicBool::new(false),
            sleepers: Sleepers::new(),
            called: [z(), z()],
            ended: z(),
            entries: z(),
        };
        future.word.open(if by_hand { BY_HAND } else { 0 });
        Arc::new(future)
    }

    fn touch(&self) {
        assert!(!self.gone.load(Relaxed), "used after the last reference");
        self.alive.with(|_| ());
    }

    /// For the end of an execution.
    pub fn references(&self) -> u32 {
        self.refs.load(Relaxed)
    }

    /// For the end of an execution.
    pub fn state(&self) -> u64 {
        word::state(self.word.load(Relaxed))
    }

    pub fn release(&self) {
        self.touch();
        if self.refs.fetch_sub(1, Release) == 1 {
            self.refs.load(Acquire);
            self.alive.with_mut(|_| ());
            self.gone.store(true, Relaxed);
            self.outcome.with_mut(|_| ());
            let ext = self.ext.load(Relaxed);
            if !ext.is_null() {
                // SAFETY: the last reference; made in `ext` and in `watch` and `callback`.
                unsafe {
                    (*ext).entries().for_each(|e| {
                        self.entries.fetch_sub(1, Relaxed);
                        drop(Box::from_raw(e));
                    });
                    drop(Box::from_raw(ext));
                }
            }
        }
    }

    // ---- who completes it

    fn store(&self) {
        // SAFETY: by the claimer or the winner of the step.
        self.outcome.with_mut(|p| unsafe { *p = OUTCOME });
    }

    fn finish(&self) {
        let seen = self.word.load(Relaxed);
        let before = self.word.publish(FINISHED);
        self.tell(if self.rule.flags_from_a_load { seen } else { before });
    }

    /// After it became done, with the flags that stood in the word then.
    fn tell(&self, before: u64) {
        assert!(!word::is_done(before), "it ended twice");
        self.ended.fetch_add(1, Relaxed);
        if self.rule.reference_dropped_early {
            self.release();
        }
        self.touch();
        if before & WAITERS != 0 {
            self.sleepers.wake_all(sync::low_half(self.word.atomic()));
        }
        let ext = self.ext.load(Acquire);
        if before & CALLBACKS != 0 && !ext.is_null() {
            // SAFETY: the finisher's reference; it closes once.
            unsafe { Watches::take_callbacks((*ext).close()) }.for_each(|k| self.call(k));
        }
        if before & BY_HAND == 0 && !self.rule.reference_dropped_early {
            self.release();
        }
    }

    /// Through a hint: without a reference, until the claim has won.
    pub fn work(&self) {
        if self.word.take(0, RUNNING, 1, false).is_some() {
            self.store();
            self.finish();
        }
    }

    pub fn cancel(&self) -> bool {
        self.touch();
        let before = self.word.take(0, CANCELLED, 0, true);
        before.map(|w| self.tell(w)).is_some()
    }

    /// True: the work is to be done. False: it was cancelled.
    pub fn set_running(&self) -> bool {
        match self.word.step(&[PENDING], RUNNING) {
            Ok(_) => true,
            Err(w) => {
                assert_eq!(word::state(w), CANCELLED);
                false
            }
        }
    }

    pub fn set_result(&self) -> bool {
        self.touch();
        if self.rule.stored_before_the_step {
            self.store();
        }
        let won = self.word.step(&[PENDING, RUNNING], SETTING).is_ok();
        if won {
            self.store();
            self.finish();
        }
        won
    }

    // ---- who wants to know

    /// Reads what a future that is done promises.
    pub fn look(&self) {
        self.touch();
        let state = word::state(self.word.load(Acquire));
        assert!(state >= FINISHED, "it was looked at before it was done");
        if state == FINISHED {
            // SAFETY: nobody writes it any more.
            assert_eq!(self.outcome.with(|p| unsafe { *p }), OUTCOME);
        }
    }

    pub fn wait(&self) {
        self.touch();
        loop {
            let w = self.word.flag(WAITERS) | WAITERS;
            if word::is_done(w) {
                self.look();
                return;
            }
            let unchanged = || self.word.load(Relaxed) as u32 == w as u32;
            // SAFETY: the caller's reference keeps the word.
            unsafe { self.sleepers.wait(sync::low_half(self.word.atomic()), w as u32, unchanged, Deadline::NEVER) };
        }
    }

    fn ext(&self) -> &Watches<Callback> {
        let mut p = self.ext.load(Acquire);
        if p.is_null() {
            let fresh = Box::into_raw(Box::new(Watches::new()));
            match self.ext.compare_exchange(null_mut(), fresh, AcqRel, Acquire) {
                Ok(_) => p = fresh,
                Err(other) => {
                    // SAFETY: nobody has seen it.
                    drop(unsafe { Box::from_raw(fresh) });
                    p = other;
                }
            }
        }
        // SAFETY: lives until the last reference has gone.
        unsafe { &*p }
    }

    fn begin_watching(&self) -> Option<&Watches<Callback>> {
        self.touch();
        if word::is_done(self.word.load(Acquire)) {
            return None;
        }
        if self.rule.no_flag {
            return Some(self.ext());
        }
        if self.rule.flag_before_extension {
            let done = word::is_done(self.word.flag(CALLBACKS));
            return (!done).then(|| self.ext());
        }
        let ext = self.ext();
        (!word::is_done(self.word.flag(CALLBACKS))).then_some(ext)
    }

    fn fresh_entry(&self) -> *mut Entry<Callback> {
        self.entries.fetch_add(1, Relaxed);
        Box::into_raw(Box::new(Entry::new()))
    }

    fn return_entry(&self, e: *mut Entry<Callback>) {
        self.entries.fetch_sub(1, Relaxed);
        // SAFETY: it was not pushed.
        drop(unsafe { Box::from_raw(e) });
    }

    /// The entry through which the watch is withdrawn; none if it is done.
    pub fn watch(&self, watcher: *mut Watcher, index: usize) -> Option<*const Entry<Callback>> {
        let watches = self.begin_watching()?;
        match watches.reuse(watcher, index) {
            Registered::Stands(e) => Some(e),
            Registered::Done => None,
            Registered::NeedsEntry => {
                let e = self.fresh_entry();
                // SAFETY: a fresh entry.
                match unsafe { watches.watch(e, watcher, index) } {
                    Registered::Stands(e) => Some(e),
                    _ => {
                        self.return_entry(e);
                        None
                    }
                }
            }
        }
    }

    /// Takes a watch back by its watcher's name.
    pub fn withdraw(&self, watcher: *mut Watcher) -> bool {
        self.touch();
        let ext = self.ext.load(Acquire);
        // SAFETY: lives until the last reference has gone.
        unsafe { ext.as_ref() }.is_some_and(|watches| watches.withdraw(watcher))
    }

    pub fn add_callback(&self, k: Callback) {
        let Some(watches) = self.begin_watching() else { return self.call(k) };
        let e = self.fresh_entry();
        // SAFETY: a fresh entry.
        if let Registered::Done = unsafe { watches.callback(e, k) } {
            // SAFETY: it was not pushed.
            let k = unsafe { Entry::take_callback(e) }.unwrap();
            self.return_entry(e);
            self.call(k);
        }
    }

    fn call(&self, k: Callback) {
        self.look();
        self.called[k].fetch_add(1, Relaxed);
    }
}
