//! Looking at every slot, for what no worker has told, and mending what workers may have written over: after a death,
//! and now and then while tasks are outstanding.
//!
//! Called by: the supervisor. A worker may be stopped between two steps, die, or write over any shared word: what a
//! task's slot says is compared with what the host knows, and a task that nobody can end any more is ended here.

use super::bell;
use super::crew::{Crew, State};
use super::harvest::Here;
use super::pool::Pool;
use super::slot::Cell;
use super::table::Finding;
use crate::error::cf_error;
use crate::status::Status;
use crate::sync::{address, Ordering::*};
use crate::sys::futex;
use core::ops::Range;

impl Pool {
    /// Ends what has come to its end in these slots, queues again what the queue has lost, fails what a worker has that
    /// does not exist.
    pub(super) fn audit(&self, crew: &Crew, slots: Range<u32>) {
        for slot in slots {
            let found = self.slots.lock().examine(&self.view.ready(), slot);
            match found {
                Finding::Nothing => {}
                Finding::Ended => self.sweep_slot(slot),
                Finding::Passed(generation) => {
                    let cell = Cell::new(slot, generation);
                    // Whoever names it runs it, whatever the word says, and will complete it, or die of it.
                    if !(0..crew.members.len()).any(|w| self.seems_to_have(crew, w as u16, cell)) {
                        self.slots.lock().queue_again(self.arena(), &self.view.ready(), cell);
                    }
                }
                Finding::Claimed(generation, worker) => {
                    let cell = Cell::new(slot, generation);
                    if !self.seems_to_have(crew, worker, cell) {
                        self.fail_claimed(cell, worker);
                    }
                }
            }
        }
    }

    /// Does this worker say that it has the task? It names what it claims before it claims it, and until it is done: if
    /// it names another one, and the word that was read is there still, it is not this worker that has written it.
    fn seems_to_have(&self, crew: &Crew, worker: u16, cell: Cell) -> bool {
        match crew.members.get(worker as usize).map(|m| m.state) {
            Some(State::Alive) if self.intent(worker) == cell => {
                // One that sleeps has nothing, whatever somebody has written: it says so when it has looked again.
                bell::rouse_if_asleep(&self.view.areas()[worker as usize]);
                true
            }
            Some(State::Alive) => false,
            // What becomes of it is known when it is known how the worker ended.
            state => state == Some(State::Dead) && crew.members[worker as usize].blamed.is_some_and(|(c, _)| c == cell),
        }
    }

    /// After a death, and now and then, as who has written nonsense may live on: what the host alone writes is told again
    /// to those who come and to those who are there.
    pub(super) fn mend(&self, crew: &Crew) {
        self.functions.mend(self.arena());
        let control = self.view.control();
        {
            // Tasks are queued under this lock.
            let slots = self.slots.lock();
            control.tail.0.store(slots.tail(), Release);
            // Only the thread that runs this ends the pool, and only when it is closed.
            if !slots.closed {
                control.stop.0.store(0, SeqCst);
            }
        }
        let bounds = self.slots.lock().bounds();
        self.view.ready().mend_head(bounds);
        for (i, (area, member)) in (0..).zip(self.view.areas().iter().zip(&crew.members)) {
            if member.state != State::Alive {
                continue;
            }
            if area.go.load(Relaxed) != member.incarnation {
                // Release: as at its birth.
                area.go.store(member.incarnation, Release);
                futex::wake_shared(address(&area.go), i32::MAX);
            }
            self.arena().segments().answer(i, area);
        }
    }

    /// A task that a worker is said to have which does not have it: nobody else will end it.
    pub(super) fn fail_claimed(&self, cell: Cell, worker: u16) {
        if self.take_claimed(cell, worker).is_none() {
            return;
        }
        futex::wake_shared(self.slot(cell.slot()).word.bed(), i32::MAX);
        if let Some(f) = self.begin_taken(cell) {
            let text = format_args!("a worker process wrote nonsense over the task");
            let error = cf_error::with_text(Status::CF_WORKER_DIED, 0, text);
            self.finish(f, cell.slot(), Err(error), Here::Supervisor);
        }
    }
}
