//! The driver: plays a sequence against the library and compares every answer with the model.
//!
//! Owns: all handles that a sequence has, and the marks that it uses. The calls themselves are in `steps`.
//! Always true: no call waits without limit for what the model does not promise; a sequence ends with nothing left.

use crate::ffi::*;
use crate::jobs;
use crate::marks::{self, MARKS};
use crate::model::*;
use crate::ops::{Few, Op, Sequence, Wait};
use crate::steps::maps::MapState;
use crate::steps::queues::QueueState;
use crate::steps::waits::IteratorState;
use std::ffi::c_int;
use std::sync::atomic::Ordering::*;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub type Check<T = ()> = Result<T, String>;

/// Ends the step with a message if the condition does not hold.
#[macro_export]
macro_rules! ensure {
    ($is:expr, $($message:tt)+) => {
        if !$is {
            return Err(format!($($message)+));
        }
    };
}

/// Longer than anything takes that is certain to come.
pub const LONG: Duration = Duration::from_secs(30);
const SHORT: i64 = 200_000;

#[derive(Default)]
pub struct World {
    pub calls: Vec<Call>,
    pub pools: Vec<Pool>,
    pub queues: Vec<QueueState>,
    pub iterators: Vec<IteratorState>,
    pub maps: Vec<MapState>,
    pub tags: Vec<(usize, bool)>,
    marks: usize,
    before: (usize, usize),
}

/// Plays it; what went wrong is the error.
pub fn play(sequence: &Sequence) -> Check {
    let mut world = World { before: *BEFORE.get_or_init(threads_and_descriptors), ..World::default() };
    let mut result = Ok(());
    for (i, op) in sequence.ops.iter().enumerate() {
        result = world.step(op).map_err(|e| format!("call {i}, {op:?}: {e}"));
        if result.is_err() {
            break;
        }
    }
    // Also after a failure: the next sequence needs a world in order.
    let ended = world.end(sequence.end, result.is_ok()).map_err(|e| format!("at the end: {e}"));
    result.and(ended)
}

/// Before the first sequence.
static BEFORE: OnceLock<(usize, usize)> = OnceLock::new();

/// The number of threads is the kernel's own: a listing of them may leave one out while others end.
fn threads_and_descriptors() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let threads = status.lines().find_map(|l| l.strip_prefix("Threads:")).and_then(|n| n.trim().parse().ok());
    (threads.unwrap_or(0), std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count))
}

impl World {
    fn step(&mut self, op: &Op) -> Check {
        match *op {
            Op::NewPool { process, workers, named } => self.new_pool(process, workers.into(), named),
            Op::Submit { pool, work, kept } => self.submit(pool, work, kept),
            Op::SubmitOwned { pool, work, kept } => self.submit_owned(pool, work, kept),
            Op::SubmitMany { pool, work, count, kept } => self.submit_many(pool, work, count.into(), kept),
            Op::Open { future } => self.open(future),
            Op::Settle => self.settle(),
            Op::Shutdown { pool, wait, cancel } => self.shutdown(pool, wait, cancel),
            Op::Join { pool, wait } => self.join(pool, wait),
            Op::Free { pool } => self.free_pool(pool),
            Op::Detach { pool } => self.detach_pool(pool),
            Op::Cancel { future } => self.cancel(future),
            Op::CancelMany { which } => self.cancel_many(which),
            Op::Kill { future } => self.kill(future),
            Op::Look { future } => self.look(future),
            Op::Result { future, wait } => self.result(future, wait),
            Op::ResultInto { future, wait, size } => self.result_into(future, wait, size.into()),
            Op::ResultObject { future, wait } => self.result_object(future, wait),
            Op::Exception { future, wait } => self.exception(future, wait),
            Op::Callback { future, again } => self.callback(future, again),
            Op::UserData { future } => self.user_data(future),
            Op::Retain { future } => self.retain(future),
            Op::Release { future } => self.release(future),
            Op::ReleaseMany { which } => self.release_many(which),
            Op::ByHand => self.by_hand(),
            Op::SetRunning { future } => self.set_running(future),
            Op::SetResult { future, n } => self.set_result(future, n),
            Op::SetException { future, code } => self.set_exception(future, code.into()),
            Op::WaitFor { which, wait, mode } => self.wait_for(which, wait, mode),
            Op::AsCompleted { which, wait } => self.as_completed(which, wait),
            Op::CompletionsNext { iterator } => self.completions_next(iterator),
            Op::CompletionsFree { iterator } => self.completions_free(iterator),
            Op::Each { which, wait, stop } => self.each(which, wait, stop),
            Op::QueueNew => self.queue_new(),
            Op::QueueAdd { queue, future, tagged } => self.queue_add(queue, future, tagged),
            Op::QueueNext { queue, wait } => self.queue_next(queue, wait),
            Op::QueueClose { queue } => self.queue_close(queue),
            Op::QueueFree { queue } => self.queue_free(queue),
            Op::Map { pool, work, count, chunk, expired } => self.map(pool, work, count.into(), chunk.into(), expired),
            Op::MapNext { map } => self.map_next(map),
            Op::MapFree { map } => self.map_free(map),
            Op::MapInto { pool, fail, count } => self.map_into(pool, fail.into(), count.into()),
            Op::ForRange { pool, count, grain, fail } => self.for_range(pool, count.into(), grain.into(), fail.into()),
            Op::Bad { what } => self.bad(what),
        }
    }

    /// So many marks side by side, as new; none when a sequence has used them up.
    pub fn take_marks(&mut self, count: usize) -> Option<usize> {
        let first = self.marks;
        if first + count > MARKS {
            return None;
        }
        self.marks += count;
        (first..self.marks).for_each(|m| marks::at(m).reset());
        Some(first)
    }

    /// The calls of which the driver has a future.
    pub fn held(&self) -> Vec<usize> {
        (0..self.calls.len()).filter(|i| self.calls[*i].refs > 0).collect()
    }

    pub fn pick(&self, number: u8) -> Option<usize> {
        let held = self.held();
        (!held.is_empty()).then(|| held[number as usize % held.len()])
    }

    pub fn pick_some(&self, which: Few) -> Vec<usize> {
        let held = self.held();
        let from = which.from as usize;
        (0..if held.is_empty() { 0 } else { which.count as usize })
            .map(|k| held[(from + k / which.times as usize) % held.len()])
            .collect()
    }

    pub fn handles(&self, which: &[usize]) -> Vec<*mut Future> {
        which.iter().map(|i| self.calls[*i].handle).collect()
    }

    pub fn pick_pool(&self, number: u8) -> Option<usize> {
        let live: Vec<usize> = (0..self.pools.len()).filter(|p| !self.pools[*p].handle.is_null()).collect();
        (!live.is_empty()).then(|| live[number as usize % live.len()])
    }

    pub fn outlook(&self, i: usize) -> Outlook {
        outlook(&self.calls, &self.pools, i)
    }

    pub fn calls_of(&self, pool: usize) -> Vec<usize> {
        (0..self.calls.len()).filter(|i| self.calls[*i].home == Home::Pool(pool)).collect()
    }

    /// Would a task that is submitted now start without the driver's help?
    pub fn has_room(&self, pool: usize) -> bool {
        holders(&self.calls, pool).1 < self.pools[pool].workers
    }

    /// How long to wait, and whether what is waited for must come in that time.
    pub fn patience(&self, wait: Wait, will_come: bool) -> (i64, bool) {
        match wait {
            Wait::Poll => (0, false),
            Wait::Expired => (-1, false),
            _ if !will_come => (SHORT, false),
            Wait::Bounded => (LONG.as_nanos() as i64, true),
            Wait::Forever => (FOREVER, true),
        }
    }

    /// Somebody has seen the call in that state.
    pub fn learn(&mut self, i: usize, state: c_int) -> Check {
        let bits = allowed(&self.calls, &self.pools, i);
        let c = &mut self.calls[i];
        ensure!((0..5).contains(&state) && bits & 1 << state != 0, "state {state} of {:?}, allowed {bits:#b}", Said(c));
        match state {
            PENDING => {}
            RUNNING => {
                c.known = Known::Running;
                c.maybe_cancelled = c.killed;
            }
            _ => c.known = Known::Done(state),
        }
        Ok(())
    }

    /// Looks at the state, and learns it.
    pub fn observe(&mut self, i: usize) -> Check<c_int> {
        let state = cf_future_state(self.calls[i].handle);
        self.learn(i, state)?;
        Ok(state)
    }

    /// After a wait for one: the state if it is done. `must`: it had to be.
    pub fn after_wait(&mut self, i: usize, timed_out: bool, must: bool) -> Check<Option<c_int>> {
        if timed_out {
            ensure!(!must && !self.calls[i].is_done(), "a time-out of {:?}", Said(&self.calls[i]));
            return Ok(None);
        }
        let state = self.observe(i)?;
        ensure!(state >= FINISHED, "waited for {:?}, which is not done", Said(&self.calls[i]));
        Ok(Some(state))
    }

    /// This thread has ended it: all who are to be told have been.
    pub fn ended_here(&mut self, i: usize, state: c_int) -> Check {
        let c = &mut self.calls[i];
        c.known = Known::Done(state);
        c.told = true;
        for callback in &c.callbacks {
            let mark = marks::at(callback.mark);
            let (ran, freed) = (mark.ran.load(Acquire), mark.freed.load(Acquire));
            ensure!(ran == 1 && freed == 1, "a callback ran {ran} times and was freed {freed} times: {:?}", Said(c));
        }
        let freed = marks::at(c.mark).freed.load(Acquire);
        ensure!(!c.owned || freed == 1, "the argument was freed {freed} times: {:?}", Said(c));
        Ok(())
    }

    /// All tasks, callbacks and workers of the pool have ended.
    pub fn pool_ended(&mut self, pool: usize) -> Check {
        self.pools[pool].ended = true;
        for i in self.calls_of(pool) {
            if self.calls[i].refs > 0 {
                let state = self.observe(i)?;
                self.ended_here(i, state)?;
                self.check_outcome(i, state)?;
            }
        }
        Ok(())
    }

    /// Everything is given back, in one order or another; then nothing may be left and every count be right.
    fn end(&mut self, order: u8, judge: bool) -> Check {
        (0..self.pools.len()).for_each(|p| self.open_all(p));
        let steps: [fn(&mut World, u8) -> Check; 3] = [World::end_pools, World::end_futures, World::end_others];
        let turn = order as usize % 3;
        let mut result = Ok(());
        for k in 0..3 {
            let step = if order & 64 == 0 { steps[(turn + k) % 3] } else { steps[(turn + 3 - k) % 3] };
            result = result.and(step(self, order));
        }
        self.wait_for_quiet()?;
        if !judge {
            return Ok(());
        }
        result?;
        for c in &self.calls {
            account(c)?;
        }
        for (tag, handed_out) in &self.tags {
            let freed = marks::at(*tag).freed.load(Acquire);
            ensure!(freed == !handed_out as u32, "a tag was destroyed {freed} times; handed out: {handed_out}");
        }
        self.maps.iter().try_for_each(MapState::account)
    }

    fn end_pools(&mut self, order: u8) -> Check {
        let mut result = Ok(());
        for p in 0..self.pools.len() {
            if !self.pools[p].handle.is_null() {
                let ended = if order & 128 == 0 { self.free_this(p) } else { self.detach_this(p) };
                result = result.and(ended);
            }
        }
        result
    }

    fn end_futures(&mut self, _order: u8) -> Check {
        for c in &mut self.calls {
            while c.refs > 0 {
                c.refs -= 1;
                cf_future_release(c.handle);
            }
        }
        Ok(())
    }

    fn end_others(&mut self, _order: u8) -> Check {
        self.queues.drain(..).for_each(|q| cf_completion_queue_free(q.handle));
        self.iterators.drain(..).for_each(|it| cf_completions_free(it.handle));
        self.maps.iter_mut().for_each(MapState::free);
        Ok(())
    }

    /// What was detached ends by itself.
    fn wait_for_quiet(&mut self) -> Check {
        let started = Instant::now();
        loop {
            let now = threads_and_descriptors();
            if now == self.before {
                return Ok(());
            }
            ensure!(
                started.elapsed() < LONG,
                "threads and descriptors: {now:?}, before the sequence {:?}",
                self.before
            );
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// What a future says that is done.
    pub fn check_outcome(&self, i: usize, state: c_int) -> Check {
        let c = &self.calls[i];
        let Some(wanted) = c.outcome(state) else { return Err(format!("{:?} cannot end so", Said(c))) };
        let mut size = usize::MAX;
        let data = cf_future_data(c.handle, &mut size);
        let error = cf_future_error(c.handle);
        if state == FINISHED {
            ensure!(error.is_null() && !data.is_null(), "{:?} has an error, or no data", Said(c));
            return check_bytes(c, data, size, &wanted);
        }
        ensure!(data.is_null() && size == 0, "{:?} has data", Said(c));
        ensure!(cf_error_status(error) == wanted.status, "{:?} has status {}", Said(c), cf_error_status(error));
        ensure!(cf_error_code(error) == wanted.code, "{:?} has code {}", Said(c), cf_error_code(error));
        if let Some(message) = &wanted.message {
            let said = jobs::text_at(cf_error_message(error));
            ensure!(said == message, "{:?} says {said:?}", Said(c));
        }
        let died = wanted.status == WORKER_DIED;
        ensure!((cf_error_pid(error) != 0) == died, "{:?} names pid {}", Said(c), cf_error_pid(error));
        if died {
            let wanted = if c.n.is_multiple_of(2) { (libc::SIGABRT, -1) } else { (0, 3) };
            let said = (cf_error_signal(error), cf_error_exit_code(error));
            ensure!(said == wanted, "{:?} died of {said:?}", Said(c));
        }
        Ok(())
    }
}

pub fn check_bytes(c: &Call, data: *const std::ffi::c_void, size: usize, wanted: &jobs::Outcome) -> Check {
    if wanted.is_object {
        ensure!(data == marks::at(c.mark).as_data() && size == 0, "another object than was given: {:?}", Said(c));
        let destroyed = marks::at(c.mark).object.load(Acquire);
        ensure!(destroyed == 0, "the object was destroyed {destroyed} times: {:?}", Said(c));
        return Ok(());
    }
    let got = jobs::bytes_at(data, size);
    ensure!(got == wanted.bytes, "{:?} gave {got:?}, not {:?}", Said(c), wanted.bytes);
    ensure!((data as usize).is_multiple_of(16), "the result of {:?} is not aligned", Said(c));
    Ok(())
}
