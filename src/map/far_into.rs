//! `map_into` over worker processes: outcomes go straight into the caller's arrays.
//!
//! Called by: `map_into`. The call returns only when no portion's end can touch the caller's memory any more.

use super::far::Portions;
use super::input::Input;
use super::options::cf_map_options;
use crate::capi::types::TaskFn;
use crate::error::{cf_error, Failure, Lossy};
use crate::executor::cf_executor;
use crate::future::cf_future;
use crate::mem;
use crate::processes::portion::Items;
use crate::processes::Pool;
use crate::status::{Result, Status};
use crate::sync::{address, AtomicBool, AtomicU32, AtomicUsize, Lock, Ordering::*, Sleepers};
use crate::time::Deadline;
use crate::wait;
use core::ptr::null_mut;

/// Portions per worker: enough to even out items of different cost.
const PORTIONS_PER_WORKER: usize = 16;

/// Where the outcomes go.
pub struct Places {
    pub out: *mut u8,
    pub size: usize,
    pub statuses: *mut Status,
}

struct Work {
    places: Places,
    stopped: AtomicBool,
    items_run: AtomicUsize,
    first_failure: Lock<Option<(usize, cf_error)>>,
    /// Portions whose end has not been told.
    left: AtomicU32,
    sleepers: Sleepers,
}

// SAFETY: each index is written by the one who absorbs it; the arrays are the caller's for the length of the call.
unsafe impl Sync for Work {}

impl Items for Work {
    fn absorb(&self, index: usize, outcome: Result<&[u8], cf_error>) {
        let size = self.places.size;
        let outcome = outcome.and_then(|bytes| {
            if bytes.len() != size {
                return Err(crate::task::size_mismatch(bytes.len(), size));
            }
            let place = self.places.out.wrapping_add(index * size);
            // SAFETY: a place per item.
            unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), place, size) };
            Ok(())
        });
        if !self.places.statuses.is_null() {
            let status = outcome.as_ref().map_or_else(cf_error::status, |()| Status::CF_OK);
            // SAFETY: as above.
            unsafe { self.places.statuses.add(index).write(status) };
        }
        self.items_run.fetch_add(1, Relaxed);
        if let Err(error) = outcome {
            let mut first = self.first_failure.lock();
            if first.as_ref().is_none_or(|(i, _)| index < *i) {
                *first = Some((index, error));
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    fn portion_ended(&self) {
        // The caller may go as soon as it sees 0: afterwards only the address is used.
        let (at, sleepers) = (address(&self.left), Sleepers::new());
        // Release: what was absorbed comes before the caller's return.
        if self.left.fetch_sub(1, Release) == 1 {
            sleepers.wake_all(at);
        }
    }
}

/// # Safety
/// The arrays under `input` and the places are the caller's for the call, with a place per item.
pub unsafe fn map_into(
    executor: &cf_executor,
    pool: &Pool,
    func: TaskFn,
    input: &Input,
    options: &cf_map_options,
    places: Places,
) -> Result<(), Failure> {
    let chosen = (input.count() / (PORTIONS_PER_WORKER * executor.max_workers())).max(1);
    let chunk = if options.chunk_size() == 0 { chosen } else { options.chunk_size() };
    let deadline = options.deadline();
    let work = Work {
        places,
        stopped: AtomicBool::new(false),
        items_run: AtomicUsize::new(0),
        first_failure: Lock::new(None),
        left: AtomicU32::new(0),
        sleepers: Sleepers::new(),
    };
    let items: *const (dyn Items + '_) = &work;
    // SAFETY: only the lifetime changes: the work outlives its portions' tasks, for whose ends this call waits.
    let items: *const dyn Items = unsafe { core::mem::transmute(items) };
    let portions = Portions::new(pool, input, &options.far_plan(func, chunk), items)?;
    let mut futures = mem::try_slice(portions.count(), |_| null_mut())?;
    work.left.store(portions.count() as u32, Relaxed);
    let (n, submitted) = portions.submit(pool, &mut futures);
    work.left.fetch_sub((portions.count() - n) as u32, Relaxed);
    let waited = submitted.and_then(|()| wait::all(&futures[..n], deadline, true));
    if waited.is_err() {
        work.stop(&portions, &futures[..n]);
    }
    work.wait_for_portions(&futures[..n]);
    let outcome = work.outcome(input.count(), waited, &futures[..n]);
    // SAFETY: this call's references.
    futures.iter().for_each(|f| unsafe { cf_future::release(*f) });
    outcome
}

impl Work {
    fn stop(&self, portions: &Portions, futures: &[*mut cf_future]) {
        self.stopped.store(true, Relaxed);
        portions.stop();
        for f in futures {
            // SAFETY: this call's references.
            unsafe { &**f }.cancel();
        }
    }

    /// Until nobody can touch the caller's memory any more.
    fn wait_for_portions(&self, futures: &[*mut cf_future]) {
        while wait::all(futures, Deadline::NEVER, true).is_err() {
            crate::sync::yield_now();
        }
        loop {
            // Acquire: pairs with the Release in `portion_ended`.
            let left = self.left.load(Acquire);
            if left == 0 {
                return;
            }
            let unchanged = || self.left.load(Relaxed) == left;
            // SAFETY: a word of this call's.
            unsafe { self.sleepers.wait(address(&self.left), left, unchanged, Deadline::NEVER) };
        }
    }

    /// The status of the whole: the first failure, or why items were not run.
    fn outcome(&self, count: usize, waited: Result<()>, futures: &[*mut cf_future]) -> Result<(), Failure> {
        if let Some((index, error)) = self.first_failure.lock().take() {
            return Err(Failure { status: error.status(), error: error.at(index).into_box() });
        }
        if self.items_run.load(Relaxed) == count {
            return Ok(());
        }
        waited?;
        for f in futures {
            // SAFETY: this call's references, of futures that are done.
            if let Some(error) = unsafe { (**f).error().as_ref() } {
                let text = Lossy(error.message());
                return Err(Failure::new(error.status(), error.code(), format_args!("{text}")));
            }
        }
        Err(Status::CF_CANCELLED.into())
    }
}
