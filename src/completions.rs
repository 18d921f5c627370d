//! as_completed: futures in the order in which they end.
//!
//! Owns: the iterator and the list of those that have ended and were not handed out yet.
//! Called by: the C interface. One watch per future, registered once; each step is O(1).
//!
//! Always true: the iterator holds a reference to each future that it has not yet handed out, and to the last
//! one that it has; each distinct future is handed out once, under its first index.

use crate::capi::types::EachFn;
use crate::claims::Claims;
use crate::deadlock::{Blocked, Stir, WaitSet};
use crate::fork::{self, Handle};
use crate::future::cf_future;
use crate::future::ext::Callback;
use crate::future::watch::{Entry, Watcher};
use crate::line::{Line, Taken};
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{yield_now, AtomicBool, AtomicU32, Cell, Ordering::*};
use crate::time::Deadline;
use crate::wait;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

/// An iterator over futures as they end; opaque to C.
pub struct cf_completions {
    epoch: u64,
    deadline: Deadline,
    /// One user at a time.
    in_use: AtomicBool,
    shared: *mut Shared,
    state: Cell<State>,
}

/// What finishers touch; lives until the last of them has told.
#[repr(C)]
struct Shared {
    watcher: Watcher,
    refs: AtomicU32,
    line: Line,
}

/// What only the user of the iterator touches.
struct State {
    // Not boxed slices: these would be cut to size where futures were given twice, which may fail.
    futures: Vec<*mut cf_future>,
    first_index: Vec<usize>,
    entries: Box<[*const Entry<Callback>]>,
    /// Those that have ended and were taken out of the line.
    taken: Taken,
    handed_out: usize,
    last: *mut cf_future,
    /// So many at the front were handed out.
    gone: usize,
}

// SAFETY: `in_use` gives the state to one thread at a time; the rest is atomics.
unsafe impl Sync for cf_completions {}

impl Handle for cf_completions {
    fn foreign(&self) -> bool {
        self.epoch != fork::epoch()
    }
}

impl Shared {
    fn new(n: usize) -> Result<*mut Shared> {
        let shared =
            Shared { watcher: Watcher { notify: Shared::notify }, refs: AtomicU32::new(1), line: Line::new(n)? };
        Ok(mem::try_new(shared)?.as_ptr())
    }

    unsafe fn notify(this: *const Watcher, index: usize) {
        let this = this.cast::<Shared>();
        // SAFETY: the registration's reference.
        unsafe {
            (*this).line.add(index);
            Shared::release(this);
        }
    }

    unsafe fn stir(this: *const ()) {
        // SAFETY: the iterator keeps it while its wait is published.
        unsafe { (*this.cast::<Shared>()).line.stir() }
    }

    unsafe fn release(this: *const Shared) {
        // SAFETY: the caller owns a reference.
        unsafe {
            if (*this).refs.fetch_sub(1, AcqRel) == 1 {
                mem::free(this.cast_mut());
            }
        }
    }
}

impl cf_completions {
    /// The handles are valid or NULL; the iterator takes references of its own.
    pub fn new(futures: &[*mut cf_future], deadline: Deadline) -> Result<*mut cf_completions> {
        wait::check(futures)?;
        if futures.len() > Line::MOST {
            return Err(Status::CF_NO_MEMORY);
        }
        let epoch = fork::enter();
        let (futures, first_index) = distinct(futures)?;
        let n = futures.len();
        let entries = mem::try_slice(n, |_| null())?;
        let shared = Shared::new(n)?;
        let state =
            State { futures, first_index, entries, taken: Taken::NOBODY, handed_out: 0, last: null_mut(), gone: 0 };
        let it = cf_completions { epoch, deadline, in_use: AtomicBool::new(false), shared, state: Cell::new(state) };
        let it = match mem::try_new(it) {
            Ok(it) => it.as_ptr(),
            Err(e) => {
                // SAFETY: nobody else knows of it.
                unsafe { Shared::release(shared) };
                return Err(e);
            }
        };
        // SAFETY: just made, this thread is its only user; `free` undoes a part.
        unsafe {
            (*it).state.with_mut(|s| (*s).futures.iter().for_each(|f| (**f).retain()));
            if let Err(e) = (*it).register() {
                cf_completions::free(it);
                return Err(e);
            }
        }
        Ok(it)
    }

    /// Those that are done already come first, in the caller's order.
    fn register(&self) -> Result<()> {
        // SAFETY: the state is this thread's; the shared part has a reference of the iterator's.
        let (state, shared) = unsafe { (&mut *self.state.with_mut(|s| s), &*self.shared) };
        for (i, f) in state.futures.iter().enumerate() {
            shared.refs.fetch_add(1, Relaxed);
            // SAFETY: a reference was taken.
            let watched = wait::watch(unsafe { &**f }, self.shared.cast(), i);
            if let Ok(Some(entry)) = watched {
                state.entries[i] = entry;
                continue;
            }
            // SAFETY: the reference taken above.
            unsafe { Shared::release(self.shared) };
            watched?;
            shared.line.add(i);
        }
        Ok(())
    }

    /// The next that has ended, borrowed: good until the next step, or as long as the caller's own reference.
    pub fn next(&self) -> Result<(usize, *mut cf_future)> {
        if self.in_use.swap(true, Acquire) {
            return Err(Status::CF_INVALID_STATE);
        }
        // SAFETY: `in_use` gives the state to this thread.
        let result = self.step(unsafe { &mut *self.state.with_mut(|s| s) });
        self.in_use.store(false, Release);
        result
    }

    fn step(&self, state: &mut State) -> Result<(usize, *mut cf_future)> {
        if state.taken == Taken::NOBODY {
            if state.handed_out == state.futures.len() {
                return Err(Status::CF_END);
            }
            self.fill_line(state)?;
        }
        let Some(i) = state.taken.first() else { return Err(Status::CF_END) };
        // SAFETY: the iterator's reference keeps the shared part.
        state.taken = unsafe { (*self.shared).line.after(state.taken) };
        state.handed_out += 1;
        state.drop_last();
        state.last = core::mem::replace(&mut state.futures[i], null_mut());
        Ok((state.first_index[i], state.last))
    }

    /// Waits until somebody has ended.
    fn fill_line(&self, state: &mut State) -> Result<()> {
        // SAFETY: the iterator's reference.
        let shared = unsafe { &*self.shared };
        let mut claims = Claims::new(self.deadline);
        loop {
            state.taken = shared.line.take();
            if state.taken != Taken::NOBODY {
                return Ok(());
            }
            if self.deadline.has_passed() {
                // SAFETY: NULL, or the iterator's own reference.
                let done = |f: &*mut cf_future| unsafe { f.as_ref() }.is_some_and(cf_future::is_done);
                if !state.not_handed_out().iter().any(done) {
                    return Err(Status::CF_TIMEOUT);
                }
                // Its finisher is about to tell: between the publish and that no code of the user's runs.
                yield_now();
                continue;
            }
            match self.sleep(state, &claims) {
                Err(Status::CF_WOULD_BLOCK) => claims.run_one_of(state.not_handed_out()),
                other => other?,
            }
        }
    }

    fn sleep(&self, state: &mut State, claims: &Claims) -> Result<()> {
        // SAFETY: as above.
        let shared = unsafe { &*self.shared };
        let stir = Stir { what: (self.shared as *const Shared).cast(), how: Shared::stir };
        // Before the wait is published: a stir must find it asleep.
        if !shared.line.lie_down() {
            return Ok(());
        }
        let left = state.not_handed_out();
        let blocked = Blocked::enter(WaitSet::Any(left.as_ptr(), left.len()), self.deadline, claims.manner(stir));
        let result = match blocked {
            Ok(blocked) if blocked.is_doomed() => Err(Status::CF_DEADLOCK),
            Ok(_blocked) => {
                shared.line.sleep(self.deadline); // a timeout shows at the next look
                Ok(())
            }
            Err(e) => Err(e),
        };
        shared.line.get_up();
        result
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_completions) {
        // SAFETY: the caller's promise; withdrawn watches give their references back here.
        unsafe {
            if this.is_null() || (*this).foreign() {
                return;
            }
            let state = &mut *(*this).state.with_mut(|s| s);
            for (f, entry) in state.futures.iter().zip(state.entries.iter()).filter(|(f, _)| !f.is_null()) {
                if !entry.is_null() && (**entry).withdraw((*this).shared.cast()) {
                    Shared::release((*this).shared);
                }
                cf_future::drop_ref(*f);
            }
            state.drop_last();
            Shared::release((*this).shared);
            mem::free(this);
        }
    }
}

impl State {
    fn drop_last(&mut self) {
        if !self.last.is_null() {
            // SAFETY: the iterator's reference.
            unsafe { cf_future::release(core::mem::replace(&mut self.last, null_mut())) };
        }
    }

    /// From the first future on that was not handed out; NULL where one was.
    fn not_handed_out(&mut self) -> &[*mut cf_future] {
        while self.futures.get(self.gone).is_some_and(|f| f.is_null()) {
            self.gone += 1;
        }
        &self.futures[self.gone..]
    }
}

/// Each handle once, with its first index.
#[allow(clippy::type_complexity)]
fn distinct(all: &[*mut cf_future]) -> Result<(Vec<*mut cf_future>, Vec<usize>)> {
    // The usual array is in the order in which a slab hands out nodes: sorted one way or the other in runs.
    // A table of twice the size answers in all cases.
    let size = (all.len() * 2).next_power_of_two().max(2);
    let mut table = mem::try_slice(size, |_| u32::MAX)?;
    let mut futures = Vec::new();
    let mut index = Vec::new();
    futures.try_reserve_exact(all.len()).map_err(|_| Status::CF_NO_MEMORY)?;
    index.try_reserve_exact(all.len()).map_err(|_| Status::CF_NO_MEMORY)?;
    for (i, f) in all.iter().enumerate() {
        let mut at = (f.addr() / 64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 & (size - 1);
        while table[at] != u32::MAX && futures[table[at] as usize] != *f {
            at = (at + 1) & (size - 1);
        }
        if table[at] == u32::MAX {
            table[at] = futures.len() as u32;
            futures.push(*f);
            index.push(i);
        }
    }
    Ok((futures, index))
}

/// The callback form, in the caller's thread.
///
/// # Safety
/// The handles are valid; `each` accepts `data`.
pub unsafe fn each(futures: &[*mut cf_future], deadline: Deadline, each: EachFn, data: *mut c_void) -> Result<()> {
    let it = cf_completions::new(futures, deadline)?;
    let result = loop {
        // SAFETY: made above.
        match unsafe { (*it).next() } {
            // SAFETY: the caller's promise; no lock is held.
            Ok((index, f)) => unsafe {
                if !each(f, index, data) {
                    break Ok(());
                }
            },
            Err(Status::CF_END) => break Ok(()),
            Err(e) => break Err(e),
        }
    };
    // SAFETY: made above.
    unsafe { cf_completions::free(it) };
    result
}
