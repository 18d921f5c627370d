//! The fork guard: a handle belongs to the process that made it.
//!
//! Owns: a page that the kernel wipes in every forked child, holding this process's epoch, and the
//! reset of the library's global state when a child makes objects of its own.
//! Called by: every entry point that takes a handle (one load), and every constructor (`enter`).
//!
//! Always true: an object carries the epoch of its process; the page holds that epoch in this process
//! and 0 in a child, until the child makes its first object and gets the next epoch.

use crate::sync::{yield_now, AtomicU32, AtomicU64, Ordering::*};
use crate::sys::pages;

/// Of the library's own zeroed memory, and not mapped, so that its address is known when the library is loaded: each
/// call of the interface reads it, some twice.
#[repr(align(4096))]
struct Page {
    epoch: AtomicU64,
}
const _: () = assert!(size_of::<Page>() == pages::PAGE);

static PAGE: Page = Page { epoch: AtomicU64::new(0) };
/// The last epoch given out, in memory that a fork copies.
static LAST: AtomicU64 = AtomicU64::new(0);
/// The process id of whoever sets things up; a lock that a child does not inherit.
static BUSY: AtomicU32 = AtomicU32::new(0);

/// A handle that knows which process made it.
pub trait Handle {
    /// True in a child of the process that made it.
    fn foreign(&self) -> bool;
}

/// This process's epoch; 0 before the first object and in a forked child.
#[inline]
pub fn epoch() -> u64 {
    // Acquire: pairs with the Release in `set_up`: what the new epoch's reset wrote is seen.
    PAGE.epoch.load(Acquire)
}

/// The epoch for a new object; sets the library up in a new process.
pub fn enter() -> u64 {
    match epoch() {
        0 => set_up(),
        epoch => epoch,
    }
}

#[cold]
fn set_up() -> u64 {
    let me = std::process::id();
    loop {
        let holder = BUSY.load(Relaxed);
        if holder == me {
            yield_now();
        } else if BUSY.compare_exchange(holder, me, Acquire, Relaxed).is_ok() {
            break;
        }
    }
    let epoch = set_up_locked();
    BUSY.store(0, Release);
    epoch
}

fn set_up_locked() -> u64 {
    if epoch() != 0 {
        return epoch();
    }
    let next = LAST.load(Relaxed) + 1;
    if next == 1 {
        // SAFETY: a page of our own, which nobody but us uses. On a kernel that cannot wipe it, a handler does it.
        unsafe {
            if !pages::wipe_on_fork((&raw const PAGE).cast_mut().cast(), pages::PAGE) {
                libc::pthread_atfork(None, None, Some(wipe_in_child));
            }
        }
    } else {
        crate::runner::after_fork();
        crate::future::slab::after_fork();
        crate::executor::after_fork();
        crate::processes::service::after_fork();
        crate::sys::fd::after_fork();
        crate::sys::loader::after_fork();
        crate::deadlock::after_fork();
    }
    LAST.store(next, Relaxed);
    // Release: the reset comes before the epoch.
    PAGE.epoch.store(next, Release);
    next
}

/// Tells a process from its forked copies, without a system call.
#[derive(Clone, Copy)]
pub struct Stamp(*const AtomicU32);

impl Stamp {
    /// Where the kernel cannot wipe pages, no copy is told.
    pub fn new() -> Stamp {
        let Ok(page) = pages::map(pages::PAGE) else { return Stamp(core::ptr::null()) };
        let word = page.as_ptr().cast::<AtomicU32>();
        // SAFETY: a fresh page of our own.
        unsafe {
            if !pages::wipe_on_fork(page.as_ptr(), pages::PAGE) {
                pages::unmap(page.as_ptr(), pages::PAGE);
                return Stamp(core::ptr::null());
            }
            (*word).store(1, Relaxed);
        }
        Stamp(word)
    }

    pub fn is_copy(&self) -> bool {
        // SAFETY: NULL, or a page that is never unmapped.
        unsafe { self.0.as_ref() }.is_some_and(|word| word.load(Relaxed) == 0)
    }
}

unsafe extern "C" fn wipe_in_child() {
    PAGE.epoch.store(0, Relaxed);
}
