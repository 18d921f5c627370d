//! The queue of a pool (`threads/queue`), with segments of one and of two cells, so that every few steps one
//! is left, used again, appended.

use super::{holds, refuted};
use crate::status::Status;
use crate::sync::{yield_now, Cell, Ordering::*};
use crate::threads::queue::{Fifo, Pop, Taken};
use loom::thread;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;

/// A queue of tasks: the hint `i + 1` stands for `task[i]`, which is written before the push.
struct Tasks<const N: usize> {
    queue: Fifo<N>,
    task: Vec<Cell<usize>>,
    accepted: AtomicUsize,
}

impl<const N: usize> Tasks<N> {
    fn new(n: usize) -> Arc<Tasks<N>> {
        let task = (0..n).map(|_| Cell::new(0)).collect();
        Arc::new(Tasks { queue: Fifo::new().unwrap(), task, accepted: AtomicUsize::new(0) })
    }
    fn write(&self, i: usize) {
        // SAFETY: before the push nobody knows of it.
        self.task[i].with_mut(|p| unsafe { *p = i + 1 });
    }
    fn push(&self, i: usize) -> Result<(), Status> {
        self.write(i);
        self.queue.push(i as u64 + 1).inspect(|()| {
            self.accepted.fetch_add(1, Relaxed);
        })
    }
    fn read(&self, hint: u64) -> usize {
        let i = hint as usize - 1;
        // SAFETY: the push was seen.
        assert_eq!(self.task[i].with(|p| unsafe { *p }), i + 1, "the task is not what was pushed");
        i
    }
    fn pop(&self) -> Option<usize> {
        self.found(self.queue.pop())
    }
    fn found(&self, pop: Pop) -> Option<usize> {
        match pop {
            Pop::Hint(hint) => Some(self.read(hint)),
            Pop::Empty | Pop::Unfilled => None,
        }
    }
    /// As a worker does: what two looks find, counted when it goes to sleep.
    fn take_twice(&self) -> Vec<usize> {
        let mut taken = Taken::default();
        let got = (0..2).filter_map(|_| self.found(self.queue.take(&mut taken))).collect();
        self.queue.settle(&mut taken);
        got
    }
}

/// Two producers of two tasks each, two consumers with two looks each; what they leave is taken at the end.
fn two_producers_two_consumers<const N: usize>() {
    let tasks = Tasks::<N>::new(4);
    let mut threads: Vec<_> = (0..2)
        .map(|p| {
            let tasks = tasks.clone();
            thread::spawn(move || (2 * p..2 * p + 2).for_each(|i| tasks.push(i).unwrap()))
        })
        .collect();
    let other = tasks.clone();
    let other = thread::spawn(move || other.take_twice());
    let mut mine = tasks.take_twice();
    threads.drain(..).for_each(|t| t.join().unwrap());
    let theirs = other.join().unwrap();
    mine.extend(std::iter::from_fn(|| tasks.pop()));
    for got in [&mine, &theirs] {
        let in_order = |p| got.iter().filter(|i| **i / 2 == p).is_sorted();
        assert!(in_order(0) && in_order(1), "not in the producer's order: {got:?}");
    }
    let mut all = [mine, theirs].concat();
    all.sort();
    assert_eq!(all, [0, 1, 2, 3], "a task was lost or came twice");
    assert!(!tasks.queue.has_work());
}

/// Producers against the close; a consumer stays until `over` says so, and leaves nothing behind.
fn close_against_push<const N: usize>(over: fn(&Fifo<N>) -> bool) {
    let tasks = Tasks::<N>::new(2);
    let consumed = Arc::new(AtomicUsize::new(0));
    let (t, n) = (tasks.clone(), consumed.clone());
    let consumer = thread::spawn(move || loop {
        match t.queue.pop() {
            Pop::Hint(hint) => {
                t.read(hint);
                n.fetch_add(1, Relaxed);
            }
            Pop::Empty if over(&t.queue) => break,
            Pop::Empty | Pop::Unfilled => yield_now(),
        }
    });
    let t = tasks.clone();
    let producer = thread::spawn(move || {
        let (first, second) = (t.push(0), t.push(1));
        assert!(first.is_ok() || second == Err(Status::CF_SHUTDOWN), "accepted after it was refused");
    });
    tasks.queue.close();
    assert_eq!(tasks.queue.push(9), Err(Status::CF_SHUTDOWN));
    producer.join().unwrap();
    consumer.join().unwrap();
    assert_eq!(consumed.load(Relaxed), tasks.accepted.load(Relaxed), "an accepted task was left behind");
}

/// A task that is written when its hint is in the queue already.
fn push_before_the_task_is_written() {
    let tasks = Tasks::<2>::new(1);
    let t = tasks.clone();
    let consumer = thread::spawn(move || t.pop());
    tasks.queue.push(1).unwrap();
    tasks.write(0);
    consumer.join().unwrap();
}

holds! {
    /// Nothing is lost or doubled, and each consumer sees each producer's order; every task changes the segment.
    fifo_with_segments_of_one_cell, 1, two_producers_two_consumers::<1>
}
holds!(fifo_with_segments_of_two_cells, 1, two_producers_two_consumers::<2>);
holds! {
    /// Every push that returned CF_OK is popped by a consumer that stays until the end; after the close none succeeds.
    close_loses_nothing, 2, || close_against_push::<1>(Fifo::is_over)
}
refuted! {
    /// It found nothing and then saw the close: between the two a task was accepted.
    no_leaving_by_an_older_look, 2, "left behind", || close_against_push::<1>(Fifo::is_closed)
}
refuted!(no_push_before_the_task_is_written, 2, "Causality violation", push_before_the_task_is_written);
