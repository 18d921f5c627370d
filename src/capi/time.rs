//! Times.

use super::guard_or;
use crate::time;

/// Converts seconds to the nanoseconds that every wait takes.
///
/// @param seconds  Any value: fractions, infinity and NaN too.
/// @return The nanoseconds; CF_FOREVER for infinity and whatever is too large; negative, which has
///         expired already, for NaN and negative values.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: a `timeout` argument, where
/// `None` is CF_FOREVER.
///
/// @code{.c}
/// if (cf_future_result(future, cf_seconds(0.5), NULL, NULL) == CF_TIMEOUT)
///   puts("not done after half a second");
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_seconds(seconds: f64) -> i64 {
    guard_or(-1, || time::seconds(seconds))
}
