//! Running another program in a process that is nobody's child here.
//!
//! Called by: `processes::start`.
//!
//! A program that was exec'd sends SIGCHLD to its parent at its end, whatever was agreed before the exec. So it is a
//! grandchild: the child, which sends no signal, runs it and ends at once.
//!
//! ```text
//!   host thread ---> outer ---> inner: execve
//!    suspended      suspended      shares the host's memory until then: nothing of a large host is copied
//! ```
//!
//! Always true: child and grandchild run on stacks of their own, with all signals blocked until no handler is left,
//! and neither allocates, takes a lock nor panics: they share all memory with a host whose other threads go on.

use super::{errno, fd, pages, process, signals};
use crate::status::Status;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{null, NonNull};

const STACK: usize = 64 << 10;

/// What is to be run. All pointers are terminated strings or null-terminated lists of them.
pub struct Order {
    pub path: *const c_char,
    pub argv: *const *const c_char,
    pub envp: *const *const c_char,
    /// The one descriptor beyond 2 that the program gets.
    pub keep: i32,
}

struct Shared<'a> {
    order: &'a Order,
    inner_stack: *mut c_void,
    errno: c_int,
}

/// Starts the program. `Err` carries errno; where the kernel does not let the child share memory, a program that
/// cannot be executed is no error here.
///
/// # Safety
/// The order's pointers are what it says.
pub unsafe fn launch(order: &Order) -> Result<(), i32> {
    let stacks: NonNull<u8> = pages::map(2 * STACK).map_err(|_: Status| libc::ENOMEM)?;
    // SAFETY: both ends of stacks lie in or just behind the mapping.
    let (inner_stack, outer_stack) = unsafe { (stacks.add(STACK), stacks.add(2 * STACK)) };
    let mut shared = Shared { order, inner_stack: inner_stack.as_ptr().cast(), errno: 0 };
    let at: *mut Shared = &raw mut shared;
    let blocked = signals::Blocked::all();
    // SAFETY: the child has its own stack, and this thread stands still until the child has ended.
    let pid = unsafe { libc::clone(outer, outer_stack.as_ptr().cast(), libc::CLONE_VM | libc::CLONE_VFORK, at.cast()) };
    let failed = if pid == -1 { errno() } else { 0 };
    drop(blocked);
    if pid != -1 {
        process::wait_child(pid);
    }
    // SAFETY: nobody runs on the stacks any more: the inner one has another program, or has ended. The children wrote
    // to `shared` behind the compiler's back.
    let errno = unsafe {
        pages::unmap(stacks.as_ptr(), 2 * STACK);
        (&raw const (*at).errno).read_volatile()
    };
    match failed.max(errno) {
        0 => Ok(()),
        errno => Err(errno),
    }
}

extern "C" fn outer(at: *mut c_void) -> c_int {
    let at = at.cast::<Shared>();
    // SAFETY: `launch` keeps it alive and stands still; the child has its own stack, and this process stands still
    // until the child has executed the program or ended.
    unsafe {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let pid = libc::clone(inner, (*at).inner_stack, flags, at.cast());
        if pid == -1 {
            (&raw mut (*at).errno).write_volatile(errno());
        } else if (&raw const (*at).errno).read_volatile() != 0 {
            process::wait_child(pid);
        }
    }
    process::exit_now(0)
}

extern "C" fn inner(at: *mut c_void) -> c_int {
    let at = at.cast::<Shared>();
    // The table of descriptors and the dispositions are this process's own.
    signals::reset_all();
    signals::ignore_keyboard();
    // SAFETY: as in `outer`.
    unsafe {
        close_on_exec_from(3);
        fd::inherit((*at).order.keep, true);
        signals::unblock_all();
        libc::execve((*at).order.path, (*at).order.argv, (*at).order.envp);
        (&raw mut (*at).errno).write_volatile(errno());
    }
    process::exit_now(127)
}

/// Also those of the program that were not meant to be inherited but are.
fn close_on_exec_from(first: i32) {
    const CLOSE_RANGE_CLOEXEC: u32 = 4;
    // SAFETY: no pointers are involved but the limit's, which is writable.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) == 0 {
            return;
        }
        let mut limit: libc::rlimit = core::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        for fd in first..limit.rlim_cur.min(1 << 16) as i32 {
            fd::inherit(fd, false);
        }
    }
}

/// Runs this very program again in this process, which has one thread. Returns errno if that fails.
///
/// # Safety
/// `argv0` and the environment are as libc keeps them.
pub unsafe fn again(argv0: *const c_char, envp: *const *const c_char) -> i32 {
    let argv = [argv0, null()];
    // SAFETY: a terminated path and null-terminated lists of terminated strings.
    unsafe { libc::execve(c"/proc/self/exe".as_ptr(), argv.as_ptr(), envp) };
    errno()
}
