//! Arguments that no call may accept: nothing happens, and what is given away with a destroy function is destroyed.

use crate::ensure;
use crate::ffi::*;
use crate::jobs::{self, free_mark};
use crate::marks;
use crate::world::{Check, World};
use std::ptr::{dangling_mut, null, null_mut};
use std::sync::atomic::Ordering::*;

impl World {
    pub fn bad(&mut self, what: u8) -> Check {
        let calls: [fn(&World, u8) -> Check; 5] =
            [World::bad_submit, World::bad_give_away, World::bad_future, World::bad_many, World::neutral];
        calls[what as usize % calls.len()](self, what)
    }

    fn a_pool(&self, number: u8) -> *mut Executor {
        self.pick_pool(number).map_or(null_mut(), |p| self.pools[p].handle)
    }

    fn a_future(&self, number: u8) -> *mut Future {
        self.pick(number).map_or(null_mut(), |i| self.calls[i].handle)
    }

    fn bad_submit(&self, what: u8) -> Check {
        let (pool, run) = (self.a_pool(what), Some(jobs::run as extern "C" fn(_, _, _) -> _));
        let mut out = dangling_mut();
        let statuses = [
            cf_executor_submit(null_mut(), run, null(), 0, &mut out),
            cf_executor_submit(pool, None, null(), 0, &mut out),
            cf_executor_submit(pool, run, null(), 8, &mut out),
            cf_executor_submit_many(pool, run, null(), 8, 2, null_mut(), null_mut()),
            cf_executor_submit_many(pool, run, out.cast(), usize::MAX, 2, null_mut(), null_mut()),
            cf_executor_shutdown(null_mut(), true, true),
            cf_executor_join(null_mut(), 0),
            cf_executor_terminate_workers(null_mut()),
            cf_executor_kill_workers(null_mut()),
            cf_thread_pool_new(1, null_mut(), null_mut()),
        ];
        ensure!(out.is_null(), "a future of what was refused");
        all_invalid(&statuses)
    }

    /// What is given with a destroy function.
    fn bad_give_away(&self, what: u8) -> Check {
        let mark = marks::at(marks::MARKS - 1);
        mark.reset();
        let (data, free) = (mark.as_data(), Some(free_mark as extern "C" fn(_)));
        let run = Some(jobs::run as extern "C" fn(_, _, _) -> _);
        let (pool, future) = (self.a_pool(what), self.a_future(what));
        let statuses = [
            cf_executor_submit_owned(null_mut(), run, data, free, null(), null_mut()),
            cf_executor_submit_owned(pool, None, data, free, null(), null_mut()),
            cf_future_add_done_callback(null_mut(), Some(jobs::on_done), data, free),
            cf_future_add_done_callback(future, None, data, free),
            cf_future_set_user_data(null_mut(), data, free),
            cf_completion_queue_add(null_mut(), future, data, free),
        ];
        let freed = mark.freed.load(Acquire) as usize;
        ensure!(freed == statuses.len(), "of {} that were refused {freed} were destroyed", statuses.len());
        all_invalid(&statuses)
    }

    fn bad_future(&self, _what: u8) -> Check {
        let (mut run, mut object, mut error) = (true, dangling_mut(), std::ptr::dangling());
        let statuses = [
            cf_future_result(null_mut(), 0, null_mut(), null_mut()),
            cf_future_result_into(null_mut(), 0, null_mut(), 0),
            cf_future_result_object(null_mut(), 0, &mut object),
            cf_future_exception(null_mut(), 0, &mut error),
            cf_future_kill(null_mut(), 0),
            cf_future_new(null_mut()),
            cf_future_set_running_or_notify_cancel(null_mut(), &mut run),
            cf_future_set_result(null_mut(), null(), 0),
            cf_future_set_exception(null_mut(), 1, null()),
        ];
        ensure!(!run && object.is_null() && error.is_null(), "something of what was refused");
        all_invalid(&statuses)
    }

    fn bad_many(&self, what: u8) -> Check {
        let future = self.a_future(what);
        let one = [future, null_mut()];
        let (mut it, mut out, mut map) = (dangling_mut(), dangling_mut(), dangling_mut());
        let run = Some(jobs::run as extern "C" fn(_, _, _) -> _);
        let (pool, none) = (self.a_pool(what), null_mut());
        let statuses = [
            cf_wait(one.as_ptr(), 2, 0, 0, null_mut(), null_mut()),
            cf_wait(one.as_ptr(), !future.is_null() as usize, 0, 3 + i32::from(what), null_mut(), null_mut()),
            cf_wait(null(), 1, 0, 0, null_mut(), null_mut()),
            cf_as_completed(one.as_ptr(), 2, 0, &mut it),
            cf_as_completed(one.as_ptr(), 0, 0, null_mut()),
            cf_as_completed_each(null(), 0, 0, None, null_mut()),
            cf_completions_next(null_mut(), null_mut(), &mut out),
            cf_completion_queue_new(null_mut()),
            cf_completion_queue_next(null_mut(), 0, &mut out, null_mut()),
            cf_completion_queue_close(null_mut()),
            cf_executor_map(pool, None, null(), 0, 0, null(), &mut map),
            cf_executor_map(pool, run, null(), 8, REPEAT, null(), &mut map),
            cf_executor_map_into(none, run, null(), 0, 0, null(), null_mut(), 0, null_mut(), null_mut()),
            cf_executor_for_range(pool, 1, 0, 0, Some(jobs::body), null_mut(), null_mut()),
            cf_map_next(null_mut(), null_mut()),
        ];
        ensure!(it.is_null() && out.is_null() && map.is_null(), "something of what was refused");
        all_invalid(&statuses)
    }

    /// What accepts NULL, and answers with nothing.
    fn neutral(&self, _what: u8) -> Check {
        let mut size = usize::MAX;
        let future: *mut Future = null_mut();
        let fits = !cf_future_cancel(future)
            && cf_future_state(future) == PENDING
            && !cf_future_cancelled(future)
            && !cf_future_running(future)
            && !cf_future_done(future)
            && cf_future_data(future, &mut size).is_null()
            && size == 0
            && cf_future_error(future).is_null()
            && cf_future_user_data(future).is_null()
            && cf_future_retain(future).is_null()
            && cf_futures_cancel(null(), 0) == 0
            && cf_futures_cancel([future].as_ptr(), 1) == 0
            && cf_executor_max_workers(null()) == 0
            && cf_executor_error(null()).is_null()
            && cf_completion_queue_fd(null_mut()) == -1
            && cf_task_index(null()) == 0
            && jobs::text_at(cf_error_message(null())).is_empty();
        ensure!(fits, "NULL is not neutral");
        cf_future_release(future);
        cf_futures_release(null_mut(), 0);
        cf_executor_free(null_mut());
        cf_executor_detach(null_mut());
        cf_completions_free(null_mut());
        cf_completion_queue_free(null_mut());
        cf_map_free(null_mut());
        cf_error_free(null_mut());
        Ok(())
    }
}

fn all_invalid(statuses: &[Status]) -> Check {
    ensure!(statuses.iter().all(|s| *s == INVALID_ARGUMENT), "accepted, or refused otherwise: {statuses:?}");
    Ok(())
}
