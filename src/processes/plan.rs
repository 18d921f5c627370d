//! What a process pool is made of, and the part of it that workers read.
//!
//! Called by: options (making a plan), the pool (writing the shared memory's head before any worker exists).

use super::arena::Arena;
use super::functions::Functions;
use super::layout::{Control, MAGIC};
use super::zygotes::Method;
use crate::capi::types::TaskFn;
use crate::status::Result;
use core::ffi::CStr;

/// What becomes of the pool when a worker dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The task that it ran fails; the worker is replaced.
    Replace,
    /// Everything fails, as in Python.
    Break,
}

pub struct Plan {
    pub max_workers: usize,
    /// What the workers' names begin with, without an end mark.
    pub name: Box<[u8]>,
    pub initializer: Option<(TaskFn, Box<[u8]>)>,
    pub method: Method,
    /// Terminated; empty for the default.
    pub program: Box<[u8]>,
    pub max_tasks: u64,
    pub policy: Policy,
    pub shared_memory_limit: Option<usize>,
    pub worker_memory_limit: u64,
}

impl Plan {
    pub fn program(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.program).ok()
    }

    /// Before any worker exists.
    pub(super) fn write_control(&self, base: *mut u8) {
        let control = base.cast::<Control>();
        // SAFETY: the committed head of the arena, which nobody else uses yet.
        unsafe {
            (&raw mut (*control).magic).write(MAGIC);
            (&raw mut (*control).host_pid).write(std::process::id() as i32);
            (&raw mut (*control).max_workers).write(self.max_workers as u32);
            (&raw mut (*control).max_tasks).write(self.max_tasks);
            (&raw mut (*control).memory_limit).write(self.worker_memory_limit);
            (&raw mut (*control).name_size).write(self.name.len() as u64);
            let arg_size = self.initializer.as_ref().map_or(0, |(_, arg)| arg.len());
            (&raw mut (*control).initializer_size).write(arg_size as u64);
        }
    }

    /// Before the first worker is asked for.
    pub(super) fn write_blocks(&self, arena: &Arena, functions: &Functions, helper: bool) -> Result<()> {
        let control = arena.base().cast::<Control>();
        let at = block_of(arena, &self.name)?;
        // SAFETY: as above.
        unsafe { (&raw mut (*control).name_at).write(at as u64) };
        let Some((func, arg)) = &self.initializer else { return Ok(()) };
        let id = functions.identify(arena, *func, helper)?;
        let at = block_of(arena, arg)?;
        // SAFETY: as above.
        unsafe {
            (&raw mut (*control).initializer_at).write(at as u64);
            (&raw mut (*control).initializer).write(id);
        }
        Ok(())
    }
}

/// A block that lives as long as the arena, with these bytes.
fn block_of(arena: &Arena, bytes: &[u8]) -> Result<usize> {
    let at = arena.alloc(bytes.len().max(1))?;
    // SAFETY: a block of at least that size.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), arena.address(at), bytes.len()) };
    Ok(at)
}
