//! The pool of worker processes: crash-isolated, over memory that host and workers share.
//!
//! ```text
//!   host                                   shared memory              worker
//!   pool      argument into a slot   --->  slot (layout)  --------->  worker   claim, run
//!             cell into the queue    --->  queue, bell    --------->
//!   harvest   outcome into the node  <---  slot           <---------  result   store, complete
//!   supervisor  births, deaths, memory     done bits      <---------  ring
//!      |  crew, deaths, breaking           heap (arena, blocks, segments)
//!   zygotes   control socket  <--------------------------------------> zygote --fork--> worker
//!   callbacks  user code that follows
//! ```
//!
//! Any process may be killed between any two instructions and nothing is lost: no lock is shared between processes;
//! a worker owns a slot only through a word that names it; the host can always tell from shared words what a dead
//! worker was running. The host trusts nothing that a worker wrote: ownership, generations, limits and free lists are
//! private to it (`table`, `blocks`, `segments`), and every shared value is read once and checked.
//!
//! - on both sides: `layout`, `view`, [`slot`], `queue`, `bell`, `functions`
//! - the host: `plan`, [`pool`], `submit`, `table`, `far`, `harvest`, `outcome`, `supervisor`, `collect`, `crew`, `deaths`, `blame`, `audit`,
//!   `breaking`, `callbacks`, `staff`, `service`, `zygotes`, `start`
//! - its memory: `arena`, `blocks` (`chunk`, `spans`, `sheet`), `segments`, `shared`
//! - the other side: `zygote`, `worker`, `terms`, `result`, `heap`; `messages` between
//! - `points`: where tests let a worker die

pub mod arena;
mod audit;
mod bell;
mod blame;
pub mod blocks;
mod breaking;
mod callbacks;
mod chunk;
mod collect;
mod contract;
mod crew;
mod deaths;
mod enlist;
mod far;
pub mod functions;
mod harvest;
pub mod heap;
pub mod layout;
pub mod messages;
pub mod names;
mod outcome;
pub mod plan;
pub mod points;
pub mod pool;
pub mod portion;
pub mod program;
mod queue;
pub mod result;
pub mod segments;
pub mod service;
mod shared;
mod sheet;
mod slot;
mod spans;
mod staff;
pub mod start;
pub mod submit;
mod supervisor;
mod table;
mod terms;
mod view;
pub mod worker;
mod zygote;
pub mod zygotes;

pub use pool::Pool;
