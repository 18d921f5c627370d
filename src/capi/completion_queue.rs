//! Completion queues, for event loops and bindings.

use super::{borrow, guard, guard_or, handle_out, write_if_some};
use crate::capi::types::cf_free_fn;
use crate::completion_queue::cf_completion_queue;
use crate::future::cf_future;
use crate::hook::Hook;
use crate::status::cf_status;
use crate::time::Deadline;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// Makes a queue that collects futures as they are done.
///
/// Unlike an iterator of cf_as_completed() it lives long: futures are added at any time, by any
/// number of threads, and any number of threads take them out.
///
/// @param out  Receives the queue; NULL on failure.
/// @return CF_OK; CF_INVALID_ARGUMENT: out is NULL; CF_NO_MEMORY.
///
/// Threads: any, at any time. Ownership: the caller owns the queue, see cf_completion_queue_free().
/// Python: `queue.SimpleQueue()` and `future.add_done_callback(q.put)`.
///
/// @code{.c}
/// cf_completion_queue *q;
/// cf_future *f;
/// if (cf_completion_queue_new(&q) == CF_OK) {
///   cf_completion_queue_add(q, future, NULL, NULL);
///   if (cf_completion_queue_next(q, CF_FOREVER, &f, NULL) == CF_OK)
///     cf_future_release(f);
///   cf_completion_queue_free(q);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
#[must_use]
pub unsafe extern "C" fn cf_completion_queue_new(out: *mut *mut cf_completion_queue) -> cf_status {
    guard(|| {
        // SAFETY: `out` is NULL or writable.
        let out = unsafe { handle_out(out) }?;
        *out = cf_completion_queue::new()?;
        Ok(())
    })
}

/// Has a queue collect a future when it is done, however it ends.
///
/// A future that is done already is there at once. It may be added to several queues, and more than
/// once. An entry whose future is never done stays until the queue is freed.
///
/// @param queue    The queue.
/// @param future   The future.
/// @param tag      Handed out together with the future. May be NULL.
/// @param destroy  Ends the life of the tag if it is never handed out: when the queue is freed
///                 first, or when this call fails; at most once. May be NULL.
/// @return CF_OK;
///         CF_SHUTDOWN: the queue is closed;
///         CF_NO_MEMORY; CF_FORKED; CF_INVALID_ARGUMENT: queue or future is NULL.
///
/// Threads: any, at any time. Ownership: the queue takes a reference of its own to the future, and
/// the tag, also when it fails. Python: `future.add_done_callback(q.put)`.
///
/// @code{.c}
/// char *url = malloc(sizeof "http://localhost");
/// if (url != NULL) {
///   strcpy(url, "http://localhost");
///   cf_completion_queue_add(queue, future, url, free);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completion_queue_add(
    queue: *mut cf_completion_queue,
    future: *mut cf_future,
    tag: *mut c_void,
    destroy: cf_free_fn,
) -> cf_status {
    guard(|| {
        let tag = Hook::new(tag, destroy);
        // SAFETY: `queue` and `future` are NULL or live.
        unsafe { borrow(queue)?.add(borrow(future)?, tag) }
    })
}

/// Takes the next future that is done out of a queue, waiting for it while the queue is open.
///
/// A task that waits here without limit gets CF_DEADLOCK as soon as the queue holds pending futures
/// and none of them can ever be done, even though somebody might still add another. While nothing
/// is pending it waits for whoever adds something.
///
/// @param queue       The queue.
/// @param timeout_ns  Longest wait in nanoseconds; CF_FOREVER, 0 to poll, negative is already
///                    expired.
/// @param out         Receives the future; NULL on failure.
/// @param tag         Receives its tag, which is the caller's from then on. May be NULL.
/// @return CF_OK;
///         CF_TIMEOUT: none was done in time;
///         CF_END: the queue is closed and has nothing more to give;
///         CF_DEADLOCK: waiting could never end (see "Waiting inside a pool");
///         CF_FORKED, CF_INVALID_ARGUMENT.
///
/// Threads: any, at any time; each entry is given to one of them. Ownership: the caller owns a
/// reference to the future, see cf_future_release(), and the tag. Python: `q.get(timeout=...)`.
///
/// @code{.c}
/// cf_future *f;
/// void *url;
/// while (cf_completion_queue_next(queue, cf_seconds(5), &f, &url) == CF_OK) {
///   printf("%s: %s\n", (char *)url, cf_error_message(cf_future_error(f)));
///   free(url);
///   cf_future_release(f);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completion_queue_next(
    queue: *mut cf_completion_queue,
    timeout_ns: i64,
    out: *mut *mut cf_future,
    tag: *mut *mut c_void,
) -> cf_status {
    guard(|| {
        // SAFETY: `tag` is NULL or writable.
        unsafe { write_if_some(tag, null_mut()) };
        // SAFETY: `out` is NULL or writable; `queue` is NULL or live.
        let (out, queue) = unsafe { (handle_out(out)?, borrow(queue)?) };
        let (future, its_tag) = queue.next(Deadline::after_ns(timeout_ns))?;
        *out = future;
        // SAFETY: `tag` is NULL or writable.
        unsafe { write_if_some(tag, its_tag) };
        Ok(())
    })
}

/// Returns a descriptor that is readable while a future waits to be taken out, or the queue is
/// closed.
///
/// For poll, epoll and event loops; it is level-triggered. When it is readable call
/// cf_completion_queue_next() with timeout 0 until that returns CF_TIMEOUT.
///
/// @param queue  The queue. May be NULL.
/// @return The descriptor, close-on-exec, the same at every call. Never read, write or close it. -1
///         for NULL, when the system has none to give and, in a forked child, for a queue of the
///         parent.
///
/// Threads: any, at any time. Ownership: the descriptor belongs to the queue and is valid until
/// cf_completion_queue_free(). Python: `loop.call_soon_threadsafe` in a callback.
///
/// @code{.c}
/// struct pollfd waiting = { .fd = cf_completion_queue_fd(queue), .events = POLLIN };
/// cf_future *f;
/// cf_status status = CF_TIMEOUT;
/// while (status != CF_END && poll(&waiting, 1, -1) > 0)
///   while ((status = cf_completion_queue_next(queue, 0, &f, NULL)) == CF_OK)
///     cf_future_release(f);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completion_queue_fd(queue: *mut cf_completion_queue) -> c_int {
    // SAFETY: `queue` is NULL or live.
    guard_or(-1, || unsafe { borrow(queue) }.map_or(-1, cf_completion_queue::fd))
}

/// Closes a queue: nothing can be added any more, and every waiting thread wakes.
///
/// cf_completion_queue_next() still gives what is there, then CF_END. It may be called again.
///
/// @param queue  The queue.
/// @return CF_OK; CF_FORKED; CF_INVALID_ARGUMENT: queue is NULL.
///
/// Threads: any, at any time. Ownership: nothing changes hands. Python: `queue.Queue.shutdown()`.
///
/// @code{.c}
/// cf_completion_queue_close(queue);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completion_queue_close(queue: *mut cf_completion_queue) -> cf_status {
    guard(|| {
        // SAFETY: `queue` is NULL or live.
        unsafe { borrow(queue) }?.close();
        Ok(())
    })
}

/// Frees a queue. Futures that were added to it go on; tags that it still has are destroyed.
///
/// @param queue  The queue. May be NULL. One of the parent process is left alone.
///
/// Threads: any; nobody else may use the queue any more: close it first to wake who waits.
/// Ownership: takes the queue. Python: garbage collection.
///
/// @code{.c}
/// cf_completion_queue_free(queue);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_completion_queue_free(queue: *mut cf_completion_queue) {
    guard_or((), || {
        // SAFETY: `queue` is NULL or live, and the caller gives it back.
        unsafe {
            if borrow(queue).is_ok() {
                cf_completion_queue::free(queue);
            }
        }
    });
}
