//! What the library keeps for each thread that uses it: an id, a magazine of free nodes, the frames of
//! tasks that run on its stack, and its seat in a pool.
//!
//! Owns: the id (a runner id is in the state word of what the thread runs, and names it in the graph of
//! waits), one page of memory per thread, given back when the thread ends.
//! Called by: submit, release, running a task, waiting; a pool that is about to start a thread (`prepare`).
//!
//! Always true: an id is reused only when its thread has ended, so never while its stack has frames.

use crate::fork;
use crate::future::slab::{self, Magazines};
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, AtomicU64, Ordering::*};
use crate::sys::{own, pages, process, thread};
use crate::threads::worker::Seat;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{null, null_mut, NonNull};

/// Stack that must be left for a waiting task to run another one on top of itself.
const STACK_TO_CLAIM: usize = 256 * 1024;

/// No thread: the runner of a word that nobody runs.
pub const NOBODY: u16 = 0;

pub struct Runner {
    pub id: u16,
    epoch: u64,
    pub magazines: Magazines,
    /// Tasks whose frames are on this stack.
    pub depth: Cell<u32>,
    /// The seat of a pool's worker; null on a thread of the host's.
    pub seat: Cell<*const Seat>,
    /// Lowest address and end of the thread's own stack, once asked for.
    stack: Cell<Option<(usize, usize)>>,
}

/// The key whose destructor gives a thread's runner back, plus 1; 0 before the first thread.
static KEY: AtomicU32 = AtomicU32::new(0);
/// One bit per id; bit 0 of the first word is NOBODY.
static IDS: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

/// This thread's runner, if it has one.
#[inline]
pub fn existing() -> Option<&'static Runner> {
    let p = own::get().cast::<Runner>();
    if p.is_null() {
        return None;
    }
    // SAFETY: set by `make` on this thread and cleared by `retire` before the page goes.
    let runner = unsafe { &*p };
    (runner.epoch == fork::epoch()).then_some(runner)
}

/// This thread's runner, made at its first use.
#[inline]
pub fn current() -> Result<&'static Runner> {
    match existing() {
        Some(runner) => Ok(runner),
        None => make(),
    }
}

#[cold]
fn make() -> Result<&'static Runner> {
    let key = key()?;
    let prepared = prepare()?;
    key.set(prepared.0.as_ptr().cast())?;
    own::set(prepared.0.as_ptr().cast());
    Ok(prepared.give_away())
}

/// A runner for a thread that is still to be started; given back on drop.
pub struct Prepared(NonNull<Runner>);

/// All that can fail is done here, so that a thread, once started, cannot find itself without memory.
pub fn prepare() -> Result<Prepared> {
    let epoch = fork::enter();
    let id = take_id()?;
    let page = match pages::map(pages::PAGE) {
        Ok(page) => page.as_ptr().cast::<Runner>(),
        Err(e) => {
            give_id(id);
            return Err(e);
        }
    };
    const { assert!(size_of::<Runner>() <= pages::PAGE) };
    // SAFETY: a fresh page, large enough and aligned.
    unsafe {
        page.write(Runner {
            id,
            epoch,
            magazines: Magazines::new(),
            depth: Cell::new(0),
            seat: Cell::new(null()),
            stack: Cell::new(None),
        })
    };
    NonNull::new(page).map(Prepared).ok_or(Status::CF_NO_MEMORY)
}

impl Prepared {
    fn give_away(self) -> &'static Runner {
        let p = self.0.as_ptr();
        core::mem::forget(self);
        // SAFETY: written by `prepare`; lives until its thread ends.
        unsafe { &*p }
    }

    /// On its way to the thread.
    pub fn into_raw(self) -> *mut Runner {
        let p = self.0.as_ptr();
        core::mem::forget(self);
        p
    }

    /// # Safety
    /// `p` came from `into_raw`, and this is its only use.
    pub unsafe fn from_raw(p: *mut Runner) -> Option<Prepared> {
        NonNull::new(p).map(Prepared)
    }

    /// It is the calling thread's from now on, which has none yet. False: the thread gives it back itself (`end`), as
    /// there was no memory for somebody to be told of its end.
    pub fn settle(self) -> (&'static Runner, bool) {
        let p = self.0.as_ptr().cast::<c_void>();
        own::set(p);
        let told = key().and_then(|key| key.set(p)).is_ok();
        (self.give_away(), told)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: nobody else has seen the page.
        unsafe {
            give_id(self.0.as_ref().id);
            pages::unmap(self.0.as_ptr().cast(), pages::PAGE);
        }
    }
}

/// The calling thread is done with its runner, of whose end nobody will be told.
pub fn end() {
    let p = own::get();
    if !p.is_null() {
        // SAFETY: this thread's own, and nothing refers to it.
        unsafe { retire(p) };
    }
}

fn key() -> Result<thread::Key> {
    match KEY.load(Acquire) {
        0 => {
            let key = thread::Key::new(retire)?;
            // A second key, made by a thread that lost this race, is never used: it costs a slot, nothing else.
            let raw = match KEY.compare_exchange(0, key.raw() + 1, AcqRel, Acquire) {
                Ok(_) => key.raw(),
                Err(other) => other - 1,
            };
            Ok(thread::Key::from_raw(raw))
        }
        raw => Ok(thread::Key::from_raw(raw - 1)),
    }
}

/// The thread ends, and not inside of a task: gives nodes, id and page back. A destructor of the host's that uses the
/// library later makes a new runner.
unsafe extern "C" fn retire(p: *mut c_void) {
    let p = p.cast::<Runner>();
    own::set(null_mut());
    // SAFETY: `make` or `settle` put this runner into the key of this thread, or `end` found it as the thread's own.
    let runner = unsafe { &*p };
    if runner.epoch == fork::epoch() {
        if runner.depth.get() > 0 {
            // Its future would never end, nor would those who wait for it.
            process::abort_because(c"cfutures: a task or callback has ended its thread\n");
        }
        slab::give_back(&runner.magazines);
        give_id(runner.id);
    }
    // SAFETY: nobody refers to a runner but its own thread.
    unsafe { pages::unmap(p.cast(), pages::PAGE) };
}

fn take_id() -> Result<u16> {
    for (i, word) in IDS.iter().enumerate() {
        let nobody = if i == 0 { 1 << NOBODY } else { 0 };
        let mut w = word.load(Relaxed);
        while w | nobody != u64::MAX {
            let bit = (w | nobody).trailing_ones();
            match word.compare_exchange(w, w | 1 << bit, AcqRel, Relaxed) {
                Ok(_) => return Ok((i * 64) as u16 + bit as u16),
                Err(now) => w = now,
            }
        }
    }
    Err(Status::CF_NO_MEMORY)
}

fn give_id(id: u16) {
    IDS[id as usize / 64].fetch_and(!(1 << (id % 64)), AcqRel);
}

/// In a forked child: the other threads are gone, and so are their ids.
pub fn after_fork() {
    IDS.iter().for_each(|w| w.store(0, Relaxed));
    own::set(null_mut());
    if let Ok(key) = key() {
        key.clear();
    }
}

impl Runner {
    /// Is there room for another task's frames on this thread's stack?
    #[inline]
    pub fn has_stack(&self) -> bool {
        let (low, end) = self.stack.get().unwrap_or_else(|| self.ask_stack());
        let here = core::hint::black_box(&low) as *const usize as usize;
        // On a stack of another making, a coroutine's, nothing is known.
        (low..end).contains(&here) && here - low > STACK_TO_CLAIM
    }

    #[cold]
    fn ask_stack(&self) -> (usize, usize) {
        let stack = thread::stack();
        // For want of memory it may not be told now, but later.
        if stack.1 != 0 {
            self.stack.set(Some(stack));
        }
        stack
    }

    /// True on a stack on which others may depend: a pool's thread, or one that runs a task it has claimed.
    #[inline]
    pub fn is_in_pool(&self) -> bool {
        self.depth.get() > 0 || !self.seat.get().is_null()
    }

    /// The seat of this thread in its pool.
    #[inline]
    pub fn seat(&self) -> Option<&Seat> {
        // SAFETY: a seat lives as long as its pool, which outlives its threads.
        unsafe { self.seat.get().as_ref() }
    }
}
