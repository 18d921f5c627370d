//! A lock-free stack of indices whose links lie in memory that never goes away.
//!
//! Owns: `tag:32 | index:32`; index 0 means empty. The tag rises with every pop, so that a head which left
//! and came back meanwhile is noticed. Called by: the slab's depot (whole magazines) and the queue's free segments.
//! `models/stack.rs` checks it.

use crate::sync::{AtomicU64, Ordering::*};

pub struct IndexStack(AtomicU64);

/// Where the link of an entry is kept. Reading the link of an entry that another thread has just popped must
/// be harmless: the links are atomics in type-stable memory.
pub trait Links {
    fn link(&self, index: u32) -> u32;
    fn set_link(&self, index: u32, next: u32);
}

impl IndexStack {
    #[cfg(not(loom))]
    pub const fn new() -> IndexStack {
        IndexStack(AtomicU64::new(0))
    }

    #[cfg(loom)]
    pub fn new() -> IndexStack {
        IndexStack(AtomicU64::new(0))
    }

    pub fn push(&self, index: u32, links: &impl Links) {
        let mut head = self.0.load(Relaxed);
        loop {
            links.set_link(index, head as u32);
            // Release: what the entry holds is seen by whoever pops it.
            match self.0.compare_exchange_weak(head, head & !0xffff_ffff | index as u64, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    pub fn pop(&self, links: &impl Links) -> Option<u32> {
        // Acquire: pairs with the Release in `push`.
        let mut head = self.0.load(Acquire);
        loop {
            let index = head as u32;
            if index == 0 {
                return None;
            }
            let next = links.link(index) as u64;
            let tag = (head >> 32).wrapping_add(1) << 32;
            match self.0.compare_exchange_weak(head, tag | next, Acquire, Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}
