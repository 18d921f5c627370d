//! Models: loom runs the real types of the protocols through every order of their steps, up to a bound on
//! preemptions, and through every value that the memory model lets a load return.
//!
//! Run by: `RUSTFLAGS="--cfg loom" cargo test --release --lib --target-dir build/loom models`; with
//! `LOOM_MAX_PREEMPTIONS=3` in front the models search further, and take longer.
//!
//! One file per protocol, named by the module that it drives; `future`, `pool` with `worker`, and `waits` put the
//! real types together as the library does, where the library around them is not for loom. A test whose name begins
//! with `no_` keeps a variation that does not hold: its model must fail, and in the way that is named there. What a
//! lost wake-up leaves behind is a thread that sleeps for ever, which loom reports as a deadlock; what a missing
//! ordering leaves behind is a race on a `Cell`, which loom reports as a causality violation.
//!
//! Two things to know when writing a model: a load may return a stale value for ever, so a loop that waits for
//! another thread yields; and loom treats SeqCst accesses as AcqRel.

// A `Cell` of loom's is not Sync: loom runs all threads of a model on one.
#![allow(clippy::arc_with_non_send_sync)]

mod bell;
mod completion;
mod completions_line;
mod crew;
mod deadlock;
mod deque;
mod first_submit;
mod future;
mod node;
mod pool;
mod process_bell;
mod process_slot;
mod queue;
mod ranges;
mod stack;
mod waits;
mod watch;
mod worker;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;

/// Set in the process that runs a model which must fail.
const CHILD: &str = "CFUTURES_MODEL_THAT_FAILS";

/// Explores a model and says how far. Another bound can be given from outside, but not to one that must fail.
pub fn explore(name: &str, bound: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() || std::env::var_os(CHILD).is_some() {
        builder.preemption_bound = Some(bound);
    }
    builder.max_branches = 20_000;
    let bound = builder.preemption_bound.unwrap_or(bound);
    let executions = Arc::new(AtomicUsize::new(0));
    let (started, count) = (Instant::now(), executions.clone());
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let (n, seconds) = (executions.load(Relaxed), started.elapsed().as_secs_f64());
    eprintln!("{name}: bound {bound}, {n} executions, {seconds:.2} s");
}

/// Runs the named test again in a process of its own, since loom aborts when it finds a deadlock, and wants
/// `why` among its last words.
pub fn refute(test: &str, why: &str, model: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return model();
    }
    let started = Instant::now();
    let this = std::env::current_exe().unwrap();
    let run = std::process::Command::new(this).args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success() && said.contains(why), "{test} did not fail by \"{why}\":\n{said}");
    eprintln!("{test}: refuted ({why}), {:.2} s", started.elapsed().as_secs_f64());
}

/// A test whose model holds, explored up to so many preemptions.
macro_rules! holds {
    ($(#[$note:meta])* $name:ident, $bound:literal, $model:expr) => {
        $(#[$note])*
        #[test]
        fn $name() {
            $crate::models::explore(concat!(module_path!(), "::", stringify!($name)), $bound, $model)
        }
    };
}

/// A test whose model must fail with `why`.
macro_rules! refuted {
    ($(#[$note:meta])* $name:ident, $bound:literal, $why:literal, $model:expr) => {
        $(#[$note])*
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            let test = path.split_once("::").map_or(path, |(_, inside)| inside);
            $crate::models::refute(test, $why, || $crate::models::explore(path, $bound, $model))
        }
    };
}

pub(crate) use {holds, refuted};
