//! Whole thread pools under shuttle: random schedules of small scenes.
//!
//!     cfutures-schedules [--seed <number>] [--scene <name>] <schedules>
//!
//! Run by the check "schedules" (cmake/checks.sh). Half of the schedules are random at every step, half follow
//! priorities that change at three steps (PCT). A failure prints shuttle's string, by which it can be replayed.

#[allow(dead_code)]
#[path = "../../random/src/ffi.rs"]
mod ffi;
mod kernel;
mod scenes;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn play(scheduler: impl Scheduler + 'static, scene: fn()) {
    let mut config = Config::new();
    config.stack_size = kernel::STACK;
    config.max_steps = shuttle::MaxSteps::FailAfter(2_000_000);
    Runner::new(scheduler, config).run(move || {
        kernel::reset();
        kernel::enter(0, scene);
    });
}

fn main() -> ExitCode {
    let (mut schedules, mut only) = (0, None);
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => seed = words.next().and_then(|n| n.parse().ok()).unwrap_or(seed),
            "--scene" => only = words.next(),
            _ => schedules = word.parse().unwrap_or(0),
        }
    }
    if schedules == 0 {
        eprintln!("usage: cfutures-schedules [--seed <number>] [--scene <name>] <schedules>");
        return ExitCode::from(2);
    }
    kernel::install();
    let each = (schedules / scenes::ALL.len()).div_ceil(2).max(1);
    println!("{} schedules, seed {seed}", 2 * each * scenes::ALL.len());
    for (name, scene) in scenes::ALL {
        if only.as_ref().is_some_and(|o| o != name) {
            continue;
        }
        let started = Instant::now();
        play(RandomScheduler::new_from_seed(seed, each), *scene);
        play(PctScheduler::new_from_seed(seed, 3, each), *scene);
        println!("{name}: {:.1} s", started.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}
