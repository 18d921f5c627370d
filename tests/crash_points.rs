//! Workers die or are stopped at every point at which they share memory with the host: nothing is lost, nothing comes
//! twice, nobody waits for ever, and nothing is left.
//!
//! Has a main of its own: it forks while it has one thread. A scene is a process of its own, so that one that hangs is
//! known. With CFUTURES_SWEEP=all in the environment every combination is played, else a part; with
//! CFUTURES_SCENE=<n> that one alone.
#![cfg(not(loom))]
#![allow(clippy::undocumented_unsafe_blocks)]

#[path = "crash/capi.rs"]
mod capi;
#[path = "crash/mixes.rs"]
mod mixes;
#[path = "crash/scene.rs"]
mod scene;
#[path = "crash/special.rs"]
mod special;
mod watchdog;

use cfutures::processes::points::{self, Point};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use mixes::{Mix, MIXES};
use scene::{Fault, Plan, Scene};
use std::time::{Duration, Instant};

/// A scene that takes longer hangs, in seconds.
const PATIENCE: u32 = 30;

/// What scenes tell, in memory that they share with this process.
struct Book {
    hits: AtomicU32,
    results: AtomicU32,
    deaths: AtomicU32,
    cancelled: AtomicU32,
    taken: AtomicU32,
}

impl Book {
    fn new() -> &'static Book {
        let (size, access) = (size_of::<Book>(), libc::PROT_READ | libc::PROT_WRITE);
        let at =
            unsafe { libc::mmap(core::ptr::null_mut(), size, access, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        unsafe { &*at.cast() }
    }
}

/// Descriptors and shared mappings of this process.
fn belongings() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    let shared = maps.lines().filter(|l| l.split(' ').nth(1).is_some_and(|access| access.ends_with('s'))).count();
    (std::fs::read_dir("/proc/self/fd").expect("descriptors").count(), shared)
}

fn play(plan: Plan, mix: Mix, book: &Book, usual: u32) {
    let before = belongings();
    let mut scene = Scene::new(plan, mix.tasks());
    let taken = scene.play(|scene| mix.run(scene)) as u32;
    assert!(usual == 0 || taken == usual, "{taken} bytes are taken, and without deaths {usual}");
    book.hits.store(scene.hits(), SeqCst);
    book.results.store(scene.results, SeqCst);
    book.deaths.store(scene.deaths, SeqCst);
    book.cancelled.store(scene.cancelled, SeqCst);
    book.taken.store(taken, SeqCst);
    drop(scene);
    assert_eq!(belongings(), before, "descriptors and shared mappings");
}

/// Runs a scene in a process of its own; how it went, and whether it left processes.
fn in_child(scene: impl FnOnce()) -> Result<(), String> {
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        watchdog::start(PATIENCE);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(scene));
        unsafe { libc::_exit(ended.is_err() as i32) };
    }
    let mut status = 0;
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    // What the scene leaves becomes a child of this process. Zombies are nobody's: the last moments of the dead.
    let deadline = Instant::now() + Duration::from_secs(1);
    let left = loop {
        match unsafe { libc::waitpid(-1, &mut 0, libc::WNOHANG | libc::__WALL) } {
            -1 => break false,
            0 if Instant::now() > deadline => break true,
            0 => std::thread::sleep(Duration::from_millis(1)),
            _ => {}
        }
    };
    match (status, left) {
        (0, false) => Ok(()),
        (0, true) => Err("it left processes".into()),
        (s, _) if libc::WIFSIGNALED(s) && libc::WTERMSIG(s) == libc::SIGALRM => Err("it hangs".into()),
        (s, _) => Err(format!("it ended with wait status {s:#x}")),
    }
}

fn combinations(all: bool) -> Vec<(Plan, Mix)> {
    let mut list = Vec::new();
    for point in points::ALL {
        for (i, workers) in [1, 2, 4].into_iter().enumerate() {
            for (k, nth) in [1, 2, 5, 17].into_iter().enumerate() {
                for (j, fault) in [Fault::Kill, Fault::StopKill, Fault::StopGo].into_iter().enumerate() {
                    for (m, mix) in MIXES.into_iter().enumerate() {
                        let turn = (i + k + point as usize) % 3;
                        let part = m == turn && (j == 0 && (k + i) % 4 < 2 || k == i && j == 1 + i % 2);
                        // A worker starts once.
                        if matches!(point, Point::Start | Point::Go) && k > 0 || !(all || part) {
                            continue;
                        }
                        list.push((Plan { point, nth, workers, fault, breakable: false }, mix));
                    }
                }
            }
        }
    }
    list
}

fn main() {
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    let (start, book) = (Instant::now(), Book::new());
    let chosen = std::env::var("CFUTURES_SCENE").ok().and_then(|n| n.parse::<usize>().ok());
    let all = chosen.is_some() || std::env::var("CFUTURES_SWEEP").is_ok_and(|v| v == "all");
    let mut bad = Vec::new();
    let usual = |workers, mix| {
        let plan = Plan { point: Point::Start, nth: 1, workers, fault: Fault::None, breakable: false };
        in_child(|| play(plan, mix, book, 0)).expect("a scene without deaths");
        book.taken.load(SeqCst)
    };
    let usual: Vec<[u32; 5]> = MIXES.iter().map(|mix| [1, 1, 2, 2, 4].map(|workers| usual(workers, *mix))).collect();
    let (mut sums, mut met) = ([0u64; 4], [0u32; points::ALL.len() + 1]);
    let list = combinations(all);
    for (n, (plan, mix)) in list.iter().enumerate().filter(|(n, _)| chosen.is_none_or(|c| c == *n)) {
        [&book.hits, &book.results, &book.deaths, &book.cancelled].iter().for_each(|w| w.store(0, SeqCst));
        if let Err(why) = in_child(|| play(*plan, *mix, book, usual[*mix as usize][plan.workers])) {
            println!("scene {n}: {plan:?} {mix:?}: {why}");
            bad.push(n);
        }
        let now = [&book.hits, &book.results, &book.deaths, &book.cancelled].map(|w| w.load(SeqCst));
        sums.iter_mut().zip(now).for_each(|(sum, n)| *sum += n as u64);
        met[plan.point as usize] += now[0];
    }
    if chosen.is_none() {
        let unmet = points::ALL.into_iter().filter(|p| met[*p as usize] == 0);
        unmet.for_each(|p| {
            println!("{p:?} was never met");
            bad.push(usize::MAX);
        });
        special::all(|name, scene| {
            if let Err(why) = in_child(scene) {
                println!("{name}: {why}");
                bad.push(usize::MAX);
            }
        });
    }
    let [hits, results, deaths, cancelled] = sums;
    println!(
        "{} scenes, {} bad; {hits} workers met their point; {results} results, {deaths} deaths, {cancelled} cancelled; {:.1} s",
        list.len(), bad.len(), start.elapsed().as_secs_f64()
    );
    std::process::exit(!bad.is_empty() as i32);
}
