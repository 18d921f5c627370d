//! Schedules: the program that links the library decides at each step which thread goes on.
//!
//! Owns: the hooks of that program, and atomics that ask it before each access. It stands in for the kernel: threads,
//! sleeping, what each thread has of its own. Called by: `sync` and `sys`, compiled with `--cfg schedules`.
//!
//! Always true: one thread runs at a time, and another only after a hook was called; so an access is sequentially
//! consistent whatever ordering it names, which is what models are for. Atomics have the layout of the real ones, and
//! are what they are in memory that was never written.

use crate::sys::thread::{Handle, Main};
use core::ffi::c_void;
use std::sync::OnceLock;

/// What the program does in the kernel's stead.
pub struct Hooks {
    /// Another thread may go on here.
    pub point: fn(),
    /// The caller waits for a step of another thread.
    pub yield_now: fn(),
    /// Sleeps until woken at that address; nothing runs between the caller's look at the word and this.
    pub sleep: fn(*const u32),
    pub wake: fn(*const u32, i32),
    pub start: fn(Main, usize) -> Handle,
    pub join: fn(Handle),
    pub detach: fn(Handle),
    pub current: fn() -> Handle,
    /// A pointer of the thread's own: which, and what to store there; what was there.
    pub own: fn(usize, Option<*mut c_void>) -> *mut c_void,
    pub stack: fn() -> (usize, usize),
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Called once, before the library is used.
pub fn install(hooks: Hooks) {
    assert!(HOOKS.set(hooks).is_ok(), "the hooks are there already");
}

pub fn hooks() -> &'static Hooks {
    HOOKS.get().expect("the program installs its hooks first")
}

fn point() {
    (hooks().point)()
}

pub mod atomic {
    use super::point;
    use core::sync::atomic as real;
    pub use core::sync::atomic::{fence, Ordering};

    macro_rules! atomic {
        ($name:ident $(<$T:ident>)?, $value:ty $(, $update:ident)*) => {
            #[repr(transparent)]
            pub struct $name $(<$T>)? (real::$name $(<$T>)?);

            impl $(<$T>)? $name $(<$T>)? {
                pub const fn new(value: $value) -> Self {
                    Self(real::$name::new(value))
                }
                pub const fn as_ptr(&self) -> *mut $value {
                    self.0.as_ptr()
                }
                pub fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }
                pub fn load(&self, order: Ordering) -> $value {
                    point();
                    self.0.load(order)
                }
                pub fn store(&self, value: $value, order: Ordering) {
                    point();
                    self.0.store(value, order)
                }
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    point();
                    self.0.swap(value, order)
                }
                pub fn compare_exchange(
                    &self, old: $value, new: $value, won: Ordering, lost: Ordering,
                ) -> Result<$value, $value> {
                    point();
                    self.0.compare_exchange(old, new, won, lost)
                }
                pub fn compare_exchange_weak(
                    &self, old: $value, new: $value, won: Ordering, lost: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(old, new, won, lost)
                }
                $(pub fn $update(&self, value: $value, order: Ordering) -> $value {
                    point();
                    self.0.$update(value, order)
                })*
            }
        };
    }

    macro_rules! integer {
        ($name:ident, $value:ty) => {
            atomic!($name, $value, fetch_add, fetch_sub, fetch_and, fetch_or, fetch_xor, fetch_max, fetch_min);
        };
    }

    integer!(AtomicI32, i32);
    integer!(AtomicU8, u8);
    integer!(AtomicU32, u32);
    integer!(AtomicU64, u64);
    integer!(AtomicUsize, usize);
    atomic!(AtomicBool, bool, fetch_and, fetch_or, fetch_xor);
    atomic!(AtomicPtr<T>, *mut T);
}
