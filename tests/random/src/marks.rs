//! What tasks, callbacks and destroy functions leave behind, for the driver to count.
//!
//! Owns: one mapping of marks, made before any pool and shared with forked workers, so that it stands at one address
//! everywhere. A sequence takes marks one after the other and gives all back at its end.
//! Always true: no task of a finished sequence is alive, so a mark has one user.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::*};
use std::sync::OnceLock;

#[repr(C, align(64))]
#[derive(Default)]
pub struct Mark {
    /// 0: a task with a gate waits.
    pub gate: AtomicU32,
    /// How often the task or the callback ran.
    pub ran: AtomicU32,
    /// How often what was given with a destroy function was destroyed.
    pub freed: AtomicU32,
    /// How often the task's object was.
    pub object: AtomicU32,
    /// Not 0: what came was not what was given.
    pub wrong: AtomicU32,
    /// When a callback ran, among all.
    pub order: AtomicU32,
    /// The executor of a task that submits, the future of a callback.
    pub handle: AtomicPtr<c_void>,
}

pub const MARKS: usize = 4096;

static ALL: OnceLock<&'static [Mark]> = OnceLock::new();

/// Called once, while the program has one thread.
pub fn make() {
    let size = MARKS * size_of::<Mark>();
    // SAFETY: a mapping of our own, zeroed, which is what a mark begins as, and never unmapped.
    let marks = unsafe {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let at = libc::mmap(null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        assert!(at != libc::MAP_FAILED, "no memory for the marks");
        std::slice::from_raw_parts(at.cast::<Mark>(), MARKS)
    };
    assert!(ALL.set(marks).is_ok());
}

pub fn at(index: usize) -> &'static Mark {
    &ALL.get().expect("made at the start")[index]
}

impl Mark {
    pub fn reset(&self) {
        for word in [&self.gate, &self.ran, &self.freed, &self.object, &self.wrong, &self.order] {
            word.store(0, Relaxed);
        }
        self.handle.store(null_mut(), Relaxed);
    }

    pub fn as_data(&self) -> *mut c_void {
        (self as *const Mark).cast_mut().cast()
    }

    /// A pointer that came through the library.
    pub fn of<'a>(data: *const c_void) -> &'a Mark {
        // SAFETY: the driver gives pointers to marks only, and these stay.
        unsafe { &*data.cast::<Mark>() }
    }

    pub fn is_open(&self) -> bool {
        self.gate.load(Relaxed) != 0
    }

    pub fn open(&self) {
        self.gate.store(1, Release);
        // SAFETY: wakes whoever sleeps on the word, also in other processes.
        unsafe { libc::syscall(libc::SYS_futex, &raw const self.gate, libc::FUTEX_WAKE, i32::MAX) };
    }

    pub fn wait_open(&self) {
        while self.gate.load(Acquire) == 0 {
            // SAFETY: sleeps while the word is 0.
            unsafe { libc::syscall(libc::SYS_futex, &raw const self.gate, libc::FUTEX_WAIT, 0, null_mut::<c_void>()) };
        }
    }
}
