//! One pointer for each thread, in two instructions.
//!
//! Called by: `runner`, at the beginning of nearly every call of the interface.
//!
//! A `thread_local!` of a shared library is found by a call into the loader each time. Eight bytes of the room that
//! every thread has from its start (the "initial exec" model, for which libc keeps some for libraries that are
//! loaded late) are found without, but stable Rust has no word for it: hence the few lines of assembly, where the
//! processor and the C library are known. Elsewhere it is a `thread_local!`.

use core::ffi::c_void;

#[cfg(all(target_arch = "x86_64", target_env = "gnu", not(any(miri, schedules))))]
mod place {
    use core::arch::{asm, global_asm};
    use core::ffi::c_void;

    global_asm!(
        ".pushsection .tbss.cfutures_own, \"awT\", @nobits",
        ".balign 8",
        ".hidden cfutures_own",
        ".globl cfutures_own",
        ".type cfutures_own, @object",
        ".size cfutures_own, 8",
        "cfutures_own:",
        ".zero 8",
        ".popsection",
    );

    #[inline]
    pub fn get() -> *mut c_void {
        let p: *mut c_void;
        // SAFETY: reads this thread's eight bytes.
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + cfutures_own@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) p,
                options(pure, readonly, nostack, preserves_flags)
            )
        };
        p
    }

    pub fn set(p: *mut c_void) {
        // SAFETY: writes this thread's eight bytes.
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + cfutures_own@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) p,
                options(nostack, preserves_flags)
            )
        };
    }
}

#[cfg(schedules)]
mod place {
    use crate::schedule::hooks;
    use core::ffi::c_void;

    pub fn get() -> *mut c_void {
        (hooks().own)(0, None)
    }

    pub fn set(p: *mut c_void) {
        (hooks().own)(0, Some(p));
    }
}

#[cfg(not(any(schedules, all(target_arch = "x86_64", target_env = "gnu", not(miri)))))]
mod place {
    use core::cell::Cell;
    use core::ffi::c_void;

    thread_local! {
        static OWN: Cell<*mut c_void> = const { Cell::new(core::ptr::null_mut()) };
    }

    #[inline]
    pub fn get() -> *mut c_void {
        OWN.get()
    }

    pub fn set(p: *mut c_void) {
        OWN.set(p);
    }
}

/// This thread's pointer; NULL until it is set.
#[inline]
pub fn get() -> *mut c_void {
    place::get()
}

pub fn set(p: *mut c_void) {
    place::set(p);
}
