//! The worker's side of an outcome: written straight into shared memory.
//!
//! Called by: the running task (as its sink), `worker` and `portion` (failures, the end).
//! Always true: the words of an outcome are this process's alone until the slot's word is DONE.

use super::heap::WorkerHeap;
use super::layout::{Slot, ARENA, HEAP, INLINE};
use super::portion::{Item, ROOM};
use super::slot::inline_bytes;
use crate::error::cf_error;
use crate::fork::Stamp;
use crate::status::{Result, Status};
use crate::sync::{AtomicI32, AtomicU64, Ordering::*};
use core::ffi::c_void;
use core::ops::Range;

/// Where the running task's outcome goes.
pub struct FarResult<'a> {
    words: Words<'a>,
    base: *mut u8,
    /// Memory of the arena that goes with the task, its argument and context: what lies in it is copied.
    own: [Range<usize>; 2],
    heap: &'a mut WorkerHeap,
    stamp: Stamp,
    /// Offset and size in the arena of a result that does not fit where the words lie.
    large: Option<(usize, usize)>,
}

/// The words of an outcome, of a task or of an item of a map.
pub struct Words<'a> {
    pub status: &'a AtomicI32,
    pub code: &'a AtomicI32,
    pub size: &'a AtomicU64,
    pub at: &'a AtomicU64,
    pub inline: &'a [AtomicU64],
}

impl<'a> Words<'a> {
    pub fn of_slot(s: &'a Slot) -> Words<'a> {
        const { assert!(INLINE.is_multiple_of(16)) };
        Words { status: &s.status, code: &s.code, size: &s.result_size, at: &s.result_at, inline: &s.result }
    }

    pub fn of_item(i: &'a Item) -> Words<'a> {
        const { assert!(ROOM.is_multiple_of(16)) };
        Words { status: &i.status, code: &i.code, size: &i.size, at: &i.at, inline: &i.result }
    }

    pub fn room(&self) -> usize {
        self.inline.len() * 8
    }
}

impl<'a> FarResult<'a> {
    /// `own`: offsets of the task's argument and context, if they go with the task.
    pub fn new(
        words: Words<'a>,
        base: *mut u8,
        own: [Range<usize>; 2],
        heap: &'a mut WorkerHeap,
        stamp: Stamp,
    ) -> FarResult<'a> {
        words.size.store(0, Relaxed);
        words.at.store(0, Relaxed);
        FarResult { words, base, own, heap, stamp, large: None }
    }

    /// If these bytes lie in shared memory of the program's own they are the result as they lie. The host checks it.
    pub fn pass(&mut self, data: *const c_void, size: usize) -> bool {
        let Some(at) = data.addr().checked_sub(self.base.addr()).filter(|at| (HEAP..ARENA).contains(at)) else {
            return false;
        };
        if size == 0 || self.stamp.is_copy() || self.own.iter().any(|r| r.contains(&at)) || self.heap.contains(at) {
            return false;
        }
        self.large = None;
        self.words.at.store(at as u64, Relaxed);
        self.words.size.store(size as u64, Relaxed);
        true
    }

    /// Where `size` bytes of result go; replaces what was stored before. Bytes of an earlier large result stay
    /// readable until another place is asked for.
    pub fn place(&mut self, size: usize) -> Result<*mut u8> {
        if self.stamp.is_copy() {
            // The task has forked, and this is the child: the words belong to its parent, or to another task by now.
            return Err(Status::CF_FORKED);
        }
        let earlier = self.large.take();
        let place = if size <= self.words.room() {
            self.words.at.store(0, Relaxed);
            inline_bytes(self.words.inline)
        } else {
            let at = self.heap.alloc(size).ok_or(Status::CF_NO_MEMORY)?;
            self.large = Some((at, size));
            self.words.at.store(at as u64, Relaxed);
            // SAFETY: the heap gave an offset inside the arena.
            unsafe { self.base.add(at) }
        };
        self.words.size.store(size as u64, Relaxed);
        if let (Some((at, size)), None) = (earlier, self.large) {
            self.heap.give_back_last(at, size);
        }
        Ok(place)
    }

    /// The task has ended: what is to be told is written, but for the word.
    pub fn end(&mut self, outcome: Result<(), cf_error>) {
        let Err(error) = outcome else {
            self.words.status.store(0, Relaxed);
            self.words.code.store(0, Relaxed);
            return;
        };
        // With its end, which tells an empty message from none: without room the status says enough.
        let text = error.message().to_bytes_with_nul();
        let place = self.place(text.len()).or_else(|_| self.place(0));
        if let Ok(place) = place {
            let n = text.len().min(self.words.size.load(Relaxed) as usize);
            // SAFETY: room for as many bytes as the size says.
            unsafe { core::ptr::copy_nonoverlapping(text.as_ptr(), place, n) };
        }
        self.words.status.store(error.status() as i32, Relaxed);
        self.words.code.store(error.code(), Relaxed);
    }
}
