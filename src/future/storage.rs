//! Where a future's result or error lies: written by whoever has claimed the node, read after the publish.
//!
//! Called by: the running task (through its sink), by-hand setters, `verbs`.
//! Always true: `result_area` says what lies in the 16 bytes; it is marked empty before anything there is ended.

use super::node::{cf_future, Area, Pair, INLINE};
use crate::error::cf_error;
use crate::hook::Hook;
use crate::mem;
use crate::status::Result;
use crate::sync::Ordering::*;
use core::ffi::c_void;
use core::ptr::null;

impl cf_future {
    /// Where `size` bytes of result go; replaces what was stored before.
    pub(crate) fn result_place(&self, size: usize) -> Result<*mut u8> {
        self.drop_result();
        if let Some(place) = self.quick_result_place(size) {
            return Ok(place);
        }
        let place = self.ext()?.make_result(size)?;
        // SAFETY: by the claimer.
        unsafe { self.result_area.with_mut(|p| *p = Area::Large as u8) };
        Ok(place)
    }

    /// As `result_place`, if neither the result nor what was stored before needs more than the node.
    #[inline]
    pub(crate) fn quick_result_place(&self, size: usize) -> Option<*mut u8> {
        if size > INLINE || self.result_area() as usize > INLINE {
            return None;
        }
        // SAFETY: by the claimer.
        unsafe { self.result_area.with_mut(|p| *p = size as u8) };
        Some(self.result.with_mut(|p| p.cast()))
    }

    /// Takes a large result out, so that it outlives what is stored next.
    pub(crate) fn take_large_result(&self) -> Option<mem::Bytes> {
        if self.result_area() != Area::Large as u8 {
            return None;
        }
        // SAFETY: by the claimer; a large result has its extension.
        unsafe {
            self.result_area.with_mut(|p| *p = 0);
            (*self.ext.load(Relaxed)).take_result()
        }
    }

    pub(crate) fn store_object(&self, object: Hook) {
        self.drop_result();
        let (data, destroy) = object.into_parts();
        // SAFETY: by the claimer; the pair fits.
        unsafe {
            self.result.with_mut(|p| p.cast::<Pair>().write(Pair(data, destroy)));
            self.result_area.with_mut(|p| *p = Area::Owned as u8);
        }
    }

    pub(super) fn store_error(&self, error: cf_error) {
        self.drop_result();
        // SAFETY: by the claimer; an error fits.
        unsafe {
            self.result.with_mut(|p| p.cast::<cf_error>().write(error));
            self.result_area.with_mut(|p| *p = Area::Error as u8);
        }
    }

    pub(super) fn result_area(&self) -> u8 {
        // SAFETY: by the claimer, or after the publish.
        self.result_area.with(|p| unsafe { *p })
    }

    /// The result's bytes; an object counts as its pointer with size 0.
    pub(super) fn result_bytes(&self) -> (*const c_void, usize) {
        // SAFETY: the state says FINISHED, which the caller has seen with Acquire.
        unsafe {
            match self.result_area() {
                n if n as usize <= INLINE => (self.result.with(|p| p.cast()), n as usize),
                n if n == Area::Owned as u8 => (self.result.with(|p| (*p.cast::<Pair>()).0), 0),
                _ => (*self.ext.load(Acquire)).result(),
            }
        }
    }

    /// The error of a FAILED future.
    pub(super) fn stored_error(&self) -> *const cf_error {
        if self.result_area() == Area::Error as u8 {
            self.result.with(|p| p.cast())
        } else {
            null()
        }
    }

    /// Forgets what was stored: an object's destroy function runs, exactly once.
    pub(super) fn drop_result(&self) {
        let area = self.result_area();
        if (area as usize) <= INLINE {
            return;
        }
        // SAFETY: by the claimer, or by the last reference. The area is marked empty before user code runs.
        unsafe {
            self.result_area.with_mut(|p| *p = 0);
            if area == Area::Owned as u8 {
                let Pair(data, destroy) = self.result.with(|p| p.cast::<Pair>().read());
                drop(Hook::new(data, destroy));
            } else if area == Area::Error as u8 {
                drop(self.result.with(|p| p.cast::<cf_error>().read()));
            } else {
                drop((*self.ext.load(Relaxed)).take_result());
            }
        }
    }
}
