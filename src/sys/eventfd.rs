//! A descriptor that is readable while it is raised.

use crate::status::{Result, Status};

#[derive(Debug)]
pub struct EventFd(libc::c_int);

impl EventFd {
    pub fn new() -> Result<EventFd> {
        // SAFETY: no pointers are involved.
        match unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) } {
            -1 => Err(Status::CF_OS_ERROR),
            fd => Ok(EventFd(fd)),
        }
    }

    pub fn raw(&self) -> i32 {
        self.0
    }

    /// Makes the descriptor readable.
    pub fn raise(&self) {
        let one = 1u64;
        // SAFETY: eight readable bytes. EAGAIN means that the counter is full: it is readable all the same.
        unsafe { libc::write(self.0, (&raw const one).cast(), 8) };
    }

    /// Makes the descriptor unreadable.
    pub fn lower(&self) {
        let mut count = 0u64;
        // SAFETY: eight writable bytes. EAGAIN means that it was lowered already.
        unsafe { libc::read(self.0, (&raw mut count).cast(), 8) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this object's own.
        unsafe { libc::close(self.0) };
    }
}
