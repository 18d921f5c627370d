//! The line of those that have ended (`line`): finishers add, one consumer takes and sleeps, and the judge of
//! deadlocks stirs it while its wait is published.

use super::{holds, refuted};
use crate::line::{Line, Taken};
use crate::sync::{yield_now, Cell, Lock};
use crate::time::Deadline;
use loom::thread;
use std::sync::Arc;

/// What ended: its outcome is written before it is added.
struct Ended {
    line: Line,
    outcome: Vec<Cell<usize>>,
}

impl Ended {
    fn new(n: usize) -> Arc<Ended> {
        Arc::new(Ended { line: Line::new(n).unwrap(), outcome: (0..n).map(|_| Cell::new(0)).collect() })
    }

    fn write(&self, i: usize) {
        // SAFETY: before it is added only its finisher knows of it.
        self.outcome[i].with_mut(|p| unsafe { *p = i + 1 });
    }

    fn end(&self, i: usize) {
        self.write(i);
        self.line.add(i);
    }

    /// Hands out a part of the line.
    fn hand_out(&self, mut taken: Taken, order: &mut Vec<usize>) {
        while let Some(i) = taken.first() {
            taken = self.line.after(taken);
            // SAFETY: it has ended.
            assert_eq!(self.outcome[i].with(|p| unsafe { *p }), i + 1);
            order.push(i);
        }
    }
}

/// Two finishers, one of them of two futures; the consumer hands out all.
fn three_that_end(end: fn(&Ended, usize)) {
    let ended = Ended::new(3);
    let (a, b) = (ended.clone(), ended.clone());
    let threads = [thread::spawn(move || (0..2).for_each(|i| end(&a, i))), thread::spawn(move || end(&b, 2))];
    let mut order = Vec::new();
    while order.len() < 3 {
        let taken = ended.line.take();
        if taken != Taken::NOBODY {
            ended.hand_out(taken, &mut order);
        } else if ended.line.lie_down() {
            ended.line.sleep(Deadline::NEVER);
            ended.line.get_up();
        }
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(ended.line.take(), Taken::NOBODY);
    let place = |i| order.iter().position(|o| *o == i).unwrap();
    assert!(place(0) < place(1), "not in the order of the ends: {order:?}");
    order.sort();
    assert_eq!(order, [0, 1, 2], "lost or doubled");
}

/// A wait that is doomed once it is published, under the lock of the graph as in `deadlock`; with a finisher it may
/// also end well.
fn a_stir_against_the_sleep(publish_first: bool, finisher: bool) {
    #[derive(Default)]
    struct Wait {
        published: bool,
        doomed: bool,
    }
    let ended = Ended::new(1);
    let graph = Arc::new(Lock::new(Wait::default()));
    let finisher = finisher.then(|| {
        let e = ended.clone();
        thread::spawn(move || e.end(0))
    });
    let (e, g) = (ended.clone(), graph.clone());
    let judge = thread::spawn(move || loop {
        let mut wait = g.lock();
        if wait.published {
            wait.doomed = true;
            return e.line.stir();
        }
        drop(wait);
        yield_now();
    });
    let mut order = Vec::new();
    if publish_first || ended.line.lie_down() {
        graph.lock().published = true;
        if !graph.lock().doomed && (!publish_first || ended.line.lie_down()) {
            ended.line.sleep(Deadline::NEVER);
        }
        ended.line.get_up();
    }
    ended.hand_out(ended.line.take(), &mut order);
    graph.lock().published = true; // so that the judge ends
    judge.join().unwrap();
    let ends = finisher.map(|t| t.join().unwrap());
    ended.hand_out(ended.line.take(), &mut order);
    assert_eq!(order.len(), ends.iter().count(), "lost or doubled");
}

holds!(everyone_is_handed_out_in_order, 2, || three_that_end(Ended::end));
holds!(a_stir_against_the_sleep_alone, 3, || a_stir_against_the_sleep(false, false));
holds!(a_stir_and_an_end_against_the_sleep, 3, || a_stir_against_the_sleep(false, true));
refuted!(no_end_announced_before_the_outcome, 2, "Causality violation", || {
    three_that_end(|ended, i| {
        ended.line.add(i);
        ended.write(i);
    });
});
refuted! {
    /// The wait is published before the consumer lies down: the stir finds nobody asleep.
    no_wait_published_before_lying_down, 3, "deadlock", || a_stir_against_the_sleep(true, false)
}
