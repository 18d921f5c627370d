//! Where nodes come from and go to: type-stable chunks, a magazine per thread, a depot of whole magazines.
//!
//! Owns: the directory `index -> node`, the chunks, the free nodes.
//! Called by: submit and by-hand futures (`alloc`), the last release (`free`), hints (`node`).
//!
//! A magazine is a chain of free nodes; its head carries the count and, in the depot, the link to the next
//! magazine. A thread takes from and gives to its own magazine without any atomic, and exchanges whole ones
//! with the depot, so a producer and a consumer on two threads touch shared memory once in 128 nodes.
//!
//! Always true: a node's memory is a node for the life of the process, so a stale hint may read its word at
//! any time; a generation is never used twice for the same node, also when its page was given back.
//! `CFUTURES_PLAIN_ALLOC=1` (see `plain`) makes each node a plain allocation for memory checkers.

use super::plain;
use super::stack::{IndexStack, Links};
use super::{cf_future, word};
use crate::fork;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, Lock, Ordering::*};
use crate::sys::pages;
use core::cell::Cell;
use core::ptr::null_mut;

pub const NODE: usize = 64;
const CHUNK: usize = 256 * 1024;
const PER_CHUNK: u32 = (CHUNK / NODE) as u32;
const SHIFT: u32 = PER_CHUNK.trailing_zeros();
/// Nodes in a full magazine.
const FULL: u32 = 128;
const DIRECTORY: usize = 1024;

/// The first slot of each chunk.
#[repr(C)]
struct Header {
    epoch: u64,
    number: u32,
}

type Page = [AtomicPtr<u8>; DIRECTORY];
static CHUNKS: [AtomicPtr<Page>; DIRECTORY] = [const { AtomicPtr::new(null_mut()) }; DIRECTORY];
static DEPOT: IndexStack = IndexStack::new();
static FRESH: Lock<Fresh> = Lock::new(Fresh { chunks: 0, next: PER_CHUNK });

/// The chunk that is being carved up.
struct Fresh {
    chunks: u32,
    /// Next unused slot of the last chunk.
    next: u32,
}

/// The two magazines of a thread: one in use, one in reserve, so that a thread which takes and gives around
/// the edge of a magazine does not go to the depot each time.
pub struct Magazines {
    head: Cell<*mut cf_future>,
    count: Cell<u32>,
    reserve: Cell<*mut cf_future>,
}

impl Magazines {
    pub fn new() -> Magazines {
        Magazines { head: Cell::new(null_mut()), count: Cell::new(0), reserve: Cell::new(null_mut()) }
    }
}

struct DepotLinks;

impl Links for DepotLinks {
    fn link(&self, index: u32) -> u32 {
        // A stranger's head may be in use as a node again: then this reads a pointer's bits, and the tag forbids the pop.
        at(index).depot_link().load(Relaxed).addr() as u32
    }
    fn set_link(&self, index: u32, next: u32) {
        at(index).depot_link().store(core::ptr::without_provenance_mut(next as usize), Relaxed);
    }
}

/// The node with this index, wherever it is in its life.
#[inline]
fn at(index: u32) -> &'static cf_future {
    let chunk = (index >> SHIFT) as usize;
    // Acquire: pairs with the Release in `carve`; indices come out of chunks that were entered here before.
    // SAFETY: directory pages and chunks are never unmapped, and slots other than the first are nodes.
    unsafe {
        let page = &*CHUNKS[chunk / DIRECTORY].load(Acquire);
        let base = page[chunk % DIRECTORY].load(Acquire);
        &*base.add((index % PER_CHUNK) as usize * NODE).cast()
    }
}

/// The node that a hint names.
#[inline]
pub fn node(index: u32) -> &'static cf_future {
    if plain::on() {
        return plain::node(index);
    }
    at(index)
}

#[inline]
pub fn index_of(node: &cf_future) -> u32 {
    if plain::on() {
        return plain::index_of(node);
    }
    let address = node as *const cf_future as usize;
    header(node).number << SHIFT | ((address % CHUNK) / NODE) as u32
}

#[inline]
fn header(node: &cf_future) -> &Header {
    let p = node as *const cf_future;
    // SAFETY: a chunk is aligned to its size, and its first slot is the header.
    unsafe { &*p.map_addr(|a| a & !(CHUNK - 1)).cast::<Header>() }
}

/// The epoch of the process that made this node.
#[inline]
pub fn epoch_of(node: &cf_future) -> u64 {
    if plain::on() {
        return plain::epoch_of(node);
    }
    header(node).epoch
}

/// A free node: generation set, everything else as its last user left it.
#[inline]
pub fn alloc(runner: &Runner) -> Result<&'static cf_future> {
    if plain::on() {
        return plain::alloc();
    }
    let m = &runner.magazines;
    if m.count.get() == 0 {
        refill(m)?;
    }
    let node = m.head.get();
    m.count.set(m.count.get() - 1);
    // SAFETY: a free node of this thread's own magazine.
    unsafe {
        m.head.set((*node).chain_next());
        Ok(&*node)
    }
}

#[cold]
fn refill(m: &Magazines) -> Result<()> {
    let reserve = m.reserve.replace(null_mut());
    if !reserve.is_null() {
        // SAFETY: a full magazine of this thread's.
        m.count.set(unsafe { (*reserve).chain_count() });
        m.head.set(reserve);
        return Ok(());
    }
    let head = match DEPOT.pop(&DepotLinks) {
        Some(index) => at(index),
        None => carve()?,
    };
    m.count.set(head.chain_count());
    m.head.set(head as *const cf_future as *mut cf_future);
    Ok(())
}

/// A magazine of nodes that were never used.
fn carve() -> Result<&'static cf_future> {
    let mut fresh = FRESH.lock();
    if fresh.next == PER_CHUNK {
        add_chunk(&mut fresh)?;
    }
    let n = FULL.min(PER_CHUNK - fresh.next);
    let first = (fresh.chunks - 1) << SHIFT | fresh.next;
    fresh.next += n;
    drop(fresh);
    let mut chain = null_mut();
    for index in (first..first + n).rev() {
        let node = at(index);
        node.word.start_at(0);
        node.set_chain(chain, first + n - index);
        chain = node as *const cf_future as *mut cf_future;
    }
    Ok(at(first))
}

fn add_chunk(fresh: &mut Fresh) -> Result<()> {
    let number = fresh.chunks as usize;
    // The last chunk's last index must not be u32::MAX + 1, and every chunk needs its place.
    let slot = CHUNKS.get(number / DIRECTORY).ok_or(Status::CF_NO_MEMORY)?;
    let mut page = slot.load(Acquire);
    if page.is_null() {
        page = pages::map(size_of::<Page>().next_multiple_of(pages::PAGE))?.as_ptr().cast();
        slot.store(page, Release);
    }
    let base = pages::map_aligned(CHUNK)?.as_ptr();
    // SAFETY: fresh memory of ours; zeroed pages are null pointers. Release: pairs with the Acquire in `at`.
    unsafe {
        base.cast::<Header>().write(Header { epoch: fork::epoch(), number: number as u32 });
        (&*page)[number % DIRECTORY].store(base, Release);
    }
    fresh.chunks += 1;
    fresh.next = 1;
    Ok(())
}

/// Takes back a node whose last reference has gone and whose contents were dropped.
#[inline]
pub fn free(node: &'static cf_future) {
    node.word.close();
    if plain::on() {
        return plain::free(node);
    }
    let Ok(runner) = crate::runner::current() else {
        // No memory for this thread's own magazine: a magazine of one goes to the depot.
        node.set_chain(null_mut(), 1);
        return DEPOT.push(index_of(node), &DepotLinks);
    };
    let m = &runner.magazines;
    if m.count.get() == FULL {
        let full = m.head.replace(null_mut());
        m.count.set(0);
        let reserve = m.reserve.replace(full);
        if !reserve.is_null() {
            // SAFETY: a full magazine that nobody uses any more.
            DEPOT.push(index_of(unsafe { &*reserve }), &DepotLinks);
        }
    }
    m.count.set(m.count.get() + 1);
    node.set_chain(m.head.get(), m.count.get());
    m.head.set(node as *const cf_future as *mut cf_future);
}

/// A thread ends: its magazines go to the depot.
pub fn give_back(m: &Magazines) {
    m.count.set(0);
    for chain in [m.head.replace(null_mut()), m.reserve.replace(null_mut())] {
        if !chain.is_null() {
            // SAFETY: a chain of free nodes of this thread's own; its head carries the count.
            DEPOT.push(index_of(unsafe { &*chain }), &DepotLinks);
        }
    }
}

/// In a forked child: start anew, with chunks that carry the new epoch. What the parent had stays as it is,
/// since handles that were inherited may be looked at.
pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { FRESH.break_open() };
    let mut fresh = FRESH.lock();
    fresh.next = PER_CHUNK;
    DEPOT.clear();
    plain::after_fork();
}

/// How many nodes were ever carved; for the memory figures of the tests.
#[cfg(test)]
pub fn carved() -> u32 {
    let fresh = FRESH.lock();
    fresh.chunks.saturating_sub(1) * PER_CHUNK + fresh.next
}

const _: () = {
    assert!(size_of::<cf_future>() == NODE && align_of::<cf_future>() == NODE);
    assert!(size_of::<Header>() <= NODE && word::FREE == 0);
};
