//! The interface between the peers in Rust and the workloads in C (workloads/bench.h), and what both
//! peers do alike: a oneshot channel for each result, whose receiver is the handle.
//!
//! Used by the programs in src/bin.

use std::env;
use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::process::ExitCode;

/// The work of one task: `bench_fn`.
pub type Work = extern "C" fn(u64) -> u64;
/// The work on one item of a loop: `bench_item_fn`.
pub type Item = extern "C" fn(f64) -> f64;

pub type LoopFn = extern "C" fn(*mut c_void, *const f64, *mut f64, usize, Item);
pub type SubmitFn = extern "C" fn(*mut c_void, Work, u64, *mut c_void);

/// `struct bench_loop`
#[repr(C)]
pub struct Loop {
    pub name: *const c_char,
    pub run: LoopFn,
}

/// `struct bench_fork`
#[repr(C)]
pub struct Fork {
    pub name: *const c_char,
    pub fib: extern "C" fn(*mut c_void, c_uint) -> u64,
}

/// `struct bench_peer`
#[repr(C)]
pub struct Peer {
    pub name: *const c_char,
    pub version: *const c_char,
    pub open: extern "C" fn(c_uint) -> *mut c_void,
    pub close: extern "C" fn(*mut c_void),
    pub handle_size: usize,
    pub submit: SubmitFn,
    pub result: extern "C" fn(*mut c_void, *mut c_void) -> u64,
    pub as_completed: Option<extern "C" fn(*mut c_void, usize) -> u64>,
    pub loops: *const Loop,
    pub loop_count: usize,
    pub forks: *const Fork,
    pub fork_count: usize,
}

extern "C" {
    fn bench_main(argc: c_int, argv: *mut *mut c_char, peer: *const Peer) -> c_int;
    fn bench_noop(arg: u64) -> u64;
}

/// The task of T7.
pub fn noop(arg: u64) -> u64 {
    // SAFETY: a plain function of numbers.
    unsafe { bench_noop(arg) }
}

pub type Handle = oneshot::Receiver<u64>;
pub const HANDLE_SIZE: usize = size_of::<Handle>();

/// Leaves a receiver where a workload keeps its handles.
pub fn put_handle(place: *mut c_void, handle: Handle) {
    // SAFETY: the workload gives HANDLE_SIZE bytes, aligned for a pointer, that hold nothing.
    unsafe { place.cast::<Handle>().write(handle) }
}

/// Waits for the result of a handle and ends the handle.
pub extern "C" fn result(_pool: *mut c_void, place: *mut c_void) -> u64 {
    // SAFETY: put_handle() wrote it, and the workload asks once for each.
    let handle = unsafe { place.cast::<Handle>().read() };
    handle.recv().expect("the pool runs every task")
}

/// Gives a pool to the workloads, as what `open` returns.
pub fn into_state<T>(pool: T) -> *mut c_void {
    Box::into_raw(Box::new(pool)).cast()
}

/// The pool behind what `open` returned.
///
/// # Safety
/// `state` comes from `into_state` of the same type, and `close` has not ended it.
pub unsafe fn pool<'a, T>(state: *mut c_void) -> &'a T {
    // SAFETY: as promised by the caller.
    unsafe { &*state.cast::<T>() }
}

pub extern "C" fn close<T>(state: *mut c_void) {
    // SAFETY: the workload calls it once, at the end, with what `open` returned.
    drop(unsafe { Box::from_raw(state.cast::<T>()) });
}

/// Runs the workload that the command line names.
pub fn run(peer: &Peer) -> ExitCode {
    let args: Vec<CString> = env::args().map(|arg| CString::new(arg).expect("arguments have no NUL")).collect();
    let mut pointers: Vec<*mut c_char> = args.iter().map(|arg| arg.as_ptr().cast_mut()).collect();
    // SAFETY: as many strings as it says, which it does not write to; the peer outlives the call.
    let code = unsafe { bench_main(pointers.len() as c_int, pointers.as_mut_ptr(), peer) };
    ExitCode::from(code as u8)
}

/// A version as C takes it.
pub fn c_string(text: &'static str) -> *const c_char {
    CStr::from_bytes_with_nul(text.as_bytes()).expect("ends with a NUL").as_ptr()
}
