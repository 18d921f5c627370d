//! Where nodes come from and go to: a magazine per thread, a depot of whole magazines.
//!
//! Owns: the free nodes. Called by: submit and by-hand futures (`alloc`), the last release (`free`), hints (`node`).
//!
//! A magazine is a chain of free nodes; its head carries the count and, in the depot, the link to the next
//! magazine. A thread takes from and gives to its own magazine without any atomic, and exchanges whole ones
//! with the depot, so a producer and a consumer on two threads touch shared memory once in 128 nodes.
//!
//! Always true: a node's memory is a node for the life of the process (`chunks`), so a stale hint may read its word at
//! any time; a generation is never used twice for the same node, also when its page was given back.
//! `CFUTURES_PLAIN_ALLOC=1` (see `plain`) makes each node a plain allocation for memory checkers.

use super::chunks::{self, at};
pub use super::chunks::{at as node, epoch_of, index_of, place_of, NODE};
use super::ext::Ext;
use super::plain;
use super::stack::{IndexStack, Links};
use super::trim::{self, trim};
use super::{cf_future, word};
use crate::runner::Runner;
use crate::status::Result;
use crate::sync::{will_write, AtomicPtr, AtomicUsize, Ordering::*};
use core::cell::Cell;
use core::ptr::null_mut;

/// Nodes in a full magazine.
const FULL: u32 = 128;
/// Free nodes beyond this many are worth a look for wholly free chunks: 128 MiB. Touching a fresh page again
/// costs 50 ns a node, so a burst of a million tasks that comes again and again keeps its memory.
pub(super) const MOST_KEPT: usize = 2 << 20;

static DEPOT: IndexStack = IndexStack::new();
/// Nodes in the depot.
pub(super) static FREE_NODES: AtomicUsize = AtomicUsize::new(0);
/// How many free nodes are kept before the next `trim`.
pub(super) static KEEP: AtomicUsize = AtomicUsize::new(MOST_KEPT);
/// The two magazines of a thread: one in use, one in reserve, so that a thread which takes and gives around
/// the edge of a magazine does not go to the depot each time.
pub struct Magazines {
    head: Cell<*mut cf_future>,
    count: Cell<u32>,
    /// How many the one in use may hold.
    room: u32,
    reserve: Cell<*mut cf_future>,
}

impl Magazines {
    pub fn new() -> Magazines {
        let room = if plain::ask() { 0 } else { FULL };
        Magazines { head: Cell::new(null_mut()), count: Cell::new(0), room, reserve: Cell::new(null_mut()) }
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

/// A free node: generation set, everything else as its last user left it.
#[inline]
pub fn alloc(runner: &Runner) -> Result<&'static cf_future> {
    let m = &runner.magazines;
    if m.count.get() == 0 {
        return refill_and_alloc(m);
    }
    Ok(take_first(m))
}

#[inline]
fn take_first(m: &Magazines) -> &'static cf_future {
    let node = m.head.get();
    m.count.set(m.count.get() - 1);
    // SAFETY: a free node of this thread's own magazine.
    unsafe {
        let next = (*node).chain_next();
        // Its line comes while this one is filled.
        will_write(next);
        m.head.set(next);
        &*node
    }
}

#[cold]
fn refill_and_alloc(m: &Magazines) -> Result<&'static cf_future> {
    if plain::on() {
        return plain::alloc();
    }
    refill(m)?;
    Ok(take_first(m))
}

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
pub(super) fn put_magazine(head: &cf_future) {
    let n = head.chain_count() as usize;
    FREE_NODES.fetch_add(n, Relaxed);
    DEPOT.push(index_of(head), &DepotLinks);
}

/// A magazine of nodes that are not in use yet.
fn carve() -> Result<&'static cf_future> {
    let (first, n, generation) = chunks::carve(FULL)?;
    let mut chain = null_mut();
    for index in (first..first + n).rev() {
        let node = at(index);
        node.word.start_at(generation);
        node.set_chain(chain, first + n - index);
        chain = node as *const cf_future as *mut cf_future;
    }
    Ok(at(first))
}

/// Takes back a node whose last reference has gone and whose contents were dropped.
#[inline]
pub fn free(node: &'static cf_future) {
    node.word.close();
    let Ok(runner) = crate::runner::current() else { return free_without_magazine(node) };
    let m = &runner.magazines;
    if m.count.get() == m.room {
        if m.room == 0 {
            return plain::free(node);
        }
        put_aside(m);
    }
    m.count.set(m.count.get() + 1);
    node.set_chain(m.head.get(), m.count.get());
    m.head.set(node as *const cf_future as *mut cf_future);
}

/// There is no memory for this thread's own: a magazine of one goes to the depot.
#[cold]
fn free_without_magazine(node: &'static cf_future) {
    if plain::on() {
        return plain::free(node);
    }
    node.set_chain(null_mut(), 1);
    put_magazine(node);
}

/// The magazine in use is full: it becomes the reserve, and what was the reserve goes to the depot.
#[cold]
fn put_aside(m: &Magazines) {
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

/// What the slab keeps in a free node.
impl cf_future {
    fn depot_link(&self) -> &AtomicPtr<Ext> {
        &self.ext
    }

    /// The next free node of the chain, and how many nodes the chain has from here on.
    #[inline]
    fn set_chain(&self, next: *mut cf_future, count: u32) {
        // SAFETY: a free node of the caller's.
        unsafe { self.arg.with_mut(|p| p.cast::<(*mut cf_future, u32)>().write((next, count))) };
    }

    #[inline]
    fn chain_next(&self) -> *mut cf_future {
        // SAFETY: as above.
        self.arg.with(|p| unsafe { (*p.cast::<(*mut cf_future, u32)>()).0 })
    }

    #[inline]
    pub(super) fn chain_count(&self) -> u32 {
        // SAFETY: as above.
        self.arg.with(|p| unsafe { (*p.cast::<(*mut cf_future, u32)>()).1 })
    }

    /// While the depot is looked through: the chunk of all nodes of the chain, if it is a single one.
    pub(super) fn set_chain_chunk(&self, chunk: Option<u32>) {
        // SAFETY: as above; the head of a chain has no other use for this field.
        unsafe { self.result.with_mut(|p| p.cast::<Option<u32>>().write(chunk)) };
    }

    pub(super) fn chain_chunk(&self) -> Option<u32> {
        // SAFETY: as above, written before.
        self.result.with(|p| unsafe { *p.cast::<Option<u32>>() })
    }
}

// ---- for `trim`

/// Magazines that somebody has taken out of the depot.
pub(super) struct Lot {
    /// Index of the first head, or 0; the heads are linked as in the depot.
    first: u32,
}

impl Lot {
    /// Their heads. Each may be given away when it was seen.
    pub fn iter(&self) -> impl Iterator<Item = &'static cf_future> + use<> {
        let mut next = self.first;
        core::iter::from_fn(move || {
            let head = (next != 0).then(|| at(next))?;
            next = DepotLinks.link(next);
            Some(head)
        })
    }
}

/// The nodes of a chain. Each may be used when it was seen.
pub(super) fn nodes(head: *const cf_future) -> impl Iterator<Item = &'static cf_future> {
    let mut at = head;
    core::iter::from_fn(move || {
        // SAFETY: the chain's nodes are free and the caller's own; the link is read before the node is used.
        let node = unsafe { at.as_ref() }?;
        at = node.chain_next();
        Some(node)
    })
}

pub(super) fn take_depot() -> Lot {
    let mut lot = Lot { first: 0 };
    while let Some(head) = take_magazine() {
        let index = index_of(head);
        DepotLinks.set_link(index, lot.first);
        lot.first = index;
    }
    lot
}

/// Gives single nodes to the depot, in full magazines as far as they go; how many they were.
pub(super) fn put_singles(singles: impl Iterator<Item = &'static cf_future>) -> usize {
    let (mut head, mut count, mut n): (*mut cf_future, u32, usize) = (null_mut(), 0, 0);
    // SAFETY: a chain of free nodes, which are the caller's.
    let put = |head: *mut cf_future| put_magazine(unsafe { &*head });
    for node in singles {
        count += 1;
        node.set_chain(head, count);
        head = node as *const cf_future as *mut cf_future;
        n += 1;
        if count == FULL {
            put(head);
            (head, count) = (null_mut(), 0);
        }
    }
    if count > 0 {
        put(head);
    }
    n
}

/// In a forked child: start anew.
pub fn after_fork() {
    chunks::after_fork();
    DEPOT.clear();
    trim::after_fork();
    FREE_NODES.store(0, Relaxed);
    plain::after_fork();
}

const _: () = assert!(word::FREE == 0);
