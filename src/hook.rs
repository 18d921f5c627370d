//! User data with its destroy function: runs exactly once, on every path.
//!
//! Called by: the entry points make a `Hook` before anything can fail, so that also a call that refuses
//! its arguments gives the data back.

use crate::capi::types::cf_free_fn;
use core::ffi::c_void;
use core::mem::ManuallyDrop;

/// A user's pointer and the function that ends its life (may be absent).
#[derive(Debug)]
pub struct Hook {
    data: *mut c_void,
    destroy: cf_free_fn,
}

impl Hook {
    pub fn new(data: *mut c_void, destroy: cf_free_fn) -> Hook {
        Hook { data, destroy }
    }

    pub fn data(&self) -> *mut c_void {
        self.data
    }

    /// Hands the pair out; the destroy function is now the caller's to run.
    pub fn into_parts(self) -> (*mut c_void, cf_free_fn) {
        let this = ManuallyDrop::new(self);
        (this.data, this.destroy)
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.take() {
            // SAFETY: the user promised that `destroy` accepts `data`; `take` makes this the only call.
            unsafe { destroy(self.data) }
        }
    }
}
