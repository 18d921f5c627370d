//! The worker program's side of a spawned pool: finds out that it is to serve, takes over the host's memory at the
//! host's address, and becomes the pool's first zygote.
//!
//! Called by: `cf_worker_main()`, first thing in main, in the program itself and in the helper.
//!
//! Always true:
//! - an ordinary process returns at once; the variable is gone then, so that no child of this process serves by mistake;
//! - who calls must be who made the socket, and know the nonce;
//! - the memory is mapped before anything else that could take its place; if it is taken, the program starts anew,
//!   and the kernel lays it out anew;
//! - a host of another version of the library is refused, and told so.

use super::layout::{Control, MAGIC};
use super::messages::{Kind, Message, UNFIT_MAPPING, UNFIT_SYSTEM, UNFIT_VERSION};
use super::program::{Call, VARIABLE};
use super::zygote::{self, Setup};
use crate::sync::{AtomicBool, Ordering::Relaxed};
use crate::sys::fd::{self, Fd};
use crate::sys::memfd::Memfd;
use crate::sys::socket::{self, Nothing, Received};
use crate::sys::{poll, process, program, signals, spawn};

/// This program calls cf_worker_main(): it can be started as a worker. Relaxed: a fact, nothing hangs on it.
static HAS_RUN: AtomicBool = AtomicBool::new(false);

/// How often the program starts anew before it gives up.
const ATTEMPTS: u32 = 8;
const PATIENCE_MS: i32 = 10_000;

pub fn has_run() -> bool {
    HAS_RUN.load(Relaxed)
}

/// Returns at once in an ordinary process, and not at all in one that the host of a pool has started.
pub fn worker_main() {
    HAS_RUN.store(true, Relaxed);
    let Some(value) = program::env(VARIABLE) else {
        return;
    };
    let call = Call::parse(value);
    program::unset_env(VARIABLE);
    if let Some(call) = call.filter(|c| socket::peer_pid(c.socket) == Some(c.host)) {
        fd::inherit(call.socket, false);
        serve(call);
    }
}

fn serve(call: Call) -> ! {
    poll::readable(call.socket, PATIENCE_MS);
    // It stays in the socket until the memory is mapped: a new start finds it there.
    let (message, received) = match Message::peek(call.socket) {
        Ok(setup) if setup.0.kind == Kind::Setup && setup.0.nonce == call.nonce => setup,
        Err(Nothing::Foreign) => refuse(&call, UNFIT_VERSION, 0),
        _ => process::exit_now(1),
    };
    let setup = map(&call, &message, received);
    // The message itself, with its own copies of the descriptors.
    let _ = Message::receive(call.socket);
    core::mem::forget(signals::Blocked::all());
    let control = Fd::from_raw(call.socket).raise_high().into_raw();
    zygote::run(setup, control)
}

fn map(call: &Call, message: &Message, received: Received) -> Setup {
    let [memory, bell, host_pidfd, _] = received.fds;
    let (Some(memory), Some(bell)) = (memory, bell) else {
        refuse(call, UNFIT_SYSTEM, libc::EMFILE);
    };
    let (base, size) = (message.base as usize, message.size as usize);
    let memory = Memfd::from_raw(memory.into_raw());
    let base = match memory.map_at(base, size) {
        Ok(base) => base.as_ptr(),
        Err(libc::EEXIST) if call.attempt < ATTEMPTS => start_anew(call),
        Err(errno) => refuse(call, UNFIT_MAPPING, errno),
    };
    // SAFETY: the fixed part of the memory lies at its start, and was written before the host called.
    if size < size_of::<Control>() || unsafe { (*base.cast::<Control>()).magic } != MAGIC {
        refuse(call, UNFIT_VERSION, 0);
    }
    let host_pidfd = host_pidfd.map_or(-1, |fd| fd.raise_high().into_raw());
    Setup { base, size, bell: bell.raise_high().into_raw(), host: call.host, host_pidfd }
}

/// Something of this process lies where the host's memory is to be: another layout, another chance.
fn start_anew(call: &Call) -> ! {
    let next = Call { attempt: call.attempt + 1, ..*call };
    if next.value().is_some_and(|value| program::set_env(VARIABLE, value.as_cstr())) {
        fd::inherit(call.socket, true);
        // SAFETY: libc's own name and environment of this program; this process has one thread.
        let errno = unsafe { spawn::again(program::argv0(), program::environ()) };
        refuse(call, UNFIT_MAPPING, errno);
    }
    refuse(call, UNFIT_MAPPING, libc::ENOMEM)
}

fn refuse(call: &Call, why: u16, errno: i32) -> ! {
    let _ = Message { worker: why, value: errno, ..Message::new(Kind::Unfit) }.send(call.socket, &[]);
    process::exit_now(1)
}
