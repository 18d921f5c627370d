//! Sleeping on a 32-bit word until somebody wakes it: of this process's memory, or shared with others.

use crate::time::Deadline;
#[cfg(not(schedules))]
use core::ptr::null;

/// Sleeps while `*word == expected`, until a wake, the deadline, or for no reason; the caller looks again.
/// False if the deadline has passed.
///
/// An absolute deadline is given to the kernel, so that interruptions by signals do not prolong the wait.
///
/// # Safety
/// `word` is the address of a live, 4-byte aligned atomic.
pub unsafe fn wait(word: *const u32, expected: u32, deadline: Deadline) -> bool {
    // SAFETY: the caller's promise.
    unsafe { wait_with(word, expected, deadline, libc::FUTEX_PRIVATE_FLAG) }
}

/// As `wait`, on a word that other processes wake too.
///
/// # Safety
/// As for `wait`.
pub unsafe fn wait_shared(word: *const u32, expected: u32, deadline: Deadline) -> bool {
    // SAFETY: the caller's promise.
    unsafe { wait_with(word, expected, deadline, 0) }
}

#[cfg(schedules)]
unsafe fn wait_with(word: *const u32, expected: u32, deadline: Deadline, _flags: libc::c_int) -> bool {
    // SAFETY: the caller's promise; no other thread runs until the hook is called.
    if unsafe { word.read() } == expected {
        if !deadline.is_never() {
            return false; // time passes as it likes
        }
        (crate::schedule::hooks().sleep)(word);
    }
    true
}

#[cfg(not(schedules))]
unsafe fn wait_with(word: *const u32, expected: u32, deadline: Deadline, flags: libc::c_int) -> bool {
    let limit = deadline.absolute_ns().map(|ns| libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    });
    // SAFETY: the caller's promise; the kernel reads the word and the timespec only during the call.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAIT_BITSET | flags,
            expected,
            limit.as_ref().map_or(null(), |t| t as *const libc::timespec),
            null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        ) == -1
    };
    // SAFETY: errno is this thread's own.
    !(failed && unsafe { *libc::__errno_location() } == libc::ETIMEDOUT)
}

/// Wakes at most `count` threads that sleep on `word`. The word may be gone already: only its address is used.
pub fn wake(word: *const u32, count: i32) {
    #[cfg(schedules)]
    (crate::schedule::hooks().wake)(word, count);
    #[cfg(not(schedules))]
    // SAFETY: waking an address without sleepers does nothing, whatever lies there.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, count)
    };
}

/// As `wake`, for sleepers of any process.
pub fn wake_shared(word: *const u32, count: i32) {
    // SAFETY: as for `wake`.
    unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, count) };
}
