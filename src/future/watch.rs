//! "Be told once when it is done": the list of watches and callbacks of a future.
//!
//! Owns: the list's head and its entries, which live until the future's memory is given back, so that a
//! registrant may still walk the list while the finisher closes it.
//! Called by: waits, iterators and queues (watches), `add_done_callback` (callbacks), the finisher (`close`).
//!
//! Always true:
//! - the flag CALLBACKS is set in the word before an entry is pushed, so the finisher's exchange sees it;
//! - an entry is told at most once, by the finisher; who finds the list CLOSED tells itself;
//! - a watch that was withdrawn leaves an entry behind that the next watch takes over: repeated waits with
//!   a timeout do not make the list grow.
//!
//! `models/completion.rs` and `models/watch.rs` check it.

use crate::sync::{AtomicPtr, Cell, Ordering::*};
use core::ptr::null_mut;

/// Who is told: embedded as the first field of whatever waits.
#[repr(C)]
pub struct Watcher {
    /// Called once per watch with the index it was registered with, on the finisher's thread; no user code.
    pub notify: unsafe fn(*const Watcher, usize),
}

const CLOSED: usize = 1;

// What an entry's `to` may hold beside a watcher's address.
const IDLE: usize = 0;
const MOVING_IN: usize = 1;
const TOLD: usize = 2;
const CALLBACK: usize = 3;

pub struct Entry<C> {
    next: Cell<*mut Entry<C>>,
    /// The finisher's own chain, in the order of registration; `next` stays for those who still walk.
    order: Cell<*mut Entry<C>>,
    to: AtomicPtr<Watcher>,
    index: Cell<usize>,
    callback: Cell<Option<C>>,
}

fn mark(tag: usize) -> *mut Watcher {
    core::ptr::without_provenance_mut(tag)
}

impl<C> Entry<C> {
    pub fn new() -> Entry<C> {
        Entry {
            next: Cell::new(null_mut()),
            order: Cell::new(null_mut()),
            to: AtomicPtr::new(mark(IDLE)),
            index: Cell::new(0),
            callback: Cell::new(None),
        }
    }

    /// Withdraws a watch; false if the finisher has taken it and tells, or has told, the watcher.
    pub fn withdraw(&self, watcher: *mut Watcher) -> bool {
        self.to.compare_exchange(watcher, mark(IDLE), AcqRel, Acquire).is_ok()
    }

    /// Takes over an idle entry for a watch: true if it stands now.
    fn move_in(&self, watcher: *mut Watcher, index: usize) -> Option<bool> {
        // Acquire: pairs with the Release of the withdrawal, after which nobody reads the index.
        self.to.compare_exchange(mark(IDLE), mark(MOVING_IN), Acquire, Relaxed).ok()?;
        // SAFETY: the mark gives the index to this thread.
        self.index.with_mut(|p| unsafe { *p = index });
        // Release: publishes the index to the finisher. If it has been here meanwhile, the future is done, which
        // the Acquire lets this thread see.
        Some(self.to.compare_exchange(mark(MOVING_IN), watcher, Release, Acquire).is_ok())
    }
}

pub struct Watches<C> {
    head: AtomicPtr<Entry<C>>,
    /// The chain that was closed, for `entries`.
    closed: Cell<*mut Entry<C>>,
}

/// What became of a registration.
pub enum Registered<C> {
    /// It stands; a watch is withdrawn through the entry.
    Stands(*const Entry<C>),
    /// The future is done: who registers tells itself.
    Done,
    /// There was no idle entry to reuse and none was given.
    NeedsEntry,
}

impl<C> Watches<C> {
    pub fn new() -> Watches<C> {
        Watches { head: AtomicPtr::new(null_mut()), closed: Cell::new(null_mut()) }
    }

    fn is_closed(head: *mut Entry<C>) -> bool {
        head.addr() == CLOSED
    }

    /// Registers a watch in an entry that another watch has left behind.
    /// The caller holds a reference and has set the flag in the word.
    pub fn reuse(&self, watcher: *mut Watcher, index: usize) -> Registered<C> {
        // Acquire: the entries' links are seen.
        let mut e = self.head.load(Acquire);
        if Self::is_closed(e) {
            return Registered::Done;
        }
        while !e.is_null() {
            // SAFETY: entries live until the future's last reference has gone, and the caller holds one.
            let entry = unsafe { &*e };
            match entry.move_in(watcher, index) {
                Some(true) => return Registered::Stands(e),
                Some(false) => return Registered::Done,
                // SAFETY: links are written before the push that made the entry visible, and never after.
                None => e = entry.next.with(|p| unsafe { *p }),
            }
        }
        Registered::NeedsEntry
    }

    /// Takes back the watch of this watcher; false if it is being told, or was. The caller holds a reference.
    pub fn withdraw(&self, watcher: *mut Watcher) -> bool {
        let mut e = self.head.load(Acquire);
        while !e.is_null() && !Self::is_closed(e) {
            // SAFETY: as in `reuse`.
            let entry = unsafe { &*e };
            if entry.withdraw(watcher) {
                return true;
            }
            // SAFETY: as in `reuse`.
            e = entry.next.with(|p| unsafe { *p });
        }
        false
    }

    /// Pushes a fresh entry for a watch. On `Done` the entry is the caller's again.
    ///
    /// # Safety
    /// The entry is the caller's own and lives until the future's last reference has gone.
    pub unsafe fn watch(&self, entry: *mut Entry<C>, watcher: *mut Watcher, index: usize) -> Registered<C> {
        // SAFETY: the entry is not yet visible to anyone else.
        unsafe {
            (*entry).index.with_mut(|p| *p = index);
            (*entry).to.store(watcher, Relaxed);
        }
        self.push(entry)
    }

    /// Pushes a fresh entry for a callback. On `Done` the entry, with its callback, is the caller's again.
    ///
    /// # Safety
    /// As for `watch`.
    pub unsafe fn callback(&self, entry: *mut Entry<C>, callback: C) -> Registered<C> {
        // SAFETY: the entry is not yet visible to anyone else.
        unsafe {
            (*entry).callback.with_mut(|p| *p = Some(callback));
            (*entry).to.store(mark(CALLBACK), Relaxed);
        }
        self.push(entry)
    }

    fn push(&self, entry: *mut Entry<C>) -> Registered<C> {
        let mut head = self.head.load(Relaxed);
        loop {
            if Self::is_closed(head) {
                // The load may have been Relaxed: see what the finisher wrote before it closed.
                self.head.load(Acquire);
                return Registered::Done;
            }
            // SAFETY: not yet visible.
            unsafe { (*entry).next.with_mut(|p| *p = head) };
            // Release: publishes the entry; pairs with the Acquire in `close` and `reuse`.
            match self.head.compare_exchange_weak(head, entry, Release, Relaxed) {
                Ok(_) => return Registered::Stands(entry),
                Err(now) => head = now,
            }
        }
    }

    /// The finisher, once, after the publish: tells every watcher, and gives back the callbacks' chain in the
    /// order of registration, for `run`.
    pub fn close(&self) -> *mut Entry<C> {
        // Acquire: pairs with the Release in `push`. Release: pairs with the Acquire of late registrants.
        let chain = self.head.swap(core::ptr::without_provenance_mut(CLOSED), AcqRel);
        // SAFETY: only the finisher, and after it the last reference, touch `closed` and `order`.
        unsafe {
            self.closed.with_mut(|p| *p = chain);
            let mut e = chain;
            let mut first: *mut Entry<C> = null_mut();
            while !e.is_null() {
                (*e).order.with_mut(|p| *p = first);
                first = e;
                e = (*e).next.with(|p| *p);
            }
            e = first;
            while !e.is_null() {
                (*e).tell();
                e = (*e).order.with(|p| *p);
            }
            first
        }
    }

    /// Takes the callbacks out of a chain that `close` gave, in order.
    ///
    /// # Safety
    /// By the finisher, which still holds a reference.
    pub unsafe fn take_callbacks(first: *mut Entry<C>) -> impl Iterator<Item = C> + use<C> {
        let mut e = first;
        core::iter::from_fn(move || {
            while !e.is_null() {
                // SAFETY: the caller's promise.
                unsafe {
                    let entry = &*e;
                    e = entry.order.with(|p| *p);
                    if let Some(callback) = entry.callback.with_mut(|p| (*p).take()) {
                        return Some(callback);
                    }
                }
            }
            None
        })
    }

    /// Does a chain that `close` gave hold callbacks?
    ///
    /// # Safety
    /// As for `take_callbacks`.
    pub unsafe fn has_callbacks(first: *mut Entry<C>) -> bool {
        let mut e = first;
        while !e.is_null() {
            // SAFETY: the caller's promise.
            unsafe {
                if (*e).callback.with(|p| (*p).is_some()) {
                    return true;
                }
                e = (*e).order.with(|p| *p);
            }
        }
        false
    }

    /// Every entry that was ever pushed, for freeing.
    ///
    /// # Safety
    /// Nobody else can reach the list any more.
    pub unsafe fn entries(&self) -> impl Iterator<Item = *mut Entry<C>> + use<C> {
        let head = self.head.load(Relaxed);
        // SAFETY: the caller's promise.
        let mut e = if Self::is_closed(head) { self.closed.with(|p| unsafe { *p }) } else { head };
        core::iter::from_fn(move || {
            let this = e;
            if this.is_null() {
                return None;
            }
            // SAFETY: as above; the link is read before the entry is handed out to be freed.
            e = unsafe { (*this).next.with(|p| *p) };
            Some(this)
        })
    }
}

impl<C> Entry<C> {
    fn tell(&self) {
        if self.to.load(Relaxed) == mark(CALLBACK) {
            return;
        }
        // Acquire: pairs with the Release in `move_in`.
        let to = self.to.swap(mark(TOLD), AcqRel);
        if to.addr() > CALLBACK {
            // SAFETY: a registered watcher lives until it was told or its watch was withdrawn; the swap has
            // taken it, so this is the only call for this watch.
            unsafe {
                let index = self.index.with(|p| *p);
                ((*to).notify)(to, index)
            }
        }
    }
}

impl<C> Entry<C> {
    /// # Safety
    /// The entry was not pushed, or nobody else can reach it.
    pub unsafe fn take_callback(this: *mut Entry<C>) -> Option<C> {
        // SAFETY: the caller's promise.
        unsafe { (*this).callback.with_mut(|p| (*p).take()) }
    }
}
