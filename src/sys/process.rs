//! Processes: forking, ending, signalling, waiting for one's own, and what a process says of itself.
//!
//! Called by: `processes`. `waitpid(-1)` stands here for zygotes, whose children are all the library's; the host waits
//! for nobody but the processes that it names.

use super::{clock, errno, thread};
use core::ptr::null_mut;

/// Forks, with all that glibc does for it: the child may allocate, whatever other threads were doing. 0 in the child.
///
/// # Safety
/// The child keeps to what is allowed after a fork, and leaves by `exit_now`.
pub unsafe fn fork() -> Result<i32, i32> {
    // SAFETY: the caller's promise.
    match unsafe { libc::fork() } {
        -1 => Err(errno()),
        pid => Ok(pid),
    }
}

/// Forks a child that sends its parent no signal when it ends and that `waitpid(-1)` does not see. 0 in the child.
///
/// glibc does not know of it: no handlers of pthread_atfork run, and no lock that another thread holds is ever
/// released in the child. `fork` in that child is complete again, and mends what this leaves out.
///
/// # Safety
/// No other thread of this process is anywhere but asleep, or the child makes system calls only; and it leaves by
/// `exit_now`.
pub unsafe fn fork_silent() -> Result<i32, i32> {
    // No flags, no exit signal, no new stack: the order of arguments, which differs between machines, does not matter.
    // SAFETY: the caller's promise.
    match unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) } {
        -1 => Err(errno()),
        pid => Ok(pid as i32),
    }
}

/// Ends this process: no handlers of atexit, nothing is flushed.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(code) }
}

pub fn sleep_for_ever() {
    loop {
        // SAFETY: sleeps until a signal.
        unsafe { libc::pause() };
    }
}

pub fn sleep_ms(milliseconds: u64) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: (milliseconds.min(999) * 1_000_000) as libc::c_long };
    // SAFETY: a valid time; what is left of it is not asked for.
    unsafe { libc::nanosleep(&time, null_mut()) };
}

pub fn id() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

pub fn parent() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getppid() }
}

/// Signals a process by number: only for one's own child that has not been waited for, else it may be anybody.
pub fn signal_child(pid: i32, signal: i32) -> Result<(), i32> {
    // SAFETY: no pointers are involved.
    match unsafe { libc::kill(pid, signal) } {
        -1 => Err(errno()),
        _ => Ok(()),
    }
}

/// Nobody has that number, not even a process that has ended and is not yet waited for.
pub fn is_gone(pid: i32) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid, 0) == -1 && errno() == libc::ESRCH }
}

/// Is that process dead, waited for or not? As the kernel shows it; true also for a number that nobody has.
fn is_dead(pid: i32) -> bool {
    let (mut path, mut text) = ([0u8; 32], [0u8; 512]);
    let path = {
        use std::io::Write;
        let mut rest = &mut path[..31];
        let _ = write!(rest, "/proc/{pid}/stat");
        core::ffi::CStr::from_bytes_until_nul(&path).unwrap_or(c"")
    };
    let stat = super::cpus::read(path, &mut text);
    // The name may hold anything, so the last bracket counts.
    match stat.and_then(|s| s.rsplit_once(") ")) {
        Some((_, rest)) => rest.starts_with(['Z', 'X']),
        None => is_gone(pid), // else /proc is not there
    }
}

/// Waits at most so long for the death of a process for which there is no pidfd, whoever its parent is.
pub fn wait_dead(pid: i32, milliseconds: u64) -> bool {
    let deadline = clock::now_ns() + milliseconds * 1_000_000;
    loop {
        if is_dead(pid) {
            return true;
        }
        if clock::now_ns() >= deadline {
            return false;
        }
        sleep_ms(1);
    }
}

/// Waits for this very child to end. Its wait status; `None` if it is not a child of this process, or if somebody else
/// has waited for it.
pub fn wait_child(pid: i32) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: a writable status. `__WALL`: whether or not it sends a signal at its end.
        match unsafe { libc::waitpid(pid, &mut status, libc::__WALL) } {
            -1 if errno() == libc::EINTR => continue,
            -1 => return None,
            _ => return Some(status),
        }
    }
}

/// This child has ended, within that time; it is not yet waited for. Also true if it is no child of this process.
pub fn wait_ended(pid: i32, milliseconds: u64) -> bool {
    let deadline = clock::now_ns() + milliseconds * 1_000_000;
    loop {
        // SAFETY: a zeroed siginfo is a value; the kernel fills it.
        unsafe {
            let mut info: libc::siginfo_t = core::mem::zeroed();
            let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
            if libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, options) != 0 || info.si_pid() != 0 {
                return true;
            }
        }
        if clock::now_ns() >= deadline {
            return false;
        }
        sleep_ms(1);
    }
}

/// For a zygote: the next of its children that has ended, with its wait status. `blocking`: waits for one; `None` then
/// means that there is no child.
pub fn reap_any(blocking: bool) -> Option<(i32, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: a writable status.
        match unsafe { libc::waitpid(-1, &mut status, if blocking { 0 } else { libc::WNOHANG }) } {
            -1 if errno() == libc::EINTR => continue,
            pid => return (pid > 0).then_some((pid, status)),
        }
    }
}

/// This process is killed when its parent ends. True if the parent was still `parent` then.
///
/// The kernel means the thread that made this process: only for children of processes with one thread.
pub fn die_with_parent(of: i32) -> bool {
    // SAFETY: no pointers are involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    parent() == of
}

/// Reads from this process's standard input are at the end from now on.
pub fn close_stdin() {
    // SAFETY: a terminated path; the descriptor is closed unless it became the standard input itself.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if null > 0 {
            libc::dup2(null, 0);
            libc::close(null);
        } else if null == 0 {
            super::fd::inherit(0, true);
        }
    }
}

/// How many threads this process has; 0 if that cannot be told. A thread that was joined may be counted for a moment.
pub fn threads() -> usize {
    let mut n = 0;
    // SAFETY: a terminated path; the stream is closed here, and entries are only looked at before the next one is read.
    unsafe {
        let dir = libc::opendir(c"/proc/self/task".as_ptr());
        if dir.is_null() {
            return 0;
        }
        while let Some(entry) = libc::readdir(dir).as_ref() {
            n += (entry.d_name[0] != b'.' as libc::c_char) as usize;
        }
        libc::closedir(dir);
    }
    n
}

/// Sends this process a signal.
pub fn kill_self(signal: i32) {
    // SAFETY: no pointers are involved.
    unsafe { libc::kill(id(), signal) };
}

/// Ends the program as abort() does, with a line that says why.
pub fn abort_because(line: &core::ffi::CStr) -> ! {
    let line = line.to_bytes();
    // SAFETY: readable bytes.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    std::process::abort()
}

/// Names this process for `top` and debuggers.
pub fn set_name(name: &core::ffi::CStr) {
    thread::set_name(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_child_is_waited_for_by_its_number_only() {
        // SAFETY: the child makes system calls only.
        match unsafe { fork_silent() } {
            Ok(0) => exit_now(3),
            pid => assert_eq!(wait_child(pid.unwrap()), Some(3 << 8)),
        }
        assert!(threads() >= 1);
        assert!(!is_gone(id()));
    }

    #[test]
    fn a_death_is_seen_before_anybody_has_waited_for_it() {
        // SAFETY: the child makes system calls only.
        let pid = match unsafe { fork_silent() } {
            Ok(0) => {
                sleep_for_ever();
                exit_now(0)
            }
            pid => pid.unwrap(),
        };
        assert!(!wait_dead(pid, 0));
        signal_child(pid, libc::SIGKILL).unwrap();
        assert!(wait_dead(pid, 5000) && !is_gone(pid));
        assert_eq!(wait_child(pid), Some(libc::SIGKILL));
        assert!(wait_dead(pid, 0) && is_gone(pid));
    }
}
