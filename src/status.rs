//! The one table of codes, names and messages.
//!
//! Called by: everything that can fail, and `capi::status`, which hands the texts to C.
//! Numbers are never reused; new codes are appended.

use core::ffi::CStr;

macro_rules! table {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $message:literal;)*) => {
        const TABLE: &[(i32, &CStr, &CStr)] = &[$(($code, cstr(concat!(stringify!($name), "\0")), cstr(concat!($message, "\0")))),*];

        #[cfg(test)]
        const CODES: &[(cf_status, i32)] = &[$((cf_status::$name, $code)),*];
    };
}

const fn cstr(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a table entry without its NUL"),
    }
}

/// What a call says of itself: 0 is success, errors are negative.
///
/// The meaning of each value is the same in every function; a function's own comment lists which of
/// them it can return. cf_status_name() and cf_status_message() turn a value into text.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum cf_status {
    /** Success. */
    CF_OK = 0,
    /** The wait timed out; the work goes on. */
    CF_TIMEOUT = -1,
    /** The future was cancelled. */
    CF_CANCELLED = -2,
    /** The task failed with a code of its own, see cf_error_code(). */
    CF_TASK_FAILED = -3,
    /** The worker process that ran the task died; pid, signal and exit code are in the error. */
    CF_WORKER_DIED = -4,
    /** The pool is broken: an initializer failed, or a worker died that was not to be replaced. */
    CF_BROKEN_POOL = -5,
    /** Submitted after shutdown. */
    CF_SHUTDOWN = -6,
    /** The task's own queue or run deadline passed; for later, nothing gives it yet. */
    CF_DEADLINE = -7,
    /** This wait could never end: it would close a cycle of waiting tasks, or join the caller itself. */
    CF_DEADLOCK = -8,
    /** The bounded queue is full; for later, nothing gives it yet. */
    CF_WOULD_BLOCK = -9,
    /** An iterator or queue has nothing more to give. */
    CF_END = -10,
    /** A NULL, unknown, overflowing or contradictory argument; nothing was changed. */
    CF_INVALID_ARGUMENT = -11,
    /** The object is not in a state that allows this call; nothing was changed. */
    CF_INVALID_STATE = -12,
    /** The handle belongs to the process that this one was forked from. */
    CF_FORKED = -13,
    /** Out of memory; nothing was changed. */
    CF_NO_MEMORY = -14,
    /** The operating system refused; errno is in the error. */
    CF_OS_ERROR = -15,
    /** Not possible with this kind of executor. */
    CF_UNSUPPORTED = -16,
    /** A bug in the library, contained. */
    CF_PANIC = -17,
    /** The result has another size than the caller's variable. */
    CF_SIZE_MISMATCH = -18,
    /** The worker processes cannot find this function, see cf_register_task(). */
    CF_UNKNOWN_FUNCTION = -19,
}

table! {
    CF_OK = 0, "success";
    CF_TIMEOUT = -1, "the wait timed out; the work goes on";
    CF_CANCELLED = -2, "the future was cancelled";
    CF_TASK_FAILED = -3, "the task failed with a code of its own";
    CF_WORKER_DIED = -4, "the worker process that ran the task died";
    CF_BROKEN_POOL = -5, "the pool is broken";
    CF_SHUTDOWN = -6, "the executor was shut down";
    CF_DEADLINE = -7, "the task's own deadline passed";
    CF_DEADLOCK = -8, "this wait could never end";
    CF_WOULD_BLOCK = -9, "the queue is full";
    CF_END = -10, "there is nothing more to give";
    CF_INVALID_ARGUMENT = -11, "an argument is not valid";
    CF_INVALID_STATE = -12, "the object's state does not allow this call";
    CF_FORKED = -13, "the handle belongs to the process that forked this one";
    CF_NO_MEMORY = -14, "out of memory";
    CF_OS_ERROR = -15, "the operating system refused";
    CF_UNSUPPORTED = -16, "not possible with this kind of executor";
    CF_PANIC = -17, "a bug in the library, contained";
    CF_SIZE_MISMATCH = -18, "the result has another size";
    CF_UNKNOWN_FUNCTION = -19, "the worker processes cannot find this function: cf_register_task() gives it a name";
}

pub type Status = cf_status;
pub type Result<T, E = cf_status> = core::result::Result<T, E>;

fn entry(code: i32) -> Option<&'static (i32, &'static CStr, &'static CStr)> {
    TABLE.iter().find(|(c, _, _)| *c == code)
}

/// The name of a code, "CF_TIMEOUT"; any value is accepted.
pub fn name(code: i32) -> &'static CStr {
    entry(code).map_or(c"CF_UNKNOWN", |(_, name, _)| name)
}

/// One sentence about a code; any value is accepted.
pub fn message(code: i32) -> &'static CStr {
    entry(code).map_or(c"not a status of this library", |(_, _, message)| message)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_enumeration_agree() {
        for (i, (status, code)) in CODES.iter().enumerate() {
            assert_eq!((*status as i32, *code), (-(i as i32), -(i as i32)), "{status:?}");
            assert_eq!(name(*code).to_str().unwrap(), format!("{status:?}"));
        }
        assert_eq!(name(7), c"CF_UNKNOWN");
    }
}
