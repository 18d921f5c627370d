//! What the submitted tasks do, and what the model expects of each.
//!
//! Called by: the library, in threads and worker processes; `outcome` by the model.
//! Always true: a task marks that it ran, checks its argument byte by byte, and its outcome follows from the argument.

use crate::ffi::*;
use crate::marks::{self, Mark};
use std::ffi::{c_void, CStr};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering::*};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Job {
    /// Eight bytes.
    Value,
    /// Hundreds of bytes, written in place.
    Big,
    /// No result.
    Empty,
    /// Returns a code.
    Code,
    /// Fails with code and message.
    Fail,
    /// Gives an object.
    Object,
    /// Gives an object, then bytes in its place.
    Replaced,
    /// Waits until the driver lets it go on.
    Gate,
    /// Submits a task to its own pool and waits for it. In threads only; elsewhere it is a `Value`.
    Nested,
    /// Dies. In processes only; elsewhere it is a `Code`.
    Die,
}

/// As it is submitted; bytes may follow, each the low byte of `n`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Arg {
    pub mark: *const Mark,
    pub job: Job,
    pub n: u32,
}

pub const ARG: usize = size_of::<Arg>();
/// Of a task that submits, when its pool takes no more.
pub const REFUSED: i32 = 77;

/// How a task ends that is not cancelled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub status: Status,
    pub code: i32,
    pub message: Option<String>,
    pub bytes: Vec<u8>,
    pub is_object: bool,
}

impl Job {
    /// What it is in that kind of pool.
    pub fn fit(self, process: bool) -> Job {
        match (self, process) {
            (Job::Nested, true) => Job::Value,
            (Job::Die, false) => Job::Code,
            (job, _) => job,
        }
    }

    pub fn outcome(self, n: u32, process: bool) -> Outcome {
        let none = Outcome::default();
        let failed = Outcome { status: TASK_FAILED, code: n as i32 + 1, ..Outcome::default() };
        match self {
            Job::Value | Job::Replaced | Job::Gate | Job::Nested => Outcome { bytes: value(n).to_vec(), ..none },
            Job::Big => Outcome { bytes: vec![n as u8; big(n)], ..none },
            Job::Empty => none,
            Job::Code => failed,
            Job::Fail => Outcome { message: Some(message(n).to_str().unwrap().into()), ..failed },
            Job::Object if process => Outcome { status: UNSUPPORTED, ..none },
            Job::Object => Outcome { is_object: true, ..none },
            Job::Die => Outcome { status: WORKER_DIED, ..none },
        }
        .replaced(self, process)
    }

    /// How many objects it gives away.
    pub fn objects(self) -> u32 {
        matches!(self, Job::Object | Job::Replaced) as u32
    }
}

impl Outcome {
    /// In a process the first of two results fails the call for good.
    fn replaced(self, job: Job, process: bool) -> Outcome {
        if job == Job::Replaced && process {
            return Outcome { status: UNSUPPORTED, ..Outcome::default() };
        }
        self
    }
}

pub fn value(n: u32) -> [u8; 8] {
    (u64::from(n) * 7 + 1).to_ne_bytes()
}

fn big(n: u32) -> usize {
    300 + n as usize * 4
}

fn message(n: u32) -> &'static CStr {
    [c"", c"it went wrong", c"ein Fehler: \xc3\xbc"][n as usize % 3]
}

/// Every task of the driver.
pub extern "C" fn run(task: *mut Task, arg: *mut c_void, size: usize) -> i32 {
    // SAFETY: the argument is what the driver submitted, or its copy.
    let (a, tail) = unsafe {
        let tail = std::slice::from_raw_parts(arg.cast::<u8>().add(ARG), size.saturating_sub(ARG));
        (*arg.cast::<Arg>(), tail)
    };
    let mark = Mark::of(a.mark.cast());
    mark.ran.fetch_add(1, Release);
    let aligned = (arg as usize).is_multiple_of(if size == 0 { 8 } else { 16 });
    if !aligned || size != 0 && size < ARG || tail.iter().any(|b| *b != a.n as u8) {
        mark.wrong.store(1, Relaxed);
    }
    work(task, a, mark)
}

fn work(task: *mut Task, a: Arg, mark: &Mark) -> i32 {
    let give = |bytes: [u8; 8]| cf_task_return(task, bytes.as_ptr().cast(), 8);
    match a.job {
        Job::Value => give(value(a.n)),
        Job::Gate => {
            mark.wait_open();
            give(value(a.n))
        }
        Job::Big => {
            let buffer = cf_task_result_buffer(task, big(a.n));
            // SAFETY: a buffer of that size.
            unsafe { buffer.cast::<u8>().write_bytes(a.n as u8, big(a.n)) };
            0
        }
        Job::Empty => 0,
        Job::Code => a.n as i32 + 1,
        Job::Fail => cf_task_fail(task, a.n as i32 + 1, message(a.n).as_ptr()),
        Job::Object => cf_task_return_owned(task, mark.as_data(), Some(free_object)),
        Job::Replaced => {
            cf_task_return_owned(task, mark.as_data(), Some(free_object));
            give(value(a.n))
        }
        Job::Nested => nest(task, a, mark),
        Job::Die => die(a.n),
    }
}

/// The child is the mark behind the task's own.
fn nest(task: *mut Task, a: Arg, mark: &Mark) -> i32 {
    // SAFETY: the driver takes two marks for such a task.
    let child = Arg { mark: unsafe { a.mark.add(1) }, job: Job::Value, n: a.n };
    let (mut future, mut got) = (null_mut(), [0u8; 8]);
    let pool = mark.handle.load(Relaxed).cast();
    match cf_executor_submit(pool, Some(run), (&raw const child).cast(), ARG, &mut future) {
        OK => {}
        SHUTDOWN => return REFUSED,
        _ => return -1,
    }
    let status = cf_future_result_into(future, FOREVER, got.as_mut_ptr().cast(), 8);
    cf_future_release(future);
    match status {
        OK => cf_task_return(task, got.as_ptr().cast(), 8),
        CANCELLED => REFUSED, // by a shutdown that cancels
        other => other,
    }
}

fn die(n: u32) -> i32 {
    // SAFETY: ends this worker process.
    unsafe {
        match n % 2 {
            0 => libc::abort(),
            _ => libc::_exit(3),
        }
    }
}

/// Of an owned argument, which is a box of an `Arg`.
pub extern "C" fn free_arg(data: *mut c_void) {
    // SAFETY: made by the driver, and given away once; a second time is what the count is to show.
    let arg = unsafe { *data.cast::<Arg>() };
    if Mark::of(arg.mark.cast()).freed.fetch_add(1, AcqRel) == 0 {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(data.cast::<Arg>()) });
    }
}

pub extern "C" fn free_object(data: *mut c_void) {
    Mark::of(data).object.fetch_add(1, AcqRel);
}

/// Of tags, of user data, and of what callbacks are given.
pub extern "C" fn free_mark(data: *mut c_void) {
    Mark::of(data).freed.fetch_add(1, AcqRel);
}

static ORDER: AtomicU32 = AtomicU32::new(1);

pub extern "C" fn on_done(future: *mut Future, data: *mut c_void) {
    let mark = Mark::of(data);
    let same = mark.handle.load(Relaxed) == future.cast();
    if !same || !cf_future_done(future) || mark.freed.load(Relaxed) != 0 {
        mark.wrong.store(1, Relaxed);
    }
    mark.order.store(ORDER.fetch_add(1, Relaxed), Relaxed);
    mark.ran.fetch_add(1, AcqRel);
}

/// Adds another to the future, for the mark behind its own: it runs at once.
pub extern "C" fn on_done_again(future: *mut Future, data: *mut c_void) {
    on_done(future, data);
    // SAFETY: the driver takes two marks for such a callback.
    let next = Mark::of(unsafe { data.cast::<Mark>().add(1) }.cast());
    next.handle.store(future.cast(), Relaxed);
    let kept = cf_future_retain(future);
    let status = cf_future_add_done_callback(future, Some(on_done), next.as_data(), Some(free_mark));
    if status != OK || next.ran.load(Relaxed) != 1 {
        Mark::of(data).wrong.store(1, Relaxed);
    }
    cf_future_release(kept);
}

/// Counts the indices in `ran`; fails at the one that `order` names, if it is not 0.
pub extern "C" fn body(_task: *mut Task, begin: usize, end: usize, ctx: *mut c_void) -> i32 {
    let mark = Mark::of(ctx);
    mark.ran.fetch_add((end - begin) as u32, AcqRel);
    let bad = mark.order.load(Relaxed) as usize;
    (bad != 0 && (begin..end).contains(&bad)) as i32
}

/// The bytes of an argument with so many behind it.
pub fn bytes_of(arg: Arg, tail: usize) -> Vec<u8> {
    let mut bytes = vec![arg.n as u8; ARG + tail];
    // SAFETY: as many bytes, of a plain structure.
    unsafe { bytes.as_mut_ptr().cast::<Arg>().write_unaligned(arg) };
    bytes
}

pub fn arg(mark: usize, job: Job, n: u32) -> Arg {
    Arg { mark: marks::at(mark), job, n }
}

/// What lies there; empty for NULL.
pub fn bytes_at<'a>(data: *const c_void, size: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: a result of the library's, which stays while the driver has its future.
    unsafe { std::slice::from_raw_parts(data.cast(), size) }
}

pub fn text_at<'a>(text: *const std::ffi::c_char) -> &'a str {
    // SAFETY: a text of the library's, as above.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("not UTF-8")
}
