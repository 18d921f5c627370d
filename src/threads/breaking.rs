//! The initializer, and a pool that breaks: it takes and runs nothing more, and everything queued says why.

use super::queue::Pop;
use super::worker::Seat;
use super::Pool;
use crate::error::{cf_error, Lossy};
use crate::future::hint::Hint;
use crate::future::node::Birth;
use crate::mem;
use crate::runner::Runner;
use crate::status::Status;
use crate::sync::{self, Ordering::*};
use crate::task::{cf_task, Sink};
use core::fmt;
use core::ptr::null_mut;

/// What broke a pool when there was no memory to say why.
static NO_REASON: cf_error = cf_error::plain(Status::CF_BROKEN_POOL, 0);

impl Pool {
    pub fn has_initializer(&self) -> bool {
        self.initializer.is_some()
    }

    /// Runs the initializer on this worker; if it fails the pool breaks.
    pub fn initialize(&self, runner: &Runner) -> bool {
        let Some(init) = &self.initializer else { return true };
        let outcome = (|| {
            let size = init.arg.len();
            let copy = mem::try_bytes(size, crate::future::ext::ALIGN).map_err(|e| cf_error::plain(e, 0))?;
            let mut task = cf_task::new(Sink::Discard, Birth::NONE, runner, self.id());
            runner.depth.set(runner.depth.get() + 1);
            // SAFETY: room for `size` bytes, freed after the call; the user promised a function of this type.
            let returned = unsafe {
                core::ptr::copy_nonoverlapping(init.arg.as_ptr(), copy.as_ptr(), size);
                let returned = (init.func)(&mut task, copy.as_ptr().cast(), size);
                mem::free_bytes(copy.as_ptr(), size, crate::future::ext::ALIGN);
                returned
            };
            runner.depth.set(runner.depth.get() - 1);
            task.end(returned)
        })();
        if let Err(e) = outcome {
            let name = runner.seat().map_or(c"", Seat::name);
            let (name, text) = (Lossy(name), Lossy(e.message()));
            let code = e.code();
            self.break_with(code, format_args!("the initializer of worker {name} failed with code {code}: {text}"));
            return false;
        }
        true
    }

    pub fn broken(&self) -> Option<&cf_error> {
        // SAFETY: set once, freed with the pool.
        unsafe { self.broken.load(Acquire).as_ref() }
    }

    /// The pool takes and runs nothing more; everything queued fails with the reason.
    pub fn break_with(&self, code: i32, text: fmt::Arguments) {
        let mut error = cf_error::boxed(Status::CF_BROKEN_POOL, code, 0, text);
        if error.is_null() {
            error = (&raw const NO_REASON).cast_mut();
        }
        if self.broken.compare_exchange(null_mut(), error, AcqRel, Acquire).is_err() {
            free_reason(error); // a second reason, seen by nobody
        }
        self.close();
        let reason = || self.broken().map_or(cf_error::plain(Status::CF_BROKEN_POOL, code), |e| e.copy_at(0));
        self.drain(|hint| hint.fail(reason));
    }

    /// Takes every hint that is queued. No lock is held, so what `each` runs may call the library.
    pub(super) fn drain(&self, each: impl Fn(Hint)) {
        loop {
            let found = match self.queue.pop() {
                Pop::Empty => self.steal(0),
                found => found,
            };
            match found {
                Pop::Hint(bits) => each(Hint::from_bits(bits)),
                Pop::Unfilled => sync::yield_now(),
                Pop::Empty => return,
            }
        }
    }
}

/// For an error that only the pool refers to.
pub(super) fn free_reason(error: *mut cf_error) {
    if !core::ptr::eq(error, &NO_REASON) {
        // SAFETY: from `boxed`, and nobody else refers to it.
        unsafe { cf_error::free(error) };
    }
}
