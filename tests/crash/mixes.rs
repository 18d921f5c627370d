//! What the pool is given to do while its workers die.

use crate::capi::*;
use crate::scene::{job, must, Job, Scene};
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mix {
    /// Arguments and results in the slot, callbacks, cancels, futures that nobody keeps.
    Small,
    /// Arguments and results in blocks and segments.
    Large,
    /// Portions of maps, and futures that are watched.
    Maps,
}

pub const MIXES: [Mix; 3] = [Mix::Small, Mix::Large, Mix::Maps];

impl Mix {
    pub fn tasks(self) -> usize {
        match self {
            Mix::Small => 400,
            Mix::Large => 90,
            Mix::Maps => MAPPED + INTO + WATCHED,
        }
    }

    pub fn run(self, scene: &mut Scene) {
        match self {
            Mix::Small => small(scene),
            Mix::Large => large(scene),
            Mix::Maps => maps(scene),
        }
    }
}

/// Workers and supervisor fall asleep.
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

unsafe extern "C-unwind" fn count(_: Handle, calls: *mut c_void) {
    unsafe { (*calls.cast::<AtomicU32>()).fetch_add(1, SeqCst) };
}

const WINDOW: usize = 40;

fn small(scene: &mut Scene) {
    let n = Mix::Small.tasks();
    let called: Vec<AtomicU32> = (0..n).map(|_| AtomicU32::new(0)).collect();
    for first in (0..n).step_by(WINDOW) {
        let ids = first..first + WINDOW;
        let futures: Vec<Handle> = ids.clone().map(|id| scene.submit(id, id % 50, id % 80, id % 10 != 9)).collect();
        let kept = || ids.clone().zip(&futures).filter(|(_, f)| !f.is_null());
        for (id, f) in kept() {
            let calls = (&raw const called[id]).cast_mut().cast();
            match id % 10 {
                3 | 6 => must(unsafe { cf_future_add_done_callback(*f, count, calls, null()) }, "callback"),
                7 => drop(unsafe { cf_future_cancel(*f) }),
                _ => {}
            }
        }
        kept().for_each(|(id, f)| scene.judge(*f, id, id % 80));
        if first / WINDOW % 2 == 1 {
            pause();
        }
    }
    must(unsafe { cf_executor_shutdown(scene.pool, true, false) }, "shutdown");
    for (id, calls) in called.iter().enumerate() {
        let wanted = u32::from(matches!(id % 10, 3 | 6));
        assert_eq!(calls.load(SeqCst), wanted, "callbacks of {id}");
        assert!(scene.runs(id).load(SeqCst) <= 1, "runs of {id}");
    }
    // Those that nobody kept have run but for those that died.
    let unkept = (0..n).filter(|id| id % 10 == 9 && scene.runs(*id).load(SeqCst) == 0).count() as u32;
    assert!(scene.deaths + unkept <= scene.hits(), "{unkept} tasks never ran");
    assert_eq!(scene.results + scene.deaths + scene.cancelled, (n - n / 10) as u32);
}

fn result_of(id: usize) -> usize {
    match id % 5 {
        0 => 200_000 + id * 777,
        1 => 3_000_000,
        _ => 5_000 + id * 100,
    }
}

fn large(scene: &mut Scene) {
    const AT_A_TIME: usize = 15;
    for first in (0..Mix::Large.tasks()).step_by(AT_A_TIME) {
        let ids = first..first + AT_A_TIME;
        let argument = |id| if id % 3 == 0 { 70_000 + id * 999 } else { 0 };
        let futures: Vec<Handle> = ids.clone().map(|id| scene.submit(id, argument(id), result_of(id), true)).collect();
        if first % 2 == 1 {
            // Results lie there while their workers ask for more memory, or die.
            std::thread::sleep(Duration::from_millis(5));
        }
        ids.zip(futures).for_each(|(id, f)| scene.judge(f, id, result_of(id)));
    }
    assert_eq!((scene.results + scene.deaths) as usize, Mix::Large.tasks());
}

const MAPPED: usize = 210;
const INTO: usize = 140;
const WATCHED: usize = 60;

fn maps(scene: &mut Scene) {
    iterate(scene);
    pause();
    gather(scene);
    pause();
    watch(scene);
    assert_eq!((scene.results + scene.deaths + scene.cancelled) as usize, Mix::Maps.tasks());
    assert_eq!(scene.cancelled, 0);
}

fn jobs(scene: &Scene, ids: core::ops::Range<usize>, result: impl Fn(usize) -> usize) -> Vec<Job> {
    ids.map(|id| Job { runs: scene.runs(id), id: id as u32, result: result(id) as u32 }).collect()
}

fn with_chunks<R>(items: usize, f: impl FnOnce(Handle) -> R) -> R {
    let mut options = null_mut();
    unsafe {
        must(cf_map_options_new(&mut options), "map options");
        must(cf_map_options_set_chunk_size(options, items), "chunks");
        let r = f(options);
        cf_map_options_free(options);
        r
    }
}

fn iterate(scene: &mut Scene) {
    let result = |id: usize| if id.is_multiple_of(4) { 3_000 + id * 50 } else { id % 40 };
    let items = jobs(scene, 0..MAPPED, result);
    let mut map = null_mut();
    with_chunks(7, |options| unsafe {
        let (at, n) = (items.as_ptr().cast(), items.len());
        must(cf_executor_map(scene.pool, job, at, size_of::<Job>(), n, options, &mut map), "map");
    });
    let mut item = Item { index: 0, status: 0, data: null(), size: 0, error: null_mut() };
    for id in 0..MAPPED {
        must(unsafe { cf_map_next(map, &mut item) }, "next");
        assert_eq!(item.index, id);
        scene.book(id, item.status, item.data, item.size, result(id), unsafe { cf_error_signal(item.error) });
    }
    assert_eq!(unsafe { cf_map_next(map, &mut item) }, END);
    unsafe { cf_map_free(map) };
}

fn gather(scene: &mut Scene) {
    const EACH: usize = 24;
    let items = jobs(scene, MAPPED..MAPPED + INTO, |_| EACH);
    let (mut places, mut statuses) = (vec![0u8; INTO * EACH], vec![0 as c_int; INTO]);
    let (mut error, at, out) = (null_mut(), items.as_ptr().cast(), places.as_mut_ptr().cast());
    let (each, to) = (size_of::<Job>(), statuses.as_mut_ptr());
    let status = with_chunks(5, |options| unsafe {
        cf_executor_map_into(scene.pool, job, at, each, INTO, options, out, EACH, to, &mut error)
    });
    unsafe { cf_error_free(error) };
    let deaths = scene.deaths;
    for (i, status) in statuses.iter().enumerate() {
        scene.book(MAPPED + i, *status, &places[i * EACH], EACH, EACH, libc::SIGKILL);
    }
    assert_eq!(status, if scene.deaths > deaths { WORKER_DIED } else { OK });
}

fn watch(scene: &mut Scene) {
    let first = MAPPED + INTO;
    let futures: Vec<Handle> = (0..WATCHED).map(|i| scene.submit(first + i, 0, i * 10, true)).collect();
    let (mut it, mut seen) = (null_mut(), [false; WATCHED]);
    must(unsafe { cf_as_completed(futures.as_ptr(), WATCHED, FOREVER, &mut it) }, "as_completed");
    for _ in 0..WATCHED {
        let mut i = 0;
        must(unsafe { cf_completions_next(it, &mut i, null_mut()) }, "next completion");
        assert!(!core::mem::replace(&mut seen[i], true), "{i} came twice");
        scene.judge(futures[i], first + i, i * 10);
    }
    assert_eq!(unsafe { cf_completions_next(it, null_mut(), null_mut()) }, END);
    unsafe { cf_completions_free(it) };
}
