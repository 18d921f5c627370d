/*
 * The interface as it is promised: each function, type, layout and constant of the header.
 *
 * Compiled, never run, by tests/header_signatures.rs, as C and as C++. A line that no longer compiles
 * is a break of the interface. New functions are added in the header's order.
 */
#include <cfutures.h>

#define ASSERT(name, condition) typedef char assert_##name[(condition) ? 1 : -1]

#define CHECK(name, result, parameters)                                                            \
  do {                                                                                             \
    result(*pointer) parameters = name;                                                            \
    (void)pointer;                                                                                 \
  } while (0)

/* ---------------------------------------------------------------- constants: never renumbered */

ASSERT(status_0, CF_OK == 0);
ASSERT(status_1, CF_TIMEOUT == -1);
ASSERT(status_2, CF_CANCELLED == -2);
ASSERT(status_3, CF_TASK_FAILED == -3);
ASSERT(status_4, CF_WORKER_DIED == -4);
ASSERT(status_5, CF_BROKEN_POOL == -5);
ASSERT(status_6, CF_SHUTDOWN == -6);
ASSERT(status_7, CF_DEADLINE == -7);
ASSERT(status_8, CF_DEADLOCK == -8);
ASSERT(status_9, CF_WOULD_BLOCK == -9);
ASSERT(status_10, CF_END == -10);
ASSERT(status_11, CF_INVALID_ARGUMENT == -11);
ASSERT(status_12, CF_INVALID_STATE == -12);
ASSERT(status_13, CF_FORKED == -13);
ASSERT(status_14, CF_NO_MEMORY == -14);
ASSERT(status_15, CF_OS_ERROR == -15);
ASSERT(status_16, CF_UNSUPPORTED == -16);
ASSERT(status_17, CF_PANIC == -17);
ASSERT(status_18, CF_SIZE_MISMATCH == -18);
ASSERT(status_19, CF_UNKNOWN_FUNCTION == -19);

ASSERT(state_0, CF_STATE_PENDING == 0);
ASSERT(state_1, CF_STATE_RUNNING == 1);
ASSERT(state_2, CF_STATE_FINISHED == 2);
ASSERT(state_3, CF_STATE_FAILED == 3);
ASSERT(state_4, CF_STATE_CANCELLED == 4);

ASSERT(when_0, CF_ALL_COMPLETED == 0);
ASSERT(when_1, CF_FIRST_COMPLETED == 1);
ASSERT(when_2, CF_FIRST_EXCEPTION == 2);

ASSERT(start_0, CF_START_AUTO == 0);
ASSERT(start_1, CF_START_FORK == 1);
ASSERT(start_2, CF_START_SPAWN == 2);

ASSERT(death_0, CF_REPLACE_WORKER == 0);
ASSERT(death_1, CF_BREAK_POOL == 1);

ASSERT(forever, CF_FOREVER == INT64_MAX);
ASSERT(repeat, CF_REPEAT == SIZE_MAX);
ASSERT(version,
       CF_VERSION_NUMBER == (CF_VERSION_MAJOR * 65536 + CF_VERSION_MINOR * 256 + CF_VERSION_PATCH));
ASSERT(version_string, sizeof CF_VERSION_STRING >= sizeof "0.0.0");

/* ---------------------------------------------------------------- types */

ASSERT(sizeof_status, sizeof(cf_status) == sizeof(int));
ASSERT(sizeof_state, sizeof(cf_state) == sizeof(int));
ASSERT(sizeof_return_when, sizeof(cf_return_when) == sizeof(int));
ASSERT(sizeof_start_method, sizeof(cf_start_method) == sizeof(int));
ASSERT(sizeof_on_worker_death, sizeof(cf_on_worker_death) == sizeof(int));

ASSERT(array_data, offsetof(cf_array, data) == 0);
ASSERT(array_item_size, offsetof(cf_array, item_size) == sizeof(void *));
ASSERT(array_item_align, offsetof(cf_array, item_align) == 2 * sizeof(void *));
ASSERT(array_stride, offsetof(cf_array, stride) == 3 * sizeof(void *));
ASSERT(array_count, offsetof(cf_array, count) == 4 * sizeof(void *));
ASSERT(array_size, sizeof(cf_array) == 5 * sizeof(void *));

ASSERT(item_index, offsetof(cf_item, index) == 0);
ASSERT(item_status, offsetof(cf_item, status) == sizeof(void *));
ASSERT(item_data, offsetof(cf_item, data) == 2 * sizeof(void *));
ASSERT(item_size, offsetof(cf_item, size) == 3 * sizeof(void *));
ASSERT(item_error, offsetof(cf_item, error) == 4 * sizeof(void *));
ASSERT(item_whole, sizeof(cf_item) == 5 * sizeof(void *));

void check_types(cf_array *array, cf_item *item);
void check_types(cf_array *array, cf_item *item) {
  void (**free_fn)(void *) = (cf_free_fn *)0;
  int32_t (**task_fn)(cf_task *, void *, size_t) = (cf_task_fn *)0;
  void (**done_fn)(cf_future *, void *) = (cf_done_fn *)0;
  bool (**each_fn)(cf_future *, size_t, void *) = (cf_each_fn *)0;
  int32_t (**range_fn)(cf_task *, size_t, size_t, void *) = (cf_range_fn *)0;
  const void **array_data = &array->data, **item_data = &item->data;
  cf_status *item_status = &item->status;
  const cf_error **item_error = &item->error;
  (void)free_fn, (void)task_fn, (void)done_fn, (void)each_fn, (void)range_fn;
  (void)array_data, (void)item_data, (void)item_status, (void)item_error;
}

/* ---------------------------------------------------------------- functions, in the header's order */

void check_the_library(void);
void check_the_library(void) {
  CHECK(cf_version, uint32_t, (void));
  CHECK(cf_version_string, const char *, (void));
  CHECK(cf_status_name, const char *, (int));
  CHECK(cf_status_message, const char *, (int));
  CHECK(cf_error_status, cf_status, (const cf_error *));
  CHECK(cf_error_code, int32_t, (const cf_error *));
  CHECK(cf_error_message, const char *, (const cf_error *));
  CHECK(cf_error_pid, int32_t, (const cf_error *));
  CHECK(cf_error_signal, int32_t, (const cf_error *));
  CHECK(cf_error_exit_code, int32_t, (const cf_error *));
  CHECK(cf_error_index, size_t, (const cf_error *));
  CHECK(cf_error_free, void, (cf_error *));
  CHECK(cf_seconds, int64_t, (double));
}

void check_tasks(void);
void check_tasks(void) {
  CHECK(cf_task_return, int32_t, (cf_task *, const void *, size_t));
  CHECK(cf_task_result_buffer, void *, (cf_task *, size_t));
  CHECK(cf_task_return_owned, int32_t, (cf_task *, void *, cf_free_fn));
  CHECK(cf_task_fail, int32_t, (cf_task *, int32_t, const char *));
  CHECK(cf_task_index, size_t, (const cf_task *));
  CHECK(cf_task_context, void *, (const cf_task *));
  CHECK(cf_task_worker, uint32_t, (const cf_task *));
  CHECK(cf_task_worker_name, const char *, (const cf_task *));
}

void check_executors(void);
void check_executors(void) {
  CHECK(cf_thread_pool_new, cf_status, (size_t, cf_executor **, cf_error **));
  CHECK(cf_options_new, cf_status, (cf_options **));
  CHECK(cf_options_free, void, (cf_options *));
  CHECK(cf_options_set_max_workers, cf_status, (cf_options *, size_t));
  CHECK(cf_options_set_name, cf_status, (cf_options *, const char *));
  CHECK(cf_options_set_initializer, cf_status, (cf_options *, cf_task_fn, const void *, size_t));
  CHECK(cf_options_set_stack_size, cf_status, (cf_options *, size_t));
  CHECK(cf_options_set_max_spares, cf_status, (cf_options *, size_t));
  CHECK(cf_options_set_inline_wait, cf_status, (cf_options *, bool));
  CHECK(cf_thread_pool_new_with, cf_status, (const cf_options *, cf_executor **, cf_error **));
  CHECK(cf_process_pool_new, cf_status, (size_t, cf_executor **, cf_error **));
  CHECK(cf_process_pool_new_with, cf_status, (const cf_options *, cf_executor **, cf_error **));
  CHECK(cf_worker_main, void, (void));
  CHECK(cf_register_task, cf_status, (const char *, cf_task_fn));
  CHECK(cf_options_set_start_method, cf_status, (cf_options *, int));
  CHECK(cf_options_set_worker_program, cf_status, (cf_options *, const char *));
  CHECK(cf_options_set_max_tasks_per_child, cf_status, (cf_options *, size_t));
  CHECK(cf_options_set_on_worker_death, cf_status, (cf_options *, int));
  CHECK(cf_options_set_shared_memory_limit, cf_status, (cf_options *, size_t));
  CHECK(cf_options_set_worker_memory_limit, cf_status, (cf_options *, size_t));
  CHECK(cf_executor_submit, cf_status,
        (cf_executor *, cf_task_fn, const void *, size_t, cf_future **));
  CHECK(cf_executor_submit_owned, cf_status,
        (cf_executor *, cf_task_fn, void *, cf_free_fn, const cf_submit_options *, cf_future **));
  CHECK(cf_executor_submit_many, cf_status,
        (cf_executor *, cf_task_fn, const void *, size_t, size_t, cf_future **, size_t *));
  CHECK(cf_executor_max_workers, size_t, (const cf_executor *));
  CHECK(cf_executor_error, const cf_error *, (const cf_executor *));
  CHECK(cf_executor_shutdown, cf_status, (cf_executor *, bool, bool));
  CHECK(cf_executor_join, cf_status, (cf_executor *, int64_t));
  CHECK(cf_executor_free, void, (cf_executor *));
  CHECK(cf_executor_detach, void, (cf_executor *));
  CHECK(cf_executor_terminate_workers, cf_status, (cf_executor *));
  CHECK(cf_executor_kill_workers, cf_status, (cf_executor *));
  CHECK(cf_future_kill, cf_status, (cf_future *, int64_t));
}

void check_futures(void);
void check_futures(void) {
  CHECK(cf_future_cancel, bool, (cf_future *));
  CHECK(cf_future_state, cf_state, (const cf_future *));
  CHECK(cf_future_cancelled, bool, (const cf_future *));
  CHECK(cf_future_running, bool, (const cf_future *));
  CHECK(cf_future_done, bool, (const cf_future *));
  CHECK(cf_future_result, cf_status, (cf_future *, int64_t, const void **, size_t *));
  CHECK(cf_future_result_into, cf_status, (cf_future *, int64_t, void *, size_t));
  CHECK(cf_future_result_object, cf_status, (cf_future *, int64_t, void **));
  CHECK(cf_future_exception, cf_status, (cf_future *, int64_t, const cf_error **));
  CHECK(cf_future_data, const void *, (const cf_future *, size_t *));
  CHECK(cf_future_error, const cf_error *, (const cf_future *));
  CHECK(cf_future_add_done_callback, cf_status, (cf_future *, cf_done_fn, void *, cf_free_fn));
  CHECK(cf_future_set_user_data, cf_status, (cf_future *, void *, cf_free_fn));
  CHECK(cf_future_user_data, void *, (const cf_future *));
  CHECK(cf_future_retain, cf_future *, (cf_future *));
  CHECK(cf_future_release, void, (cf_future *));
  CHECK(cf_futures_release, void, (cf_future **, size_t));
  CHECK(cf_futures_cancel, size_t, (cf_future *const *, size_t));
  CHECK(cf_future_new, cf_status, (cf_future **));
  CHECK(cf_future_set_running_or_notify_cancel, cf_status, (cf_future *, bool *));
  CHECK(cf_future_set_result, cf_status, (cf_future *, const void *, size_t));
  CHECK(cf_future_set_exception, cf_status, (cf_future *, int32_t, const char *));
}

void check_waiting(void);
void check_waiting(void) {
  CHECK(cf_wait, cf_status, (cf_future *const *, size_t, int64_t, int, bool *, size_t *));
  CHECK(cf_as_completed, cf_status, (cf_future *const *, size_t, int64_t, cf_completions **));
  CHECK(cf_completions_next, cf_status, (cf_completions *, size_t *, cf_future **));
  CHECK(cf_completions_free, void, (cf_completions *));
  CHECK(cf_as_completed_each, cf_status, (cf_future *const *, size_t, int64_t, cf_each_fn, void *));
  CHECK(cf_completion_queue_new, cf_status, (cf_completion_queue **));
  CHECK(cf_completion_queue_add, cf_status,
        (cf_completion_queue *, cf_future *, void *, cf_free_fn));
  CHECK(cf_completion_queue_next, cf_status,
        (cf_completion_queue *, int64_t, cf_future **, void **));
  CHECK(cf_completion_queue_fd, int, (cf_completion_queue *));
  CHECK(cf_completion_queue_close, cf_status, (cf_completion_queue *));
  CHECK(cf_completion_queue_free, void, (cf_completion_queue *));
}

void check_maps(void);
void check_maps(void) {
  CHECK(cf_map_options_new, cf_status, (cf_map_options **));
  CHECK(cf_map_options_free, void, (cf_map_options *));
  CHECK(cf_map_options_set_timeout, cf_status, (cf_map_options *, int64_t));
  CHECK(cf_map_options_set_chunk_size, cf_status, (cf_map_options *, size_t));
  CHECK(cf_map_options_set_context, cf_status, (cf_map_options *, const void *, size_t));
  CHECK(
      cf_executor_map, cf_status,
      (cf_executor *, cf_task_fn, const void *, size_t, size_t, const cf_map_options *, cf_map **));
  CHECK(cf_executor_map_arrays, cf_status,
        (cf_executor *, cf_task_fn, const cf_array *, size_t, const cf_map_options *, cf_map **));
  CHECK(cf_map_next, cf_status, (cf_map *, cf_item *));
  CHECK(cf_map_free, void, (cf_map *));
  CHECK(cf_executor_map_into, cf_status,
        (cf_executor *, cf_task_fn, const void *, size_t, size_t, const cf_map_options *, void *,
         size_t, cf_status *, cf_error **));
  CHECK(cf_executor_map_arrays_into, cf_status,
        (cf_executor *, cf_task_fn, const cf_array *, size_t, const cf_map_options *, void *,
         size_t, cf_status *, cf_error **));
  CHECK(cf_executor_for_range, cf_status,
        (cf_executor *, size_t, size_t, size_t, cf_range_fn, void *, cf_error **));
  CHECK(cf_executor_shared_alloc, cf_status, (cf_executor *, size_t, void **));
  CHECK(cf_executor_shared_free, void, (cf_executor *, void *));
}
