//! Waiting for a few descriptors.
//!
//! Called by: the zygotes, which have three, and whoever looks at one.

pub use libc::{pollfd as Entry, POLLHUP, POLLIN, POLLOUT, POLLRDHUP};

pub fn entry(fd: i32, events: i16) -> Entry {
    Entry { fd, events, revents: 0 }
}

/// Waits until one entry has news, the time has passed (-1: for ever), or for no reason; how many have news.
pub fn wait(entries: &mut [Entry], milliseconds: i32) -> usize {
    // SAFETY: the entries are writable during the call.
    let n = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, milliseconds) };
    if n < 0 {
        entries.iter_mut().for_each(|e| e.revents = 0);
    }
    n.max(0) as usize
}

/// The descriptor has something to read, or its other side is gone, within that time.
pub fn readable(fd: i32, milliseconds: i32) -> bool {
    let deadline = super::clock::now_ns() + milliseconds.max(0) as u64 * 1_000_000;
    let mut left = milliseconds;
    loop {
        if wait(&mut [entry(fd, POLLIN)], left) > 0 {
            return true;
        }
        let now = super::clock::now_ns();
        if now >= deadline {
            return false;
        }
        // A signal came: wait for what is left.
        left = (deadline - now).div_ceil(1_000_000) as i32;
    }
}
