//! The outcome of one item: 32 bytes, a small result inside.
//!
//! Called by: the task that runs the item (as its sink), `cf_map` when it hands the item out.
//! The thread that runs the item is the only user until its chunk is published.

use crate::capi::types::{cf_free_fn, cf_item};
use crate::error::{self, cf_error};
use crate::future::ext::ALIGN;
use crate::hook::Hook;
use crate::mem;
use crate::status::{Result, Status};
use core::ffi::c_void;
use core::ptr::{null, null_mut};

const INLINE: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// The item never ran.
    Nothing,
    Inline,
    Large,
    Object,
    Error,
}

#[repr(C, align(16))]
pub struct Outcome {
    bytes: [u8; INLINE],
    size: usize,
    holds: Holds,
}

#[repr(C)]
struct Pair(*mut c_void, cf_free_fn);

const _: () = assert!(size_of::<Outcome>() == 32 && size_of::<cf_error>() == INLINE && size_of::<Pair>() == INLINE);

impl Outcome {
    pub const fn new() -> Outcome {
        Outcome { bytes: [0; INLINE], size: 0, holds: Holds::Nothing }
    }

    /// Where `size` bytes of result go; replaces what was stored before.
    pub fn place(&mut self, size: usize) -> Result<*mut u8> {
        self.clear();
        let place = if size <= INLINE {
            self.holds = Holds::Inline;
            self.bytes.as_mut_ptr()
        } else {
            let p = mem::try_bytes(size, ALIGN)?.as_ptr();
            // SAFETY: a pointer fits into the bytes.
            unsafe { self.bytes.as_mut_ptr().cast::<*mut u8>().write(p) };
            self.holds = Holds::Large;
            p
        };
        self.size = size;
        Ok(place)
    }

    /// As `place`, if neither the result nor what was stored before needs more than this.
    #[inline]
    pub fn quick_place(&mut self, size: usize) -> Option<*mut u8> {
        if size > INLINE || !matches!(self.holds, Holds::Nothing | Holds::Inline) {
            return None;
        }
        (self.holds, self.size) = (Holds::Inline, size);
        Some(self.bytes.as_mut_ptr())
    }

    /// Takes a large result out, so that it outlives what is stored next.
    pub fn take_large(&mut self) -> Option<mem::Bytes> {
        if self.holds != Holds::Large {
            return None;
        }
        self.holds = Holds::Nothing;
        // SAFETY: a large result's address lies in the bytes.
        let place = unsafe { self.bytes.as_ptr().cast::<*mut u8>().read() };
        Some(mem::Bytes { place, size: self.size, align: ALIGN })
    }

    /// A result that lies elsewhere, copied.
    pub fn store(&mut self, bytes: &[u8], index: usize) {
        match self.place(bytes.len()) {
            // SAFETY: room for as many bytes.
            Ok(place) => unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) },
            Err(status) => self.end(Err(cf_error::plain(status, 0)), index),
        }
    }

    /// Has the item run?
    pub fn is_some(&self) -> bool {
        self.holds != Holds::Nothing
    }

    pub fn store_object(&mut self, object: Hook) {
        self.clear();
        let (data, destroy) = object.into_parts();
        // SAFETY: the pair fits (asserted).
        unsafe { self.bytes.as_mut_ptr().cast::<Pair>().write(Pair(data, destroy)) };
        (self.holds, self.size) = (Holds::Object, 0);
    }

    /// The item has run.
    pub fn end(&mut self, outcome: Result<(), cf_error>, index: usize) {
        match outcome {
            Ok(()) if self.holds == Holds::Nothing => (self.holds, self.size) = (Holds::Inline, 0),
            Ok(()) => {}
            Err(error) => {
                self.clear();
                // SAFETY: an error fits (asserted).
                unsafe { self.bytes.as_mut_ptr().cast::<cf_error>().write(error.at(index)) };
                self.holds = Holds::Error;
            }
        }
    }

    /// As C sees it; an item that never ran was cancelled.
    pub fn item(&self, index: usize) -> cf_item {
        let mut item = cf_item { index, status: Status::CF_OK, data: null(), size: 0, error: null() };
        // SAFETY: `holds` says what lies in the bytes.
        unsafe {
            match self.holds {
                Holds::Inline => (item.data, item.size) = (self.bytes.as_ptr().cast(), self.size),
                Holds::Large => {
                    (item.data, item.size) = (self.bytes.as_ptr().cast::<*const c_void>().read(), self.size)
                }
                Holds::Object => item.data = (*self.bytes.as_ptr().cast::<Pair>()).0,
                Holds::Error => item.error = self.bytes.as_ptr().cast(),
                Holds::Nothing => item.error = &error::CANCELLED,
            }
            if let Some(error) = item.error.as_ref() {
                item.status = error.status();
            }
        }
        item
    }

    /// Forgets what is stored; an object's destroy function runs.
    pub fn clear(&mut self) {
        let held = core::mem::replace(&mut self.holds, Holds::Nothing);
        let p = self.bytes.as_mut_ptr();
        // SAFETY: `held` says what lay in the bytes.
        unsafe {
            match held {
                Holds::Large => {
                    let large = core::ptr::replace(p.cast::<*mut u8>(), null_mut());
                    mem::free_bytes(large, self.size, ALIGN)
                }
                Holds::Object => {
                    let Pair(data, destroy) = p.cast::<Pair>().read();
                    drop(Hook::new(data, destroy));
                }
                Holds::Error => drop(p.cast::<cf_error>().read()),
                Holds::Inline | Holds::Nothing => {}
            }
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.clear();
    }
}
