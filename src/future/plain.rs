//! Nodes as plain allocations, so that valgrind and AddressSanitizer see a use after the release.
//!
//! Called by: the slab, when `CFUTURES_PLAIN_ALLOC=1` was in the environment at the first future.
//! Slower, for testing. A hint keeps the node's memory here (not its contents), as its word may be read any time.
//!
//! Always true: each node is the only one of a chunk of two slots, so `chunks` finds it, its name and its epoch without
//! asking which kind it is; magazines stay empty and have no room, so only who would go to the depot asks.

use super::chunks::{self, Header};
use super::{cf_future, slab};
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, AtomicU8, Lock, Ordering::*};

/// 0 until the environment was asked, which is before there is a node.
static MODE: AtomicU8 = AtomicU8::new(0);
const OFF: u8 = 1;
const ON: u8 = 2;
static NUMBERS: Lock<Numbers> = Lock::new(Numbers { made: 0, free: Vec::new() });

/// Of chunks.
struct Numbers {
    made: u32,
    free: Vec<u32>,
}

/// As long as a chunk: aligned to its size.
#[repr(C, align(128))]
struct Node {
    header: Header,
    /// Who needs the memory: the future itself while it is in use, and each hint.
    keepers: AtomicU32,
    node: cf_future,
}
const _: () = assert!(size_of::<Node>() == 2 * slab::NODE && core::mem::offset_of!(Node, node) == slab::NODE);

/// Once there is a node.
#[inline]
pub fn on() -> bool {
    MODE.load(Relaxed) == ON
}

/// Before there is one.
pub fn ask() -> bool {
    if MODE.load(Relaxed) == 0 {
        // SAFETY: getenv reads the environment; changing it at the same time is the host's own race.
        let asked = unsafe {
            let p = libc::getenv(c"CFUTURES_PLAIN_ALLOC".as_ptr());
            !p.is_null() && *p as u8 == b'1'
        };
        let _decided_once = NUMBERS.lock();
        if MODE.load(Relaxed) == 0 {
            if asked {
                chunks::are_of_two_slots();
            }
            MODE.store(if asked { ON } else { OFF }, Relaxed);
        }
    }
    on()
}

fn outer(node: &cf_future) -> &Node {
    // SAFETY: in this mode every node is a part of a `Node`.
    unsafe { &*(node as *const cf_future).byte_sub(slab::NODE).cast::<Node>() }
}

pub fn alloc() -> Result<&'static cf_future> {
    let mut numbers = NUMBERS.lock();
    let number = match numbers.free.pop() {
        Some(number) => number,
        None => {
            let number = numbers.made;
            // Its place is made first: the rest cannot fail, or can be undone.
            chunks::enter(number, core::ptr::null_mut())?;
            // Room to give every number back without allocating.
            numbers.free.try_reserve(number as usize + 1).map_err(|_| Status::CF_NO_MEMORY)?;
            numbers.made += 1;
            number
        }
    };
    let (header, node) = (Header::new(number), cf_future::vacant());
    let made = mem::try_new(Node { header, keepers: AtomicU32::new(1), node })
        .and_then(|node| chunks::enter(number, node.as_ptr().cast()).map(|()| node));
    match made {
        // SAFETY: alive until `free`.
        Ok(node) => Ok(unsafe { &(*node.as_ptr()).node }),
        Err(e) => {
            numbers.free.push(number);
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
    let mut numbers = NUMBERS.lock();
    numbers.free.push(chunks::chunk_of(node));
    if numbers.free.len() == numbers.made as usize {
        // Nothing is left: let a leak checker see an empty heap.
        *numbers = Numbers { made: 0, free: Vec::new() };
    }
    drop(numbers);
    // SAFETY: made by `alloc`; the last keeper has gone.
    unsafe { mem::free(p) }
}

pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { NUMBERS.break_open() };
    // What another thread was in the middle of changing is left where it is.
    // SAFETY: a valid place; nothing is dropped.
    unsafe { core::ptr::write(&mut *NUMBERS.lock(), Numbers { made: 0, free: Vec::new() }) };
}
