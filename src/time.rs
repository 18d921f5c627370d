//! Deadlines: points on the monotonic clock.
//!
//! Called by: everything that waits. The C interface takes relative nanoseconds; they become a `Deadline`
//! once, at the entry point, so that a wait which is interrupted and resumed never grows longer.

use crate::sys::clock;

/// A wait without limit, in the C interface's nanoseconds (`CF_FOREVER`).
pub const FOREVER: i64 = i64::MAX;

/// A point on the monotonic clock, in nanoseconds; 0 has always passed, `u64::MAX` never comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(u64);

impl Deadline {
    pub const NEVER: Deadline = Deadline(u64::MAX);
    pub const PASSED: Deadline = Deadline(0);

    /// `ns` from now; `FOREVER` never comes, zero and negative values have passed already.
    pub fn after_ns(ns: i64) -> Deadline {
        match ns {
            FOREVER => Deadline::NEVER,
            ns if ns <= 0 => Deadline::PASSED,
            ns => Deadline(clock::now_ns().saturating_add(ns as u64)),
        }
    }

    pub fn is_never(self) -> bool {
        self == Deadline::NEVER
    }

    pub fn has_passed(self) -> bool {
        !self.is_never() && (self == Deadline::PASSED || clock::now_ns() >= self.0)
    }

    /// Nanoseconds on the monotonic clock, for the kernel; `None` when it never comes.
    pub fn absolute_ns(self) -> Option<u64> {
        (!self.is_never()).then_some(self.0)
    }
}

/// `cf_seconds`: saturates; infinity is `FOREVER`, NaN and negative values have expired.
pub fn seconds(s: f64) -> i64 {
    if s.is_nan() || s < 0.0 {
        return -1;
    }
    let ns = s * 1e9;
    if ns >= FOREVER as f64 {
        FOREVER
    } else {
        ns as i64
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn seconds_saturate_and_expire() {
        assert_eq!(seconds(1.5), 1_500_000_000);
        assert_eq!(seconds(0.0), 0);
        assert_eq!(seconds(f64::INFINITY), FOREVER);
        assert_eq!(seconds(1e300), FOREVER);
        assert!(seconds(f64::NAN) < 0 && seconds(-0.5) < 0 && seconds(f64::NEG_INFINITY) < 0);
    }

    #[test]
    fn extreme_timeouts_do_not_overflow() {
        assert!(Deadline::after_ns(i64::MIN).has_passed());
        assert!(Deadline::after_ns(0).has_passed());
        assert!(!Deadline::after_ns(FOREVER).has_passed());
        assert!(!Deadline::after_ns(FOREVER - 1).has_passed());
    }
}
