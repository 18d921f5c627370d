//! What all workers of a pool have in common, in memory that no worker shares.
//!
//! Owns: the zygotes' copy of what the host has written into the head of the shared memory. Called by: the first zygote,
//! when the host says that it stands; each worker at its start.
//!
//! Always true: it is made before the first worker exists, and standbys and workers are forked from who has made it. So a
//! worker that writes over the shared memory spoils it for no other: neither a length that a new worker would go by, nor
//! the argument of its initializer.

use super::view::View;
use crate::status::Result;
use crate::sys::pages;

#[derive(Clone, Copy)]
pub struct Terms {
    pub max_workers: u32,
    /// A worker takes so many tasks, then leaves; 0 is no limit.
    pub max_tasks: u64,
    /// RLIMIT_AS of a worker beyond what it has at its start; 0 is no limit.
    pub memory_limit: u64,
    /// Workers are called `<name>_<i>`.
    pub name: &'static [u8],
    /// The id of a function, or 0: run by each worker before its first task.
    pub initializer: u32,
    pub initializer_arg: &'static [u8],
}

impl Terms {
    /// In a zygote, which must not allocate: in pages of their own.
    ///
    /// # Safety
    /// The host has written all of it, and there is no worker yet.
    pub unsafe fn copy(view: &View) -> Result<Terms> {
        let control = view.control();
        // SAFETY: the caller's promise.
        let (name, arg) = unsafe {
            (
                view.bytes(control.name_at, control.name_size),
                view.bytes(control.initializer_at, control.initializer_size),
            )
        };
        let size = (name.len() + arg.len()).max(1).next_multiple_of(pages::PAGE);
        let place = pages::map(size)?.as_ptr();
        // SAFETY: fresh pages with room for both, which are never unmapped.
        let (name, initializer_arg) = unsafe {
            let second = place.add(name.len());
            place.copy_from_nonoverlapping(name.as_ptr(), name.len());
            second.copy_from_nonoverlapping(arg.as_ptr(), arg.len());
            (core::slice::from_raw_parts(place, name.len()), core::slice::from_raw_parts(second, arg.len()))
        };
        Ok(Terms {
            max_workers: control.max_workers,
            max_tasks: control.max_tasks,
            memory_limit: control.memory_limit,
            name,
            initializer: control.initializer,
            initializer_arg,
        })
    }
}
