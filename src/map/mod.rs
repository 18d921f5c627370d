//! map: a function over every item, results in input order.
//!
//! Owns: the iterator (`cf_map`); what its tasks share is `job`.
//! Called by: the C interface; `map_into` shares input, options and running.
//!
//! The items are cut into chunks; each chunk is one task of the executor, so starting order, claiming by a
//! waiter, cycles and cancel are those of futures. Items keep their own outcomes. Over processes a chunk is a portion
//! in shared memory (`far`).
//!
//! Always true: the job lives until the iterator and the last chunk have done with it; an item runs at most
//! once; an item that was not started when the map was freed or timed out never starts.

pub mod far;
pub mod far_into;
pub mod input;
mod job;
pub mod options;
pub mod outcome;

use crate::capi::types::{cf_array, cf_item, TaskFn};
use crate::error::{self, cf_error};
use crate::executor::cf_executor;
use crate::fork::{self, Handle};
use crate::future::{cf_future, word};
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicBool, Cell, Ordering::*};
use crate::time::Deadline;
use crate::wait;
use core::ptr::{null_mut, NonNull};
use job::Job;
pub use options::cf_map_options;

/// The iterator over a map's outcomes; opaque to C.
pub struct cf_map {
    epoch: u64,
    deadline: Deadline,
    in_use: AtomicBool,
    job: NonNull<Job>,
    state: Cell<State>,
}

struct State {
    futures: Box<[*mut cf_future]>,
    next: usize,
    /// Timed out: nothing more comes.
    over: bool,
}

// SAFETY: `in_use` gives the state to one thread at a time.
unsafe impl Sync for cf_map {}

impl Handle for cf_map {
    fn foreign(&self) -> bool {
        self.epoch != fork::epoch()
    }
}

impl cf_map {
    /// Submits every chunk; on failure those submitted are cancelled and nothing is left.
    pub fn new(
        executor: &cf_executor,
        func: TaskFn,
        arrays: &[cf_array],
        options: Option<&cf_map_options>,
    ) -> Result<*mut cf_map> {
        let options = options.unwrap_or(&cf_map_options::DEFAULT);
        let deadline = options.deadline();
        let job = Job::new(executor, func, arrays, options)?;
        // SAFETY: the reference of this thread's.
        let shared = unsafe { job.as_ref() };
        let map = mem::try_slice(shared.chunk_count(), |_| null_mut()).and_then(|futures| {
            let state = Cell::new(State { futures, next: 0, over: false });
            mem::try_new(cf_map { epoch: fork::epoch(), deadline, in_use: AtomicBool::new(false), job, state })
        });
        let map = match map {
            Ok(map) => map.as_ptr(),
            Err(e) => {
                // SAFETY: as above.
                unsafe { Job::release(job.as_ptr()) };
                return Err(e);
            }
        };
        // SAFETY: just made; this thread is its only user.
        let state = unsafe { &mut *(*map).state.with_mut(|s| s) };
        if let Err(e) = shared.submit(executor, &mut state.futures) {
            // SAFETY: made above, seen by nobody.
            unsafe { cf_map::free(map) };
            return Err(e);
        }
        Ok(map)
    }

    fn job(&self) -> &Job {
        // SAFETY: the iterator's reference.
        unsafe { self.job.as_ref() }
    }

    /// The next outcome, in input order.
    ///
    /// # Safety
    /// `out` is writable.
    pub unsafe fn next(&self, out: *mut cf_item) -> Result<()> {
        if self.in_use.swap(true, Acquire) {
            return Err(Status::CF_INVALID_STATE);
        }
        // SAFETY: `in_use` gives the state to this thread.
        let result = self.step(unsafe { &mut *self.state.with_mut(|s| s) });
        self.in_use.store(false, Release);
        // SAFETY: the caller's promise.
        result.map(|item| unsafe { out.write(item) })
    }

    fn step(&self, state: &mut State) -> Result<cf_item> {
        let job = self.job();
        let index = state.next;
        if state.over || index == job.input.count() {
            self.forget(state, index);
            return Err(Status::CF_END);
        }
        // SAFETY: the iterator's reference.
        let future: &'static cf_future = unsafe { &*state.futures[index / job.chunk] };
        let ended = match wait::until_done(future, self.deadline) {
            Err(Status::CF_TIMEOUT) => {
                self.stop(state);
                state.over = true;
                return Err(Status::CF_TIMEOUT);
            }
            other => other?,
        };
        self.forget(state, index);
        state.next += 1;
        // SAFETY: the chunk is done, so its outcomes are this thread's.
        Ok(job.outcomes.with_mut(|p| unsafe {
            let outcome = &mut (&mut **p)[index];
            if !outcome.is_some() {
                outcome.end(Err(why_not_run(future, ended).copy_at(index)), index);
            }
            outcome.item(index)
        }))
    }

    /// What was handed out before `index` is not kept: its result, and its chunk's future when that is used up.
    fn forget(&self, state: &mut State, index: usize) {
        let job = self.job();
        let Some(last) = index.checked_sub(1) else { return };
        // SAFETY: the item was handed out, so its chunk is done, and this thread is the only user.
        unsafe { job.outcomes.with_mut(|p| (&mut **p)[last].clear()) };
        if index.is_multiple_of(job.chunk) {
            let f = core::mem::replace(&mut state.futures[last / job.chunk], null_mut());
            // SAFETY: the iterator's reference, or NULL.
            unsafe { cf_future::release(f) };
        }
    }

    /// Nothing that has not started will start.
    fn stop(&self, state: &State) {
        self.job().stopped.store(true, Relaxed);
        if let Some(portions) = self.job().far() {
            portions.stop();
        }
        for f in state.futures.iter() {
            // SAFETY: NULL or the iterator's reference.
            if let Some(f) = unsafe { f.cast_const().as_ref() } {
                let f: &'static cf_future = f;
                f.cancel();
            }
        }
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_map) {
        // SAFETY: the caller's promise.
        unsafe {
            if this.is_null() || (*this).foreign() {
                return;
            }
            let state = &mut *(*this).state.with_mut(|s| s);
            (*this).stop(state);
            state.futures.iter().for_each(|f| cf_future::release(*f));
            let job = (*this).job;
            mem::free(this);
            Job::release(job.as_ptr());
        }
    }
}

/// Why an item of a chunk that is done never ran: the pool broke, there was no memory for the chunk, or a cancel.
fn why_not_run(chunk: &cf_future, ended: u64) -> &cf_error {
    match ended {
        // SAFETY: a FAILED future has an error, which stays while the future is held.
        word::FAILED => unsafe { &*chunk.error() },
        _ => &error::CANCELLED,
    }
}
