//! What the chunks of a map share, and how a chunk runs.
//!
//! Called by: `cf_map`, which submits the chunks and reads the outcomes.
//!
//! Always true: the job lives until the iterator and the last chunk have done with it; an item's outcome is written by
//! whoever has its chunk, and read after that has ended.

use super::far::{self, Portions};
use super::input::{Input, Scratch};
use super::options::cf_map_options;
use super::outcome::Outcome;
use crate::capi::types::{cf_array, TaskFn};
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::future::cf_future;
use crate::future::node::{Arg, Birth};
use crate::hook::Hook;
use crate::mem;
use crate::processes::portion::Items;
use crate::runner::{self, Runner};
use crate::status::Result;
use crate::sync::{AtomicBool, AtomicU32, Cell, Ordering::*};
use crate::task::{cf_task, Sink};
use core::ffi::c_void;
use core::ptr::NonNull;

/// Chunks per worker when the library chooses: enough to even out items of different cost, few enough that a
/// cheap function is not dominated by the pool.
const CHUNKS_PER_WORKER: usize = 64;

/// What the chunks of a map share.
pub(super) struct Job {
    refs: AtomicU32,
    func: TaskFn,
    executor: u16,
    context: *mut c_void,
    pub(super) input: Input,
    pub(super) outcomes: Cell<Box<[Outcome]>>,
    pub(super) chunk: usize,
    chunks: Cell<Box<[Chunk]>>,
    /// Over processes: the chunks in shared memory.
    far: Cell<Option<Portions>>,
    /// Nothing more is to start.
    pub(super) stopped: AtomicBool,
}

/// The argument of a chunk's task.
#[derive(Clone, Copy)]
struct Chunk {
    job: *const Job,
    number: usize,
}

// SAFETY: cells are written before the job is shared, or by whoever has the chunk; the context is the user's to share.
unsafe impl Sync for Job {}

impl Job {
    pub(super) fn new(
        executor: &cf_executor,
        func: TaskFn,
        arrays: &[cf_array],
        options: &cf_map_options,
    ) -> Result<NonNull<Job>> {
        let input = Input::copied(arrays)?;
        let count = input.count();
        let chosen = (count / (CHUNKS_PER_WORKER * executor.max_workers())).max(1);
        let chunk = if options.chunk_size() == 0 { chosen } else { options.chunk_size() };
        let job = mem::try_new(Job {
            refs: AtomicU32::new(1),
            func,
            executor: executor.id(),
            context: options.context(),
            outcomes: Cell::new(mem::try_slice(count, |_| Outcome::new())?),
            input,
            chunk,
            chunks: Cell::new(Box::default()),
            far: Cell::new(None),
            stopped: AtomicBool::new(false),
        })?;
        // SAFETY: just made.
        let prepared = unsafe { job.as_ref() }.prepare(executor, options.far_plan(func, chunk));
        prepared.map(|()| job).inspect_err(|_| {
            // SAFETY: nobody else knows of the job yet.
            unsafe { Job::release(job.as_ptr()) };
        })
    }

    /// What the chunks' tasks are told. Nobody else knows of the job yet.
    fn prepare(&self, executor: &cf_executor, plan: far::Plan) -> Result<()> {
        if let Some(pool) = executor.kind().processes() {
            let portions = Portions::new(pool, &self.input, &plan, self)?;
            // SAFETY: as the comment says.
            unsafe { self.far.with_mut(|p| *p = Some(portions)) };
            return Ok(());
        }
        let this = Chunk { job: self, number: 0 };
        let chunks = mem::try_slice(self.chunk_count(), |number| Chunk { number, ..this })?;
        // SAFETY: as above.
        unsafe { self.chunks.with_mut(|p| *p = chunks) };
        Ok(())
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.input.count().div_ceil(self.chunk)
    }

    pub(super) fn far(&self) -> Option<&Portions> {
        // SAFETY: written once, before the job is shared.
        self.far.with(|p| unsafe { (*p).as_ref() })
    }

    /// Submits every chunk, each with a reference to the job that goes when the chunk has ended. There is a future for
    /// each, NULL for those that were not submitted.
    pub(super) fn submit(&self, executor: &cf_executor, futures: &mut [*mut cf_future]) -> Result<()> {
        if let (Some(portions), Some(pool)) = (self.far(), executor.kind().processes()) {
            let all = portions.count() as u32;
            self.refs.fetch_add(all, Relaxed);
            let (n, result) = portions.submit(pool, futures);
            // Relaxed: this thread's own reference stays.
            self.refs.fetch_sub(all - n as u32, Relaxed);
            return result;
        }
        for (chunk, out) in self.chunks().iter().zip(futures) {
            self.refs.fetch_add(1, Relaxed);
            let arg = Hook::new((&raw const *chunk).cast_mut().cast(), Some(release_chunk));
            // SAFETY: a place for the future.
            unsafe { executor.submit_call(run_chunk, Arg::Owned(arg), Birth::NONE, out) }?;
        }
        Ok(())
    }

    fn chunks(&self) -> &[Chunk] {
        // SAFETY: written once, before the job is shared.
        self.chunks.with(|p| unsafe { &**p })
    }

    pub(super) unsafe fn release(this: *const Job) {
        // SAFETY: the caller owns a reference. AcqRel: the last one sees what all others did.
        unsafe {
            if (*this).refs.fetch_sub(1, AcqRel) == 1 {
                mem::free(this.cast_mut());
            }
        }
    }

    /// Runs the items of a chunk, unless the map is stopped.
    fn run(&self, number: usize, runner: &Runner) -> Result<()> {
        let scratch = Scratch::new(self.input.record())?;
        let end = self.input.count().min((number + 1) * self.chunk);
        let birth = Birth { index: 0, context: self.context };
        let mut task = cf_task::new(Sink::Nowhere, birth, runner, self.executor);
        for index in number * self.chunk..end {
            if self.stopped.load(Relaxed) {
                return Ok(());
            }
            // SAFETY: the claim of the chunk gives its outcomes to this thread; the index is inside.
            unsafe {
                let outcome: *mut Outcome = self.outcomes.with_mut(|p| &raw mut (**p)[index]);
                self.input.gather(index, scratch.place());
                task.restart(Sink::Item(outcome), index);
                let returned = (self.func)(&mut task, scratch.place().cast(), self.input.record());
                (*outcome).end(task.end(returned), index);
            }
        }
        Ok(())
    }
}

/// The task of a chunk. Its own failure (no memory for the argument) is that of all its items.
unsafe extern "C-unwind" fn run_chunk(task: *mut cf_task, arg: *mut c_void, _size: usize) -> i32 {
    // SAFETY: the argument is a chunk, whose reference keeps the job.
    let chunk = unsafe { *arg.cast::<Chunk>() };
    let ran = runner::current().and_then(|runner| {
        // SAFETY: as above.
        unsafe { &*chunk.job }.run(chunk.number, runner)
    });
    match ran {
        Ok(()) => 0,
        // SAFETY: the running call.
        Err(status) => unsafe { &mut *task }.end_with(status),
    }
}

/// The chunk has run, or will never run.
unsafe extern "C-unwind" fn release_chunk(arg: *mut c_void) {
    // SAFETY: the chunk's own reference.
    unsafe { Job::release((*arg.cast::<Chunk>()).job) };
}

impl Items for Job {
    fn absorb(&self, index: usize, outcome: Result<&[u8], cf_error>) {
        // SAFETY: whoever absorbs a portion's items has them to itself until its task has ended; the index is inside.
        let place = unsafe { self.outcomes.with_mut(|p| &mut (&mut (**p))[index]) };
        match outcome {
            Ok(bytes) => place.store(bytes, index),
            Err(error) => place.end(Err(error), index),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    fn portion_ended(&self) {
        // SAFETY: the reference taken in `submit`.
        unsafe { Job::release(self) };
    }
}
