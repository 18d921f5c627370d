//! From the claim to the published outcome, in this order: run, drop the argument, store, publish, wake,
//! callbacks, drop the pool's reference.
//!
//! Called by: workers, waiters that run what they wait for, `cancel`, pools that break or shut down.

use super::node::cf_future;
use super::word;
use crate::error::cf_error;
use crate::runner::Runner;
use crate::task::{cf_task, Sink};
use crate::threads::worker::Seat;

impl cf_future {
    /// Claims a PENDING task for this thread; the pool's reference comes with it.
    #[inline]
    pub fn claim(&self, runner: &Runner) -> bool {
        // The caller's reference keeps the generation.
        self.word.take(self.generation(), word::RUNNING, runner.id, false).is_some()
    }

    /// Runs a node that this thread has claimed; the state that it has then.
    pub fn run(&'static self, runner: &Runner) -> u64 {
        let (arg, size) = self.argument();
        // SAFETY: claimed by this thread, no result stored yet.
        let birth = unsafe { self.birth() };
        let mut task = cf_task::new(Sink::Future(self), birth, runner, self.executor());
        runner.depth.set(runner.depth.get() + 1);
        let returned = match self.func() {
            // SAFETY: the user promised a function of this type; the argument lives until `drop_argument`.
            Some(func) => unsafe { func(&mut task, arg, size) },
            None => unreachable!("a pool's future without a function"),
        };
        let outcome = task.end(returned);
        self.drop_argument();
        runner.depth.set(runner.depth.get() - 1);
        // Only the outermost frame of a worker says that the worker is between tasks.
        let outermost = if runner.depth.get() == 0 { runner.seat() } else { None };
        let state = match outcome {
            Ok(()) => word::FINISHED,
            Err(error) => {
                self.store_error(error);
                word::FAILED
            }
        };
        // Before the publish, so that whoever sees the result and submits again finds this worker free.
        if let Some(seat) = outermost {
            seat.rest();
        }
        let before = self.word.publish(state);
        // Callbacks and destroy functions are user code like the task: what they wait for may run inside them.
        runner.depth.set(runner.depth.get() + 1);
        let resting = self.after_publish(before, outermost);
        // Asked when nobody else can attach anything any more: the last reference may run a user's hook.
        let before_hooks = || resting.into_iter().for_each(Seat::work);
        // SAFETY: the pool's reference, which came with the claim.
        unsafe { cf_future::drop_ref_with(self, before_hooks) };
        runner.depth.set(runner.depth.get() - 1);
        state
    }

    /// Fails a node that this thread has claimed and will not run.
    pub fn fail_unrun(&'static self, error: cf_error) {
        self.drop_argument();
        self.store_error(error);
        let before = self.word.publish(word::FAILED);
        self.after_publish(before, None);
        // SAFETY: the pool's reference, which came with the claim.
        unsafe { cf_future::drop_ref(self) };
    }

    /// The publisher holds a reference until the end. `outermost` is a worker's seat that was said to be free; what
    /// comes back is that seat, if it is free still.
    #[inline]
    fn after_publish<'a>(&'static self, before: u64, outermost: Option<&'a Seat>) -> Option<&'a Seat> {
        match before & (word::WAITERS | word::CALLBACKS) {
            0 => outermost,
            _ => self.tell_all(before, outermost),
        }
    }

    #[cold]
    fn tell_all<'a>(&'static self, before: u64, mut outermost: Option<&'a Seat>) -> Option<&'a Seat> {
        let mut callbacks = self.tell(before).peekable();
        if callbacks.peek().is_some() {
            outermost.take().into_iter().for_each(Seat::work);
        }
        callbacks.for_each(|c| c.run(self));
        outermost
    }

    /// PENDING becomes CANCELLED: claim and publish in one step. True if it is cancelled now or was before.
    pub fn cancel_now(&'static self) -> bool {
        // The caller's reference holds the generation still.
        match self.word.take(self.generation(), word::CANCELLED, 0, true) {
            Some(before) => {
                self.end_cancelled(before);
                true
            }
            None => word::state(self.word.load(crate::sync::Ordering::Acquire)) == word::CANCELLED,
        }
    }

    /// What follows a won cancel: the argument's end, wakes, callbacks, the pool's reference.
    pub(super) fn end_cancelled(&'static self, before: u64) {
        let by_hand = before & word::BY_HAND != 0;
        if by_hand {
            self.retain(); // a callback may release the caller's own reference
        }
        let callbacks = self.tell(before);
        if !by_hand {
            self.drop_argument();
        }
        callbacks.for_each(|c| c.run(self));
        // SAFETY: the pool's reference, which came with the cancel, or the one taken above.
        unsafe { cf_future::drop_ref(self) };
    }

    /// Publishes what a by-hand setter has stored, having won the step to SETTING.
    pub(super) fn finish_by_hand(&'static self, state: u64) {
        self.retain(); // a callback may release the setter's own reference
        let before = self.word.publish(state);
        self.after_publish(before, None);
        // SAFETY: taken above.
        unsafe { cf_future::drop_ref(self) };
    }
}
