//! The host's view of a pool's two zygotes: asks them for workers, hears from them, and replaces them.
//!
//! Owns: their control sockets and pidfds, and the requests that found the socket full.
//! Called by: the supervisor, under its lock.
//!
//! Always true:
//! - one zygote is active, unless both are dead; the host holds the socket of the other one before that exists, and
//!   learns its pid later: from the active one, or, if that dies first, from itself when it is activated;
//! - what a dead zygote still said is heard before its successor is asked for anything;
//! - nothing here blocks but the end, and that for a bounded time.
//!
//! Without pidfds (old kernels, valgrind) a zygote's death is the end of its socket, and workers come without: their
//! deaths are the `Exited` of their zygote, their signals go through it.

use super::arena::Arena;
use super::layout::MOST_WORKERS;
use super::messages::{Kind, Message};
use super::start::{self, Started};
use crate::error::Failure;
use crate::sys::fd::Fd;
use crate::sys::socket::{self, Nothing, Received};
use crate::sys::{clock, pidfd, poll, process};
use core::ffi::CStr;

pub use super::start::Method;

/// Zygotes that do not leave within this time are killed.
const PATIENCE_NS: u64 = 2_000_000_000;

#[derive(Debug)]
pub enum Event {
    /// It waits for its incarnation to be let go.
    Born { worker: u16, incarnation: u32, pid: i32, pidfd: Option<Fd> },
    /// It could not be forked.
    Refused { worker: u16, incarnation: u32, errno: i32 },
    /// A worker has ended, and was waited for. The status is what waitpid gives.
    Exited { pid: i32, status: i32 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    Fine,
    /// The active zygote died, and with it its workers; the standby has its place. Requests without an answer are void:
    /// they are asked again under a new incarnation.
    Replaced,
    /// There is no zygote any more.
    Gone,
}

struct Zygote {
    control: Fd,
    pidfd: Option<Fd>,
    /// 0 until it is known; then there is no pidfd either.
    pid: i32,
    /// Of this process.
    child: bool,
    /// Its socket has ended.
    silent: bool,
}

/// Requests that found the socket full; they go out as answers come in.
struct Waiting {
    workers: [u64; MOST_WORKERS / 64],
    incarnations: [u32; MOST_WORKERS],
}

pub struct Zygotes {
    active: Option<Zygote>,
    standby: Option<Zygote>,
    waiting: Waiting,
    helper: bool,
}

impl Zygotes {
    /// Makes the first zygote; it makes its standby by itself, once it has the terms.
    ///
    /// `bell` is inherited by the workers.
    pub fn start(method: Method, program: Option<&CStr>, arena: &Arena, bell: i32) -> Result<Zygotes, Failure> {
        let Started { control, pid, pidfd, child, helper } = start::start(method, program, arena, bell)?;
        let active = Some(Zygote { control, pidfd, pid, child, silent: false });
        let waiting = Waiting { workers: [0; MOST_WORKERS / 64], incarnations: [0; MOST_WORKERS] };
        Ok(Zygotes { active, standby: None, waiting, helper })
    }

    /// What all workers go by stands in the shared memory. Before the first is asked for; until then there is no standby.
    pub fn tell_terms(&self) -> Result<(), Failure> {
        let sent = match &self.active {
            Some(zygote) => Message::new(Kind::Terms).send(zygote.control.raw(), &[]),
            None => Err(libc::ESRCH),
        };
        sent.map_err(|errno| start::os_error(errno, "sendmsg"))
    }

    /// The workers run another program than this one: functions of this program's own file mean nothing to them.
    pub fn helper(&self) -> bool {
        self.helper
    }

    /// The active zygote's pid and the standby's; 0 for one that is not there, or not yet known.
    pub fn pids(&self) -> [i32; 2] {
        [&self.active, &self.standby].map(|z| z.as_ref().map_or(0, |z| z.pid))
    }

    /// Has a worker forked; `Born` or `Refused` answers, unless the zygote is replaced. `Err` carries errno: there is
    /// no zygote, or the request could not be sent and may be tried again.
    pub fn ask(&mut self, worker: u16, incarnation: u32) -> Result<(), i32> {
        let active = self.active.as_ref().ok_or(libc::ESRCH)?;
        let (word, bit) = (worker as usize / 64, 1 << (worker % 64));
        let sent = match self.waiting.is_empty() {
            true => active.ask(worker, incarnation),
            false => Err(libc::EAGAIN),
        };
        if sent != Err(libc::EAGAIN) {
            return sent;
        }
        self.waiting.workers.get_mut(word).ok_or(libc::EINVAL).map(|bits| *bits |= bit)?;
        self.waiting.incarnations[worker as usize] = incarnation;
        Ok(())
    }

    /// Signals a worker, by its pidfd, else by its zygote, which knows that the number is still its child's.
    pub fn signal(&mut self, pid: i32, pidfd: Option<&Fd>, signal: i32) -> Result<(), i32> {
        if let Some(fd) = pidfd {
            return pidfd::send_signal(fd, signal);
        }
        let active = self.active.as_ref().ok_or(libc::ESRCH)?;
        Message { pid, value: signal, ..Message::new(Kind::Signal) }.send(active.control.raw(), &[])
    }

    /// What to watch: control and pidfd of the active zygote, pidfd of the standby, and its control where there are no
    /// pidfds; -1 for what there is not. They change in `receive` and `check` only.
    pub fn poll_fds(&self) -> [i32; 4] {
        let pidfd = |z: &Option<Zygote>| z.as_ref().and_then(|z| z.pidfd.as_ref()).map_or(-1, Fd::raw);
        let control = |z: &Option<Zygote>| z.as_ref().map_or(-1, |z| z.control.raw());
        let standby_control = if pidfd(&self.standby) < 0 { control(&self.standby) } else { -1 };
        [control(&self.active), pidfd(&self.active), pidfd(&self.standby), standby_control]
    }

    /// Hears all that the active zygote has said; never blocks. Call `check` after it: a dead zygote's socket stays
    /// readable.
    pub fn receive(&mut self, each: &mut dyn FnMut(Event)) {
        while let Some(active) = self.active.as_mut().filter(|z| !z.silent) {
            match Message::receive(active.control.raw()) {
                Ok((message, received)) => self.take(message, received, each),
                Err(Nothing::Foreign) => {}
                Err(Nothing::Yet) => break,
                Err(Nothing::Ever) => active.silent = true,
            }
        }
        self.ask_waiting();
    }

    fn take(&mut self, message: Message, received: Received, each: &mut dyn FnMut(Event)) {
        let Message { kind, worker, incarnation, pid, value, .. } = message;
        let [first, ..] = received.fds.map(|fd| fd.map(Fd::raise_high));
        match kind {
            Kind::Born => each(Event::Born { worker, incarnation, pid, pidfd: first }),
            Kind::Refused => each(Event::Refused { worker, incarnation, errno: value }),
            Kind::Exited => each(Event::Exited { pid, status: value }),
            // The active one, whose maker died before it could tell.
            Kind::Ready => Self::name(&mut self.active, pid, first),
            Kind::Standby if pid != 0 => Self::name(&mut self.standby, pid, first),
            Kind::Standby => {
                // Without its socket it is of no use: it sees the socket's end, leaves, and another one is made.
                let standby = first.map(|control| Zygote { control, pidfd: None, pid, child: false, silent: false });
                if let Some(before) = core::mem::replace(&mut self.standby, standby) {
                    before.bury();
                }
            }
            _ => {}
        }
    }

    fn name(nameless: &mut Option<Zygote>, pid: i32, pidfd: Option<Fd>) {
        if let Some(zygote) = nameless.as_mut().filter(|z| z.pid == 0) {
            (zygote.pid, zygote.pidfd) = (pid, pidfd);
        }
    }

    fn ask_waiting(&mut self) {
        let Some(active) = &self.active else {
            return;
        };
        while let Some((word, bits)) = self.waiting.workers.iter_mut().enumerate().find(|(_, bits)| **bits != 0) {
            let worker = word * 64 + bits.trailing_zeros() as usize;
            // Whatever stands in the way may pass: the request stays until it is sent.
            if active.ask(worker as u16, self.waiting.incarnations[worker]).is_err() {
                return;
            }
            *bits &= *bits - 1;
        }
    }

    /// Looks who is dead: after a zygote's pidfd or socket was readable.
    pub fn check(&mut self, each: &mut dyn FnMut(Event)) -> Health {
        if self.active.as_ref().is_some_and(|z| !z.is_dead()) {
            self.check_standby();
            return Health::Fine;
        }
        // What it still said, and with that perhaps its standby.
        self.receive(each);
        if let Some(dead) = self.active.take() {
            dead.bury();
        }
        self.waiting.workers = [0; MOST_WORKERS / 64];
        self.check_standby();
        let Some(next) = self.standby.take() else {
            return Health::Gone;
        };
        // If it dies before it reads this, its pidfd tells.
        let _ = Message::new(Kind::Activate).send(next.control.raw(), &[]);
        self.active = Some(next);
        Health::Replaced
    }

    fn check_standby(&mut self) {
        if let Some(dead) = self.standby.take_if(|z| z.is_dead()) {
            dead.bury();
        }
    }

    /// The program has closed the descriptors, and may have put others in their places: the zygotes see the end of
    /// their sockets and leave by themselves. Touches none of the numbers.
    pub fn abandon(mut self) {
        for z in [self.active.take(), self.standby.take()].into_iter().flatten() {
            z.control.into_raw();
            z.pidfd.map(Fd::into_raw);
            if z.child && process::wait_ended(z.pid, PATIENCE_NS / 1_000_000) {
                process::wait_child(z.pid);
            }
        }
    }

    /// The zygotes leave, and take along what workers there are; waits for them, and kills those that do not leave.
    pub fn end(self) {
        drop(self);
    }
}

impl Zygotes {
    /// Until it is known who the active zygote is, nobody can wait for its end.
    fn await_name(&mut self, deadline: u64) {
        while let Some(active) = self.active.as_ref().filter(|z| z.pid == 0 && !z.silent) {
            let left = deadline.saturating_sub(clock::now_ns()) / 1_000_000;
            if left == 0 || !poll::readable(active.control.raw(), left as i32) {
                return;
            }
            self.receive(&mut drop);
        }
    }
}

impl Drop for Zygotes {
    fn drop(&mut self) {
        let deadline = clock::now_ns() + PATIENCE_NS;
        self.await_name(deadline);
        // Both at once. A child that the program forked may have copies of the descriptors: closing would not do.
        [&self.active, &self.standby].into_iter().flatten().for_each(|z| socket::shut(z.control.raw()));
        for zygote in [self.active.take(), self.standby.take()].into_iter().flatten() {
            zygote.end(deadline);
        }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.workers.iter().all(|bits| *bits == 0)
    }
}

impl Zygote {
    fn ask(&self, worker: u16, incarnation: u32) -> Result<(), i32> {
        match (Message { worker, incarnation, ..Message::new(Kind::Spawn) }).send(self.control.raw(), &[]) {
            // It is dead; `check` will tell, and the request counts as unanswered.
            Err(libc::EPIPE | libc::ECONNRESET) => Ok(()),
            sent => sent,
        }
    }

    /// "Dead" is what its pidfd says, nothing else; where there is none, the end of its socket.
    fn is_dead(&self) -> bool {
        match &self.pidfd {
            Some(fd) => pidfd::is_dead(fd),
            None => self.silent || socket::has_ended(self.control.raw()),
        }
    }

    /// It is dead: waits for it if it is a child of this process. That an orphan is one happens as well, where this
    /// process is the first of a container.
    fn bury(self) {
        match &self.pidfd {
            Some(fd) => {
                pidfd::reap(fd);
            }
            None if self.child => {
                process::wait_child(self.pid);
            }
            None => {}
        }
    }

    /// It was told to leave: waits for it until the deadline, then kills it.
    fn end(self, deadline: u64) {
        let left = deadline.saturating_sub(clock::now_ns()) / 1_000_000;
        let left_by_itself = match &self.pidfd {
            Some(fd) => pidfd::wait_dead(fd, left as i32),
            None => self.wait_without_pidfd(left),
        };
        if !left_by_itself {
            match &self.pidfd {
                Some(fd) => drop(pidfd::send_signal(fd, libc::SIGKILL).map(|_| pidfd::wait_dead(fd, 1000))),
                None if self.child => drop(process::signal_child(self.pid, libc::SIGKILL)),
                None => return,
            }
        }
        self.bury();
    }

    /// A child is waited for by its number, which is its own until then.
    fn wait_without_pidfd(&self, milliseconds: u64) -> bool {
        self.pid == 0 // it does not exist, or leaves with the one that is making it
            || !self.child && process::wait_dead(self.pid, milliseconds)
            || self.child && process::wait_ended(self.pid, milliseconds)
    }
}
