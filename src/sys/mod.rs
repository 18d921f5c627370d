//! The only home of raw system calls: thin functions, one file per idea.
//!
//! Called by: everything; no other module names `libc` functions that enter the kernel.
//! Fault injection and fallbacks for older kernels belong here.

pub mod clock;
#[cfg(not(loom))]
pub mod cpus;
#[cfg(not(loom))]
pub mod epoll;
#[cfg(not(loom))]
pub mod eventfd;
#[cfg(not(loom))]
pub mod fd;
#[cfg(not(loom))]
pub mod futex;
#[cfg(not(loom))]
pub mod limits;
#[cfg(not(loom))]
pub mod loader;
#[cfg(not(loom))]
pub mod memfd;
#[cfg(not(loom))]
pub mod memory;
#[cfg(not(loom))]
pub mod own;
pub mod pages;
#[cfg(not(loom))]
pub mod pidfd;
#[cfg(not(loom))]
pub mod poll;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod program;
#[cfg(not(loom))]
pub mod signals;
#[cfg(not(loom))]
pub mod socket;
#[cfg(not(loom))]
pub mod spawn;
#[cfg(not(loom))]
pub mod stdio;
#[cfg(not(loom))]
pub mod thread;

/// Of the calling thread.
#[cfg(not(loom))]
pub fn errno() -> i32 {
    // SAFETY: always a valid place.
    unsafe { *libc::__errno_location() }
}
