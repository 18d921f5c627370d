//! The shared memory of one pool: one sealed file, mapped whole, given its memory bit by bit.
//!
//! Owns: the file and its mapping, the count of references to them, what is committed in the fixed part; through
//! `blocks` what is taken of the heap, through `segments` what workers write results into.
//! Called by: the host's side of a process pool, futures whose result lies here, users' shared blocks.
//!
//! Always true:
//! - nothing in here trusts, or even reads, what lies in the shared memory;
//! - memory is given before anybody is told of it: a full file system or control group is CF_NO_MEMORY, never a signal;
//! - the mapping stays where it is until the last reference is gone.

use super::blocks::{Blocks, PAGE};
use super::chunk::SMALL;
use super::layout;
use super::segments::Segments;
use super::spans::Ground;
use crate::error::Failure;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{fence, AtomicUsize, Lock, Ordering::*};
use crate::sys::memfd::{unmap, Memfd};
use crate::sys::memory;
use core::ffi::c_void;
use core::ptr::NonNull;

/// Virtual: what is not used costs nothing.
const MOST: usize = 64 << 30;
const LEAST: usize = layout::HEAP + (16 << 20);
/// Freed memory that is kept for the next blocks, unless a quarter of the limit is less.
const MOST_IDLE: usize = 256 << 20;
/// Where a machine says nothing of its memory.
const DEFAULT_LIMIT: usize = 1 << 30;

const _: () = assert!(layout::HEAP.is_multiple_of(PAGE) && MOST / PAGE <= 1 << 24);

pub struct Arena {
    references: AtomicUsize,
    base: NonNull<u8>,
    size: usize,
    memfd: Memfd,
    state: Lock<State>,
    segments: Segments,
}

// SAFETY: the mapping is shared memory by nature; all else is atomic or behind a lock.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

struct State {
    blocks: Blocks,
    /// One bit for each page before the heap that has memory.
    fixed: Box<[u64]>,
}

/// The heap's pages in the file.
impl Ground for Memfd {
    fn give(&self, page: u32, n: u32) -> Result<()> {
        self.allocate(heap_offset(page), n as u64 * PAGE as u64).map_err(|_| Status::CF_NO_MEMORY)
    }

    fn take(&self, page: u32, n: u32) {
        // Where this fails, memory is kept that nobody uses; the next taker of the pages gives it again.
        let _ = self.punch(heap_offset(page), n as u64 * PAGE as u64);
    }
}

fn heap_offset(page: u32) -> u64 {
    (layout::HEAP + page as usize * PAGE) as u64
}

impl Arena {
    /// A zeroed arena with one reference. `limit` is in bytes; by default half of what this process may have.
    pub fn new(limit: Option<usize>) -> Result<NonNull<Arena>, Failure> {
        let limit = limit.unwrap_or_else(default_limit);
        let size = virtual_size()?;
        let memfd = Memfd::new(c"cfutures").map_err(|e| os_failure("make shared memory", e))?;
        memfd.set_size(size as u64).map_err(|e| os_failure("size shared memory", e))?;
        memfd.seal().map_err(|e| os_failure("seal shared memory", e))?;
        let most_idle = (limit / 4).min(MOST_IDLE) / PAGE;
        let pages = ((size - layout::HEAP) / PAGE) as u32;
        let state = State {
            blocks: Blocks::new(pages, limit / PAGE, most_idle)?,
            fixed: mem::try_slice((layout::HEAP / PAGE).div_ceil(64), |_| 0)?,
        };
        let segments = Segments::new()?;
        let base = memfd.map(size).map_err(|e| no_room(format_args!("{size} bytes of address space (errno {e})")))?;
        let arena = Arena { references: AtomicUsize::new(1), base, size, memfd, state: Lock::new(state), segments };
        let fixed = [(0, size_of::<layout::Control>()), (layout::WORKERS, layout::FUNCTIONS - layout::WORKERS)];
        for (at, len) in fixed {
            arena
                .commit(at, len)
                .map_err(|_| no_room(format_args!("what a pool needs, with a limit of {limit} bytes")))?;
        }
        Ok(mem::try_new(arena)?)
    }

    pub fn retain(&self) {
        // Relaxed: whoever retains has a reference already.
        self.references.fetch_add(1, Relaxed);
    }

    /// # Safety
    /// The caller has a reference, and gives it up. After the last one nobody touches the memory any more.
    pub unsafe fn release(this: *const Arena) {
        // SAFETY: the caller's reference. Release: what was done with the memory comes before its end.
        if unsafe { (*this).references.fetch_sub(1, Release) } == 1 {
            // Pairs with the Release of all others.
            fence(Acquire);
            // SAFETY: made by `new`; this was the last reference.
            unsafe { mem::free(this.cast_mut()) };
        }
    }

    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn fd(&self) -> i32 {
        self.memfd.raw()
    }

    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// A part before the heap; it has been committed, and consists of atomics or of what only the host writes.
    pub fn at<T>(&self, offset: usize) -> &T {
        &self.slice(offset, 1)[0]
    }

    /// `n` of them.
    pub fn slice<T>(&self, offset: usize, n: usize) -> &[T] {
        debug_assert!(offset.is_multiple_of(align_of::<T>()));
        assert!(n.checked_mul(size_of::<T>()).and_then(|s| s.checked_add(offset)).is_some_and(|e| e <= self.size));
        // SAFETY: inside the mapping, aligned, and any bytes are a value of the layout's types.
        unsafe { core::slice::from_raw_parts(self.base.as_ptr().add(offset).cast(), n) }
    }

    pub fn address(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset < self.size);
        self.base.as_ptr().wrapping_add(offset)
    }

    /// Where in the heap these bytes lie, if all of them do.
    pub fn offset_of(&self, p: *const c_void, size: usize) -> Option<usize> {
        let offset = p.addr().checked_sub(self.base.as_ptr().addr())?;
        (offset >= layout::HEAP && size <= self.size && offset <= self.size - size).then_some(offset)
    }

    /// Gives memory to a part before the heap; what has some already is not given it again.
    pub fn commit(&self, offset: usize, size: usize) -> Result<()> {
        let end = offset.checked_add(size).filter(|e| *e <= layout::HEAP).ok_or(Status::CF_NO_MEMORY)?;
        let (first, last) = (offset / PAGE, end.div_ceil(PAGE));
        let mut state = self.state.lock();
        let state = &mut *state;
        let cold = |fixed: &[u64], p: &usize| fixed[p / 64] & 1 << (p % 64) == 0;
        let n = (first..last).filter(|p| cold(&state.fixed, p)).count();
        if n == 0 {
            return Ok(());
        }
        state.blocks.charge(n, &self.memfd)?;
        // Pages that have memory already keep what is in them; after an error nobody knows of the others.
        let (at, len) = ((first * PAGE) as u64, ((last - first) * PAGE) as u64);
        let given = self.memfd.allocate(at, len).or_else(|_| {
            state.blocks.trim_all(&self.memfd);
            self.memfd.allocate(at, len)
        });
        if given.is_err() {
            for p in (first..last).filter(|p| cold(&state.fixed, p)) {
                let _ = self.memfd.punch((p * PAGE) as u64, PAGE as u64);
            }
            state.blocks.refund(n);
            return Err(Status::CF_NO_MEMORY);
        }
        (first..last).for_each(|p| state.fixed[p / 64] |= 1 << (p % 64));
        Ok(())
    }

    /// A block of the heap, aligned to 64 bytes, with memory; it holds what lay there before.
    pub fn alloc(&self, size: usize) -> Result<usize> {
        if size <= SMALL {
            return Ok(layout::HEAP + self.state.lock().blocks.small(size, &self.memfd)?);
        }
        self.large(size).or_else(|e| match e {
            Refusal::Limit => Err(Status::CF_NO_MEMORY),
            Refusal::Kernel => {
                self.state.lock().blocks.trim_all(&self.memfd);
                self.large(size).map_err(|_| Status::CF_NO_MEMORY)
            }
        })
    }

    fn large(&self, size: usize) -> Result<usize, Refusal> {
        let pages = u32::try_from(size.div_ceil(PAGE)).map_err(|_| Refusal::Limit)?;
        let (at, cold) = self.state.lock().blocks.large(pages, &self.memfd).map_err(|_| Refusal::Limit)?;
        // Without the lock: a gigabyte takes the kernel a second.
        if cold && self.memfd.give((at / PAGE) as u32, pages).is_err() {
            self.state.lock().blocks.undo(at, &self.memfd);
            return Err(Refusal::Kernel);
        }
        Ok(layout::HEAP + at)
    }

    /// Frees a block; anything else is left alone.
    pub fn free(&self, offset: usize) {
        let freed = offset.checked_sub(layout::HEAP).is_some_and(|at| self.state.lock().blocks.free(at, &self.memfd));
        debug_assert!(freed, "no block at {offset}");
    }

    /// The room of the block that starts there; none where no block does.
    pub fn block_size(&self, offset: usize) -> Option<usize> {
        self.state.lock().blocks.size_of(offset.checked_sub(layout::HEAP)?)
    }

    /// Bytes of the heap that blocks and segments take.
    pub fn taken(&self) -> usize {
        self.state.lock().blocks.taken()
    }

    /// Bytes that count against the limit.
    pub fn committed(&self) -> usize {
        self.state.lock().blocks.used() * PAGE
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; the last reference is gone.
        unsafe { unmap(self.base, self.size) };
    }
}

enum Refusal {
    Limit,
    Kernel,
}

fn no_room(what: core::fmt::Arguments) -> Failure {
    Failure::new(Status::CF_NO_MEMORY, 0, format_args!("no shared memory for the pool: no room for {what}"))
}

fn os_failure(what: &str, errno: i32) -> Failure {
    let status = match errno {
        libc::ENOMEM | libc::EFBIG => Status::CF_NO_MEMORY,
        _ => Status::CF_OS_ERROR,
    };
    Failure::new(status, errno, format_args!("cannot {what} for the pool (errno {errno})"))
}

fn default_limit() -> usize {
    let most = memory::group_limit().into_iter().chain(memory::available()).min();
    most.map_or(DEFAULT_LIMIT, |m| m / 2)
}

/// How large the mapping can be.
fn virtual_size() -> Result<usize, Failure> {
    let by_space = memory::address_space_left().map(|left| left / 2);
    let size = by_space.into_iter().chain(memory::file_size_limit()).fold(MOST, usize::min) & !(PAGE - 1);
    if size < LEAST {
        let text = "limits of address space or file size (RLIMIT_AS, RLIMIT_FSIZE) leave";
        return Err(no_room(format_args!("{LEAST} bytes: {text} {size}")));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(limit: Option<usize>, f: impl FnOnce(&Arena)) {
        let arena = Arena::new(limit).map_err(|f| f.status).unwrap();
        // SAFETY: one reference, given up here.
        unsafe {
            f(arena.as_ref());
            Arena::release(arena.as_ptr());
        }
    }

    #[test]
    fn parts_are_committed_once_and_counted() {
        with(Some(64 << 20), |arena| {
            let before = arena.committed();
            arena.commit(layout::SLOTS, 1000 * size_of::<layout::Slot>()).unwrap();
            arena.commit(layout::SLOTS + 4000, 100_000).unwrap();
            assert_eq!(arena.committed() - before, 256_000usize.next_multiple_of(PAGE));
            assert_eq!(arena.commit(layout::SLOTS, 128 << 20), Err(Status::CF_NO_MEMORY));
            assert_eq!(arena.commit(layout::HEAP - 64, 128), Err(Status::CF_NO_MEMORY));
            assert_eq!(arena.at::<layout::Slot>(layout::SLOTS).word.look(), 0);
        });
    }

    #[test]
    fn blocks_of_all_sizes_hold_what_is_written() {
        with(Some(256 << 20), |arena| {
            let sizes = [0, 1, 64, 100, 4096, SMALL, SMALL + 1, 1 << 20, 50 << 20];
            let blocks: Vec<usize> = sizes.iter().map(|s| arena.alloc(*s).unwrap()).collect();
            for (i, (at, size)) in blocks.iter().zip(sizes).enumerate() {
                assert_eq!((at % 64, arena.offset_of(arena.address(*at).cast(), size)), (0, Some(*at)));
                assert!(arena.block_size(*at).unwrap() >= size);
                // SAFETY: inside the block.
                unsafe { arena.address(*at).write_bytes(i as u8, size) };
            }
            for (i, (at, size)) in blocks.iter().zip(sizes).enumerate() {
                // SAFETY: inside the block.
                assert!((0..size).step_by(77).all(|b| unsafe { *arena.address(at + b) } == i as u8));
                arena.free(*at);
            }
            assert_eq!(arena.alloc(300 << 20), Err(Status::CF_NO_MEMORY));
            assert_eq!(arena.alloc(usize::MAX), Err(Status::CF_NO_MEMORY));
            assert_eq!(arena.offset_of(arena.base().cast(), 1), None);
            assert!(arena.committed() <= 64 << 20, "idle memory beyond a quarter went back");
        });
    }

    #[test]
    fn a_limit_that_is_too_small_says_so() {
        let failure = Arena::new(Some(1 << 16)).err().unwrap();
        assert_eq!(failure.status, Status::CF_NO_MEMORY);
        // SAFETY: made by `boxed`, freed here.
        unsafe {
            assert!((*failure.error).message().to_str().unwrap().contains("65536"));
            crate::error::cf_error::free(failure.error);
        }
    }

    #[test]
    fn threads_share_it() {
        with(Some(128 << 20), |arena| {
            std::thread::scope(|s| {
                for t in 0..4usize {
                    s.spawn(move || {
                        let mut held = Vec::new();
                        for i in 0..400 {
                            let size = [40, 3000, 70_000, 600_000][(i + t) % 4];
                            let at = arena.alloc(size).unwrap();
                            // SAFETY: inside the block.
                            unsafe { arena.address(at).cast::<usize>().write(t * 1000 + i) };
                            held.push((at, t * 1000 + i));
                            if held.len() > 8 {
                                let (at, mark) = held.swap_remove(i % 8);
                                // SAFETY: as above.
                                assert_eq!(unsafe { arena.address(at).cast::<usize>().read() }, mark);
                                arena.free(at);
                            }
                        }
                        held.into_iter().for_each(|(at, _)| arena.free(at));
                    });
                }
            });
        });
    }
}
