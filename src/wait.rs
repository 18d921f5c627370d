//! Waiting for one future, for all, or for the first of several.
//!
//! Called by: results, `cf_wait`, maps. Built on two verbs of a future: look, and be told once.
//!
//! Inside a task a wait without limit first runs what it waits for, if that is still pending (only that, never
//! another task), so a pool cannot starve itself; then it is judged (`deadlock`) before it sleeps.

use crate::claims::Claims;
use crate::deadlock::{Blocked, Manner, Stir, WaitSet};
use crate::executor::{self, Executor, WaiterView, NO_EXECUTOR};
use crate::fork::Handle;
use crate::future::cf_future;
use crate::future::ext::Callback;
use crate::future::watch::{Entry, Watcher};
use crate::future::word::{self, FAILED, FINISHED, PENDING, RUNNING};
use crate::mem;
use crate::runner::{self, Runner};
use crate::status::{Result, Status};
use crate::sync::{self, spin_hint, yield_now, AtomicU32, Ordering::*, Sleepers};
use crate::time::Deadline;

/// Looks at a running task so many times before sleeping: about two microseconds.
const SPINS: u32 = 60;

/// How often a thread lets others go first, instead of sleeping.
const YIELDS: u32 = 4;

/// Keeps a future alive while a thread sleeps on it, whoever releases it meanwhile.
struct Kept(&'static cf_future);

impl Kept {
    fn new(f: &'static cf_future) -> Kept {
        f.retain();
        Kept(f)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the reference taken in `new`.
        unsafe { cf_future::drop_ref(self.0) };
    }
}

/// The state once it is done; `CF_TIMEOUT` or `CF_DEADLOCK` if it is not to be awaited.
#[inline]
pub fn until_done(f: &'static cf_future, deadline: Deadline) -> Result<u64> {
    let state = f.look();
    if state >= FINISHED {
        return Ok(state);
    }
    until_done_slowly(f, deadline)
}

#[cold]
fn until_done_slowly(f: &'static cf_future, deadline: Deadline) -> Result<u64> {
    if deadline.has_passed() {
        return if has_come(f) { Ok(f.look()) } else { Err(Status::CF_TIMEOUT) };
    }
    if let Some(state) = waiter_in_task(deadline).and_then(|runner| run_here(f, runner)) {
        return Ok(state);
    }
    let _kept = Kept::new(f);
    sleep_until_done(f, WaitSet::One(f), deadline, false)?;
    Ok(f.look())
}

/// For a deadline that has passed: is it done? What has come from another process counts, though another thread may be
/// about to publish it here.
fn has_come(f: &cf_future) -> bool {
    while !f.is_done() {
        if !f.is_being_fetched() {
            return f.is_done(); // it may have been published between the two looks
        }
        yield_now();
    }
    true
}

/// This thread's runner, if it waits inside a task and without limit.
pub fn waiter_in_task(deadline: Deadline) -> Option<&'static Runner> {
    runner::existing().filter(|r| deadline.is_never() && r.is_in_pool())
}

/// Runs a pending future on this thread's stack, if its executor allows it and the stack has room; the state that it
/// has then.
pub fn run_here(f: &'static cf_future, runner: &Runner) -> Option<u64> {
    let id = f.executor();
    if f.look() != PENDING || id == NO_EXECUTOR || !runner.has_stack() {
        return None;
    }
    let waiter = WaiterView::of(runner);
    if waiter.executor == id {
        let seat = runner.seat().filter(|s| s.pool().claimable(waiter))?;
        return seat.claim(f, runner).then(|| f.run(runner));
    }
    run_as_guest(f, id, waiter, runner)
}

/// `run_here` of a task of another pool's.
#[cold]
fn run_as_guest(f: &'static cf_future, id: u16, waiter: WaiterView, runner: &Runner) -> Option<u64> {
    executor::as_guest(id, true, |e| {
        (e.is_some_and(|e| e.kind().claimable(waiter)) && f.claim(runner)).then(|| f.run(runner))
    })
}

/// Sleeps until this one is done. `set` is what the whole wait is for; a firm one cannot give up.
fn sleep_until_done(f: &'static cf_future, set: WaitSet, deadline: Deadline, firm: bool) -> Result<()> {
    (0..SPINS).take_while(|_| f.look() == RUNNING).for_each(|_| spin_hint());
    if f.is_done() || come_by_yielding(f) {
        return Ok(());
    }
    let stir = Stir { what: (f as *const cf_future).cast(), how: stir_future };
    let blocked = Blocked::enter(set, deadline, Manner { stir: Some(stir), can_claim: false, firm })?;
    loop {
        let w = f.begin_sleep();
        // Of a far future the look may fetch the outcome.
        if word::is_done(w) || f.is_done() {
            return Ok(());
        }
        if blocked.is_doomed() {
            return Err(Status::CF_DEADLOCK);
        }
        if !f.sleep(w, deadline) && !f.is_done() {
            return Err(Status::CF_TIMEOUT);
        }
    }
}

/// With a backlog, a thread that takes results in order and sleeps on each in turn is woken for each, by a worker that
/// loses its processor to it. It lets the workers go on instead, and finds many results at once.
fn come_by_yielding(f: &cf_future) -> bool {
    let is_behind = || executor::lookup(f.executor()).is_some_and(|e| e.kind().is_behind());
    for _ in 0..YIELDS {
        if !is_behind() {
            return false;
        }
        yield_now();
        if f.is_done() {
            return true;
        }
    }
    false
}

unsafe fn stir_future(what: *const ()) {
    // SAFETY: the waiter keeps the future while its wait is published.
    unsafe { (*what.cast::<cf_future>()).stir() };
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    AllCompleted,
    FirstCompleted,
    FirstException,
}

/// Checks an array of handles that came from C.
pub fn check(futures: &[*mut cf_future]) -> Result<()> {
    for f in futures {
        // SAFETY: not NULL is a handle, by the caller's promise.
        match unsafe { f.as_ref() } {
            None => return Err(Status::CF_INVALID_ARGUMENT),
            Some(f) if f.foreign() => return Err(Status::CF_FORKED),
            Some(_) => {}
        }
    }
    Ok(())
}

/// # Safety
/// The array holds handles that stay valid; `done` is NULL or has as many places, `count` is NULL or writable.
pub unsafe fn wait(
    futures: &[*mut cf_future],
    deadline: Deadline,
    when: ReturnWhen,
    done: *mut bool,
    count: *mut usize,
) -> Result<()> {
    check(futures)?;
    let result = match when {
        ReturnWhen::AllCompleted => all(futures, deadline, false),
        _ => first(futures, deadline, when == ReturnWhen::FirstException),
    };
    if matches!(result, Ok(()) | Err(Status::CF_TIMEOUT)) {
        let mut n = 0;
        for (i, f) in futures.iter().enumerate() {
            // SAFETY: checked above; places for every future.
            unsafe {
                let is = (**f).is_done();
                n += is as usize;
                if !done.is_null() {
                    done.add(i).write(is);
                }
            }
        }
        if !count.is_null() {
            // SAFETY: the caller's promise.
            unsafe { count.write(n) };
        }
    }
    result
}

/// Waits for all, the last one first: most others are done by then, so there are few sleeps and no allocation.
/// The handles were checked by the caller.
pub fn all(futures: &[*mut cf_future], deadline: Deadline, firm: bool) -> Result<()> {
    let runner = waiter_in_task(deadline);
    if let Some(runner) = runner {
        for f in futures {
            // SAFETY: checked by the caller.
            run_here(unsafe { &**f }, runner);
        }
    }
    for f in futures.iter().rev() {
        // SAFETY: as above.
        let f: &'static cf_future = unsafe { &**f };
        if !f.is_done() {
            if deadline.has_passed() {
                match has_come(f) {
                    true => continue,
                    false => return Err(Status::CF_TIMEOUT),
                }
            }
            let _kept = Kept::new(f);
            sleep_until_done(f, WaitSet::All(futures.as_ptr(), futures.len()), deadline, firm)?;
        }
    }
    Ok(())
}

/// A wait for the first of several: told by each, sleeps on one word.
#[repr(C)]
struct First {
    watcher: Watcher,
    refs: AtomicU32,
    /// Lowest bit: it is over; the rest counts the stirs.
    signal: AtomicU32,
    left: AtomicU32,
    sleepers: Sleepers,
    only_failures: bool,
    /// The waiter is judged: it must look again when a branch has ended that does not end the wait.
    judged: bool,
}

const OVER: u32 = 1;

impl First {
    /// Told by a finisher; `index` is the future's address.
    unsafe fn notify(this: *const Watcher, index: usize) {
        let this = this.cast::<First>();
        // SAFETY: the registration's reference keeps it; the finisher keeps the future.
        unsafe {
            let f = &*core::ptr::with_exposed_provenance::<cf_future>(index);
            (*this).one_done(f.look());
            First::release(this);
        }
    }

    fn one_done(&self, state: u64) {
        let hit = !self.only_failures || state == FAILED;
        let last = self.left.fetch_sub(1, AcqRel) == 1;
        // Release: pairs with the waiter's Acquire.
        let rings = if hit || last {
            self.signal.fetch_or(OVER, Release) & OVER == 0
        } else {
            self.judged && self.signal.fetch_add(2, Release) & OVER == 0
        };
        if rings {
            self.sleepers.wake_all(sync::address(&self.signal));
        }
    }

    unsafe fn stir(this: *const ()) {
        // SAFETY: the waiter keeps it while its wait is published.
        let this = unsafe { &*this.cast::<First>() };
        this.signal.fetch_add(2, Release);
        this.sleepers.wake_all(sync::address(&this.signal));
    }

    unsafe fn release(this: *const First) {
        // SAFETY: the caller owns a reference.
        unsafe {
            if (*this).refs.fetch_sub(1, AcqRel) == 1 {
                mem::free(this.cast_mut());
            }
        }
    }
}

fn first(futures: &[*mut cf_future], deadline: Deadline, only_failures: bool) -> Result<()> {
    // SAFETY: checked by the caller, here and below.
    let at = |i: usize| -> &'static cf_future { unsafe { &*futures[i] } };
    let states = || (0..futures.len()).map(|i| at(i).look());
    let over = || states().all(|s| s >= FINISHED) || states().any(|s| s == FAILED || s >= FINISHED && !only_failures);
    if futures.is_empty() || over() {
        return Ok(());
    }
    let n = futures.len();
    if deadline.has_passed() {
        let come = (0..n).filter(|i| has_come(at(*i))).count();
        return if come > 0 && over() { Ok(()) } else { Err(Status::CF_TIMEOUT) };
    }
    let mut watches: Vec<(&'static cf_future, *const Entry<Callback>)> = Vec::new();
    watches.try_reserve_exact(n).map_err(|_| Status::CF_NO_MEMORY)?;
    let block = mem::try_new(First {
        watcher: Watcher { notify: First::notify },
        refs: AtomicU32::new(1),
        signal: AtomicU32::new(0),
        left: AtomicU32::new(u32::try_from(n).map_err(|_| Status::CF_NO_MEMORY)?),
        sleepers: Sleepers::new(),
        only_failures,
        judged: waiter_in_task(deadline).is_some(),
    })?
    .as_ptr();
    // SAFETY: this thread's reference keeps the block until the end.
    let result = unsafe {
        let mut result = Ok(());
        for i in 0..n {
            match register(at(i), block) {
                Ok(Some(entry)) => watches.push((at(i), entry)),
                Ok(None) => (*block).one_done(at(i).look()),
                Err(e) => {
                    result = Err(e);
                    break;
                }
            }
        }
        result.and_then(|()| sleep_until_over(&*block, futures, deadline))
    };
    for (f, entry) in watches {
        // SAFETY: the reference taken in `register` keeps the entry; a watch that was withdrawn gives its own back.
        unsafe {
            if (*entry).withdraw(block.cast()) {
                First::release(block);
            }
            cf_future::drop_ref(f);
        }
    }
    // SAFETY: this thread's own.
    unsafe { First::release(block) };
    result
}

/// Registers the block with a future and keeps the future; none if it is done.
unsafe fn register(f: &'static cf_future, block: *mut First) -> Result<Option<*const Entry<Callback>>> {
    f.retain();
    // SAFETY: the caller's reference keeps the block.
    unsafe { (*block).refs.fetch_add(1, Relaxed) };
    let watched = watch(f, block.cast(), (f as *const cf_future).expose_provenance());
    if !matches!(watched, Ok(Some(_))) {
        // SAFETY: the references taken above.
        unsafe {
            First::release(block);
            cf_future::drop_ref(f);
        }
    }
    watched
}

/// "Be told once when it is done." None if it is done already; else the entry through which the watch is withdrawn.
pub fn watch(f: &cf_future, watcher: *mut Watcher, index: usize) -> Result<Option<*const Entry<Callback>>> {
    match f.begin_watching()? {
        Some(ext) => ext.watch(watcher, index),
        None => Ok(None),
    }
}

fn sleep_until_over(block: &First, futures: &[*mut cf_future], deadline: Deadline) -> Result<()> {
    let mut claims = Claims::new(deadline);
    loop {
        // Acquire: pairs with the Release of whoever says that it is over.
        let signal = block.signal.load(Acquire);
        if signal & OVER != 0 {
            return Ok(());
        }
        let stir = Stir { what: (block as *const First).cast(), how: First::stir };
        let (p, n) = (futures.as_ptr(), futures.len());
        let set = if block.only_failures { WaitSet::FirstFailure(p, n) } else { WaitSet::Any(p, n) };
        let blocked = match Blocked::enter(set, deadline, claims.manner(stir)) {
            Err(Status::CF_WOULD_BLOCK) => {
                claims.run_one_of(futures);
                continue;
            }
            other => other?,
        };
        if blocked.is_doomed() {
            return Err(Status::CF_DEADLOCK);
        }
        // SAFETY: the caller's reference keeps the block.
        let in_time = unsafe {
            let unchanged = || block.signal.load(Relaxed) == signal;
            block.sleepers.wait(sync::address(&block.signal), signal, unchanged, deadline)
        };
        if !in_time && block.signal.load(Acquire) & OVER == 0 {
            return Err(Status::CF_TIMEOUT);
        }
    }
}
