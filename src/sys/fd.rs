//! Owned descriptors, and the list of those that are the library's own.
//!
//! Owns: one bit per descriptor of the library that lives as long as a pool does.
//! Called by: everything in `sys` and `processes` that keeps a descriptor.
//!
//! Always true:
//! - a bit stands only while the descriptor is the library's: it is set after the descriptor was made and cleared
//!   before it is closed, so that a zygote, which closes all that are not its own, never closes one of the program's;
//! - nothing in here allocates: the list is read in the child of a fork.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Descriptors from here on are out of the way of programs that count on low numbers.
const HIGH: i32 = 200;
/// Those above are not listed: a zygote then merely keeps them open.
const LISTED: usize = 1 << 16;

// Relaxed throughout: a fork copies the memory as the forking thread sees it, and descriptors that other
// threads make or close meanwhile are at worst kept open a while longer.
static OWN: [AtomicU64; LISTED / 64] = [const { AtomicU64::new(0) }; LISTED / 64];

/// Lists a descriptor as the library's own. Whoever keeps one without `Fd` calls this, and `disown` before closing it.
pub fn own(fd: i32) {
    if let Some(word) = OWN.get(fd as usize / 64) {
        word.fetch_or(1 << (fd % 64), Relaxed);
    }
}

pub fn disown(fd: i32) {
    if let Some(word) = OWN.get(fd as usize / 64) {
        word.fetch_and(!(1 << (fd % 64)), Relaxed);
    }
}

/// For a zygote: closes all listed descriptors but those in `keep`, and empties the list.
pub fn close_own_except(keep: &[i32]) {
    for (i, word) in OWN.iter().enumerate() {
        let mut bits = word.swap(0, Relaxed);
        while bits != 0 {
            let fd = (i * 64) as i32 + bits.trailing_zeros() as i32;
            bits &= bits - 1;
            if !keep.contains(&fd) {
                close(fd);
            }
        }
    }
    keep.iter().for_each(|fd| own(*fd));
}

/// In a forked child the list is void: the program may have put files of its own where ours were.
pub fn after_fork() {
    OWN.iter().for_each(|word| word.store(0, Relaxed));
}

/// Closes a descriptor that no `Fd` owns.
pub fn close(fd: i32) {
    // SAFETY: closing takes a number; the caller owns it.
    unsafe { libc::close(fd) };
}

/// What lies behind a descriptor: device and inode. None if it is closed.
pub fn identity(fd: i32) -> Option<(u64, u64)> {
    // SAFETY: a zeroed structure is a value, and the kernel fills it.
    unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        (libc::fstat(fd, &mut stat) == 0).then_some((stat.st_dev as u64, stat.st_ino as u64))
    }
}

/// Sets or clears close-on-exec.
pub fn inherit(fd: i32, by_exec: bool) {
    // SAFETY: no pointers are involved.
    unsafe { libc::fcntl(fd, libc::F_SETFD, if by_exec { 0 } else { libc::FD_CLOEXEC }) };
}

/// A descriptor of the library, closed on drop.
#[derive(Debug)]
pub struct Fd(i32);

impl Fd {
    /// Takes over an open descriptor.
    pub fn from_raw(fd: i32) -> Fd {
        own(fd);
        Fd(fd)
    }

    pub fn raw(&self) -> i32 {
        self.0
    }

    /// Gives the descriptor away.
    pub fn into_raw(self) -> i32 {
        let fd = self.0;
        core::mem::forget(self);
        disown(fd);
        fd
    }

    /// The same with a high number; unchanged where the limit of open files is too low for that.
    pub fn raise_high(self) -> Fd {
        if self.0 >= HIGH {
            return self;
        }
        // SAFETY: no pointers are involved.
        match unsafe { libc::fcntl(self.0, libc::F_DUPFD_CLOEXEC, HIGH) } {
            -1 => self,
            fd => Fd::from_raw(fd),
        }
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // First the bit: from the close on, the number may be the program's.
        disown(self.0);
        close(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> (Fd, Fd) {
        let mut fds = [0; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        (Fd::from_raw(fds[0]), Fd::from_raw(fds[1]))
    }

    fn flags(fd: i32) -> i32 {
        // SAFETY: no pointers are involved.
        unsafe { libc::fcntl(fd, libc::F_GETFD) }
    }

    fn listed(fd: i32) -> bool {
        OWN[fd as usize / 64].load(Relaxed) & 1 << (fd % 64) != 0
    }

    #[test]
    fn descriptors_move_high_and_are_listed_until_they_are_closed() {
        let (a, b) = pipe();
        let low = a.raw();
        let a = a.raise_high();
        assert!(a.raw() >= HIGH && listed(a.raw()) && (low >= HIGH || !listed(low)));
        assert_eq!(flags(a.raw()), libc::FD_CLOEXEC);
        inherit(a.raw(), true);
        assert_eq!(flags(a.raw()), 0);
        let raw = b.raw();
        drop(b);
        assert!(!listed(raw));
        let raw = a.into_raw();
        assert!(!listed(raw) && flags(raw) >= 0);
        close(raw);
    }
}
