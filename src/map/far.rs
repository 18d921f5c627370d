//! Maps over worker processes: items and outcomes in shared memory, a portion of many items as one task.
//!
//! Owns: the blocks of the portions and of the context. Called by: `cf_map` and `map_into`, which say what becomes of
//! an item's outcome (`Items`).
//!
//! Always true: portions stay where they are, and their blocks stay, until every task of theirs has ended.

use super::input::Input;
use crate::capi::types::TaskFn;
use crate::executor::Executor;
use crate::future::cf_future;
use crate::processes::arena::Arena;
use crate::processes::portion::{Items, Portion};
use crate::processes::submit::Work;
use crate::processes::Pool;
use crate::status::{Result, Status};
use crate::sync::Ordering::*;
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::NonNull;

/// Small portions share blocks of this size.
const BLOCK: usize = 64 << 10;

/// The portions of one map.
pub struct Portions {
    arena: NonNull<Arena>,
    portions: Box<[Portion]>,
    /// The blocks that the portions lie in.
    blocks: Vec<usize>,
    /// What the context's copy is, or where it lies in memory of the program's own: then it is empty.
    context: Range<usize>,
    context_block: usize,
    /// The function, as slots name it.
    func: u32,
}

// SAFETY: the arena is counted and locks its own state; portions are shared as they say.
unsafe impl Sync for Portions {}
// SAFETY: as above.
unsafe impl Send for Portions {}

/// What is done with the items.
pub struct Plan {
    pub func: TaskFn,
    pub chunk: usize,
    pub context: *const c_void,
    pub context_size: usize,
}

impl Portions {
    /// Lays every item out in shared memory. `items` outlives the portions.
    pub fn new(pool: &Pool, input: &Input, plan: &Plan, items: *const dyn Items) -> Result<Portions> {
        let arena = pool.arena();
        arena.retain();
        // From here on dropping it gives everything back.
        let mut this = Portions {
            arena: NonNull::from(arena),
            portions: Box::default(),
            blocks: Vec::new(),
            context: 0..0,
            context_block: 0,
            func: 0,
        };
        if input.count() > 0 {
            pool.admit()?;
            this.func = pool.identify(plan.func)?;
            this.stage_context(pool, plan)?;
            this.lay_out(arena, input, plan.chunk, items)?;
        }
        Ok(this)
    }

    fn lay_out(&mut self, arena: &Arena, input: &Input, chunk: usize, items: *const dyn Items) -> Result<()> {
        let n = input.count().div_ceil(chunk);
        let each = Portion::bytes(chunk.min(input.count()), input.record())?;
        let together = (BLOCK / each).clamp(1, n);
        let mut portions = Vec::new();
        portions.try_reserve_exact(n).map_err(|_| Status::CF_NO_MEMORY)?;
        self.blocks.try_reserve_exact(n.div_ceil(together)).map_err(|_| Status::CF_NO_MEMORY)?;
        for i in 0..n {
            if i % together == 0 {
                self.blocks.push(arena.alloc(each * together.min(n - i))?);
            }
            let block = self.blocks[i / together] + i % together * each;
            let first = i * chunk;
            let count = chunk.min(input.count() - first);
            // SAFETY: each index is below the count, and the block has room for its record.
            let fill = |index, place| unsafe { input.gather(index, place) };
            portions.push(Portion::new(items, first, count, input.record(), (block, arena.address(block)), fill));
        }
        self.portions = portions.into_boxed_slice();
        Ok(())
    }

    /// The context is copied once, unless it lies in shared memory already.
    fn stage_context(&mut self, pool: &Pool, plan: &Plan) -> Result<()> {
        if plan.context.is_null() {
            return Ok(());
        }
        let arena = pool.arena();
        self.context = match pool.shared_offset(plan.context, plan.context_size.max(1)) {
            Some(at) => at..at,
            None => {
                self.context_block = arena.alloc(plan.context_size.max(1))?;
                // SAFETY: the caller promised so many readable bytes; the block has as many.
                unsafe {
                    let to = arena.address(self.context_block);
                    core::ptr::copy_nonoverlapping(plan.context.cast::<u8>(), to, plan.context_size);
                }
                self.context_block..self.context_block + plan.context_size
            }
        };
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.portions.len()
    }

    /// Submits every portion; how many. The end of each that was submitted is told to the items exactly once, that of
    /// the others never. There is a future for each.
    pub fn submit(&self, pool: &Pool, futures: &mut [*mut cf_future]) -> (usize, Result<()>) {
        assert_eq!(futures.len(), self.count());
        let work = |i: usize| Ok(Work::portion(self.func, &self.context, &self.portions[i]));
        // SAFETY: a place for each; blocks and context are of the pool's arena, as they were made with it.
        unsafe { pool.submit_burst(self.count(), false, futures.as_mut_ptr(), work) }
    }

    /// No further item starts.
    pub fn stop(&self) {
        // Release: with what the items say of it; pairs with the Acquire in `Runner::run`.
        self.portions.iter().for_each(|p| p.head().stop.store(1, Release));
    }
}

impl Drop for Portions {
    fn drop(&mut self) {
        // SAFETY: the reference taken in `new`; every task has ended.
        let arena = unsafe { self.arena.as_ref() };
        self.blocks.iter().for_each(|block| arena.free(*block));
        if self.context_block != 0 {
            arena.free(self.context_block);
        }
        // SAFETY: as above.
        unsafe { Arena::release(self.arena.as_ptr()) };
    }
}
