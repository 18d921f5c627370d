//! A zygote: a process with one thread that does nothing but fork workers, and keep a successor ready.
//!
//! Owns: in its own process, the control socket, its children, and their deaths.
//! Called by: `start`, in the process that it forked; `enlist`, in a program that the host spawned for this.
//!
//! ```text
//!   host ---- control socket ---- active zygote --- workers
//!     \                                \
//!      `----- its own socket ----- dormant standby      takes over on Activate, forks a standby of its own
//! ```
//!
//! Always true:
//! - it leaves, and with it all its workers, when the host is dead (a pidfd of the host, or the end of the socket)
//!   or shuts the socket down; a signal other than SIGKILL does not end it;
//! - no worker and no standby exists before this has the terms, of which all have a copy by being forked;
//! - a standby has no children; the active zygote has at most one standby, whose socket the host has before it exists;
//! - workers are killed by the kernel when their zygote ends, however it ends;
//! - it allocates nothing after its start, and takes no lock of the library.

use super::layout::MOST_WORKERS;
use super::messages::{Kind, Message};
use super::points::{point, Point};
use super::terms::{Room, Terms};
use super::view::View;
use super::worker::{self, WorkerSetup};
use crate::sys::fd::{self, Fd};
use crate::sys::{clock, eventfd, pidfd, poll, process, signals, socket};

/// Standbys are made at least this far apart, lest one that always dies keeps its maker busy.
const PAUSE_NS: u64 = 50_000_000;
/// Without a pidfd of the host, so often a zygote asks whether it is there.
const LOOK_MS: i32 = 500;
/// Living children: workers, and dead ones that are not yet waited for.
const MOST_CHILDREN: usize = 2 * MOST_WORKERS;

/// What the host gives each of its zygotes. Descriptors are numbers in the zygote's process.
pub struct Setup {
    pub base: *mut u8,
    pub size: usize,
    pub bell: i32,
    pub host: i32,
    /// -1 where the kernel has none.
    pub host_pidfd: i32,
}

struct Zygote {
    setup: Setup,
    room: Room,
    terms: Option<Terms>,
    control: i32,
    children_fd: i32,
    active: bool,
    /// 0 if there is none.
    standby: i32,
    standby_made_ns: u64,
    /// 0 marks a free place.
    workers: [i32; MOST_CHILDREN],
}

/// The first zygote of a pool: says that it is ready, then serves. For a process with one thread, all of whose signals
/// are blocked.
pub fn run(setup: Setup, control: i32) -> ! {
    signals::reset_all();
    process::set_name(c"cf-zygote");
    process::close_stdin();
    let children_fd = signals::child_fd().unwrap_or_else(|errno| unfit(control, errno)).into_raw();
    // SAFETY: the arena is mapped there, and stays mapped.
    let room = Room::reserve(&unsafe { View::new(setup.base, MOST_WORKERS) });
    let Ok(room) = room else { unfit(control, libc::ENOMEM) };
    let (active, standby, standby_made_ns) = (true, 0, 0);
    let workers = [0; MOST_CHILDREN];
    let mut zygote =
        Zygote { setup, room, terms: None, control, children_fd, active, standby, standby_made_ns, workers };
    #[cfg(feature = "failpoints")]
    // SAFETY: the arena is mapped there, and stays mapped.
    super::points::arm(unsafe { View::new(zygote.setup.base, MOST_WORKERS) }.control());
    zygote.introduce();
    zygote.serve()
}

/// It lacks what it needs, and says so.
fn unfit(control: i32, errno: i32) -> ! {
    let why = super::messages::UNFIT_SYSTEM;
    let _ = Message { worker: why, value: errno, ..Message::new(Kind::Unfit) }.send(control, &[]);
    process::exit_now(1)
}

impl Zygote {
    fn introduce(&mut self) {
        let me = process::id();
        self.say(Message { pid: me, ..Message::new(Kind::Ready) }, &[], pidfd::open(me).ok());
    }

    fn serve(&mut self) -> ! {
        loop {
            let wait = self.keep_standby();
            let mut news = [
                poll::entry(self.control, poll::POLLIN | poll::POLLRDHUP),
                poll::entry(self.setup.host_pidfd, poll::POLLIN),
                poll::entry(self.children_fd, poll::POLLIN),
            ];
            poll::wait(&mut news, wait);
            // A socket that was shut down may still hold requests: they are void.
            if news[0].revents & (poll::POLLHUP | poll::POLLRDHUP) != 0 || self.host_is_dead(news[1].revents != 0) {
                self.leave();
            }
            if news[2].revents != 0 {
                self.bury();
            }
            if news[0].revents != 0 {
                self.obey();
            }
        }
    }

    fn host_is_dead(&self, by_pidfd: bool) -> bool {
        by_pidfd || self.setup.host_pidfd < 0 && process::is_gone(self.setup.host)
    }

    /// The active zygote makes its standby, if it has none and the last one is some time past, and the terms are there for
    /// it. How long to wait for news: until the next attempt, or for ever.
    fn keep_standby(&mut self) -> i32 {
        let idle = if self.setup.host_pidfd < 0 { LOOK_MS } else { -1 };
        if !self.active || self.standby != 0 || self.terms.is_none() {
            return idle;
        }
        let since = clock::now_ns() - self.standby_made_ns;
        if self.standby_made_ns != 0 && since < PAUSE_NS {
            return ((PAUSE_NS - since) / 1_000_000) as i32 + 1;
        }
        self.standby_made_ns = clock::now_ns();
        self.make_standby();
        match (self.active, self.standby) {
            (true, 0) => (PAUSE_NS / 1_000_000) as i32,
            _ => idle,
        }
    }

    /// Forks the standby and hands its socket to the host. In the child this process is the standby when it returns.
    ///
    /// The host has the socket before there is a standby: should this process die in between, it can be activated
    /// nevertheless, and if there is none the socket is at its end.
    fn make_standby(&mut self) {
        let Ok((theirs, ours)) = socket::pair() else {
            return;
        };
        self.say(Message::new(Kind::Standby), &[theirs.raw()], None);
        point(Point::Promise);
        // SAFETY: a zygote has one thread, and leaves by `exit_now`.
        match unsafe { process::fork() } {
            Ok(0) => {
                drop(theirs);
                fd::close(self.control);
                self.control = ours.into_raw();
                self.active = false;
                self.workers = [0; MOST_CHILDREN];
            }
            Ok(pid) => {
                self.standby = pid;
                point(Point::Heir);
                drop(ours);
                drop(theirs);
                self.say(Message { pid, ..Message::new(Kind::Standby) }, &[], pidfd::open(pid).ok());
            }
            Err(_) => {}
        }
    }

    /// Waits for the children that have ended, and reports the workers among them.
    fn bury(&mut self) {
        signals::drain(self.children_fd);
        while let Some((pid, status)) = process::reap_any(false) {
            if pid == self.standby {
                self.standby = 0;
                continue;
            }
            if let Some(place) = self.workers.iter_mut().find(|w| **w == pid) {
                *place = 0;
            }
            self.say(Message { pid, value: status, ..Message::new(Kind::Exited) }, &[], None);
        }
    }

    /// Takes one message; other news come between two of them.
    fn obey(&mut self) {
        let message = match Message::receive(self.control) {
            Ok((message, _)) => message,
            Err(socket::Nothing::Yet) => return,
            Err(_) => self.leave(),
        };
        match message.kind {
            Kind::Activate => {
                self.active = true;
                // The one before may have died before it could say who this is.
                self.introduce();
            }
            Kind::Terms => self.take_terms(),
            Kind::Spawn => self.spawn(message.worker, message.incarnation),
            // Only its own children that are not yet waited for: their numbers cannot be anybody else's.
            Kind::Signal if self.workers.contains(&message.pid) && message.pid > 0 => {
                let _ = process::signal_child(message.pid, message.value);
            }
            _ => {}
        }
    }

    fn take_terms(&mut self) {
        // SAFETY: the arena is mapped there, and stays mapped; the host says this before it asks for the first worker.
        self.terms = Some(unsafe { self.room.copy(&View::new(self.setup.base, MOST_WORKERS)) });
    }

    fn spawn(&mut self, worker: u16, incarnation: u32) {
        let me = process::id();
        let place = self.workers.iter().position(|w| *w == 0);
        let forked = match (place, self.terms) {
            // SAFETY: a zygote has one thread; `worker::main` does not return.
            (Some(_), Some(terms)) => unsafe { process::fork() }.map(|pid| (pid, terms)),
            _ => Err(libc::EAGAIN),
        };
        let about = Message { worker, incarnation, ..Message::new(Kind::Born) };
        match forked {
            Ok((0, terms)) => self.become_worker(worker, incarnation, me, terms),
            Ok((pid, _)) => {
                place.into_iter().for_each(|i| self.workers[i] = pid);
                self.say(Message { pid, ..about }, &[], pidfd::open(pid).ok());
            }
            Err(errno) => self.say(Message { kind: Kind::Refused, value: errno, ..about }, &[], None),
        }
    }

    fn become_worker(&mut self, index: u16, incarnation: u32, zygote: i32, terms: Terms) -> ! {
        // First of all, as the end of the zygote's socket may be how its death is seen.
        for unneeded in [self.control, self.children_fd, self.setup.host_pidfd] {
            fd::disown(unneeded);
            fd::close(unneeded);
        }
        // It may have ended before the kernel knew that this process is to follow it.
        if !process::die_with_parent(zygote) {
            process::exit_now(1);
        }
        signals::ignore_keyboard();
        signals::unblock_all();
        let Setup { base, size, bell, .. } = self.setup;
        worker::main(WorkerSetup { base, size, index, incarnation, bell, zygote, terms })
    }

    /// Tells the host, waiting until there is room; leaves when it is dead.
    fn say(&mut self, message: Message, fds: &[i32], and: Option<Fd>) {
        let mut all = [-1; socket::MOST_FDS];
        let mut n = fds.len();
        all[..n].copy_from_slice(fds);
        if let Some(and) = &and {
            all[n] = and.raw();
            n += 1;
        }
        loop {
            match message.send(self.control, &all[..n]) {
                Ok(()) => return,
                Err(libc::EAGAIN) => self.wait_for_room(),
                Err(libc::ENOBUFS | libc::ENOMEM) => {
                    process::sleep_ms(1);
                    self.wait_for_room();
                }
                // Too many descriptors are on their way; a message without its pidfd is still of use.
                Err(libc::ETOOMANYREFS) if n > fds.len() => n = fds.len(),
                Err(libc::ETOOMANYREFS) => return,
                Err(_) => self.leave(),
            }
        }
    }

    fn wait_for_room(&mut self) {
        let idle = if self.setup.host_pidfd < 0 { LOOK_MS } else { -1 };
        let mut news = [poll::entry(self.control, poll::POLLOUT), poll::entry(self.setup.host_pidfd, poll::POLLIN)];
        poll::wait(&mut news, idle);
        if self.host_is_dead(news[1].revents != 0) {
            self.leave();
        }
    }

    /// Takes all children along, so that nothing is left when the host has seen the end of this process.
    fn leave(&mut self) -> ! {
        for pid in self.workers.iter().chain([&self.standby]).filter(|pid| **pid > 0) {
            let _ = process::signal_child(*pid, libc::SIGKILL);
        }
        while process::reap_any(true).is_some() {}
        // Of a host that has closed its descriptors this is the last that it hears.
        eventfd::raise(self.setup.bell);
        process::exit_now(0)
    }
}
