//! Atomics, locks and sleeping: the one place that loom replaces in models.
//!
//! Called by: every module that shares memory between threads. Nothing else names `core::sync::atomic`
//! or the futex. Locks are our own futex words: they can be reset in a forked child, they never allocate,
//! and loom sees them.

#[cfg(schedules)]
pub use crate::schedule::atomic::{
    fence, AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicU8, AtomicUsize, Ordering,
};
#[cfg(not(any(loom, schedules)))]
pub use core::sync::atomic::{
    fence, AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicU8, AtomicUsize, Ordering,
};
#[cfg(loom)]
pub use loom::sync::atomic::{
    fence, AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicU8, AtomicUsize, Ordering,
};

/// One step of a bounded spin.
#[inline]
pub fn spin_hint() {
    #[cfg(not(any(loom, schedules)))]
    core::hint::spin_loop();
    #[cfg(schedules)]
    yield_now();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// What this thread wrote before can be seen by all before what it reads after is read.
///
/// A locked instruction on the stack's top, as compilers emit it for C: `mfence`, which is what a SeqCst fence
/// becomes here, takes twice as long (19 and 10 ns where this was measured).
#[inline]
pub fn full_fence() {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: changes no memory, and needs no red zone of its own.
    unsafe {
        core::arch::asm!("lock or dword ptr [rsp], 0", options(nostack));
    }
    #[cfg(not(any(target_arch = "x86_64", loom)))]
    fence(Ordering::SeqCst);
    #[cfg(loom)]
    model::full_fence();
}

/// A full fence for whoever has just done an AcqRel read-modify-write, which is one already here.
#[inline]
pub fn fence_after_update() {
    #[cfg(any(loom, not(target_arch = "x86_64")))]
    full_fence();
}

/// This thread is about to change what lies there: the cache line may come meanwhile, and not as a copy to read only.
#[inline]
pub fn will_write<T>(at: *const T) {
    // SAFETY: hints to the processor; they may name any address.
    #[cfg(not(any(loom, miri)))]
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) at, options(nostack, preserves_flags));
    }
    let _ = at;
}

/// Lets another thread run: used where one waits for a step that another thread is in the middle of.
pub fn yield_now() {
    #[cfg(schedules)]
    (crate::schedule::hooks().yield_now)();
    #[cfg(not(any(loom, schedules)))]
    // SAFETY: always allowed.
    unsafe {
        libc::sched_yield();
    }
    #[cfg(loom)]
    loom::thread::yield_now();
}

#[cfg(loom)]
pub use model::{Cell, Lock, LockGuard, Sleepers};
#[cfg(not(loom))]
pub use real::{Cell, Lock, LockGuard, Sleepers};

#[cfg(not(loom))]
mod real {
    use super::{AtomicU32, Ordering::*};
    use crate::sys::futex;
    use crate::time::Deadline;
    use core::cell::UnsafeCell;
    use core::ops::{Deref, DerefMut};

    /// Memory that the surrounding protocol gives to one thread at a time.
    #[repr(transparent)]
    pub struct Cell<T>(UnsafeCell<T>);

    impl<T> Cell<T> {
        pub const fn new(value: T) -> Cell<T> {
            Cell(UnsafeCell::new(value))
        }

        #[inline]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// The sleepers on one 32-bit word. Takes no room: the kernel keeps the queue.
    pub struct Sleepers;

    impl Sleepers {
        #[allow(clippy::new_without_default)]
        pub const fn new() -> Sleepers {
            Sleepers
        }

        /// Sleeps while the word still holds `expected`; false if the deadline has passed. May return for no reason.
        ///
        /// # Safety
        /// `word` is the address of a live atomic of at least four bytes; its low half is meant.
        pub unsafe fn wait(
            &self,
            word: *const u32,
            expected: u32,
            _unchanged: impl Fn() -> bool,
            deadline: Deadline,
        ) -> bool {
            // SAFETY: the caller's promise.
            unsafe { futex::wait(word, expected, deadline) }
        }

        pub fn wake_one(&self, word: *const u32) {
            futex::wake(word, 1)
        }

        pub fn wake_all(&self, word: *const u32) {
            futex::wake(word, i32::MAX)
        }
    }

    /// A lock of one futex word: 0 free, 1 held, 2 held and somebody sleeps.
    pub struct Lock<T> {
        word: AtomicU32,
        value: UnsafeCell<T>,
    }

    // SAFETY: the lock gives the value to one thread at a time.
    unsafe impl<T: Send> Send for Lock<T> {}
    // SAFETY: as above.
    unsafe impl<T: Send> Sync for Lock<T> {}

    impl<T> Lock<T> {
        pub const fn new(value: T) -> Lock<T> {
            Lock { word: AtomicU32::new(0), value: UnsafeCell::new(value) }
        }

        pub fn lock(&self) -> LockGuard<'_, T> {
            // Acquire: pairs with the Release in the guard's drop.
            if self.word.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
                self.lock_slow();
            }
            LockGuard { lock: self }
        }

        /// None if somebody holds it.
        pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
            self.word.compare_exchange(0, 1, Acquire, Relaxed).ok().map(|_| LockGuard { lock: self })
        }

        #[cold]
        fn lock_slow(&self) {
            for _ in 0..100 {
                if self.word.load(Relaxed) == 0 && self.word.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
                    return;
                }
                super::spin_hint();
            }
            while self.word.swap(2, Acquire) != 0 {
                // SAFETY: the word lives as long as the lock.
                unsafe { futex::wait(self.word.as_ptr(), 2, Deadline::NEVER) };
            }
        }

        /// Frees the lock, whoever held it.
        ///
        /// # Safety
        /// Only for the child of a fork, where the holder does not exist any more.
        pub unsafe fn break_open(&self) {
            self.word.store(0, Relaxed);
        }
    }

    pub struct LockGuard<'a, T> {
        lock: &'a Lock<T>,
    }

    impl<T> Drop for LockGuard<'_, T> {
        fn drop(&mut self) {
            // Release: pairs with the Acquire in `lock`.
            if self.lock.word.swap(0, Release) == 2 {
                futex::wake(self.lock.word.as_ptr(), 1);
            }
        }
    }

    impl<T> Deref for LockGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            // SAFETY: this thread holds the lock.
            unsafe { &*self.lock.value.get() }
        }
    }

    impl<T> DerefMut for LockGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: this thread holds the lock, and the guard is borrowed mutably.
            unsafe { &mut *self.lock.value.get() }
        }
    }
}

#[cfg(loom)]
pub mod model {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// For a model that shows what the full fences are for.
    pub static NO_FENCES: AtomicBool = AtomicBool::new(false);

    pub fn full_fence() {
        if !NO_FENCES.load(Relaxed) {
            loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
        }
    }

    use crate::time::Deadline;
    use loom::sync::{Condvar, Mutex, MutexGuard};

    pub type LockGuard<'a, T> = MutexGuard<'a, T>;

    pub struct Cell<T>(loom::cell::UnsafeCell<T>);

    impl<T> Cell<T> {
        pub fn new(value: T) -> Cell<T> {
            Cell(loom::cell::UnsafeCell::new(value))
        }
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            self.0.with(f)
        }
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            self.0.with_mut(f)
        }
    }

    pub struct Lock<T>(Mutex<T>);

    impl<T> Lock<T> {
        pub fn new(value: T) -> Lock<T> {
            Lock(Mutex::new(value))
        }
        pub fn lock(&self) -> LockGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    /// A futex: the compare happens under the queue's lock, as in the kernel.
    pub struct Sleepers {
        queue: Mutex<()>,
        bell: Condvar,
    }

    impl Sleepers {
        pub fn new() -> Sleepers {
            Sleepers { queue: Mutex::new(()), bell: Condvar::new() }
        }
        /// # Safety
        /// None is needed: `unchanged` does the compare.
        pub unsafe fn wait(
            &self,
            _word: *const u32,
            _expected: u32,
            unchanged: impl Fn() -> bool,
            _deadline: Deadline,
        ) -> bool {
            let queue = self.queue.lock().unwrap();
            if unchanged() {
                drop(self.bell.wait(queue).unwrap());
            }
            true
        }
        pub fn wake_one(&self, _word: *const u32) {
            let _queue = self.queue.lock().unwrap();
            self.bell.notify_one();
        }
        pub fn wake_all(&self, _word: *const u32) {
            let _queue = self.queue.lock().unwrap();
            self.bell.notify_all();
        }
    }
}

/// Where the kernel compares a 32-bit word.
#[inline]
pub fn address(word: &AtomicU32) -> *const u32 {
    (word as *const AtomicU32).cast()
}

/// Where the kernel compares the low half of a 64-bit word.
#[inline]
pub fn low_half(word: &AtomicU64) -> *const u32 {
    let p = (word as *const AtomicU64).cast::<u32>();
    p.wrapping_add(cfg!(target_endian = "big") as usize)
}
