//! Runs of pages: which are free, which of them have memory behind them, and how neighbours grow together.
//!
//! Owns: one record for each page of the heap, in the host's private memory. Called by: `blocks`, under its lock.
//!
//! Always true:
//! - a record says something only at a run's first page, and at the last page of a free run, where a neighbour looks;
//! - two free runs never touch;
//! - `committed` counts the pages that have memory ("warm"), `idle` those of them that lie in free runs;
//! - pages from `top` on have never been warm.

use super::sheet::Sheet;
use crate::status::Result;

/// No page, no run.
const NIL: u32 = u32::MAX;

/// What a run's first page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// Nothing starts here.
    None = 0,
    Free,
    /// The last page of a free run; `len` is its first page.
    Tail,
    /// One block.
    Large,
    /// Many small blocks.
    Chunk,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Run {
    kind: Kind,
    len: u32,
    prev: u32,
    next: u32,
}

/// Eight bins for each doubling of the length.
const BINS: usize = 192;

/// Gives memory to pages of the heap and takes it back.
pub trait Ground {
    fn give(&self, page: u32, n: u32) -> Result<()>;
    fn take(&self, page: u32, n: u32);
}

pub struct Spans {
    runs: Sheet<Run>,
    pages: u32,
    /// One bit a page: memory stands behind it.
    warm: Sheet<u64>,
    top: u32,
    bins: [u32; BINS],
    /// One bit a bin that is not empty.
    filled: [u64; BINS / 64],
    pub committed: usize,
    pub idle: usize,
}

impl Spans {
    pub fn new(pages: u32) -> Result<Spans> {
        // SAFETY: a zeroed run is of kind None, a zeroed word is a number.
        let (runs, warm) = unsafe { (Sheet::new(pages as usize)?, Sheet::new(pages as usize / 64 + 1)?) };
        let (bins, filled) = ([NIL; BINS], [0; BINS / 64]);
        let mut spans = Spans { runs, pages, warm, top: 0, bins, filled, committed: 0, idle: 0 };
        spans.insert(0, pages);
        Ok(spans)
    }

    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Kind and length of the run that starts here.
    pub fn run(&self, page: u32) -> (Kind, u32) {
        if page >= self.pages {
            return (Kind::None, 0);
        }
        let run = self.runs[page as usize];
        (run.kind, run.len)
    }

    /// A run of `n` pages whose first is a multiple of `align`; its memory is as it happens to be.
    pub fn take(&mut self, n: u32, align: u32, kind: Kind) -> Option<u32> {
        let page = self.find(n, align)?;
        let (start, len) = (page.next_multiple_of(align), self.runs[page as usize].len);
        self.unlink(page);
        if start > page {
            self.insert(page, start - page);
        }
        if page + len > start + n {
            self.insert(start + n, page + len - start - n);
        }
        self.runs[start as usize] = Run { kind, len: n, prev: NIL, next: NIL };
        self.idle -= self.warm_pages(start, n);
        Some(start)
    }

    /// A run comes back; what is warm beyond `most` idle pages is cooled, from the run's end.
    pub fn give_back(&mut self, page: u32, most: usize, ground: &impl Ground) {
        let len = self.runs[page as usize].len;
        let warm = self.warm_pages(page, len);
        let excess = (self.idle + warm).saturating_sub(most).min(len as usize) as u32;
        let cooled = self.cool(page + len - excess, excess, ground);
        self.idle += warm - cooled;
        self.runs[page as usize].kind = Kind::None;
        let (mut start, mut n) = (page, len);
        if let (Kind::Free, next) = self.run(page + len) {
            self.unlink(page + len);
            n += next;
        }
        if page > 0 {
            let before = self.runs[page as usize - 1];
            start = match before.kind {
                Kind::Tail => before.len,
                Kind::Free => page - 1,
                _ => page,
            };
            if start < page {
                self.unlink(start);
                n += page - start;
            }
        }
        self.insert(start, n);
    }

    /// Cools free runs until `wanted` pages have been taken back, or none is left.
    pub fn trim(&mut self, wanted: usize, ground: &impl Ground) {
        let mut cooled = 0;
        for bin in (0..BINS).rev() {
            let mut page = self.bins[bin];
            while page != NIL && cooled < wanted && self.idle > 0 {
                let run = self.runs[page as usize];
                let n = self.cool_some(page, run.len, wanted - cooled, ground);
                self.idle -= n;
                cooled += n;
                page = run.next;
            }
        }
    }

    /// Cools a free run from its end, as the next taker gets its begin.
    fn cool_some(&mut self, page: u32, len: u32, wanted: usize, ground: &impl Ground) -> usize {
        let (mut end, mut cooled) = (page + self.reach(page, len), 0);
        while end > page && cooled < wanted {
            let n = (wanted - cooled).max(64).min((end - page) as usize) as u32;
            end -= n;
            cooled += self.cool(end, n, ground);
        }
        cooled
    }

    fn find(&self, n: u32, align: u32) -> Option<u32> {
        // Every run of these bins is long enough, wherever it starts.
        let sure = self.first_filled(bin_above(n.checked_add(align - 1)?));
        if let Some(bin) = sure {
            return Some(self.bins[bin]);
        }
        let fits = |page: u32| {
            let end = page + self.runs[page as usize].len;
            page.next_multiple_of(align).checked_add(n).is_some_and(|e| e <= end)
        };
        let mut bin = self.first_filled(bin_of(n));
        while let Some(b) = bin {
            let mut page = self.bins[b];
            while page != NIL {
                if fits(page) {
                    return Some(page);
                }
                page = self.runs[page as usize].next;
            }
            bin = self.first_filled(b + 1);
        }
        None
    }

    fn first_filled(&self, from: usize) -> Option<usize> {
        let mut mask = !0u64 << (from % 64);
        for i in from / 64..BINS / 64 {
            let word = self.filled[i] & mask;
            if word != 0 {
                return Some(i * 64 + word.trailing_zeros() as usize);
            }
            mask = !0;
        }
        None
    }

    fn insert(&mut self, page: u32, len: u32) {
        let bin = bin_of(len);
        let next = self.bins[bin];
        self.runs[page as usize] = Run { kind: Kind::Free, len, prev: NIL, next };
        if len > 1 {
            self.runs[(page + len - 1) as usize] = Run { kind: Kind::Tail, len: page, prev: NIL, next: NIL };
        }
        if next != NIL {
            self.runs[next as usize].prev = page;
        }
        self.bins[bin] = page;
        self.filled[bin / 64] |= 1 << (bin % 64);
    }

    fn unlink(&mut self, page: u32) {
        let run = self.runs[page as usize];
        let bin = bin_of(run.len);
        match run.prev {
            NIL => self.bins[bin] = run.next,
            prev => self.runs[prev as usize].next = run.next,
        }
        if run.next != NIL {
            self.runs[run.next as usize].prev = run.prev;
        }
        if self.bins[bin] == NIL {
            self.filled[bin / 64] &= !(1 << (bin % 64));
        }
        self.runs[page as usize].kind = Kind::None;
        self.runs[(page + run.len - 1) as usize].kind = Kind::None;
    }

    /// The part of each word of `warm` that a range covers.
    fn words(&self, page: u32, n: u32) -> impl Iterator<Item = (usize, u64)> + use<> {
        let (from, to) = (page as usize, page as usize + n as usize);
        (from / 64..to.div_ceil(64)).map(move |i| {
            let low = if i == from / 64 { !0 << (from % 64) } else { !0 };
            let high = if to - i * 64 < 64 { !(!0 << (to - i * 64)) } else { !0 };
            (i, low & high)
        })
    }

    /// How much of a range can be warm at all.
    fn reach(&self, page: u32, n: u32) -> u32 {
        self.top.saturating_sub(page).min(n)
    }

    pub fn warm_pages(&self, page: u32, n: u32) -> usize {
        self.words(page, self.reach(page, n)).map(|(i, mask)| (self.warm[i] & mask).count_ones() as usize).sum()
    }

    /// How many pages from the start of a range are warm without a gap.
    pub fn warm_start(&self, page: u32, n: u32) -> u32 {
        let n = self.reach(page, n);
        for (i, mask) in self.words(page, n) {
            let cold = !self.warm[i] & mask;
            if cold != 0 {
                return (i as u32 * 64 + cold.trailing_zeros()) - page;
            }
        }
        n
    }

    /// The pages of a run that is in use count as warm from now on; the caller gives them their memory.
    pub fn heat(&mut self, page: u32, n: u32) {
        self.top = self.top.max(page + n);
        for (i, mask) in self.words(page, n) {
            self.committed += (mask & !self.warm[i]).count_ones() as usize;
            self.warm[i] |= mask;
        }
    }

    /// Takes the memory of a range back; how many pages that were. The caller minds `idle`.
    pub fn cool(&mut self, page: u32, n: u32, ground: &impl Ground) -> usize {
        let n = self.reach(page, n);
        let mut cooled = 0;
        for (i, mask) in self.words(page, n) {
            cooled += (self.warm[i] & mask).count_ones() as usize;
            self.warm[i] &= !mask;
        }
        if cooled > 0 {
            ground.take(page, n);
            self.committed -= cooled;
        }
        cooled
    }
}

/// The bin in which a run of this length lies.
fn bin_of(n: u32) -> usize {
    if n < 8 {
        return n as usize;
    }
    let log = n.ilog2();
    ((log - 2) * 8 + (n >> (log - 3) & 7)) as usize
}

/// The first bin all of whose runs have at least this length.
fn bin_above(n: u32) -> usize {
    match n {
        0..8 => n as usize,
        _ => bin_of(n.saturating_add((1 << (n.ilog2() - 3)) - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_in_order() {
        for n in 1..100_000u32 {
            assert!(bin_of(n) <= bin_of(n + 1) && bin_above(n) >= bin_of(n));
            assert!(bin_above(n) <= bin_of(n) + 1);
        }
        assert!(bin_above(u32::MAX) < BINS + 64);
    }

    struct Nothing;
    impl Ground for Nothing {
        fn give(&self, _: u32, _: u32) -> Result<()> {
            Ok(())
        }
        fn take(&self, _: u32, _: u32) {}
    }

    #[test]
    fn neighbours_grow_together() {
        let mut s = Spans::new(1000).unwrap();
        let a: Vec<u32> = (0..10).map(|_| s.take(100, 1, Kind::Large).unwrap()).collect();
        assert_eq!(s.take(1, 1, Kind::Large), None);
        for &p in &a {
            s.heat(p, 100);
        }
        for &p in [a[3], a[5], a[4]].iter() {
            s.give_back(p, 1000, &Nothing);
        }
        assert_eq!((s.idle, s.committed), (300, 1000));
        let b = s.take(300, 1, Kind::Large).unwrap();
        assert_eq!((b, s.idle), (a[3], 0));
        s.give_back(b, 150, &Nothing);
        assert_eq!((s.idle, s.committed, s.warm_start(b, 300)), (150, 850, 150));
        assert_eq!(s.take(256, 32, Kind::Chunk), Some(b.next_multiple_of(32)));
    }
}
