//! What is played in each schedule: small uses of whole pools, through the C interface.
//!
//! Always true: whatever the order of steps, a scene ends, each task that was accepted ends once, what was given away is
//! destroyed once, and the pool is gone. A thread that sleeps for ever is what shuttle reports as a deadlock.

use crate::ffi::*;
use crate::kernel;
use shuttle::thread::{self, JoinHandle};
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::sync::Arc;

pub type Scene = (&'static str, fn());

pub const ALL: &[Scene] = &[
    ("results", results),
    ("cancel", cancel),
    ("shutdown", shutdown),
    ("nested", nested),
    ("queue", queue),
    ("first", first),
    ("callbacks", callbacks),
    ("detach", detach),
    ("map", map),
    ("release", release),
];

/// A handle on its way to another thread.
struct Sent<T>(*mut T);
impl<T> Copy for Sent<T> {}
impl<T> Clone for Sent<T> {
    fn clone(&self) -> Self {
        *self
    }
}
// SAFETY: handles may be used from any thread, and a scene waits for its threads.
unsafe impl<T> Send for Sent<T> {}

/// A thread of the host's.
fn host(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::spawn(move || kernel::enter(u64::MAX, body))
}

fn pool(workers: usize) -> Sent<Executor> {
    let mut pool = null_mut();
    assert_eq!(cf_thread_pool_new(workers, &mut pool, null_mut()), OK);
    Sent(pool)
}

fn submit(pool: Sent<Executor>, function: extern "C" fn(*mut Task, *mut c_void, usize) -> i32, n: u64) -> *mut Future {
    let mut future = null_mut();
    assert_eq!(cf_executor_submit(pool.0, Some(function), (&raw const n).cast(), 8, &mut future), OK);
    future
}

fn expect(future: *mut Future, n: u64) {
    let mut got = 0u64;
    assert_eq!(cf_future_result_into(future, FOREVER, (&raw mut got).cast(), 8), OK);
    assert_eq!(got, n + 1);
}

extern "C" fn next(task: *mut Task, arg: *mut c_void, _size: usize) -> i32 {
    // SAFETY: a number was submitted.
    let n = unsafe { arg.cast::<u64>().read() } + 1;
    cf_task_return(task, (&raw const n).cast(), 8)
}

/// Two threads submit and wait, each for its own.
fn results() {
    let pool = pool(2);
    let work = move |from: u64| {
        let pool = pool;
        let futures = [submit(pool, next, from), submit(pool, next, from + 1)];
        expect(futures[1], from + 1);
        expect(futures[0], from);
        futures.into_iter().for_each(|f| cf_future_release(f));
    };
    let other = host(move || work(10));
    work(20);
    other.join().unwrap();
    cf_executor_free(pool.0);
}

/// Its count goes up when the task runs, and by 16 when it is freed.
extern "C" fn count(_task: *mut Task, arg: *mut c_void, _size: usize) -> i32 {
    // SAFETY: a counter of the scene's, which outlives its pool.
    unsafe { &*arg.cast::<AtomicU32>() }.fetch_add(1, Relaxed);
    0
}

extern "C" fn freed(arg: *mut c_void) {
    // SAFETY: as above.
    unsafe { &*arg.cast::<AtomicU32>() }.fetch_add(16, Relaxed);
}

fn submit_counted(pool: Sent<Executor>, counter: &AtomicU32) -> (Status, *mut Future) {
    let (arg, mut future) = ((counter as *const AtomicU32).cast_mut().cast(), null_mut());
    let status = cf_executor_submit_owned(pool.0, Some(count), arg, Some(freed), null(), &mut future);
    (status, future)
}

/// A task is cancelled or runs, and its argument is freed once.
fn cancel() {
    let (pool, counter) = (pool(1), Arc::new(AtomicU32::new(0)));
    let (status, future) = submit_counted(pool, &counter);
    assert_eq!(status, OK);
    let future = Sent(future);
    let other = host(move || {
        let future = future;
        cf_future_result(future.0, FOREVER, null_mut(), null_mut());
    });
    let is = cf_future_cancel(future.0);
    other.join().unwrap();
    cf_executor_free(pool.0);
    assert_eq!(cf_future_state(future.0), if is { STATE_CANCELLED } else { FINISHED });
    cf_future_release(future.0);
    assert_eq!(counter.load(Relaxed), if is { 16 } else { 17 });
}

/// A pool is shut down while others submit: what was accepted ends, what was not is freed.
fn shutdown() {
    let (pool, counters) = (pool(2), Arc::new([const { AtomicU32::new(0) }; 2]));
    let theirs = counters.clone();
    let other = host(move || {
        let pool = pool;
        for counter in theirs.iter() {
            let (status, future) = submit_counted(pool, counter);
            assert_eq!(status == OK, !future.is_null());
            if status == OK {
                let ended = cf_future_result(future, FOREVER, null_mut(), null_mut());
                assert!(ended == OK || ended == CANCELLED);
                cf_future_release(future);
            }
        }
    });
    assert_eq!(cf_executor_shutdown(pool.0, true, true), OK);
    other.join().unwrap();
    cf_executor_free(pool.0);
    assert!(counters.iter().all(|c| matches!(c.load(Relaxed), 16 | 17)));
}

/// A task submits two others to its own pool and waits for them.
extern "C" fn nest(task: *mut Task, arg: *mut c_void, _size: usize) -> i32 {
    // SAFETY: the pool was submitted as a number.
    let pool = Sent(unsafe { arg.cast::<u64>().read() } as *mut Executor);
    let futures = [submit(pool, next, 1), submit(pool, next, 2)];
    let mut done = [false; 2];
    assert_eq!(cf_wait(futures.as_ptr(), 2, FOREVER, 1, done.as_mut_ptr(), null_mut()), OK);
    assert!(done[0] || done[1]);
    expect(futures[0], 1);
    expect(futures[1], 2);
    futures.into_iter().for_each(|f| cf_future_release(f));
    cf_task_return(task, null(), 0)
}

fn nested() {
    let pool = pool(2);
    let futures = [0, 1].map(|_| submit(pool, nest, pool.0 as u64));
    for f in futures {
        assert_eq!(cf_future_result(f, FOREVER, null_mut(), null_mut()), OK);
        cf_future_release(f);
    }
    cf_executor_free(pool.0);
}

/// Two threads take from a queue until it is closed; each entry comes once.
fn queue() {
    let (pool, mut queue) = (pool(2), null_mut());
    assert_eq!(cf_completion_queue_new(&mut queue), OK);
    let queue = Sent(queue);
    let taken = Arc::new(AtomicU32::new(0));
    let theirs = taken.clone();
    let take = move |taken: &AtomicU32| {
        let (queue, mut future, mut tag) = (queue, null_mut(), null_mut());
        while cf_completion_queue_next(queue.0, FOREVER, &mut future, &mut tag) == OK {
            cf_future_release(future);
            if taken.fetch_add(tag as usize as u32, AcqRel) + tag as usize as u32 == 7 {
                assert_eq!(cf_completion_queue_close(queue.0), OK);
            }
        }
    };
    let other = host(move || take(&theirs));
    for tag in [1usize, 2, 4] {
        let future = submit(pool, next, 0);
        assert_eq!(cf_completion_queue_add(queue.0, future, tag as *mut c_void, None), OK);
        cf_future_release(future);
    }
    take(&taken);
    other.join().unwrap();
    assert_eq!(taken.load(Relaxed), 7);
    cf_completion_queue_free(queue.0);
    cf_executor_free(pool.0);
}

/// One waits for the first of three, another for all, a third cancels one.
fn first() {
    let pool = pool(1);
    let futures = [0, 1, 2].map(|n| Sent(submit(pool, next, n)));
    let handles = move || {
        let futures = futures;
        futures.map(|f| f.0)
    };
    let others = [0, 1].map(|when| {
        host(move || assert_eq!(cf_wait(handles().as_ptr(), 3, FOREVER, when, null_mut(), null_mut()), OK))
    });
    cf_future_cancel(futures[1].0);
    others.into_iter().for_each(|t| t.join().unwrap());
    assert!(handles().into_iter().all(|f| cf_future_done(f)));
    cf_executor_free(pool.0);
    handles().into_iter().for_each(|f| cf_future_release(f));
}

extern "C" fn told(future: *mut Future, data: *mut c_void) {
    assert!(cf_future_done(future));
    count(null_mut(), data, 0);
}

/// Callbacks come while the task ends: each runs once, and its data is destroyed once.
fn callbacks() {
    let (pool, counters) = (pool(1), Arc::new([const { AtomicU32::new(0) }; 3]));
    let future = Sent(submit(pool, next, 5));
    let add = move |counter: &AtomicU32| {
        let (future, data) = (future, (counter as *const AtomicU32).cast_mut().cast());
        assert_eq!(cf_future_add_done_callback(future.0, Some(told), data, Some(freed)), OK);
    };
    let theirs = counters.clone();
    let other = host(move || theirs[..2].iter().for_each(add));
    add(&counters[2]);
    other.join().unwrap();
    expect(future.0, 5);
    cf_executor_free(pool.0);
    assert!(counters.iter().all(|c| c.load(Relaxed) == 17));
    cf_future_release(future.0);
}

/// Given back at once: what was accepted runs all the same.
fn detach() {
    let (pool, counter) = (pool(2), Arc::new(AtomicU32::new(0)));
    let futures = [0, 1].map(|_| submit_counted(pool, &counter).1);
    cf_executor_detach(pool.0);
    for f in futures {
        assert_eq!(cf_future_result(f, FOREVER, null_mut(), null_mut()), OK);
        cf_future_release(f);
    }
    kernel::join_all();
    assert_eq!(counter.load(Relaxed), 34);
}

fn map() {
    let (pool, mut map) = (pool(2), null_mut());
    let items = [1u64, 2, 3];
    let data = items.as_ptr().cast();
    assert_eq!(cf_executor_map(pool.0, Some(next), data, 8, 3, null(), &mut map), OK);
    let mut out = [0u64; 3];
    let place = out.as_mut_ptr().cast();
    let none = (null_mut(), null_mut());
    let status = cf_executor_map_into(pool.0, Some(next), data, 8, 3, null(), place, 8, none.0, none.1);
    assert_eq!((status, out), (OK, [2, 3, 4]));
    let mut item = Item { index: 9, status: OK, data: null(), size: 0, error: null() };
    for i in 0..2 {
        assert_eq!((cf_map_next(map, &mut item), item.index, item.status), (OK, i, OK));
    }
    cf_map_free(map); // the third may run, or be cancelled
    cf_executor_free(pool.0);
}

/// Everybody lets go of a future while it ends; another takes its memory.
fn release() {
    let pool = pool(1);
    let future = Sent(submit(pool, next, 1));
    let second = Sent(cf_future_retain(future.0));
    let other = host(move || {
        let second = second;
        expect(second.0, 1);
        cf_future_release(second.0);
    });
    cf_future_release(future.0);
    let again = submit(pool, next, 2);
    expect(again, 2);
    cf_future_release(again);
    other.join().unwrap();
    cf_executor_free(pool.0);
}
