//! The memory of all nodes: chunks that stay where they are, and the directory `index -> node`.
//!
//! Owns: the chunks, their headers, which of them are empty. Called by: the slab, which carves them up; `trim`, which
//! gives wholly free ones back.
//!
//! Always true: a chunk is never unmapped, but for `plain`'s, so the word of a node may be read at any time, by a stale
//! hint too; its header, in its first slot, stays as well, and with it the generation in which its nodes go on.

use super::cf_future;
use super::stack::{IndexStack, Links};
use crate::fork;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Lock, Ordering::*};
use crate::sys::pages;
use core::ptr::null_mut;

pub const NODE: usize = 64;
const CHUNK: usize = 256 * 1024;
/// A chunk is aligned to its size. That size, or the one of `plain`'s, which are two slots; as the mask that finds the
/// chunk of a node.
static ALIGNED: AtomicUsize = AtomicUsize::new(!(CHUNK - 1));
const PER_CHUNK: u32 = (CHUNK / NODE) as u32;
/// Nodes in a chunk: all slots but the header's.
pub(super) const NODES: u32 = PER_CHUNK - 1;
const SHIFT: u32 = PER_CHUNK.trailing_zeros();
const DIRECTORY: usize = 1024;

/// The first slot of each chunk.
#[repr(C)]
pub(super) struct Header {
    epoch: u64,
    number: u32,
    /// The generation in which the chunk's nodes start when they are carved.
    generation: AtomicU32,
    /// For the stack of chunks that were given back.
    next_empty: AtomicU32,
}

type Page = [AtomicPtr<u8>; DIRECTORY];
static CHUNKS: [AtomicPtr<Page>; DIRECTORY] = [const { AtomicPtr::new(null_mut()) }; DIRECTORY];
static FRESH: Lock<Fresh> = Lock::new(Fresh { chunks: 0, current: 0, next: PER_CHUNK });
/// Chunks whose pages were given back, by number.
static EMPTY: IndexStack = IndexStack::new();

/// The chunk that is being carved up.
struct Fresh {
    /// Chunks ever made.
    chunks: u32,
    current: u32,
    /// Next unused slot of the current chunk.
    next: u32,
}

struct EmptyLinks;

/// Chunk `n` is entry `n + 1`.
impl Links for EmptyLinks {
    fn link(&self, entry: u32) -> u32 {
        header_of(entry - 1).next_empty.load(Relaxed)
    }
    fn set_link(&self, entry: u32, next: u32) {
        header_of(entry - 1).next_empty.store(next, Relaxed);
    }
}

/// The node with this index, wherever it is in its life.
#[inline]
pub fn at(index: u32) -> &'static cf_future {
    // SAFETY: chunks are never unmapped, or have `plain`'s keepers; slots other than the first are nodes.
    unsafe { &*place_of(index) }
}

/// Where it is, or was: of a stale index nothing more is known where nodes come from malloc.
#[inline]
pub fn place_of(index: u32) -> *const cf_future {
    let chunk = (index >> SHIFT) as usize;
    // Acquire: pairs with the Release in `add`; indices come out of chunks that were entered here before.
    // SAFETY: directory pages are never unmapped.
    let page = unsafe { &*CHUNKS[chunk / DIRECTORY].load(Acquire) };
    let base = page[chunk % DIRECTORY].load(Acquire);
    base.wrapping_add((index % PER_CHUNK) as usize * NODE).cast()
}

fn header_of(chunk: u32) -> &'static Header {
    header(at(chunk << SHIFT | 1))
}

#[inline]
fn header(node: &cf_future) -> &'static Header {
    let p = node as *const cf_future;
    // Relaxed: set before the first node was made.
    // SAFETY: a chunk is aligned to its size, and its first slot is the header.
    unsafe { &*p.map_addr(|a| a & ALIGNED.load(Relaxed)).cast::<Header>() }
}

#[inline]
pub fn index_of(node: &cf_future) -> u32 {
    let header = header(node);
    let offset = node as *const cf_future as usize - (&raw const *header) as usize;
    header.number << SHIFT | (offset / NODE) as u32
}

/// The epoch of the process that made this node.
#[inline]
pub fn epoch_of(node: &cf_future) -> u64 {
    header(node).epoch
}

pub(super) fn chunk_of(node: &cf_future) -> u32 {
    header(node).number
}

/// How many chunks were ever made.
pub(super) fn count() -> usize {
    FRESH.lock().chunks as usize
}

/// Up to `most` nodes that were not in use yet: the index of the first, how many, and their generation.
pub(super) fn carve(most: u32) -> Result<(u32, u32, u32)> {
    let mut fresh = FRESH.lock();
    if fresh.next == PER_CHUNK {
        next_chunk(&mut fresh)?;
    }
    let n = most.min(PER_CHUNK - fresh.next);
    let first = fresh.current << SHIFT | fresh.next;
    fresh.next += n;
    drop(fresh);
    Ok((first, n, header(at(first)).generation.load(Relaxed)))
}

fn next_chunk(fresh: &mut Fresh) -> Result<()> {
    let number = match EMPTY.pop(&EmptyLinks) {
        Some(entry) => entry - 1,
        None => add(fresh)?,
    };
    (fresh.current, fresh.next) = (number, 1);
    Ok(())
}

/// Makes a chunk and enters it into the directory.
fn add(fresh: &mut Fresh) -> Result<u32> {
    let number = fresh.chunks;
    let place = place(number)?;
    let base = pages::map_aligned(CHUNK)?.as_ptr();
    // SAFETY: fresh memory of ours.
    unsafe { base.cast::<Header>().write(Header::new(number)) };
    // Release: pairs with the Acquire in `at`.
    place.store(base, Release);
    fresh.chunks += 1;
    Ok(number)
}

impl Header {
    pub(super) fn new(number: u32) -> Header {
        Header { epoch: fork::epoch(), number, generation: AtomicU32::new(0), next_empty: AtomicU32::new(0) }
    }
}

/// Where the directory says where a chunk is. Of one caller at a time.
fn place(number: u32) -> Result<&'static AtomicPtr<u8>> {
    // The last chunk's last index must not be u32::MAX + 1, and every chunk needs its place.
    let slot = CHUNKS.get(number as usize / DIRECTORY).ok_or(Status::CF_NO_MEMORY)?;
    let mut page = slot.load(Acquire);
    if page.is_null() {
        page = pages::map(size_of::<Page>().next_multiple_of(pages::PAGE))?.as_ptr().cast();
        slot.store(page, Release);
    }
    // SAFETY: made above once, and never unmapped; zeroed pages are null pointers.
    Ok(unsafe { &(*page)[number as usize % DIRECTORY] })
}

/// Every chunk is of two slots, header and node, and made by `plain`. Before the first one.
pub(super) fn are_of_two_slots() {
    ALIGNED.store(!(2 * NODE - 1), Relaxed);
}

/// Enters a chunk that `plain` has made, or is about to make. Of one caller at a time.
pub(super) fn enter(number: u32, base: *mut u8) -> Result<()> {
    // Release: pairs with the Acquire in `at`.
    place(number)?.store(base, Release);
    Ok(())
}

/// A chunk without users: its pages go, its nodes start in `generation` when it is carved again.
pub(super) fn give_back(chunk: u32, generation: u32) {
    let header = header_of(chunk);
    header.generation.store(generation, Relaxed);
    let base = (&raw const *header).cast_mut().cast::<u8>();
    // SAFETY: nobody uses the chunk's nodes; the first page, with the header, stays.
    unsafe { pages::discard(base.add(pages::PAGE), CHUNK - pages::PAGE) };
    EMPTY.push(chunk + 1, &EmptyLinks);
}

/// In a forked child: start anew, with chunks that carry the new epoch. What the parent had stays as it is,
/// since handles that were inherited may be looked at.
pub(super) fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { FRESH.break_open() };
    FRESH.lock().next = PER_CHUNK;
    EMPTY.clear();
}

const _: () = {
    assert!(size_of::<cf_future>() == NODE && align_of::<cf_future>() == NODE);
    assert!(size_of::<Header>() < NODE);
};
