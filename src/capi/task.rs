//! What a task can do from the inside.

use super::{check_bytes, guard_or, text_if_some};
use crate::capi::types::cf_free_fn;
use crate::hook::Hook;
use crate::status::cf_status;
use crate::task::cf_task;
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

/// What a task gets from a call that is refused, and from a bug of the library: a code to return.
const INVALID: i32 = cf_status::CF_INVALID_ARGUMENT as i32;
const PANIC: i32 = cf_status::CF_PANIC as i32;

/// Gives the task's result: a copy of some bytes.
///
/// A second call, of this or another function that gives a result, replaces the first. Call it as
/// the last thing and return what it returns: then running out of memory is reported as well.
///
/// @param task  The running call.
/// @param data  The result. May be NULL when size is 0.
/// @param size  Its size in bytes; up to 16 bytes need no allocation.
/// @return 0;
///         CF_INVALID_ARGUMENT: task is NULL, or data is NULL and size is not 0; nothing changes;
///         or another code for the task to return, and whatever it returns the call has failed:
///         with CF_NO_MEMORY, with CF_SIZE_MISMATCH when the caller of cf_executor_map_into()
///         expects another size, with CF_UNSUPPORTED in a loop body, which has no result.
///
/// Threads: the one that runs the task. Ownership: the bytes are copied. Python: `return value`.
///
/// @code{.c}
/// static int32_t task_twice(cf_task *task, void *arg, size_t arg_size) {
///   int twice = 2 * *(int *)arg;
///   (void)arg_size;
///   return cf_task_return(task, &twice, sizeof twice);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_return(task: *mut cf_task, data: *const c_void, size: usize) -> i32 {
    guard_or(PANIC, || {
        // SAFETY: `task` is NULL or the running call, which only this thread uses.
        match unsafe { task.as_mut() } {
            // SAFETY: `data` points to `size` bytes.
            Some(task) if check_bytes(data, size).is_ok() => unsafe { task.return_bytes(data, size) },
            _ => INVALID,
        }
    })
}

/// Gives the task a buffer to write its result into.
///
/// What stands in the buffer when the task returns 0 is the result. It replaces a result given
/// before.
///
/// @param task  The running call.
/// @param size  Size of the result in bytes.
/// @return The buffer; valid until the task returns or gives another result. 16-byte aligned and
///         zeroed, but in cf_executor_map_into() the item's place in the caller's array as it is.
///         Of a size that the caller of cf_executor_map_into() does not expect, and in a loop body,
///         it can be written to, but the call fails as for cf_task_return(). NULL: out of memory,
///         and the call fails with CF_NO_MEMORY, whatever the task returns; or, with nothing
///         changed, task is NULL or no object can have the size.
///
/// Threads: the one that runs the task. Ownership: the buffer belongs to the future. Python:
/// `return value`, without the copy.
///
/// @code{.c}
/// static int32_t task_row(cf_task *task, void *arg, size_t arg_size) {
///   double *row = cf_task_result_buffer(task, 640 * sizeof *row);
///   if (row == NULL || arg_size != sizeof(int))
///     return 1;
///   for (int x = 0; x < 640; x++)
///     row[x] = x * 0.5 + *(int *)arg;
///   return 0;
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_result_buffer(task: *mut cf_task, size: usize) -> *mut c_void {
    guard_or(null_mut(), || {
        // SAFETY: `task` is NULL or the running call, which only this thread uses.
        match unsafe { task.as_mut() } {
            Some(task) if size <= isize::MAX as usize => task.result_buffer(size),
            _ => null_mut(),
        }
    })
}

/// Gives the task's result: an object that the future owns from now on.
///
/// For results that own memory of their own, such as a list or an open file. It is read with
/// cf_future_result_object(); cf_future_result() and cf_item give its address too, with size 0. Only
/// in thread pools: out of a worker process no object can be handed, only bytes.
///
/// @param task     The running call.
/// @param object   The object. May be NULL.
/// @param destroy  Ends its life; runs exactly once: at the last release of the future, when
///                 another result replaces it, when the task fails after all, or when this call
///                 fails; in an initializer, whose result is not used, at once. May be NULL.
/// @return 0;
///         CF_INVALID_ARGUMENT: task is NULL;
///         or another code for the task to return, and whatever it returns the call has failed:
///         with CF_NO_MEMORY, or with CF_UNSUPPORTED where there is no place for an object: in a
///         process pool, in cf_executor_map_into() and in a loop body.
///
/// Threads: the one that runs the task. Ownership: takes the object, also when it fails. Python:
/// `return an_object`.
///
/// @code{.c}
/// static int32_t task_read(cf_task *task, void *arg, size_t arg_size) {
///   char *text = malloc(arg_size + 1);
///   if (text == NULL)
///     return cf_task_fail(task, 1, "no memory for the text");
///   memcpy(text, arg, arg_size);
///   text[arg_size] = '\0';
///   return cf_task_return_owned(task, text, free);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_return_owned(task: *mut cf_task, object: *mut c_void, destroy: cf_free_fn) -> i32 {
    guard_or(PANIC, || {
        let object = Hook::new(object, destroy);
        // SAFETY: `task` is NULL or the running call, which only this thread uses.
        unsafe { task.as_mut() }.map_or(INVALID, |task| task.return_owned(object))
    })
}

/// Fails the task with a code and a message.
///
/// Final: what the task returns or gives as a result after it changes nothing. Call it as the last
/// thing and return what it returns.
///
/// @param task     The running call.
/// @param code     The task's own code, see cf_error_code(). 0 would be success and is taken as -1.
/// @param message  UTF-8 text for a person, copied; from a worker process at most 64 KiB of it. May
///                 be NULL.
/// @return The code, never 0; CF_INVALID_ARGUMENT when task is NULL.
///
/// Threads: the one that runs the task. Ownership: the message is copied. Python: `raise`.
///
/// @code{.c}
/// static int32_t task_divide(cf_task *task, void *arg, size_t arg_size) {
///   const int *pair = arg;
///   if (arg_size != 2 * sizeof *pair || pair[1] == 0)
///     return cf_task_fail(task, 33, "division by zero");
///   int quotient = pair[0] / pair[1];
///   return cf_task_return(task, &quotient, sizeof quotient);
/// }
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_fail(task: *mut cf_task, code: i32, message: *const c_char) -> i32 {
    guard_or(PANIC, || {
        // SAFETY: `task` is NULL or the running call, which only this thread uses.
        let Some(task) = (unsafe { task.as_mut() }) else {
            return INVALID;
        };
        // SAFETY: `message` is NULL or a text.
        task.fail(code, unsafe { text_if_some(message) })
    })
}

/// Returns the position of the running task among those submitted together.
///
/// @param task  The running call. May be NULL.
/// @return The position in a map or in cf_executor_submit_many(), counted from 0; the first index of
///         the piece in cf_executor_for_range(); otherwise, and for NULL, 0.
///
/// Threads: the one that runs the task. Ownership: nothing changes hands. Python: `enumerate` over
/// the arguments of `Executor.map`.
///
/// @code{.c}
/// size_t i = cf_task_index(task);
/// return cf_task_return(task, &i, sizeof i);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_index(task: *const cf_task) -> usize {
    // SAFETY: `task` is NULL or the running call.
    guard_or(0, || unsafe { task.as_ref() }.map_or(0, cf_task::index))
}

/// Returns what all items of the running map share.
///
/// @param task  The running call. May be NULL.
/// @return The pointer that was given to cf_map_options_set_context(), in a process pool one to the
///         copy of the bytes, in cf_executor_for_range() its ctx; NULL without one, outside of both
///         and for NULL.
///
/// Threads: the one that runs the task; other items of the map use the context at the same time.
/// Ownership: nothing changes hands. Python: `functools.partial(fn, context)`.
///
/// @code{.c}
/// const double *factor = cf_task_context(task);
/// double product = *(double *)arg * *factor;
/// return cf_task_return(task, &product, sizeof product);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_context(task: *const cf_task) -> *mut c_void {
    // SAFETY: `task` is NULL or the running call.
    guard_or(null_mut(), || unsafe { task.as_ref() }.map_or(null_mut(), cf_task::context))
}

/// Returns which worker of its pool runs the task.
///
/// No two tasks that run at the same time have the same index, except where one waits for the
/// other: use it to choose one of several caches or output files. A worker process that replaces
/// another has its index.
///
/// @param task  The running call. May be NULL.
/// @return The worker's index in its pool, counted from 0. UINT32_MAX when the thread is no worker
///         of the task's pool (see "Waiting inside a pool"), and for NULL.
///
/// Threads: the one that runs the task. Ownership: nothing changes hands. Python: the number in
/// `threading.current_thread().name` or `multiprocessing.current_process().name`.
///
/// @code{.c}
/// printf("worker %u took %d\n", (unsigned)cf_task_worker(task), *(int *)arg);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_worker(task: *const cf_task) -> u32 {
    // SAFETY: `task` is NULL or the running call.
    guard_or(u32::MAX, || unsafe { task.as_ref() }.map_or(u32::MAX, cf_task::worker))
}

/// Returns the name of the worker that runs the task.
///
/// @param task  The running call. May be NULL.
/// @return "<prefix>_<index>", see cf_options_set_name(); "" when the thread is no worker of the
///         task's pool, and for NULL. Valid while the task runs; never NULL.
///
/// Threads: the one that runs the task. Ownership: the text belongs to the worker. Python:
/// `threading.current_thread().name`.
///
/// @code{.c}
/// printf("%s took %d\n", cf_task_worker_name(task), *(int *)arg);
/// @endcode
/// @since 0.1
#[no_mangle]
pub unsafe extern "C" fn cf_task_worker_name(task: *const cf_task) -> *const c_char {
    let none: *const c_char = c"".as_ptr();
    // SAFETY: `task` is NULL or the running call.
    guard_or(none, || unsafe { task.as_ref() }.map_or(none, cf_task::worker_name))
}
