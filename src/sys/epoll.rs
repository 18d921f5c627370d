//! Waiting for many descriptors.
//!
//! Called by: the supervisor of each process pool.

use super::errno;
use super::fd::Fd;

pub struct Epoll(Option<Fd>);

/// News of the descriptor that was added under this tag.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Event(libc::epoll_event);

impl Event {
    pub const NONE: Event = Event(libc::epoll_event { events: 0, u64: 0 });

    pub fn tag(&self) -> u64 {
        self.0.u64
    }
}

impl Epoll {
    pub fn new() -> Result<Epoll, i32> {
        // SAFETY: no pointers are involved.
        match unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } {
            -1 => Err(errno()),
            fd => Ok(Epoll(Some(Fd::from_raw(fd).raise_high()))),
        }
    }

    fn raw(&self) -> i32 {
        self.0.as_ref().map_or(-1, Fd::raw)
    }

    /// The program has closed it, and may have put something else under its number.
    pub fn forget(&mut self) {
        self.0.take().map(Fd::into_raw);
    }

    /// Reports when `fd` is readable, for as long as it is.
    pub fn add(&self, fd: i32, tag: u64) -> Result<(), i32> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: tag };
        // SAFETY: the event is read during the call.
        match unsafe { libc::epoll_ctl(self.raw(), libc::EPOLL_CTL_ADD, fd, &mut event) } {
            -1 => Err(errno()),
            _ => Ok(()),
        }
    }

    /// Before the descriptor is closed: where another process has a copy of it, closing does not remove it.
    pub fn remove(&self, fd: i32) {
        // SAFETY: no event is needed to remove one.
        unsafe { libc::epoll_ctl(self.raw(), libc::EPOLL_CTL_DEL, fd, core::ptr::null_mut()) };
    }

    /// Fills in who has news; 0 when the time has passed (-1: never), or for no reason.
    pub fn wait(&self, events: &mut [Event], timeout_ms: i32) -> usize {
        let room = events.len().min(i32::MAX as usize) as i32;
        // SAFETY: `Event` is an epoll_event, and the slice is writable during the call.
        let n = unsafe { libc::epoll_wait(self.raw(), events.as_mut_ptr().cast(), room, timeout_ms) };
        n.max(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket;
    use super::*;

    #[test]
    fn readable_descriptors_are_reported_until_they_are_removed() {
        let epoll = Epoll::new().unwrap();
        let (a, b) = socket::pair().unwrap();
        epoll.add(a.raw(), 7).unwrap();
        assert_eq!(epoll.add(a.raw(), 7), Err(libc::EEXIST));
        let mut events = [Event::NONE; 4];
        assert_eq!(epoll.wait(&mut events, 0), 0);
        socket::send(b.raw(), &[1], &[]).unwrap();
        assert_eq!((epoll.wait(&mut events, 1000), events[0].tag()), (1, 7));
        epoll.remove(a.raw());
        assert_eq!(epoll.wait(&mut events, 0), 0);
    }
}
