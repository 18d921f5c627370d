//! Random use of the library: sequences of calls of the C interface, each answer compared with a model.
//!
//!     cfutures-random [--processes] [--seed <number>] <sequences>
//!
//! Run by the check "random" (cmake/checks.sh). A failure names the seed and the smallest sequence found that fails;
//! one that hangs is ended, and shown as it was drawn.

mod ffi;
mod jobs;
mod marks;
mod model;
mod ops;
mod steps;
#[path = "../../watchdog/mod.rs"]
mod watchdog;
mod world;

use ops::Sequence;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::process::ExitCode;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Longer than a sequence takes, with each of its waits at their longest that a failing one has.
const SECONDS_TO_HANG: u32 = 120;

static SEED: AtomicU64 = AtomicU64::new(0);
static PLAYED: AtomicU64 = AtomicU64::new(0);
static PLAYING: AtomicPtr<Sequence> = AtomicPtr::new(null_mut());

struct Wanted {
    processes: bool,
    seed: Option<u64>,
    sequences: u32,
}

fn arguments() -> Option<Wanted> {
    let mut wanted = Wanted { processes: false, seed: None, sequences: 0 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--processes" => wanted.processes = true,
            "--seed" => wanted.seed = Some(words.next()?.parse().ok()?),
            _ => wanted.sequences = word.parse().ok()?,
        }
    }
    (wanted.sequences > 0).then_some(wanted)
}

/// What runs when a sequence has not ended in time. The program is at its end: this may do what a handler may not.
extern "C" fn hangs(_signal: libc::c_int) {
    // SAFETY: set while a sequence is played.
    let sequence = unsafe { PLAYING.load(Acquire).as_ref() };
    let (seed, number) = (SEED.load(Relaxed), PLAYED.load(Relaxed));
    eprintln!("HANG in sequence {number} of seed {seed}: {sequence:#?}");
    watchdog::show_stacks();
    std::process::abort();
}

fn play(sequence: Sequence) -> Result<(), TestCaseError> {
    PLAYING.store((&raw const sequence).cast_mut(), Release);
    PLAYED.fetch_add(1, Relaxed);
    // SAFETY: the handler was set up.
    unsafe { libc::alarm(SECONDS_TO_HANG) };
    let result = world::play(&sequence).map_err(TestCaseError::fail);
    PLAYING.store(null_mut(), Release);
    result
}

fn main() -> ExitCode {
    let Some(wanted) = arguments() else {
        eprintln!("usage: cfutures-random [--processes] [--seed <number>] <sequences>");
        return ExitCode::from(2);
    };
    marks::make();
    // SAFETY: a handler that ends the program; and tasks that die leave no core files.
    unsafe {
        libc::signal(libc::SIGALRM, hangs as extern "C" fn(_) as libc::sighandler_t);
        libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64);
    let seed = wanted.seed.unwrap_or(now);
    SEED.store(seed, Relaxed);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases: wanted.sequences, max_shrink_iters: 2000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let started = Instant::now();
    match runner.run(&ops::sequences(wanted.processes), play) {
        Ok(()) => {
            println!("{} sequences, seed {seed}, {:.1} s", wanted.sequences, started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(e) => {
            println!("seed {seed}: {e}");
            ExitCode::FAILURE
        }
    }
}
