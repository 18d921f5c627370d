//! What the C library has buffered for the standard streams: written once, whatever forks or ends.
//!
//! Called by: `processes::start` (around a fork), workers (after a task that printed, and at their end).

use core::ptr::null_mut;

extern "C" {
    static stdout: *mut libc::FILE;
    fn ftrylockfile(file: *mut libc::FILE) -> libc::c_int;
    fn funlockfile(file: *mut libc::FILE);
    fn __fpurge(file: *mut libc::FILE);
    /// Bytes that wait in a stream's buffer.
    fn __fpending(file: *mut libc::FILE) -> usize;
}

/// Writes what all streams hold. Only when no other thread can be inside of one: a thread that waits for input holds
/// its stream's lock for as long.
pub fn flush_all() {
    // SAFETY: NULL means all streams.
    unsafe { libc::fflush(null_mut()) };
}

/// Writes what stdout holds, if anything; a look without a system call. For a process with one thread.
pub fn flush_stdout_if_pending() {
    // SAFETY: the stream stands for ever.
    unsafe {
        if __fpending(stdout) > 0 {
            libc::fflush(stdout);
        }
    }
}

/// Writes what stdout holds, unless another thread is using it just now.
pub fn try_flush_stdout() {
    // SAFETY: the stream stands for ever; it is unlocked by the thread that locked it.
    unsafe {
        if ftrylockfile(stdout) == 0 {
            libc::fflush(stdout);
            funlockfile(stdout);
        }
    }
}

/// In a forked child: forgets what stdout held at the fork, as the parent will write it.
pub fn forget_stdout() {
    // SAFETY: the stream stands for ever, and the child has one thread.
    unsafe { __fpurge(stdout) };
}
