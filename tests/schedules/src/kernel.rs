//! The kernel that the library has under shuttle: threads, sleeping on an address, what is each thread's own.
//!
//! Owns: the sleepers and the threads of the execution that goes on. Called by: the library, through its hooks.
//! Always true: shuttle runs all threads of an execution on one thread of the system, so plain cells will do; an
//! execution ends with no sleeper and no thread left.

use cfutures::schedule::{self, Hooks};
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread::{self, JoinHandle, Thread};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::SeqCst;

/// Stack of a thread; a task needs a quarter of a MiB to run another on top of itself.
pub const STACK: usize = 1 << 20;

#[derive(Default)]
struct Kernel {
    /// Who sleeps, in order, and on what.
    sleepers: Vec<(*const u32, Thread)>,
    threads: HashMap<u64, JoinHandle<()>>,
    next: u64,
    /// Threads that have not ended.
    alive: usize,
}

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::default();
}

/// Of each thread of an execution.
#[derive(Clone, Copy)]
struct Own {
    handle: u64,
    pointers: [*mut c_void; 2],
    /// Near the beginning of its stack.
    begin: usize,
}

shuttle::thread_local! {
    static OWN: RefCell<Own> = RefCell::new(Own { handle: 0, pointers: [null_mut(); 2], begin: 0 });
}

/// Once, before the first execution.
pub fn install() {
    schedule::install(Hooks {
        point,
        yield_now: thread::yield_now,
        sleep,
        wake,
        start,
        join,
        detach,
        current,
        own,
        stack,
    });
}

/// Runs what uses the library: the main thread of an execution, or another.
pub fn enter(handle: u64, main: impl FnOnce()) {
    let here = 0u8;
    OWN.with(|o| (o.borrow_mut().handle, o.borrow_mut().begin) = (handle, &raw const here as usize));
    main();
    // As the destructor of a thread-specific value would.
    cfutures::runner::end();
}

/// Before an execution: the last one may have been given up in the middle.
pub fn reset() {
    KERNEL.with(|k| *k.borrow_mut() = Kernel::default());
}

/// An access of shuttle's own is where it may change threads.
fn point() {
    AtomicBool::new(false).load(SeqCst);
}

fn sleep(word: *const u32) {
    let me = thread::current();
    KERNEL.with(|k| k.borrow_mut().sleepers.push((word, me.clone())));
    thread::park();
    // Shuttle wakes for no reason too, as the kernel may.
    KERNEL.with(|k| k.borrow_mut().sleepers.retain(|(_, thread)| thread.id() != me.id()));
}

fn wake(word: *const u32, count: i32) {
    point();
    for _ in 0..count {
        let found = KERNEL.with(|k| {
            let sleepers = &mut k.borrow_mut().sleepers;
            let at = sleepers.iter().position(|(w, _)| *w == word)?;
            Some(sleepers.remove(at).1)
        });
        match found {
            Some(thread) => thread.unpark(),
            None => return,
        }
    }
}

fn start(main: extern "C" fn(*mut c_void) -> *mut c_void, arg: usize) -> u64 {
    let handle = KERNEL.with(|k| {
        k.borrow_mut().alive += 1;
        k.borrow_mut().next += 1;
        k.borrow().next
    });
    let body = move || {
        enter(handle, || _ = main(arg as *mut c_void));
        KERNEL.with(|k| k.borrow_mut().alive -= 1);
    };
    let thread = thread::Builder::new().spawn(body).expect("a thread of shuttle's");
    KERNEL.with(|k| k.borrow_mut().threads.insert(handle, thread));
    handle
}

fn join(handle: u64) {
    let thread = KERNEL.with(|k| k.borrow_mut().threads.remove(&handle));
    thread.expect("each thread is joined once").join().expect("threads end without a panic");
}

fn detach(handle: u64) {
    drop(KERNEL.with(|k| k.borrow_mut().threads.remove(&handle)));
}

fn current() -> u64 {
    OWN.with(|o| o.borrow().handle)
}

fn own(which: usize, value: Option<*mut c_void>) -> *mut c_void {
    OWN.with(|o| {
        let place = &mut o.borrow_mut().pointers[which];
        let before = *place;
        if let Some(value) = value {
            *place = value;
        }
        before
    })
}

/// A little more than it is at the top, and somewhat less at the bottom.
fn stack() -> (usize, usize) {
    let begin = OWN.with(|o| o.borrow().begin);
    (begin - STACK + 128 * 1024, begin + 4096)
}

/// Waits for threads that the library has detached.
pub fn join_all() {
    while KERNEL.with(|k| k.borrow().alive) > 0 {
        thread::yield_now();
    }
}
