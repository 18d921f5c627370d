//! A pool whose workers die at a chosen point, and the books on what becomes of every task.

use crate::capi::*;
use cfutures::executor::cf_executor;
use cfutures::processes::arena::Arena;
use cfutures::processes::layout::Control;
use cfutures::processes::points::Point;
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use std::time::Duration;

/// What happens to a worker at the point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    None,
    Kill,
    /// Stopped, and killed some time later.
    StopKill,
    /// Stopped, and it goes on some time later.
    StopGo,
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub point: Point,
    pub nth: u32,
    pub workers: usize,
    pub fault: Fault,
    pub breakable: bool,
}

/// More than a sweep of the supervisor takes.
const STANDSTILL: Duration = Duration::from_millis(120);

pub struct Scene {
    pub pool: Handle,
    pub plan: Plan,
    ledger: *mut c_void,
    tasks: usize,
    pub results: u32,
    pub deaths: u32,
    pub cancelled: u32,
}

/// Begins with the task's place in the ledger, so that it is told which one it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Job {
    pub runs: *const AtomicU32,
    pub id: u32,
    pub result: u32,
}

/// Counts its run, checks its bytes, and returns as many as it is told.
pub unsafe extern "C-unwind" fn job(task: Handle, arg: *mut c_void, size: usize) -> i32 {
    let job = unsafe { arg.cast::<Job>().read() };
    unsafe { (*job.runs).fetch_add(1, SeqCst) };
    let rest = unsafe { core::slice::from_raw_parts(arg.cast::<u8>().add(size_of::<Job>()), size - size_of::<Job>()) };
    if rest.iter().any(|b| *b != job.id as u8) {
        return unsafe { cf_task_fail(task, 1, c"the argument is not what was submitted".as_ptr().cast()) };
    }
    if job.result > 0 {
        let place = unsafe { cf_task_result_buffer(task, job.result as usize) };
        if place.is_null() {
            return unsafe { cf_task_fail(task, 2, c"no memory for the result".as_ptr().cast()) };
        }
        unsafe { place.write_bytes(!job.id as u8, job.result as usize) };
    }
    0
}

pub fn must(status: c_int, what: &str) {
    assert_eq!(status, OK, "{what}");
}

impl Scene {
    pub fn new(plan: Plan, tasks: usize) -> Scene {
        let (mut options, mut pool, mut ledger) = (null_mut(), null_mut(), null_mut());
        unsafe {
            must(cf_options_new(&mut options), "options");
            must(cf_options_set_max_workers(options, plan.workers), "workers");
            must(cf_options_set_start_method(options, START_FORK), "method");
            must(cf_options_set_on_worker_death(options, if plan.breakable { BREAK_POOL } else { 0 }), "policy");
            must(cf_process_pool_new_with(options, &mut pool, null_mut()), "pool");
            cf_options_free(options);
            must(cf_executor_shared_alloc(pool, tasks * 4, &mut ledger), "ledger");
            ledger.write_bytes(0, tasks * 4);
        }
        let scene = Scene { pool, plan, ledger, tasks, results: 0, deaths: 0, cancelled: 0 };
        let (c, signal) = (scene.control(), if plan.fault == Fault::Kill { libc::SIGKILL } else { libc::SIGSTOP });
        c.crash_signal.store(signal as u32, SeqCst);
        c.crash_nth.store(plan.nth, SeqCst);
        // Ten workers in a row that die at their start break the pool.
        let most = if plan.fault == Fault::Kill && !plan.breakable { 2 * plan.workers as i32 + 1 } else { 1 };
        c.crash_budget.store(most, SeqCst);
        c.crash_at.store(if plan.fault == Fault::None { 0 } else { plan.point as u32 }, SeqCst);
        scene
    }

    pub fn arena(&self) -> &Arena {
        let executor: &cf_executor = unsafe { &*self.pool.cast() };
        executor.kind().processes().expect("a pool of processes").arena()
    }

    pub fn control(&self) -> &Control {
        self.arena().at::<Control>(0)
    }

    pub fn hits(&self) -> u32 {
        self.control().crash_hits.load(SeqCst)
    }

    pub fn runs(&self, id: usize) -> &AtomicU32 {
        assert!(id < self.tasks);
        unsafe { &*self.ledger.cast::<AtomicU32>().add(id) }
    }

    /// `bytes` of argument besides the job itself.
    pub fn submit(&self, id: usize, bytes: usize, result: usize, wanted: bool) -> Handle {
        let job_of = Job { runs: self.runs(id), id: id as u32, result: result as u32 };
        let mut arg = vec![id as u8; size_of::<Job>() + bytes];
        unsafe { arg.as_mut_ptr().cast::<Job>().write_unaligned(job_of) };
        let (mut f, at) = (null_mut(), arg.as_ptr().cast());
        let out = if wanted { &mut f } else { null_mut() };
        unsafe { must(cf_executor_submit(self.pool, job, at, arg.len(), out), "submit") };
        f
    }

    /// Waits for the future's outcome, which must agree with the ledger, and gives it back.
    pub fn judge(&mut self, f: Handle, id: usize, result: usize) {
        let (mut data, mut size) = (null(), 0);
        let status = unsafe { cf_future_result(f, FOREVER, &mut data, &mut size) };
        let signal = unsafe { cf_error_signal(cf_future_error(f)) };
        self.book(id, status, data, size, result, signal);
        unsafe { cf_future_release(f) };
    }

    pub fn book(&mut self, id: usize, status: c_int, data: *const u8, size: usize, result: usize, signal: c_int) {
        let runs = self.runs(id).load(SeqCst);
        match status {
            OK => {
                assert_eq!((runs, size), (1, result), "runs and size of {id}");
                let bytes = unsafe { core::slice::from_raw_parts(if size > 0 { data } else { [].as_ptr() }, size) };
                assert!(bytes.iter().all(|b| *b == !id as u8), "the result of {id}");
                self.results += 1;
            }
            WORKER_DIED => {
                assert!(runs <= 1 && signal == libc::SIGKILL, "{id} died after {runs} runs by signal {signal}");
                self.deaths += 1;
            }
            CANCELLED => {
                assert_eq!(runs, 0, "{id} was cancelled");
                self.cancelled += 1;
            }
            other => panic!("task {id} ended with {other}"),
        }
    }

    /// Runs `body` while somebody sees to workers that were stopped; then the pool must be whole, and ends. Gives how
    /// many bytes of the heap are still taken.
    pub fn play(&mut self, body: impl FnOnce(&mut Scene)) -> usize {
        let over = AtomicBool::new(false);
        let (control, fault) = (self.control() as *const Control as usize, self.plan.fault);
        std::thread::scope(|threads| {
            let over = &over;
            if matches!(fault, Fault::StopKill | Fault::StopGo) {
                let control: &Control = unsafe { &*(control as *const Control) };
                threads.spawn(move || attend(control, fault, over));
            }
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                body(self);
                if !self.plan.breakable {
                    assert!(unsafe { cf_executor_error(self.pool) }.is_null(), "the pool is broken");
                }
                must(unsafe { cf_executor_shutdown(self.pool, true, false) }, "shutdown");
            }));
            if ended.is_err() {
                // The pool may be anywhere.
                unsafe { libc::_exit(1) };
            }
            over.store(true, SeqCst);
        });
        assert!(self.deaths <= self.hits() && (fault != Fault::StopGo || self.deaths == 0), "{} deaths", self.deaths);
        unsafe { cf_executor_shared_free(self.pool, self.ledger) };
        assert_eq!(self.arena().segments().count(), 0, "segments");
        self.arena().taken()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        unsafe { cf_executor_free(self.pool) };
    }
}

/// Lets stopped workers stand still for a while, then kills them or lets them go on.
fn attend(control: &Control, fault: Fault, over: &AtomicBool) {
    let mut seen = 0;
    while !over.load(SeqCst) {
        std::thread::sleep(Duration::from_millis(2));
        let hits = control.crash_hits.load(SeqCst);
        if hits > seen {
            seen = hits;
            std::thread::sleep(STANDSTILL);
            let signal = if fault == Fault::StopKill { libc::SIGKILL } else { libc::SIGCONT };
            // One is stopped at most, and while it is nobody else has its number.
            unsafe { libc::kill(control.crash_pid.load(SeqCst), signal) };
        }
    }
}
