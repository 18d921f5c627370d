//! From the executor id in a node to the executor, and the references that keep it.
//!
//! Always true: who looks an executor up has entered its place before reading the pointer, and the last reference
//! waits for those who are entering before it frees.

use super::{cf_executor, NO_EXECUTOR};
use crate::future::trim;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{yield_now, AtomicPtr, AtomicU32, Ordering::*};
use core::ptr::null_mut;

/// Executors alive at one time.
const MOST: usize = 4096;

struct Place {
    executor: AtomicPtr<cf_executor>,
    /// Threads between reading the pointer and having a reference.
    entering: AtomicU32,
}

/// Executors that have not ended.
static LIVE: AtomicU32 = AtomicU32::new(0);

static TABLE: [Place; MOST] =
    [const { Place { executor: AtomicPtr::new(null_mut()), entering: AtomicU32::new(0) } }; MOST];

impl cf_executor {
    pub fn retain(&self) {
        self.refs.fetch_add(1, Relaxed);
    }

    fn try_retain(&self) -> bool {
        let mut n = self.refs.load(Relaxed);
        while n > 0 {
            match self.refs.compare_exchange_weak(n, n + 1, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    /// Gives a reference back; the last one ends the executor.
    pub fn release(&self) {
        // Release: what this thread did with the executor comes before its end.
        if self.refs.fetch_sub(1, Release) != 1 {
            return;
        }
        // Acquire: pairs with that. A load and no fence, so that ThreadSanitizer sees it.
        self.refs.load(Acquire);
        let place = &TABLE[self.id as usize];
        // SeqCst, as in `lookup`: whoever enters after this finds NULL, whoever entered before is waited for.
        place.executor.store(reserved(), SeqCst);
        while place.entering.load(SeqCst) != 0 {
            yield_now();
        }
        // SAFETY: made by `try_new`; nobody has a reference and nobody can get one.
        unsafe { mem::free(self as *const cf_executor as *mut cf_executor) };
        place.executor.store(null_mut(), Release);
        if LIVE.fetch_sub(1, Relaxed) == 1 {
            // The program may have done with us: what a burst of tasks has left goes back to the system.
            trim::when_idle();
        }
    }
}

/// Marks a place whose executor is being made or unmade.
fn reserved() -> *mut cf_executor {
    core::ptr::without_provenance_mut(1)
}

pub(super) fn take_place() -> Result<u16> {
    (1..MOST)
        .find(|i| TABLE[*i].executor.compare_exchange(null_mut(), reserved(), Acquire, Relaxed).is_ok())
        .map(|i| i as u16)
        .ok_or(Status::CF_NO_MEMORY)
}

/// A reference to an executor that was found through its id.
pub struct Found(&'static cf_executor);

impl core::ops::Deref for Found {
    type Target = cf_executor;
    fn deref(&self) -> &cf_executor {
        self.0
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// The executor with this id, if it still lives.
pub fn lookup(id: u16) -> Option<Found> {
    if id == NO_EXECUTOR {
        return None;
    }
    let place = &TABLE[id as usize];
    place.entering.fetch_add(1, SeqCst);
    let p = place.executor.load(SeqCst);
    let found = if p.is_null() || p == reserved() {
        None
    } else {
        // SAFETY: `release` waits for those who are entering before it frees.
        let executor: &'static cf_executor = unsafe { &*p };
        executor.try_retain().then_some(Found(executor))
    };
    place.entering.fetch_sub(1, SeqCst);
    found
}

/// The executor with this id has been made.
pub(super) fn enter(id: u16, executor: *mut cf_executor) {
    TABLE[id as usize].executor.store(executor, Release);
    LIVE.fetch_add(1, Relaxed);
}

/// It could not be made.
pub(super) fn give_place_back(id: u16) {
    TABLE[id as usize].executor.store(null_mut(), Release);
}

/// In a forked child.
pub(super) fn after_fork() {
    for place in &TABLE {
        place.executor.store(null_mut(), Relaxed);
        place.entering.store(0, Relaxed);
    }
    LIVE.store(0, Relaxed);
}
