//! The end of a pool against its very first task, over the real queue: `alive` as in `threads/starting`.

use super::{holds, refuted};
use crate::sync::{yield_now, AtomicBool, AtomicU32, Ordering::*};
use crate::threads::queue::{Fifo, Pop};
use loom::thread;
use std::sync::Arc;

struct Pool {
    queue: Fifo<2>,
    alive: AtomicU32,
    has_run: AtomicBool,
}

impl Pool {
    fn work(&self) {
        loop {
            match self.queue.pop() {
                Pop::Hint(_) => self.has_run.store(true, Relaxed),
                Pop::Empty if self.queue.is_over() => break,
                _ => yield_now(),
            }
        }
        self.alive.fetch_sub(1, AcqRel);
    }
}

/// Where the submitter counts itself.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    BeforeThePush,
    AfterThePush,
    Never,
}

fn close_against_submit(counted: Counted) {
    let pool =
        Arc::new(Pool { queue: Fifo::new().unwrap(), alive: AtomicU32::new(0), has_run: AtomicBool::new(false) });
    let submitter = thread::spawn({
        let pool = pool.clone();
        move || {
            let count = |when| counted == when && pool.alive.fetch_add(1, Relaxed) < u32::MAX;
            let early = count(Counted::BeforeThePush);
            let accepted = pool.queue.push(1).is_ok();
            let late = count(Counted::AfterThePush);
            let worker = accepted.then(|| {
                pool.alive.fetch_add(1, Relaxed);
                let pool = pool.clone();
                thread::spawn(move || pool.work())
            });
            if early || late {
                pool.alive.fetch_sub(1, AcqRel);
            }
            worker.into_iter().for_each(|w| w.join().unwrap());
            accepted
        }
    });
    pool.queue.close();
    let has_ended = pool.alive.load(Acquire) == 0;
    let has_run = pool.has_run.load(Relaxed);
    let accepted = submitter.join().unwrap();
    assert!(!has_ended || has_run == accepted, "the end came before the task");
}

holds! {
    /// The push publishes the count, and the close acquires it from there.
    the_end_waits_for_the_first_task, 3, || close_against_submit(Counted::BeforeThePush)
}
refuted!(no_start_uncounted, 3, "the end came before the task", || close_against_submit(Counted::Never));
refuted!(no_count_after_the_push, 3, "the end came before the task", || close_against_submit(Counted::AfterThePush));
