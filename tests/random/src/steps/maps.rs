//! Maps and loops.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::{self, Job, ARG};
use crate::marks;
use crate::ops::Work;
use crate::world::{Check, World};
use std::ptr::{dangling_mut, null, null_mut};
use std::sync::atomic::Ordering::*;

pub struct MapState {
    pub handle: *mut Map,
    pub pool: usize,
    pub maybe_cancelled: bool,
    process: bool,
    /// Of its first item; the others follow.
    mark: usize,
    count: usize,
    job: Job,
    n: u32,
    /// Its time was over from the start.
    expired: bool,
    next: usize,
    over: bool,
}

impl MapState {
    pub fn free(&mut self) {
        cf_map_free(std::mem::replace(&mut self.handle, null_mut()));
        self.maybe_cancelled |= self.next < self.count; // what has not been handed out
    }

    /// No item ran twice, and none was left out but by a cancel.
    pub fn account(&self) -> Check {
        for m in self.mark..self.mark + self.count {
            let (ran, object) = (marks::at(m).ran.load(Acquire), marks::at(m).object.load(Acquire));
            let fits = ran == 1 || ran == 0 && (self.maybe_cancelled || self.expired);
            ensure!(fits, "item {} of {:?} ran {ran} times", m - self.mark, self.job);
            ensure!(object == ran * self.job.objects(), "the object of an item was destroyed {object} times");
            ensure!(marks::at(m).wrong.load(Relaxed) == 0, "an item was not what was given");
        }
        Ok(())
    }
}

impl World {
    pub fn map(&mut self, pool: u8, work: Work, count: usize, chunk: usize, expired: bool) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let process = self.pools[p].process;
        let job = match work.job.fit(process) {
            Job::Gate | Job::Nested => Job::Value, // items do not wait
            job => job,
        };
        let Some(mark) = self.take_marks(count) else { return Ok(()) };
        let n = work.n.into();
        let tail = work.tail.min(32) as usize;
        let size = ARG + tail;
        let items: Vec<u8> = (0..count).flat_map(|k| jobs::bytes_of(jobs::arg(mark + k, job, n), tail)).collect();
        let mut options = null_mut();
        ensure!(cf_map_options_new(&mut options) == OK, "no options");
        cf_map_options_set_chunk_size(options, chunk);
        if expired {
            cf_map_options_set_timeout(options, 0);
        }
        let mut handle = dangling_mut();
        let data = items.as_ptr().cast();
        let executor = self.pools[p].handle;
        let status = if chunk.is_multiple_of(2) {
            cf_executor_map(executor, Some(jobs::run), data, size, count, options, &mut handle)
        } else {
            // Items of 16-byte alignment and any size, so that nothing lies between them and the task's argument.
            let one = Array { data, item_size: size, item_align: 1, stride: 0, count };
            let same = Array { data: null(), item_size: 0, item_align: 0, stride: 0, count: REPEAT };
            let arrays = [one, same];
            cf_executor_map_arrays(executor, Some(jobs::run), arrays.as_ptr(), 2, options, &mut handle)
        };
        cf_map_options_free(options);
        if self.pools[p].shut && count > 0 {
            ensure!(status == SHUTDOWN && handle.is_null(), "a map after a shutdown: {status}");
            return Ok(());
        }
        ensure!(status == OK && !handle.is_null(), "map: {status}");
        let maybe_cancelled = false;
        let (next, over) = (0, false);
        let map = MapState { handle, pool: p, maybe_cancelled, process, mark, count, job, n, expired, next, over };
        self.maps.push(map);
        Ok(())
    }

    pub fn map_next(&mut self, map: u8) -> Check {
        let live: Vec<usize> = (0..self.maps.len()).filter(|m| !self.maps[*m].handle.is_null()).collect();
        if live.is_empty() {
            return Ok(());
        }
        let at = live[map as usize % live.len()];
        let (pool, over) = (self.maps[at].pool, self.maps[at].over || self.maps[at].next == self.maps[at].count);
        if !over && !self.maps[at].expired && !self.has_room(pool) {
            return Ok(()); // nothing would come
        }
        let m = &mut self.maps[at];
        let mut item = Item { index: usize::MAX, status: OK, data: null(), size: 0, error: null() };
        let status = cf_map_next(m.handle, &mut item);
        match status {
            END => ensure!(over, "the end of a map after {} of {}", m.next, m.count),
            TIMEOUT => {
                ensure!(m.expired && !over, "a time-out of a map");
                m.over = true;
            }
            OK => {
                ensure!(!over && item.index == m.next, "item {} after {}", item.index, m.next);
                m.next += 1;
                check_item(m, &item)?;
            }
            other => return Err(format!("map_next: {other}")),
        }
        Ok(())
    }

    pub fn map_free(&mut self, map: u8) -> Check {
        if !self.maps.is_empty() {
            let at = map as usize % self.maps.len();
            self.maps[at].free();
        }
        Ok(())
    }

    /// Returns when all is done, so there must be somebody to do it. `fail`: that item and those after it fail.
    pub fn map_into(&mut self, pool: u8, fail: usize, count: usize) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let Some(mark) = self.take_marks(count) else { return Ok(()) };
        if !self.has_room(p) {
            self.open_all(p);
        }
        let bad = if fail == 0 { count } else { fail.min(count) };
        let job = |k| if k < bad { Job::Value } else { Job::Code };
        let items: Vec<_> = (0..count).map(|k| jobs::arg(mark + k, job(k), k as u32)).collect();
        let (mut out, mut statuses) = (vec![[0xa5u8; 8]; count], vec![1; count]);
        let mut error = dangling_mut();
        let (data, place) = (items.as_ptr().cast(), out.as_mut_ptr().cast());
        let (executor, statuses_at) = (self.pools[p].handle, statuses.as_mut_ptr());
        let f = Some(jobs::run as extern "C" fn(_, _, _) -> _);
        let status = cf_executor_map_into(executor, f, data, ARG, count, null(), place, 8, statuses_at, &mut error);
        let at = cf_error_index(error);
        let code = cf_error_code(error);
        let has_error = !error.is_null();
        cf_error_free(error);
        if self.pools[p].shut && count > 0 {
            ensure!(status == SHUTDOWN, "map_into after a shutdown: {status}");
            return Ok(());
        }
        let wanted = if bad < count { (TASK_FAILED, bad, bad as i32 + 1) } else { (OK, 0, 0) };
        ensure!((status, at, code) == wanted, "map_into: {:?}, not {wanted:?}", (status, at, code));
        ensure!(has_error == (status != OK), "an error with {status}");
        for k in 0..count {
            let wanted = if k < bad { (OK, jobs::value(k as u32)) } else { (TASK_FAILED, [0xa5; 8]) };
            ensure!((statuses[k], out[k]) == wanted, "item {k}: {} {:?}", statuses[k], out[k]);
            let ran = marks::at(mark + k).ran.load(Acquire);
            ensure!(ran == 1, "item {k} ran {ran} times");
        }
        Ok(())
    }

    pub fn for_range(&mut self, pool: u8, count: usize, grain: usize, fail: usize) -> Check {
        let Some(p) = self.pick_pool(pool) else { return Ok(()) };
        let Some(mark) = self.take_marks(1) else { return Ok(()) };
        let bad = if fail < count { fail } else { 0 };
        marks::at(mark).order.store(bad as u32, Relaxed);
        let mut error = dangling_mut();
        let (executor, ctx) = (self.pools[p].handle, marks::at(mark).as_data());
        let status = cf_executor_for_range(executor, 0, count, grain, Some(jobs::body), ctx, &mut error);
        let (said, index) = (cf_error_status(error), cf_error_index(error));
        cf_error_free(error);
        ensure!(said == status, "an error with {said} for {status}");
        let ran = marks::at(mark).ran.load(Acquire) as usize;
        if count > 0 && (self.pools[p].process || self.pools[p].shut) {
            let fits = self.pools[p].process && status == UNSUPPORTED || self.pools[p].shut && status == SHUTDOWN;
            ensure!(fits && ran == 0, "a loop: {status}, {ran} indices");
            return Ok(());
        }
        match status {
            OK => ensure!(bad == 0 && ran == count, "{ran} of {count} indices"),
            TASK_FAILED => ensure!(bad != 0 && index <= bad && ran <= count, "the loop failed at {index}, not {bad}"),
            other => return Err(format!("for_range: {other}")),
        }
        Ok(())
    }
}

fn check_item(m: &MapState, item: &Item) -> Check {
    let cancelled = item.status == CANCELLED && (m.maybe_cancelled || m.expired);
    let wanted = m.job.outcome(m.n, m.process);
    ensure!(cancelled || item.status == wanted.status, "item {} of {:?}: {}", item.index, m.job, item.status);
    if item.status != OK {
        ensure!(item.data.is_null() && item.size == 0, "data of an item that failed");
        ensure!(cf_error_status(item.error) == item.status, "another error than the status");
        ensure!(cf_error_index(item.error) == item.index, "the error of another item");
        ensure!(cancelled || cf_error_code(item.error) == wanted.code, "another code than was given");
        return Ok(());
    }
    ensure!(item.error.is_null(), "an error of an item that succeeded");
    if wanted.is_object {
        let own = marks::at(m.mark + item.index).as_data();
        ensure!(item.data == own.cast_const() && item.size == 0, "another object than was given");
        return Ok(());
    }
    ensure!(jobs::bytes_at(item.data, item.size) == wanted.bytes, "item {} gave something else", item.index);
    Ok(())
}
