//! Making the first zygote of a pool: by fork, or by running a program.
//!
//! Called by: `zygotes`, once for each pool. Never again: after the first, each zygote is made by another.
//!
//! | the process has                               | AUTO            | FORK                       | SPAWN   |
//! |-----------------------------------------------|-----------------|----------------------------|---------|
//! | one thread, or none but our service threads   | silent fork     | silent fork                | program |
//! | foreign threads                               | program, if any | glibc's fork, silent fork  | program |
//!
//! Always true:
//! - the zygote is not seen by the host's waitpid(-1) and sends it no SIGCHLD. One exception: with foreign threads,
//!   CF_START_FORK needs glibc's fork, as it alone brings malloc into a usable state in the child. That child makes the
//!   zygote and ends at once. Its SIGCHLD reaches the host, once, while the pool is created; it is waited for by its own
//!   number, and if the host's waitpid(-1) was faster, nothing is missing here;
//! - what the host has printed but not yet written is not written twice;
//! - a failure leaves nothing behind: no process, no descriptor.

use super::arena::Arena;
use super::messages::{Kind, Message, UNFIT_MAPPING, UNFIT_VERSION};
use super::program::{self, Call, Program};
use super::service::{self, Held};
use super::zygote::{self, Setup};
use crate::error::Failure;
use crate::status::Status;
use crate::sys::fd::{self, Fd};
use crate::sys::socket::{self, Nothing};
use crate::sys::{clock, loader, pidfd, poll, process, program as this_program, signals, spawn, stdio};
use core::ffi::CStr;
use core::ptr::null;

pub use super::enlist::worker_main;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Auto,
    Fork,
    Spawn,
}

/// The first zygote.
pub struct Started {
    pub control: Fd,
    pub pid: i32,
    pub pidfd: Option<Fd>,
    /// It is a child of this process.
    pub child: bool,
    /// The workers run another program.
    pub helper: bool,
}

/// A program with many libraries may take its time until main.
const PATIENCE_MS: u64 = 30_000;

pub fn start(method: Method, program: Option<&CStr>, arena: &Arena, bell: i32) -> Result<Started, Failure> {
    let quiet = if method == Method::Spawn { None } else { service::hold() };
    match method {
        Method::Fork => by_fork(arena, bell, quiet),
        Method::Auto if quiet.is_some() => by_fork(arena, bell, quiet),
        _ => by_program(&program::choose(program)?, arena, bell),
    }
}

/// Both ends of the control socket: the host's and the zygote's.
fn sockets() -> Result<(Fd, Fd), Failure> {
    let (ours, theirs) = socket::pair().map_err(|errno| os_error(errno, "socketpair"))?;
    Ok((ours.raise_high(), theirs.raise_high()))
}

/// `None` where the kernel has no pidfds.
fn own_pidfd() -> Result<Option<Fd>, Failure> {
    match pidfd::open(process::id()) {
        Ok(fd) => Ok(Some(fd.raise_high())),
        Err(libc::ENOSYS) => Ok(None),
        Err(errno) => Err(os_error(errno, "pidfd_open")),
    }
}

pub(super) fn os_error(errno: i32, what: &str) -> Failure {
    Failure::new(Status::CF_OS_ERROR, errno, format_args!("{what} failed with errno {errno}"))
}

fn by_fork(arena: &Arena, bell: i32, quiet: Option<Held>) -> Result<Started, Failure> {
    let (ours, theirs) = sockets()?;
    let host = own_pidfd()?;
    let host_pidfd = host.as_ref().map_or(-1, Fd::raw);
    let setup = Setup { base: arena.base(), size: arena.size(), bell, host: process::id(), host_pidfd };
    let child = quiet.is_some();
    if child {
        stdio::flush_all();
    } else {
        stdio::try_flush_stdout();
    }
    // No handler of the host runs in the child before its dispositions are reset.
    let blocked = signals::Blocked::all();
    let loader = loader::hold();
    // SAFETY: with `quiet`, all other threads are asleep or held; without, glibc's fork makes the child usable. The
    // child leaves by `exit_now`.
    let forked = unsafe {
        if child {
            process::fork_silent()
        } else {
            process::fork()
        }
    };
    if forked == Ok(0) {
        in_child(setup, theirs.raw(), !child);
    }
    drop((loader, blocked, quiet, theirs, host));
    let pid = forked.map_err(|errno| os_error(errno, "fork"))?;
    if !child {
        // If the host's waitpid(-1) was faster, the socket says how it went.
        match process::wait_child(pid) {
            None | Some(0) => {}
            Some(status) => return Err(os_error(status >> 8 & 0xff, "fork")),
        }
    }
    meet(ours, child.then_some(pid), false).map_err(|how| not_started(how, c"the process forked from this one"))
}

/// In the forked process: becomes the zygote, or makes it.
fn in_child(setup: Setup, control: i32, between: bool) -> ! {
    service::after_fork();
    loader::after_fork();
    fd::close_own_except(&[control, setup.bell, setup.host_pidfd]);
    if between {
        stdio::forget_stdout();
        // SAFETY: this process has one thread, and malloc is in order.
        match unsafe { process::fork_silent() } {
            Ok(0) => {}
            Ok(_) => process::exit_now(0),
            Err(errno) => process::exit_now(errno),
        }
    }
    zygote::run(setup, control)
}

fn by_program(program: &Program, arena: &Arena, bell: i32) -> Result<Started, Failure> {
    let (ours, theirs) = sockets()?;
    let host = own_pidfd()?;
    let call = Call { socket: theirs.raw(), nonce: this_program::nonce(), host: process::id(), attempt: 0 };
    let setup = Message {
        nonce: call.nonce,
        base: arena.base() as u64,
        size: arena.size() as u64,
        ..Message::new(Kind::Setup)
    };
    let fds = [arena.fd(), bell, host.as_ref().map_or(-1, Fd::raw)];
    let given = if host.is_some() { &fds[..] } else { &fds[..2] };
    setup.send(ours.raw(), given).map_err(|errno| os_error(errno, "sendmsg"))?;
    let entry = call.entry().ok_or(Status::CF_OS_ERROR)?;
    // SAFETY: that nobody changes the environment meanwhile is what every program with threads must promise.
    let envp = unsafe { program::environment(entry.as_cstr())? };
    let argv = [program.argv0(), null()];
    let path = program.path.as_cstr();
    let order = spawn::Order { path: path.as_ptr(), argv: argv.as_ptr(), envp: envp.as_ptr(), keep: theirs.raw() };
    // SAFETY: terminated strings and lists, all alive.
    unsafe { spawn::launch(&order) }.map_err(|errno| {
        let path = path.to_string_lossy();
        Failure::new(Status::CF_OS_ERROR, errno, format_args!("{path} cannot be run as a worker: errno {errno}"))
    })?;
    drop(theirs);
    meet(ours, None, program.helper).map_err(|how| not_started(how, path))
}

/// Why there is no zygote.
enum Missing {
    Ended,
    Late,
    Unfit { why: u16, errno: i32 },
}

/// Waits until the zygote says that it is ready. A child that does not is killed and waited for.
fn meet(control: Fd, child: Option<i32>, helper: bool) -> Result<Started, Missing> {
    let missing = match await_ready(&control) {
        Ok((pid, fd)) => {
            let pidfd = fd.map(Fd::raise_high);
            return Ok(Started { control, pid, pidfd, child: child.is_some(), helper });
        }
        Err(missing) => missing,
    };
    socket::shut(control.raw());
    if let Some(pid) = child {
        let _ = process::signal_child(pid, libc::SIGKILL);
        process::wait_child(pid);
    }
    Err(missing)
}

fn await_ready(control: &Fd) -> Result<(i32, Option<Fd>), Missing> {
    let deadline = clock::now_ns() + PATIENCE_MS * 1_000_000;
    loop {
        let left = deadline.saturating_sub(clock::now_ns()) / 1_000_000;
        if left == 0 || !poll::readable(control.raw(), left as i32) {
            return Err(Missing::Late);
        }
        match Message::receive(control.raw()) {
            Ok((m, received)) if m.kind == Kind::Ready => {
                return Ok((m.pid, received.fds.into_iter().next().flatten()))
            }
            Ok((m, _)) if m.kind == Kind::Unfit => return Err(Missing::Unfit { why: m.worker, errno: m.value }),
            Err(Nothing::Foreign) => return Err(Missing::Unfit { why: UNFIT_VERSION, errno: 0 }),
            Err(Nothing::Ever) => return Err(Missing::Ended),
            Ok(_) | Err(Nothing::Yet) => {}
        }
    }
}

fn not_started(how: Missing, who: &CStr) -> Failure {
    const ADVICE: &str = "a worker program calls cf_worker_main() first thing in main()";
    let who = who.to_string_lossy();
    let os_error = |errno, text| Failure::new(Status::CF_OS_ERROR, errno, text);
    match how {
        Missing::Ended => {
            os_error(libc::ECHILD, format_args!("{who} ended before it was ready to make workers; {ADVICE}"))
        }
        Missing::Late => {
            os_error(libc::ETIMEDOUT, format_args!("{who} was not ready to make workers in time; {ADVICE}"))
        }
        Missing::Unfit { why: UNFIT_VERSION, .. } => {
            let text = format_args!("{who} has another version of the library than this program");
            Failure::new(Status::CF_UNSUPPORTED, 0, text)
        }
        Missing::Unfit { why: UNFIT_MAPPING, errno } => os_error(
            errno,
            format_args!("{who} could not map the shared memory where this program has it: errno {errno}"),
        ),
        Missing::Unfit { errno, .. } => os_error(errno, format_args!("{who} could not make a zygote: errno {errno}")),
    }
}
