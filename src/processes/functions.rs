//! How a function travels to a worker: as a place in a loaded object that both have, or by a registered name.
//!
//! Owns: the host's list of functions that tasks have used, which workers see as a table in shared memory; in a
//! worker, what their ids mean there. Called by: submit (`identify`), a worker before each task (`resolve`), the C
//! interface (`register`).
//!
//! Always true:
//! - an entry is whole before its id is given out, and never changes: the host compares with private copies, and
//!   writes them once more now and then, as workers may write over them;
//! - the loader's lock and the lock in here are never held together: a library's initializer may submit;
//! - a worker compares the object's identity before it calls into it: a file that has changed fails the task.

use super::arena::Arena;
use super::layout::{Function, FUNCTIONS, MOST_FUNCTIONS};
use super::names::{self, Named};
use crate::capi::types::TaskFn;
use crate::error::Lossy;
use crate::status::{Result, Status};
use crate::sync::{AtomicPtr, AtomicUsize, Lock, Ordering::*};
use crate::sys::{loader, pages};
use core::ffi::CStr;
use core::fmt::{self, Write};
use core::ptr::{null, null_mut};

pub use super::names::register;

/// `Function::kind`: by build id; by its file; by its name, with the object as a second way.
const BUILD_ID: u32 = 1;
const FILE: u32 = 2;
const NAME: u32 = 3;
/// With it: the object is the host's program, which no worker can load.
const PROGRAM: u32 = 0x100;

const PATH: usize = 464;
const CACHE: usize = 64;

/// The host's side.
pub struct Functions(Lock<State>);

struct State {
    /// While this stays, an address means what it meant.
    stamp: Stamp,
    /// Address and id, by address.
    cache: [(usize, u32); CACHE],
    known: Vec<Known>,
    /// What stands in the table, for the case that a worker writes over it.
    entries: Vec<Function>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Stamp {
    loader: loader::Counts,
    names: usize,
}

/// What makes two functions the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Known {
    kind: u32,
    id_size: u32,
    id: [u8; loader::ID],
    offset: u64,
    name: *const Named,
}

// SAFETY: names are never freed, and never change.
unsafe impl Send for Known {}

/// An object's identity and where in it the function lies.
struct Place {
    known: Known,
    /// Terminated; empty if it is too long.
    path: [u8; PATH],
}

impl Functions {
    pub fn new() -> Functions {
        Functions(Lock::new(State {
            stamp: Stamp::default(),
            cache: [(0, 0); CACHE],
            known: Vec::new(),
            entries: Vec::new(),
        }))
    }

    /// The id of a function, at least 1. `helper`: the workers run another program than this one.
    pub fn identify(&self, arena: &Arena, func: TaskFn, helper: bool) -> Result<u32> {
        // Read before the function is looked up: what changes meanwhile makes the entry useless, not wrong.
        let stamp = Stamp { loader: loader::counts(), names: names::count() };
        let address = func as usize;
        let line = (address >> 4 ^ address >> 12) % CACHE;
        {
            let state = self.0.lock();
            // A loader that does not count gives no reason to believe the cache.
            if state.stamp == stamp && state.cache[line].0 == address && stamp.loader.loaded > 0 {
                return Ok(state.cache[line].1);
            }
        }
        let place = describe(func, helper)?;
        let mut state = self.0.lock();
        let id = state.enter(arena, &place)?;
        if state.stamp != stamp {
            state.cache.fill((0, 0));
            state.stamp = stamp;
        }
        state.cache[line] = (address, id);
        Ok(id)
    }
}

impl Functions {
    /// Writes the table once more, as somebody may have written over it.
    pub fn mend(&self, arena: &Arena) {
        for (i, entry) in self.0.lock().entries.iter().enumerate() {
            let at = FUNCTIONS + i * size_of::<Function>();
            // SAFETY: it has memory since it was entered; where it was right, nothing changes for those who read it.
            unsafe { arena.address(at).cast::<Function>().write(*entry) };
        }
    }
}

impl State {
    fn enter(&mut self, arena: &Arena, place: &Place) -> Result<u32> {
        if let Some(i) = self.known.iter().position(|k| *k == place.known) {
            return Ok(i as u32 + 1);
        }
        let i = self.known.len();
        if i == MOST_FUNCTIONS || self.known.try_reserve(1).is_err() || self.entries.try_reserve(1).is_err() {
            return Err(Status::CF_NO_MEMORY);
        }
        let at = FUNCTIONS + i * size_of::<Function>();
        arena.commit(at, size_of::<Function>())?;
        let Known { kind, id_size, id, offset, .. } = place.known;
        let entry = Function { kind, id_size, id, offset, path: place.path };
        // SAFETY: the table has room for this entry, which has memory now and whose id nobody knows yet.
        unsafe { arena.address(at).cast::<Function>().write(entry) };
        self.known.push(place.known);
        self.entries.push(entry);
        Ok(i as u32 + 1)
    }
}

fn describe(func: TaskFn, helper: bool) -> Result<Place> {
    let object = find_object(func as usize);
    match names::name_of(func) {
        Some(named) => {
            let unknown = Known { kind: 0, id_size: 0, id: [0; loader::ID], offset: 0, name: null() };
            let mut place = object.unwrap_or(Place { known: unknown, path: [0; PATH] });
            // A worker that was forked before the name was registered finds the function by its object.
            place.known.id_size = if place.known.kind & !PROGRAM == BUILD_ID { place.known.id_size } else { 0 };
            (place.known.kind, place.known.name) = (NAME, named);
            place.path = [0; PATH];
            let name = named.name().to_bytes();
            place.path[..name.len()].copy_from_slice(name);
            Ok(place)
        }
        None => object.filter(|o| !(helper && o.known.kind & PROGRAM != 0)).ok_or(Status::CF_UNKNOWN_FUNCTION),
    }
}

/// The loaded object whose code lies there.
fn find_object(address: usize) -> Option<Place> {
    let mut name = [0u8; libc::PATH_MAX as usize];
    let mut found = None;
    loader::each_object(|o| {
        found = o.offset_of(address).map(|offset| (offset, o.build_id(), o.is_program));
        let bytes = o.name().to_bytes();
        if let (true, Some(place)) = (found.is_some(), name.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
        found.is_none()
    });
    let (offset, build_id, is_program) = found?;
    let name = if is_program { loader::PROGRAM } else { CStr::from_bytes_until_nul(&name).ok()? };
    let (kind, id, id_size) = match build_id {
        Some((id, size)) => (BUILD_ID, id, size as u32),
        None => (FILE, loader::file_id(name)?, loader::ID as u32),
    };
    let mut path = [0; PATH];
    if name.to_bytes().first() == Some(&b'/') && !is_program {
        let bytes = name.to_bytes_with_nul();
        path.get_mut(..bytes.len()).into_iter().for_each(|p| p.copy_from_slice(bytes));
    } else {
        // Relative to where this process was when it loaded the object.
        loader::whole_path(name, &mut path);
    }
    let kind = if is_program { kind | PROGRAM } else { kind };
    Some(Place { known: Known { kind, id_size, id, offset, name: null() }, path })
}

/// Why a worker has no such function: terminated text, cut where it does not fit.
pub struct Reason {
    text: [u8; 256],
    len: usize,
}

impl Reason {
    pub fn new() -> Reason {
        Reason { text: [0; 256], len: 0 }
    }

    /// For whoever has nothing to return then.
    fn say<T>(&mut self, text: fmt::Arguments) -> Option<T> {
        *self = Reason::new();
        let _ = self.write_fmt(text);
        None
    }

    pub fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or(c"")
    }
}

impl Write for Reason {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let mut n = s.len().min(self.text.len() - 1 - self.len);
        while !s.is_char_boundary(n) {
            n -= 1;
        }
        let s = &s[..n];
        self.text[self.len..self.len + s.len()].copy_from_slice(s.as_bytes());
        self.len += s.len();
        Ok(())
    }
}

/// In a worker: addresses by id, 0 where none is known yet, and whose ids they are: a worker that makes a pool of its
/// own passes this on to that pool's workers.
static RESOLVED: AtomicPtr<[AtomicUsize; MOST_FUNCTIONS]> = AtomicPtr::new(null_mut());
static TABLE: AtomicUsize = AtomicUsize::new(0);

/// A worker's cache; none if there is no memory for it.
fn resolved(table: &[Function]) -> Option<&'static [AtomicUsize; MOST_FUNCTIONS]> {
    let mut cache = RESOLVED.load(Relaxed);
    // The arena of the pool that an ancestor works for is still mapped there: this one lies elsewhere.
    if TABLE.load(Relaxed) != table.as_ptr().addr() {
        cache = pages::map(MOST_FUNCTIONS * size_of::<usize>()).ok()?.as_ptr().cast();
        RESOLVED.store(cache, Relaxed);
        TABLE.store(table.as_ptr().addr(), Relaxed);
    }
    // SAFETY: zeroed pages, which are never unmapped.
    Some(unsafe { &*cache })
}

/// In a worker, which has one thread that calls this: the function with this id, or why there is none.
pub fn resolve(table: &[Function], id: u32, why: &mut Reason) -> Option<TaskFn> {
    let index = id.wrapping_sub(1) as usize;
    let cache = resolved(table).and_then(|c| c.get(index));
    let mut address = cache.map_or(0, |c| c.load(Relaxed));
    if address == 0 {
        let Some(entry) = table.get(index) else { return why.say(format_args!("no function has the number {id}")) };
        // SAFETY: plain bytes; the host wrote them before it gave out the id.
        address = look_up(&unsafe { core::ptr::read(entry) }, why)?;
        cache.into_iter().for_each(|c| c.store(address, Relaxed));
    }
    // SAFETY: where an object of the same identity has this function's code.
    Some(unsafe { core::mem::transmute::<*const (), TaskFn>(core::ptr::with_exposed_provenance(address)) })
}

fn look_up(entry: &Function, why: &mut Reason) -> Option<usize> {
    let path = CStr::from_bytes_until_nul(&entry.path).unwrap_or(c"");
    let (kind, name) = (entry.kind & !PROGRAM, Lossy(path));
    if let (NAME, Some(func)) = (kind, names::find(path)) {
        return Some(func as usize);
    }
    if let Some(address) = find_loaded(entry, path) {
        return Some(address);
    }
    if kind == NAME {
        return why.say(format_args!("no task is registered as '{name}' in the worker"));
    }
    if entry.kind & PROGRAM != 0 {
        return why.say(format_args!("the worker runs another program than {name}: register the task by name"));
    }
    if path.is_empty() {
        return why.say(format_args!("the path of the task's library is too long for the worker to load it"));
    }
    if let Err(text) = loader::load(path) {
        return why.say(format_args!("cannot load {name}: {}", Lossy(text)));
    }
    find_loaded(entry, path).or_else(|| why.say(format_args!("{name} has changed on disk since it was loaded")))
}

/// Where the function lies in an object that is loaded; of several that are the same, in the one of that path.
fn find_loaded(entry: &Function, path: &CStr) -> Option<usize> {
    if entry.id_size == 0 {
        return None;
    }
    let same = |o: &loader::Object| match o.build_id() {
        Some((id, size)) => entry.kind & !PROGRAM != FILE && size == entry.id_size as usize && id == entry.id,
        None if o.is_program => entry.kind == FILE | PROGRAM && loader::file_id(loader::PROGRAM) == Some(entry.id),
        None => entry.kind == FILE && loader::file_id(o.name()) == Some(entry.id),
    };
    let mut found = None;
    loader::each_object(|o| {
        let address = if same(o) { o.address_of(entry.offset) } else { None };
        let exact = address.is_some() && (o.is_program || o.name() == path);
        found = if exact { address } else { found.or(address) };
        !exact
    });
    found
}

#[cfg(test)]
mod tests;
