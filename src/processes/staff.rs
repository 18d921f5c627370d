//! The pool's own threads, supervisor and callback thread: how they start, sleep and leave.
//!
//! Always true: each holds a reference to the executor from its start to its end, and counts in `alive`; it is known to
//! the gate (`service`), so that another pool may fork its zygote while it sleeps.

use super::pool::Pool;
use super::service::{self, Awake, Thread};
use crate::sync::Ordering::*;
use crate::sys::thread;
use core::ffi::c_void;

/// Starts a thread of the pool's. `Err` carries errno.
pub fn start(pool: &Pool, stack: usize, main: thread::Main) -> Result<thread::Handle, i32> {
    pool.alive.fetch_add(1, Relaxed);
    pool.executor().retain();
    let arg = (&raw const *pool).cast_mut().cast::<c_void>();
    thread::start(stack, main, arg).inspect_err(|_| {
        if pool.alive.fetch_sub(1, AcqRel) == 1 {
            pool.executor().ring_end();
        }
        // Whoever starts a thread holds a reference of its own, so this is not the last.
        pool.executor().release();
    })
}

/// One of the pool's threads, from its first instruction to its last.
pub struct Staff<'a> {
    pool: &'a Pool,
    /// None while it sleeps.
    awake: Option<Awake>,
    thread: Option<Thread>,
}

impl<'a> Staff<'a> {
    /// # Safety
    /// `arg` is what `start` has passed to this thread.
    pub unsafe fn begin(arg: *mut c_void) -> Staff<'a> {
        let thread = Some(service::begin_thread());
        // SAFETY: the caller's promise; the thread's reference to the executor keeps the pool.
        Staff { pool: unsafe { &*arg.cast::<Pool>() }, awake: Some(Awake::enter()), thread }
    }

    pub fn pool(&self) -> &'a Pool {
        self.pool
    }

    /// Something that takes long and needs nothing of the library's.
    pub fn asleep<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.awake = None;
        let result = f();
        self.awake = Some(Awake::enter());
        result
    }

    /// Code of the user's, during which no pool may fork.
    pub fn in_user_code(&mut self, f: impl FnOnce()) {
        if let Some(awake) = self.awake.take() {
            self.awake = Some(awake.foreign(f).0);
        }
    }

    /// The thread has done with the pool; its reference to the executor goes last.
    pub fn leave(mut self) {
        let executor = self.pool.executor();
        {
            let mut ended = self.pool.ended.lock();
            if ended.detached {
                thread::detach(thread::current());
            } else {
                ended.handles.push(thread::current()); // room for both was made with the pool
            }
        }
        // AcqRel: pairs with the Acquire in `has_ended`.
        if self.pool.alive.fetch_sub(1, AcqRel) == 1 {
            executor.ring_end();
        }
        executor.release();
        self.awake = None;
        self.thread = None;
    }
}
