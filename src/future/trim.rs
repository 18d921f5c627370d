//! Giving the pages of wholly free chunks back to the kernel.
//!
//! Called by: the slab when its depot has grown past a mark, `executor` when the last executor ends.
//!
//! The depot is taken out whole and its nodes are counted by chunk. A chunk whose every node lies in it has no user
//! left: the next generation is written into its header, which stays, and its other pages go. What is left goes back.
//! Most magazines hold nodes of a single chunk and are not walked through again. Then the mark is set so that the next
//! look comes only after as much again was freed, so the cost stays O(1) a node.
//!
//! Always true: a stale hint reads a zeroed word, which is FREE, or a later generation; so it misses.

use super::{cf_future, chunks, slab};
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

impl Tally {
    fn is_whole(&self) -> bool {
        self.free == chunks::NODES
    }
}

/// Looks for wholly free chunks; the next look comes when `keep` nodes, and twice what is left now, are free.
#[cold]
pub fn trim(keep: usize) {
    let Some(_one_at_a_time) = TRIMMING.try_lock() else { return };
    let all = slab::take_depot();
    let Ok(mut tally) = mem::try_slice(chunks::count(), |_| Tally { free: 0, generation: 0 }) else {
        return all.iter().for_each(slab::put_magazine); // no memory to count with: later
    };
    for head in all.iter() {
        head.set_chain_chunk(count(head, &mut tally));
    }
    let is_whole = |chunk: u32| tally[chunk as usize].is_whole();
    let mut left = 0;
    let mixed = all.iter().filter(|head| match head.chain_chunk() {
        Some(chunk) if is_whole(chunk) => false,
        Some(_) => {
            left += head.chain_count() as usize;
            slab::put_magazine(head);
            false
        }
        None => true,
    });
    let singles = mixed.flat_map(|head| slab::nodes(head)).filter(|node| !is_whole(chunks::chunk_of(node)));
    left += slab::put_singles(singles);
    for (chunk, t) in tally.iter().enumerate().filter(|(_, t)| t.is_whole()) {
        chunks::give_back(chunk as u32, t.generation.wrapping_add(1));
    }
    slab::KEEP.store(keep.max(2 * left), Relaxed);
}

/// Counts a magazine's nodes; their chunk, if it is a single one.
fn count(head: &cf_future, tally: &mut [Tally]) -> Option<u32> {
    let mut only = Some(chunks::chunk_of(head));
    for node in slab::nodes(head) {
        let chunk = chunks::chunk_of(node);
        let t = &mut tally[chunk as usize];
        t.free += 1;
        t.generation = t.generation.max(node.generation());
        only = only.filter(|c| *c == chunk);
    }
    only
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
        let call = Call { func: never_run, arg: Arg::Copy(null(), 0), birth: Birth::NONE, executor: 0 };
        cf_future::new(runner::current().unwrap(), call, 1).unwrap()
    }

    #[test]
    fn free_chunks_go_and_come_back_in_a_later_generation() {
        fork::enter();
        const N: usize = 3 * chunks::NODES as usize;
        let nodes: Vec<_> = (0..N).map(|_| make()).collect();
        let old: Vec<_> = nodes.iter().map(|n| (slab::index_of(n), n.generation())).collect();
        nodes.iter().for_each(|n| n.discard());
        let made = chunks::count();
        trim(0);
        let again: Vec<_> = (0..N).map(|_| make()).collect();
        assert!(chunks::count() <= made + 1, "chunks that were given back are used again");
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
