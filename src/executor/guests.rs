//! Guests: threads that are none of an executor's own and finish one of its tasks.
//!
//! Owns: a mark per stay on the guest's stack. Called by: cancel, waiters that run a task of another pool.

use super::{cf_executor, lookup};
use crate::fork;
use crate::sync::Ordering::*;
#[cfg(not(schedules))]
use core::{cell::Cell, ptr::null};

/// A thread that is none of the executor's own and finishes one of its tasks; `shutdown(wait)` waits for it.
pub struct Guest {
    /// A forked child inherits the marks of the thread that forked; there they count for nothing.
    epoch: u64,
    executor: u16,
    /// It runs a task, so the end of the executor cannot come before it returns.
    pub(super) runs_task: bool,
    previous: *const Guest,
}

/// In `guests`: somebody waits for them to leave.
pub(super) const AWAITED: u32 = 1 << 31;

#[cfg(not(schedules))]
thread_local! {
    /// The guests on this thread's stack, innermost first.
    static GUESTS: Cell<*const Guest> = const { Cell::new(null()) };
}
#[cfg(schedules)]
static GUESTS: Scheduled = Scheduled;

/// As the thread-local variable, where the program has its own kind of threads.
#[cfg(schedules)]
struct Scheduled;

#[cfg(schedules)]
impl Scheduled {
    fn get(&self) -> *const Guest {
        (crate::schedule::hooks().own)(1, None).cast()
    }
    fn set(&self, guest: *const Guest) {
        (crate::schedule::hooks().own)(1, Some(guest.cast_mut().cast()));
    }
}

/// Runs `f` as a guest of this executor, if it still lives.
pub fn as_guest<R>(id: u16, runs_task: bool, f: impl FnOnce(Option<&cf_executor>) -> R) -> R {
    let Some(executor) = lookup(id) else { return f(None) };
    executor.guests.fetch_add(1, Relaxed);
    let guest = Guest { epoch: fork::epoch(), executor: id, runs_task, previous: GUESTS.get() };
    GUESTS.set(&guest);
    let result = f(Some(&executor));
    GUESTS.set(guest.previous);
    executor.leave_guests(1);
    result
}

/// The guests on this thread's stack, for whoever publishes a wait.
pub fn guests_of_this_thread() -> *const Guest {
    GUESTS.get()
}

/// Is one of these guests with this executor?
///
/// # Safety
/// From `guests_of_this_thread`, of a thread that sleeps in a wait or is the caller: the frames are open.
pub unsafe fn are_guests_of(first: *const Guest, id: u16) -> bool {
    // SAFETY: the caller's promise.
    unsafe { stays(first) }.any(|g| g.executor == id)
}

unsafe fn stays(first: *const Guest) -> impl Iterator<Item = &'static Guest> {
    let (mut at, epoch) = (first, fork::epoch());
    core::iter::from_fn(move || {
        // SAFETY: the marks lie in frames that are still open. Those of the parent are the outermost.
        let guest = unsafe { at.as_ref() }.filter(|g| g.epoch == epoch)?;
        at = guest.previous;
        Some(guest)
    })
}

/// This thread's own stays with an executor.
pub(super) fn guests_here(id: u16) -> impl Iterator<Item = &'static Guest> {
    // SAFETY: this thread's own frames.
    unsafe { stays(GUESTS.get()) }.filter(move |g| g.executor == id)
}
