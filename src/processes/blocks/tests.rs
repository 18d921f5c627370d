//! The allocator against a book of which pages have memory: random sequences, limits, refusals.

use super::*;
use crate::processes::chunk::SMALL;
use core::cell::{Cell, RefCell};

/// Knows which pages have memory, and may have no more than so many.
struct Book {
    given: RefCell<Vec<bool>>,
    count: Cell<usize>,
    most: Cell<usize>,
}

impl Ground for Book {
    fn give(&self, page: u32, n: u32) -> Result<()> {
        let mut given = self.given.borrow_mut();
        for p in page..page + n {
            if !given[p as usize] && self.count.get() >= self.most.get() {
                return Err(Status::CF_NO_MEMORY);
            }
            self.count.set(self.count.get() + !given[p as usize] as usize);
            given[p as usize] = true;
        }
        Ok(())
    }
    fn take(&self, page: u32, n: u32) {
        let given = &mut self.given.borrow_mut()[page as usize..(page + n) as usize];
        self.count.set(self.count.get() - given.iter().filter(|g| **g).count());
        given.fill(false);
    }
}

fn book(pages: usize) -> Book {
    Book { given: RefCell::new(vec![false; pages]), count: Cell::new(0), most: Cell::new(usize::MAX) }
}

/// What `arena` does with its lock let go in between.
fn alloc(b: &mut Blocks, size: usize, g: &Book) -> Result<usize> {
    if size <= SMALL {
        return b.small(size, g);
    }
    let pages = size.div_ceil(PAGE) as u32;
    let (at, cold) = b.large(pages, g)?;
    if cold && g.give((at / PAGE) as u32, pages).is_err() {
        b.undo(at, g);
        return Err(Status::CF_NO_MEMORY);
    }
    Ok(at)
}

fn check(b: &Blocks, g: &Book, live: &[(usize, usize)]) {
    let given = g.given.borrow();
    assert_eq!(b.used(), given.iter().filter(|x| **x).count());
    assert!(b.used() <= b.limit);
    let mut sorted: Vec<(usize, usize)> = live.to_vec();
    sorted.sort();
    for w in sorted.windows(2) {
        assert!(w[0].0 + w[0].1 <= w[1].0, "{w:?} overlap");
    }
    for &(at, size) in live {
        assert!(at % 64 == 0 && b.size_of(at).unwrap() >= size);
        assert!((at / PAGE..=(at + size - 1) / PAGE).all(|p| given[p]));
    }
}

fn random(n: &mut u64) -> usize {
    *n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*n >> 33) as usize
}

#[test]
fn random_sequences_never_overlap_and_all_comes_back() {
    for seed in 1..9u64 {
        let (pages, limit) = (16 << 10, if seed % 2 == 0 { 4000 } else { 9000 });
        let (g, mut n, mut live) = (book(pages), seed, Vec::new());
        let mut b = Blocks::new(pages as u32, limit, limit / 4).unwrap();
        let mut refused = 0;
        for step in 0..4000 {
            if random(&mut n) % 100 < 52 || live.is_empty() {
                let log = random(&mut n) % 23;
                let size = 1 + random(&mut n) % (1 << log);
                g.most.set(if random(&mut n).is_multiple_of(50) { limit / 3 } else { usize::MAX });
                match alloc(&mut b, size, &g) {
                    Ok(at) => live.push((at, size)),
                    Err(_) => refused += 1,
                }
            } else {
                let i = random(&mut n) % live.len();
                let (at, _) = live.swap_remove(i);
                assert!(b.free(at, &g) && !b.free(at, &g));
                assert_eq!(b.size_of(at), None);
            }
            if step % 50 == 0 {
                check(&b, &g, &live);
            }
        }
        assert!(refused > 0 && live.len() > 10);
        live.drain(..).for_each(|(at, _)| assert!(b.free(at, &g)));
        g.most.set(usize::MAX);
        assert!(b.used() <= limit / 4 + CLASSES * CHUNK / PAGE);
        b.trim_all(&g);
        assert_eq!((b.used(), b.spans.idle), (0, 0));
        let all = alloc(&mut b, limit * PAGE, &g).unwrap();
        check(&b, &g, &[(all, limit * PAGE)]);
        assert_eq!(alloc(&mut b, 1, &g), Err(Status::CF_NO_MEMORY));
    }
}

#[test]
fn warm_memory_is_used_again_and_makes_room() {
    let g = book(4096);
    let mut b = Blocks::new(4096, 1000, 300).unwrap();
    let a = alloc(&mut b, 800 * PAGE, &g).unwrap();
    assert!(b.free(a, &g));
    assert_eq!(b.used(), 300);
    g.most.set(0);
    assert_eq!(alloc(&mut b, 300 * PAGE, &g), Ok(a), "warm pages need nothing of the kernel");
    g.most.set(usize::MAX);
    assert!(b.free(a, &g));
    b.charge(900, &g).unwrap();
    assert_eq!(b.used(), 1000);
    assert!(alloc(&mut b, 100, &g).is_ok(), "idle pages make room");
    assert_eq!(b.charge(100, &g), Err(Status::CF_NO_MEMORY));
    b.refund(900);
    assert!(!b.free(5 << 20, &g) && !b.free(64, &g) && !b.free(usize::MAX, &g));
}
