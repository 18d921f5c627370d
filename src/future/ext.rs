//! What does not fit into the node: large arguments and results, watches and callbacks, user data.
//!
//! Called by: the node. One allocation, made with the call when its argument is large, else at the first
//! result, watch or user data that needs it.

use super::watch::{Entry, Registered, Watcher, Watches};
use super::{cf_future, word};
use crate::capi::types::DoneFn;
use crate::hook::Hook;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicBool, AtomicPtr, Cell, Ordering::*};
use core::ffi::c_void;
use core::ptr::{null_mut, NonNull};

/// Alignment of arguments and results.
pub const ALIGN: usize = 16;

/// A done-callback of the user's.
pub struct Callback {
    call: DoneFn,
    hook: Hook,
}

impl Callback {
    pub fn new(call: DoneFn, hook: Hook) -> Callback {
        Callback { call, hook }
    }

    /// Runs it, then its destroy function; no lock is held.
    pub fn run(self, future: &cf_future) {
        // SAFETY: the user promised that the function accepts its data; the future is alive during the call.
        unsafe { (self.call)(future as *const cf_future as *mut cf_future, self.hook.data()) };
    }
}

/// Memory of somebody else's that a result lies in; given back when this goes.
pub struct Loan {
    pub place: *mut u8,
    pub size: usize,
    pub lender: *const c_void,
    pub token: u64,
    pub give_back: unsafe fn(*const c_void, u64),
}

impl Drop for Loan {
    fn drop(&mut self) {
        // SAFETY: the lender lives until all it has lent is back.
        unsafe { (self.give_back)(self.lender, self.token) }
    }
}

/// A future whose callbacks or end wait for another thread: the next of them, and its callbacks.
pub struct Deferred {
    pub next: *const cf_future,
    pub callbacks: *mut Entry<Callback>,
}

#[repr(C, align(16))]
pub struct Ext {
    watches: Watches<Callback>,
    /// The first entry needs no allocation of its own.
    first: Entry<Callback>,
    first_taken: AtomicBool,
    user_data: AtomicPtr<Hook>,
    result: Cell<(*mut u8, usize)>,
    loan: Cell<Option<Loan>>,
    deferred: Cell<Deferred>,
    arg_size: usize,
    // followed by the argument
}

impl Ext {
    pub fn with_arg(size: usize) -> Result<NonNull<Ext>> {
        let whole = size_of::<Ext>().checked_add(size).ok_or(Status::CF_NO_MEMORY)?;
        let p = mem::try_bytes(whole, ALIGN)?.cast::<Ext>();
        // SAFETY: room for an `Ext` and `size` bytes behind it.
        unsafe {
            p.as_ptr().write(Ext {
                watches: Watches::new(),
                first: Entry::new(),
                first_taken: AtomicBool::new(false),
                user_data: AtomicPtr::new(null_mut()),
                result: Cell::new((null_mut(), 0)),
                loan: Cell::new(None),
                deferred: Cell::new(Deferred { next: core::ptr::null(), callbacks: null_mut() }),
                arg_size: size,
            })
        };
        Ok(p)
    }

    /// # Safety
    /// Made by `with_arg`; nobody else uses it. Destroy functions of the user's run in here.
    pub unsafe fn free(this: NonNull<Ext>) {
        // SAFETY: the caller's promise.
        unsafe {
            let ext = this.as_ref();
            drop(ext.take_result());
            let first = &ext.first as *const _ as *mut Entry<Callback>;
            for e in ext.watches.entries() {
                if e != first {
                    mem::free(e);
                }
            }
            let user = ext.user_data.load(Relaxed);
            let whole = size_of::<Ext>() + ext.arg_size;
            core::ptr::drop_in_place(this.as_ptr());
            mem::free_bytes(this.as_ptr().cast(), whole, ALIGN);
            if !user.is_null() {
                mem::free(user);
            }
        }
    }

    pub fn arg(&self) -> (*mut u8, usize) {
        // SAFETY: the allocation goes on behind the struct.
        (unsafe { (self as *const Ext).add(1) as *mut u8 }, self.arg_size)
    }

    /// By the claimer.
    pub fn make_result(&self, size: usize) -> Result<*mut u8> {
        let p = mem::try_bytes(size, ALIGN)?.as_ptr();
        // SAFETY: only the claimer writes the result.
        unsafe { self.result.with_mut(|r| *r = (p, size)) };
        Ok(p)
    }

    /// By the claimer: the result lies in memory that is on loan.
    pub fn borrow_result(&self, loan: Loan) {
        // SAFETY: only the claimer writes the result.
        unsafe {
            self.result.with_mut(|r| *r = (loan.place, loan.size));
            self.loan.with_mut(|l| *l = Some(loan));
        }
    }

    /// After the publish.
    pub fn result(&self) -> (*const c_void, usize) {
        // SAFETY: nobody writes it any more.
        let (p, size) = self.result.with(|r| unsafe { *r });
        (p.cast(), size)
    }

    /// By the claimer or the last reference: the result is the caller's to free.
    pub fn take_result(&self) -> Option<mem::Bytes> {
        // SAFETY: the only user of the result.
        let (place, size) = self.result.with_mut(|r| unsafe { core::ptr::replace(r, (null_mut(), 0)) });
        // SAFETY: as above.
        if let Some(loan) = self.loan.with_mut(|l| unsafe { (*l).take() }) {
            drop(loan);
            return None;
        }
        (!place.is_null()).then_some(mem::Bytes { place, size, align: ALIGN })
    }

    fn fresh_entry(&self) -> Result<*mut Entry<Callback>> {
        if !self.first_taken.swap(true, Relaxed) {
            return Ok(&self.first as *const _ as *mut _);
        }
        Ok(mem::try_new(Entry::new())?.as_ptr())
    }

    /// An entry that was not pushed after all.
    fn return_entry(&self, e: *mut Entry<Callback>) {
        if !core::ptr::eq(e, &self.first) {
            // SAFETY: nobody has seen it.
            unsafe { mem::free(e) }
        }
    }

    /// Registers a watch. The caller has set the flag in the word and seen it not done.
    pub fn watch(&self, watcher: *mut Watcher, index: usize) -> Result<Option<*const Entry<Callback>>> {
        match self.watches.reuse(watcher, index) {
            Registered::Stands(e) => Ok(Some(e)),
            Registered::Done => Ok(None),
            Registered::NeedsEntry => {
                let e = self.fresh_entry()?;
                // SAFETY: a fresh entry, freed with this extension.
                match unsafe { self.watches.watch(e, watcher, index) } {
                    Registered::Stands(e) => Ok(Some(e)),
                    _ => {
                        self.return_entry(e);
                        Ok(None)
                    }
                }
            }
        }
    }

    /// Takes back the watch of this watcher, wherever it stands in the list.
    pub fn withdraw(&self, watcher: *mut Watcher) -> bool {
        self.watches.withdraw(watcher)
    }

    /// Registers a callback; gives it back if the future is done. The caller has set the flag.
    pub fn callback(&self, callback: Callback) -> Result<Option<Callback>> {
        let e = self.fresh_entry()?;
        // SAFETY: a fresh entry, freed with this extension.
        match unsafe { self.watches.callback(e, callback) } {
            Registered::Stands(_) => Ok(None),
            _ => {
                // SAFETY: the entry was not pushed: it is this thread's own, callback included.
                let callback = unsafe { Entry::take_callback(e) };
                self.return_entry(e);
                Ok(callback)
            }
        }
    }

    /// By the finisher: tells the watchers, gives the callbacks in order.
    pub fn close_watches(&self) -> impl Iterator<Item = Callback> + use<> {
        let chain = self.watches.close();
        // SAFETY: the finisher calls this once and holds its reference while it runs the callbacks.
        unsafe { Watches::take_callbacks(chain) }
    }

    /// By the finisher: tells the watchers, and keeps the callbacks for `take_deferred`. True if there are any.
    pub fn close_watches_for_later(&self) -> bool {
        let chain = self.watches.close();
        // SAFETY: only the finisher writes it.
        unsafe { self.deferred.with_mut(|d| (*d).callbacks = chain) };
        // SAFETY: the finisher holds a reference.
        unsafe { Watches::has_callbacks(chain) }
    }

    /// The callbacks that were kept, once, by whoever holds the finisher's reference now.
    pub fn take_deferred(&self) -> impl Iterator<Item = Callback> + use<> {
        // SAFETY: handed over with the reference.
        unsafe {
            let chain = self.deferred.with_mut(|d| core::mem::replace(&mut (*d).callbacks, null_mut()));
            Watches::take_callbacks(chain)
        }
    }

    /// The next future in a line of deferred ones; whoever holds the line is the only user.
    pub fn deferred_next(&self) -> *const cf_future {
        // SAFETY: as the comment says.
        self.deferred.with(|d| unsafe { (*d).next })
    }

    pub fn set_deferred_next(&self, next: *const cf_future) {
        // SAFETY: as the comment says.
        unsafe { self.deferred.with_mut(|d| (*d).next = next) };
    }

    pub fn has_user_data(&self) -> bool {
        !self.user_data.load(Relaxed).is_null()
    }

    pub fn set_user_data(&self, hook: Hook) -> Result<()> {
        if !self.user_data.load(Relaxed).is_null() {
            return Err(Status::CF_INVALID_STATE);
        }
        let p = mem::try_new(hook)?.as_ptr();
        // Release: publishes the pointer; pairs with the Acquire in `user_data`.
        match self.user_data.compare_exchange(null_mut(), p, Release, Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => {
                // SAFETY: nobody has seen it; its destroy function runs here.
                unsafe { mem::free(p) };
                Err(Status::CF_INVALID_STATE)
            }
        }
    }

    pub fn user_data(&self) -> *mut c_void {
        // SAFETY: set once, lives as long as the extension.
        unsafe { self.user_data.load(Acquire).as_ref() }.map_or(null_mut(), Hook::data)
    }
}

impl cf_future {
    /// The extension, made at its first use by whoever needs it.
    pub(crate) fn ext(&self) -> Result<&Ext> {
        // Acquire: pairs with the Release of the exchange below.
        let mut p = self.ext.load(Acquire);
        if p.is_null() {
            let fresh = Ext::with_arg(0)?;
            match self.ext.compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire) {
                Ok(_) => p = fresh.as_ptr(),
                Err(other) => {
                    // SAFETY: nobody has seen it.
                    unsafe { Ext::free(fresh) };
                    p = other;
                }
            }
        }
        // SAFETY: lives until the last reference has gone; the caller holds one.
        Ok(unsafe { &*p })
    }

    /// Makes ready for a watch or callback: the extension, with the flag set in the word; none if it is done.
    ///
    /// The extension stands before the flag is set: the finisher that sees the flag must find the list to close.
    pub(crate) fn begin_watching(&self) -> Result<Option<&Ext>> {
        if self.is_done() {
            return Ok(None);
        }
        let ext = self.ext()?;
        let before = self.word.flag(word::CALLBACKS);
        if before & word::FAR != 0 && !word::is_done(before) {
            self.attend();
        }
        Ok((!word::is_done(before)).then_some(ext))
    }

    /// Takes back the watch of this watcher; false if it is being told, or was.
    pub(crate) fn withdraw_watch(&self, watcher: *mut super::watch::Watcher) -> bool {
        self.existing_ext().is_some_and(|ext| ext.withdraw(watcher))
    }

    pub(crate) fn existing_ext(&self) -> Option<&Ext> {
        // Acquire: as in `ext`.
        // SAFETY: as in `ext`.
        unsafe { self.ext.load(Acquire).as_ref() }
    }
}
