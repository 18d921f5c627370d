//! A portion of a map: many items as one task, each with an outcome of its own, also when one of them kills the worker.
//!
//! Owns: the layout of a portion's block, and running its items in a worker. Called by: `map::far` (making blocks),
//! harvest and deaths (fetching outcomes), `worker`.
//!
//! ```text
//!   Head | Item x count | record x count
//! ```
//!
//! Always true: `next` is the item that is being run, all before it have ended; an item runs at most once: after a
//! death the portion goes on behind the item that was running.

use super::heap::WorkerHeap;
use super::points::{point, Point};
use super::result::{FarResult, Words};
use crate::capi::types::TaskFn;
use crate::error::cf_error;
use crate::fork::Stamp;
use crate::future::node::Birth;
use crate::status::{Result, Status};
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Lock, Ordering::*};
use crate::sys::process;
use crate::task::{cf_task, Sink};
use core::ffi::{c_void, CStr};
use core::ops::Range;
use core::ptr::NonNull;

/// Bytes of a result that lie in the item itself.
pub const ROOM: usize = 16;
/// The outcomes of so many items the supervisor may fetch beside the thread that waits; of fewer it would be in its way.
pub const MANY: usize = 64;
const ALIGN: usize = 16;

#[repr(C, align(64))]
pub struct Head {
    /// Written by the worker: the item that it runs.
    pub next: AtomicU32,
    /// Written by the host: no further item is to start.
    pub stop: AtomicU32,
    count: AtomicU32,
    record: AtomicU64,
}

/// The outcome of one item.
#[repr(C, align(16))]
pub struct Item {
    pub result: [AtomicU64; ROOM / 8],
    pub size: AtomicU64,
    pub at: AtomicU64,
    pub status: AtomicI32,
    pub code: AtomicI32,
}

/// What a map does with its items' outcomes.
pub trait Items: Sync {
    /// An item has ended: with the bytes of its result, which are the callee's to copy, or with an error.
    fn absorb(&self, index: usize, outcome: Result<&[u8], cf_error>);
    /// Nothing more is to start.
    fn is_stopped(&self) -> bool;
    /// The portion's task has ended: its reference to the items goes.
    fn portion_ended(&self);
}

/// The host's side of a portion; lives until its task has ended and its map is done with it.
pub struct Portion {
    pub items: *const dyn Items,
    /// The index of its first item.
    pub first: usize,
    pub count: u32,
    record: usize,
    /// The block's offset in the arena, and its address.
    pub block: usize,
    place: *mut u8,
    /// So many items from the front have been absorbed; held while some are, and by whoever ends the task before it goes.
    pub absorbed: Lock<u32>,
}

// SAFETY: made by one thread before the task is queued, and constant but for the lock.
unsafe impl Sync for Portion {}
// SAFETY: as above.
unsafe impl Send for Portion {}

fn stride(record: usize) -> usize {
    record.next_multiple_of(ALIGN)
}

impl Portion {
    /// How large a block is for so many records.
    pub fn bytes(count: usize, record: usize) -> Result<usize> {
        let each = size_of::<Item>().checked_add(stride(record)).ok_or(Status::CF_NO_MEMORY)?;
        let whole = each.checked_mul(count).and_then(|n| n.checked_add(size_of::<Head>()));
        // So that several may lie behind each other.
        whole.and_then(|n| n.checked_next_multiple_of(align_of::<Head>())).ok_or(Status::CF_NO_MEMORY)
    }

    /// Lays a portion out in its block; `fill` writes the record of an item.
    pub fn new(
        items: *const dyn Items,
        first: usize,
        count: usize,
        record: usize,
        (block, place): (usize, *mut u8),
        fill: impl Fn(usize, *mut u8),
    ) -> Portion {
        let portion = Portion { items, first, count: count as u32, record, block, place, absorbed: Lock::new(0) };
        let head = portion.head();
        head.next.store(0, Relaxed);
        head.stop.store(0, Relaxed);
        head.count.store(count as u32, Relaxed);
        head.record.store(record as u64, Relaxed);
        // SAFETY: the block has room for every record.
        (0..count).for_each(|i| fill(first + i, unsafe { records(place, count).add(i * stride(record)) }));
        portion
    }

    pub fn size(&self) -> usize {
        size_of::<Head>() + self.count as usize * (size_of::<Item>() + stride(self.record))
    }

    pub fn head(&self) -> &Head {
        // SAFETY: the block begins with it, and lives as long as the portion.
        unsafe { &*self.place.cast() }
    }

    /// The words of an item's outcome.
    pub fn item(&self, i: u32) -> &Item {
        debug_assert!(i < self.count);
        // SAFETY: as above, inside the block.
        unsafe { &*items(self.place).add(i as usize) }
    }

    /// So many items have ended, as far as the worker can be believed.
    pub fn ended(&self) -> u32 {
        // Acquire: pairs with the Release in `Runner::run`.
        self.head().next.load(Acquire).min(self.count)
    }
}

fn items(block: *mut u8) -> *mut Item {
    block.wrapping_add(size_of::<Head>()).cast()
}

fn records(block: *mut u8, count: usize) -> *mut u8 {
    block.wrapping_add(size_of::<Head>() + count * size_of::<Item>())
}

/// After a task: if it has forked and this is the child, that is no worker, and writes nothing.
pub fn leave_if_copy(stamp: &Stamp) {
    if stamp.is_copy() {
        process::exit_now(0);
    }
}

/// What a worker needs to run a portion.
pub struct Runner<'a> {
    pub func: TaskFn,
    pub base: *mut u8,
    pub heap: &'a mut WorkerHeap,
    pub first: usize,
    pub context: *mut c_void,
    pub context_range: Range<usize>,
    pub me: u32,
    pub name: &'static CStr,
    pub stamp: Stamp,
}

impl Runner<'_> {
    /// Runs the items that have not run yet; gives how many the portion has.
    ///
    /// # Safety
    /// `block` is a portion's, laid out by the host, and this worker has claimed its task.
    pub unsafe fn run(&mut self, block: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        let head: &'static Head = unsafe { &*block.cast() };
        let (count, record) = (head.count.load(Relaxed) as usize, head.record.load(Relaxed) as usize);
        for i in head.next.load(Relaxed) as usize..count {
            // Acquire: who sees that this portion ended early sees that the map was stopped.
            if head.stop.load(Acquire) != 0 {
                break;
            }
            // SAFETY: as above; each item is its own.
            let (item, arg) = unsafe { (&*items(block).add(i), records(block, count).add(i * stride(record))) };
            self.heap.start_task();
            self.run_item(item, arg, record, self.first + i);
            // Release: the outcome comes before the count, for whoever reads both after this process's death.
            head.next.store(i as u32 + 1, Release);
        }
        count
    }

    fn run_item(&mut self, item: &'static Item, arg: *mut u8, size: usize, index: usize) {
        // SAFETY: the heap outlives the item's run; the worker has one thread.
        let heap: &'static mut WorkerHeap = unsafe { NonNull::from(&mut *self.heap).as_mut() };
        let at = arg.addr() - self.base.addr();
        let own = [at..at + size, self.context_range.clone()];
        let mut result = FarResult::new(Words::of_item(item), self.base, own, heap, self.stamp);
        let birth = Birth { index, context: self.context };
        let mut task = cf_task::in_process(Sink::Far(NonNull::from(&mut result)), birth, self.me, self.name);
        point(Point::Run);
        // SAFETY: the user promised a function of this type; the record is this item's own.
        let returned = unsafe { (self.func)(&mut task, arg.cast(), size) };
        let outcome = task.end(returned);
        leave_if_copy(&self.stamp);
        result.end(outcome);
    }
}
