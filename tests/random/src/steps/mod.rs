//! The calls of the C interface, one function each: what may come back is derived from the model, made, compared.

mod bad;
mod futures;
mod hand;
pub mod maps;
mod pools;
pub mod queues;
pub mod waits;
