//! Starting, naming and joining the library's own threads, and where a thread's stack ends.

use crate::status::{Result, Status};
use core::ffi::{c_void, CStr};
use core::ptr::null;
#[cfg(not(schedules))]
use core::{mem::zeroed, ptr::null_mut};

pub type Handle = libc::pthread_t;
pub type Main = extern "C" fn(*mut c_void) -> *mut c_void;

/// Starts a thread with all signals blocked but those that report its own faults: the host's handlers
/// run on the host's threads. `Err` carries errno.
#[cfg(not(schedules))]
pub fn start(stack_size: usize, main: Main, arg: *mut c_void) -> Result<Handle, i32> {
    // SAFETY: attributes and signal sets are initialised before use and destroyed after; `main` takes over `arg`.
    unsafe {
        let mut attr: libc::pthread_attr_t = zeroed();
        let mut rc = libc::pthread_attr_init(&mut attr);
        if rc != 0 {
            return Err(rc);
        }
        rc = libc::pthread_attr_setstacksize(&mut attr, stack_size);
        let mut handle: Handle = zeroed();
        if rc == 0 {
            let (mut block, mut before) = (zeroed(), zeroed());
            libc::sigfillset(&mut block);
            for fault in
                [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS]
            {
                libc::sigdelset(&mut block, fault);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &block, &mut before);
            rc = libc::pthread_create(&mut handle, &attr, main, arg);
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
        }
        libc::pthread_attr_destroy(&mut attr);
        if rc == 0 {
            Ok(handle)
        } else {
            Err(rc)
        }
    }
}

#[cfg(schedules)]
pub fn start(_stack_size: usize, main: Main, arg: *mut c_void) -> Result<Handle, i32> {
    Ok((crate::schedule::hooks().start)(main, arg as usize))
}

pub fn join(handle: Handle) {
    #[cfg(schedules)]
    (crate::schedule::hooks().join)(handle);
    #[cfg(not(schedules))]
    // SAFETY: each handle is joined or detached once, by the pool that started it.
    unsafe {
        libc::pthread_join(handle, null_mut())
    };
}

pub fn detach(handle: Handle) {
    #[cfg(schedules)]
    (crate::schedule::hooks().detach)(handle);
    #[cfg(not(schedules))]
    // SAFETY: as for `join`.
    unsafe {
        libc::pthread_detach(handle)
    };
}

pub fn current() -> Handle {
    #[cfg(schedules)]
    return (crate::schedule::hooks().current)();
    #[cfg(not(schedules))]
    // SAFETY: always succeeds.
    unsafe {
        libc::pthread_self()
    }
}

/// Names the calling thread for debuggers and `top`; the kernel keeps 15 characters.
pub fn set_name(name: &CStr) {
    // SAFETY: a terminated string; the kernel copies at most 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// The calling thread's stack: its lowest usable address and its end; empty when it cannot be told.
pub fn stack() -> (usize, usize) {
    #[cfg(schedules)]
    return (crate::schedule::hooks().stack)();
    #[cfg(not(schedules))]
    // SAFETY: attributes are initialised by the call that succeeded, and destroyed after.
    unsafe {
        let mut attr: libc::pthread_attr_t = zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attr) != 0 {
            return (0, 0);
        }
        let (mut low, mut size, mut guard) = (null_mut(), 0, 0);
        libc::pthread_attr_getstack(&attr, &mut low, &mut size);
        libc::pthread_attr_getguardsize(&attr, &mut guard);
        libc::pthread_attr_destroy(&mut attr);
        (low as usize + guard, low as usize + size)
    }
}

/// The smallest stack that pthread_create accepts.
pub fn min_stack() -> usize {
    // SAFETY: always succeeds or gives -1.
    let n = unsafe { libc::sysconf(libc::_SC_THREAD_STACK_MIN) };
    usize::try_from(n).unwrap_or(0).max(libc::PTHREAD_STACK_MIN)
}

/// A thread-specific value whose destructor runs when the thread ends.
pub struct Key(libc::pthread_key_t);

impl Key {
    pub fn new(at_exit: unsafe extern "C" fn(*mut c_void)) -> Result<Key> {
        let mut key = 0;
        // SAFETY: a valid place for the key.
        match unsafe { libc::pthread_key_create(&mut key, Some(at_exit)) } {
            0 => Ok(Key(key)),
            _ => Err(Status::CF_NO_MEMORY),
        }
    }

    pub fn from_raw(key: u32) -> Key {
        Key(key)
    }

    pub fn raw(&self) -> u32 {
        self.0
    }

    #[cfg(schedules)]
    pub fn set(&self, _value: *const c_void) -> Result<()> {
        Ok(()) // the program says itself that a thread of its kind ends
    }

    #[cfg(not(schedules))]
    pub fn set(&self, value: *const c_void) -> Result<()> {
        // SAFETY: the key stands for the life of the process.
        match unsafe { libc::pthread_setspecific(self.0, value) } {
            0 => Ok(()),
            _ => Err(Status::CF_NO_MEMORY),
        }
    }

    pub fn clear(&self) {
        let _ = self.set(null());
    }
}
