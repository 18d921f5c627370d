//! cfutures: Python's `concurrent.futures` for C, and for every language that can call C.
//!
//! The way of one task through a thread pool:
//!
//! ```text
//!   cf_executor_submit            capi      check, convert, call, convert
//!         |
//!   cf_executor::submit           executor  makes a node (future/slab), writes *out
//!         |                                 PENDING                      (future/word)
//!   Pool::enqueue                 threads   hint into the queue, ring the bell
//!         |                                 (threads/queue, threads/bell, threads/crew)
//!   Worker::take                            claim: PENDING -> RUNNING, one compare-and-swap
//!         |     \___ or a waiter claims it and runs it on its own stack   (wait)
//!   cf_future::run                future    calls the function with a cf_task
//!         |                                 drop the argument, store, publish: FINISHED or FAILED
//!   wake, watches, callbacks                (future/watch)
//!         |
//!   cf_future_result              wait      look, or sleep on the word   (deadlock judges first)
//! ```
//!
//! Through a pool of processes it goes another way between `submit` and `publish` (`processes` has the whole drawing):
//!
//! ```text
//!   Pool::submit_call             processes argument into a slot of shared memory, its number into the queue there
//!         |
//!   worker                                  claims the slot, runs the function, stores the outcome: DONE
//!         |
//!   harvest                       processes whoever looks at the future, or the supervisor, fetches the outcome
//!   publish, wake, watches        future    as above; callbacks on a thread of their own
//! ```
//!
//! The modules, from the outside in:
//! - [`capi`]: the C interface, one file per section of the header
//! - [`executor`]: what all executors have in common, and their contract; [`options`]
//! - [`threads`], [`processes`]: the two kinds of pool
//! - [`future`]: the node, its state, its life; [`task`], [`error`], [`status`], [`hook`]
//! - [`wait`], [`completions`], [`completion_queue`]: built on "look" and "be told once"; [`line`] is where those
//!   that have ended wait to be handed out
//! - [`deadlock`] judges waits, by the rule in [`graph`]; [`claims`] says what a waiter may run itself
//! - [`map`], [`map_into`], [`ranges`]: many calls at once; `map::far` for processes
//! - [`runner`]: what is kept per thread; [`fork`]: handles belong to one process
//! - [`sync`], [`sys`], [`mem`], [`time`]: the ground; loom replaces `sync` in `models`
//! - `panic`: where a panic begins in the installed library

#![allow(non_camel_case_types)]
#![cfg_attr(loom, allow(dead_code, unused_imports))]

pub mod future;
pub mod mem;
pub mod status;
pub mod sync;
pub mod sys;
pub mod threads;
pub mod time;

#[cfg(not(loom))]
pub mod capi;
#[cfg(not(loom))]
pub mod claims;
#[cfg(not(loom))]
pub mod completion_queue;
#[cfg(not(loom))]
pub mod completions;
#[cfg(not(loom))]
pub mod deadlock;
#[cfg(not(loom))]
pub mod error;
#[cfg(not(loom))]
pub mod executor;
#[cfg(not(loom))]
pub mod fork;
pub mod graph;
#[cfg(not(loom))]
pub mod hook;
pub mod line;
#[cfg(not(loom))]
pub mod map;
#[cfg(not(loom))]
pub mod map_into;
#[cfg(not(loom))]
pub mod options;
#[cfg(all(not(loom), feature = "panic-entry"))]
pub mod panic;
#[cfg(not(loom))]
pub mod processes;
#[cfg(loom)]
pub mod processes {
    pub mod slot;
}
pub mod ranges;
#[cfg(not(loom))]
pub mod runner;
#[cfg(schedules)]
pub mod schedule;
#[cfg(not(loom))]
pub mod task;
#[cfg(not(loom))]
pub mod wait;

#[cfg(all(test, loom))]
mod models;
