//! Options of an executor: checked when set, read once when a pool is made.
//!
//! Called by: the C interface (setters), `executor` (`with_plan`).

use crate::capi::types::TaskFn;
use crate::error::Failure;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Ordering::*};
use crate::sys::{cpus, thread};
use crate::threads::{Initializer, Plan};
use core::ffi::{c_void, CStr};
use core::fmt::Write;

/// Workers and spares have an index of 16 bits.
const MOST_WORKERS: usize = 32_768;
const MOST_SPARES: usize = 16_384;
const DEFAULT_SPARES: usize = 64;
/// Platform defaults have proved too small for recursive code.
const DEFAULT_STACK: usize = 8 << 20;

/// Options for making an executor; opaque to C.
pub struct cf_options {
    max_workers: Option<usize>,
    max_spares: usize,
    stack_size: usize,
    inline_wait: bool,
    /// Terminated; empty means the default.
    name: Box<[u8]>,
    initializer: Option<(TaskFn, Box<[u8]>)>,
}

impl cf_options {
    pub fn defaults() -> cf_options {
        cf_options {
            max_workers: None,
            max_spares: DEFAULT_SPARES,
            stack_size: DEFAULT_STACK,
            inline_wait: true,
            name: Box::default(),
            initializer: None,
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
        if n == 0 || n > MOST_WORKERS {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.max_workers = Some(n);
        Ok(())
    }

    pub fn set_max_spares(&mut self, n: usize) -> Result<()> {
        if n > MOST_SPARES {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.max_spares = n;
        Ok(())
    }

    pub fn set_name(&mut self, prefix: &CStr) -> Result<()> {
        let bytes = prefix.to_bytes_with_nul();
        self.name = mem::try_slice(bytes.len(), |i| bytes[i])?;
        Ok(())
    }

    /// # Safety
    /// `arg` points to `size` readable bytes.
    pub unsafe fn set_initializer(&mut self, func: TaskFn, arg: *const c_void, size: usize) -> Result<()> {
        if arg.is_null() && size > 0 {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        // SAFETY: the caller's promise.
        let copy = mem::try_slice(size, |i| unsafe { arg.cast::<u8>().add(i).read() })?;
        self.initializer = Some((func, copy));
        Ok(())
    }

    pub fn set_stack_size(&mut self, bytes: usize) -> Result<()> {
        if bytes < thread::min_stack() || bytes > isize::MAX as usize {
            return Err(Status::CF_INVALID_ARGUMENT);
        }
        self.stack_size = bytes;
        Ok(())
    }

    pub fn set_inline_wait(&mut self, on: bool) -> Result<()> {
        self.inline_wait = on;
        Ok(())
    }
}

/// Python's default: enough threads to overlap I/O with work, without flooding a large machine.
fn default_workers() -> usize {
    (cpus::usable() + 4).min(32)
}

/// Calls `make` with the plan that the options describe.
pub fn with_plan<T>(options: &cf_options, make: impl FnOnce(Plan) -> Result<T>) -> Result<T, Failure> {
    /// Pools of this process that have a default name.
    static UNNAMED: AtomicU32 = AtomicU32::new(0);
    let initializer = match &options.initializer {
        Some((func, arg)) => Some(Initializer { func: *func, arg: mem::try_slice(arg.len(), |i| arg[i])? }),
        None => None,
    };
    let (mut long, mut short) = (Text::default(), Text::default());
    let given = CStr::from_bytes_until_nul(&options.name).ok();
    if given.is_none() {
        let k = UNNAMED.fetch_add(1, Relaxed);
        let _ = write!(long, "ThreadPoolExecutor-{k}");
        let _ = write!(short, "cf-{k}");
    }
    let plan = Plan {
        max_workers: options.max_workers.unwrap_or_else(default_workers),
        max_spares: options.max_spares,
        stack_size: options.stack_size.next_multiple_of(4096),
        inline_wait: options.inline_wait,
        name: given.unwrap_or(long.as_cstr()),
        thread_name: given.unwrap_or(short.as_cstr()),
        initializer,
    };
    Ok(make(plan)?)
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
