//! Maps straight into the caller's array, and loops over a range: blocking, nothing is kept per item.
//!
//! Owns: the shared work of one such call. Called by: the C interface.
//!
//! One task per worker works the range off (`ranges`); in a loop the caller takes the place of one. The call returns
//! only when no task can touch the caller's memory any more, so its wait is firm: in a deadlock another wait ends.
//!
//! Always true: each item runs at most once; tasks that find nothing left are cancelled, so that the call does
//! not wait for a place in a busy pool's queue.

use crate::capi::types::{cf_array, RangeFn, TaskFn};
use crate::error::{cf_error, Failure, Lossy};
use crate::executor::cf_executor;
use crate::future::cf_future;
use crate::future::node::{Arg, Birth};
use crate::map::cf_map_options;
use crate::map::far_into::{self, Places};
use crate::map::input::{Input, Scratch};
use crate::mem;
use crate::ranges::{self, Ranges};
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{fence, AtomicBool, AtomicPtr, AtomicUsize, Lock, Ordering::*};
use crate::task::{cf_task, Sink};
use crate::time::Deadline;
use crate::wait;
use core::ffi::c_void;
use core::ptr::null_mut;

/// What is done with a piece of the range.
trait Body: Sync {
    fn run(&self, at: &Place, begin: usize, end: usize, work: &Work);
}

/// Where a participant runs.
struct Place<'a> {
    runner: &'a Runner,
    scratch: &'a Scratch,
}

struct Work<'a> {
    executor: u16,
    ranges: Ranges,
    body: &'a dyn Body,
    scratch: Box<[Scratch]>,
    nodes: Box<[AtomicPtr<cf_future>]>,
    /// All tasks are submitted: who finds nothing left cancels those that have not started.
    submitted: AtomicBool,
    stopped: AtomicBool,
    items_run: AtomicUsize,
    first_failure: Lock<Option<(usize, cf_error)>>,
}

/// The argument of a participant's task.
#[derive(Clone, Copy)]
#[repr(C)]
struct Share {
    work: *const Work<'static>,
    number: usize,
}

impl<'a> Work<'a> {
    fn new(
        executor: &cf_executor,
        count: usize,
        grain: usize,
        record: usize,
        body: &'a dyn Body,
        caller: bool,
    ) -> Result<Work<'a>> {
        let blocks = Ranges::blocks(count, grain);
        // As many threads as the pool has, the caller among them if it takes part: one more than there are
        // processors costs more than it does.
        let shares = executor.max_workers().min(blocks);
        let tasks = shares - caller as usize;
        let mut scratch = Vec::new();
        scratch.try_reserve_exact(shares).map_err(|_| Status::CF_NO_MEMORY)?;
        for _ in 0..shares {
            scratch.push(Scratch::new(record)?);
        }
        Ok(Work {
            executor: executor.id(),
            ranges: Ranges::new(count, grain, shares)?,
            body,
            scratch: scratch.into_boxed_slice(),
            nodes: mem::try_slice(tasks, |_| AtomicPtr::new(null_mut()))?,
            submitted: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            items_run: AtomicUsize::new(0),
            first_failure: Lock::new(None),
        })
    }

    /// Keeps the failure with the lowest index.
    fn failed(&self, index: usize, error: cf_error) {
        let mut first = self.first_failure.lock();
        if first.as_ref().is_none_or(|(i, _)| index < *i) {
            let previous = first.replace((index, error));
            drop(first);
            drop(previous);
        }
    }

    /// Works off pieces until nothing is left.
    fn take_part(&self, number: usize, runner: &Runner) {
        let at = Place { runner, scratch: &self.scratch[number] };
        while !self.stopped.load(Relaxed) {
            let Some((begin, end)) = self.ranges.next(number) else { break };
            self.body.run(&at, begin, end, self);
        }
        self.cancel_idle();
    }

    /// Cancels the tasks that have not started, once there is nothing left for them.
    fn cancel_idle(&self) {
        // SeqCst: either the submitter's look after `submitted` sees the ranges empty, or this sees `submitted`.
        fence(SeqCst);
        if !self.submitted.load(Relaxed) || !(self.stopped.load(Relaxed) || self.ranges.is_exhausted()) {
            return;
        }
        for node in &self.nodes {
            // SAFETY: the call keeps its references until every task has ended.
            if let Some(node) = unsafe { node.load(Acquire).as_ref() } {
                node.cancel();
            }
        }
    }

    /// Submits the participants' tasks; fewer are enough as long as somebody works.
    fn submit(&self, executor: &cf_executor, caller: bool) -> Result<()> {
        let mut result = Ok(());
        for (i, place) in self.nodes.iter().enumerate() {
            if self.ranges.is_exhausted() {
                break;
            }
            let share = Share { work: (&raw const *self).cast(), number: i + caller as usize };
            let arg = Arg::Copy((&raw const share).cast(), size_of::<Share>());
            let mut out = null_mut();
            // SAFETY: the share is copied; the work outlives its tasks, since the call waits for all of them.
            result = unsafe { executor.submit_call(run_share, arg, Birth::NONE, &mut out) };
            place.store(out, Release);
            if result.is_err() {
                break;
            }
        }
        let nobody = self.nodes.first().is_none_or(|n| n.load(Relaxed).is_null());
        if nobody && !caller {
            return result;
        }
        self.submitted.store(true, Relaxed);
        self.cancel_idle();
        Ok(())
    }

    /// Waits until every task has ended.
    fn wait(&self, deadline: Deadline) -> Result<()> {
        let all = self.futures();
        let result = wait::all(all, deadline, true);
        if result.is_err() {
            self.stopped.store(true, Relaxed);
            self.cancel_idle();
            // What still runs uses the caller's memory: there is no leaving before it ends. Where the wait itself
            // was refused nothing runs, since a running task would have been asked to give up instead.
            while wait::all(all, Deadline::NEVER, true).is_err() {
                crate::sync::yield_now();
            }
        }
        result
    }

    /// The tasks that were submitted, for waiting. Nothing is allocated: the call cannot fail any more.
    fn futures(&self) -> &[*mut cf_future] {
        let n = self.nodes.iter().take_while(|n| !n.load(Relaxed).is_null()).count();
        // SAFETY: an atomic pointer has the layout of a pointer, and nobody writes these any more.
        unsafe { core::slice::from_raw_parts(self.nodes.as_ptr().cast(), n) }
    }

    /// The status of the whole: the first failure, or why items were not run.
    fn outcome(&self, count: usize, waited: Result<()>) -> Result<(), Failure> {
        if let Some((index, error)) = self.first_failure.lock().take() {
            return Err(Failure { status: error.status(), error: error.at(index).into_box() });
        }
        if self.items_run.load(Relaxed) == count {
            return Ok(());
        }
        waited?;
        for node in &self.nodes {
            // SAFETY: NULL or a reference of this call's.
            if let Some(error) = unsafe { node.load(Relaxed).as_ref() }.and_then(|f| unsafe { f.error().as_ref() }) {
                let text = Lossy(error.message());
                return Err(Failure::new(error.status(), error.code(), format_args!("{text}")));
            }
        }
        Err(Status::CF_CANCELLED.into())
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        for node in &self.nodes {
            // SAFETY: NULL or this call's reference; the tasks have ended.
            unsafe { cf_future::release(node.swap(null_mut(), Relaxed)) };
        }
    }
}

unsafe extern "C-unwind" fn run_share(_task: *mut cf_task, arg: *mut c_void, _size: usize) -> i32 {
    // SAFETY: the argument is a share, whose work outlives the task.
    unsafe {
        let share = *arg.cast::<Share>();
        if let Some(runner) = runner::existing() {
            (*share.work).take_part(share.number, runner);
        }
    }
    0
}

// ---- map_into

struct Items {
    func: TaskFn,
    input: Input,
    context: *mut c_void,
    out: *mut u8,
    out_size: usize,
    statuses: *mut Status,
}

// SAFETY: each index is one participant's; the arrays are the caller's for the length of the call.
unsafe impl Sync for Items {}

impl Body for Items {
    fn run(&self, at: &Place, begin: usize, end: usize, work: &Work) {
        let mut run = 0;
        let birth = Birth { index: begin, context: self.context };
        let mut task = cf_task::new(Sink::Nowhere, birth, at.runner, work.executor);
        for index in begin..end {
            if work.stopped.load(Relaxed) {
                break;
            }
            // SAFETY: inside the caller's arrays, and this index is this thread's.
            unsafe {
                self.input.gather(index, at.scratch.place());
                let place = self.out.wrapping_add(index * self.out_size);
                task.restart(Sink::Slot { place, size: self.out_size, written: false }, index);
                let returned = (self.func)(&mut task, at.scratch.place().cast(), self.input.record());
                let outcome = task.end(returned);
                if !self.statuses.is_null() {
                    self.statuses.add(index).write(outcome.as_ref().map_or_else(cf_error::status, |()| Status::CF_OK));
                }
                if let Err(error) = outcome {
                    work.failed(index, error);
                }
            }
            run += 1;
        }
        work.items_run.fetch_add(run, Relaxed);
    }
}

/// # Safety
/// The arrays were checked; `out` has room for `out_size` bytes per item, `statuses` is NULL or has a place per item.
pub unsafe fn map_into(
    executor: &cf_executor,
    func: TaskFn,
    arrays: &[cf_array],
    options: Option<&cf_map_options>,
    out: *mut c_void,
    out_size: usize,
    statuses: *mut Status,
) -> Result<(), Failure> {
    let options = options.unwrap_or(&cf_map_options::DEFAULT);
    let input = Input::over(arrays)?;
    let (count, record) = (input.count(), input.record());
    if count == 0 {
        return Ok(());
    }
    executor.kind().admit()?;
    if !statuses.is_null() {
        // SAFETY: a place per item. What never runs was cancelled.
        (0..count).for_each(|i| unsafe { statuses.add(i).write(Status::CF_CANCELLED) });
    }
    let outcome = match executor.kind().processes() {
        Some(pool) => {
            let places = Places { out: out.cast(), size: out_size, statuses };
            // SAFETY: the caller's promise.
            unsafe { far_into::map_into(executor, pool, func, &input, options, places) }
        }
        None => {
            let items = Items { func, input, context: options.context(), out: out.cast(), out_size, statuses };
            run_here(executor, options, &items, count, record)
        }
    };
    if let (Err(Failure { status: why @ Status::CF_BROKEN_POOL, .. }), false) = (&outcome, statuses.is_null()) {
        // SAFETY: a place per item.
        let places = unsafe { core::slice::from_raw_parts_mut(statuses, count) };
        // An item that ran is never CF_CANCELLED: these did not, as the pool broke.
        places.iter_mut().filter(|s| **s == Status::CF_CANCELLED).for_each(|s| *s = *why);
    }
    outcome
}

/// By threads.
fn run_here(
    executor: &cf_executor,
    options: &cf_map_options,
    items: &Items,
    count: usize,
    record: usize,
) -> Result<(), Failure> {
    let deadline = options.deadline();
    let work = Work::new(executor, count, options.chunk_size(), record, items, false)?;
    work.submit(executor, false)?;
    let waited = work.wait(deadline);
    work.outcome(count, waited)
}

// ---- for_range

struct Loop {
    func: RangeFn,
    context: *mut c_void,
    begin: usize,
}

// SAFETY: the context is the user's to share between the pieces.
unsafe impl Sync for Loop {}

impl Body for Loop {
    fn run(&self, at: &Place, begin: usize, end: usize, work: &Work) {
        let (from, to) = (self.begin + begin, self.begin + end);
        let birth = Birth { index: from, context: self.context };
        let mut task = cf_task::new(Sink::Nowhere, birth, at.runner, work.executor);
        // SAFETY: the user promised a function that accepts its context.
        let returned = unsafe { (self.func)(&mut task, from, to, self.context) };
        if let Err(error) = task.end(returned) {
            work.stopped.store(true, Relaxed);
            work.failed(from, error);
        }
        work.items_run.fetch_add(end - begin, Relaxed);
    }
}

pub fn for_range(
    executor: &cf_executor,
    begin: usize,
    end: usize,
    grain: usize,
    func: RangeFn,
    context: *mut c_void,
) -> Result<(), Failure> {
    let count = ranges::length(begin, end)?;
    if count == 0 {
        return Ok(());
    }
    executor.kind().admit()?;
    if executor.kind().processes().is_some() {
        return Err(Status::CF_UNSUPPORTED.into());
    }
    let runner = runner::current()?;
    let body = Loop { func, context, begin };
    let work = Work::new(executor, count, grain, 0, &body, true)?;
    work.submit(executor, true)?;
    work.take_part(0, runner);
    let waited = work.wait(Deadline::NEVER);
    work.outcome(count, waited)
}
