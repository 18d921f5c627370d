//! Masks and dispositions of signals; the library installs no handler anywhere.
//!
//! Called by: whoever starts a process, and the processes started.

use super::errno;
use super::fd::Fd;
use core::mem::{size_of, zeroed, MaybeUninit};
use core::ptr::null_mut;

/// The kernel's set of signals; glibc's is larger.
const KERNEL_SET: usize = 8;
const LAST: i32 = 64;

/// All signals are blocked in this thread until this goes. glibc's own two as well: a handler must not run in a child
/// that shares this thread's memory.
pub struct Blocked([u8; KERNEL_SET]);

impl Blocked {
    pub fn all() -> Blocked {
        let all = [0xffu8; KERNEL_SET];
        let mut before = [0u8; KERNEL_SET];
        // SAFETY: both sets have the size that the kernel is told.
        unsafe {
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, &raw mut before, KERNEL_SET)
        };
        Blocked(before)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: as in `all`.
        unsafe {
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const self.0, null_mut::<u8>(), KERNEL_SET)
        };
    }
}

/// Lets all signals through; for a process that was started with them blocked.
pub fn unblock_all() {
    drop(Blocked([0; KERNEL_SET]));
}

/// Gives all signals their default meaning.
///
/// By the system call itself: in a child that shares memory with its parent, libc's bookkeeping would be the parent's.
pub fn reset_all() {
    for signal in 1..=LAST {
        set(signal, libc::SIG_DFL);
    }
}

/// Keyboard signals go to the whole group of processes, and are for the host to answer.
pub fn ignore_keyboard() {
    set(libc::SIGINT, libc::SIG_IGN);
    set(libc::SIGQUIT, libc::SIG_IGN);
}

fn set(signal: i32, meaning: libc::sighandler_t) {
    // The kernel's structure: handler, flags, restorer and mask. Only SIG_DFL and SIG_IGN are ever given, which need
    // neither of the rest.
    let mut action = [0usize; 8];
    action[0] = meaning;
    // SAFETY: the array is at least as large as the kernel's structure; SIGKILL and SIGSTOP are refused, harmlessly.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), null_mut::<usize>(), KERNEL_SET) };
}

/// A descriptor that is readable while SIGCHLD is pending in the process that looks; the signal must be blocked.
pub fn child_fd() -> Result<Fd, i32> {
    // SAFETY: the set is initialised before use.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        match libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(errno()),
            fd => Ok(Fd::from_raw(fd)),
        }
    }
}

/// Takes what is pending.
pub fn drain(child_fd: i32) {
    // SAFETY: the buffer has the size given.
    unsafe {
        let mut info: libc::signalfd_siginfo = zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        while libc::read(child_fd, (&raw mut info).cast(), size) == size as isize {}
    }
}

/// What a signal is called, "SIGSEGV".
pub fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_end_programs_have_names() {
        let named: Vec<&str> = (0..=libc::SIGRTMAX()).filter_map(name).collect();
        let expected =
            "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE \
                        SIGALRM SIGTERM SIGXCPU SIGXFSZ SIGSYS";
        assert_eq!(named.join(" "), expected);
    }
}
