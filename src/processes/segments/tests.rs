//! Segments and the worker's heap together: growth, replaced results, deaths, results that outlive their worker,
//! nonsense.

use super::*;
use crate::processes::heap::WorkerHeap;
use crate::sync::AtomicBool;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn with(limit: usize, f: impl FnOnce(&Arena)) {
    let arena = Arena::new(Some(limit)).map_err(|f| f.status).unwrap();
    // SAFETY: one reference, given up here.
    unsafe {
        f(arena.as_ref());
        Arena::release(arena.as_ptr());
    }
}

fn area() -> &'static WorkerArea {
    // SAFETY: all zeroes are a worker's area.
    Box::leak(Box::new(unsafe { core::mem::zeroed() }))
}

/// A heap whose requests are served by a thread, as worker 3.
fn served(arena: &Arena, incarnation: u32, f: impl FnOnce(&mut WorkerHeap)) {
    let (area, stop) = (area(), AtomicBool::new(false));
    // A request of one who died before it was answered.
    area.want.store(7, Relaxed);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Relaxed) {
                arena.segments().serve(arena, 3, incarnation, area);
                crate::sync::yield_now();
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut heap = WorkerHeap::new(area, || {});
            heap.start_task();
            f(&mut heap);
        }));
        stop.store(true, Relaxed);
        done.unwrap();
    });
}

/// Fills the piece and hands it to the host.
fn store(arena: &Arena, heap: &mut WorkerHeap, size: usize, mark: u8) -> (Piece, usize, usize) {
    heap.start_task();
    let at = heap.alloc(size).unwrap();
    assert_eq!(at % 16, 0);
    // SAFETY: inside the worker's segment.
    unsafe { arena.address(at).write_bytes(mark, size) };
    (arena.segments().accept(3, at, size).unwrap(), at, size)
}

fn holds(arena: &Arena, at: usize, size: usize, mark: u8) -> bool {
    // SAFETY: inside a segment that is in use.
    (0..size).all(|i| unsafe { *arena.address(at + i) } == mark)
}

#[test]
fn segments_grow_while_a_worker_asks_and_go_back_when_unused() {
    with(512 * MIB, |arena| {
        served(arena, 1, |heap| {
            let mut kept: Vec<_> = (0..2000).map(|i| (store(arena, heap, 10_000 + i, i as u8), i as u8)).collect();
            // 20 MB: 64 KiB, 128 KiB .. 4 MiB, then four of 4 MiB.
            assert!(arena.segments().count() <= 12, "{}", arena.segments().count());
            for ((piece, at, size), mark) in kept.drain(..) {
                assert!(holds(arena, at, size, mark));
                arena.segments().release(arena, piece);
            }
            assert_eq!(arena.segments().count(), 1);
            for i in 0..2000 {
                let (piece, ..) = store(arena, heap, 100_000, i as u8);
                arena.segments().release(arena, piece);
            }
            assert!(arena.segments().count() == 1 && arena.committed() < 64 * MIB);
        });
        arena.segments().worker_gone(arena, 3, 1);
        assert_eq!(arena.segments().count(), 0);
    });
}

#[test]
fn big_results_have_a_segment_of_their_own_that_goes_with_them() {
    with(512 * MIB, |arena| {
        served(arena, 1, |heap| {
            let (small, small_at, _) = store(arena, heap, 100, 1);
            let (big, at, size) = store(arena, heap, 30 * MIB, 2);
            assert_eq!(arena.block_size(at), Some(30 * MIB));
            let (next, next_at, _) = store(arena, heap, 100, 3);
            assert_eq!(next_at, small_at + 112, "the shared segment is still in use");
            assert!(holds(arena, at, size, 2));
            arena.segments().release(arena, big);
            assert_eq!(arena.segments().count(), 1);
            arena.segments().release(arena, small);
            arena.segments().release(arena, next);
        });
    });
}

#[test]
fn a_result_that_is_replaced_stays_until_it_is_copied() {
    with(512 * MIB, |arena| {
        served(arena, 1, |heap| {
            for (first, second) in [(40 * KIB, 50 * KIB), (5 * MIB, 6 * MIB), (60 * KIB, 5 * MIB), (5 * MIB, 60 * KIB)]
            {
                heap.start_task();
                let a = heap.alloc(first).unwrap();
                // SAFETY: inside the worker's segment.
                unsafe { arena.address(a).write_bytes(9, first) };
                let b = heap.alloc(second).unwrap();
                // Whoever takes blocks meanwhile does not get the earlier result's.
                let strangers: Vec<usize> = [40 * KIB, 64 * KIB, 5 * MIB].map(|s| arena.alloc(s).unwrap()).into();
                for s in &strangers {
                    // SAFETY: inside the block.
                    unsafe { arena.address(*s).write_bytes(1, 40 * KIB) };
                }
                assert!(holds(arena, a, first, 9) && (a + first <= b || b + second <= a));
                strangers.into_iter().for_each(|s| arena.free(s));
                let piece = arena.segments().accept(3, b, second).unwrap();
                arena.segments().release(arena, piece);
            }
            assert!(arena.segments().count() <= 3);
            heap.start_task();
            let a = heap.alloc(1000).unwrap();
            heap.give_back_last(a, 1000);
            assert_eq!(heap.alloc(2000), Some(a), "nothing of the earlier one was needed");
            heap.start_task();
            let a = heap.alloc(3 * MIB).unwrap();
            heap.give_back_last(a, 3 * MIB);
            assert_eq!(heap.alloc(3 * MIB - 5000), Some(a));
        });
        arena.segments().worker_gone(arena, 3, 1);
        assert_eq!(arena.segments().count(), 0);
    });
}

#[test]
fn results_outlive_their_worker_and_its_segments_do_not() {
    with(256 * MIB, |arena| {
        let segments = arena.segments();
        let mut results = Vec::new();
        served(arena, 1, |heap| {
            results = vec![store(arena, heap, 1000, 5), store(arena, heap, 9 * MIB, 6)];
            heap.start_task();
            heap.alloc(4 * MIB).unwrap();
        });
        assert_eq!(segments.count(), 3);
        segments.worker_gone(arena, 3, 1);
        assert_eq!(segments.count(), 2, "the running task's is free");
        served(arena, 2, |heap| {
            let (piece, at, _) = store(arena, heap, 1000, 7);
            assert!(at.abs_diff(results[0].1) >= 64 * KIB);
            segments.release(arena, piece);
        });
        segments.worker_gone(arena, 3, 1);
        assert_eq!(segments.count(), 3, "only the old incarnation was gone");
        assert_eq!(segments.grant(arena, 3, 1, 100, false), Err(Status::CF_INVALID_STATE));
        assert!(holds(arena, results[0].1, 1000, 5) && holds(arena, results[1].1, 9 * MIB, 6));
        // Without a word of the death of the second, the third has its own.
        let (at, _) = segments.grant(arena, 3, 3, 100, false).unwrap();
        assert_eq!(segments.count(), 3);
        results.drain(..).for_each(|(piece, ..)| segments.release(arena, piece));
        assert_eq!(segments.count(), 1);
        assert_eq!(segments.accept(3, at, 0), None);
        segments.worker_gone(arena, 3, 3);
        assert_eq!(segments.accept(3, at, 100), None);
    });
}

#[test]
fn nonsense_is_refused() {
    with(256 * MIB, |arena| {
        let segments = arena.segments();
        let (at, size) = segments.grant(arena, 3, 1, 100, false).unwrap();
        let (other, _) = segments.grant(arena, 4, 1, 100, false).unwrap();
        for (at, size) in [
            (at, size + 1),
            (at + size, 1),
            (at - 1, 2),
            (at, usize::MAX),
            (usize::MAX, 1),
            (usize::MAX, usize::MAX),
            (0, 1),
            (other, 1),
            (at, 0),
        ] {
            assert_eq!(segments.accept(3, at, size), None);
        }
        let piece = segments.accept(3, at + size - 1, 1).unwrap();
        segments.release(arena, piece);
        let area = area();
        for (n, size) in [u64::MAX, 1 << 63, 1 << 40, 300 << 20].into_iter().enumerate() {
            area.want_size.store(size, Relaxed);
            area.want.store(n as u32 + 1, Relaxed);
            assert!(segments.wants(3, area) && segments.serve(arena, 3, 1, area) && !segments.wants(3, area));
            assert_eq!((area.got.load(Relaxed), area.got_size.load(Relaxed)), (n as u32 + 1, 0));
        }
        assert!(!segments.serve(arena, 3, 1, area) && !segments.serve(arena, u16::MAX, 1, area));
        assert_eq!(segments.grant(arena, u16::MAX, 1, 5, false), Err(Status::CF_INVALID_STATE));
    });
}

#[test]
fn without_memory_the_worker_is_told_and_goes_on() {
    with(16 * MIB, |arena| {
        served(arena, 1, |heap| {
            let rest = arena.alloc(10 * MIB).unwrap();
            heap.start_task();
            assert_eq!(heap.alloc(12 * MIB), None);
            assert_eq!(heap.alloc(usize::MAX), None);
            let (piece, ..) = store(arena, heap, 100 * KIB, 1);
            arena.free(rest);
            let (big, ..) = store(arena, heap, 10 * MIB, 1);
            [piece, big].into_iter().for_each(|p| arena.segments().release(arena, p));
        });
    });
}

/// Another worker has written over the request before the host has read it, and over the answer before it was read.
#[test]
fn requests_and_answers_that_are_written_over_come_again() {
    with(16 * MIB, |arena| {
        let (area, segments) = (area(), arena.segments());
        std::thread::scope(|s| {
            let asked = s.spawn(|| {
                let mut heap = WorkerHeap::new(area, || {});
                heap.start_task();
                heap.alloc(100)
            });
            while area.want.load(Acquire) != 1 {
                crate::sync::yield_now();
            }
            area.want.store(77, Release);
            area.got.store(99, Release);
            assert!(segments.serve(arena, 3, 1, area) && area.got.load(Relaxed) == 77);
            while !segments.serve(arena, 3, 1, area) {
                crate::sync::yield_now();
            }
            let at = asked.join().unwrap().unwrap();
            assert_eq!(area.got_at.load(Relaxed), at as u64);
            for word in [&area.got_at, &area.got_size] {
                word.store(1 << 40, Relaxed);
            }
            area.got.store(99, Relaxed);
            segments.answer(3, area);
            let told = (area.got.load(Relaxed), area.got_at.load(Relaxed), area.got_size.load(Relaxed) >= 100);
            assert_eq!(told, (1, at as u64, true));
        });
        segments.answer(u16::MAX, area);
        segments.ignore(3, area);
        segments.answer(3, area);
        assert_eq!((area.got.load(Relaxed), area.got_size.load(Relaxed)), (1, 0));
    });
}
