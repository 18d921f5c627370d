//! Nodes as plain allocations, so that valgrind and AddressSanitizer see a use after the release.
//!
//! Called by: the slab, when `CFUTURES_PLAIN_ALLOC=1` was in the environment at the first future.
//! Slower, for testing. A hint keeps the node's memory here (not its contents), as its word may be read any time.

use super::{cf_future, slab};
use crate::fork;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, AtomicU8, Lock, Ordering::*};

/// 0 until the environment was asked.
static MODE: AtomicU8 = AtomicU8::new(0);
const OFF: u8 = 1;
const ON: u8 = 2;
static TABLE: Lock<Table> = Lock::new(Table { nodes: Vec::new(), free: Vec::new() });

struct Table {
    /// Index 1 comes first: a hint of all zeroes is an unfilled cell of the queue.
    nodes: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Slot(*mut Node);

// SAFETY: the table only stores addresses; who may use a node is the state word's affair.
unsafe impl Send for Slot {}

#[repr(C, align(64))]
struct Node {
    node: cf_future,
    epoch: u64,
    index: u32,
    /// Who needs the memory: the future itself while it is in use, and each hint.
    keepers: AtomicU32,
}

#[inline]
pub fn on() -> bool {
    MODE.load(Relaxed) != OFF && ask()
}

#[cold]
fn ask() -> bool {
    if MODE.load(Relaxed) == ON {
        return true;
    }
    // SAFETY: getenv reads the environment; changing it at the same time is the host's own race.
    let asked = unsafe {
        let p = libc::getenv(c"CFUTURES_PLAIN_ALLOC".as_ptr());
        !p.is_null() && *p as u8 == b'1'
    };
    // The first answer stands: nodes of both kinds must not meet.
    let _ = MODE.compare_exchange(0, if asked { ON } else { OFF }, Relaxed, Relaxed);
    MODE.load(Relaxed) == ON
}

fn outer(node: &cf_future) -> &Node {
    // SAFETY: in this mode every node is the first field of a `Node`.
    unsafe { &*(node as *const cf_future).cast::<Node>() }
}

pub fn node(index: u32) -> &'static cf_future {
    let slot = TABLE.lock().nodes[index as usize - 1];
    // SAFETY: the hint that gave this index keeps the memory.
    unsafe { &(*slot.0).node }
}

pub fn index_of(node: &cf_future) -> u32 {
    outer(node).index
}

pub fn epoch_of(node: &cf_future) -> u64 {
    outer(node).epoch
}

pub fn alloc() -> Result<&'static cf_future> {
    let mut table = TABLE.lock();
    let index = match table.free.pop() {
        Some(index) => index,
        None => {
            let Table { nodes, free } = &mut *table;
            nodes.try_reserve(1).map_err(|_| Status::CF_NO_MEMORY)?;
            // Room to give every index back without allocating.
            free.try_reserve(nodes.len() + 1).map_err(|_| Status::CF_NO_MEMORY)?;
            nodes.push(Slot(core::ptr::null_mut()));
            nodes.len() as u32
        }
    };
    match mem::try_new(Node { node: cf_future::vacant(), epoch: fork::epoch(), index, keepers: AtomicU32::new(1) }) {
        Ok(node) => {
            table.nodes[index as usize - 1] = Slot(node.as_ptr());
            // SAFETY: alive until `free`.
            Ok(unsafe { &(*node.as_ptr()).node })
        }
        Err(e) => {
            table.free.push(index);
            Err(e)
        }
    }
}

/// A hint to this node begins.
pub fn keep(node: &cf_future) {
    outer(node).keepers.fetch_add(1, Relaxed);
}

/// The future's last reference has gone, or a hint was used.
pub fn free(node: &'static cf_future) {
    if outer(node).keepers.fetch_sub(1, AcqRel) > 1 {
        return;
    }
    let p = outer(node) as *const Node as *mut Node;
    let mut table = TABLE.lock();
    let index = outer(node).index;
    table.nodes[index as usize - 1] = Slot(core::ptr::null_mut());
    table.free.push(index);
    if table.free.len() == table.nodes.len() {
        // Nothing is left: let a leak checker see an empty heap.
        *table = Table { nodes: Vec::new(), free: Vec::new() };
    }
    drop(table);
    // SAFETY: made by `alloc`; the last keeper has gone.
    unsafe { mem::free(p) }
}

pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { TABLE.break_open() };
    // What another thread was in the middle of changing is left where it is.
    // SAFETY: a valid place; nothing is dropped.
    unsafe { core::ptr::write(&mut *TABLE.lock(), Table { nodes: Vec::new(), free: Vec::new() }) };
}

const _: () = assert!(slab::NODE == size_of::<cf_future>());
