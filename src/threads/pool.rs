//! The pool itself: starting threads, breaking, ending.

use super::bell::{Bell, Call};
use super::crew::{Crew, Growth};
use super::queue::{Fifo, Pop, CELLS};
use super::worker::{self, Seat};
use crate::capi::types::TaskFn;
use crate::deadlock;
use crate::error::{cf_error, Lossy};
use crate::executor::cf_executor;
use crate::future::hint::Hint;
use crate::future::node::Birth;
use crate::mem;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{self, AtomicBool, AtomicPtr, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::sys::thread;
use crate::task::{cf_task, Sink};
use crate::time::Deadline;
use core::ffi::CStr;
use core::fmt;
use core::ptr::null_mut;

/// In `permits`: how many may leave the reserve. Above it counts how often those who stand by were to look again.
const PERMITS: u32 = 0xffff;
const LOOK_AGAIN: u32 = 1 << 16;

/// What broke a pool when there was no memory to say why.
static NO_REASON: cf_error = cf_error::plain(Status::CF_BROKEN_POOL, 0);

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
    queue: Fifo<CELLS>,
    bell: Bell,
    crew: Crew,
    seats: Box<[Seat]>,
    /// So many seats, from the front, have ever been taken.
    seats_used: AtomicU32,
    seating: Lock<Seating>,
    /// Held while the very first thread is started.
    first_start: Lock<()>,
    has_thread: AtomicBool,
    /// One terminated name per seat, `name_size` bytes each; written by the seat's thread.
    names: Box<[sync::Cell<u8>]>,
    name_size: usize,
    prefix: Box<[u8]>,
    thread_prefix: Box<[u8]>,
    initializer: Option<Initializer>,
    inline_wait: bool,
    stack_size: usize,
    executor: AtomicPtr<cf_executor>,
    /// What threads in the reserve sleep on.
    permits: AtomicU32,
    /// Threads that have not ended.
    alive: AtomicU32,
    sleepers: Sleepers,
    broken: AtomicPtr<cf_error>,
    /// The last start of a thread failed: nobody may count on a further one.
    start_fails: AtomicBool,
    ended: Lock<Ended>,
}

struct Seating {
    /// Seats whose thread could not be started.
    vacant: Vec<u16>,
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
            start_fails: AtomicBool::new(false),
            ended: Lock::new(Ended { handles, detached: false }),
        })
    }

    /// The pool stands at its final address.
    pub fn settle(&mut self, executor: *mut cf_executor) {
        let this: *const Pool = self;
        self.seats.iter_mut().for_each(|s| s.belong_to(this));
        self.executor.store(executor, Relaxed);
    }

    fn executor(&self) -> &cf_executor {
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
        self.start_fails.load(Relaxed)
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

    fn stir_reserve(&self) {
        self.permits.fetch_add(LOOK_AGAIN, Release);
        self.sleepers.wake_all(sync::address(&self.permits));
    }

    // ---- threads

    #[inline]
    pub fn can_grow(&self) -> bool {
        self.crew.can_grow()
    }

    pub fn is_surplus(&self) -> bool {
        self.crew.is_surplus()
    }

    pub fn enter_reserve(&self) -> bool {
        self.crew.enter_reserve()
    }

    /// Work may be queued: if so, see to it that somebody looks.
    pub fn look(&self) {
        if self.queue.has_work() {
            let _ = self.call_somebody(); // a thread that cannot be started is missed by nobody but this call
        }
    }

    /// Work is queued: somebody must look. `Err` carries errno of a thread that could not be started.
    #[inline]
    pub(super) fn call_somebody(&self) -> Result<(), i32> {
        loop {
            if self.bell.call() != Call::NobodySleeps || !self.needs_thread() {
                return Ok(());
            }
            if self.bell.begin_start() {
                match self.crew.grow() {
                    Growth::FromReserve => {
                        self.permits.fetch_add(1, Release);
                        self.sleepers.wake_one(sync::address(&self.permits));
                        return Ok(());
                    }
                    Growth::NewSeat(_) => return self.start(),
                    Growth::None => self.bell.clear(), // and look again
                }
            }
        }
    }

    /// Nobody sleeps: is another thread allowed, and does nobody else look soon?
    ///
    /// While threads are away the seats are not asked: one of them may have skipped its look, because the
    /// pool could not grow when it entered user code.
    fn needs_thread(&self) -> bool {
        let c = self.crew.count();
        self.crew.can_grow() && (c.away() > 0 || self.seats_used().iter().all(Seat::is_in_user_code))
    }

    /// Starts a thread for which the crew has made room. `Err` carries errno, and all is as before then.
    fn start(&self) -> Result<(), i32> {
        let seat = &self.seats[self.take_seat()];
        self.alive.fetch_add(1, Relaxed);
        self.executor().retain();
        let arg = seat as *const Seat as *mut core::ffi::c_void;
        let started = thread::start(self.stack_size, worker::main, arg);
        self.start_fails.store(started.is_err(), Relaxed);
        if let Err(errno) = started {
            seat.vacate();
            self.seating.lock().vacant.push(seat.index() as u16); // room for every seat was made with the pool
            self.crew.undo_new_seat();
            self.bell.clear();
            self.one_less_alive();
            // Somebody may have counted on this thread.
            deadlock::judge_anew();
            // The caller holds a reference of its own, so this is not the last.
            self.executor().release();
            return Err(errno);
        }
        self.has_thread.store(true, Release);
        Ok(())
    }

    /// A seat for a new thread: one that a failed start has left, or one that was never used.
    fn take_seat(&self) -> usize {
        let mut seating = self.seating.lock();
        let seat = match seating.vacant.pop() {
            Some(i) => i as usize,
            None => self.seats_used.fetch_add(1, AcqRel) as usize,
        };
        self.seats[seat].take();
        seat
    }

    /// As `call_somebody`, for a submitter; as long as the pool has no thread at all, one after the other, so that
    /// nobody relies on a start that fails.
    pub(super) fn call_for(&self) -> Result<(), i32> {
        if self.has_thread.load(Acquire) {
            return self.call_somebody();
        }
        let _one_at_a_time = self.first_start.lock();
        self.call_somebody()
    }

    fn one_less_alive(&self) {
        if self.alive.fetch_sub(1, AcqRel) == 1 {
            self.executor().ring_end();
        }
    }

    /// Sleeps until called out of the reserve; false if the pool has ended.
    pub fn wait_in_reserve(&self) -> bool {
        loop {
            let p = self.permits.load(Acquire);
            if p & PERMITS > 0 {
                if self.permits.compare_exchange(p, p - 1, AcqRel, Relaxed).is_ok() {
                    return true;
                }
                continue;
            }
            // As long as a task is queued somebody may have to stand in for a blocked one, closed or not.
            if self.queue.is_over() {
                if self.crew.end_in_reserve() {
                    return false;
                }
                sync::yield_now(); // called at this moment: the permit is on its way
                continue;
            }
            // SAFETY: the word lives as long as the pool.
            unsafe { self.sleepers.wait(sync::address(&self.permits), p, || true, Deadline::NEVER) };
        }
    }

    /// The thread has done with the pool; its reference to the executor goes last.
    pub fn leave(&self, handle: thread::Handle) {
        let executor = self.executor();
        // The queue is over: those who stand by may go as well.
        self.stir_reserve();
        {
            let mut ended = self.ended.lock();
            if ended.detached {
                thread::detach(handle);
            } else {
                ended.handles.push(handle); // room for every seat was made with the pool
            }
        }
        self.one_less_alive();
        executor.release();
    }

    pub fn seat_name(&self, index: u32) -> &CStr {
        let start = index as usize * self.name_size;
        let bytes = self.names[start..start + self.name_size].as_ptr().cast::<u8>();
        // SAFETY: the block is zeroed beyond what `name_thread` wrote, so it is terminated.
        unsafe { CStr::from_bytes_until_nul(core::slice::from_raw_parts(bytes, self.name_size)).unwrap_or(c"") }
    }

    /// Called by the seat's thread, before it runs anything.
    pub fn name_thread(&self, seat: &Seat) {
        let mut digits = [0u8; 8];
        let suffix = number(&mut digits, seat.index());
        let start = seat.index() as usize * self.name_size;
        for (cell, byte) in self.names[start..].iter().zip(self.prefix.iter().chain(suffix)) {
            // SAFETY: only this thread writes this seat's name, before any task reads it.
            cell.with_mut(|p| unsafe { *p = *byte });
        }
        // The kernel keeps 15 characters: the number matters more than the prefix's end.
        let mut short = [0u8; 16];
        let room = 15 - suffix.len();
        let prefix = self.thread_prefix.iter().take(room);
        for (to, from) in short.iter_mut().zip(prefix.chain(suffix)) {
            *to = *from;
        }
        thread::set_name(CStr::from_bytes_until_nul(&short).unwrap_or(c""));
    }

    // ---- initializer and breaking

    pub fn has_initializer(&self) -> bool {
        self.initializer.is_some()
    }

    /// Runs the initializer on this worker; if it fails the pool breaks.
    pub fn initialize(&self, runner: &Runner) -> bool {
        let Some(init) = &self.initializer else { return true };
        let outcome = (|| {
            let size = init.arg.len();
            let copy = mem::try_bytes(size, crate::future::ext::ALIGN).map_err(|e| cf_error::plain(e, 0))?;
            let mut task = cf_task::new(Sink::Discard, Birth::NONE, runner, self.id());
            runner.depth.set(runner.depth.get() + 1);
            // SAFETY: room for `size` bytes, freed after the call; the user promised a function of this type.
            let returned = unsafe {
                core::ptr::copy_nonoverlapping(init.arg.as_ptr(), copy.as_ptr(), size);
                let returned = (init.func)(&mut task, copy.as_ptr().cast(), size);
                mem::free_bytes(copy.as_ptr(), size, crate::future::ext::ALIGN);
                returned
            };
            runner.depth.set(runner.depth.get() - 1);
            task.end(returned)
        })();
        if let Err(e) = outcome {
            let name = runner.seat().map_or(c"", Seat::name);
            let (name, text) = (Lossy(name), Lossy(e.message()));
            let code = e.code();
            self.break_with(code, format_args!("the initializer of worker {name} failed with code {code}: {text}"));
            return false;
        }
        true
    }

    pub fn broken(&self) -> Option<&cf_error> {
        // SAFETY: set once, freed with the pool.
        unsafe { self.broken.load(Acquire).as_ref() }
    }

    /// The pool takes and runs nothing more; everything queued fails with the reason.
    pub fn break_with(&self, code: i32, text: fmt::Arguments) {
        let mut error = cf_error::boxed(Status::CF_BROKEN_POOL, code, 0, text);
        if error.is_null() {
            error = (&raw const NO_REASON).cast_mut();
        }
        if self.broken.compare_exchange(null_mut(), error, AcqRel, Acquire).is_err() {
            free_reason(error); // a second reason, seen by nobody
        }
        self.close();
        let reason = || self.broken().map_or(cf_error::plain(Status::CF_BROKEN_POOL, code), |e| e.copy_at(0));
        self.drain(|hint| hint.fail(reason));
    }

    /// Takes every hint that is queued. No lock is held, so what `each` runs may call the library.
    pub(super) fn drain(&self, each: impl Fn(Hint)) {
        loop {
            match self.queue.pop() {
                Pop::Hint(bits) => each(Hint::from_bits(bits)),
                Pop::Unfilled => sync::yield_now(),
                Pop::Empty => return,
            }
        }
    }
}

/// For an error that only the pool refers to.
fn free_reason(error: *mut cf_error) {
    if !core::ptr::eq(error, &NO_REASON) {
        // SAFETY: from `boxed`, and nobody else refers to it.
        unsafe { cf_error::free(error) };
    }
}

fn number(digits: &mut [u8; 8], index: u32) -> &[u8] {
    let mut at = digits.len();
    let mut n = index;
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    at -= 1;
    digits[at] = b'_';
    &digits[at..]
}

impl Drop for Pool {
    fn drop(&mut self) {
        let error = self.broken.swap(null_mut(), Relaxed);
        if !error.is_null() {
            free_reason(error);
        }
    }
}
