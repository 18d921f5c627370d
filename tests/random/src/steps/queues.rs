//! Completion queues.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::free_mark;
use crate::marks;
use crate::ops::Wait;
use crate::world::{Check, World};
use std::ptr::{dangling_mut, null_mut};
use std::sync::atomic::Ordering::*;

pub struct QueueState {
    pub handle: *mut Queue,
    entries: Vec<Entry>,
    closed: bool,
}

struct Entry {
    call: usize,
    /// Among the world's tags.
    tag: Option<usize>,
    /// It was done when it was added: it is there at once.
    ready: bool,
}

impl World {
    fn pick_queue(&self, number: u8) -> Option<usize> {
        (!self.queues.is_empty()).then(|| number as usize % self.queues.len())
    }

    pub fn queue_new(&mut self) -> Check {
        if self.queues.len() < 2 {
            let mut handle = dangling_mut();
            let status = cf_completion_queue_new(&mut handle);
            ensure!(status == OK, "a new queue: {status}");
            self.queues.push(QueueState { handle, entries: Vec::new(), closed: false });
        }
        Ok(())
    }

    pub fn queue_add(&mut self, queue: u8, future: u8, tagged: bool) -> Check {
        let (Some(q), Some(i)) = (self.pick_queue(queue), self.pick(future)) else { return Ok(()) };
        let Some(mark) = self.take_marks(1) else { return Ok(()) };
        let tag = if tagged { marks::at(mark).as_data() } else { null_mut() };
        let destroy = if tagged { Some(free_mark as extern "C" fn(_)) } else { None };
        let status = cf_completion_queue_add(self.queues[q].handle, self.calls[i].handle, tag, destroy);
        let freed = marks::at(mark).freed.load(Acquire);
        if self.queues[q].closed {
            ensure!(status == SHUTDOWN && freed == tagged as u32, "added to a closed queue: {status}, {freed}");
            return Ok(());
        }
        ensure!(status == OK && freed == 0, "added: {status}, the tag was destroyed {freed} times");
        let tag = tagged.then_some(self.tags.len());
        if tagged {
            self.tags.push((mark, false));
        }
        self.queues[q].entries.push(Entry { call: i, tag, ready: self.calls[i].is_done() });
        Ok(())
    }

    pub fn queue_next(&mut self, queue: u8, wait: Wait) -> Check {
        let Some(q) = self.pick_queue(queue) else { return Ok(()) };
        let (closed, entries) = (self.queues[q].closed, &self.queues[q].entries);
        let will = closed || entries.iter().any(|e| self.outlook(e.call).will_end);
        let ready = entries.iter().any(|e| e.ready || self.calls[e.call].told);
        let (timeout, must) = self.patience(wait, will);
        let (mut future, mut tag) = (dangling_mut(), null_mut());
        let status = cf_completion_queue_next(self.queues[q].handle, timeout, &mut future, &mut tag);
        match status {
            OK => self.queue_gave(q, future, tag)?,
            TIMEOUT => ensure!(!closed && !must && !ready && future.is_null(), "a time-out"),
            END => ensure!(closed && !ready && future.is_null(), "the end of a queue"),
            other => return Err(format!("queue_next: {other}")),
        }
        self.check_fd(q)
    }

    fn queue_gave(&mut self, q: usize, future: *mut Future, tag: *mut std::ffi::c_void) -> Check {
        let tag_of = |e: &Entry| e.tag.map_or(null_mut(), |t| marks::at(self.tags[t].0).as_data());
        let is_it = |e: &Entry| self.calls[e.call].handle == future && tag_of(e) == tag;
        let Some(at) = self.queues[q].entries.iter().position(is_it) else {
            return Err("it gave a future with a tag that were not added, or it gave them twice".into());
        };
        let entry = self.queues[q].entries.remove(at);
        if let Some(tag) = entry.tag {
            self.tags[tag].1 = true;
        }
        self.calls[entry.call].refs += 1;
        self.take_done(entry.call, future)
    }

    /// The descriptor of a queue that has nothing and is open cannot be read; that of one with something can.
    fn check_fd(&self, q: usize) -> Check {
        let queue = &self.queues[q];
        let ready = queue.closed || queue.entries.iter().any(|e| e.ready || self.calls[e.call].told);
        let maybe = ready || queue.entries.iter().any(|e| self.outlook(e.call).can_end);
        let mut poll = libc::pollfd { fd: cf_completion_queue_fd(queue.handle), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure.
        let readable = unsafe { libc::poll(&mut poll, 1, 0) } == 1;
        ensure!(poll.fd >= 0 && if readable { maybe } else { !ready }, "the descriptor is readable: {readable}");
        Ok(())
    }

    pub fn queue_close(&mut self, queue: u8) -> Check {
        let Some(q) = self.pick_queue(queue) else { return Ok(()) };
        let status = cf_completion_queue_close(self.queues[q].handle);
        ensure!(status == OK, "close: {status}");
        self.queues[q].closed = true;
        Ok(())
    }

    /// Tags that it still has go with it, now.
    pub fn queue_free(&mut self, queue: u8) -> Check {
        let Some(q) = self.pick_queue(queue) else { return Ok(()) };
        let queue = self.queues.swap_remove(q);
        cf_completion_queue_free(queue.handle);
        for tag in queue.entries.iter().filter_map(|e| e.tag) {
            let freed = marks::at(self.tags[tag].0).freed.load(Acquire);
            ensure!(freed == 1, "a tag was destroyed {freed} times");
        }
        Ok(())
    }
}
