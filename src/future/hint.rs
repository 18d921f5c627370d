//! A queue entry: names a node and its generation, and holds no reference.
//!
//! The node may have been claimed by a waiter, finished, released and used again before the entry is read;
//! so nothing but the word is touched until the claim has won.

use super::node::cf_future;
use super::{plain, slab, word};
use crate::error::cf_error;
use crate::runner::{Runner, NOBODY};
use crate::sync::{will_write, Ordering::Relaxed};

#[derive(Clone, Copy)]
pub struct Hint(u64);

impl Hint {
    /// Of a node that the caller is about to submit.
    #[inline]
    pub fn new(node: &cf_future) -> Hint {
        if plain::on() {
            plain::keep(node);
        }
        Hint::naming(node)
    }

    /// The name alone, to look for an entry.
    #[inline]
    pub fn naming(node: &cf_future) -> Hint {
        Hint((slab::index_of(node) as u64) << 32 | node.generation() as u64)
    }

    #[inline]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub fn from_bits(bits: u64) -> Hint {
        Hint(bits)
    }

    #[inline]
    pub fn is(self, other: Hint) -> bool {
        self.0 == other.0
    }

    /// Nobody can win its claim any more. Asked of an entry that another thread may have taken already, so never where
    /// the entry keeps the node's memory.
    #[inline]
    pub fn is_stale(self) -> bool {
        if plain::on() {
            return false;
        }
        let w = slab::node((self.0 >> 32) as u32).word().load(Relaxed);
        word::generation(w) != self.0 as u32 || word::state(w) != word::PENDING
    }

    /// The node, if this thread has won its claim; the pool's reference is this thread's then.
    #[inline]
    pub fn claim(self, runner: &Runner) -> Option<&'static cf_future> {
        self.take(word::RUNNING, runner.id).map(|(node, _)| node)
    }

    /// This thread may be the one to claim it, in a moment. Of 0 nothing is known.
    #[inline]
    pub fn will_claim(self) {
        if self.0 != 0 {
            will_write(slab::place_of((self.0 >> 32) as u32));
        }
    }

    /// Takes a queued task back unless somebody has claimed it; nobody is told, its references are the caller's.
    pub fn revoke(self) -> bool {
        // The entry stays queued, and with it what it keeps in plain mode.
        let node = slab::node((self.0 >> 32) as u32);
        node.word().take(self.0 as u32, word::CANCELLED, NOBODY, false).is_some()
    }

    /// Cancels the task, with all that follows.
    pub fn cancel(self) {
        if let Some((node, before)) = self.take(word::CANCELLED, NOBODY) {
            node.end_cancelled(before);
        }
    }

    /// Fails the task without running it.
    pub fn fail(self, error: impl FnOnce() -> cf_error) {
        if let Some((node, _)) = self.take(word::RUNNING, NOBODY) {
            node.fail_unrun(error());
        }
    }

    #[inline]
    fn take(self, to: u64, by: u16) -> Option<(&'static cf_future, u64)> {
        let node = slab::node((self.0 >> 32) as u32);
        let before = node.word().take(self.0 as u32, to, by, false);
        if plain::on() {
            plain::free(node);
        }
        before.map(|w| (node, w))
    }

    /// Keeps what the name needs, beside the entry; to be forgotten.
    pub fn keep(self) -> Hint {
        if plain::on() {
            plain::keep(slab::node((self.0 >> 32) as u32));
        }
        self
    }

    /// An entry that was not queued after all, or a name that was kept.
    pub fn forget(self) {
        if plain::on() {
            plain::free(slab::node((self.0 >> 32) as u32));
        }
    }
}
