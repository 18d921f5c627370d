//! Who works for the pool: the zygotes, and what the host knows of each worker process.
//!
//! Owns: incarnations, pids, pidfds. Called by: the supervisor, and calls that send signals, under the lock `crew`.
//!
//! Always true:
//! - an index has one process at a time: it is asked for only when the one before is dead and its claims are repaired;
//! - a worker may touch shared queues only when the host holds it as `Alive` (the word `go`);
//! - a signal goes to a process only while it is known not to have been reaped: through its pidfd or its zygote.

use super::arena::Arena;
use super::plan::Plan;
use super::slot::Cell;
use super::zygotes::Zygotes;
use crate::error::Failure;
use crate::mem;
use crate::sys::clock;
use crate::sys::fd::Fd;

/// So many deaths at the start, one after the other and with none that came through it, break the pool.
const MOST_EARLY_DEATHS: u32 = 10;
/// So many refused starts in a row break a pool that has no worker; so long is waited after each, in nanoseconds.
const MOST_REFUSALS: u32 = 100;
const PAUSE: u64 = 50_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No process, and none was asked for.
    Vacant,
    /// The zygote was asked.
    Asked,
    Alive,
    /// The process is dead; what became of it is awaited.
    Dead,
}

/// One worker's place.
pub struct Member {
    pub state: State,
    pub incarnation: u32,
    pub pid: i32,
    pub pidfd: Option<Fd>,
    /// When it was let go, and when its death was seen.
    pub born_at: u64,
    pub died_at: u64,
    /// What the zygote has said of its end, as `waitpid` gives it.
    pub status: Option<i32>,
    /// The task that it was running when it died, taken from it, and whether it was killed because of that task.
    pub blamed: Option<(Cell, bool)>,
    /// It was sent a signal because of the task that it ran: it may die though that task has ended.
    pub condemned: bool,
    /// SIGKILL follows at that time, if it lives then; 0 for never.
    pub kill_at: u64,
    /// How many zygotes had been replaced when it was asked for.
    pub zygote: u32,
}

pub struct Crew {
    pub zygotes: Option<Zygotes>,
    pub members: Box<[Member]>,
    /// The pool is broken in a way that ends running tasks too.
    pub killing: bool,
    /// The pool ends: workers that live then are killed at that time; 0 before.
    pub leave_by: u64,
    /// So many workers there have been at one time.
    pub most: usize,
    /// Zygotes that were replaced.
    pub replaced: u32,
    /// Starts that were refused since the last that succeeded, and when the next may be tried.
    refusals: u32,
    pause_until: u64,
    early_deaths: u32,
    early_since: u64,
    helper: bool,
}

impl Crew {
    pub fn start(plan: &Plan, arena: &Arena, bell: i32) -> Result<Crew, Failure> {
        let member = |_| Member {
            state: State::Vacant,
            incarnation: 0,
            pid: 0,
            pidfd: None,
            born_at: 0,
            died_at: 0,
            status: None,
            blamed: None,
            condemned: false,
            kill_at: 0,
            zygote: 0,
        };
        let members = mem::try_slice(plan.max_workers, member)?;
        let zygotes = Zygotes::start(plan.method, plan.program(), arena, bell)?;
        let helper = zygotes.helper();
        Ok(Crew {
            zygotes: Some(zygotes),
            members,
            killing: false,
            leave_by: 0,
            most: 0,
            replaced: 0,
            refusals: 0,
            pause_until: 0,
            early_deaths: 0,
            early_since: 0,
            helper,
        })
    }

    /// What all workers go by stands in the shared memory.
    pub fn tell_terms(&self) -> Result<(), Failure> {
        self.zygotes.as_ref().map_or(Ok(()), Zygotes::tell_terms)
    }

    pub fn runs_helper(&self) -> bool {
        self.helper
    }

    /// Workers that exist or were asked for.
    pub fn size(&self) -> usize {
        self.members.iter().filter(|m| m.state != State::Vacant).count()
    }

    pub fn has_dead(&self) -> bool {
        self.members.iter().any(|m| m.state == State::Dead)
    }

    /// The worker of this pid, dead or alive.
    pub fn by_pid(&mut self, pid: i32) -> Option<u16> {
        let known = |m: &Member| m.pid == pid && matches!(m.state, State::Alive | State::Dead);
        self.members.iter().position(known).map(|i| i as u16)
    }

    /// Asks for a process in a place that has none, in its next incarnation; false if the zygote cannot be asked.
    pub fn ask(&mut self, worker: u16) -> bool {
        let m = &mut self.members[worker as usize];
        m.zygote = self.replaced;
        let incarnation = m.incarnation;
        let asked = self.zygotes.as_mut().is_some_and(|z| z.ask(worker, incarnation).is_ok());
        if asked {
            self.members[worker as usize].state = State::Asked;
        }
        asked
    }

    /// Sends a signal to a worker that lives.
    pub fn signal(&mut self, worker: u16, signal: i32) {
        let m = &self.members[worker as usize];
        if m.state == State::Alive {
            if let Some(z) = &mut self.zygotes {
                let _ = z.signal(m.pid, m.pidfd.as_ref(), signal); // else it is dead, which is seen elsewhere
            }
        }
    }

    /// Sends a signal to every worker that lives.
    pub fn signal_all(&mut self, signal: i32) {
        (0..self.members.len()).for_each(|worker| self.signal(worker as u16, signal));
    }

    /// A start was refused; true if that happens again and again while there is no worker at all.
    pub fn count_refusal(&mut self) -> bool {
        self.refusals += 1;
        self.pause_until = clock::now_ns() + PAUSE;
        self.refusals >= MOST_REFUSALS && !self.members.iter().any(|m| m.state == State::Alive)
    }

    pub fn forget_refusals(&mut self) {
        (self.refusals, self.pause_until) = (0, 0);
    }

    /// Is it too soon after a refused start?
    pub fn pauses(&self) -> bool {
        self.pause_until > 0 && clock::now_ns() < self.pause_until
    }

    /// A worker died before it had taken a task; true if that happens again and again and to every one that is born.
    /// It does not count if its zygote died, which takes its workers along. `is_ready` tells it of a worker.
    pub fn count_early_death(&mut self, worker: u16, is_ready: impl Fn(usize) -> bool) -> bool {
        if self.members[worker as usize].zygote != self.replaced {
            return false;
        }
        let now = clock::now_ns();
        let fit = |(i, m): (usize, &Member)| m.state == State::Alive && m.born_at > self.early_since && is_ready(i);
        if self.members.iter().enumerate().any(fit) {
            (self.early_deaths, self.early_since) = (0, now);
        }
        self.early_deaths += 1;
        self.early_deaths >= MOST_EARLY_DEATHS
    }

    /// A worker died that had taken a task: those that are born can work.
    pub fn count_late_death(&mut self, worker: u16) {
        if self.members[worker as usize].born_at > self.early_since {
            self.early_deaths = 0;
        }
    }

    /// When the next kill is due, in ns; u64::MAX for never.
    pub fn next_kill(&self) -> u64 {
        self.members
            .iter()
            .filter(|m| m.state == State::Alive && m.kill_at > 0)
            .map(|m| m.kill_at)
            .min()
            .unwrap_or(u64::MAX)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if let Some(zygotes) = self.zygotes.take() {
            zygotes.end();
        }
    }
}
