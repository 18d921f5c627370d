//! Deaths at one point that need a story of their own.

use crate::capi::*;
use crate::scene::{Fault, Plan, Scene};
use cfutures::processes::points::Point;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

pub fn all(mut each: impl FnMut(&str, fn())) {
    each("a broken pool rests though a worker died that waited for memory", a_broken_pool_rests);
    each("a worker that dies after the task that it was to be killed for breaks no pool", a_kill_that_comes_late);
    each("a zygote that dies before it has told of its successor has one", a_successor_nobody_told_of);
    each("a zygote that dies before it has made its successor breaks the pool", a_successor_that_never_was);
}

fn processor_time() -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

fn breakable(point: Point) -> Plan {
    Plan { point, nth: 1, workers: 1, fault: Fault::Kill, breakable: true }
}

fn a_broken_pool_rests() {
    let mut scene = Scene::new(breakable(Point::Want), 1);
    scene.play(|scene| {
        let f = scene.submit(0, 0, 100_000, true);
        unsafe {
            assert_ne!(cf_future_result(f, FOREVER, &mut core::ptr::null(), &mut 0), OK);
            cf_future_release(f);
        }
        assert!(scene.hits() == 1 && !unsafe { cf_executor_error(scene.pool) }.is_null());
        std::thread::sleep(Duration::from_millis(200));
        let before = processor_time();
        std::thread::sleep(Duration::from_millis(500));
        let used = processor_time() - before;
        assert!(used < Duration::from_millis(100), "{used:?} of 500 ms");
    });
}

/// Says that it runs, and goes on when it is told to; SIGTERM does not end it.
unsafe extern "C-unwind" fn stubborn(_: Handle, arg: *mut c_void, _: usize) -> i32 {
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    let runs = unsafe { &**arg.cast::<*const AtomicU32>() };
    runs.store(1, SeqCst);
    while runs.load(SeqCst) != 2 {
        std::thread::yield_now();
    }
    0
}

fn a_kill_that_comes_late() {
    let mut scene = Scene::new(breakable(Point::Done), 2);
    scene.play(|scene| {
        let mut f = core::ptr::null_mut();
        let runs: *const AtomicU32 = scene.runs(0);
        unsafe {
            let arg = (&raw const runs).cast();
            assert_eq!(cf_executor_submit(scene.pool, stubborn, arg, size_of_val(&runs), &mut f), OK);
            while (*runs).load(SeqCst) != 1 {
                std::thread::yield_now();
            }
            assert_eq!(cf_future_kill(f, 10_000_000_000), OK);
            (*runs).store(2, SeqCst);
            assert_eq!(cf_future_result(f, FOREVER, &mut core::ptr::null(), &mut 0), OK);
            cf_future_release(f);
        }
        while scene.hits() == 0 {
            std::thread::yield_now();
        }
        // Its death has been judged when another has taken its place.
        let next = scene.submit(1, 0, 10, true);
        scene.judge(next, 1, 10);
        assert!(unsafe { cf_executor_error(scene.pool) }.is_null(), "the pool is broken");
    });
}

unsafe extern "C-unwind" fn tell_parent(_: Handle, arg: *mut c_void, _: usize) -> i32 {
    unsafe { &**arg.cast::<*const AtomicU32>() }.store(unsafe { libc::getppid() } as u32, SeqCst);
    0
}

/// The zygote that made the worker that ran this; the task's status if that died.
fn parent_of_next(scene: &Scene) -> Result<i32, i32> {
    let mut f = core::ptr::null_mut();
    let parent: *const AtomicU32 = scene.runs(0);
    let status = unsafe {
        let arg = (&raw const parent).cast();
        match cf_executor_submit(scene.pool, tell_parent, arg, size_of_val(&parent), &mut f) {
            OK => {
                let status = cf_future_result(f, FOREVER, &mut core::ptr::null(), &mut 0);
                cf_future_release(f);
                status
            }
            refused => refused,
        }
    };
    if status == OK {
        Ok(unsafe { &*parent }.load(SeqCst) as i32)
    } else {
        Err(status)
    }
}

/// Has the active zygote die at the point, be it while it makes the first successor or another; gives the last pid that
/// was an active zygote's.
fn die_making_a_successor(scene: &Scene) -> i32 {
    let before = match parent_of_next(scene) {
        Ok(zygote) if scene.hits() == 0 => {
            // Whoever takes its place makes a successor again.
            unsafe { libc::kill(zygote, libc::SIGKILL) };
            zygote
        }
        Ok(zygote) => zygote,
        Err(_) => 0,
    };
    while scene.hits() == 0 {
        std::thread::yield_now();
    }
    before
}

fn a_successor_nobody_told_of() {
    let mut scene = Scene::new(Plan { breakable: false, ..breakable(Point::Heir) }, 1);
    scene.play(|scene| {
        let before = die_making_a_successor(scene);
        loop {
            match parent_of_next(scene) {
                Ok(zygote) if zygote != before && zygote != scene.control().crash_pid.load(SeqCst) => break,
                Ok(_) | Err(WORKER_DIED) => {}
                Err(other) => panic!("a task ended with {other}"),
            }
        }
    });
}

fn a_successor_that_never_was() {
    let mut scene = Scene::new(breakable(Point::Promise), 1);
    scene.play(|scene| {
        die_making_a_successor(scene);
        while parent_of_next(scene) != Err(BROKEN_POOL) {}
        assert!(!unsafe { cf_executor_error(scene.pool) }.is_null());
    });
}
