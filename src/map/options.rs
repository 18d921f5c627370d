//! Options of a map.

use super::far;
use crate::capi::types::TaskFn;
use crate::mem;
use crate::status::Result;
use crate::time::{self, Deadline};
use core::ffi::c_void;
use core::ptr::null_mut;

/// Options of a map; opaque to C.
pub struct cf_map_options {
    timeout: i64,
    chunk_size: usize,
    context: *mut c_void,
    context_size: usize,
}

impl cf_map_options {
    pub const DEFAULT: cf_map_options =
        cf_map_options { timeout: time::FOREVER, chunk_size: 0, context: null_mut(), context_size: 0 };

    pub fn new() -> Result<*mut cf_map_options> {
        Ok(mem::try_new(cf_map_options::DEFAULT)?.as_ptr())
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_map_options) {
        if !this.is_null() {
            // SAFETY: the caller's promise.
            unsafe { mem::free(this) }
        }
    }

    pub fn set_timeout(&mut self, ns: i64) -> Result<()> {
        self.timeout = ns;
        Ok(())
    }

    pub fn set_chunk_size(&mut self, items: usize) -> Result<()> {
        self.chunk_size = items;
        Ok(())
    }

    /// Threads see the pointer itself; the size is for executors that must copy.
    pub fn set_context(&mut self, context: *const c_void, size: usize) -> Result<()> {
        self.context = context.cast_mut();
        self.context_size = size;
        Ok(())
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::after_ns(self.timeout)
    }

    pub fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    pub fn context(&self) -> *mut c_void {
        self.context
    }

    /// What is to be done over processes, in chunks of so many items.
    pub fn far_plan(&self, func: TaskFn, chunk: usize) -> far::Plan {
        far::Plan { func, chunk, context: self.context, context_size: self.context_size }
    }
}
