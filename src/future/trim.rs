//! Giving the pages of wholly free chunks back to the kernel.
//!
//! Called by: the slab when its depot has grown past a mark, `executor` when the last executor ends.
//!
//! The depot is taken out whole and sorted by chunk. A chunk whose every node lies in it has no user left: the
//! next generation is written into its header, which stays, and its other pages go. What is left goes back. Then
//! the mark is set so that the next look comes only after as much again was freed, so the cost stays O(1) a node.
//!
//! Always true: a stale hint reads a zeroed word, which is FREE, or a later generation; so it misses.

use super::cf_future;
use super::slab::{self, Chain};
use crate::mem;
use crate::sync::{Lock, Ordering::*};

/// 4 MiB of nodes are not worth the sorting.
const KEPT_WHEN_IDLE: usize = 64 << 10;

static TRIMMING: Lock<()> = Lock::new(());

/// What is known of a chunk while the depot is sorted.
#[derive(Clone, Copy)]
struct Tally {
    free: u32,
    generation: u32,
}

/// Looks for wholly free chunks; the next look comes when `keep` nodes, and twice what is left now, are free.
#[cold]
pub fn trim(keep: usize) {
    let Some(_one_at_a_time) = TRIMMING.try_lock() else { return };
    let all = slab::take_depot();
    let Ok(mut tally) = mem::try_slice(slab::chunks(), |_| Tally { free: 0, generation: 0 }) else {
        return slab::put_back(all); // no memory to sort with: later
    };
    for node in all.iter() {
        let t = &mut tally[slab::chunk_of(node)];
        t.free += 1;
        t.generation = t.generation.max(node.generation());
    }
    let is_whole = |node: &cf_future| tally[slab::chunk_of(node)].free == slab::NODES_PER_CHUNK;
    let rest: Chain = all.filter(|node| !is_whole(node));
    for (chunk, t) in tally.iter().enumerate().filter(|(_, t)| t.free == slab::NODES_PER_CHUNK) {
        slab::give_chunk_back(chunk as u32, t.generation.wrapping_add(1));
    }
    let left = rest.len();
    slab::put_back(rest);
    slab::KEEP.store(keep.max(2 * left), Relaxed);
}

/// No executor is left: keeps little.
pub fn when_idle() {
    if slab::FREE_NODES.load(Relaxed) > KEPT_WHEN_IDLE {
        trim(slab::MOST_KEPT);
    }
}

/// In a forked child.
pub fn after_fork() {
    // SAFETY: in a child the lock's holder does not exist.
    unsafe { TRIMMING.break_open() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::node::{Arg, Birth, Call};
    use crate::{fork, runner};
    use core::ffi::c_void;
    use core::ptr::null;

    unsafe extern "C-unwind" fn never_run(_: *mut crate::task::cf_task, _: *mut c_void, _: usize) -> i32 {
        unreachable!("only made and given back")
    }

    fn make() -> &'static cf_future {
        let call = Call { func: never_run, arg: Arg::Copy(null(), 0), birth: Birth::NONE, executor: 0, rings: true };
        cf_future::new(runner::current().unwrap(), call, 1).unwrap()
    }

    #[test]
    fn free_chunks_go_and_come_back_in_a_later_generation() {
        fork::enter().unwrap();
        const N: usize = 3 * slab::NODES_PER_CHUNK as usize;
        let nodes: Vec<_> = (0..N).map(|_| make()).collect();
        let old: Vec<_> = nodes.iter().map(|n| (slab::index_of(n), n.generation())).collect();
        nodes.iter().for_each(|n| n.discard());
        let chunks = slab::chunks();
        trim(0);
        let again: Vec<_> = (0..N).map(|_| make()).collect();
        assert!(slab::chunks() <= chunks + 1, "chunks that were given back are used again");
        let mut now: Vec<_> = again.iter().map(|n| (slab::index_of(n), n.generation())).collect();
        now.sort();
        for (index, generation) in old {
            if let Ok(i) = now.binary_search_by_key(&index, |(i, _)| *i) {
                assert!(now[i].1 > generation, "a stale hint would hit node {index}");
            }
        }
        again.iter().for_each(|n| n.discard());
    }
}
