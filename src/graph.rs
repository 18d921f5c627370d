//! Who can still go on: the rule that finds waits which could never end.
//!
//! Owns: the published waits of one graph, each with what the last judgement made of it.
//! Called by: `deadlock`, under its lock, which fills in what a wait is for; by the models with waits of their own.
//!
//! The rule: publish the wait, then compute who is live.
//! - A thread that has published nothing is live.
//! - A published wait is live if what it waits for comes, as far as that depends on threads that are live.
//! - Repeated until nothing changes. If the caller is not live, its wait can never end.
//!
//! This covers cycles, knots of ANY and starvation alike. The publisher that makes a set stuck is always in it, so
//! each deadlock is reported when it closes. `models/deadlock.rs` checks it.

use crate::status::{Result, Status};

/// A wait as the judge sees it.
pub trait Wait: Sized {
    /// The thread that waits.
    fn thread(&self) -> u16;
    /// Will it end, if the threads go on that the graph takes for live?
    fn can_end(&self, graph: &Graph<Self>) -> bool;
    /// Does it need the thread of another wait to go on?
    fn needs(&self, other: &Self) -> bool;
    /// Could the waiter end it by running something itself?
    fn could_claim(&self) -> bool;
    /// Is it live, but only if somebody does what nobody has to do?
    fn should_claim(&self, graph: &Graph<Self>) -> bool;
    /// The waiter cannot give up.
    fn is_firm(&self) -> bool;
    /// Makes the waiter look again; false if nobody can. The waiter sleeps, or waits for the graph's lock to take
    /// its wait back.
    fn stir(&self) -> bool;
}

struct Published<W> {
    wait: W,
    live: bool,
    /// Live only because the waiter could run something itself.
    by_claim: bool,
    /// It is to end with CF_DEADLOCK in place of a firm one.
    doomed: bool,
}

pub struct Graph<W>(Vec<Published<W>>);

#[derive(PartialEq, Eq, Debug)]
pub enum Verdict {
    Live,
    /// Only by running something oneself.
    ByClaim,
    Dead,
}

impl<W: Wait> Graph<W> {
    pub const fn new() -> Graph<W> {
        Graph(Vec::new())
    }

    /// Nobody waits any more. The room stays, as this may be no moment at which memory can be given back.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Room for the waits of so many threads.
    pub fn make_room(&mut self, threads: usize) -> Result<()> {
        self.0.try_reserve(threads.saturating_sub(self.0.len())).map_err(|_| Status::CF_NO_MEMORY)
    }

    /// Publishes a wait and judges it. It stays published only if it is live; others may be stirred, or doomed in
    /// place of a firm one.
    pub fn publish(&mut self, wait: W) -> Result<Verdict> {
        self.make_room(self.0.len() + 1)?;
        let firm = wait.is_firm();
        self.0.push(Published { wait, live: false, by_claim: false, doomed: false });
        let mut verdict = self.judge();
        while verdict == Verdict::Dead && firm && self.doom_another() {
            verdict = self.judge();
        }
        if verdict != Verdict::Live {
            self.0.pop();
        }
        Ok(verdict)
    }

    /// The wait of this thread is over.
    pub fn withdraw(&mut self, thread: u16) {
        if let Some(i) = self.0.iter().position(|p| p.wait.thread() == thread) {
            self.0.swap_remove(i);
        }
    }

    /// Must the wait of this thread end in place of another one?
    pub fn is_doomed(&self, thread: u16) -> bool {
        self.0.iter().any(|p| p.wait.thread() == thread && p.doomed)
    }

    pub fn is_live(&self, thread: u16) -> bool {
        self.0.iter().find(|p| p.wait.thread() == thread).is_none_or(|p| p.live)
    }

    /// Those that are not live, as far as is known.
    pub fn stuck(&self) -> impl Iterator<Item = &W> {
        self.0.iter().filter(|p| !p.live).map(|p| &p.wait)
    }

    /// Judges the wait that was published last.
    fn judge(&mut self) -> Verdict {
        let me = self.0.len() - 1;
        self.begin();
        loop {
            self.settle();
            if self.0[me].live {
                if self.0[me].wait.should_claim(self) && self.0[me].wait.could_claim() {
                    return Verdict::ByClaim;
                }
                break;
            }
            if self.0[me].wait.could_claim() {
                return Verdict::ByClaim;
            }
            let mut found = false;
            for p in self.0.iter_mut().filter(|p| !p.live) {
                p.by_claim = p.wait.could_claim();
                p.live = p.by_claim;
                found |= p.by_claim;
            }
            if !found {
                return Verdict::Dead;
            }
        }
        self.0.iter().filter(|p| p.by_claim).for_each(|p| {
            p.wait.stir();
        });
        Verdict::Live
    }

    /// A doomed wait is about to end: who depends on it goes on.
    fn begin(&mut self) {
        for p in self.0.iter_mut() {
            (p.live, p.by_claim) = (p.doomed, false);
        }
    }

    /// Spreads "live" until nothing changes.
    fn settle(&mut self) {
        loop {
            let mut changed = false;
            for i in 0..self.0.len() {
                if !self.0[i].live && self.0[i].wait.can_end(self) {
                    self.0[i].live = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Ends another wait of the deadlock that the last publisher, which cannot give up, has closed: one that it
    /// depends on, so never one that merely waits for the deadlock's end. False if there is none.
    fn doom_another(&mut self) -> bool {
        let me = self.0.len() - 1;
        // `by_claim` is free after a verdict of Dead: here it marks what is reached.
        self.0[me].by_claim = true;
        loop {
            let reached = |q: &Published<W>| self.0.iter().any(|p| p.by_claim && p.wait.needs(&q.wait));
            let next = self.0.iter().position(|q| !q.live && !q.by_claim && reached(q));
            let Some(q) = next.map(|q| &mut self.0[q]) else { return false };
            q.by_claim = true;
            if !q.wait.is_firm() && q.wait.stir() {
                q.doomed = true;
                return true;
            }
        }
    }

    /// A thread on which somebody may have counted could not be started: waits that can never end now are ended.
    pub fn judge_anew(&mut self) {
        self.begin();
        loop {
            self.settle();
            let Some(p) = self.0.iter_mut().find(|p| !p.live && !p.wait.is_firm() && p.wait.stir()) else { return };
            // One that could run something itself looks again by itself; the others give up.
            p.doomed = !p.wait.could_claim();
            p.live = true;
        }
    }
}
