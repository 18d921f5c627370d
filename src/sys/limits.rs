//! How a worker process ends when its task calls exit(), and how much memory it may use.

use super::{process, stdio};
use core::ffi::c_void;

extern "C" {
    /// Runs before every handler that was registered earlier, with the status.
    fn on_exit(call: unsafe extern "C" fn(status: libc::c_int, arg: *mut c_void), arg: *mut c_void) -> libc::c_int;
}

/// From here on exit() writes what was printed and ends the process: no handler that the program had registered
/// before runs, as those are the host's, which still needs its temporary files.
pub fn hook_exit() {
    unsafe extern "C" fn leave(status: libc::c_int, _: *mut c_void) {
        stdio::flush_all();
        process::exit_now(status);
    }
    // SAFETY: a function that lives as long as the process.
    unsafe { on_exit(leave, core::ptr::null_mut()) };
}

/// Limits the memory that this process may allocate from here on; what is shared does not count.
pub fn limit_data(bytes: u64) {
    let used = data_used().unwrap_or(0);
    let limit = libc::rlimit { rlim_cur: used.saturating_add(bytes), rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a valid structure. The hard limit may not be raised: then it stays.
    unsafe {
        let mut now = limit;
        if libc::getrlimit(libc::RLIMIT_DATA, &mut now) == 0 {
            let limit = libc::rlimit { rlim_cur: limit.rlim_cur.min(now.rlim_max), rlim_max: now.rlim_max };
            libc::setrlimit(libc::RLIMIT_DATA, &limit);
        }
    }
}

/// Bytes of private writable memory, as the kernel counts them against RLIMIT_DATA.
fn data_used() -> Option<u64> {
    let mut text = [0u8; 128];
    let pages = super::cpus::read(c"/proc/self/statm", &mut text)?.split_whitespace().nth(5)?.parse::<u64>().ok()?;
    Some(pages * super::pages::PAGE as u64)
}
