//! Pools and submitting. Called by `world`, as all of `steps`.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::{self, Job, ARG};
use crate::marks;
use crate::model::*;
use crate::ops::{Wait, Work};
use crate::world::{Check, World, LONG};
use std::ptr::{dangling_mut, null, null_mut};
use std::sync::atomic::Ordering::*;
use std::time::Instant;

/// In a sequence: so many at the same time, so many in all, and of processes.
const LIVE: usize = 2;
const IN_ALL: usize = 5;
const OF_PROCESSES: usize = 1;

impl World {
    pub fn new_pool(&mut self, process: bool, workers: usize, named: bool) -> Check {
        let live = self.pools.iter().filter(|p| !p.handle.is_null()).count();
        let of_processes = self.pools.iter().filter(|p| p.process).count();
        if live == LIVE || self.pools.len() == IN_ALL || process && of_processes == OF_PROCESSES {
            return Ok(());
        }
        let mut handle = dangling_mut::<Executor>();
        let mut error = dangling_mut::<Error>();
        let status = match named || process {
            false => cf_thread_pool_new(workers, &mut handle, &mut error),
            true => new_with(process, workers, &mut handle, &mut error),
        };
        ensure!(status == OK && error.is_null(), "a new pool: {status} {}", jobs::text_at(cf_error_message(error)));
        ensure!(cf_executor_max_workers(handle) == workers, "not as many workers as were asked for");
        ensure!(cf_executor_error(handle).is_null(), "a new pool is broken");
        self.pools.push(Pool { handle, process, workers, shut: false, ended: false });
        Ok(())
    }

    /// The account of a task about to be submitted; none if the marks are used up.
    fn prepare(&mut self, pool: usize, work: Work) -> Option<Call> {
        let process = self.pools[pool].process;
        let job = work.job.fit(process);
        let mark = self.take_marks(1 + (job == Job::Nested) as usize)?;
        marks::at(mark).handle.store(self.pools[pool].handle.cast(), Relaxed);
        Some(Call { home: Home::Pool(pool), process, job, n: work.n.into(), mark, ..Call::new() })
    }

    pub fn submit(&mut self, pool: u8, work: Work, kept: bool) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let Some(call) = self.prepare(p, work) else { return Ok(()) };
        let bytes = jobs::bytes_of(jobs::arg(call.mark, call.job, call.n), work.tail.into());
        let mut out = dangling_mut();
        let place = if kept { &raw mut out } else { null_mut() };
        let status =
            cf_executor_submit(self.pools[p].handle, Some(jobs::run), bytes.as_ptr().cast(), bytes.len(), place);
        self.submitted(p, call, status, kept.then_some(out))
    }

    pub fn submit_owned(&mut self, pool: u8, work: Work, kept: bool) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let Some(call) = self.prepare(p, work) else { return Ok(()) };
        let (mark, process) = (call.mark, call.process);
        let arg = Box::into_raw(Box::new(jobs::arg(mark, call.job, call.n))).cast();
        let mut out = dangling_mut();
        let place = if kept { &raw mut out } else { null_mut() };
        let free = Some(jobs::free_arg as extern "C" fn(_));
        let status = cf_executor_submit_owned(self.pools[p].handle, Some(jobs::run), arg, free, null(), place);
        if process {
            let freed = marks::at(mark).freed.load(Acquire);
            let fits = status == UNSUPPORTED || self.pools[p].shut && status == SHUTDOWN;
            ensure!(fits && freed == 1, "an owned argument in processes: {status}, freed {freed} times");
            return Ok(());
        }
        self.submitted(p, Call { owned: true, ..call }, status, kept.then_some(out))
    }

    /// What came of it: refused after a shutdown, else accepted.
    fn submitted(&mut self, p: usize, call: Call, status: Status, out: Option<*mut Future>) -> Check {
        if self.pools[p].shut {
            let (freed, ran) = (marks::at(call.mark).freed.load(Acquire), marks::at(call.mark).ran.load(Acquire));
            ensure!(status == SHUTDOWN, "submitted after a shutdown: {status}");
            ensure!(out.is_none_or(<*mut _>::is_null), "a future of what was not submitted");
            ensure!(freed == call.owned as u32 && ran == 0, "refused, freed {freed} times, ran {ran} times");
            return Ok(());
        }
        ensure!(status == OK, "submit: {status}");
        let handle = out.unwrap_or(null_mut());
        ensure!(out.is_none() || !handle.is_null(), "submitted, and no future");
        self.calls.push(Call { handle, refs: out.is_some() as u32, ..call });
        Ok(())
    }

    pub fn submit_many(&mut self, pool: u8, work: Work, count: usize, kept: bool) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let Some(calls) = (0..count).map(|_| self.prepare(p, work)).collect::<Option<Vec<_>>>() else { return Ok(()) };
        let size = ARG + work.tail as usize;
        let bytes = calls.iter().flat_map(|c| jobs::bytes_of(jobs::arg(c.mark, c.job, c.n), size - ARG));
        let bytes: Vec<u8> = bytes.collect();
        let mut out = vec![dangling_mut(); count];
        let mut submitted = usize::MAX;
        let (args, place) = (bytes.as_ptr().cast(), if kept { out.as_mut_ptr() } else { null_mut() });
        let handle = self.pools[p].handle;
        let status = cf_executor_submit_many(handle, Some(jobs::run), args, size, count, place, &mut submitted);
        if count == 0 {
            ensure!(status == OK || self.pools[p].shut && status == SHUTDOWN, "nothing submitted: {status}");
        }
        let wanted = if self.pools[p].shut { 0 } else { count };
        ensure!(submitted == wanted, "{submitted} were submitted, not {wanted}");
        for (call, future) in calls.into_iter().zip(out) {
            self.submitted(p, call, status, kept.then_some(future))?;
        }
        Ok(())
    }

    pub fn open(&mut self, future: u8) -> Check {
        let gates: Vec<_> = self.calls.iter().filter(|c| !c.is_open()).map(|c| c.mark).collect();
        if !gates.is_empty() {
            marks::at(gates[future as usize % gates.len()]).open();
        }
        Ok(())
    }

    pub fn open_all(&self, pool: usize) {
        self.calls.iter().filter(|c| c.home == Home::Pool(pool)).for_each(|c| marks::at(c.mark).open());
    }

    /// Waits for all that comes by itself. After it the model knows the state of each call.
    pub fn settle(&mut self) -> Check {
        for i in 0..self.calls.len() {
            let (look, c) = (self.outlook(i), &self.calls[i]);
            if look.will_end && c.refs > 0 {
                let status = cf_future_result(c.handle, LONG.as_nanos() as i64, null_mut(), null_mut());
                self.after_wait(i, status == TIMEOUT, true)?;
            } else if look.will_start && !c.is_done() && !c.maybe_cancelled && c.home != Home::ByHand {
                let started = Instant::now();
                while marks::at(c.mark).ran.load(Acquire) == 0 {
                    ensure!(started.elapsed() < LONG, "it does not start: {:?}", Said(c));
                    std::thread::yield_now();
                }
                if !c.is_open() {
                    self.calls[i].known = Known::Running;
                }
            }
        }
        (0..self.calls.len()).filter(|i| self.calls[*i].refs > 0).collect::<Vec<_>>().into_iter().try_for_each(|i| {
            let state = self.observe(i)?;
            if state >= FINISHED {
                self.check_outcome(i, state)
            } else {
                Ok(())
            }
        })
    }

    pub fn shutdown(&mut self, pool: u8, wait: bool, cancel: bool) -> Check {
        self.pick_pool(pool).map_or(Ok(()), |p| self.shutdown_this(p, wait, cancel))
    }

    fn shutdown_this(&mut self, p: usize, wait: bool, cancel: bool) -> Check {
        if wait {
            self.open_all(p);
        }
        let calls = self.calls_of(p);
        // A task that waits in front of another is cancelled too, and the other may start before its turn comes: what
        // holds them back must run.
        let stuck = |c: &Call| c.known == Known::Running && !c.is_open() && !c.killed;
        let are_stuck = calls.iter().filter(|i| stuck(&self.calls[**i])).count() >= self.pools[p].workers;
        let pending: Vec<bool> = calls.iter().map(|i| are_stuck && !self.outlook(*i).can_start).collect();
        self.will_be_shut(p);
        if cancel {
            self.maps.iter_mut().filter(|m| m.pool == p).for_each(|m| m.maybe_cancelled = true);
        }
        let status = cf_executor_shutdown(self.pools[p].handle, wait, cancel);
        ensure!(status == OK, "shutdown: {status}");
        for (i, was_pending) in calls.into_iter().zip(pending) {
            let c = &mut self.calls[i];
            if !cancel || c.is_done() || c.known == Known::Running {
                continue;
            }
            c.maybe_cancelled = true;
            if was_pending && c.process {
                c.known = Known::Done(STATE_CANCELLED);
            } else if was_pending {
                self.ended_here(i, STATE_CANCELLED)?;
            }
        }
        if wait {
            self.pool_ended(p)
        } else {
            Ok(())
        }
    }

    /// From now on it takes no tasks, nor any that its own tasks submit.
    fn will_be_shut(&mut self, p: usize) {
        self.pools[p].shut = true;
        let of_pool = |c: &&mut Call| c.home == Home::Pool(p) && !c.is_done() && c.job == Job::Nested;
        self.calls.iter_mut().filter(of_pool).for_each(|c| c.maybe_refused = true);
    }

    pub fn join(&mut self, pool: u8, wait: Wait) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let looks: Vec<_> = self.calls_of(p).into_iter().map(|i| self.outlook(i)).collect();
        let (will, can) = (looks.iter().all(|l| l.will_end), looks.iter().all(|l| l.can_end));
        let (timeout, must) = self.patience(wait, will);
        match cf_executor_join(self.pools[p].handle, timeout) {
            INVALID_STATE => ensure!(!self.pools[p].shut, "join: the pool was shut down"),
            TIMEOUT => ensure!(self.pools[p].shut && !must && !self.pools[p].ended, "join: a time-out"),
            OK => {
                ensure!(self.pools[p].shut && can, "join: the pool has not ended");
                self.pool_ended(p)?;
            }
            other => return Err(format!("join: {other}")),
        }
        Ok(())
    }

    pub fn free_pool(&mut self, pool: u8) -> Check {
        self.pick_pool(pool).map_or(Ok(()), |p| self.free_this(p))
    }

    pub fn detach_pool(&mut self, pool: u8) -> Check {
        self.pick_pool(pool).map_or(Ok(()), |p| self.detach_this(p))
    }

    /// Nobody may use the handle when it is given back: tasks that submit end before.
    fn let_submitters_end(&mut self, p: usize) -> Check {
        let submits = |c: &Call| c.home == Home::Pool(p) && c.job == Job::Nested && !c.is_done();
        if !self.pools[p].ended && self.calls.iter().any(submits) {
            self.shutdown_this(p, true, false)?;
        }
        Ok(())
    }

    pub fn free_this(&mut self, p: usize) -> Check {
        let ended = self.let_submitters_end(p);
        self.open_all(p);
        self.will_be_shut(p);
        cf_executor_free(std::mem::replace(&mut self.pools[p].handle, null_mut()));
        ended.and_then(|()| self.pool_ended(p))
    }

    pub fn detach_this(&mut self, p: usize) -> Check {
        let ended = self.let_submitters_end(p);
        self.will_be_shut(p);
        cf_executor_detach(std::mem::replace(&mut self.pools[p].handle, null_mut()));
        ended
    }
}

fn new_with(process: bool, workers: usize, out: &mut *mut Executor, error: &mut *mut Error) -> Status {
    let mut options = null_mut();
    let mut status = cf_options_new(&mut options);
    if status == OK {
        cf_options_set_max_workers(options, workers);
        cf_options_set_name(options, c"random".as_ptr());
        status = if process {
            cf_options_set_start_method(options, START_FORK);
            cf_process_pool_new_with(options, out, error)
        } else {
            cf_thread_pool_new_with(options, out, error)
        };
        cf_options_free(options);
    }
    status
}
