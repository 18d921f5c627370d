//! Peer: rayon. Tasks go through `spawn` with a oneshot channel for each result, loops through
//! `par_iter`, nested tasks through `join`; T7 reports through a crossbeam channel.

use cfutures_bench_peers as bench;
use crossbeam_channel::unbounded;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ffi::{c_uint, c_void};
use std::process::ExitCode;
use std::slice;

extern "C" fn open(workers: c_uint) -> *mut c_void {
    let pool = ThreadPoolBuilder::new().num_threads(workers as usize).build();
    bench::into_state(pool.expect("threads can be started"))
}

fn pool_of<'a>(state: *mut c_void) -> &'a ThreadPool {
    // SAFETY: open() made it.
    unsafe { bench::pool(state) }
}

extern "C" fn submit(state: *mut c_void, work: bench::Work, arg: u64, handle: *mut c_void) {
    let (sender, receiver) = oneshot::channel();
    pool_of(state).spawn(move || sender.send(work(arg)).expect("somebody waits for each result"));
    bench::put_handle(handle, receiver);
}

extern "C" fn as_completed(state: *mut c_void, count: usize) -> u64 {
    let pool = pool_of(state);
    let (sender, results) = unbounded();
    for i in 0..count as u64 {
        let sender = sender.clone();
        pool.spawn(move || sender.send(bench::noop(i)).expect("somebody waits for each result"));
    }
    results.iter().take(count).sum()
}

extern "C" fn par_iter(state: *mut c_void, input: *const f64, output: *mut f64, count: usize, item: bench::Item) {
    // SAFETY: the workload owns both arrays of `count` numbers, and touches neither meanwhile.
    let (input, output) = unsafe { (slice::from_raw_parts(input, count), slice::from_raw_parts_mut(output, count)) };
    pool_of(state).install(|| {
        output.par_iter_mut().zip(input.par_iter()).for_each(|(out, value)| *out = item(*value));
    });
}

fn fib(n: c_uint) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (left, right) = rayon::join(|| fib(n - 1), || fib(n - 2));
    left + right
}

extern "C" fn run_fib(state: *mut c_void, n: c_uint) -> u64 {
    pool_of(state).install(|| fib(n))
}

fn main() -> ExitCode {
    let loops = [bench::Loop { name: c"rayon par_iter".as_ptr(), run: par_iter }];
    let forks = [bench::Fork { name: c"rayon join".as_ptr(), fib: run_fib }];
    bench::run(&bench::Peer {
        name: c"rayon spawn".as_ptr(),
        version: bench::c_string(concat!(env!("RAYON_VERSION"), "\0")),
        open,
        close: bench::close::<ThreadPool>,
        handle_size: bench::HANDLE_SIZE,
        submit,
        result: bench::result,
        as_completed: Some(as_completed),
        loops: loops.as_ptr(),
        loop_count: loops.len(),
        forks: forks.as_ptr(),
        fork_count: forks.len(),
    })
}
