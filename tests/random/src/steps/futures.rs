//! One future at a time: cancelling, results, callbacks, references.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::{self, free_mark};
use crate::marks;
use crate::model::*;
use crate::ops::{Few, Wait};
use crate::world::{check_bytes, Check, World};
use std::ptr::{dangling, dangling_mut, null, null_mut};
use std::sync::atomic::Ordering::*;

impl World {
    pub fn cancel(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let look = self.outlook(i);
        let is = cf_future_cancel(self.calls[i].handle);
        self.cancelled(i, look, is)
    }

    /// What a cancel has said: `is` is its answer, `look` what was known before.
    fn cancelled(&mut self, i: usize, look: Outlook, is: bool) -> Check {
        let c = &self.calls[i];
        let was_pending = c.known == Known::Open && (c.home == Home::ByHand || !look.can_start);
        if !is {
            ensure!(!was_pending, "not cancelled, though it cannot have started: {:?}", Said(c));
            let state = self.observe(i)?;
            ensure!(
                (RUNNING..=FAILED).contains(&state) || self.calls[i].killed,
                "state {state} of what was not cancelled"
            );
            self.calls[i].maybe_cancelled = self.calls[i].killed;
            return Ok(());
        }
        let fits = match c.known {
            Known::Done(state) => state == STATE_CANCELLED,
            Known::Running => c.killed,
            Known::Open => true,
        };
        ensure!(fits, "cancelled: {:?}", Said(c));
        if c.is_done() {
            return Ok(());
        }
        if c.killed || c.process && c.maybe_cancelled {
            self.calls[i].known = Known::Done(STATE_CANCELLED); // by another thread
            return Ok(());
        }
        self.ended_here(i, STATE_CANCELLED)?;
        self.check_outcome(i, STATE_CANCELLED)
    }

    /// As many are cancelled afterwards as it says; in turn, so what the first frees the next may take.
    pub fn cancel_many(&mut self, which: Few) -> Check {
        let mut which = self.pick_some(which);
        which.sort_unstable();
        which.dedup();
        // From the last on: then no cancel lets one of those start that come after it.
        which.reverse();
        let looks: Vec<_> = which.iter().map(|i| self.outlook(*i)).collect();
        let handles = self.handles(&which);
        let count = cf_futures_cancel(handles.as_ptr(), handles.len());
        let mut cancelled = 0;
        for (i, look) in which.into_iter().zip(looks) {
            let is = cf_future_cancelled(self.calls[i].handle);
            cancelled += is as usize;
            self.cancelled(i, look, is)?;
        }
        let killed = self.calls.iter().filter(|c| c.killed).count();
        ensure!(count <= cancelled && cancelled <= count + killed, "{count} cancelled, of which {cancelled} are");
        Ok(())
    }

    pub fn kill(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let look = self.outlook(i);
        let c = &mut self.calls[i];
        let status = cf_future_kill(c.handle, 0);
        let can_be_killed = c.home != Home::ByHand && c.process;
        match status {
            UNSUPPORTED => ensure!(!can_be_killed, "kill is not supported: {:?}", Said(c)),
            INVALID_STATE => ensure!(can_be_killed && look.can_end, "kill: it is done: {:?}", Said(c)),
            OK => {
                ensure!(can_be_killed && !c.is_done(), "killed: {:?}", Said(c));
                c.maybe_cancelled = true;
                if !look.can_start {
                    return self.ended_here(i, STATE_CANCELLED);
                }
                c.killed = true;
            }
            other => return Err(format!("kill: {other}")),
        }
        Ok(())
    }

    /// Every question that does not wait.
    pub fn look(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let handle = self.calls[i].handle;
        let states = [cf_future_cancelled(handle), cf_future_running(handle), cf_future_done(handle)];
        let after = self.observe(i)?;
        let later = [cf_future_cancelled(handle), cf_future_running(handle), cf_future_done(handle)];
        ensure!(!(states[0] && states[1]), "cancelled and running: {:?}", Said(&self.calls[i]));
        ensure!(!states[0] || after == STATE_CANCELLED, "was cancelled, is {after}");
        ensure!(!states[1] || after != PENDING, "has run, is pending");
        ensure!(!states[2] || after >= FINISHED, "was done, is {after}");
        ensure!(after < FINISHED || later == [after == STATE_CANCELLED, false, true], "{later:?} in state {after}");
        let data = self.calls[i].user_data.map_or(null_mut(), |m| marks::at(m).as_data());
        ensure!(cf_future_user_data(handle) == data, "other user data than was given");
        match after >= FINISHED {
            true => self.check_outcome(i, after),
            false => Ok(()),
        }
    }

    pub fn result(&mut self, future: u8, wait: Wait) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let (timeout, must) = self.patience(wait, self.outlook(i).will_end);
        let (untouched, mut size) = (dangling(), usize::MAX);
        let mut data = untouched;
        let status = cf_future_result(self.calls[i].handle, timeout, &mut data, &mut size);
        let Some(state) = self.after_wait(i, status == TIMEOUT, must)? else { return Ok(()) };
        let c = &self.calls[i];
        let wanted = c.outcome(state).ok_or("an impossible end")?;
        ensure!(status == wanted.status, "{status} of {:?}", Said(c));
        match status {
            OK => check_bytes(c, data, size, &wanted),
            _ => {
                ensure!(data == untouched && size == usize::MAX, "a failure has written");
                self.check_outcome(i, state)
            }
        }
    }

    pub fn result_into(&mut self, future: u8, wait: Wait, size: usize) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let (timeout, must) = self.patience(wait, self.outlook(i).will_end);
        let mut bytes = [0xa5u8; 16];
        let status = cf_future_result_into(self.calls[i].handle, timeout, bytes.as_mut_ptr().cast(), size);
        let Some(state) = self.after_wait(i, status == TIMEOUT, must)? else { return Ok(()) };
        let c = &self.calls[i];
        let wanted = c.outcome(state).ok_or("an impossible end")?;
        let mut expected = [0xa5u8; 16];
        if wanted.status == OK && wanted.bytes.len() == size {
            expected[..size].copy_from_slice(&wanted.bytes);
            ensure!(status == OK, "{status} of {:?}", Said(c));
        } else {
            let failure = if wanted.status == OK { SIZE_MISMATCH } else { wanted.status };
            ensure!(status == failure, "{status} of {:?}, not {failure}", Said(c));
        }
        ensure!(bytes == expected, "{bytes:?} of {:?}", Said(c));
        Ok(())
    }

    pub fn result_object(&mut self, future: u8, wait: Wait) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let (timeout, must) = self.patience(wait, self.outlook(i).will_end);
        let mut object = dangling_mut();
        let status = cf_future_result_object(self.calls[i].handle, timeout, &mut object);
        ensure!(status == OK || object.is_null(), "an object with {status}");
        let Some(state) = self.after_wait(i, status == TIMEOUT, must)? else { return Ok(()) };
        let c = &self.calls[i];
        let wanted = c.outcome(state).ok_or("an impossible end")?;
        let expected = if wanted.status == OK && !wanted.is_object { INVALID_STATE } else { wanted.status };
        ensure!(status == expected, "{status} of {:?}, not {expected}", Said(c));
        ensure!(status != OK || object == marks::at(c.mark).as_data(), "another object than was given");
        Ok(())
    }

    pub fn exception(&mut self, future: u8, wait: Wait) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let (timeout, must) = self.patience(wait, self.outlook(i).will_end);
        let mut error = dangling::<Error>();
        let status = cf_future_exception(self.calls[i].handle, timeout, &mut error);
        ensure!(status == OK || error.is_null(), "an exception with {status}");
        let Some(state) = self.after_wait(i, status == TIMEOUT, must)? else { return Ok(()) };
        let wanted = if state == STATE_CANCELLED { CANCELLED } else { OK };
        ensure!(status == wanted, "{status} in state {state}");
        let own = cf_future_error(self.calls[i].handle);
        ensure!(error == if state == FAILED { own } else { null() }, "another error than the future's");
        self.check_outcome(i, state)
    }

    pub fn callback(&mut self, future: u8, again: bool) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let Some(mark) = self.take_marks(1 + again as usize) else { return Ok(()) };
        let early = !self.outlook(i).can_end;
        let c = &mut self.calls[i];
        marks::at(mark).handle.store(c.handle.cast(), Relaxed);
        let function: extern "C" fn(_, _) = if again { jobs::on_done_again } else { jobs::on_done };
        let data = marks::at(mark).as_data();
        let status = cf_future_add_done_callback(c.handle, Some(function), data, Some(free_mark));
        ensure!(status == OK, "add_done_callback: {status}");
        let ran = marks::at(mark).ran.load(Acquire);
        if c.is_done() {
            ensure!(ran == 1, "a callback of what is done ran {ran} times at once: {:?}", Said(c));
        } else {
            ensure!(!early || ran == 0, "a callback ran before {:?} was done", Said(c));
        }
        c.callbacks.push(Callback { mark, again, early });
        Ok(())
    }

    pub fn user_data(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let Some(mark) = self.take_marks(1) else { return Ok(()) };
        let c = &mut self.calls[i];
        let status = cf_future_set_user_data(c.handle, marks::at(mark).as_data(), Some(free_mark));
        let freed = marks::at(mark).freed.load(Acquire);
        let wanted = if c.user_data.is_some() { (INVALID_STATE, 1) } else { (OK, 0) };
        ensure!((status, freed) == wanted, "user data: {status}, freed {freed} times");
        c.user_data.get_or_insert(mark);
        Ok(())
    }

    pub fn retain(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let c = &mut self.calls[i];
        ensure!(cf_future_retain(c.handle) == c.handle, "another pointer of the same future");
        c.refs += 1;
        Ok(())
    }

    pub fn release(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let c = &mut self.calls[i];
        let destroyed = c.user_data.map_or(0, |m| marks::at(m).freed.load(Acquire));
        ensure!(destroyed == 0, "the user data went before the last reference: {:?}", Said(c));
        c.refs -= 1;
        cf_future_release(c.handle);
        Ok(())
    }

    pub fn release_many(&mut self, which: Few) -> Check {
        let mut which = self.pick_some(which);
        which.sort_unstable();
        which.dedup();
        let mut handles = self.handles(&which);
        handles.push(null_mut());
        which.iter().for_each(|i| self.calls[*i].refs -= 1);
        cf_futures_release(handles.as_mut_ptr(), handles.len());
        ensure!(handles.iter().all(|h| h.is_null()), "what was released is still in the array");
        Ok(())
    }
}
