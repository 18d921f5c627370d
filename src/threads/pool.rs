//! The pool itself: starting threads, breaking, ending.

use super::bell::Bell;
use super::crew::Crew;
use super::queue::{Fifo, CELLS};
use super::worker::Seat;
use crate::capi::types::TaskFn;
use crate::error::cf_error;
use crate::executor::cf_executor;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{self, AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::sys::thread;
use core::ffi::CStr;
use core::ptr::null_mut;

/// What a pool is made of.
pub struct Plan<'a> {
    pub max_workers: usize,
    pub max_spares: usize,
    pub stack_size: usize,
    pub inline_wait: bool,
    pub name: &'a CStr,
    /// What `top` shows: a shorter prefix for a default name.
    pub thread_name: &'a CStr,
    pub initializer: Option<Initializer>,
}

/// Run by each worker before its first task.
pub struct Initializer {
    pub func: TaskFn,
    pub arg: Box<[u8]>,
}

pub struct Pool {
    pub(super) queue: Fifo<CELLS>,
    pub(super) bell: Bell,
    pub(super) crew: Crew,
    pub(super) seats: Box<[Seat]>,
    /// So many seats, from the front, have ever been taken.
    pub(super) seats_used: AtomicU32,
    pub(super) seating: Lock<Seating>,
    /// Held while the very first thread is started.
    pub(super) first_start: Lock<()>,
    pub(super) has_thread: AtomicBool,
    /// One terminated name per seat, `name_size` bytes each; written by the seat's thread.
    pub(super) names: Box<[sync::Cell<u8>]>,
    pub(super) name_size: usize,
    pub(super) prefix: Box<[u8]>,
    pub(super) thread_prefix: Box<[u8]>,
    pub(super) initializer: Option<Initializer>,
    pub(super) inline_wait: bool,
    pub(super) stack_size: usize,
    pub(super) executor: AtomicPtr<cf_executor>,
    /// What threads in the reserve sleep on.
    pub(super) permits: AtomicU32,
    /// Threads that have not ended, and submitters that are about to start the first.
    pub(super) alive: AtomicU32,
    pub(super) sleepers: Sleepers,
    pub(super) broken: AtomicPtr<cf_error>,
    /// The errno with which the last start of a thread failed: nobody may count on a further one. 0: it succeeded.
    pub(super) start_failure: AtomicI32,
    pub(super) ended: Lock<Ended>,
}

pub(super) struct Seating {
    /// Seats whose thread could not be started.
    pub vacant: Vec<u16>,
}

pub(super) struct Ended {
    pub handles: Vec<thread::Handle>,
    pub detached: bool,
}

// SAFETY: names are written by the seat's thread before it runs a task, and read by tasks on that thread.
unsafe impl Sync for Pool {}
// SAFETY: as above.
unsafe impl Send for Pool {}

impl Pool {
    pub fn new(plan: Plan) -> Result<Pool> {
        let seats = plan.max_workers + plan.max_spares;
        let name_size = plan.name.count_bytes() + "_65535\0".len();
        let bytes = name_size.checked_mul(seats).ok_or(Status::CF_NO_MEMORY)?;
        let mut handles = Vec::new();
        handles.try_reserve_exact(seats).map_err(|_| Status::CF_NO_MEMORY)?;
        let mut vacant = Vec::new();
        vacant.try_reserve_exact(seats).map_err(|_| Status::CF_NO_MEMORY)?;
        let copy = |s: &CStr| mem::try_slice(s.count_bytes(), |i| s.to_bytes()[i]);
        Ok(Pool {
            queue: Fifo::new()?,
            bell: Bell::new(),
            crew: Crew::new(plan.max_workers, seats),
            seats: mem::try_slice(seats, |i| Seat::new(i as u32))?,
            seats_used: AtomicU32::new(0),
            seating: Lock::new(Seating { vacant }),
            first_start: Lock::new(()),
            has_thread: AtomicBool::new(false),
            names: mem::try_slice(bytes, |_| sync::Cell::new(0))?,
            name_size,
            prefix: copy(plan.name)?,
            thread_prefix: copy(plan.thread_name)?,
            initializer: plan.initializer,
            inline_wait: plan.inline_wait,
            stack_size: plan.stack_size,
            executor: AtomicPtr::new(null_mut()),
            permits: AtomicU32::new(0),
            alive: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            broken: AtomicPtr::new(null_mut()),
            start_failure: AtomicI32::new(0),
            ended: Lock::new(Ended { handles, detached: false }),
        })
    }

    /// The pool stands at its final address.
    pub fn settle(&mut self, executor: *mut cf_executor) {
        let this: *const Pool = self;
        self.seats.iter_mut().for_each(|s| s.belong_to(this));
        self.executor.store(executor, Relaxed);
    }

    pub(super) fn executor(&self) -> &cf_executor {
        // SAFETY: the executor owns the pool.
        unsafe { &*self.executor.load(Relaxed) }
    }

    pub fn id(&self) -> u16 {
        self.executor().id()
    }

    pub fn queue(&self) -> &Fifo<CELLS> {
        &self.queue
    }

    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    pub fn crew(&self) -> &Crew {
        &self.crew
    }

    pub fn seats_used(&self) -> &[Seat] {
        &self.seats[..self.seats_used.load(Acquire) as usize]
    }

    pub fn inline_wait(&self) -> bool {
        self.inline_wait
    }

    pub fn has_thread(&self) -> bool {
        self.has_thread.load(Acquire)
    }

    pub fn start_fails(&self) -> bool {
        self.start_failure.load(Relaxed) != 0
    }

    /// Why there is no thread at all.
    #[cold]
    pub(super) fn why_no_thread(&self) -> Status {
        match self.start_failure.load(Relaxed) {
            libc::ENOMEM => Status::CF_NO_MEMORY,
            _ => Status::CF_OS_ERROR,
        }
    }

    pub(super) fn ended(&self) -> &Lock<Ended> {
        &self.ended
    }

    pub fn alive(&self) -> &AtomicU32 {
        &self.alive
    }

    /// No ticket is given from here on; workers end when the queue is empty.
    pub fn close(&self) {
        self.queue.close();
        self.bell.ring_all();
        self.stir_reserve();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let error = self.broken.swap(null_mut(), Relaxed);
        if !error.is_null() {
            super::breaking::free_reason(error);
        }
    }
}
