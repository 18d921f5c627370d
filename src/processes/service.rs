//! The library's own service threads, and the gate that holds them while this process is forked.
//!
//! Owns: how many service threads there are, how many of them are awake, how many run the program's code.
//! Called by: supervisors and callback threads; `start`, which forks.
//!
//! A forked child has one thread, and whatever lock another thread held stays held in it for ever. So a fork without
//! glibc's help is safe only while no other thread is inside of malloc or of this library. Of foreign threads nothing
//! can be known; our own ones sleep, or stop at the gate.
//!
//! ```text
//!   let thread = begin_thread();           for the thread's life
//!   loop {
//!       sleep in epoll or futex            asleep: no lock is held, nothing is allocated
//!       let awake = Awake::enter();        waits while a fork is under way
//!       ... awake.foreign(|| user code)    counts as a foreign thread meanwhile
//!   }                                      drop of `awake` comes before the next sleep
//! ```
//!
//! Always true:
//! - while the gate is held, every registered thread is asleep, waits at the gate, or runs the program's code;
//! - the holder waits for a bounded time only, so a thread that is awake and waits for the holder's lock costs the
//!   fork, not the program;
//! - the gate is never held across anything but the fork itself.

use crate::sync::{address, AtomicU32, Ordering::*, Sleepers};
use crate::sys::{clock, process};
use crate::time::Deadline;

/// Somebody holds the gate; below are the threads that are awake.
const HELD: u32 = 1 << 31;
static GATE: AtomicU32 = AtomicU32::new(0);
static SLEEPERS: Sleepers = Sleepers::new();
/// Registered threads that do not run the program's code.
static OWN: AtomicU32 = AtomicU32::new(0);

/// How long the holder waits for threads that are awake, and how often it looks again at threads that come or go.
const REST_NS: u64 = 20_000_000;
const LOOKS: usize = 5;

/// This thread is one of the library's.
pub struct Thread(());

/// For the life of a service thread, from its first instruction on. The thread counts as asleep.
pub fn begin_thread() -> Thread {
    drop(Awake::enter_with(|| {
        OWN.fetch_add(1, Relaxed);
    }));
    Thread(())
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(Awake::enter_with(|| {
            OWN.fetch_sub(1, Relaxed);
        }));
    }
}

/// A service thread that runs the library's code.
pub struct Awake(());

impl Awake {
    /// After each wake-up; waits while a fork is under way.
    pub fn enter() -> Awake {
        Awake::enter_with(|| ())
    }

    fn enter_with(then: impl FnOnce()) -> Awake {
        let mut now = GATE.load(Relaxed);
        loop {
            if now & HELD != 0 {
                // SAFETY: a static word.
                unsafe { SLEEPERS.wait(address(&GATE), now, || GATE.load(Relaxed) == now, Deadline::NEVER) };
                now = GATE.load(Relaxed);
                continue;
            }
            // Acquire: pairs with the Release of whoever let go of the gate.
            match GATE.compare_exchange_weak(now, now + 1, Acquire, Relaxed) {
                Ok(_) => break,
                Err(is) => now = is,
            }
        }
        then();
        Awake(())
    }

    /// Runs the program's code: meanwhile this thread is as foreign as any thread of the program.
    pub fn foreign<R>(self, run: impl FnOnce() -> R) -> (Awake, R) {
        OWN.fetch_sub(1, Relaxed);
        drop(self);
        let result = run();
        let back = Awake::enter_with(|| {
            OWN.fetch_add(1, Relaxed);
        });
        (back, result)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `rest`; what this thread did is seen by the child.
        if GATE.fetch_sub(1, Release) == HELD + 1 {
            SLEEPERS.wake_all(address(&GATE));
        }
    }
}

/// All service threads rest, and there are no foreign threads but the caller.
pub struct Held(());

/// Holds the service threads if that makes a fork safe.
pub fn hold() -> Option<Held> {
    for look in 0..LOOKS {
        if look > 0 {
            // A thread that was joined is still counted for a moment, one that was just started not yet registered.
            process::sleep_ms(1);
        }
        let held = take()?;
        // Relaxed: under the gate nobody changes it.
        if rest() && process::threads() == 1 + OWN.load(Relaxed) as usize {
            return Some(held);
        }
    }
    None
}

/// The gate, when no other fork holds it.
fn take() -> Option<Held> {
    let deadline = clock::now_ns() + REST_NS;
    while GATE.fetch_or(HELD, Acquire) & HELD != 0 {
        if clock::now_ns() > deadline {
            return None;
        }
        process::sleep_ms(1);
    }
    Some(Held(()))
}

/// Waits until no service thread is awake; false if that takes too long.
fn rest() -> bool {
    let deadline = Deadline::after_ns(REST_NS as i64);
    loop {
        // Acquire: pairs with the Release in `Awake::drop`.
        let now = GATE.load(Acquire);
        if now == HELD {
            return true;
        }
        // SAFETY: a static word.
        if !unsafe { SLEEPERS.wait(address(&GATE), now, || GATE.load(Relaxed) == now, deadline) } {
            return false;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `Awake::enter_with`.
        GATE.fetch_and(!HELD, Release);
        SLEEPERS.wake_all(address(&GATE));
    }
}

/// A forked child has none of its parent's threads.
pub fn after_fork() {
    GATE.store(0, Relaxed);
    OWN.store(0, Relaxed);
}
