//! map: a function over every item, results in input order.
//!
//! Owns: the iterator (`cf_map`) and what its tasks share (`Job`).
//! Called by: the C interface; `map_into` shares input, options and running.
//!
//! The items are cut into chunks; each chunk is one task of the executor, so starting order, claiming by a
//! waiter, cycles and cancel are those of futures. Items keep their own outcomes.
//!
//! Always true: the job lives until the iterator and the last chunk have done with it; an item runs at most
//! once; an item that was not started when the map was freed or timed out never starts.

pub mod input;
pub mod outcome;

use crate::capi::types::{cf_array, cf_item, TaskFn};
use crate::executor::cf_executor;
use crate::fork::{self, Handle};
use crate::future::node::{Arg, Birth};
use crate::future::{cf_future, word};
use crate::hook::Hook;
use crate::mem;
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{AtomicBool, AtomicU32, Cell, Ordering::*};
use crate::task::{cf_task, Sink};
use crate::time::{self, Deadline};
use crate::wait;
use core::ffi::c_void;
use core::ptr::{null_mut, NonNull};
use input::{Input, Scratch};
use outcome::Outcome;

/// Chunks per worker when the library chooses: enough to even out items of different cost, few enough that a
/// cheap function is not dominated by the pool.
const CHUNKS_PER_WORKER: usize = 64;

/// Options of a map; opaque to C.
pub struct cf_map_options {
    timeout: i64,
    chunk_size: usize,
    context: *mut c_void,
}

impl cf_map_options {
    pub const DEFAULT: cf_map_options = cf_map_options { timeout: time::FOREVER, chunk_size: 0, context: null_mut() };

    pub fn new() -> Result<*mut cf_map_options> {
        Ok(mem::try_new(cf_map_options::DEFAULT)?.as_ptr())
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_map_options) {
        if !this.is_null() {
            // SAFETY: the caller's promise.
            unsafe { mem::free(this) }
        }
    }

    pub fn set_timeout(&mut self, ns: i64) -> Result<()> {
        self.timeout = ns;
        Ok(())
    }

    pub fn set_chunk_size(&mut self, items: usize) -> Result<()> {
        self.chunk_size = items;
        Ok(())
    }

    /// Threads see the pointer itself; the size is for executors that must copy.
    pub fn set_context(&mut self, context: *const c_void, _size: usize) -> Result<()> {
        self.context = context.cast_mut();
        Ok(())
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::after_ns(self.timeout)
    }

    pub fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    pub fn context(&self) -> *mut c_void {
        self.context
    }
}

/// What the chunks of a map share.
struct Job {
    refs: AtomicU32,
    func: TaskFn,
    executor: u16,
    context: *mut c_void,
    input: Input,
    outcomes: Cell<Box<[Outcome]>>,
    chunk: usize,
    chunks: Cell<Box<[Chunk]>>,
    /// Nothing more is to start.
    stopped: AtomicBool,
}

/// The argument of a chunk's task.
#[derive(Clone, Copy)]
struct Chunk {
    job: *const Job,
    number: usize,
}

/// The iterator over a map's outcomes; opaque to C.
pub struct cf_map {
    epoch: u64,
    deadline: Deadline,
    in_use: AtomicBool,
    job: NonNull<Job>,
    state: Cell<State>,
}

struct State {
    futures: Box<[*mut cf_future]>,
    next: usize,
    /// Timed out: nothing more comes.
    over: bool,
}

// SAFETY: `in_use` gives the state to one thread at a time.
unsafe impl Sync for cf_map {}

impl Handle for cf_map {
    fn foreign(&self) -> bool {
        self.epoch != fork::epoch()
    }
}

impl Job {
    fn new(
        executor: &cf_executor,
        func: TaskFn,
        arrays: &[cf_array],
        options: &cf_map_options,
    ) -> Result<NonNull<Job>> {
        let input = Input::copied(arrays)?;
        let count = input.count();
        let chosen = (count / (CHUNKS_PER_WORKER * executor.max_workers())).max(1);
        let chunk = if options.chunk_size == 0 { chosen } else { options.chunk_size };
        let job = mem::try_new(Job {
            refs: AtomicU32::new(1),
            func,
            executor: executor.id(),
            context: options.context,
            outcomes: Cell::new(mem::try_slice(count, |_| Outcome::new())?),
            input,
            chunk,
            chunks: Cell::new(Box::default()),
            stopped: AtomicBool::new(false),
        })?;
        let this = Chunk { job: job.as_ptr(), number: 0 };
        match mem::try_slice(count.div_ceil(chunk), |number| Chunk { number, ..this }) {
            Ok(chunks) => {
                // SAFETY: nobody else knows of the job yet.
                unsafe { job.as_ref().chunks.with_mut(|p| *p = chunks) };
                Ok(job)
            }
            Err(e) => {
                // SAFETY: as above.
                unsafe { Job::release(job.as_ptr()) };
                Err(e)
            }
        }
    }

    fn chunks(&self) -> &[Chunk] {
        // SAFETY: written once, before the job is shared.
        self.chunks.with(|p| unsafe { &**p })
    }

    unsafe fn release(this: *const Job) {
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
        for index in number * self.chunk..end {
            if self.stopped.load(Relaxed) {
                return Ok(());
            }
            // SAFETY: the claim of the chunk gives its outcomes to this thread; the index is inside.
            unsafe {
                let outcome: *mut Outcome = self.outcomes.with_mut(|p| &raw mut (**p)[index]);
                self.input.gather(index, scratch.place());
                let birth = Birth { index, context: self.context };
                let mut task = cf_task::new(Sink::Item(outcome), birth, runner, self.executor);
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

impl cf_map {
    /// Submits every chunk; on failure those submitted are cancelled and nothing is left.
    pub fn new(
        executor: &cf_executor,
        func: TaskFn,
        arrays: &[cf_array],
        options: Option<&cf_map_options>,
    ) -> Result<*mut cf_map> {
        let options = options.unwrap_or(&cf_map_options::DEFAULT);
        let deadline = options.deadline();
        let job = Job::new(executor, func, arrays, options)?;
        // SAFETY: the reference of this thread's.
        let shared = unsafe { job.as_ref() };
        let map = mem::try_slice(shared.chunks().len(), |_| null_mut()).and_then(|futures| {
            let state = Cell::new(State { futures, next: 0, over: false });
            mem::try_new(cf_map { epoch: fork::epoch(), deadline, in_use: AtomicBool::new(false), job, state })
        });
        let map = match map {
            Ok(map) => map.as_ptr(),
            Err(e) => {
                // SAFETY: as above.
                unsafe { Job::release(job.as_ptr()) };
                return Err(e);
            }
        };
        // SAFETY: just made; this thread is its only user.
        let state = unsafe { &mut *(*map).state.with_mut(|s| s) };
        for (chunk, out) in shared.chunks().iter().zip(state.futures.iter_mut()) {
            shared.refs.fetch_add(1, Relaxed);
            let arg = Hook::new((&raw const *chunk).cast_mut().cast(), Some(release_chunk));
            // SAFETY: a place for the future.
            if let Err(e) = unsafe { executor.submit_call(run_chunk, Arg::Owned(arg), Birth::NONE, out) } {
                // SAFETY: made above, seen by nobody.
                unsafe { cf_map::free(map) };
                return Err(e);
            }
        }
        Ok(map)
    }

    fn job(&self) -> &Job {
        // SAFETY: the iterator's reference.
        unsafe { self.job.as_ref() }
    }

    /// The next outcome, in input order.
    ///
    /// # Safety
    /// `out` is writable.
    pub unsafe fn next(&self, out: *mut cf_item) -> Result<()> {
        if self.in_use.swap(true, Acquire) {
            return Err(Status::CF_INVALID_STATE);
        }
        // SAFETY: `in_use` gives the state to this thread.
        let result = self.step(unsafe { &mut *self.state.with_mut(|s| s) });
        self.in_use.store(false, Release);
        // SAFETY: the caller's promise.
        result.map(|item| unsafe { out.write(item) })
    }

    fn step(&self, state: &mut State) -> Result<cf_item> {
        let job = self.job();
        let index = state.next;
        if state.over || index == job.input.count() {
            self.forget(state, index);
            return Err(Status::CF_END);
        }
        // SAFETY: the iterator's reference.
        let future: &'static cf_future = unsafe { &*state.futures[index / job.chunk] };
        let ended = match wait::until_done(future, self.deadline) {
            Err(Status::CF_TIMEOUT) => {
                self.stop(state);
                state.over = true;
                return Err(Status::CF_TIMEOUT);
            }
            other => other?,
        };
        self.forget(state, index);
        state.next += 1;
        if ended == word::FAILED {
            // The chunk never ran: the pool broke, or there was no memory for it.
            let error = future.error();
            // SAFETY: a FAILED future has an error, which stays while the future is held.
            let status = unsafe { (*error).status() };
            return Ok(cf_item { index, status, data: core::ptr::null(), size: 0, error });
        }
        // SAFETY: the chunk is done, so its outcomes are this thread's to read.
        Ok(job.outcomes.with(|p| unsafe { (&**p)[index].item(index) }))
    }

    /// What was handed out before `index` is not kept: its result, and its chunk's future when that is used up.
    fn forget(&self, state: &mut State, index: usize) {
        let job = self.job();
        let Some(last) = index.checked_sub(1) else { return };
        // SAFETY: the item was handed out, so its chunk is done, and this thread is the only user.
        unsafe { job.outcomes.with_mut(|p| (&mut **p)[last].clear()) };
        if index.is_multiple_of(job.chunk) {
            let f = core::mem::replace(&mut state.futures[last / job.chunk], null_mut());
            // SAFETY: the iterator's reference, or NULL.
            unsafe { cf_future::release(f) };
        }
    }

    /// Nothing that has not started will start.
    fn stop(&self, state: &State) {
        self.job().stopped.store(true, Relaxed);
        for f in state.futures.iter() {
            // SAFETY: NULL or the iterator's reference.
            if let Some(f) = unsafe { f.cast_const().as_ref() } {
                let f: &'static cf_future = f;
                f.cancel();
            }
        }
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_map) {
        // SAFETY: the caller's promise.
        unsafe {
            if this.is_null() || (*this).foreign() {
                return;
            }
            let state = &mut *(*this).state.with_mut(|s| s);
            (*this).stop(state);
            state.futures.iter().for_each(|f| cf_future::release(*f));
            let job = (*this).job;
            mem::free(this);
            Job::release(job.as_ptr());
        }
    }
}
