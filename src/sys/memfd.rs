//! Shared memory without a name in the file system: a sealed file in memory, and mappings of it.
//!
//! Called by: `processes::arena` (the host), the start of a zygote that was executed anew (`from_raw`, `map_at`).
//!
//! Always true:
//! - no signal can come of it: the file's size is checked against RLIMIT_FSIZE first (SIGXFSZ), and pages are given
//!   before they are used (SIGBUS);
//! - a descriptor that the host has closed, and whose number belongs to another file now, is left alone.

use core::ffi::CStr;
use core::mem::zeroed;
use core::ptr::{null_mut, without_provenance_mut, NonNull};

/// Not in every C library: the file can never be executed.
const NOEXEC_SEAL: libc::c_uint = 0x0008;
/// Descriptors that live long stay clear of the low numbers, which programs close and reuse.
const HIGH: libc::c_int = 200;
/// So much is given in one call, so that a signal undoes little.
const PIECE: u64 = 4 << 20;
const PAGE: u64 = 4096;
/// Where the host's mapping is looked for: far from programs, libraries, heaps and stacks, so that the same range is
/// likely to be free in a program that is executed anew.
const MIDDLE: usize = 0x2000_0000_0000;
const MIDDLE_SIZE: usize = 0x2000_0000_0000;
const TRIES: usize = 8;

/// An open file in memory; closed on drop.
#[derive(Debug)]
pub struct Memfd {
    fd: i32,
    /// Device and inode: which file the number stood for.
    file: (u64, u64),
}

impl Memfd {
    /// An empty file that can be sealed.
    pub fn new(name: &CStr) -> Result<Memfd, i32> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: a terminated name; older kernels refuse the flag that they do not know.
        let fd = unsafe {
            match libc::memfd_create(name.as_ptr(), flags | NOEXEC_SEAL) {
                -1 if errno() == libc::EINVAL => libc::memfd_create(name.as_ptr(), flags),
                fd => fd,
            }
        };
        match fd {
            -1 => Err(errno()),
            fd => Ok(Memfd::from_raw(raise(fd))),
        }
    }

    /// Takes over a descriptor that another process has passed on.
    pub fn from_raw(fd: i32) -> Memfd {
        Memfd { fd, file: file_of(fd) }
    }

    pub fn raw(&self) -> i32 {
        self.fd
    }

    /// EBADF if the number stands for another file by now.
    fn check(&self) -> Result<i32, i32> {
        if file_of(self.fd) == self.file {
            Ok(self.fd)
        } else {
            Err(libc::EBADF)
        }
    }

    /// EFBIG where RLIMIT_FSIZE is lower.
    pub fn set_size(&self, size: u64) -> Result<(), i32> {
        // SAFETY: a structure of the size that the call expects.
        let most = unsafe {
            let mut limit: libc::rlimit64 = zeroed();
            match libc::getrlimit64(libc::RLIMIT_FSIZE, &mut limit) {
                0 => limit.rlim_cur,
                _ => u64::MAX,
            }
        };
        if size > most || size > i64::MAX as u64 {
            return Err(libc::EFBIG);
        }
        let fd = self.check()?;
        // SAFETY: no pointers are involved.
        again(|| unsafe { libc::ftruncate64(fd, size as i64) })
    }

    /// Nobody can change the size any more.
    pub fn seal(&self) -> Result<(), i32> {
        let fd = self.check()?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: no pointers are involved.
        again(|| unsafe { libc::fcntl(fd, libc::F_ADD_SEALS, seals) })
    }

    /// Gives memory to a range. After an error a part of it may have been given.
    pub fn allocate(&self, mut at: u64, mut len: u64) -> Result<(), i32> {
        let fd = self.check()?;
        let mut piece = PIECE;
        while len > 0 {
            let n = piece.min(len);
            // SAFETY: no pointers are involved.
            if unsafe { libc::fallocate64(fd, 0, at as i64, n as i64) } == 0 {
                at += n;
                len -= n;
                continue;
            }
            match errno() {
                // The call has undone itself: under a storm of signals only small steps get done.
                libc::EINTR => piece = (n / 2).next_multiple_of(PAGE).max(PAGE),
                e => return Err(e),
            }
        }
        Ok(())
    }

    /// Takes the memory of a range back; it reads as zeroes from then on.
    pub fn punch(&self, at: u64, len: u64) -> Result<(), i32> {
        let fd = self.check()?;
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: no pointers are involved.
        again(|| unsafe { libc::fallocate64(fd, mode, at as i64, len as i64) })
    }

    /// Maps the file's first `size` bytes at an address that a program executed anew is likely to have free.
    /// Where the middle of the address space cannot be had (sanitizers, small address spaces), the kernel chooses.
    pub fn map(&self, size: usize) -> Result<NonNull<u8>, i32> {
        let mut n = seed();
        for _ in 0..TRIES {
            // The steps of a linear congruential generator; the upper bits are the random ones.
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let room = MIDDLE_SIZE.saturating_sub(size).max(1);
            let address = MIDDLE + (((n >> 16) as usize % room) & !((2 << 20) - 1));
            // A hint, as nothing is replaced by it: ThreadSanitizer makes 0 of an address that it has no use for, and
            // there root would get the memory if the address were an order.
            match self.map_with(without_provenance_mut(address), size, 0) {
                Ok(p) if p.as_ptr().addr() == address => return Ok(p),
                // SAFETY: a fresh mapping of our own.
                Ok(p) => unsafe { libc::munmap(p.as_ptr().cast(), size) },
                Err(_) => break,
            };
        }
        self.map_with(null_mut(), size, 0)
    }

    /// The same at this address; EEXIST if something lies there.
    pub fn map_at(&self, address: usize, size: usize) -> Result<NonNull<u8>, i32> {
        let p = self.map_with(without_provenance_mut(address), size, libc::MAP_FIXED_NOREPLACE)?;
        if p.as_ptr().addr() == address {
            return Ok(p);
        }
        // A kernel that does not know the flag takes the address for a hint.
        // SAFETY: a fresh mapping of our own.
        unsafe { libc::munmap(p.as_ptr().cast(), size) };
        Err(libc::EEXIST)
    }

    fn map_with(&self, address: *mut libc::c_void, size: usize, flag: i32) -> Result<NonNull<u8>, i32> {
        let fd = self.check()?;
        let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | flag;
        // SAFETY: a new mapping, which replaces none.
        let p = unsafe { libc::mmap(address, size, libc::PROT_READ | libc::PROT_WRITE, flags, fd, 0) };
        if p == libc::MAP_FAILED {
            return Err(errno());
        }
        // A core dump of the host would be filled with holes of gigabytes.
        // SAFETY: the fresh mapping.
        unsafe { libc::madvise(p, size, libc::MADV_DONTDUMP) };
        NonNull::new(p.cast()).ok_or(libc::ENOMEM)
    }
}

impl Drop for Memfd {
    fn drop(&mut self) {
        if let Ok(fd) = self.check() {
            // SAFETY: the number still stands for this object's file.
            unsafe { libc::close(fd) };
        }
    }
}

/// # Safety
/// The range came from `Memfd::map` or `map_at`, and nobody uses it any more.
pub unsafe fn unmap(p: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(p.as_ptr().cast(), size) };
}

/// (0, 0) for a number that is not open.
fn file_of(fd: i32) -> (u64, u64) {
    // SAFETY: a structure of the size that the call expects.
    unsafe {
        let mut stat: libc::stat64 = zeroed();
        match libc::fstat64(fd, &mut stat) {
            0 => (stat.st_dev, stat.st_ino),
            _ => (0, 0),
        }
    }
}

/// The same file under a high number, where the limit allows one.
fn raise(fd: i32) -> i32 {
    // SAFETY: no pointers are involved; the low number is closed only when a high one stands for the file.
    unsafe {
        match libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, HIGH) {
            -1 => fd,
            high => {
                libc::close(fd);
                high
            }
        }
    }
}

fn errno() -> i32 {
    // SAFETY: errno is this thread's own.
    unsafe { *libc::__errno_location() }
}

/// Repeats a call that a signal has interrupted.
fn again(mut call: impl FnMut() -> i32) -> Result<(), i32> {
    while call() == -1 {
        match errno() {
            libc::EINTR => {}
            e => return Err(e),
        }
    }
    Ok(())
}

/// Differs from call to call and from process to process; secrecy is not needed.
fn seed() -> u64 {
    let mut n = 0u64;
    // SAFETY: eight writable bytes.
    let filled = unsafe { libc::getrandom((&raw mut n).cast(), 8, libc::GRND_NONBLOCK) };
    if filled == 8 {
        return n;
    }
    crate::sys::clock::now_ns() ^ (std::process::id() as u64) << 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sealed_given_and_taken_back() {
        let f = Memfd::new(c"cfutures-test").unwrap();
        f.set_size(64 << 20).unwrap();
        f.seal().unwrap();
        assert_eq!(f.set_size(32 << 20), Err(libc::EPERM));
        f.allocate(0, 8 << 20).unwrap();
        let p = f.map(64 << 20).unwrap();
        // SAFETY: inside the mapping, and given.
        unsafe {
            p.as_ptr().add(5 << 20).write(7);
            f.punch(4 << 20, 4 << 20).unwrap();
            assert_eq!(p.as_ptr().add(5 << 20).read(), 0);
        }
        assert_eq!(f.map_at(p.as_ptr().addr(), 4096), Err(libc::EEXIST));
        // SAFETY: mapped above.
        unsafe { unmap(p, 64 << 20) };
        let q = f.map_at(p.as_ptr().addr(), 64 << 20).unwrap();
        assert_eq!(q, p);
        // SAFETY: mapped above.
        unsafe { unmap(q, 64 << 20) };
    }

    #[test]
    fn a_number_that_means_another_file_is_left_alone() {
        let f = Memfd::new(c"cfutures-test").unwrap();
        f.set_size(1 << 20).unwrap();
        let other = Memfd::new(c"cfutures-other").unwrap();
        // What a program does that closes everything and opens files of its own. In one step: other tests open files.
        // SAFETY: no pointers are involved; the number is this test's own.
        unsafe { assert_eq!(libc::dup2(other.raw(), f.raw()), f.raw()) };
        assert_eq!(f.allocate(0, 4096), Err(libc::EBADF));
        assert_eq!(f.map(4096), Err(libc::EBADF));
        let number = f.raw();
        drop(f);
        assert_eq!(file_of(number), other.file, "not closed by a stranger");
        // SAFETY: as above.
        unsafe { libc::close(number) };
    }
}
