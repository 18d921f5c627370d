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
use super::trim::{self, trim};
use super::{cf_future, word};
use crate::fork;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{will_write, AtomicPtr, AtomicU32, AtomicUsize, Lock, Ordering::*};
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
/// Free nodes beyond this many are worth a look for wholly free chunks: 128 MiB. Touching a fresh page again
/// costs 50 ns a node, so a burst of a million tasks that comes again and again keeps its memory.
pub(super) const MOST_KEPT: usize = 2 << 20;

/// The first slot of each chunk.
#[repr(C)]
struct Header {
    epoch: u64,
    number: u32,
    /// The generation in which the chunk's nodes start when they are carved.
    generation: AtomicU32,
    /// For the stack of chunks that were given back.
    next_empty: AtomicU32,
}

type Page = [AtomicPtr<u8>; DIRECTORY];
static CHUNKS: [AtomicPtr<Page>; DIRECTORY] = [const { AtomicPtr::new(null_mut()) }; DIRECTORY];
static DEPOT: IndexStack = IndexStack::new();
static FRESH: Lock<Fresh> = Lock::new(Fresh { chunks: 0, current: 0, next: PER_CHUNK });
/// Nodes in the depot.
pub(super) static FREE_NODES: AtomicUsize = AtomicUsize::new(0);
/// How many free nodes are kept before the next `trim`.
pub(super) static KEEP: AtomicUsize = AtomicUsize::new(MOST_KEPT);
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

fn header_of(chunk: u32) -> &'static Header {
    header(at(chunk << SHIFT | 1))
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
fn header(node: &cf_future) -> &'static Header {
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
        let next = (*node).chain_next();
        // Its line comes while this one is filled.
        will_write(next);
        m.head.set(next);
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
    let head = match take_magazine() {
        Some(head) => head,
        None => carve()?,
    };
    m.count.set(head.chain_count());
    m.head.set(head as *const cf_future as *mut cf_future);
    Ok(())
}

fn take_magazine() -> Option<&'static cf_future> {
    let head = at(DEPOT.pop(&DepotLinks)?);
    FREE_NODES.fetch_sub(head.chain_count() as usize, Relaxed);
    Some(head)
}

/// Gives a chain, whose head carries the count, to everybody.
fn put_magazine(head: &cf_future) {
    let n = head.chain_count() as usize;
    FREE_NODES.fetch_add(n, Relaxed);
    DEPOT.push(index_of(head), &DepotLinks);
}

/// A magazine of nodes that are not in use yet.
fn carve() -> Result<&'static cf_future> {
    let mut fresh = FRESH.lock();
    if fresh.next == PER_CHUNK {
        add_chunk(&mut fresh)?;
    }
    let n = FULL.min(PER_CHUNK - fresh.next);
    let first = fresh.current << SHIFT | fresh.next;
    fresh.next += n;
    drop(fresh);
    let generation = header(at(first)).generation.load(Relaxed);
    let mut chain = null_mut();
    for index in (first..first + n).rev() {
        let node = at(index);
        node.word.start_at(generation);
        node.set_chain(chain, first + n - index);
        chain = node as *const cf_future as *mut cf_future;
    }
    Ok(at(first))
}

fn add_chunk(fresh: &mut Fresh) -> Result<()> {
    if let Some(number) = EMPTY.pop(&EmptyLinks) {
        (fresh.current, fresh.next) = (number - 1, 1);
        return Ok(());
    }
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
        base.cast::<Header>().write(Header {
            epoch: fork::epoch(),
            number: number as u32,
            generation: AtomicU32::new(0),
            next_empty: AtomicU32::new(0),
        });
        (&*page)[number % DIRECTORY].store(base, Release);
    }
    (fresh.current, fresh.next) = (fresh.chunks, 1);
    fresh.chunks += 1;
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
        return put_magazine(node);
    };
    let m = &runner.magazines;
    if m.count.get() == FULL {
        let full = m.head.replace(null_mut());
        m.count.set(0);
        let reserve = m.reserve.replace(full);
        if !reserve.is_null() {
            // SAFETY: a full magazine of this thread's.
            put_magazine(unsafe { &*reserve });
            if FREE_NODES.load(Relaxed) > KEEP.load(Relaxed) {
                trim(MOST_KEPT);
            }
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
            put_magazine(unsafe { &*chain });
        }
    }
}

// ---- for `trim`

pub(super) const NODES_PER_CHUNK: u32 = PER_CHUNK - 1;

/// Free nodes in somebody's hands.
pub(super) struct Chain {
    head: *mut cf_future,
    len: usize,
}

impl Chain {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static cf_future> + use<> {
        let mut at = self.head;
        core::iter::from_fn(move || {
            // SAFETY: the chain's nodes are free and the caller's own; the link is read before the node is used.
            let node = unsafe { at.as_ref() }?;
            at = node.chain_next();
            Some(node)
        })
    }

    fn push(&mut self, node: &cf_future) {
        node.set_chain(self.head, 1);
        self.head = node as *const cf_future as *mut cf_future;
        self.len += 1;
    }

    /// A chain of those that `wanted` names; the others are in no chain any more.
    pub fn filter(self, wanted: impl Fn(&cf_future) -> bool) -> Chain {
        let mut rest = Chain { head: null_mut(), len: 0 };
        self.iter().filter(|n| wanted(n)).for_each(|n| rest.push(n));
        rest
    }
}

pub(super) fn take_depot() -> Chain {
    let mut all = Chain { head: null_mut(), len: 0 };
    while let Some(head) = take_magazine() {
        Chain { head: head as *const cf_future as *mut cf_future, len: 0 }.iter().for_each(|n| all.push(n));
    }
    all
}

/// Back into the depot, in full magazines as far as they go.
pub(super) fn put_back(all: Chain) {
    let mut nodes = all.iter();
    let mut left = all.len;
    while left > 0 {
        let n = left.min(FULL as usize);
        let mut chain = null_mut();
        for (count, node) in (1..).zip(nodes.by_ref().take(n)) {
            node.set_chain(chain, count);
            chain = node as *const cf_future as *mut cf_future;
        }
        // SAFETY: at least one node was put into the chain.
        put_magazine(unsafe { &*chain });
        left -= n;
    }
}

pub(super) fn chunks() -> usize {
    FRESH.lock().chunks as usize
}

pub(super) fn chunk_of(node: &cf_future) -> usize {
    header(node).number as usize
}

/// A chunk without users: its pages go, its nodes start in `generation` when it is carved again.
pub(super) fn give_chunk_back(chunk: u32, generation: u32) {
    let header = header_of(chunk);
    header.generation.store(generation, Relaxed);
    let base = (&raw const *header).cast_mut().cast::<u8>();
    // SAFETY: nobody uses the chunk's nodes; the first page, with the header, stays.
    unsafe { pages::discard(base.add(pages::PAGE), CHUNK - pages::PAGE) };
    EMPTY.push(chunk + 1, &EmptyLinks);
}

/// In a forked child: start anew, with chunks that carry the new epoch. What the parent had stays as it is,
/// since handles that were inherited may be looked at.
pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { FRESH.break_open() };
    let mut fresh = FRESH.lock();
    fresh.next = PER_CHUNK;
    DEPOT.clear();
    EMPTY.clear();
    trim::after_fork();
    FREE_NODES.store(0, Relaxed);
    plain::after_fork();
}

const _: () = {
    assert!(size_of::<cf_future>() == NODE && align_of::<cf_future>() == NODE);
    assert!(size_of::<Header>() <= NODE && word::FREE == 0);
};
