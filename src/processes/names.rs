//! Functions that have a name, for tasks that no loader can name: `cf_register_task`.
//!
//! Owns: one list for the whole process, which only grows. Called by: `functions`, the C interface.
//!
//! Always true: an entry is complete before it is in the list, and never changes; there is no lock, so a forked
//! child finds the list whole.

use crate::capi::types::TaskFn;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, Ordering::*};
use core::ffi::CStr;
use core::ptr::null_mut;

const MOST: usize = 1024;
/// With its end: what fits into the shared table.
pub const LONGEST: usize = 464;

pub struct Named {
    name: [u8; LONGEST],
    pub func: TaskFn,
    next: *mut Named,
    /// Entries from here to the end of the list.
    count: usize,
}

static LIST: AtomicPtr<Named> = AtomicPtr::new(null_mut());

impl Named {
    pub fn name(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or(c"")
    }
}

/// The entries, the latest first.
fn entries() -> impl Iterator<Item = &'static Named> {
    // Acquire: pairs with the Release in `register`. SAFETY: entries are never freed.
    let mut at = LIST.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: null, or an entry, which is never freed.
        let entry = unsafe { at.as_ref() }?;
        at = entry.next;
        Some(entry)
    })
}

/// How many names there are: changes when a cache has to be asked anew.
pub fn count() -> usize {
    entries().next().map_or(0, |e| e.count)
}

/// The first name that a function was given.
pub fn name_of(func: TaskFn) -> Option<&'static Named> {
    entries().filter(|e| e.func as usize == func as usize).last()
}

pub fn find(name: &CStr) -> Option<TaskFn> {
    entries().find(|e| e.name() == name).map(|e| e.func)
}

/// Gives a function a name. The same again changes nothing; another function under a taken name is refused.
pub fn register(name: &CStr, func: TaskFn) -> Result<()> {
    let bytes = name.to_bytes();
    if bytes.is_empty() || bytes.len() >= LONGEST {
        return Err(Status::CF_INVALID_ARGUMENT);
    }
    let mut copy = [0; LONGEST];
    copy[..bytes.len()].copy_from_slice(bytes);
    let mut fresh: *mut Named = null_mut();
    let result = loop {
        let head = LIST.load(Acquire);
        if let Some(known) = find(name) {
            break if known as usize == func as usize { Ok(()) } else { Err(Status::CF_INVALID_STATE) };
        }
        let count = count() + 1;
        if count > MOST {
            break Err(Status::CF_NO_MEMORY);
        }
        if fresh.is_null() {
            fresh = match mem::try_new(Named { name: copy, func, next: head, count }) {
                Ok(entry) => entry.as_ptr(),
                Err(e) => break Err(e),
            };
        }
        // SAFETY: nobody else knows the entry yet.
        unsafe { ((*fresh).next, (*fresh).count) = (head, count) };
        // Release: publishes the entry. A head that has moved may hide the same name: look again.
        if LIST.compare_exchange(head, fresh, AcqRel, Relaxed).is_ok() {
            return Ok(());
        }
    };
    if !fresh.is_null() {
        // SAFETY: made above, and never in the list.
        unsafe { mem::free(fresh) };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::cf_task;
    use core::ffi::c_void;

    unsafe extern "C-unwind" fn one(_: *mut cf_task, _: *mut c_void, _: usize) -> i32 {
        1
    }
    unsafe extern "C-unwind" fn two(_: *mut cf_task, _: *mut c_void, _: usize) -> i32 {
        2
    }

    #[test]
    fn a_name_belongs_to_one_function() {
        assert_eq!(register(c"names.one", one), Ok(()));
        assert_eq!(register(c"names.one", one), Ok(()));
        assert_eq!(register(c"names.one", two), Err(Status::CF_INVALID_STATE));
        assert_eq!(register(c"names.also", one), Ok(()));
        assert_eq!(name_of(one).unwrap().name(), c"names.one");
        assert_eq!(find(c"names.also").unwrap() as usize, one as *const () as usize);
        assert!(find(c"names.none").is_none() && name_of(two).is_none());
        assert_eq!(register(c"", one), Err(Status::CF_INVALID_ARGUMENT));
        let long = std::ffi::CString::new(vec![b'x'; LONGEST]).unwrap();
        assert_eq!(register(&long, one), Err(Status::CF_INVALID_ARGUMENT));
    }

    #[test]
    fn threads_that_register_the_same_name_agree() {
        let names: Vec<_> = (0..50).map(|i| std::ffi::CString::new(format!("names.race.{i}")).unwrap()).collect();
        let won = std::thread::scope(|s| {
            let run = |f: TaskFn| names.iter().filter(|n| register(n, f).is_ok()).count();
            let (a, b) = (s.spawn(move || run(one)), s.spawn(move || run(two)));
            a.join().unwrap() + b.join().unwrap()
        });
        assert_eq!(won, 50);
    }
}
