//! The completion queue: futures from anywhere, handed out as they end, with a descriptor for event loops.
//!
//! Owns: one entry per future that was added: the tag, a reference to the future, a watch.
//! Called by: the C interface, the graph of waits.
//!
//! Always true: an entry is in `pending` until its future has ended, then in `ready` until it is handed out;
//! the tag's destroy function runs only if the tag is never handed out, and never under the lock; the
//! descriptor is readable exactly while an entry is ready or the queue is closed.

use crate::claims::Claims;
use crate::deadlock::{Blocked, Stir, WaitSet, MOST_BRANCHES};
use crate::fork::{self, Handle};
use crate::future::cf_future;
use crate::future::watch::Watcher;
use crate::hook::Hook;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{self, yield_now, AtomicU32, Lock, Ordering::*, Sleepers};
use crate::sys::eventfd::EventFd;
use crate::time::Deadline;
use crate::wait;
use core::ffi::c_void;
use core::ptr::null_mut;

/// A queue of ended futures; opaque to C.
pub struct cf_completion_queue {
    epoch: u64,
    inner: Lock<Inner>,
    /// Changes when there is something to look at; what consumers sleep on.
    signal: AtomicU32,
    sleepers: Sleepers,
}

struct Inner {
    pending: List,
    ready: List,
    closed: bool,
    waiting: u32,
    /// Made when first asked for.
    fd: Option<EventFd>,
}

#[repr(C)]
struct Entry {
    watcher: Watcher,
    queue: *const cf_completion_queue,
    future: *mut cf_future,
    tag: Hook,
    previous: *mut Entry,
    next: *mut Entry,
}

/// A doubly linked list, so that an entry leaves the middle in O(1).
struct List {
    first: *mut Entry,
    last: *mut Entry,
}

// SAFETY: entries are touched under the lock, or by the one thread that has taken them out.
unsafe impl Send for Inner {}

impl Handle for cf_completion_queue {
    fn foreign(&self) -> bool {
        self.epoch != fork::epoch()
    }
}

impl List {
    const EMPTY: List = List { first: null_mut(), last: null_mut() };

    unsafe fn push(&mut self, e: *mut Entry) {
        // SAFETY: under the lock; `e` is in no list.
        unsafe {
            ((*e).previous, (*e).next) = (self.last, null_mut());
            match self.last.as_mut() {
                Some(last) => last.next = e,
                None => self.first = e,
            }
        }
        self.last = e;
    }

    unsafe fn remove(&mut self, e: *mut Entry) {
        // SAFETY: under the lock; `e` is in this list.
        unsafe {
            match (*e).previous.as_mut() {
                Some(p) => p.next = (*e).next,
                None => self.first = (*e).next,
            }
            match (*e).next.as_mut() {
                Some(n) => n.previous = (*e).previous,
                None => self.last = (*e).previous,
            }
        }
    }

    unsafe fn pop(&mut self) -> Option<*mut Entry> {
        let e = self.first;
        if e.is_null() {
            return None;
        }
        // SAFETY: the first of this list.
        unsafe { self.remove(e) };
        Some(e)
    }

    fn iter(&self) -> impl Iterator<Item = *mut Entry> {
        let mut at = self.first;
        core::iter::from_fn(move || {
            let e = at;
            // SAFETY: under the lock.
            at = unsafe { e.as_ref() }?.next;
            Some(e)
        })
    }
}

impl Inner {
    fn show(&self) {
        if let Some(fd) = &self.fd {
            fd.raise();
        }
    }

    fn hide_if_empty(&self) {
        if let Some(fd) = self.fd.as_ref().filter(|_| self.ready.first.is_null() && !self.closed) {
            fd.lower();
        }
    }
}

impl cf_completion_queue {
    pub fn new() -> Result<*mut cf_completion_queue> {
        let inner = Inner { pending: List::EMPTY, ready: List::EMPTY, closed: false, waiting: 0, fd: None };
        let queue = cf_completion_queue {
            epoch: fork::enter(),
            inner: Lock::new(inner),
            signal: AtomicU32::new(0),
            sleepers: Sleepers::new(),
        };
        Ok(mem::try_new(queue)?.as_ptr())
    }

    /// The entry takes a reference to the future. A future that is done already is ready at once.
    pub fn add(&self, f: &cf_future, tag: Hook) -> Result<()> {
        let entry = mem::try_new(Entry {
            watcher: Watcher { notify: Entry::notify },
            queue: self,
            future: f as *const cf_future as *mut cf_future,
            tag,
            previous: null_mut(),
            next: null_mut(),
        })?
        .as_ptr();
        f.retain();
        {
            let mut inner = self.inner.lock();
            if inner.closed {
                drop(inner);
                // SAFETY: seen by nobody; its tag is destroyed.
                unsafe { Entry::free(entry) };
                return Err(Status::CF_SHUTDOWN);
            }
            // SAFETY: under the lock, in no list yet.
            unsafe { inner.pending.push(entry) };
        }
        // From here on the finisher may move it, and a consumer free it.
        match wait::watch(f, entry.cast(), 0) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                // SAFETY: done before it was registered: this thread tells.
                unsafe { self.move_to_ready(entry) };
                Ok(())
            }
            Err(e) => {
                let mut inner = self.inner.lock();
                // SAFETY: nobody was told of it; it is in the list.
                unsafe {
                    inner.pending.remove(entry);
                    drop(inner);
                    Entry::free(entry);
                }
                Err(e)
            }
        }
    }

    unsafe fn move_to_ready(&self, entry: *mut Entry) {
        let mut inner = self.inner.lock();
        // SAFETY: pending until now, and only its one finisher moves it.
        unsafe {
            inner.pending.remove(entry);
            inner.ready.push(entry);
        }
        inner.show();
        if inner.waiting > 0 {
            self.signal.fetch_add(1, Release);
            // Under the lock: `free` waits for it, so the queue cannot go between the push and the wake.
            self.sleepers.wake_one(sync::address(&self.signal));
        }
    }

    /// The next that has ended: a reference and the tag are the caller's.
    pub fn next(&self, deadline: Deadline) -> Result<(*mut cf_future, *mut c_void)> {
        let mut claims = Claims::new(deadline);
        loop {
            let signal = {
                let mut inner = self.inner.lock();
                // SAFETY: under the lock.
                if let Some(entry) = unsafe { inner.ready.pop() } {
                    inner.hide_if_empty();
                    drop(inner);
                    // SAFETY: out of every list: this thread's own.
                    return Ok(unsafe { Entry::hand_out(entry) });
                }
                if inner.closed {
                    return Err(Status::CF_END);
                }
                if deadline.has_passed() {
                    return Err(Status::CF_TIMEOUT);
                }
                inner.waiting += 1;
                self.signal.load(Relaxed)
            };
            let slept = self.sleep(signal, deadline, &claims);
            self.inner.lock().waiting -= 1;
            match slept {
                Err(Status::CF_WOULD_BLOCK) => self.run_one(&mut claims),
                other => other?,
            }
        }
    }

    fn sleep(&self, signal: u32, deadline: Deadline, claims: &Claims) -> Result<()> {
        let stir = Stir { what: (self as *const cf_completion_queue).cast(), how: cf_completion_queue::stir };
        let blocked = Blocked::enter(WaitSet::Queue(self), deadline, claims.manner(stir))?;
        if blocked.is_doomed() {
            return Err(Status::CF_DEADLOCK);
        }
        // SAFETY: the caller keeps the queue during the call.
        unsafe {
            let unchanged = || self.signal.load(Relaxed) == signal;
            self.sleepers.wait(sync::address(&self.signal), signal, unchanged, deadline);
        }
        Ok(())
    }

    unsafe fn stir(this: *const ()) {
        // SAFETY: the consumer keeps the queue while its wait is published.
        let this = unsafe { &*this.cast::<cf_completion_queue>() };
        this.signal.fetch_add(1, Release);
        this.sleepers.wake_all(sync::address(&this.signal));
    }

    /// Runs a pending future on this thread, see `Claims`.
    fn run_one(&self, claims: &mut Claims) {
        let mut kept = null_mut();
        {
            let inner = self.inner.lock();
            // SAFETY: under the lock entries and their futures are alive.
            let claimable = |e: &*mut Entry| claims.may_run(unsafe { &*(**e).future });
            if let Some(e) = inner.pending.iter().take(MOST_BRANCHES).find(claimable) {
                // SAFETY: as above.
                unsafe {
                    kept = (*e).future;
                    (*kept).retain();
                }
            }
        }
        claims.run_one_of(&[kept]);
        // SAFETY: NULL, or the reference taken above.
        unsafe { cf_future::release(kept) };
    }

    /// For the graph: does `f` hold for one of the pending futures? `beyond` is the answer for those that are too many
    /// to look at. None where nothing is pending: others may add to the queue.
    pub fn any_pending(&self, f: impl Fn(&cf_future) -> bool, beyond: bool) -> Option<bool> {
        let inner = self.inner.lock();
        if !inner.ready.first.is_null() || inner.closed {
            return Some(true);
        }
        if inner.pending.first.is_null() {
            return None;
        }
        // SAFETY: under the lock entries and their futures are alive.
        let mut pending = inner.pending.iter().map(|e| unsafe { &*(*e).future });
        Some(pending.by_ref().take(MOST_BRANCHES).any(f) || beyond && pending.next().is_some())
    }

    /// -1 if no descriptor can be had.
    pub fn fd(&self) -> i32 {
        let mut inner = self.inner.lock();
        if inner.fd.is_none() {
            inner.fd = EventFd::new().ok();
            if !inner.ready.first.is_null() || inner.closed {
                inner.show();
            }
        }
        inner.fd.as_ref().map_or(-1, EventFd::raw)
    }

    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.show();
        self.signal.fetch_add(1, Release);
        self.sleepers.wake_all(sync::address(&self.signal));
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_completion_queue) {
        // SAFETY: the caller's promise.
        unsafe {
            if this.is_null() || (*this).foreign() {
                return;
            }
            (*this).close();
            (*this).withdraw_pending();
            loop {
                let ready = (*this).inner.lock().ready.pop();
                match ready {
                    Some(entry) => Entry::free(entry),
                    None => break,
                }
            }
            mem::free(this);
        }
    }

    /// Takes back every watch; those whose finisher is on its way are waited for: it does bounded work.
    fn withdraw_pending(&self) {
        loop {
            let mut inner = self.inner.lock();
            let mut withdrawn = List::EMPTY;
            let mut on_the_way = false;
            let mut at = inner.pending.first;
            while !at.is_null() {
                // SAFETY: under the lock the entry and its future are alive. A watch that is not found is being told.
                unsafe {
                    let next = (*at).next;
                    if (*(*at).future).withdraw_watch(at.cast()) {
                        inner.pending.remove(at);
                        withdrawn.push(at);
                    } else {
                        on_the_way = true;
                    }
                    at = next;
                }
            }
            drop(inner);
            // SAFETY: out of the queue: this thread's own. Tags are destroyed without the lock.
            unsafe {
                while let Some(entry) = withdrawn.pop() {
                    Entry::free(entry);
                }
            }
            if !on_the_way {
                return;
            }
            yield_now();
        }
    }
}

impl Entry {
    unsafe fn notify(this: *const Watcher, _index: usize) {
        let entry = this.cast::<Entry>().cast_mut();
        // SAFETY: `free` waits for entries that are being told, so entry and queue are alive.
        unsafe { (*(*entry).queue).move_to_ready(entry) };
    }

    unsafe fn hand_out(this: *mut Entry) -> (*mut cf_future, *mut c_void) {
        // SAFETY: the caller's own; the tag's destroy function is not to run, the future's reference goes along.
        unsafe {
            let Entry { future, tag, .. } = *Box::from_raw(this);
            (future, tag.into_parts().0)
        }
    }

    unsafe fn free(this: *mut Entry) {
        // SAFETY: the caller's own; made by `try_new`.
        unsafe {
            let future = (*this).future;
            mem::free(this);
            cf_future::drop_ref(future);
        }
    }
}
