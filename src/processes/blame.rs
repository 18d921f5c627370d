//! What the death of a worker means for its task and for the pool.
//!
//! Called by: the supervisor, when it is known how the worker ended.
//!
//! Always true: the task that it was running ends, or its portion goes on behind the item that was running; nothing
//! else of the pool's fails, unless the policy or a start that never succeeds breaks the pool.

use super::bell;
use super::crew::Crew;
use super::harvest::Here;
use super::layout::{LEAVE_INITIALIZER, LEAVE_RETIRED, LEAVE_STOPPED};
use super::plan::Policy;
use super::pool::Pool;
use super::slot::Cell;
use crate::error::{cf_error, Lossy};
use crate::status::Status;
use crate::sync::Ordering::*;
use crate::sys::signals;
use core::ffi::CStr;

/// How a process ended.
#[derive(Clone, Copy)]
pub struct End {
    pub pid: i32,
    pub signal: i32,
    pub exit_code: i32,
}

impl End {
    pub fn new(pid: i32, status: Option<i32>) -> End {
        match status {
            Some(s) if libc::WIFSIGNALED(s) => End { pid, signal: libc::WTERMSIG(s), exit_code: -1 },
            Some(s) if libc::WIFEXITED(s) => End { pid, signal: 0, exit_code: libc::WEXITSTATUS(s) },
            _ => End { pid, signal: 0, exit_code: -1 },
        }
    }

    fn is_clean(&self) -> bool {
        self.signal == 0 && self.exit_code == 0
    }
}

impl core::fmt::Display for End {
    fn fmt(&self, f: &mut core::fmt::Formatter) -> core::fmt::Result {
        match (self.signal, self.exit_code) {
            (0, -1) => write!(f, "died, nobody knows how"),
            (0, code) => write!(f, "exited with code {code}"),
            (signal, _) => match signals::name(signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

impl Pool {
    /// What a death means for the task and for the pool.
    pub(super) fn judge(&self, crew: &mut Crew, worker: u16, end: End, blamed: Option<(Cell, bool)>) {
        let area = &self.view.areas()[worker as usize];
        let (leave, is_ready) = (area.leave.load(Acquire), area.is_ready.load(Relaxed) != 0);
        if is_ready {
            crew.count_late_death(worker);
        }
        if let Some((cell, killed)) = blamed {
            // Workers may write over the bit, but whom the host has condemned it knows itself.
            let killed = killed && crew.members[worker as usize].condemned;
            return self.fail_blamed(crew, worker, end, cell, killed);
        }
        match leave {
            _ if crew.members[worker as usize].condemned => return,
            // One that has come through its initializer, or a pool without, has nothing of the kind to say.
            LEAVE_INITIALIZER if !is_ready && self.plan.initializer.is_some() => {
                return self.break_with(self.initializer_failure(worker));
            }
            LEAVE_RETIRED | LEAVE_STOPPED if end.is_clean() || end.exit_code == -1 => return,
            _ => {}
        }
        let (over, ending) = {
            let slots = self.slots.lock();
            (slots.closed && self.outstanding() == 0, slots.ending)
        };
        if over {
            return;
        }
        let pid = end.pid;
        if self.plan.policy == Policy::Break && crew.zygotes.is_some() && !ending {
            let text = format_args!("a worker process terminated abruptly: worker {worker} (pid {pid}) {end}");
            crew.killing = true;
            return self.break_with(cf_error::death(Status::CF_BROKEN_POOL, pid, end.signal, end.exit_code, text));
        }
        let areas = self.view.areas();
        if !is_ready && crew.count_early_death(worker, |w| areas[w].is_ready.load(Relaxed) != 0) {
            let text = format_args!(
                "workers die again and again at their start; the last was worker {worker} (pid {pid}), which {end}"
            );
            self.break_with(cf_error::death(Status::CF_BROKEN_POOL, pid, end.signal, end.exit_code, text));
        }
    }

    /// The task that a dead worker was running ends.
    fn fail_blamed(&self, crew: &mut Crew, worker: u16, end: End, cell: Cell, killed: bool) {
        if killed {
            if let Some(f) = self.begin_taken(cell) {
                self.finish_cancelled(f, cell.slot(), Here::Supervisor);
            }
            return;
        }
        let pid = end.pid;
        if self.plan.policy == Policy::Break && self.broken().is_none() && !self.slots.lock().ending {
            crew.killing = true;
            let text = format_args!(
                "a worker process terminated abruptly while a task was running or pending: worker {worker} (pid {pid}) {end}"
            );
            self.break_with(cf_error::death(Status::CF_BROKEN_POOL, pid, end.signal, end.exit_code, text));
        }
        let error = match self.broken() {
            Some(why) => why.copy_at(0),
            None => {
                let text = format_args!("worker {worker} (pid {pid}) {end} while running the task; the pool goes on");
                cf_error::death(Status::CF_WORKER_DIED, pid, end.signal, end.exit_code, text)
            }
        };
        let is_portion = self.slots.lock().find(cell.slot(), cell.generation()).is_some_and(|p| !p.portion.is_null());
        if is_portion && self.broken().is_none() {
            return self.go_on_behind(cell, error);
        }
        if let Some(f) = self.begin_taken(cell) {
            self.finish(f, cell.slot(), Err(error), Here::Supervisor);
        }
    }

    /// The item that killed its worker fails; the others of its portion run elsewhere.
    fn go_on_behind(&self, cell: Cell, error: cf_error) {
        let goes_on = self.with_portion(cell, |portion, absorbed| {
            // SAFETY: the portion's reference keeps the items.
            let items = unsafe { &*portion.items };
            let culprit = *absorbed;
            if culprit < portion.count {
                items.absorb(portion.first + culprit as usize, Err(error));
                *absorbed += 1;
            }
            // Relaxed: opening the slot publishes it.
            portion.head().next.store(culprit + 1, Relaxed);
            culprit + 1 < portion.count && !items.is_stopped()
        });
        let goes_on = goes_on == Some(true) && !self.slots.lock().ending;
        if !(goes_on && self.slots.lock().open_again(self.arena(), &self.view.ready(), cell)) {
            if let Some(f) = self.begin_taken(cell) {
                self.finish(f, cell.slot(), Ok(()), Here::Supervisor);
            }
            return;
        }
        bell::ring(self.view.control(), self.view.areas());
    }

    fn initializer_failure(&self, worker: u16) -> cf_error {
        let area = &self.view.areas()[worker as usize];
        let mut text = [0u8; 188];
        text.iter_mut().zip(&area.failure_text).for_each(|(to, from)| *to = from.load(Relaxed));
        *text.last_mut().expect("it has a length") = 0;
        let text = Lossy(CStr::from_bytes_until_nul(&text).unwrap_or(c""));
        let code = area.failure_code.load(Relaxed);
        cf_error::with_text(Status::CF_BROKEN_POOL, code, format_args!("the initializer of a worker failed: {text}"))
    }
}
