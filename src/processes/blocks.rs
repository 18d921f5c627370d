//! Blocks of the heap in shared memory: small ones from chunks of their size, large ones in whole pages.
//!
//! Owns: every fact about what is taken and what is free, in the host's private memory, and the count of pages that
//! have memory behind them against the pool's limit. Called by: `arena`, under its lock.
//!
//! Always true:
//! - a block that was handed out has memory, but for a large one that says so: its taker gives it outside the lock;
//! - `fixed + committed` never exceeds the limit;
//! - memory that was freed stays warm up to `most_idle` pages: a fresh page costs ten times what a warm one does.

use super::chunk::{class_of, class_size, Chunk, CHUNK, CLASSES};
use super::sheet::Sheet;
use super::spans::{Ground, Kind, Spans};
use crate::mem;
use crate::status::{Result, Status};
use core::ptr::null_mut;

pub const PAGE: usize = 4096;
const CHUNK_PAGES: u32 = (CHUNK / PAGE) as u32;
const NIL: u32 = u32::MAX;
/// So much of a chunk gets its memory at once.
const STEP: usize = 128 << 10;

/// Offsets here start at the heap's begin.
pub struct Blocks {
    spans: Spans,
    /// Records of chunks, by mebibyte of the heap; null where none is.
    chunks: Sheet<*mut Chunk>,
    /// Chunks that have free blocks, by class.
    partial: [u32; CLASSES],
    /// Behind the last chunk that there ever was.
    chunks_end: u32,
    /// Pages outside the heap.
    fixed: usize,
    limit: usize,
    most_idle: usize,
}

// SAFETY: the records of chunks belong to this object alone.
unsafe impl Send for Blocks {}

impl Blocks {
    /// All sizes in pages.
    pub fn new(pages: u32, limit: usize, most_idle: usize) -> Result<Blocks> {
        let spans = Spans::new(pages)?;
        // SAFETY: a zeroed pointer is null.
        let chunks = unsafe { Sheet::new((pages / CHUNK_PAGES) as usize + 1)? };
        Ok(Blocks { spans, chunks, partial: [NIL; CLASSES], chunks_end: 0, fixed: 0, limit, most_idle })
    }

    /// Pages that have memory, everywhere.
    pub fn used(&self) -> usize {
        self.fixed + self.spans.committed
    }

    /// Bytes in blocks that are taken.
    pub fn taken(&self) -> usize {
        let chunks = (0..self.chunks_end as usize).filter_map(|i| {
            // SAFETY: null, or a record that this object owns.
            unsafe { self.chunks[i].as_ref() }
        });
        let whole = (self.spans.committed - self.spans.idle) * PAGE;
        chunks.fold(whole, |sum, c| sum - c.ready + c.used as usize * class_size(c.class))
    }

    /// Is there room for so many more pages under the limit? Idle memory makes room.
    fn make_room(&mut self, pages: usize, ground: &impl Ground) -> Result<()> {
        let most = self.limit.checked_sub(pages).ok_or(Status::CF_NO_MEMORY)?;
        if self.used() > most {
            if self.used() - most > self.spans.idle {
                self.drop_empty_chunks(ground);
            }
            self.spans.trim(self.used().saturating_sub(most), ground);
        }
        if self.used() > most {
            return Err(Status::CF_NO_MEMORY);
        }
        Ok(())
    }

    /// Counts pages outside the heap.
    pub fn charge(&mut self, pages: usize, ground: &impl Ground) -> Result<()> {
        self.make_room(pages, ground)?;
        self.fixed += pages;
        Ok(())
    }

    pub fn refund(&mut self, pages: usize) {
        self.fixed -= pages;
    }

    /// The kernel has no more: gives back whatever nobody uses.
    pub fn trim_all(&mut self, ground: &impl Ground) {
        self.drop_empty_chunks(ground);
        self.spans.trim(usize::MAX, ground);
    }

    /// A run of pages; the flag says that the caller has to give them their memory.
    pub fn large(&mut self, pages: u32, ground: &impl Ground) -> Result<(usize, bool)> {
        let page = self.spans.take(pages, 1, Kind::Large).ok_or(Status::CF_NO_MEMORY)?;
        let cold = pages as usize - self.spans.warm_pages(page, pages);
        if let Err(e) = self.make_room(cold, ground) {
            self.spans.give_back(page, usize::MAX, ground);
            return Err(e);
        }
        self.spans.heat(page, pages);
        Ok((page as usize * PAGE, cold > 0))
    }

    /// A large block that got no memory, or only in part, goes back cold.
    pub fn undo(&mut self, at: usize, ground: &impl Ground) {
        let page = (at / PAGE) as u32;
        let (kind, pages) = self.spans.run(page);
        debug_assert_eq!(kind, Kind::Large);
        self.spans.cool(page, pages, ground);
        self.spans.give_back(page, self.most_idle, ground);
    }

    /// A block of at most `SMALL` bytes, with memory.
    pub fn small(&mut self, size: usize, ground: &impl Ground) -> Result<usize> {
        let class = class_of(size);
        let index = match self.partial[class] {
            NIL => self.new_chunk(class)?,
            index => index,
        };
        let block = self.chunk(index).lowest();
        let at = block * class_size(class);
        // Taken first: making room drops chunks that are empty.
        self.chunk(index).take(block);
        if at + class_size(class) > self.chunk(index).ready {
            if let Err(e) = self.ready(index, at + class_size(class), ground) {
                self.chunk(index).free(block);
                return Err(e);
            }
        }
        if self.chunk(index).is_full() {
            self.unlink(index);
        }
        Ok(index as usize * CHUNK + at)
    }

    /// Frees a block; false if none that is taken starts there.
    pub fn free(&mut self, at: usize, ground: &impl Ground) -> bool {
        let (index, page) = (at / CHUNK, at / PAGE);
        if page >= self.spans.pages() as usize {
            return false;
        }
        let chunk = self.chunks[index];
        if chunk.is_null() {
            let large = at.is_multiple_of(PAGE) && self.spans.run(page as u32).0 == Kind::Large;
            if large {
                self.spans.give_back(page as u32, self.most_idle, ground);
            }
            return large;
        }
        // SAFETY: a record that this object owns.
        let chunk = unsafe { &mut *chunk };
        let Some(block) = chunk.taken(at % CHUNK) else { return false };
        let (was_full, class) = (chunk.is_full(), chunk.class);
        chunk.free(block);
        let empty = chunk.used == 0;
        if was_full {
            self.link(index as u32, class);
        }
        // One empty chunk of each class is kept: a single block that comes and goes costs no chunk.
        let alone = self.partial[class] == index as u32 && self.chunk(index as u32).next == NIL;
        if empty && !alone {
            self.drop_chunk(index as u32, ground);
        }
        true
    }

    /// The room of the block that starts there.
    pub fn size_of(&self, at: usize) -> Option<usize> {
        if at / PAGE >= self.spans.pages() as usize {
            return None;
        }
        // SAFETY: null, or a record that this object owns.
        match unsafe { self.chunks[at / CHUNK].as_ref() } {
            Some(chunk) => chunk.taken(at % CHUNK).map(|_| class_size(chunk.class)),
            None => match self.spans.run((at / PAGE) as u32) {
                (Kind::Large, n) if at.is_multiple_of(PAGE) => Some(n as usize * PAGE),
                _ => None,
            },
        }
    }

    fn chunk(&mut self, index: u32) -> &mut Chunk {
        // SAFETY: called for chunks that exist; their records belong to this object.
        unsafe { &mut *self.chunks[index as usize] }
    }

    fn new_chunk(&mut self, class: usize) -> Result<u32> {
        let page = self.spans.take(CHUNK_PAGES, CHUNK_PAGES, Kind::Chunk).ok_or(Status::CF_NO_MEMORY)?;
        let warm = self.spans.warm_start(page, CHUNK_PAGES) as usize;
        match Chunk::new(class, warm * PAGE) {
            Ok(chunk) => {
                let index = page / CHUNK_PAGES;
                self.chunks[index as usize] = chunk.as_ptr();
                self.chunks_end = self.chunks_end.max(index + 1);
                self.link(index, class);
                Ok(index)
            }
            Err(e) => {
                self.spans.give_back(page, usize::MAX, &Never);
                Err(e)
            }
        }
    }

    /// Gives a chunk memory up to `end` and some more; just so much where the limit is near.
    fn ready(&mut self, index: u32, end: usize, ground: &impl Ground) -> Result<()> {
        let ready = self.chunk(index).ready;
        let end = end.next_multiple_of(PAGE);
        let more = end.max((ready + STEP).min(CHUNK));
        self.give(index, ready, more, ground).or_else(|_| {
            self.spans.trim(usize::MAX, ground);
            self.give(index, ready, end, ground)
        })?;
        Ok(())
    }

    fn give(&mut self, index: u32, from: usize, to: usize, ground: &impl Ground) -> Result<()> {
        let (page, n) = (index * CHUNK_PAGES + (from / PAGE) as u32, ((to - from) / PAGE) as u32);
        let cold = n as usize - self.spans.warm_pages(page, n);
        self.make_room(cold, ground)?;
        if cold > 0 {
            if let Err(e) = ground.give(page, n) {
                // A part may have been given, and counts for nothing.
                self.spans.cool(page, n, ground);
                ground.take(page, n);
                return Err(e);
            }
        }
        self.spans.heat(page, n);
        self.chunk(index).ready = to;
        Ok(())
    }

    fn link(&mut self, index: u32, class: usize) {
        let next = self.partial[class];
        (self.chunk(index).prev, self.chunk(index).next) = (NIL, next);
        if next != NIL {
            self.chunk(next).prev = index;
        }
        self.partial[class] = index;
    }

    fn unlink(&mut self, index: u32) {
        let (class, prev, next) = (self.chunk(index).class, self.chunk(index).prev, self.chunk(index).next);
        match prev {
            NIL => self.partial[class] = next,
            prev => self.chunk(prev).next = next,
        }
        if next != NIL {
            self.chunk(next).prev = prev;
        }
    }

    fn drop_chunk(&mut self, index: u32, ground: &impl Ground) {
        self.unlink(index);
        let chunk = core::mem::replace(&mut self.chunks[index as usize], null_mut());
        // SAFETY: made by `Chunk::new`, and in no list any more.
        unsafe { mem::free(chunk) };
        self.spans.give_back(index * CHUNK_PAGES, self.most_idle, ground);
    }

    fn drop_empty_chunks(&mut self, ground: &impl Ground) {
        for class in 0..CLASSES {
            let mut index = self.partial[class];
            while index != NIL {
                let next = self.chunk(index).next;
                if self.chunk(index).used == 0 {
                    self.drop_chunk(index, ground);
                }
                index = next;
            }
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for i in 0..self.chunks_end as usize {
            if !self.chunks[i].is_null() {
                // SAFETY: made by `Chunk::new`, and this is the owner.
                unsafe { mem::free(self.chunks[i]) };
            }
        }
    }
}

/// For a run that goes back as it was: nothing is cooled.
struct Never;

impl Ground for Never {
    fn give(&self, _: u32, _: u32) -> Result<()> {
        Err(Status::CF_NO_MEMORY)
    }
    fn take(&self, _: u32, _: u32) {}
}

#[cfg(test)]
mod tests;
