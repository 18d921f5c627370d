//! From a call, or a portion of a map, to a task that stands in its slot and is queued.
//!
//! Called by: `contract` (calls), `map::far` (portions).
//!
//! Always true:
//! - `*out` is written before the task can start;
//! - one hold of the lock `slots` takes the slot, fills it and queues it: nobody sees one that is half done.

use super::arena::Arena;
use super::bell;
use super::layout::{INLINE, PASSED, PORTION};
use super::pool::Pool;
use super::portion::Portion;
use super::slot::{inline_bytes, Cell, COLLECT};
use super::table::{Table, Task};
use crate::capi::types::TaskFn;
use crate::executor::Executor;
use crate::future::far::Place;
use crate::future::node::{Arg, Call};
use crate::future::{cf_future, word};
use crate::runner;
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::null;

/// What a slot is to say of a task.
struct Work {
    func: u32,
    from: *const c_void,
    size: usize,
    index: usize,
    /// Where it lies; empty if it does not go with the task.
    context: Range<usize>,
    portion: *const Portion,
    /// A worker that sleeps is to be woken: else the submitter sees to that later.
    rings: bool,
}

impl Pool {
    /// What a function is called in slots. A pool that takes no tasks says so first.
    pub fn identify(&self, func: TaskFn) -> Result<u32> {
        self.admit()?;
        self.functions.identify(self.arena(), func, self.helper)
    }

    /// Makes a task and queues it.
    ///
    /// # Safety
    /// As for `Executor::submit`.
    pub(super) unsafe fn submit_call(&self, call: Call, out: *mut *mut cf_future) -> Result<()> {
        let Arg::Copy(from, size) = call.arg else {
            return Err(Status::CF_UNSUPPORTED);
        };
        let func = self.functions.identify(self.arena(), call.func, self.helper)?;
        // SAFETY: the caller's promise.
        let argument = unsafe { Argument::stage(self, from, size)? };
        let rings = call.rings;
        let work = Work { func, from, size, index: call.birth.index, context: 0..0, portion: null(), rings };
        // SAFETY: as above.
        unsafe { self.submit_work(&work, &argument, out) }.inspect_err(|_| argument.drop(self.arena()))
    }

    /// Makes a portion of a map a task and queues it. The portion lives until its end was told.
    ///
    /// # Safety
    /// `out` is writable; `func` is from `identify`; the portion's block is of this pool's arena; `context` lies in it,
    /// or begins at 0.
    pub unsafe fn submit_portion(
        &self,
        func: u32,
        context: Range<usize>,
        portion: &Portion,
        rings: bool,
        out: *mut *mut cf_future,
    ) -> Result<()> {
        let size = portion.size();
        let work = Work { func, from: null(), size, index: portion.first, context, portion, rings };
        // SAFETY: the caller's promise.
        unsafe { self.submit_work(&work, &Argument { at: portion.block, owned: false }, out) }
    }

    /// # Safety
    /// As for `submit_call`. The argument is the caller's to drop on failure.
    unsafe fn submit_work(&self, work: &Work, argument: &Argument, out: *mut *mut cf_future) -> Result<()> {
        let refs = if out.is_null() { 1 } else { 2 };
        let node = cf_future::new_far(runner::current()?, self.executor().id(), refs)?;
        // SAFETY: the caller's promise.
        let put = || unsafe { self.put(&mut self.slots.lock(), node, work, argument, out) };
        let stirs = put().or_else(|e| {
            if e != Status::CF_NO_MEMORY {
                return Err(e);
            }
            // Futures that were given up before they were done still have their slots.
            let made = self.slots.lock().made();
            (0..made).for_each(|slot| self.sweep_slot(slot));
            put()
        });
        let stirs = stirs.inspect_err(|_| node.discard())?;
        if work.rings {
            bell::ring(self.view.control(), self.view.areas());
        }
        if stirs {
            self.ring_supervisor();
        }
        Ok(())
    }

    /// Takes a slot, fills it and queues it: from then on whoever is free may take the task, and it may end at any
    /// time. True if the supervisor is to look.
    ///
    /// # Safety
    /// As for `submit_work`.
    unsafe fn put(
        &self,
        slots: &mut Table,
        node: &'static cf_future,
        work: &Work,
        argument: &Argument,
        out: *mut *mut cf_future,
    ) -> Result<bool> {
        let ready = self.view.ready();
        let task = Task { node, block: argument.block(), portion: work.portion };
        let (index, generation) = slots.take(self.arena(), &ready, &task)?;
        // Relaxed: the lock orders it before the end of the task.
        let outstanding = self.outstanding.fetch_add(1, Relaxed) + 1;
        node.settle(Place { slot: index, generation, portion: work.portion.cast() });
        // SAFETY: the caller's promise; the slot is this task's, and nobody looks at it before it is open.
        unsafe { self.fill(index, work, argument) };
        node.open(word::FAR);
        if !out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out.write(node as *const cf_future as *mut cf_future) };
        }
        // Nobody will look at a future that nobody holds.
        self.slot(index).open(generation, if out.is_null() { COLLECT } else { 0 });
        slots.queue(&ready, Cell::new(index, generation));
        let size = self.crew_size.load(Relaxed) as usize;
        // Whoever breaks the pool at this moment may not have seen the task; a supervisor that sleeps without limit
        // is to look after it.
        let stirs = slots.broken || core::mem::take(&mut slots.idle);
        Ok(stirs || size < self.plan.max_workers && outstanding > size)
    }

    /// # Safety
    /// The slot is the caller's, and not open; the work's bytes are readable.
    unsafe fn fill(&self, index: u32, work: &Work, argument: &Argument) {
        let slot = self.slot(index);
        let kind = match work.portion.is_null() {
            false => PORTION,
            true if argument.at != 0 && !argument.owned => PASSED,
            true => 0,
        };
        slot.func.store(work.func, Relaxed);
        slot.kind.store(kind, Relaxed);
        slot.arg_size.store(work.size as u64, Relaxed);
        slot.arg_at.store(argument.at as u64, Relaxed);
        slot.index.store(work.index as u64, Relaxed);
        slot.context.store(work.context.start as u64, Relaxed);
        slot.context_size.store(work.context.len() as u64, Relaxed);
        if argument.at == 0 && work.size > 0 {
            // SAFETY: the caller's promise; the slot has room for an inline argument.
            unsafe { core::ptr::copy_nonoverlapping(work.from.cast::<u8>(), inline_bytes(&slot.arg), work.size) };
        }
    }
}

/// An argument on its way into shared memory.
struct Argument {
    /// Its offset; 0 means that it goes into the slot.
    at: usize,
    /// The block was made for it.
    owned: bool,
}

impl Argument {
    /// # Safety
    /// `from` points to `size` readable bytes.
    unsafe fn stage(pool: &Pool, from: *const c_void, size: usize) -> Result<Argument> {
        let arena = pool.arena();
        // What lies in shared memory is passed, not copied.
        if let Some(at) = pool.shared_offset(from, size).filter(|_| size > 0) {
            return Ok(Argument { at, owned: false });
        }
        if size <= INLINE {
            return Ok(Argument { at: 0, owned: false });
        }
        let at = arena.alloc(size)?;
        // SAFETY: the caller's promise; the block has as many bytes.
        unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), arena.address(at), size) };
        Ok(Argument { at, owned: true })
    }

    fn block(&self) -> u64 {
        if self.owned {
            self.at as u64
        } else {
            0
        }
    }

    fn drop(&self, arena: &Arena) {
        if self.owned {
            arena.free(self.at);
        }
    }
}
