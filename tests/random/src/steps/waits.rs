//! Waiting for many: `cf_wait`, and the iterator over futures in the order in which they are done.

use crate::ensure;
use crate::ffi::*;
use crate::model::*;
use crate::ops::{Few, Mode, Wait};
use crate::world::{Check, World};
use std::ffi::{c_int, c_void};
use std::ptr::dangling_mut;

pub struct IteratorState {
    pub handle: *mut Completions,
    /// The calls, in the order of the array, each once: its first index, and whether it has been handed out.
    left: Vec<Entry>,
    expired: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    call: usize,
    index: usize,
    handed: bool,
    /// What was done when the iterator was made, for sure, and what was not, for sure.
    done: bool,
    pending: bool,
}

/// Of a wait for many: it is over already, it may come to be over, it will.
struct Over {
    now: bool,
    can: bool,
    will: bool,
}

impl World {
    fn over(&self, which: &[usize], mode: Mode) -> Over {
        let looks: Vec<_> = which.iter().map(|i| (&self.calls[*i], self.outlook(*i))).collect();
        let all = |f: fn(&(&Call, Outlook)) -> bool| looks.iter().all(f);
        let any = |f: fn(&(&Call, Outlook)) -> bool| looks.iter().any(f);
        let everything = Over { now: all(|x| x.0.is_done()), can: all(|x| x.1.can_end), will: all(|x| x.1.will_end) };
        if which.is_empty() {
            return everything;
        }
        match mode {
            Mode::All => everything,
            Mode::First => Over { now: any(|x| x.0.is_done()), can: any(|x| x.1.can_end), will: any(|x| x.1.will_end) },
            Mode::Exception => Over {
                now: everything.now || any(|x| x.0.known == Known::Done(FAILED)),
                can: everything.can || any(|x| x.1.can_end && x.0.can_fail()),
                will: everything.will || any(|x| x.1.will_end && x.0.surely_fails()),
            },
        }
    }

    pub fn wait_for(&mut self, which: Few, wait: Wait, mode: Mode) -> Check {
        let which = self.pick_some(which);
        let handles = self.handles(&which);
        let over = self.over(&which, mode);
        let (timeout, must) = self.patience(wait, over.will);
        let (mut done, mut count) = (vec![false; which.len()], usize::MAX);
        let n = which.len();
        let status = cf_wait(handles.as_ptr(), n, timeout, mode as c_int, done.as_mut_ptr(), &mut count);
        match status {
            OK => ensure!(over.can, "the wait is over, and cannot be"),
            TIMEOUT => ensure!(!over.now && !must, "a time-out, though it is over"),
            other => return Err(format!("wait: {other}")),
        }
        ensure!(count == done.iter().filter(|d| **d).count(), "{count} are done, in {done:?}");
        for (i, is) in which.iter().zip(&done) {
            let was = self.calls[*i].is_done();
            ensure!(*is || !was, "not done any more: {:?}", Said(&self.calls[*i]));
            if *is {
                let state = self.observe(*i)?;
                ensure!(state >= FINISHED, "said to be done: {:?}", Said(&self.calls[*i]));
            }
        }
        if status == OK {
            let failed = which.iter().any(|i| self.calls[*i].known == Known::Done(FAILED));
            let all = count == n;
            let fits = match mode {
                Mode::All => all,
                Mode::First => count > 0 || n == 0,
                Mode::Exception => all || failed,
            };
            ensure!(fits, "over with {done:?}");
        }
        Ok(())
    }

    /// The futures of an iteration, each once.
    fn entries(&self, which: &[usize]) -> Vec<Entry> {
        let first = |(index, call): (usize, &usize)| {
            let c = &self.calls[*call];
            let is_first = !which[..index].contains(call);
            let pending = !self.outlook(*call).can_end;
            is_first.then_some(Entry { call: *call, index, handed: false, done: c.is_done(), pending })
        };
        which.iter().enumerate().filter_map(first).collect()
    }

    pub fn as_completed(&mut self, which: Few, wait: Wait) -> Check {
        if self.iterators.len() == 2 {
            return Ok(());
        }
        let which = self.pick_some(which);
        let handles = self.handles(&which);
        let (timeout, _) = self.patience(wait, true);
        let mut handle = dangling_mut();
        let status = cf_as_completed(handles.as_ptr(), handles.len(), timeout, &mut handle);
        ensure!(status == OK, "as_completed: {status}");
        let left = self.entries(&which);
        self.iterators.push(IteratorState { handle, left, expired: timeout <= 0 });
        Ok(())
    }

    pub fn completions_next(&mut self, iterator: u8) -> Check {
        if self.iterators.is_empty() {
            return Ok(());
        }
        let at = iterator as usize % self.iterators.len();
        let it = &self.iterators[at];
        let open: Vec<Entry> = it.left.iter().filter(|e| !e.handed).copied().collect();
        let will = open.iter().any(|e| self.outlook(e.call).will_end);
        if !open.is_empty() && !will && !it.expired {
            return Ok(()); // it would never return
        }
        let (mut index, mut future) = (usize::MAX, dangling_mut());
        let status = cf_completions_next(it.handle, &mut index, &mut future);
        let expired = it.expired;
        match status {
            END => ensure!(open.is_empty() && future.is_null(), "the end, and {} are left", open.len()),
            TIMEOUT => {
                let told = open.iter().any(|e| self.calls[e.call].is_done());
                ensure!(expired && !open.is_empty() && !told && future.is_null(), "a time-out");
            }
            OK => {
                let Some(entry) = open.iter().find(|e| e.index == index) else {
                    return Err(format!("{index} was handed out already, or never put in"));
                };
                ensure!(self.calls[entry.call].handle == future, "another future than that of index {index}");
                let overtakes = entry.pending && open.iter().any(|e| e.done);
                ensure!(!overtakes, "what was pending comes before what was done");
                self.take_done(entry.call, future)?;
                let left = &mut self.iterators[at].left;
                left.iter_mut().filter(|e| e.index == index).for_each(|e| e.handed = true);
            }
            other => return Err(format!("completions_next: {other}")),
        }
        Ok(())
    }

    /// A future that was handed out as done.
    pub fn take_done(&mut self, call: usize, future: *mut Future) -> Check {
        self.learn(call, cf_future_state(future))?;
        ensure!(self.calls[call].is_done(), "handed out, and not done: {:?}", Said(&self.calls[call]));
        Ok(())
    }

    pub fn completions_free(&mut self, iterator: u8) -> Check {
        if !self.iterators.is_empty() {
            let it = self.iterators.swap_remove(iterator as usize % self.iterators.len());
            cf_completions_free(it.handle);
        }
        Ok(())
    }

    pub fn each(&mut self, which: Few, wait: Wait, stop: bool) -> Check {
        let which = self.pick_some(which);
        let handles = self.handles(&which);
        let entries = self.entries(&which);
        let over = self.over(&which, if stop { Mode::First } else { Mode::All });
        let (timeout, must) = self.patience(wait, over.will);
        let mut seen = Seen { stop, indices: Vec::new(), all_done: true };
        let data = (&raw mut seen).cast::<c_void>();
        let status = cf_as_completed_each(handles.as_ptr(), handles.len(), timeout, Some(see), data);
        let wanted = if stop { entries.len().min(1) } else { entries.len() };
        match status {
            OK => ensure!(over.can && seen.indices.len() == wanted, "all were seen: {:?}", seen.indices),
            TIMEOUT => ensure!(!must && seen.indices.len() < wanted, "a time-out after {:?}", seen.indices),
            other => return Err(format!("as_completed_each: {other}")),
        }
        ensure!(seen.all_done, "handed out, and not done");
        let missed = entries.iter().any(|e| e.done && !seen.indices.contains(&e.index));
        ensure!(stop || !missed, "what was done is not among {:?}", seen.indices);
        for (k, index) in seen.indices.iter().enumerate() {
            ensure!(!seen.indices[..k].contains(index), "{index} came twice");
            let Some(entry) = entries.iter().find(|e| e.index == *index) else {
                return Err(format!("{index} is no first index"));
            };
            self.take_done(entry.call, handles[*index])?;
        }
        Ok(())
    }
}

struct Seen {
    stop: bool,
    indices: Vec<usize>,
    all_done: bool,
}

extern "C" fn see(future: *mut Future, index: usize, data: *mut c_void) -> bool {
    // SAFETY: what `each` gave, which waits for the end of the call.
    let seen = unsafe { &mut *data.cast::<Seen>() };
    seen.indices.push(index);
    seen.all_done &= cf_future_done(future) && !future.is_null();
    !seen.stop
}
