//! A worker process: from its first instruction to its end.
//!
//! Called by: the zygote, in a fresh child that has one thread and nothing of the zygote's.
//!
//! Always true:
//! - it touches no shared queue until the host says go, so that a worker of which nobody knows takes no task;
//! - it may be killed or stopped between any two steps: what it has claimed stands in its intent before the claim, and
//!   whoever sleeps on an outcome is woken before the next intent is written;
//! - it leaves by `_exit` only: the host's exit handlers are not run, what the task has printed is flushed.

use super::bell;
use super::functions;
use super::heap::WorkerHeap;
use super::layout::*;
use super::points::{point, Point};
use super::portion;
use super::queue::Ready;
use super::result::{FarResult, Words};
use super::slot::{inline_bytes, Cell, COLLECT, KILL, WAITERS};
use super::terms::Terms;
use super::view::View;
use crate::capi::types::TaskFn;
use crate::error::{cf_error, Lossy};
use crate::fork::Stamp;
use crate::future::ext::ALIGN;
use crate::future::node::Birth;
use crate::mem;
use crate::status::{Result, Status};
use crate::sync::{address, fence, AtomicI32, AtomicPtr, AtomicU8, Ordering::*};
use crate::sys::{eventfd, futex, limits, process, stdio};
use crate::task::{cf_task, Sink};
use crate::time::Deadline;
use core::ffi::{c_void, CStr};
use core::ptr::{null_mut, NonNull};

/// What a worker is told by the zygote.
pub struct WorkerSetup {
    pub base: *mut u8,
    pub size: usize,
    pub index: u16,
    pub incarnation: u32,
    /// The descriptor that wakes the supervisor.
    pub bell: i32,
    pub zygote: i32,
    pub terms: Terms,
}

/// Where this process's worker stands, for what is called without a context.
static VIEW: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static BELL: AtomicI32 = AtomicI32::new(-1);

struct Worker {
    view: View,
    me: u16,
    area: &'static WorkerArea,
    heap: WorkerHeap,
    name: &'static CStr,
    terms: Terms,
    stamp: Stamp,
}

/// A panic in the library's own code ends the process: nothing may return into the program from here.
struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Serves until the pool ends; never returns.
pub fn main(setup: WorkerSetup) -> ! {
    let _no_way_back = NoWayBack;
    VIEW.store(setup.base, Relaxed);
    BELL.store(setup.bell, Relaxed);
    // SAFETY: the zygote has mapped the arena at this address, and it stays mapped.
    let view = unsafe { View::new(setup.base, MOST_WORKERS) };
    let area = &view.areas()[setup.index as usize];
    #[cfg(feature = "failpoints")]
    super::points::arm(view.control());
    point(Point::Start);
    wait_for_go(area, setup.incarnation);
    point(Point::Go);
    limits::hook_exit();
    let heap = WorkerHeap::new(area, ring_supervisor);
    let terms = setup.terms;
    let name = take_name(terms.name, setup.index);
    let mut worker = Worker { view, me: setup.index, area, heap, name, terms, stamp: Stamp::new() };
    match terms.memory_limit {
        0 => {}
        limit => limits::limit_data(limit),
    }
    worker.initialize();
    worker.serve()
}

/// Waits until the host knows of this process; leaves if another was asked for in its place.
fn wait_for_go(area: &WorkerArea, incarnation: u32) {
    loop {
        // Acquire: pairs with the host's Release.
        let go = area.go.load(Acquire);
        if go == incarnation {
            return;
        }
        if (go.wrapping_sub(incarnation) as i32) > 0 {
            process::exit_now(0);
        }
        // SAFETY: a word of the shared memory.
        unsafe { futex::wait_shared(address(&area.go), go, Deadline::NEVER) };
    }
}

/// `<prefix>_<index>`, for the life of the process; the system's own name keeps the number and cuts the prefix, and so
/// does this one where there is no memory for all of it.
fn take_name(prefix: &[u8], index: u16) -> &'static CStr {
    static SHORT: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];
    let mut digits = [0u8; 8];
    let left = {
        use std::io::Write;
        let mut rest = &mut digits[..];
        let _ = write!(rest, "_{index}");
        rest.len()
    };
    let number = &digits[..digits.len() - left];
    let cut = &prefix[..prefix.len().min(15 - number.len())];
    // Relaxed: this process has one thread.
    SHORT.iter().zip(cut.iter().chain(number)).for_each(|(to, from)| to.store(*from, Relaxed));
    // SAFETY: never written again, and terminated: 15 bytes at most were written.
    let short = unsafe { CStr::from_ptr(SHORT.as_ptr().cast()) };
    process::set_name(short);
    let size = prefix.len() + number.len();
    let Ok(whole) = mem::try_bytes(size + 1, 1) else { return short };
    // SAFETY: fresh bytes, as many as are written. They are never freed: the process ends with them.
    unsafe {
        whole.as_ptr().copy_from_nonoverlapping(prefix.as_ptr(), prefix.len());
        whole.as_ptr().add(prefix.len()).copy_from_nonoverlapping(number.as_ptr(), number.len());
        whole.as_ptr().add(size).write(0);
        CStr::from_ptr(whole.as_ptr().cast())
    }
}

/// There is news for the supervisor.
pub fn ring_supervisor() {
    // SAFETY: set before anything else, and mapped for the life of the process.
    let control = unsafe { View::new(VIEW.load(Relaxed), MOST_WORKERS) }.control();
    // SeqCst: partner of the fence before the supervisor's last look. Either that look sees the news, or this sees
    // that it sleeps.
    fence(SeqCst);
    if control.supervisor_sleeps.0.load(Relaxed) != 0 && control.supervisor_sleeps.0.swap(0, AcqRel) != 0 {
        point(Point::Ring);
        eventfd::raise(BELL.load(Relaxed));
    }
}

/// The function with this id, or why there is none.
fn resolve(view: &View, id: u32) -> Result<TaskFn, cf_error> {
    let mut why = functions::Reason::new();
    functions::resolve(view.functions(), id, &mut why)
        .ok_or_else(|| cf_error::with_text(Status::CF_UNKNOWN_FUNCTION, 0, format_args!("{}", Lossy(why.text()))))
}

impl Worker {
    fn leave(&self, why: u32) -> ! {
        // Release: with what was written before it, for the host that sees the death.
        self.area.leave.store(why, Release);
        stdio::flush_all();
        process::exit_now(0)
    }

    fn initialize(&mut self) {
        if self.terms.initializer == 0 {
            return;
        }
        let failed = match resolve(&self.view, self.terms.initializer) {
            Ok(func) => self.call_initializer(func, self.terms.initializer_arg).err(),
            Err(error) => Some(error),
        };
        stdio::flush_all();
        if let Some(error) = failed {
            let text = error.message().to_bytes();
            for (to, from) in self.area.failure_text.iter().zip(text.iter().chain([&0])) {
                to.store(*from, Relaxed);
            }
            self.area.failure_code.store(error.code(), Relaxed);
            self.leave(LEAVE_INITIALIZER);
        }
    }

    /// Each worker has a copy of its own of the argument.
    fn call_initializer(&self, func: TaskFn, arg: &[u8]) -> Result<(), cf_error> {
        let size = arg.len();
        let place = mem::try_bytes(size, ALIGN).map_err(|status| cf_error::plain(status, 0))?;
        let copy = mem::Bytes { place: place.as_ptr(), size, align: ALIGN };
        let mut task = cf_task::in_process(Sink::Discard, Birth::NONE, self.me as u32, self.name);
        // SAFETY: room for `size` bytes; the user promised a function of this type.
        let returned = unsafe {
            copy.place.copy_from_nonoverlapping(arg.as_ptr(), size);
            func(&mut task, copy.place.cast(), size)
        };
        task.end(returned)
    }

    fn serve(&mut self) -> ! {
        // Relaxed: read after this process's death.
        self.area.is_ready.store(1, Relaxed);
        let ready = self.view.ready();
        let others = &self.view.areas()[..(self.terms.max_workers as usize).min(MOST_WORKERS)];
        let mut woken = false;
        let mut left = match self.terms.max_tasks {
            0 => u64::MAX,
            n => n,
        };
        loop {
            match ready.take(self.me, self.area) {
                Some(cell) => {
                    if core::mem::take(&mut woken) {
                        bell::pass_on(&ready, others);
                    }
                    left -= 1;
                    self.serve_one(&ready, cell, left == 0);
                }
                None if ready.control.stop.0.load(Acquire) != 0 => self.leave(LEAVE_STOPPED),
                None => {
                    bell::nap(&ready, self.me, self.area);
                    woken = true;
                }
            }
        }
    }

    fn serve_one(&mut self, ready: &Ready<'static>, cell: Cell, last: bool) {
        let slot: &'static Slot = &ready.slots[cell.slot() as usize % MOST_SLOTS];
        let much = self.run(slot);
        stdio::flush_stdout_if_pending();
        point(Point::Result);
        // Of a task that is not this worker's any more there is nothing to tell.
        let before = slot.word.complete(cell.generation(), self.me).unwrap_or(0);
        point(Point::Done);
        if before & WAITERS != 0 {
            futex::wake_shared(slot.word.bed(), i32::MAX);
            point(Point::Wake);
        }
        let collect = before & COLLECT != 0;
        // What lies in this worker's segments is to be accepted before it asks for its next one.
        if self.heap.take_filled() || much || collect {
            self.view.done().set(cell.slot() as usize);
            point(Point::Collect);
        }
        if collect {
            ring_supervisor();
        }
        // Somebody has asked for this process's death because of this task: it may meet no other.
        if last || before & KILL != 0 {
            self.leave(LEAVE_RETIRED);
        }
    }

    /// True if the outcome is worth fetching by another thread than the one that waits for it.
    fn run(&mut self, slot: &'static Slot) -> bool {
        let base = self.view.base();
        // SAFETY: the host has written the offsets, checked to be inside the arena; 0 means inside the slot.
        let at = |offset: u64| unsafe { base.add(offset as usize) };
        let size = slot.arg_size.load(Relaxed) as usize;
        let arg = match slot.arg_at.load(Relaxed) {
            0 => inline_bytes(&slot.arg),
            offset => at(offset),
        };
        let context: *mut c_void = match slot.context.load(Relaxed) {
            0 => null_mut(),
            offset => at(offset).cast(),
        };
        let birth = Birth { index: slot.index.load(Relaxed) as usize, context };
        let (me, name, stamp) = (self.me as u32, self.name, self.stamp);
        let func = resolve(&self.view, slot.func.load(Relaxed));
        // SAFETY: the heap lives as long as the worker, which never returns from `serve`.
        let heap: &'static mut WorkerHeap = unsafe { NonNull::from(&mut self.heap).as_mut() };
        heap.start_task();
        let first = birth.index;
        let kind = slot.kind.load(Relaxed);
        let context_at = slot.context.load(Relaxed) as usize;
        let context_range = context_at..context_at + slot.context_size.load(Relaxed) as usize;
        if let (Ok(func), PORTION) = (&func, kind) {
            let func = *func;
            // SAFETY: the host has laid the portion out, and this worker has claimed it.
            let count = unsafe {
                portion::Runner { func, base, heap, first, context, context_range, me, name, stamp }.run(arg)
            };
            self.number(slot);
            return count >= portion::MANY;
        }
        let at = slot.arg_at.load(Relaxed) as usize;
        let own = [if kind == PASSED { 0..0 } else { at..at + size }, context_range];
        let mut result = FarResult::new(Words::of_slot(slot), base, own, heap, stamp);
        let outcome = match func {
            Ok(func) => {
                let mut task = cf_task::in_process(Sink::Far(NonNull::from(&mut result)), birth, me, name);
                point(Point::Run);
                // SAFETY: the user promised a function of this type; the argument is this task's until it is done.
                let returned = unsafe { func(&mut task, arg.cast(), size) };
                let outcome = task.end(returned);
                portion::leave_if_copy(&stamp);
                outcome
            }
            Err(error) => Err(error),
        };
        result.end(outcome);
        self.number(slot);
        false
    }

    fn number(&self, slot: &Slot) {
        if slot.word.look() & COLLECT != 0 {
            // Numbered before the completion, so that callbacks run in its order.
            slot.number.store(self.view.control().completions.0.fetch_add(1, Relaxed), Relaxed);
        }
    }
}
