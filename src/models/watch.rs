//! Watches that come and go (`future/watch`): one is withdrawn and another moves into its entry while the finisher
//! closes the list. Each is told exactly once, or withdrawn and never touched again.

use super::future::{Future, RIGHT};
use super::{holds, refuted};
use crate::future::watch::Watcher;
use crate::sync::{self, fence, AtomicU32, Cell, Ordering::*, Sleepers};
use crate::time::Deadline;
use loom::thread;
use std::sync::Arc;

/// A wait: told by the finisher, sleeps on one word, lives until it was told and nobody waits.
#[repr(C)]
struct Block {
    watcher: Watcher,
    refs: AtomicU32,
    told: AtomicU32,
    sleepers: Sleepers,
    alive: Cell<()>,
    future: *const Future,
}

impl Block {
    /// With one reference for its owner and one for the registration. Its memory stays until the end of the
    /// execution, so that a use after its life is seen as such.
    fn new(future: *const Future) -> Block {
        Block {
            watcher: Watcher { notify: Block::notify },
            refs: AtomicU32::new(2),
            told: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            alive: Cell::new(()),
            future,
        }
    }

    unsafe fn notify(this: *const Watcher, index: usize) {
        // SAFETY: the registration's reference; the finisher keeps the future.
        let (this, future) = unsafe { (&*this.cast::<Block>(), &*(*this.cast::<Block>()).future) };
        assert_eq!(index, this.index(), "told with another's index");
        future.look();
        this.be_told();
        this.release();
    }

    fn index(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn be_told(&self) {
        self.alive.with(|_| ());
        assert_eq!(self.told.fetch_add(1, AcqRel), 0, "told twice");
        self.sleepers.wake_all(sync::address(&self.told));
    }

    fn wait(&self) {
        while self.told.load(Acquire) == 0 {
            let unchanged = || self.told.load(Relaxed) == 0;
            // SAFETY: the owner's reference.
            unsafe { self.sleepers.wait(sync::address(&self.told), 0, unchanged, Deadline::NEVER) };
        }
    }

    fn release(&self) {
        self.alive.with(|_| ());
        if self.refs.fetch_sub(1, Release) == 1 {
            fence(Acquire);
            self.alive.with_mut(|_| ());
        }
    }
}

/// How a wait ends.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    WhenDone,
    /// As after a timeout.
    AtOnce,
    /// As before, without having kept its entry.
    AtOnceByName,
    /// It takes its block away though the finisher is on its way to it.
    AtOnceWhateverTheAnswer,
}

/// A wait from its registration to its end.
fn watch(f: &Future, block: &Block, ends: Ends) {
    match f.watch(core::ptr::from_ref(block).cast_mut().cast(), block.index()) {
        None => {
            f.look();
            block.be_told();
            block.release();
        }
        Some(_) if ends == Ends::WhenDone => block.wait(),
        Some(entry) => {
            let watcher = core::ptr::from_ref(block).cast_mut().cast();
            let withdrawn = match ends {
                Ends::AtOnceByName => f.withdraw(watcher),
                // SAFETY: an entry lives as long as its future, to which the caller has a reference.
                _ => unsafe { (*entry).withdraw(watcher) },
            };
            if withdrawn {
                assert_eq!(block.told.load(Acquire), 0, "withdrawn and told");
                block.release();
            } else if ends == Ends::AtOnceWhateverTheAnswer {
                block.alive.with_mut(|_| ());
                block.refs.fetch_sub(1, Relaxed);
                return;
            }
        }
    }
    block.release();
}

/// One thread per list of waits, and the worker. The entries that are left say how many were reused.
fn come_and_go(waits: &'static [&'static [Ends]], most_entries: usize) {
    let f = Future::new(RIGHT, waits.len() as u32 + 2, false);
    let blocks: Arc<Vec<Vec<Block>>> =
        Arc::new(waits.iter().map(|mine| mine.iter().map(|_| Block::new(&*f)).collect()).collect());
    let worker = f.clone();
    let worker = thread::spawn(move || worker.work());
    let life = |number: usize| {
        let (f, blocks) = (f.clone(), blocks.clone());
        move || {
            waits[number].iter().zip(&blocks[number]).for_each(|(ends, block)| watch(&f, block, *ends));
            f.release();
        }
    };
    let others: Vec<_> = (1..waits.len()).map(|number| thread::spawn(life(number))).collect();
    life(0)();
    others.into_iter().for_each(|t| t.join().unwrap());
    worker.join().unwrap();
    assert!(f.entries.load(Relaxed) <= most_entries, "{} entries", f.entries.load(Relaxed));
    f.release();
    assert_eq!((f.references(), f.entries.load(Relaxed)), (0, 0), "a reference or an entry leaked");
    let told_or_withdrawn = |b: &Block| b.refs.load(Relaxed) == 0;
    assert!(blocks.iter().flatten().all(told_or_withdrawn), "neither told nor withdrawn");
}

// SAFETY: the future that a block points to outlives it.
unsafe impl Send for Block {}
// SAFETY: as above; the rest is atomics and cells that loom watches.
unsafe impl Sync for Block {}

use Ends::*;

holds! {
    /// A thread's second and third wait move into the entry of its first.
    repeated_waits_use_one_entry, 3, || come_and_go(&[&[AtOnce, AtOnce, WhenDone]], 1)
}
holds! {
    /// An entry that one thread leaves is taken over by another while the list is closed.
    an_entry_changes_hands, 2, || come_and_go(&[&[AtOnce], &[WhenDone]], 2)
}
holds! {
    /// Who looks for its watch walks past another's, which may be told or reused at this moment.
    withdrawn_by_name, 2, || come_and_go(&[&[AtOnceByName], &[AtOnce]], 2)
}
holds! {
    /// Callbacks are run in the order in which one thread registered them, whatever watches come and go between.
    callbacks_among_watches, 2, || {
        let f = Future::new(RIGHT, 3, false);
        let block = Arc::new(Block::new(&*f));
        let (worker, other, b) = (f.clone(), f.clone(), block.clone());
        let worker = thread::spawn(move || worker.work());
        let other = thread::spawn(move || {
            watch(&other, &b, AtOnce);
            other.release();
        });
        (0..2).for_each(|k| f.add_callback(k));
        f.release();
        [worker, other].into_iter().for_each(|t| t.join().unwrap());
        assert!(f.called.iter().all(|n| n.load(Relaxed) == 1), "a callback runs exactly once");
        assert_eq!((f.references(), f.entries.load(Relaxed), block.refs.load(Relaxed)), (0, 0, 0));
    }
}
refuted! {
    /// A withdrawal that was refused means that the finisher uses the block now.
    no_withdrawal_that_ignores_the_answer, 2, "Causality violation", || come_and_go(&[&[AtOnceWhateverTheAnswer]], 1)
}
