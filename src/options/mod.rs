//! Options of an executor: checked when set, read once when a pool is made.
//!
//! Owns: what was set; nothing here knows of a pool. Called by: the C interface (setters), `executor` (the plans).
//!
//! - [`threads`] the plan of a thread pool
//! - [`processes`] the plan of a process pool
//!
//! Always true: one set of options serves both kinds; what was never set has the kind's default; what was set and the
//! kind does not have is refused by its plan, never ignored.

mod processes;
mod threads;

pub use processes::process_plan;
pub use threads::with_plan;

use crate::capi::types::{cf_on_worker_death, cf_start_method, TaskFn};
use crate::error::Failure;
use crate::mem;
use crate::processes::plan::Policy;
use crate::processes::zygotes::Method;
use crate::status::{Result, Status};
use crate::sys::thread;
use core::ffi::{c_void, CStr};
use core::fmt::Write;

/// Workers and spares have an index of 16 bits. A kind of pool may have a lower limit of its own.
const MOST_WORKERS: usize = 32_768;
const MOST_SPARES: usize = 16_384;

/// Options for making an executor; opaque to C. `None` is what was not set.
pub struct cf_options {
    max_workers: Option<usize>,
    /// Terminated; empty means the default.
    name: Box<[u8]>,
    initializer: Option<(TaskFn, Box<[u8]>)>,
    // Of thread pools.
    max_spares: Option<usize>,
    stack_size: Option<usize>,
    inline_wait: Option<bool>,
    // Of process pools.
    start_method: Option<Method>,
    /// Terminated; empty means the default.
    worker_program: Box<[u8]>,
    max_tasks_per_child: Option<usize>,
    on_worker_death: Option<Policy>,
    shared_memory_limit: Option<usize>,
    worker_memory_limit: Option<usize>,
}

impl cf_options {
    pub fn defaults() -> cf_options {
        cf_options {
            max_workers: None,
            name: Box::default(),
            initializer: None,
            max_spares: None,
            stack_size: None,
            inline_wait: None,
            start_method: None,
            worker_program: Box::default(),
            max_tasks_per_child: None,
            on_worker_death: None,
            shared_memory_limit: None,
            worker_memory_limit: None,
        }
    }

    pub fn new() -> Result<*mut cf_options> {
        Ok(mem::try_new(cf_options::defaults())?.as_ptr())
    }

    /// # Safety
    /// NULL or from `new`, and not used again.
    pub unsafe fn free(this: *mut cf_options) {
        if !this.is_null() {
            // SAFETY: the caller's promise.
            unsafe { mem::free(this) }
        }
    }

    pub fn set_max_workers(&mut self, n: usize) -> Result<()> {
        if n > MOST_WORKERS {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        set_positive(&mut self.max_workers, n)
    }

    pub fn set_name(&mut self, prefix: &CStr) -> Result<()> {
        self.name = copy_of(prefix.to_bytes_with_nul())?;
        Ok(())
    }

    /// # Safety
    /// `arg` points to `size` readable bytes.
    pub unsafe fn set_initializer(&mut self, func: TaskFn, arg: *const c_void, size: usize) -> Result<()> {
        // SAFETY: the caller's promise.
        let copy = mem::try_slice(size, |i| unsafe { arg.cast::<u8>().add(i).read() })?;
        self.initializer = Some((func, copy));
        Ok(())
    }

    pub fn set_stack_size(&mut self, bytes: usize) -> Result<()> {
        if bytes < thread::min_stack() || bytes > isize::MAX as usize {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.stack_size = Some(bytes);
        Ok(())
    }

    pub fn set_max_spares(&mut self, n: usize) -> Result<()> {
        if n > MOST_SPARES {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.max_spares = Some(n);
        Ok(())
    }

    pub fn set_inline_wait(&mut self, on: bool) -> Result<()> {
        self.inline_wait = Some(on);
        Ok(())
    }

    pub fn set_start_method(&mut self, method: i32) -> Result<()> {
        const AUTO: i32 = cf_start_method::CF_START_AUTO as i32;
        const FORK: i32 = cf_start_method::CF_START_FORK as i32;
        const SPAWN: i32 = cf_start_method::CF_START_SPAWN as i32;
        self.start_method = Some(match method {
            AUTO => Method::Auto,
            FORK => Method::Fork,
            SPAWN => Method::Spawn,
            _ => return Err(Status::CF_INVALID_ARGUMENT),
        });
        Ok(())
    }

    pub fn set_worker_program(&mut self, path: &CStr) -> Result<()> {
        if path.is_empty() {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.worker_program = copy_of(path.to_bytes_with_nul())?;
        Ok(())
    }

    pub fn set_max_tasks_per_child(&mut self, n: usize) -> Result<()> {
        set_positive(&mut self.max_tasks_per_child, n)
    }

    pub fn set_on_worker_death(&mut self, policy: i32) -> Result<()> {
        const REPLACE: i32 = cf_on_worker_death::CF_REPLACE_WORKER as i32;
        const BREAK: i32 = cf_on_worker_death::CF_BREAK_POOL as i32;
        self.on_worker_death = Some(match policy {
            REPLACE => Policy::Replace,
            BREAK => Policy::Break,
            _ => return Err(Status::CF_INVALID_ARGUMENT),
        });
        Ok(())
    }

    pub fn set_shared_memory_limit(&mut self, bytes: usize) -> Result<()> {
        set_positive(&mut self.shared_memory_limit, bytes)
    }

    pub fn set_worker_memory_limit(&mut self, bytes: usize) -> Result<()> {
        set_positive(&mut self.worker_memory_limit, bytes)
    }

    /// The name that was given, if any.
    fn given_name(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.name).ok()
    }

    fn copy_of_initializer(&self) -> Result<Option<(TaskFn, Box<[u8]>)>> {
        let Some((func, arg)) = &self.initializer else { return Ok(None) };
        Ok(Some((*func, copy_of(arg)?)))
    }
}

fn set_positive(option: &mut Option<usize>, value: usize) -> Result<()> {
    if value == 0 {
        return Err(Status::CF_INVALID_ARGUMENT);
    }
    *option = Some(value);
    Ok(())
}

fn copy_of(bytes: &[u8]) -> Result<Box<[u8]>> {
    mem::try_slice(bytes.len(), |i| bytes[i])
}

/// Refuses the options that belong to pools of the other kind, by the first that was set.
fn refuse(of: &str, options: &[(bool, &str)]) -> Result<(), Failure> {
    match options.iter().find(|(is_set, _)| *is_set) {
        Some((_, name)) => {
            let text = format_args!("{name} is an option of {of}");
            Err(Failure::new(Status::CF_UNSUPPORTED, 0, text))
        }
        None => Ok(()),
    }
}

/// A short terminated text on the stack.
#[derive(Default)]
struct Text {
    bytes: [u8; 32],
    used: usize,
}

impl Text {
    fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let end = self.used + s.len();
        self.bytes[..31].get_mut(self.used..end).ok_or(core::fmt::Error)?.copy_from_slice(s.as_bytes());
        self.used = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_mean_nothing_are_refused_and_change_nothing() {
        let mut o = cf_options::defaults();
        assert_eq!(o.set_max_tasks_per_child(3), Ok(()));
        let invalid = Err(Status::CF_INVALID_ARGUMENT);
        assert_eq!(o.set_max_workers(0), invalid);
        assert_eq!(o.set_max_workers(MOST_WORKERS + 1), invalid);
        assert_eq!(o.set_max_tasks_per_child(0), invalid);
        assert_eq!(o.set_shared_memory_limit(0), invalid);
        assert_eq!(o.set_worker_memory_limit(0), invalid);
        assert_eq!(o.set_worker_program(c""), invalid);
        assert_eq!((o.set_start_method(3), o.set_start_method(-1)), (invalid, invalid));
        assert_eq!((o.set_on_worker_death(2), o.set_on_worker_death(-1)), (invalid, invalid));
        assert_eq!((o.max_workers, o.max_tasks_per_child), (None, Some(3)));
        assert!(o.start_method.is_none() && o.on_worker_death.is_none() && o.worker_program.is_empty());
    }

    /// A name and how it is set.
    pub type Setter = (&'static str, fn(&mut cf_options) -> Result<()>);

    /// What a plan says of options that it refuses.
    pub fn refusal<T>(result: Result<T, Failure>) -> (Status, String) {
        let failure = result.err().expect("it is refused");
        // SAFETY: the failure's own error, which nobody else has seen.
        unsafe {
            let text = (*failure.error).message().to_str().expect("UTF-8").to_owned();
            crate::error::cf_error::free(failure.error);
            (failure.status, text)
        }
    }
}
