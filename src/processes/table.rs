//! The host's private side of the slots: who owns which, what is free, where the queue's tail is.
//!
//! Owns: the free list, generations, the private tail. Called by: the pool, under its lock
//! `slots`.
//!
//! Always true:
//! - a slot is used again only when its task has ended, nobody sleeps on its word, and the queue's head is past its
//!   last cell: so the queue, which has a cell for every slot, is never full;
//! - nothing in here is read from memory that a worker can write, but head, which is checked against the tail.

use super::arena::Arena;
use super::layout::{MOST_SLOTS, RING, SLOTS};
use super::portion::Portion;
use super::queue::Ready;
use super::slot::{self, Cell};
use crate::future::cf_future;
use crate::status::{Result, Status};
use crate::sys::pages;
use core::ptr::{null, NonNull};

/// Slots that are committed at a time, and cells of the ring.
const SLOT_STEP: usize = 256;
const CELL_STEP: usize = 8192;
/// A task that the queue has lost so often is not lost but lied about.
const MOST_LOST: u8 = 3;
/// No slot.
const NOBODY: u32 = u32::MAX;

/// What the host knows of one slot.
pub struct Private {
    /// The future whose task lies here; NULL while there is none. It holds the pool's reference.
    pub node: *const cf_future,
    pub generation: u32,
    /// Threads of the host that sleep on the slot's word, or are about to.
    pub waiters: u32,
    /// The block of the argument, 0 for none.
    pub block: u64,
    /// The task is a portion of a map; NULL if not.
    pub portion: *const Portion,
    /// The host has taken the task from the workers, and will end it or open it again.
    taken: bool,
    /// So often the queue has lost it.
    lost: u8,
    /// Where its cell is in the queue.
    position: u64,
    next: u32,
}

/// What a look at a slot may find.
pub enum Finding {
    Nothing,
    /// Its outcome has come, or its word makes no sense.
    Ended,
    /// It is queued in this generation, but the queue's head is past it.
    Passed(u32),
    /// A worker has it, in this generation.
    Claimed(u32, u16),
}

/// What a slot is taken for.
pub struct Task {
    pub node: *const cf_future,
    pub block: u64,
    pub portion: *const Portion,
}

/// A list of slots through `next`.
struct List {
    first: u32,
    last: u32,
}

pub struct Table {
    privates: NonNull<Private>,
    /// Slots that were ever used, from the front.
    made: u32,
    committed: usize,
    cells_committed: usize,
    /// Slots ever taken, and tasks queued again: no more cells were ever needed.
    taken: u64,
    free: List,
    /// Free but for the queue's head, which has not passed their cells yet; in the order of their ends.
    cooling: List,
    tail: u64,
    /// How far the queue's head was when it was last looked at.
    popped: u64,
    pub closed: bool,
    pub broken: bool,
    /// The workers were told to end whatever they do: nothing goes on elsewhere.
    pub ending: bool,
    /// The supervisor sleeps without limit, as there was nothing to look after.
    pub idle: bool,
}

// SAFETY: the pointers are used under the lock that owns the table.
unsafe impl Send for Table {}

impl Table {
    pub fn new() -> Result<Table> {
        let privates = pages::map(Self::bytes())?.cast();
        let none = || List { first: NOBODY, last: NOBODY };
        Ok(Table {
            privates,
            made: 0,
            committed: 0,
            cells_committed: 0,
            taken: 0,
            free: none(),
            cooling: none(),
            tail: 0,
            popped: 0,
            closed: false,
            broken: false,
            ending: false,
            idle: false,
        })
    }

    fn bytes() -> usize {
        (MOST_SLOTS * size_of::<Private>()).next_multiple_of(pages::PAGE)
    }

    pub fn made(&self) -> u32 {
        self.made
    }

    pub fn tail(&self) -> u64 {
        self.tail
    }

    pub fn get(&mut self, slot: u32) -> &mut Private {
        debug_assert!(slot < self.made);
        // SAFETY: inside the mapping; zero bytes are a Private, and the lock gives it to one thread.
        unsafe { &mut *self.privates.as_ptr().add(slot as usize) }
    }

    /// The slot with a task of that generation that has not ended; None if it has.
    pub fn find(&mut self, slot: u32, generation: u32) -> Option<&mut Private> {
        if slot >= self.made {
            return None;
        }
        Some(self.get(slot)).filter(|p| p.generation == generation && !p.node.is_null())
    }

    fn push(&mut self, list: fn(&mut Table) -> &mut List, slot: u32) {
        self.get(slot).next = NOBODY;
        let last = core::mem::replace(&mut list(self).last, slot);
        match last {
            NOBODY => list(self).first = slot,
            last => self.get(last).next = slot,
        }
    }

    fn pop(&mut self, list: fn(&mut Table) -> &mut List) -> Option<u32> {
        let slot = list(self).first;
        if slot == NOBODY {
            return None;
        }
        let next = self.get(slot).next;
        list(self).first = next;
        if next == NOBODY {
            list(self).last = NOBODY;
        }
        Some(slot)
    }

    /// A slot for a new task, in a generation of its own. `block` is that of its argument, 0 for none.
    pub fn take(&mut self, arena: &Arena, ready: &Ready, task: &Task) -> Result<(u32, u32)> {
        if self.broken {
            return Err(Status::CF_BROKEN_POOL);
        }
        if self.closed {
            return Err(Status::CF_SHUTDOWN);
        }
        self.make_room_for_cell(arena)?;
        let slot = match self.pop(|t| &mut t.free) {
            Some(slot) => slot,
            None => match self.cooled(ready) {
                Some(slot) => slot,
                None => self.make(arena)?,
            },
        };
        self.taken += 1;
        let private = self.get(slot);
        // Generation 0 is that of memory that nobody has written.
        private.generation = private.generation.wrapping_add(1).max(1);
        private.position = u64::MAX;
        private.taken = false;
        private.lost = 0;
        private.node = task.node;
        private.block = task.block;
        private.portion = task.portion;
        Ok((slot, private.generation))
    }

    /// The ring's cells are used one after the other, so the first round touches fresh ones.
    fn make_room_for_cell(&mut self, arena: &Arena) -> Result<()> {
        if self.cells_committed < MOST_SLOTS && self.taken as usize >= self.cells_committed {
            arena.commit(RING + self.cells_committed * 8, CELL_STEP * 8)?;
            self.cells_committed += CELL_STEP;
        }
        Ok(())
    }

    /// A slot that only waited for the queue's head.
    fn cooled(&mut self, ready: &Ready) -> Option<u32> {
        let first = self.cooling.first;
        if first == NOBODY {
            return None;
        }
        let position = self.get(first).position;
        if !self.is_popped(ready, position) {
            ready.help(self.popped, self.tail);
            if !self.is_popped(ready, position) {
                return None;
            }
        }
        self.pop(|t| &mut t.cooling)
    }

    /// Is the queue's head past this cell? Workers write the head: it is read only where what was seen of it before
    /// does not tell.
    fn is_popped(&mut self, ready: &Ready, position: u64) -> bool {
        if position >= self.popped {
            // What workers have written is believed only as far as it can be true.
            self.popped = ready.head().min(self.tail);
        }
        position < self.popped
    }

    fn make(&mut self, arena: &Arena) -> Result<u32> {
        let slot = self.made as usize;
        if slot == MOST_SLOTS {
            return Err(Status::CF_NO_MEMORY);
        }
        if slot == self.committed {
            arena.commit(
                SLOTS + slot * size_of::<super::layout::Slot>(),
                SLOT_STEP * size_of::<super::layout::Slot>(),
            )?;
            self.committed += SLOT_STEP;
        }
        self.made += 1;
        Ok(slot as u32)
    }

    /// Queues the slot's task.
    pub fn queue(&mut self, ready: &Ready, cell: Cell) {
        let tail = self.tail;
        self.get(cell.slot()).position = tail;
        ready.push(tail, cell);
        self.tail += 1;
    }

    /// The host takes a task from the workers, to end it: one that is queued, or from the dead worker that had claimed it.
    /// Gives the slot's word before.
    pub fn take_back(&mut self, ready: &Ready, cell: Cell, from: Option<u16>) -> Option<u64> {
        let private = self.find(cell.slot(), cell.generation())?;
        let slot = &ready.slots[cell.slot() as usize];
        let before = match from {
            None => slot.word.take_ready(cell.generation()),
            Some(worker) => slot.word.take_claimed(cell.generation(), worker),
        };
        private.taken |= before.is_some();
        before
    }

    /// Opens and queues a task that was taken from a dead worker once more; false if there is no memory for its cell.
    /// Its earlier cell was popped when the worker had claimed it, and at the latest is popped here.
    pub fn open_again(&mut self, arena: &Arena, ready: &Ready, cell: Cell) -> bool {
        ready.help(self.popped, self.tail);
        self.make_room_for_cell(arena).is_ok() && {
            self.get(cell.slot()).taken = false;
            ready.slots[cell.slot() as usize].word.reopen(cell.generation());
            self.taken += 1;
            self.queue(ready, cell);
            true
        }
    }

    /// Is a task's cell behind the queue's head? Then somebody has claimed it, or it is lost.
    pub fn is_behind_head(&mut self, ready: &Ready, cell: Cell) -> bool {
        let head = ready.head().min(self.tail);
        self.find(cell.slot(), cell.generation()).is_some_and(|p| p.position < head)
    }

    /// Between these the queue's head is: further back it was before, and it never passes the tail.
    pub fn bounds(&self) -> (u64, u64) {
        (self.popped, self.tail)
    }

    /// Queues a task once more that the queue has lost.
    pub fn queue_again(&mut self, arena: &Arena, ready: &Ready, cell: Cell) {
        if self.make_room_for_cell(arena).is_ok() {
            self.taken += 1;
            self.get(cell.slot()).lost += 1;
            self.queue(ready, cell);
        }
    }

    /// What is wrong with a slot, as far as its word tells.
    pub fn examine(&mut self, ready: &Ready, slot: u32) -> Finding {
        let head = ready.head().min(self.tail);
        let private = self.get(slot);
        if private.node.is_null() {
            return Finding::Nothing;
        }
        let w = ready.slots[slot as usize].word.look();
        let queued = private.position != u64::MAX;
        match slot::state(w) {
            _ if slot::generation(w) != private.generation => Finding::Ended,
            slot::DONE => Finding::Ended,
            // Memory that was zeroed, or a state that does not exist.
            slot::READY if queued && private.position < head && private.lost == MOST_LOST => Finding::Ended,
            slot::READY if queued && private.position < head => Finding::Passed(private.generation),
            slot::READY => Finding::Nothing,
            slot::TAKEN if private.taken => Finding::Nothing,
            slot::CLAIMED => Finding::Claimed(private.generation, slot::worker(w)),
            _ if queued => Finding::Ended,
            _ => Finding::Nothing,
        }
    }

    /// The slot's task has ended; the slot is free when nobody sleeps on its word any more. True if somebody does.
    pub fn end(&mut self, ready: &Ready, slot: u32) -> bool {
        let private = self.get(slot);
        private.node = null();
        let awaited = private.waiters > 0;
        if !awaited {
            self.give_back(ready, slot);
        }
        awaited
    }

    /// A thread that slept on the slot's word, or was about to, does so no more.
    pub fn rise(&mut self, ready: &Ready, slot: u32) {
        let private = self.get(slot);
        private.waiters -= 1;
        if private.waiters == 0 && private.node.is_null() {
            self.give_back(ready, slot);
        }
    }

    fn give_back(&mut self, ready: &Ready, slot: u32) {
        let position = self.get(slot).position;
        // A task that was never queued has no cell.
        if position == u64::MAX || self.is_popped(ready, position) {
            // The last one first: its memory is warm.
            let first = core::mem::replace(&mut self.free.first, slot);
            self.get(slot).next = first;
            if first == NOBODY {
                self.free.last = slot;
            }
        } else {
            self.push(|t| &mut t.cooling, slot);
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`; nobody else uses it.
        unsafe { pages::unmap(self.privates.as_ptr().cast(), Self::bytes()) };
    }
}
