//! Births and deaths of workers: who may work, whom a task is taken from, what becomes of it.
//!
//! Called by: the supervisor, under the lock `crew`.
//!
//! The order after a death: the process is known to be dead; its intent names the task, which is confirmed by the
//! slot's word: what it has done is delivered, what it has claimed is taken; whoever may have relied on it is woken;
//! when it is known how it ended, its task fails and its place is free for another.

use super::bell;
use super::blame::End;
use super::crew::{Crew, State};
use super::layout::*;
use super::pool::Pool;
use super::portion::Portion;
use super::slot::{self, Cell, CLAIMED, DONE, KILL, READY};
use crate::error::cf_error;
use crate::status::Status;
use crate::sync::{address, Ordering::*};
use crate::sys::epoll::Epoll;
use crate::sys::fd::Fd;
use crate::sys::{clock, futex, pidfd, process};

/// So long is waited for the word of a zygote that lives on how a worker ended, in nanoseconds.
const PATIENCE: u64 = 2_000_000_000;
const PATIENCE_MS: u64 = 1000;
/// So long a worker may take to leave when the pool ends.
const LEAVE_TIME: u64 = 5_000_000_000;

impl Pool {
    /// Asks for a process in a vacant place.
    pub(super) fn ask(&self, crew: &mut Crew, worker: u16) -> bool {
        let member = &mut crew.members[worker as usize];
        // By two: the value between is nobody's, and sends away whoever was asked for before.
        member.incarnation = member.incarnation.wrapping_add(2);
        let area = &self.view.areas()[worker as usize];
        area.go.store(member.incarnation.wrapping_sub(1), Release);
        futex::wake_shared(address(&area.go), i32::MAX);
        crew.ask(worker)
    }

    /// A worker was born: from here on the host sees its death, so it may touch shared queues.
    pub(super) fn welcome(
        &self,
        crew: &mut Crew,
        worker: u16,
        incarnation: u32,
        pid: i32,
        pidfd: Option<Fd>,
        epoll: &Epoll,
    ) {
        let Some(member) = crew.members.get_mut(worker as usize) else { return };
        if member.state != State::Asked || member.incarnation != incarnation {
            return; // another was asked for in its place: it sees that and leaves
        }
        (member.state, member.pid, member.status, member.blamed, member.kill_at) =
            (State::Alive, pid, None, None, crew.leave_by);
        (member.born_at, member.condemned) = (clock::now_ns(), false);
        if let Some(fd) = &pidfd {
            let _ = epoll.add(fd.raw(), worker as u64); // else the zygote's word tells of its death
        }
        member.pidfd = pidfd;
        crew.forget_refusals();
        let area = &self.view.areas()[worker as usize];
        area.intent.store(Cell::NONE.0, Relaxed);
        area.leave.store(LEAVE_NOT, Relaxed);
        area.is_ready.store(0, Relaxed);
        area.got.store(area.want.load(Relaxed), Relaxed);
        // Release: the cleared words come before the worker's first step.
        area.go.store(incarnation, Release);
        futex::wake_shared(address(&area.go), i32::MAX);
    }

    /// The zygote could not fork.
    pub(super) fn refused(&self, crew: &mut Crew, worker: u16, incarnation: u32, errno: i32) {
        let Some(member) = crew.members.get_mut(worker as usize) else { return };
        if member.state != State::Asked || member.incarnation != incarnation {
            return;
        }
        member.state = State::Vacant;
        if crew.count_refusal() {
            let text = format_args!("no worker process can be started (errno {errno})");
            self.break_with(cf_error::with_text(Status::CF_BROKEN_POOL, errno, text));
        }
    }

    /// The standby has taken over: what the dead zygote has not answered is asked again.
    pub(super) fn ask_again(&self, crew: &mut Crew, epoll: &Epoll) {
        crew.replaced += 1;
        for worker in 0..crew.members.len() {
            if crew.members[worker].state == State::Asked {
                crew.members[worker].state = State::Vacant;
                self.ask(crew, worker as u16);
            }
        }
        self.miss_those_without_descriptor(crew, epoll);
    }

    /// The zygote is dead and its workers are killed with it; of one without a descriptor nobody else would tell.
    fn miss_those_without_descriptor(&self, crew: &mut Crew, epoll: &Epoll) {
        for worker in 0..crew.members.len() {
            let member = &crew.members[worker];
            if member.state == State::Alive && member.pidfd.is_none() && process::wait_dead(member.pid, PATIENCE_MS) {
                self.repair(crew, worker as u16, epoll);
            }
        }
    }

    /// Both zygotes are dead, and their workers die with them.
    pub(super) fn lose_zygotes(&self, crew: &mut Crew, epoll: &Epoll) {
        crew.replaced += 1;
        crew.killing = true;
        let text = format_args!("both processes from which the workers are started were killed");
        self.break_with(cf_error::with_text(Status::CF_BROKEN_POOL, 0, text));
        for worker in 0..crew.members.len() {
            if crew.members[worker].state == State::Asked {
                crew.members[worker].state = State::Vacant;
            }
        }
        self.miss_those_without_descriptor(crew, epoll);
    }

    /// A worker's descriptor is readable.
    pub(super) fn see_death(&self, crew: &mut Crew, worker: u16, epoll: &Epoll) {
        let Some(member) = crew.members.get(worker as usize) else { return };
        if member.state == State::Alive && member.pidfd.as_ref().is_some_and(pidfd::is_dead) {
            self.repair(crew, worker, epoll);
        }
    }

    /// The zygote tells how a worker ended.
    pub(super) fn see_exit(&self, crew: &mut Crew, pid: i32, status: i32, epoll: &Epoll) {
        let Some(worker) = crew.by_pid(pid) else { return };
        crew.members[worker as usize].status = Some(status);
        if crew.members[worker as usize].state == State::Alive {
            self.repair(crew, worker, epoll);
        }
    }

    /// A worker is dead: what it has done is delivered, what it has claimed is taken from it, and everybody looks
    /// again who may have relied on it.
    pub(super) fn repair(&self, crew: &mut Crew, worker: u16, epoll: &Epoll) {
        let member = &mut crew.members[worker as usize];
        if let Some(fd) = &member.pidfd {
            epoll.remove(fd.raw());
            // Where this process is the first of a container a dead zygote's workers become its children.
            pidfd::reap(fd);
        }
        (member.state, member.died_at) = (State::Dead, clock::now_ns());
        // What it had completed lies in memory that goes with it, unless it is fetched now.
        self.collect_all();
        member.blamed = self.take_from(worker);
        let incarnation = member.incarnation;
        self.mend(crew);
        let area = &self.view.areas()[worker as usize];
        bell::forget(self.view.control(), worker, area);
        bell::ring_all(self.view.areas());
        area.intent.store(Cell::NONE.0, Relaxed);
        // What it may have claimed beside, or has written over, is found by looking at all.
        self.fail_what_else_it_had(worker);
        // It asks for nothing any more.
        self.arena().segments().ignore(worker, area);
        self.arena().segments().worker_gone(self.arena(), worker, incarnation);
    }

    /// Tasks that a dead worker is said to have but never said to claim: it has written nonsense.
    fn fail_what_else_it_had(&self, worker: u16) {
        let made = self.slots.lock().made();
        for index in 0..made {
            let w = self.slot(index).word.look();
            if slot::state(w) == CLAIMED && slot::worker(w) == worker {
                self.fail_claimed(Cell::new(index, slot::generation(w)), worker);
            }
        }
    }

    /// The task that a dead worker was running, and whether it was killed because of it.
    fn take_from(&self, worker: u16) -> Option<(Cell, bool)> {
        let cell = self.intent(worker);
        if cell.slot() >= self.slots.lock().made() {
            return None;
        }
        let slot = self.slot(cell.slot());
        let w = slot.word.look();
        if slot::generation(w) != cell.generation() || (slot::worker(w) != worker && slot::state(w) != READY) {
            return None;
        }
        let taken = match slot::state(w) {
            DONE => {
                self.sweep_slot(cell.slot());
                None
            }
            CLAIMED => self.take_claimed(cell, worker),
            // Before it claims the cell is in the queue: it has claimed the task, and written over the word.
            READY if self.slots.lock().is_behind_head(&self.view.ready(), cell) => self.take_ready(cell),
            _ => None,
        };
        if taken.is_some() {
            // What its items have left must be fetched before the worker's memory goes.
            self.with_portion(cell, |portion, absorbed| self.absorb(portion, absorbed, worker, portion.ended()));
        }
        // Who sleeps there sleeps on the future itself until it is known what became of the worker.
        futex::wake_shared(slot.word.bed(), i32::MAX);
        taken.map(|before| (cell, before & KILL != 0))
    }

    /// Dead workers of whom it is known how they ended, or will never be: their tasks fail, their places are vacant.
    pub(super) fn bury(&self, crew: &mut Crew) {
        for worker in 0..crew.members.len() {
            let member = &mut crew.members[worker];
            if member.state != State::Dead {
                continue;
            }
            let waited = clock::now_ns() - member.died_at;
            // One that was replaced has said all that it knew.
            let hopes = crew.zygotes.is_some() && member.zygote == crew.replaced;
            if member.status.is_none() && waited < PATIENCE && hopes {
                continue;
            }
            let status = member.status.or_else(|| member.pidfd.as_ref().and_then(pidfd::exit_info));
            let end = End::new(member.pid, status);
            member.state = State::Vacant;
            member.pidfd = None;
            let blamed = member.blamed.take();
            self.judge(crew, worker as u16, end, blamed);
        }
    }

    /// Does something with the portion that a task is, and the number of its items that are absorbed. None if it is not
    /// one, or if somebody else is about to end it: then a worker has said that it is done while another one has it.
    pub(super) fn with_portion<R>(&self, cell: Cell, f: impl FnOnce(&Portion, &mut u32) -> R) -> Option<R> {
        let mut slots = self.slots.lock();
        let private = slots.find(cell.slot(), cell.generation())?;
        // SAFETY: NULL, or kept while the lock `slots` shows the task, and then while `absorbed` is held: whoever ends the
        // task takes that before the portion goes.
        let portion = unsafe { private.portion.as_ref() }?;
        let mut absorbed = portion.absorbed.try_lock()?;
        drop(slots);
        Some(f(portion, &mut absorbed))
    }

    /// Workers whose grace has passed.
    pub(super) fn kill_overdue(&self, crew: &mut Crew) {
        let now = clock::now_ns();
        for worker in 0..crew.members.len() {
            let member = &mut crew.members[worker];
            if member.state == State::Alive && member.kill_at > 0 && member.kill_at <= now {
                member.kill_at = 0;
                crew.signal(worker as u16, libc::SIGKILL);
            }
        }
    }

    /// The pool ends: who has not left in time is killed.
    pub(super) fn dismiss(&self, crew: &mut Crew) {
        crew.leave_by = clock::now_ns() + LEAVE_TIME;
        crew.members.iter_mut().for_each(|m| m.kill_at = crew.leave_by);
    }
}
