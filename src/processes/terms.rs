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
    /// RLIMIT_DATA of a worker beyond what it has at its start; 0 is no limit.
    pub memory_limit: u64,
    /// Workers are called `<name>_<i>`.
    pub name: &'static [u8],
    /// The id of a function, or 0: run by each worker before its first task.
    pub initializer: u32,
    pub initializer_arg: &'static [u8],
}

/// Where the copy will lie, and how much it is: made at a zygote's start, as nothing may fail after that.
pub struct Room {
    place: *mut u8,
    name_size: usize,
    arg_size: usize,
}

impl Room {
    /// In pages of its own: a zygote must not allocate. The host has written the sizes before there was a zygote.
    pub fn reserve(view: &View) -> Result<Room> {
        let (name_size, arg_size) = (view.control().name_size as usize, view.control().initializer_size as usize);
        let place = pages::map((name_size + arg_size).max(1).next_multiple_of(pages::PAGE))?.as_ptr();
        Ok(Room { place, name_size, arg_size })
    }

    /// # Safety
    /// The host has written all of it, and there is no worker yet.
    pub unsafe fn copy(&self, view: &View) -> Terms {
        let Room { place, name_size, arg_size } = *self;
        let control = view.control();
        let take = |from: u64, to: *mut u8, size: usize| {
            // SAFETY: the caller's promise, and room for both in pages that are never unmapped.
            unsafe {
                to.copy_from_nonoverlapping(view.bytes(from, size as u64).as_ptr(), size);
                core::slice::from_raw_parts(to, size)
            }
        };
        Terms {
            max_workers: control.max_workers,
            max_tasks: control.max_tasks,
            memory_limit: control.memory_limit,
            name: take(control.name_at, place, name_size),
            initializer: control.initializer,
            initializer_arg: take(control.initializer_at, place.wrapping_add(name_size), arg_size),
        }
    }
}
