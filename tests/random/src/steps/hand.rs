//! Futures by hand: nobody but the driver completes them, so every answer is known.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::{Job, Outcome};
use crate::model::*;
use crate::world::{Check, World};
use std::ffi::CString;
use std::ptr::{dangling_mut, null};

impl World {
    pub fn by_hand(&mut self) -> Check {
        let Some(mark) = self.take_marks(1) else { return Ok(()) };
        let mut handle = dangling_mut();
        let status = cf_future_new(&mut handle);
        ensure!(status == OK, "a new future: {status}");
        self.calls.push(Call { handle, refs: 1, mark, ..Call::new() });
        Ok(())
    }

    pub fn set_running(&mut self, future: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let c = &mut self.calls[i];
        let mut run = true;
        let status = cf_future_set_running_or_notify_cancel(c.handle, &mut run);
        let starts = c.home == Home::ByHand && c.known == Known::Open;
        let fits = match status {
            OK => starts || c.home == Home::ByHand && c.known == Known::Done(STATE_CANCELLED),
            INVALID_STATE => !starts,
            _ => false,
        };
        ensure!(fits && run == starts, "set_running: {status}, {run}: {:?}", Said(c));
        if starts {
            c.known = Known::Running;
        }
        Ok(())
    }

    pub fn set_result(&mut self, future: u8, n: u8) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let c = &mut self.calls[i];
        let bytes = vec![n; n as usize / 4];
        let data = if bytes.is_empty() { null() } else { bytes.as_ptr().cast() };
        let open = c.home == Home::ByHand && !c.is_done();
        if open {
            c.given = Outcome { bytes: bytes.clone(), ..Outcome::default() };
        }
        let status = cf_future_set_result(c.handle, data, bytes.len());
        ensure!(status == if open { OK } else { INVALID_STATE }, "set_result: {status}: {:?}", Said(c));
        self.completed(i, open, FINISHED)
    }

    pub fn set_exception(&mut self, future: u8, code: i32) -> Check {
        let Some(i) = self.pick(future) else { return Ok(()) };
        let c = &mut self.calls[i];
        let message = (code > 0).then(|| format!("failed with {code}"));
        let text = message.clone().map(|m| CString::new(m).unwrap());
        let open = c.home == Home::ByHand && !c.is_done();
        if open && code != 0 {
            c.given = Outcome { status: TASK_FAILED, code, message, ..Outcome::default() };
        }
        let status = cf_future_set_exception(c.handle, code, text.as_ref().map_or(null(), |t| t.as_ptr()));
        let fits = match status {
            OK => open && code != 0,
            INVALID_STATE => !open,
            INVALID_ARGUMENT => code == 0,
            _ => false,
        };
        ensure!(fits, "set_exception: {status}: {:?}", Said(c));
        self.completed(i, status == OK, FAILED)
    }

    fn completed(&mut self, i: usize, here: bool, state: i32) -> Check {
        if !here {
            return Ok(());
        }
        self.ended_here(i, state)?;
        self.check_outcome(i, state)
    }
}

impl Call {
    /// Made by hand; what belongs to a task is filled in by whoever submits it.
    pub fn new() -> Call {
        Call {
            handle: std::ptr::null_mut(),
            refs: 0,
            home: Home::ByHand,
            process: false,
            job: Job::Empty,
            n: 0,
            mark: 0,
            known: Known::Open,
            maybe_cancelled: false,
            killed: false,
            maybe_refused: false,
            told: false,
            owned: false,
            callbacks: Vec::new(),
            user_data: None,
            given: Outcome::default(),
        }
    }
}
