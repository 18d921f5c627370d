//! The thread pool: an executor whose workers are threads of this process.
//!
//! Owns: the queue, the bell, the crew and its seats, the end of its threads.
//! Called by: `executor`, which holds what every kind of executor has in common.
//!
//! - `queue`  hints from outside, first in, first out
//! - `segments` the memory of the queue
//! - `deque`  hints of what a worker's tasks have submitted; `nested` how they are queued and found
//! - `bell`   one wake in flight
//! - `crew`   how many threads may run; spares stand in for blocked ones
//! - `worker` the life of one thread; `starting` how it comes and goes
//! - `breaking` initializers that fail; `contract` the pool as an executor
//!
//! The way of a task: `submit` makes a node, queues a hint, in a task in its worker's own deque, and calls the bell. A
//! worker takes the hint, claims the node, passes the wake on, runs it, publishes. A waiter may have claimed it first;
//! then the hint is stale.

pub mod bell;
pub mod crew;
pub mod deque;
pub mod queue;
mod segments;

#[cfg(not(loom))]
mod breaking;
#[cfg(not(loom))]
mod contract;
#[cfg(not(loom))]
mod nested;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod starting;
#[cfg(not(loom))]
pub mod worker;

#[cfg(not(loom))]
pub use pool::{Initializer, Plan, Pool};
