//! Completion (`future/word` with `future/watch`): a worker, cancels, by-hand setters, sleepers and callbacks meet
//! on one word. One outcome, every sleeper woken, every callback run once, no use after the last reference.

use super::future::{Future, Rule, RIGHT};
use super::{holds, refuted};
use crate::future::word::CANCELLED;
use crate::sync::Ordering::*;
use loom::thread;
use std::sync::Arc;

/// What a thread does with the future. All but the worker, who has a hint, hold a reference.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Work,
    Cancel,
    /// Sets the result.
    Set,
    /// Asks whether the work is to be done, and sets the result if so.
    RunAndSet,
    Wait,
    Register(usize),
}
use Does::*;

impl Does {
    /// True for one that wins the end of the future for itself.
    fn act(self, f: &Future) -> bool {
        let won = match self {
            Work => {
                f.work();
                return false;
            }
            Cancel => f.cancel(),
            Set => f.set_result(),
            RunAndSet => f.set_running() && f.set_result(),
            Wait => {
                f.wait();
                false
            }
            Register(k) => {
                f.add_callback(k);
                false
            }
        };
        f.release();
        won
    }
}

/// All of `what` at the same time, the first of them on the main thread.
fn meeting(rule: Rule, what: &'static [Does]) {
    let by_hand = !what.contains(&Work);
    let refs = what.iter().filter(|w| **w != Work).count() + !by_hand as usize;
    let f = Future::new(rule, refs as u32, by_hand);
    let spawn = |w: &Does| {
        let (w, f) = (*w, f.clone());
        thread::spawn(move || w.act(&f))
    };
    let others: Vec<_> = what[1..].iter().map(spawn).collect();
    let mut won = what[0].act(&f) as usize;
    won += others.into_iter().map(|t| t.join().unwrap()).filter(|won| *won).count();
    let end = f.state();
    assert_eq!((f.ended.load(Relaxed), f.references()), (1, 0), "one outcome, no reference left");
    assert_eq!(won, (by_hand || end == CANCELLED) as usize, "winners");
    assert_eq!(f.entries.load(Relaxed), 0, "an entry leaked");
    for w in what {
        if let Register(k) = w {
            assert_eq!(f.called[*k].load(Relaxed), 1, "a callback runs exactly once");
        }
    }
}

holds! {
    /// A callback, a sleeper and the worker; the extension is made while the worker may be publishing.
    first_callback_against_the_finisher, 3, || meeting(RIGHT, &[Wait, Work, Register(0)])
}
holds! {
    /// Two callbacks whose registrants both make the extension.
    two_callbacks_against_the_finisher, 3, || meeting(RIGHT, &[Register(0), Work, Register(1)])
}
holds! {
    /// The claim and the cancel exclude each other, and who wins owns the pool's reference.
    cancel_against_the_worker, 3, || meeting(RIGHT, &[Register(0), Work, Cancel])
}
holds! {
    /// Both sleep on the low half of one word, to which the other's announcement and the cancel are changes.
    two_sleepers_and_a_cancel, 2, || meeting(RIGHT, &[Wait, Cancel, Wait])
}
holds! {
    /// Of two setters one wins, the other is told so and touches nothing.
    two_setters, 3, || meeting(RIGHT, &[Set, Set, Register(0)])
}
holds! {
    /// A future that is cancelled does not run, one that runs is not cancelled.
    cancel_against_a_by_hand_runner, 3, || meeting(RIGHT, &[Wait, RunAndSet, Cancel])
}
refuted! {
    /// The finisher sees the flag, finds no extension to close, and the registrant pushes onto a list nobody looks at.
    no_flag_before_the_extension, 3, "exactly once", || {
        meeting(Rule { flag_before_extension: true, ..RIGHT }, &[Register(0), Work])
    }
}
refuted!(no_callback_without_the_flag, 2, "exactly once", || {
    meeting(Rule { no_flag: true, ..RIGHT }, &[Register(0), Work])
});
refuted! {
    /// A sleeper that announced itself between the look at the flags and the publish sleeps for ever.
    no_flags_from_a_load, 2, "deadlock", || meeting(Rule { flags_from_a_load: true, ..RIGHT }, &[Wait, Work])
}
refuted!(no_reference_dropped_before_telling, 2, "used after the last reference", || {
    meeting(Rule { reference_dropped_early: true, ..RIGHT }, &[Register(0), Work])
});
refuted!(no_outcome_stored_before_the_step, 2, "Causality violation", || {
    meeting(Rule { stored_before_the_step: true, ..RIGHT }, &[Set, Set])
});
