//! Peer: the pool that a Rust programmer writes by hand: threads that take jobs from an unbounded
//! crossbeam channel. T7 reports through a second channel.

use cfutures_bench_peers as bench;
use crossbeam_channel::{unbounded, Sender};
use std::ffi::{c_uint, c_void};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

enum Reply {
    Once(oneshot::Sender<u64>),
    ToAll(Arc<Sender<u64>>),
}

struct Job {
    work: bench::Work,
    arg: u64,
    reply: Reply,
}

impl Job {
    fn run(self) {
        let value = (self.work)(self.arg);
        match self.reply {
            Reply::Once(sender) => sender.send(value).expect("somebody waits for each result"),
            Reply::ToAll(sender) => sender.send(value).expect("somebody waits for each result"),
        }
    }
}

struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    fn new(workers: usize) -> Pool {
        let (jobs, queue) = unbounded::<Job>();
        let work = |_| {
            let queue = queue.clone();
            thread::spawn(move || queue.iter().for_each(Job::run))
        };
        Pool { threads: (0..workers).map(work).collect(), jobs: Some(jobs) }
    }

    fn push(&self, work: bench::Work, arg: u64, reply: Reply) {
        let jobs = self.jobs.as_ref().expect("there until the pool is dropped");
        jobs.send(Job { work, arg, reply }).expect("the threads outlive the channel");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("no task panics");
        }
    }
}

extern "C" fn open(workers: c_uint) -> *mut c_void {
    bench::into_state(Pool::new(workers as usize))
}

extern "C" fn submit(state: *mut c_void, work: bench::Work, arg: u64, handle: *mut c_void) {
    let (sender, receiver) = oneshot::channel();
    // SAFETY: open() made it.
    unsafe { bench::pool::<Pool>(state) }.push(work, arg, Reply::Once(sender));
    bench::put_handle(handle, receiver);
}

extern "C" fn noop(arg: u64) -> u64 {
    bench::noop(arg)
}

extern "C" fn as_completed(state: *mut c_void, count: usize) -> u64 {
    // SAFETY: open() made it.
    let pool = unsafe { bench::pool::<Pool>(state) };
    let (sender, results) = unbounded();
    let sender = Arc::new(sender);
    for i in 0..count as u64 {
        pool.push(noop, i, Reply::ToAll(sender.clone()));
    }
    results.iter().take(count).sum()
}

fn main() -> ExitCode {
    bench::run(&bench::Peer {
        name: c"crossbeam channel pool".as_ptr(),
        version: bench::c_string(concat!(env!("CROSSBEAM_VERSION"), "\0")),
        open,
        close: bench::close::<Pool>,
        handle_size: bench::HANDLE_SIZE,
        submit,
        result: bench::result,
        as_completed: Some(as_completed),
        loops: std::ptr::null(),
        loop_count: 0,
        forks: std::ptr::null(),
        fork_count: 0,
    })
}
