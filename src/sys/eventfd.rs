//! A descriptor that is readable while it is raised.
//!
//! Always true: nothing is written to, read from or closed under its number when the program has closed it and put
//! something else there.

use super::errno;
use super::fd::{self, Fd};
use crate::sync::{AtomicU32, Ordering::Relaxed};

#[derive(Debug)]
pub struct EventFd {
    /// None only in drop.
    fd: Option<Fd>,
    /// What the kernel calls what lies behind it: the same for every eventfd.
    identity: (u64, u64),
    /// What this one carries besides, or 0.
    mark: i32,
}

/// The number of the signal that a file would send if it was asked to send signals, which this one never is: a number
/// that stays with the open file, and that nobody else gives to an eventfd.
const F_SETSIG: i32 = 10;
const F_GETSIG: i32 = 11;
const MOST_MARKS: u32 = 31;

/// No two pools of a row have the same.
fn next_mark() -> i32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    // Relaxed: it is only a number.
    (LAST.fetch_add(1, Relaxed) % MOST_MARKS + 1) as i32
}

impl EventFd {
    /// `Err` carries errno.
    pub fn new() -> Result<EventFd, i32> {
        // SAFETY: no pointers are involved.
        match unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) } {
            -1 => Err(errno()),
            raw => {
                let fd = Fd::from_raw(raw);
                let identity = fd::identity(fd.raw()).ok_or(libc::EBADF)?;
                Ok(EventFd { fd: Some(fd), identity, mark: 0 })
            }
        }
    }

    /// To be known from other eventfds, for one that nobody else is given.
    pub fn marked(mut self) -> EventFd {
        let mark = next_mark();
        // SAFETY: no pointers are involved. Where it cannot be marked it is known as an eventfd.
        if unsafe { libc::fcntl(self.raw(), F_SETSIG, mark) } == 0 {
            self.mark = mark;
        }
        self
    }

    /// With a number that is out of the way of programs that count on low ones.
    pub fn raise_high(mut self) -> EventFd {
        self.fd = self.fd.take().map(Fd::raise_high);
        self
    }

    pub fn raw(&self) -> i32 {
        self.fd.as_ref().map_or(-1, Fd::raw)
    }

    /// Is it still there?
    pub fn stands(&self) -> bool {
        fd::identity(self.raw()) == Some(self.identity) && (self.mark == 0 || self.is_marked())
    }

    /// Does it carry the mark? Not if it cannot be asked, and closed is the one reason for that.
    fn is_marked(&self) -> bool {
        // SAFETY: no pointers are involved.
        match unsafe { libc::fcntl(self.raw(), F_GETSIG) } {
            -1 => errno() != libc::EBADF,
            mark => mark == self.mark,
        }
    }

    /// Makes the descriptor readable.
    pub fn raise(&self) {
        if self.stands() {
            raise(self.raw());
        }
    }

    /// Makes the descriptor unreadable.
    pub fn lower(&self) {
        let mut count = 0u64;
        if self.stands() {
            // SAFETY: eight writable bytes. EAGAIN means that it was lowered already.
            unsafe { libc::read(self.raw(), (&raw mut count).cast(), 8) };
        }
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        if !self.stands() {
            self.fd.take().map(Fd::into_raw);
        }
    }
}

/// Makes the descriptor readable, whoever owns it.
pub fn raise(fd: i32) {
    let one = 1u64;
    // SAFETY: eight readable bytes. EAGAIN means that the counter is full: it is readable all the same. Who sleeps on it
    // is rung for once: a ring that a signal interrupts must not be lost.
    while unsafe { libc::write(fd, (&raw const one).cast(), 8) } == -1 && errno() == libc::EINTR {}
}
