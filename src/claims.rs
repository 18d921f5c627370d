//! What a task that waits for any of several futures may run itself.
//!
//! Called by: `wait`, `completions`, `completion_queue`, when the judge says that nobody else ever will.

use crate::deadlock::{self, Manner, Stir};
use crate::executor::WaiterView;
use crate::future::cf_future;
use crate::runner::Runner;
use crate::time::Deadline;
use crate::wait::{run_here, waiter_in_task};

/// What a wait for ANY may run itself: a pending future, and only when it is judged that nobody else ever will.
///
/// Not before: the one that is picked may be the very one that waits for the picker, while another worker would
/// have ended the wait through another branch.
pub struct Claims {
    runner: Option<&'static Runner>,
    /// Nothing could be run although the judge thought so: too little stack.
    given_up: bool,
}

impl Claims {
    pub fn new(deadline: Deadline) -> Claims {
        Claims { runner: waiter_in_task(deadline), given_up: false }
    }

    pub fn manner(&self, stir: Stir) -> Manner {
        let can_claim = !self.given_up && self.runner.is_some_and(|r| r.has_stack());
        Manner { stir: Some(stir), can_claim, firm: false }
    }

    pub fn may_run(&self, f: &cf_future) -> bool {
        self.runner.is_some_and(|r| deadlock::is_claimable(f, WaiterView::of(r)))
    }

    /// Runs the first that is still pending; NULL stands for a future that does not count any more.
    pub fn run_one_of(&mut self, futures: &[*mut cf_future]) {
        // SAFETY: handles that were checked and are kept by the caller.
        let handle = |f: &*mut cf_future| -> Option<&'static cf_future> { unsafe { f.cast_const().as_ref() } };
        let left = || futures.iter().filter_map(handle);
        let ran = left().any(|f| self.runner.is_some_and(|r| run_here(f, r).is_some()));
        // One that somebody else has claimed meanwhile is no reason to give up.
        self.given_up = !ran && left().any(|f| self.may_run(f));
    }
}
