//! Blocks of shared memory that the program has asked for: what lies in them is passed to tasks and back, not copied.
//!
//! Owns: the list of such blocks. Called by: `cf_executor_shared_alloc` and `_free`, submit (arguments, contexts),
//! harvest (results that a worker says to lie in one).
//!
//! Always true: only what lies in one of these blocks as a whole is passed; other memory of the arena belongs to
//! tasks and futures, which may go.

use super::arena::Arena;
use crate::status::{Result, Status};
use crate::sync::Lock;
use core::ffi::c_void;
use core::ops::Range;

pub struct Shared(Lock<Vec<Range<usize>>>);

impl Shared {
    pub const fn new() -> Shared {
        Shared(Lock::new(Vec::new()))
    }

    pub fn alloc(&self, arena: &Arena, size: usize) -> Result<*mut c_void> {
        let at = arena.alloc(size)?;
        let mut blocks = self.0.lock();
        if blocks.try_reserve(1).is_err() {
            drop(blocks);
            arena.free(at);
            return Err(Status::CF_NO_MEMORY);
        }
        let place = blocks.partition_point(|b| b.start < at);
        blocks.insert(place, at..at + size);
        Ok(arena.address(at).cast())
    }

    /// What is not the address of such a block is left alone.
    pub fn free(&self, arena: &Arena, p: *mut c_void) {
        let Some(at) = arena.offset_of(p, 1) else { return };
        let mut blocks = self.0.lock();
        if let Ok(place) = blocks.binary_search_by_key(&at, |b| b.start) {
            blocks.remove(place);
            drop(blocks);
            arena.free(at);
        }
    }

    /// Do all of these bytes lie in one block?
    pub fn holds(&self, at: usize, size: usize) -> bool {
        let blocks = self.0.lock();
        let next = blocks.partition_point(|b| b.start <= at);
        let block = next.checked_sub(1).map(|i| &blocks[i]);
        block.is_some_and(|b| at.checked_add(size).is_some_and(|end| end <= b.end))
    }

    /// Where these bytes lie, if in one block.
    pub fn offset_of(&self, arena: &Arena, p: *const c_void, size: usize) -> Option<usize> {
        arena.offset_of(p, size).filter(|at| self.holds(*at, size))
    }
}
