//! From a call, or a portion of a map, to a task that stands in its slot and is queued.
//!
//! Called by: `contract` (one call), `cf_executor_submit_many`, `map::far` (portions).
//!
//! Always true:
//! - `*out` is written before the task can start;
//! - one hold of the lock `slots` takes a slot, fills it and queues it: nobody sees one that is half done. Of many tasks
//!   so few are put at a time that others do not wait long for the lock.

use super::arena::Arena;
use super::layout::{INLINE, PASSED, PORTION};
use super::pool::Pool;
use super::portion::Portion;
use super::slot::{inline_bytes, Cell, COLLECT};
use super::table::{Table, Task};
use crate::capi::types::TaskFn;
use crate::future::call::Burst;
use crate::future::far::Place;
use crate::future::node::{Arg, Call};
use crate::future::{cf_future, word};
use crate::runner;
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::null;

/// So many tasks of a burst are put under one hold of the lock.
const AT_ONCE: usize = 16;
/// Of so many submits of a burst one wakes a worker.
const QUIET: usize = 32;
/// Copying an argument of so many bytes takes longer than waking a worker.
const LARGE: usize = 64 << 10;

/// What a slot is to say of a task.
#[derive(Clone, Copy)]
pub struct Work {
    func: u32,
    /// The task is a portion of a map, which lives until its end was told; NULL if not.
    portion: *const Portion,
    from: *const c_void,
    size: usize,
    /// Where the argument lies in the arena; 0 means that it goes into the slot.
    at: usize,
    /// The block there was made for it.
    owned: bool,
    index: usize,
    context_at: usize,
    /// 0 if the context does not go with the task.
    context_size: usize,
}

impl Work {
    const NONE: Work = Work {
        func: 0,
        portion: null(),
        from: null(),
        size: 0,
        at: 0,
        owned: false,
        index: 0,
        context_at: 0,
        context_size: 0,
    };

    /// `func` is from `identify`; the portion's block and the context, if there is one, are of the pool's arena.
    pub fn portion(func: u32, context: &Range<usize>, portion: &Portion) -> Work {
        let (context_at, context_size) = (context.start, context.len());
        let (size, at, index) = (portion.size(), portion.block, portion.first);
        Work { func, portion, size, at, index, context_at, context_size, ..Work::NONE }
    }

    /// # Safety
    /// `from` points to `size` readable bytes until the work is put.
    unsafe fn call(pool: &Pool, func: u32, from: *const c_void, size: usize, index: usize) -> Result<Work> {
        let work = Work { func, from, size, index, ..Work::NONE };
        // What lies in shared memory is passed, not copied.
        if let Some(at) = pool.shared_offset(from, size).filter(|_| size > 0) {
            return Ok(Work { at, ..work });
        }
        if size <= INLINE {
            return Ok(work);
        }
        let at = pool.arena().alloc(size)?;
        // SAFETY: the caller's promise; the block has as many bytes.
        unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), pool.arena().address(at), size) };
        Ok(Work { at, owned: true, ..work })
    }

    fn block(&self) -> u64 {
        if self.owned {
            self.at as u64
        } else {
            0
        }
    }

    fn kind(&self) -> u32 {
        match self.portion.is_null() {
            false => PORTION,
            true if self.at != 0 && !self.owned => PASSED,
            true => 0,
        }
    }

    fn drop(&self, arena: &Arena) {
        if self.owned {
            arena.free(self.at);
        }
    }
}

/// How many tasks of a burst are put at once from task `i` of `n` on, and whether a worker is woken for them. The first
/// ones wake all workers, and the last ones do, as what is left may be long. In between, a worker that is faster than
/// the submitter sleeps a little longer instead of being woken for each.
fn stretch(i: usize, n: usize, workers: usize) -> (usize, bool) {
    if i < 2 * workers || i + workers >= n {
        return (1, true);
    }
    let end = (i / AT_ONCE + 1) * AT_ONCE;
    (end.min(n - workers) - i, i % QUIET < AT_ONCE)
}

impl Pool {
    /// What a function is called in slots.
    pub fn identify(&self, func: TaskFn) -> Result<u32> {
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
        let func = self.identify(call.func)?;
        // SAFETY: the caller's promise.
        unsafe {
            let work = Work::call(self, func, from, size, call.birth.index)?;
            self.put::<1>(&[work], out, true).1
        }
    }

    /// Submits the calls in order; how many of them.
    ///
    /// # Safety
    /// The arguments are readable; `out` is NULL or has a place for each.
    pub unsafe fn submit_many(&self, burst: Burst) -> (usize, Result<()>) {
        let Burst { func, args, size, count, out } = burst;
        if count == 0 {
            return (0, Ok(()));
        }
        let func = match self.identify(func) {
            Ok(func) => func,
            Err(e) => return (0, Err(e)),
        };
        // SAFETY: the caller's promise.
        let work = |i| unsafe { Work::call(self, func, args.wrapping_byte_add(i * size), size, i) };
        // SAFETY: as above.
        unsafe { self.submit_burst(count, size >= LARGE, out, work) }
    }

    /// Submits what `work` gives, in order; how many of them. `slowly`: each takes longer than waking a worker.
    ///
    /// # Safety
    /// `out` is NULL or has `count` places; what the works name is there.
    pub unsafe fn submit_burst(
        &self,
        count: usize,
        slowly: bool,
        out: *mut *mut cf_future,
        mut work: impl FnMut(usize) -> Result<Work>,
    ) -> (usize, Result<()>) {
        let mut works = [Work::NONE; AT_ONCE];
        let mut done = 0;
        while done < count {
            let (most, rings) = if slowly { (1, true) } else { stretch(done, count, self.plan.max_workers) };
            let (mut n, mut made) = (0, Ok(()));
            while n < most && made.is_ok() {
                made = work(done + n).map(|w| {
                    works[n] = w;
                    n += 1;
                });
            }
            let place = if out.is_null() { out } else { out.wrapping_add(done) };
            // SAFETY: the caller's promise.
            let (put, result) = unsafe { self.put::<AT_ONCE>(&works[..n], place, rings) };
            done += put;
            if let Err(e) = result.and(made) {
                // For those that did not ring.
                self.rouse();
                return (done, Err(e));
            }
        }
        (done, Ok(()))
    }

    /// Makes tasks of at most `MOST` works and queues them; how many. What is not queued is given back.
    ///
    /// # Safety
    /// `out` is NULL or has a place for each; what the works name is there.
    unsafe fn put<const MOST: usize>(
        &self,
        works: &[Work],
        out: *mut *mut cf_future,
        rings: bool,
    ) -> (usize, Result<()>) {
        let mut nodes = [null(); MOST];
        let refs = if out.is_null() { 1 } else { 2 };
        let (mut made, mut result) = (0, Ok(()));
        while made < works.len() && result.is_ok() {
            result = runner::current().and_then(|r| cf_future::new_far(r, self.executor().id(), refs)).map(|node| {
                nodes[made] = node;
                made += 1;
            });
        }
        let mut batch = Batch { works, nodes: &nodes[..made], out, put: 0, tail: 0 };
        // SAFETY: the caller's promise, here and below.
        let queued = unsafe { self.queue(&mut batch) }.or_else(|e| {
            if e != Status::CF_NO_MEMORY {
                return Err(e);
            }
            // Futures that were given up before they were done still have their slots.
            let known = self.slots.lock().made();
            (0..known).for_each(|slot| self.sweep_slot(slot));
            // SAFETY: as above.
            unsafe { self.queue(&mut batch) }
        });
        let put = batch.put;
        // SAFETY: made above, and never PENDING.
        nodes[put..made].iter().for_each(|node| unsafe { &**node }.discard());
        works[put..].iter().for_each(|work| work.drop(self.arena()));
        if rings && put > 0 {
            self.rung.announce(&self.view.ready(), batch.tail, self.view.areas());
        }
        (put, queued.and(result))
    }

    /// Queues what is left of a batch.
    ///
    /// # Safety
    /// As for `put`; the nodes are fresh.
    unsafe fn queue(&self, batch: &mut Batch) -> Result<()> {
        let (first, mut result) = (batch.put, Ok(()));
        let stirs = {
            let mut slots = self.slots.lock();
            while batch.put < batch.nodes.len() && result.is_ok() {
                // SAFETY: the caller's promise.
                result = unsafe { self.queue_one(&mut slots, batch) };
                batch.put += result.is_ok() as usize;
            }
            let more = batch.put - first;
            batch.tail = slots.tail();
            // Relaxed: whoever ends one of them takes the lock first.
            let outstanding = self.outstanding.fetch_add(more, Relaxed) + more;
            let size = self.crew_size.load(Relaxed) as usize;
            // Whoever breaks the pool at this moment may not have seen the tasks; a supervisor that sleeps without
            // limit is to look after them.
            let unseen = more > 0 && (slots.broken || core::mem::take(&mut slots.idle));
            unseen || size < self.plan.max_workers && outstanding > size
        };
        if stirs {
            self.ring_supervisor();
        }
        result
    }

    /// Takes a slot for the next task of a batch, fills it and queues it: from then on whoever is free may run it.
    ///
    /// # Safety
    /// As for `queue`.
    unsafe fn queue_one(&self, slots: &mut Table, batch: &Batch) -> Result<()> {
        let (i, ready) = (batch.put, self.view.ready());
        // SAFETY: a node of the pool's that nobody else knows yet.
        let (work, node) = (&batch.works[i], unsafe { &*batch.nodes[i] });
        let task = Task { node, block: work.block(), portion: work.portion };
        let (index, generation) = slots.take(self.arena(), &ready, &task)?;
        node.settle(Place { slot: index, generation, portion: work.portion.cast() });
        let slot = self.slot(index);
        slot.func.store(work.func, Relaxed);
        slot.kind.store(work.kind(), Relaxed);
        slot.arg_size.store(work.size as u64, Relaxed);
        slot.arg_at.store(work.at as u64, Relaxed);
        slot.index.store(work.index as u64, Relaxed);
        slot.context.store(work.context_at as u64, Relaxed);
        slot.context_size.store(work.context_size as u64, Relaxed);
        if work.at == 0 && work.size > 0 {
            // SAFETY: the caller's promise; the slot has room for an inline argument.
            unsafe { core::ptr::copy_nonoverlapping(work.from.cast::<u8>(), inline_bytes(&slot.arg), work.size) };
        }
        node.open(word::FAR);
        if !batch.out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { batch.out.add(i).write((&raw const *node).cast_mut()) };
        }
        // Nobody will look at a future that nobody holds.
        slot.word.open(generation, if batch.out.is_null() { COLLECT } else { 0 });
        slots.queue(&ready, Cell::new(index, generation));
        Ok(())
    }
}

/// Works that are put together; so many of them are.
struct Batch<'a> {
    works: &'a [Work],
    nodes: &'a [*const cf_future],
    out: *mut *mut cf_future,
    put: usize,
    /// The queue's tail behind them.
    tail: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_put_in_order_and_wakes_at_both_ends() {
        for (n, workers) in [(0, 1), (1, 1), (5, 2), (100, 1), (1000, 3), (300, 64), (4096, 2)] {
            let (mut i, mut rung) = (0, Vec::new());
            while i < n {
                let (some, rings) = stretch(i, n, workers);
                assert!((1..=AT_ONCE).contains(&some) && i + some <= n);
                if rings {
                    rung.push(i);
                }
                assert!(rings || i >= 2 * workers && i + some <= n - workers);
                i += some;
            }
            assert!(rung.windows(2).all(|w| w[1] - w[0] <= QUIET), "{n} {workers} {rung:?}");
        }
    }
}
