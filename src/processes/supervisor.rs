//! The supervisor: the one thread of a process pool that sees to what no task waits for.
//!
//! Owns: the loop over what can happen: a worker is born or dies, a zygote dies, completions are to be collected,
//! workers want memory, more workers are wanted, the pool ends. Called by: `contract` (start).
//!
//! Always true:
//! - before it sleeps it says so, and looks once more: news that came before are seen, later ones ring;
//! - it runs no code of the user's, and sleeps only in epoll, unless the program has closed that;
//! - while tasks are outstanding it looks at everything every 50 ms, so that a worker that was stopped between two
//!   steps delays others by that much, not for ever; with none it sleeps until something happens.

use super::bell;
use super::crew::{Crew, State};
use super::pool::Pool;
use super::staff::Staff;
use super::zygotes::{Event, Health};
use crate::error::cf_error;
use crate::status::Status;
use crate::sync::{fence, Ordering::*};
use crate::sys::epoll::{self, Epoll};
use crate::sys::fd::Fd;
use crate::sys::{clock, process, thread};
use core::ffi::c_void;
use core::ptr::null_mut;

pub const STACK: usize = 1 << 20;
const SWEEP_MS: i32 = 50;
/// Slots that a sweep looks at, so that a long queue does not make it long.
const SWEEP_SLOTS: u32 = 16 << 10;

// Tags of descriptors in the epoll set; workers are below.
pub(super) const BELL: u64 = 1 << 32;
const ZYGOTES: u64 = 1 << 33;

/// What belongs to the supervisor's thread alone.
struct Supervisor<'a> {
    pool: &'a Pool,
    epoll: Epoll,
    /// The zygotes' descriptors that are in the set.
    watched: [i32; 4],
    swept_at: u64,
    sweep_from: u32,
    /// Workers have been told to leave.
    stopping: bool,
    /// The program has closed the pool's descriptors.
    blind: bool,
}

pub extern "C" fn main(arg: *mut c_void) -> *mut c_void {
    // SAFETY: `staff::start` has passed it.
    let mut staff = unsafe { Staff::begin(arg) };
    let pool = staff.pool();
    thread::set_name(c"cf-supervisor");
    let epoll = pool.epoll.lock().take();
    if let Some(epoll) = epoll {
        let mut s =
            Supervisor { pool, epoll, watched: [-1; 4], swept_at: 0, sweep_from: 0, stopping: false, blind: false };
        s.watch_zygotes(&mut pool.crew.lock());
        s.live(&mut staff);
    }
    staff.leave();
    null_mut()
}

impl Supervisor<'_> {
    fn live(&mut self, staff: &mut Staff) {
        let mut events = [epoll::Event::NONE; 32];
        while !self.is_over(staff) {
            let n = self.sleep(staff, &mut events);
            if self.blind || !self.pool.bell.stands() {
                self.go_on_blind(staff);
            }
            let mut crew = self.pool.crew.lock();
            let crew = &mut *crew;
            for event in &events[..n] {
                match event.tag() {
                    BELL => self.pool.bell.lower(),
                    ZYGOTES => {}
                    worker => self.pool.see_death(crew, worker as u16, &self.epoll),
                }
            }
            self.hear_zygotes(crew);
            self.pool.bury(crew);
            self.pool.collect();
            self.pool.serve_memory(crew);
            self.sweep(crew);
            self.pool.kill_overdue(crew);
            self.pool.finish_breaking(crew);
            self.recruit(crew);
            self.stop_when_done(crew);
        }
        self.pool.callbacks.stop();
        if self.blind {
            self.epoll.forget();
        }
    }

    /// Sleeps until something happens; gives how many events came.
    fn sleep(&mut self, staff: &mut Staff, events: &mut [epoll::Event]) -> usize {
        let control = self.pool.view.control();
        control.supervisor_sleeps.0.store(1, Relaxed);
        // SeqCst: partner of the fence in `worker::ring_supervisor`.
        fence(SeqCst);
        let timeout = if self.pool.has_news() { 0 } else { self.timeout() };
        let n = if self.blind {
            staff.asleep(|| process::sleep_ms(10));
            0
        } else {
            staff.asleep(|| self.epoll.wait(events, timeout))
        };
        control.supervisor_sleeps.0.store(0, Relaxed);
        n
    }

    fn timeout(&self) -> i32 {
        let crew = self.pool.crew.lock();
        let busy = {
            let mut slots = self.pool.slots.lock();
            slots.idle = self.pool.outstanding() == 0;
            self.stopping || crew.has_dead() || !slots.idle
        };
        let until_kill = crew.next_kill().saturating_sub(clock::now_ns()).div_ceil(1_000_000);
        match (busy, until_kill) {
            (true, ms) => ms.min(SWEEP_MS as u64) as i32,
            (false, ms) if ms > i32::MAX as u64 => -1,
            (false, ms) => ms as i32,
        }
    }

    /// The program has closed the pool's descriptors, as a daemon may: nothing can be supervised any more. The zygotes
    /// see it and end themselves and the workers; what is left of the pool is broken, and no number is touched that may
    /// be another file's now.
    fn go_on_blind(&mut self, staff: &mut Staff) {
        let pool = self.pool;
        let mut crew = pool.crew.lock();
        if !core::mem::replace(&mut self.blind, true) {
            let text = format_args!("the program has closed the descriptors of the pool");
            pool.break_with(cf_error::with_text(Status::CF_BROKEN_POOL, 0, text));
            for member in crew.members.iter_mut() {
                member.pidfd.take().map(Fd::into_raw);
                if member.state == State::Asked {
                    member.state = State::Vacant;
                }
            }
            let zygotes = crew.zygotes.take();
            drop(crew);
            if let Some(zygotes) = zygotes {
                staff.asleep(|| zygotes.abandon());
            }
            crew = pool.crew.lock();
        }
        for worker in 0..crew.members.len() {
            if crew.members[worker].state == State::Alive && process::wait_dead(crew.members[worker].pid, 0) {
                pool.repair(&mut crew, worker as u16, &self.epoll);
            }
        }
    }

    fn watch_zygotes(&mut self, crew: &mut Crew) {
        let now = crew.zygotes.as_ref().map_or([-1; 4], |z| z.poll_fds());
        if now != self.watched {
            self.watched.iter().filter(|fd| **fd >= 0 && !now.contains(fd)).for_each(|fd| self.epoll.remove(*fd));
            let before = self.watched;
            // What could not be added is tried again at the next occasion; until then a sweep finds what it tells.
            self.watched = now.map(|fd| {
                let stands = fd >= 0 && (before.contains(&fd) || self.epoll.add(fd, ZYGOTES).is_ok());
                Some(fd).filter(|_| stands).unwrap_or(-1)
            });
        }
    }

    fn hear_zygotes(&mut self, crew: &mut Crew) {
        let Some(mut zygotes) = crew.zygotes.take() else { return };
        let pool = self.pool;
        let mut hear = |event| match event {
            Event::Born { worker, incarnation, pid, pidfd } => {
                pool.welcome(crew, worker, incarnation, pid, pidfd, &self.epoll)
            }
            Event::Refused { worker, incarnation, errno } => pool.refused(crew, worker, incarnation, errno),
            Event::Exited { pid, status } => pool.see_exit(crew, pid, status, &self.epoll),
        };
        zygotes.receive(&mut hear);
        let health = zygotes.check(&mut hear);
        crew.zygotes = Some(zygotes);
        match health {
            Health::Fine => {}
            Health::Replaced => pool.ask_again(crew, &self.epoll),
            Health::Gone => pool.lose_zygotes(crew, &self.epoll),
        }
        self.watch_zygotes(crew);
    }

    /// Looks at what nobody may have told.
    fn sweep(&mut self, crew: &mut Crew) {
        let now = clock::now_ns();
        if now - self.swept_at < SWEEP_MS as u64 * 1_000_000 {
            return;
        }
        self.swept_at = now;
        let pool = self.pool;
        // Before tasks are counted: where each fails at once, none is outstanding most of the time.
        pool.mend(crew);
        if pool.outstanding() == 0 {
            return;
        }
        let (made, tail) = {
            let slots = pool.slots.lock();
            (slots.made(), slots.tail())
        };
        if pool.view.ready().head() < tail {
            bell::ring_all(pool.view.areas());
        }
        let from = if self.sweep_from >= made { 0 } else { self.sweep_from };
        self.sweep_from = made.min(from + SWEEP_SLOTS);
        pool.audit(crew, from..self.sweep_from);
    }

    /// As many workers as there is work for.
    fn recruit(&mut self, crew: &mut Crew) {
        let pool = self.pool;
        let (outstanding, broken, ending) = {
            let slots = pool.slots.lock();
            (pool.outstanding(), slots.broken, slots.ending)
        };
        let mut size = crew.size();
        // One that has died is replaced, whether there is work or not.
        let wanted =
            if broken || ending || self.stopping { 0 } else { outstanding.min(pool.plan.max_workers).max(crew.most) };
        if size < wanted && crew.pauses() {
            return;
        }
        for worker in 0..crew.members.len() {
            if size >= wanted {
                break;
            }
            if crew.members[worker].state == State::Vacant {
                if !pool.ask(crew, worker as u16) {
                    break;
                }
                size += 1;
            }
        }
        crew.most = crew.most.max(size);
        pool.crew_size.store(size as u32, Relaxed);
    }

    /// The pool is closed and no task is left: the workers may leave, then the zygotes.
    fn stop_when_done(&mut self, crew: &mut Crew) {
        let pool = self.pool;
        if !self.stopping {
            let slots = pool.slots.lock();
            if !slots.closed || pool.outstanding() > 0 {
                return;
            }
            drop(slots);
            self.stopping = true;
            let control = pool.view.control();
            // SeqCst with the fence: a worker that is about to sleep sees it, or is seen.
            control.stop.0.store(1, SeqCst);
            fence(SeqCst);
            pool.dismiss(crew);
        }
        bell::ring_all(pool.view.areas());
    }

    fn is_over(&self, staff: &mut Staff) -> bool {
        if !self.stopping {
            return false;
        }
        let mut crew = self.pool.crew.lock();
        if crew.members.iter().any(|m| matches!(m.state, State::Alive | State::Dead | State::Asked)) {
            return false;
        }
        let zygotes = crew.zygotes.take();
        drop(crew);
        if let Some(zygotes) = zygotes {
            staff.asleep(|| zygotes.end());
        }
        true
    }
}

impl Pool {
    /// Is there something that a worker may have failed to ring for?
    fn has_news(&self) -> bool {
        self.view.done().any() || (0..).zip(self.view.areas()).any(|(i, a)| self.arena().segments().wants(i, a))
    }

    /// Answers requests for memory.
    fn serve_memory(&self, crew: &mut Crew) {
        for (i, (member, area)) in crew.members.iter().zip(self.view.areas()).enumerate() {
            // What the worker had completed before it asked is collected next.
            if member.state == State::Alive && self.arena().segments().wants(i as u16, area) {
                self.collect_all();
                self.absorb_running(i as u16);
                self.arena().segments().serve(self.arena(), i as u16, member.incarnation, area);
            }
        }
    }
}
