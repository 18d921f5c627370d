//! What lies in the shared memory, and where: the words that host, zygotes and workers agree on.
//!
//! Owns: the types of the fixed part of the arena. Called by: everything in `processes`, on both sides.
//!
//! ```text
//!   0          Control                         one
//!   WORKERS    WorkerArea x MOST_WORKERS       each worker writes its own
//!   DONE       one bit per slot, with a summary: completions that the supervisor is to collect
//!   FUNCTIONS  Function x MOST_FUNCTIONS       written by the host, read by workers
//!   RING       cells x MOST_SLOTS              the ready queue, written by the host
//!   SLOTS      Slot x MOST_SLOTS               one task each
//!   HEAP       blocks and segments             handed out by `blocks`
//! ```
//!
//! Always true:
//! - every value that a worker can write is read once and checked by the host before it is used;
//! - ownership, generations of free slots, free lists and limits are nowhere in here: they are private to the host;
//! - a zeroed page is harmless: generation 0 is never in use, a zeroed cell names slot 0 in generation 0.

use super::slot::Word;
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, AtomicU8};
use core::mem::size_of;

/// Indices of workers have 12 bits in the slot's word; this many are allowed.
pub const MOST_WORKERS: usize = 1024;
pub const MOST_FUNCTIONS: usize = 4096;
pub const MOST_SLOTS: usize = 1 << 20;
/// Bytes of argument and of result that lie in the slot itself.
pub const INLINE: usize = 80;

pub const WORKERS: usize = 64 << 10;
pub const DONE: usize = WORKERS + MOST_WORKERS * size_of::<WorkerArea>();
const DONE_SIZE: usize = (MOST_SLOTS / 64 + MOST_SLOTS / 4096) * 8;
pub const FUNCTIONS: usize = (DONE + DONE_SIZE).next_multiple_of(4096);
pub const RING: usize = FUNCTIONS + MOST_FUNCTIONS * size_of::<Function>();
pub const SLOTS: usize = RING + MOST_SLOTS * 8;
pub const HEAP: usize = SLOTS + MOST_SLOTS * size_of::<Slot>();
/// No arena is larger.
pub const ARENA: usize = 64 << 30;

/// Of this layout and of what host and zygotes say to each other; a worker of another version of the library refuses to serve.
pub const MAGIC: u64 = 0x6366_7574_0000_0002;

/// A line of its own, so that one side's writes do not disturb the other's reads.
#[repr(C, align(128))]
pub struct Apart<T>(pub T);

/// Written by the host before any worker exists, but for the words that are apart.
#[repr(C)]
pub struct Control {
    pub magic: u64,
    pub host_pid: i32,
    pub max_workers: u32,
    /// A worker takes so many tasks, then leaves; 0 is no limit.
    pub max_tasks: u64,
    /// RLIMIT_DATA of a worker beyond what it has at its start; 0 is no limit.
    pub memory_limit: u64,
    /// Run by each worker before its first task: function, offset and size of its argument.
    pub initializer: u32,
    pub initializer_size: u64,
    pub initializer_at: u64,
    /// Workers are called `<prefix>_<i>`: offset and size of the prefix.
    pub name_at: u64,
    pub name_size: u64,
    /// Crash points, for tests: which point, at its how manyth passing, by which signal.
    pub crash_at: AtomicU32,
    pub crash_nth: AtomicU32,
    pub crash_signal: AtomicU32,
    pub crash_budget: AtomicI32,
    pub crash_hits: AtomicU32,
    /// Who met the point last.
    pub crash_pid: AtomicI32,
    /// The ready queue's counts.
    pub head: Apart<AtomicU64>,
    pub tail: Apart<AtomicU64>,
    /// One bit per worker that sleeps or is about to.
    pub sleepers: Apart<[AtomicU64; MOST_WORKERS / 64]>,
    /// The pool ends: workers that find nothing to do leave.
    pub stop: Apart<AtomicU32>,
    /// Numbers the completions that are collected, for the order of callbacks.
    pub completions: Apart<AtomicU64>,
    /// The supervisor is, or is about to be, asleep: who has news for it must ring.
    pub supervisor_sleeps: Apart<AtomicU32>,
}

const _: () = assert!(size_of::<Control>() <= WORKERS);

/// What one worker tells of itself.
#[repr(C, align(128))]
pub struct WorkerArea {
    /// The cell of the task that it is about to claim, or has claimed: `slot:32 | generation:32`.
    pub intent: AtomicU64,
    /// Written by the host: the incarnation that may touch shared queues.
    pub go: AtomicU32,
    /// What the worker sleeps on: 1 while it sleeps.
    pub nap: AtomicU32,
    /// It has come through its start and its initializer.
    pub is_ready: AtomicU32,
    /// Why it leaves of its own will: see `Leave`.
    pub leave: AtomicU32,
    /// A request for memory: rises when `want_size` is written; `got` follows when the answer stands.
    pub want: AtomicU32,
    pub got: AtomicU32,
    pub want_size: AtomicU64,
    pub got_at: AtomicU64,
    pub got_size: AtomicU64,
    /// Why its initializer failed: code and terminated text.
    pub failure_code: AtomicI32,
    pub failure_text: [AtomicU8; 188],
}

const _: () = assert!(size_of::<WorkerArea>() == 256);

/// `WorkerArea::leave`.
pub const LEAVE_NOT: u32 = 0;
/// It has run as many tasks as it may.
pub const LEAVE_RETIRED: u32 = 1;
/// The pool has ended.
pub const LEAVE_STOPPED: u32 = 2;
/// Its initializer failed; the text says why.
pub const LEAVE_INITIALIZER: u32 = 3;

/// How a worker finds a task's function. Written once by the host, before a slot names it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Function {
    /// See `functions`.
    pub kind: u32,
    pub id_size: u32,
    /// Build id of the object, or device, inode, size and time of its file.
    pub id: [u8; 32],
    /// Where the function lies from the object's load address.
    pub offset: u64,
    /// Terminated: the object's path, or the registered name.
    pub path: [u8; 464],
}

const _: () = assert!(size_of::<Function>() == 512);

/// `Slot::kind`: the argument is a portion of a map, see `portion`.
pub const PORTION: u32 = 1;
/// `Slot::kind`: the argument lies in memory of the program's own, which stays.
pub const PASSED: u32 = 2;

/// One task. The word says who may touch the rest.
#[repr(C, align(64))]
pub struct Slot {
    /// See `slot`.
    pub word: Word,
    // Written by the host before the word is READY.
    pub func: AtomicU32,
    /// `PORTION`, `PASSED` or 0.
    pub kind: AtomicU32,
    pub arg_size: AtomicU64,
    /// Offset in the arena; 0 means inline.
    pub arg_at: AtomicU64,
    pub index: AtomicU64,
    /// Offset of the map's context, 0 for none.
    pub context: AtomicU64,
    /// Its size, if it goes with the map; 0 if it lies in memory of the program's own, which stays.
    pub context_size: AtomicU64,
    _aligns: u64,
    // Written by the worker before the word is DONE.
    /// A status, 0 for success.
    pub status: AtomicI32,
    /// The task's own code.
    pub code: AtomicI32,
    /// Size of the result, or of a failure's text.
    pub result_size: AtomicU64,
    /// Offset in the arena; 0 means inline.
    pub result_at: AtomicU64,
    /// Its number among the completions that are collected.
    pub number: AtomicU64,
    pub arg: [AtomicU64; INLINE / 8],
    pub result: [AtomicU64; INLINE / 8],
}

const _: () = assert!(size_of::<Slot>() == 256);
// Arguments and results are aligned as malloc aligns.
const _: () = assert!(core::mem::offset_of!(Slot, arg) % 16 == 0 && core::mem::offset_of!(Slot, result) % 16 == 0);
