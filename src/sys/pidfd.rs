//! Descriptors of processes: the only way in which the host signals a worker, as a pid may be anybody's by then.
//!
//! Called by: `processes` on both sides. Kernels before 5.3, and valgrind, have no pidfds: `open` fails with ENOSYS, and
//! the callers go without.

use super::fd::Fd;
use super::{errno, poll};

/// Of a process that exists or is not yet waited for. `Err` carries errno.
pub fn open(pid: i32) -> Result<Fd, i32> {
    // SAFETY: no pointers are involved. The descriptor is close-on-exec by itself.
    match unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } {
        -1 => Err(errno()),
        fd => Ok(Fd::from_raw(fd as i32)),
    }
}

pub fn send_signal(fd: &Fd, signal: i32) -> Result<(), i32> {
    // SAFETY: no information beyond the signal is given.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.raw(), signal, core::ptr::null::<u8>(), 0) } {
        -1 => Err(errno()),
        _ => Ok(()),
    }
}

/// The process has ended, whether or not anybody has waited for it.
pub fn is_dead(fd: &Fd) -> bool {
    poll::readable(fd.raw(), 0)
}

/// Waits at most so long for its end; true if it came.
pub fn wait_dead(fd: &Fd, milliseconds: i32) -> bool {
    poll::readable(fd.raw(), milliseconds)
}

/// Waits for a dead process if it is a child of this one; else, and with `None`, nothing happens. Its wait status.
///
/// `__WALL`: also children that send no signal at their end.
pub fn reap(fd: &Fd) -> Option<i32> {
    // SAFETY: a zeroed siginfo is a value; the kernel fills it.
    unsafe {
        let mut info: libc::siginfo_t = core::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::__WALL;
        if libc::waitid(libc::P_PIDFD, fd.raw() as libc::id_t, &mut info, options) != 0 || info.si_pid() == 0 {
            return None;
        }
        Some(match info.si_code {
            libc::CLD_EXITED => (info.si_status() & 0xff) << 8,
            libc::CLD_DUMPED => info.si_status() | 0x80,
            _ => info.si_status(),
        })
    }
}

#[repr(C)]
struct Info {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

const GET_INFO: libc::c_ulong = 0xc040_ff0b;
const INFO_EXIT: u64 = 1 << 3;

const _: () = assert!(size_of::<Info>() == 64);

/// The wait status of a process that has ended and was waited for by whoever is its parent. `None` before that, and
/// where the kernel keeps none (before 6.15).
pub fn exit_info(fd: &Fd) -> Option<i32> {
    let mut info = Info { mask: INFO_EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the request names the structure's size, and the structure is writable.
    let rc = unsafe { libc::ioctl(fd.raw(), GET_INFO as _, &raw mut info) };
    (rc == 0 && info.mask & INFO_EXIT != 0).then_some(info.exit_code)
}

#[cfg(test)]
mod tests {
    use super::super::process;
    use super::*;

    fn child(exit: impl FnOnce()) -> (i32, Fd) {
        // SAFETY: the child makes system calls only.
        match unsafe { process::fork_silent() } {
            Ok(0) => {
                exit();
                process::exit_now(0)
            }
            pid => (pid.unwrap(), open(pid.unwrap()).unwrap()),
        }
    }

    #[test]
    fn deaths_are_seen_and_their_status_is_kept() {
        let (_, fd) = child(|| process::exit_now(7));
        assert!(wait_dead(&fd, 5000) && is_dead(&fd));
        assert_eq!(exit_info(&fd), None);
        assert_eq!(reap(&fd), Some(7 << 8));
        assert_eq!(reap(&fd), None);
        assert!(matches!(exit_info(&fd), None | Some(0x700)));
        assert_eq!(send_signal(&fd, 0), Err(libc::ESRCH));
    }

    #[test]
    fn signals_reach_the_process() {
        let (_, fd) = child(process::sleep_for_ever);
        assert!(!is_dead(&fd));
        send_signal(&fd, libc::SIGKILL).unwrap();
        assert!(wait_dead(&fd, 5000));
        assert_eq!(reap(&fd), Some(libc::SIGKILL));
    }
}
