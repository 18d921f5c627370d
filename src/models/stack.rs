//! The stack of indices (`future/stack`), on which free magazines and free queue segments lie.

use super::{holds, refuted};
use crate::future::stack::{IndexStack, Links};
use crate::sync::{AtomicU32, AtomicU64, Cell, Ordering::*};
use loom::thread;
use std::sync::Arc;

const ENTRIES: u32 = 3;

trait Stack {
    fn new() -> Self;
    fn push(&self, index: u32, links: &impl Links);
    fn pop(&self, links: &impl Links) -> Option<u32>;
}

impl Stack for IndexStack {
    fn new() -> Self {
        IndexStack::new()
    }
    fn push(&self, index: u32, links: &impl Links) {
        IndexStack::push(self, index, links)
    }
    fn pop(&self, links: &impl Links) -> Option<u32> {
        IndexStack::pop(self, links)
    }
}

/// The same without the tag, for the variation that does not hold.
struct Untagged(AtomicU64);

impl Stack for Untagged {
    fn new() -> Self {
        Untagged(AtomicU64::new(0))
    }
    fn push(&self, index: u32, links: &impl Links) {
        let mut head = self.0.load(Relaxed);
        loop {
            links.set_link(index, head as u32);
            match self.0.compare_exchange(head, index as u64, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
    fn pop(&self, links: &impl Links) -> Option<u32> {
        let mut head = self.0.load(Acquire);
        while head != 0 {
            match self.0.compare_exchange(head, links.link(head as u32) as u64, Acquire, Acquire) {
                Ok(_) => return Some(head as u32),
                Err(now) => head = now,
            }
        }
        None
    }
}

/// The entries: their links, and something that only the one who holds an entry may touch.
struct Shelf<S> {
    stack: S,
    links: Vec<AtomicU32>,
    contents: Vec<Cell<u32>>,
}

impl<S> Links for Shelf<S> {
    fn link(&self, index: u32) -> u32 {
        self.links[index as usize].load(Relaxed)
    }
    fn set_link(&self, index: u32, next: u32) {
        self.links[index as usize].store(next, Relaxed);
    }
}

impl<S: Stack> Shelf<S> {
    /// All entries are on the stack, the first one on top.
    fn full() -> Arc<Shelf<S>> {
        let links = (0..=ENTRIES).map(|_| AtomicU32::new(0)).collect();
        let contents = (0..=ENTRIES).map(|_| Cell::new(0)).collect();
        let shelf = Shelf { stack: S::new(), links, contents };
        (1..=ENTRIES).rev().for_each(|i| shelf.push(i));
        Arc::new(shelf)
    }
    fn touch(&self, index: u32) {
        // SAFETY: the entry is in this thread's hands, which is what loom checks.
        self.contents[index as usize].with_mut(|p| unsafe { *p += 1 });
    }
    fn push(&self, index: u32) {
        self.touch(index);
        self.stack.push(index, self);
    }
    fn pop(&self) -> Option<u32> {
        let index = self.stack.pop(self)?;
        self.touch(index);
        Some(index)
    }
    /// What is left on the stack and what the threads still hold are all entries, each once.
    fn check(&self, mut held: Vec<u32>) {
        held.extend(std::iter::from_fn(|| self.pop()).take(2 * ENTRIES as usize));
        held.sort();
        assert!(held.iter().copied().eq(1..=ENTRIES), "lost or doubled: {held:?}");
    }
}

/// One thread takes the top two and puts the first back: the head is what it was, its link is not.
fn a_head_that_left_and_came_back<S: Stack + Send + Sync + 'static>() {
    let shelf = Shelf::<S>::full();
    let (a, b) = (shelf.clone(), shelf.clone());
    let restless = thread::spawn(move || {
        let (first, second) = (a.pop(), a.pop());
        first.into_iter().for_each(|i| a.push(i));
        second
    });
    let other = thread::spawn(move || b.pop());
    let held = [restless.join().unwrap(), other.join().unwrap()];
    shelf.check(held.into_iter().flatten().collect());
}

/// Three threads take an entry, use it and put it back, one of them first and twice.
fn entries_in_use() {
    let shelf = Shelf::<IndexStack>::full();
    let round = |shelf: Arc<Shelf<IndexStack>>| move || shelf.pop().into_iter().for_each(|i| shelf.push(i));
    let others = [(); 2].map(|()| thread::spawn(round(shelf.clone())));
    let mine = shelf.pop();
    mine.into_iter().for_each(|i| shelf.push(i));
    round(shelf.clone())();
    others.into_iter().for_each(|t| t.join().unwrap());
    shelf.check(Vec::new());
}

/// Who puts an entry back first and uses it afterwards.
fn used_after_the_push() {
    let shelf = Shelf::<IndexStack>::full();
    let other = shelf.clone();
    let other = thread::spawn(move || other.pop());
    if let Some(i) = shelf.pop() {
        shelf.stack.push(i, &*shelf);
        shelf.touch(i);
    }
    other.join().unwrap();
}

holds! {
    /// Nothing is lost or doubled, though a head leaves and comes back between another's look and its exchange.
    nothing_is_lost_or_doubled, 3, a_head_that_left_and_came_back::<IndexStack>
}
holds! {
    /// An entry is in one pair of hands, and whoever takes it sees what its last holder did.
    one_holder_at_a_time, 2, entries_in_use
}
refuted!(no_head_without_a_tag, 3, "lost or doubled", a_head_that_left_and_came_back::<Untagged>);
refuted!(no_use_after_the_push, 2, "Causality violation", used_after_the_push);
