//! The threads of a pool: starting them, standing by, leaving; their names.
//!
//! Always true: whoever has queued work and finds nobody who looks starts a thread, if the crew has room; a start
//! that fails leaves everything as it was, and whoever may have counted on it is judged anew.

use super::bell::Call;
use super::crew::Growth;
use super::worker::{self, Seat};
use super::Pool;
use crate::deadlock;
use crate::sync::{self, Ordering::*};
use crate::sys::thread;
use crate::time::Deadline;
use core::ffi::CStr;

/// In `permits`: how many may leave the reserve. Above it counts how often those who stand by were to look again.
const PERMITS: u32 = 0xffff;
const LOOK_AGAIN: u32 = 1 << 16;

/// A submitter that may have to start the first thread.
pub(super) struct First<'a>(&'a Pool);

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.one_less_alive();
    }
}

impl Pool {
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
        if self.has_work() {
            let _ = self.call_somebody(); // a thread that cannot be started is missed by nobody but this call
        }
    }

    /// Work is queued: somebody must look. `Err` carries errno of a thread that could not be started.
    #[inline(always)]
    pub(super) fn call_somebody(&self) -> Result<(), i32> {
        match self.bell.look() {
            Call::InFlight => Ok(()),
            Call::NobodySleeps if !self.can_grow() => Ok(()),
            _ => self.call_or_start(),
        }
    }

    fn call_or_start(&self) -> Result<(), i32> {
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
        let prepared = seat.prepare().map_err(|_| libc::ENOMEM);
        let started = prepared.and_then(|()| thread::start(self.stack_size, worker::main, arg));
        self.start_failure.store(started.as_ref().err().copied().unwrap_or(0), Relaxed);
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

    /// A submitter that comes before the first thread counts as one until it has started that thread: who closes the
    /// pool meanwhile and waits for its end must not miss the task. Later ones find a thread that stays for them.
    ///
    /// To be held from before the push: who has closed the queue after the push sees the count.
    pub(super) fn count_in_first(&self) -> Option<First<'_>> {
        if self.has_thread() {
            return None;
        }
        // Relaxed: the push that follows publishes it, and closing acquires it from there.
        self.alive.fetch_add(1, Relaxed);
        Some(First(self))
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
            if self.is_over() {
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

    /// Those who stand by look again whether they may leave.
    pub(super) fn stir_reserve(&self) {
        self.permits.fetch_add(LOOK_AGAIN, Release);
        self.sleepers.wake_all(sync::address(&self.permits));
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
