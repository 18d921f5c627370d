//! The only home of raw system calls: thin functions, one file per idea.
//!
//! Called by: everything; no other module names `libc` functions that enter the kernel.
//! Fault injection and fallbacks for older kernels belong here.

pub mod clock;
#[cfg(not(loom))]
pub mod cpus;
#[cfg(not(loom))]
pub mod eventfd;
#[cfg(not(loom))]
pub mod futex;
pub mod pages;
#[cfg(not(loom))]
pub mod thread;
