//! Memory that workers write large results into: the host hands out segments, a worker fills its current ones.
//!
//! Owns: all bookkeeping of segments, in the host's private memory. Called by: the supervisor (`serve`,
//! `worker_gone`), the audit (`answer`), whoever collects an outcome (`accept`), whoever frees a result (`release`).
//!
//! A worker has at most three segments that are its own: one that it fills from its begin (bump), one for a single
//! large result (big), and one that it has filled up in the middle of the task that it runs (kept), because that
//! task may still copy out of its earlier result.
//!
//! Always true:
//! - of shared memory only the request is read, each word once; a worker's claim is checked against private facts;
//! - a segment is freed when it is nobody's own and no accepted result lies in it, so **every result that a worker has
//!   completed is accepted before its next request is served and before it is declared gone**: it asks from within
//!   its next task at the earliest.

use super::arena::Arena;
use super::layout::{WorkerArea, MOST_WORKERS};
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{address, Lock, Ordering::*};
use crate::sys::futex;
use core::num::NonZeroU32;

const FIRST: usize = 64 << 10;
/// A worker's next segment has twice the size, up to this.
const LARGEST: usize = 4 << 20;
/// In a request: the earlier result of the running task lies in the segment that the new one replaces.
pub const KEEP: u64 = 1;
const NIL: u32 = u32::MAX;

/// Results of this size get a segment of just their size; smaller ones share.
pub const fn is_big(size: usize) -> bool {
    size > LARGEST / 2
}

/// One accepted result: give it to `release` exactly once.
#[derive(PartialEq, Eq, Debug)]
#[must_use]
pub struct Piece(NonZeroU32);

impl Piece {
    fn index(&self) -> usize {
        self.0.get() as usize - 1
    }

    /// As a number, for a holder that knows nothing of segments; given back through `from_token`.
    pub fn into_token(self) -> u64 {
        self.0.get() as u64
    }

    /// # Safety
    /// From `into_token`, once.
    pub unsafe fn from_token(token: u64) -> Option<Piece> {
        NonZeroU32::new(token as u32).map(Piece)
    }
}

pub struct Segments(Lock<State>);

struct State {
    segments: Vec<Segment>,
    /// The first of those that are not in use, linked by `offset`.
    spare: u32,
    /// Those in use, in the order of their offsets.
    order: Vec<u32>,
    owners: Box<[Owner]>,
}

struct Segment {
    offset: usize,
    size: usize,
    /// Accepted results in it.
    users: u32,
    worker: u16,
    /// It is one of its worker's own.
    owned: bool,
}

/// What a worker has, as the host sees it.
struct Owner {
    incarnation: u32,
    /// The last request that was answered, and its answer: place and size.
    served: u32,
    answer: (usize, usize),
    /// Size of the next segment.
    next: usize,
    bump: u32,
    big: u32,
    kept: u32,
}

/// Up to four segments that go back once the lock is free.
#[derive(Default)]
struct Freed {
    offsets: [usize; 4],
    n: usize,
}

impl Freed {
    fn push(&mut self, offset: Option<usize>) {
        if let Some(offset) = offset {
            self.offsets[self.n] = offset;
            self.n += 1;
        }
    }

    fn give_back(self, arena: &Arena) {
        self.offsets[..self.n].iter().for_each(|o| arena.free(*o));
    }
}

impl Segments {
    pub fn new() -> Result<Segments> {
        let nobody =
            |_| Owner { incarnation: 0, served: 0, answer: (0, 0), next: FIRST, bump: NIL, big: NIL, kept: NIL };
        let owners = mem::try_slice(MOST_WORKERS, nobody)?;
        Ok(Segments(Lock::new(State { segments: Vec::new(), spare: NIL, order: Vec::new(), owners })))
    }

    /// Does a worker wait for memory? A hint.
    pub fn wants(&self, worker: u16, area: &WorkerArea) -> bool {
        let served = self.0.lock().owners.get(worker as usize).map(|o| o.served);
        // Acquire: what the worker has done before it asked is seen.
        served.is_some_and(|s| s != area.want.load(Acquire))
    }

    /// A dead worker waits for nothing.
    pub fn ignore(&self, worker: u16, area: &WorkerArea) {
        if let Some(owner) = self.0.lock().owners.get_mut(worker as usize) {
            (owner.served, owner.answer) = (area.want.load(Relaxed), (0, 0));
        }
    }

    /// Answers a worker's request for memory, if there is one.
    pub fn serve(&self, arena: &Arena, worker: u16, incarnation: u32, area: &WorkerArea) -> bool {
        // Acquire: pairs with the Release of the request, so the size is the one that belongs to it.
        let want = area.want.load(Acquire);
        let size = area.want_size.load(Relaxed);
        match self.0.lock().owners.get_mut(worker as usize) {
            Some(owner) if owner.served != want => owner.served = want,
            _ => return false,
        }
        let asked = usize::try_from(size & !KEEP).map_err(|_| Status::CF_NO_MEMORY);
        let granted = asked.and_then(|n| self.grant(arena, worker, incarnation, n, size & KEEP != 0));
        if let Some(owner) = self.0.lock().owners.get_mut(worker as usize) {
            owner.answer = granted.unwrap_or((0, 0));
        }
        self.answer(worker, area);
        futex::wake_shared(address(&area.got), i32::MAX);
        true
    }

    /// The last answer, once more if it stands there: somebody may have written over it.
    pub fn answer(&self, worker: u16, area: &WorkerArea) {
        let Some((number, (at, size))) = self.0.lock().owners.get(worker as usize).map(|o| (o.served, o.answer)) else {
            return;
        };
        area.got_at.store(at as u64, Relaxed);
        area.got_size.store(size as u64, Relaxed);
        // Release: publishes the answer; pairs with the Acquire in `heap`. Who waits for it looks 10 times a second.
        area.got.store(number, Release);
    }

    /// A new segment of its own for that worker: offset and size. The one that it replaces is its own no more, unless
    /// it is to be kept until the next request; it is replaced also when there is no memory.
    pub fn grant(
        &self,
        arena: &Arena,
        worker: u16,
        incarnation: u32,
        want: usize,
        keep: bool,
    ) -> Result<(usize, usize)> {
        let mut freed = Freed::default();
        let size = self.0.lock().replace(worker, incarnation, want, keep, &mut freed);
        // Before the new one is taken, so that it lies where the old one is warm.
        freed.give_back(arena);
        let (mut size, want) = (size?, want.max(1).next_multiple_of(16));
        let at = match arena.alloc(size) {
            Err(_) if size > want => {
                size = want;
                arena.alloc(size)?
            }
            at => at?,
        };
        let entered = self.0.lock().enter(worker, at, size, is_big(want));
        entered.inspect_err(|_| arena.free(at)).map(|_| (at, size))
    }

    /// A worker says that a result of so many bytes lies there: one more user of the segment, if that can be.
    pub fn accept(&self, worker: u16, at: usize, size: usize) -> Option<Piece> {
        let mut state = self.0.lock();
        let i = state.order.partition_point(|i| state.segments[*i as usize].offset <= at).checked_sub(1)?;
        let index = state.order[i];
        let segment = &mut state.segments[index as usize];
        let inside = size > 0 && at.checked_add(size)? <= segment.offset + segment.size;
        if !inside || segment.worker != worker {
            return None;
        }
        segment.users = segment.users.checked_add(1)?;
        let owner = &mut state.owners[worker as usize];
        if owner.big == index {
            // It is full, and goes back with its result.
            owner.big = NIL;
            state.segments[index as usize].owned = false;
        }
        NonZeroU32::new(index + 1).map(Piece)
    }

    pub fn release(&self, arena: &Arena, piece: Piece) {
        let mut freed = Freed::default();
        let mut state = self.0.lock();
        let segment = &mut state.segments[piece.index()];
        debug_assert!(segment.users > 0);
        segment.users -= 1;
        freed.push(state.drop_unused(piece.index() as u32));
        drop(state);
        freed.give_back(arena);
    }

    /// A worker is dead: nothing is its own any more. Its results stay.
    pub fn worker_gone(&self, arena: &Arena, worker: u16, incarnation: u32) {
        let mut freed = Freed::default();
        {
            let mut state = self.0.lock();
            if state.owners.get(worker as usize).is_some_and(|o| o.incarnation == incarnation) {
                state.disown(worker, &mut freed);
            }
        }
        freed.give_back(arena);
    }

    /// How many segments there are.
    pub fn count(&self) -> usize {
        self.0.lock().order.len()
    }
}

impl State {
    /// Prepares for a new segment; how large it should be.
    fn replace(&mut self, worker: u16, incarnation: u32, want: usize, keep: bool, freed: &mut Freed) -> Result<usize> {
        let owner = self.owners.get(worker as usize).ok_or(Status::CF_INVALID_STATE)?;
        match incarnation.wrapping_sub(owner.incarnation) as i32 {
            0 => {}
            // The dead incarnation's segments, if nobody has said that it is gone.
            1.. => self.disown(worker, freed),
            _ => return Err(Status::CF_INVALID_STATE),
        }
        let owner = &mut self.owners[worker as usize];
        owner.incarnation = incarnation;
        let role = if is_big(want) { &mut owner.big } else { &mut owner.bump };
        let old = core::mem::replace(role, NIL);
        let kept = core::mem::replace(&mut owner.kept, if keep { old } else { NIL });
        if !keep {
            freed.push(self.end_of_ownership(old));
        }
        freed.push(self.end_of_ownership(kept));
        if is_big(want) {
            return want.checked_next_multiple_of(4096).ok_or(Status::CF_NO_MEMORY);
        }
        let owner = &mut self.owners[worker as usize];
        let size = owner.next.max(want).next_multiple_of(4096);
        owner.next = (owner.next * 2).min(LARGEST);
        Ok(size)
    }

    fn disown(&mut self, worker: u16, freed: &mut Freed) {
        let owner = &mut self.owners[worker as usize];
        let all = [owner.bump, owner.big, owner.kept];
        (owner.bump, owner.big, owner.kept, owner.next) = (NIL, NIL, NIL, FIRST);
        all.into_iter().for_each(|i| freed.push(self.end_of_ownership(i)));
    }

    fn end_of_ownership(&mut self, index: u32) -> Option<usize> {
        self.segments.get_mut(index as usize)?.owned = false;
        self.drop_unused(index)
    }

    /// Takes a segment out of the books if nobody needs it; the block to free.
    fn drop_unused(&mut self, index: u32) -> Option<usize> {
        let segment = &mut self.segments[index as usize];
        if segment.owned || segment.users > 0 {
            return None;
        }
        let offset = segment.offset;
        let place = self.order.partition_point(|i| self.segments[*i as usize].offset < offset);
        self.order.remove(place);
        self.segments[index as usize].offset = self.spare as usize;
        self.spare = index;
        Some(offset)
    }

    fn enter(&mut self, worker: u16, offset: usize, size: usize, big: bool) -> Result<()> {
        self.order.try_reserve(1).map_err(|_| Status::CF_NO_MEMORY)?;
        let segment = Segment { offset, size, users: 0, worker, owned: true };
        let place = self.order.partition_point(|i| self.segments[*i as usize].offset < offset);
        let index = match self.spare {
            NIL => {
                self.segments.try_reserve(1).map_err(|_| Status::CF_NO_MEMORY)?;
                self.segments.push(segment);
                self.segments.len() as u32 - 1
            }
            index => {
                self.spare = self.segments[index as usize].offset as u32;
                self.segments[index as usize] = segment;
                index
            }
        };
        self.order.insert(place, index);
        let owner = &mut self.owners[worker as usize];
        *(if big { &mut owner.big } else { &mut owner.bump }) = index;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
