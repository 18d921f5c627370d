//! The future: one 64-byte node that holds the task, its argument, its state and its result.
//!
//! Owns: the node's layout, its references, and the way from a claim to the published outcome.
//! Called by: executors (claim, run), waits (look, be told), the C interface (`verbs`, `by_hand`).
//!
//! - `word`   the state word: who may touch what
//! - `slab`   where nodes come from; `stack` its depot; `chunks` their memory; `trim` gives pages back; `plain` the
//!   variant for memory checkers
//! - `hint`   a queue entry that names a node and holds no reference
//! - `ext`    what does not fit into the node; `watch` who is told when it is done
//! - `storage` where the result or the error lies
//! - `run`    from the claim to the published outcome
//! - `verbs`  what the C interface does with a future; `by_hand` those that their owner completes
//!
//! Always true:
//! - `refs` counts the caller's handles and the pool's one reference, which belongs to whoever took the word
//!   out of PENDING; the node is freed when it reaches 0, by whoever made it so;
//! - before the word is PENDING its maker is the only writer, from the claim to the publish the claimer is,
//!   and after the publish nothing but `refs`, the word's flags and the extension's own atomics changes.

pub mod stack;
pub mod watch;
pub mod word;

#[cfg(not(loom))]
pub mod by_hand;
#[cfg(not(loom))]
pub mod call;
#[cfg(not(loom))]
mod chunks;
#[cfg(not(loom))]
pub mod ext;
#[cfg(not(loom))]
pub mod far;
#[cfg(not(loom))]
pub mod hint;
#[cfg(not(loom))]
pub mod node;
#[cfg(not(loom))]
pub mod plain;
#[cfg(not(loom))]
pub mod run;
#[cfg(not(loom))]
pub mod slab;
#[cfg(not(loom))]
mod storage;
#[cfg(not(loom))]
pub mod trim;
#[cfg(not(loom))]
pub mod verbs;

#[cfg(not(loom))]
pub use node::{cf_future, Arg};
