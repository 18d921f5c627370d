//! A call on its way into a future: the function, its argument, what the task is told of itself.
//!
//! Called by: submit, which makes one; the node, or the slot of a process pool, which takes it over.

use super::cf_future;
use crate::capi::types::TaskFn;
use crate::hook::Hook;
use core::ffi::c_void;
use core::ptr::null_mut;

/// What the task is told of itself, kept where the result will lie.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Birth {
    pub index: usize,
    pub context: *mut c_void,
}

impl Birth {
    pub const NONE: Birth = Birth { index: 0, context: null_mut() };
}

/// A task's argument on its way into the node.
pub enum Arg {
    /// So many bytes from there, copied.
    Copy(*const c_void, usize),
    /// The pointer itself; given to its free function when the task has run, or will never run.
    Owned(Hook),
}

/// A task to be made into a future.
pub struct Call {
    pub func: TaskFn,
    pub arg: Arg,
    pub birth: Birth,
    pub executor: u16,
}

/// Calls of one function, each with its own of the arguments, which have one size and lie side by side.
#[derive(Clone, Copy)]
pub struct Burst {
    pub func: TaskFn,
    pub args: *const c_void,
    pub size: usize,
    pub count: usize,
    /// NULL, or a place for the future of each.
    pub out: *mut *mut cf_future,
}
