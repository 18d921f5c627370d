//! Named points at which a test lets a worker or a zygote die.
//!
//! Called by: every step of a worker that shares memory with the host; a zygote around the making of its successor.
//! Built in only with the feature `failpoints`; otherwise a point is nothing.

/// Where a worker, or for the last two a zygote, may be made to die or stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Point {
    Start = 1,
    Go,
    Head,
    Cell,
    Intent,
    Claim,
    Pop,
    Run,
    Result,
    Done,
    Wake,
    Collect,
    Ring,
    Want,
    Bit,
    Sleep,
    Woken,
    Unbit,
    Taken,
    Cleared,
    Promise,
    Heir,
}

/// Every point of a worker, for sweeps.
pub const ALL: [Point; 20] = {
    use Point::*;
    [
        Start, Go, Head, Cell, Intent, Claim, Pop, Run, Result, Done, Wake, Collect, Ring, Want, Bit, Sleep, Woken,
        Unbit, Taken, Cleared,
    ]
};

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn point(_: Point) {}

#[cfg(feature = "failpoints")]
pub use armed::{arm, point};

#[cfg(feature = "failpoints")]
mod armed {
    use super::Point;
    use crate::processes::layout::Control;
    use crate::sync::{AtomicPtr, AtomicU32, Ordering::*};
    use crate::sys::process;

    static CONTROL: AtomicPtr<Control> = AtomicPtr::new(core::ptr::null_mut());
    static PASSED: AtomicU32 = AtomicU32::new(0);

    /// In a worker or zygote: from here on its points count.
    pub fn arm(control: &'static Control) {
        PASSED.store(0, Relaxed);
        CONTROL.store((&raw const *control).cast_mut(), Relaxed);
    }

    pub fn point(p: Point) {
        // SAFETY: NULL, or the shared memory's head, which stays mapped in a worker.
        let Some(control) = (unsafe { CONTROL.load(Relaxed).as_ref() }) else { return };
        if control.crash_at.load(Relaxed) != p as u32 {
            return;
        }
        let passed = PASSED.fetch_add(1, Relaxed) + 1;
        if passed == control.crash_nth.load(Relaxed) && control.crash_budget.fetch_sub(1, Relaxed) > 0 {
            control.crash_pid.store(process::id(), Relaxed);
            // Release: whoever sees the hit sees whose it was.
            control.crash_hits.fetch_add(1, Release);
            process::kill_self(control.crash_signal.load(Relaxed) as i32);
        }
    }
}
