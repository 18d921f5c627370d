/*
 * Shows: wrong arguments to executors, submits, futures and tasks. NULL handles, NULL places for
 * what must be written, sizes that cannot be: each is a status or a neutral value, owned handles
 * are NULL afterwards, and nothing else has changed. Waits, maps and queues check theirs in their
 * own suites.
 */
#include "check.h"

#include <string.h>

static const int32_t value = 5;

/* What stands in a handle before a call that must set it to NULL. */
static char place;
static cf_future *const stale = (cf_future *)(void *)&place;

/* ---------------------------------------------------------------- constructors and options */

CF_TEST_PLAIN(constructors_need_a_place) {
  cf_error *error = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_new(NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_new(NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_thread_pool_new(2, NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_thread_pool_new(2, NULL, &error));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_error_status(error));
  cf_error_free(error);
  error = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_thread_pool_new_with(NULL, NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_thread_pool_new_with(NULL, NULL, &error));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_error_status(error));
  cf_error_free(error);
}

CF_TEST_PLAIN(options_need_options) {
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_workers(NULL, 2));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_name(NULL, "name"));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_initializer(NULL, value_task, NULL, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_stack_size(NULL, 1 << 20));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_spares(NULL, 2));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_inline_wait(NULL, true));
  cf_options_free(NULL);
}

static int32_t name_task(cf_task *task, void *arg, size_t arg_size) {
  const char *name = cf_task_worker_name(task);
  (void)arg;
  (void)arg_size;
  return cf_task_return(task, name, strlen(name) + 1);
}

/* A refused value leaves the option as it was. */
CF_TEST_PLAIN(refused_options_change_nothing) {
  cf_options *o = NULL;
  const void *name = NULL;
  cf_future *f = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 3));
  ASSERT_OK(cf_options_set_name(o, "before"));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_workers(o, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_workers(o, SIZE_MAX));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_spares(o, SIZE_MAX));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_name(o, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_initializer(o, NULL, &value, 4));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_initializer(o, value_task, NULL, 4));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_initializer(o, value_task, &value, SIZE_MAX));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_stack_size(o, SIZE_MAX));
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  ASSERT_EQ_SIZE(3, cf_executor_max_workers(executor));
  ASSERT_OK(cf_executor_submit(executor, name_task, NULL, 0, &f));
  ASSERT_OK(cf_future_result(f, CF_FOREVER, &name, NULL));
  ASSERT_STR("before_0", name);
  cf_future_release(f);
  cf_executor_free(executor);
}

/* ---------------------------------------------------------------- executors */

CF_TEST_PLAIN(no_executor) {
  int freed = 0;
  size_t submitted = 77;
  cf_future *fs[2] = { stale, stale };
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(NULL, value_task, &value, 4, &fs[0]));
  ASSERT(fs[0] == NULL);
  fs[0] = stale;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_owned(NULL, value_task, &freed, count_destroy, NULL, &fs[0]));
  ASSERT(fs[0] == NULL);
  ASSERT_EQ_INT(1, freed);
  fs[0] = stale;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_many(NULL, value_task, NULL, 0, 2, fs, &submitted));
  ASSERT(fs[0] == NULL && fs[1] == NULL);
  ASSERT_EQ_SIZE(0, submitted);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_shutdown(NULL, true, true));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_join(NULL, 0));
  ASSERT_EQ_SIZE(0, cf_executor_max_workers(NULL));
  ASSERT(cf_executor_error(NULL) == NULL);
  cf_executor_free(NULL);
  cf_executor_detach(NULL);
}

CF_TEST(no_task) {
  int freed = 0;
  size_t submitted = 77;
  cf_future *fs[2] = { stale, stale };
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(ex, NULL, &value, 4, &fs[0]));
  ASSERT(fs[0] == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(ex, NULL, &value, 4, NULL));
  fs[0] = stale;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_owned(ex, NULL, &freed, count_destroy, NULL, &fs[0]));
  ASSERT(fs[0] == NULL);
  ASSERT_EQ_INT(1, freed);
  fs[0] = stale;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit_many(ex, NULL, NULL, 0, 2, fs, &submitted));
  ASSERT(fs[0] == NULL && fs[1] == NULL);
  ASSERT_EQ_SIZE(0, submitted);
}

/* The type cannot be made in this release: whatever is not NULL is refused. */
CF_TEST(submit_options_there_are_none) {
  int freed = 0;
  cf_future *f = stale;
  const cf_submit_options *options = (const cf_submit_options *)(const void *)&place;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_owned(ex, value_task, &freed, count_destroy, options, &f));
  ASSERT(f == NULL);
  ASSERT_EQ_INT(1, freed);
}

/* Arguments that cannot exist, so that there is nothing to copy. */
CF_TEST(impossible_arguments) {
  const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2 + 1, (size_t)PTRDIFF_MAX + 1 };
  for (int i = 0; i < 3; i++) {
    cf_future *f = stale;
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(ex, value_task, &value, sizes[i], &f));
    ASSERT(f == NULL);
  }
  cf_future *f = stale;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(ex, value_task, NULL, 4, &f));
  ASSERT(f == NULL);
}

CF_TEST(impossible_counts) {
  const struct {
    size_t size, count;
  } many[] = { { SIZE_MAX, 2 },         { 2, SIZE_MAX },        { SIZE_MAX / 2, 3 },
               { 4, SIZE_MAX / 4 + 2 }, { SIZE_MAX, SIZE_MAX }, { 0, SIZE_MAX } };
  for (int i = 0; i < 6; i++) {
    cf_future *fs[2] = { stale, stale };
    size_t submitted = 77;
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit_many(ex, value_task, &value, many[i].size,
                                                               many[i].count, fs, &submitted));
    ASSERT_EQ_SIZE(0, submitted);
    ASSERT(fs[0] == stale && fs[1] == stale); /* there cannot be room for so many */
  }
  cf_future *fs[3] = { stale, stale, stale };
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit_many(ex, value_task, NULL, 4, 2, fs, NULL));
  ASSERT(fs[0] == NULL && fs[1] == NULL && fs[2] == stale);
}

/* ---------------------------------------------------------------- futures */

static void never_called(cf_future *f, void *user_data) {
  (void)f;
  (void)user_data;
  ASSERT(!"a refused callback runs");
}

CF_TEST_PLAIN(no_future) {
  int hooks = 0;
  int32_t out = 77;
  size_t size = 78;
  bool run = true;
  const void *data = &place;
  const cf_error *error = NULL;
  void *object = &place;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result(NULL, CF_FOREVER, &data, &size));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result_into(NULL, CF_FOREVER, &out, sizeof out));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result_object(NULL, CF_FOREVER, &object));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_exception(NULL, CF_FOREVER, &error));
  ASSERT(data == &place && size == 78 && out == 77 && object == NULL && error == NULL);
  ASSERT(!cf_future_cancel(NULL));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(NULL));
  ASSERT(!cf_future_cancelled(NULL));
  ASSERT(!cf_future_running(NULL));
  ASSERT(!cf_future_done(NULL));
  ASSERT(cf_future_data(NULL, NULL) == NULL);
  ASSERT(cf_future_data(NULL, &size) == NULL);
  ASSERT_EQ_SIZE(0, size);
  ASSERT(cf_future_error(NULL) == NULL);
  ASSERT(cf_future_user_data(NULL) == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_future_add_done_callback(NULL, never_called, &hooks, count_destroy));
  ASSERT_EQ_INT(1, hooks);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_user_data(NULL, &hooks, count_destroy));
  ASSERT_EQ_INT(2, hooks);
  ASSERT(cf_future_retain(NULL) == NULL);
  cf_future_release(NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_running_or_notify_cancel(NULL, &run));
  ASSERT(!run);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_running_or_notify_cancel(NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_result(NULL, &value, sizeof value));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_exception(NULL, 1, "no"));
}

CF_TEST(no_place_for_the_outcome) {
  cf_future *f = submit_value(ex, 5);
  ASSERT_VALUE(5, f);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result_into(f, 0, NULL, 4));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result_object(f, 0, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_exception(f, 0, NULL));
  ASSERT_OK(cf_future_result(f, 0, NULL, NULL)); /* these two are optional */
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

CF_TEST_PLAIN(no_callback) {
  int hooks = 0;
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_add_done_callback(f, NULL, &hooks, count_destroy));
  ASSERT_EQ_INT(1, hooks);
  ASSERT_OK(cf_future_set_result(f, NULL, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_add_done_callback(f, NULL, &hooks, count_destroy));
  ASSERT_EQ_INT(2, hooks);
  cf_future_release(f);
  ASSERT_EQ_INT(2, hooks);
}

/* Who does not hear whether to run cannot go on: nothing begins. */
CF_TEST_PLAIN(no_place_for_whether_to_run) {
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_running_or_notify_cancel(f, NULL));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(f));
  cf_future_release(f);
}

CF_TEST_PLAIN(impossible_results_by_hand) {
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_result(f, NULL, 4));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_result(f, &value, SIZE_MAX));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(f));
  ASSERT_OK(cf_future_set_result(f, &value, sizeof value));
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- tasks */

CF_TEST_PLAIN(no_task_runs) {
  int freed = 0;
  ASSERT(cf_task_return(NULL, &value, sizeof value) != 0);
  ASSERT(cf_task_result_buffer(NULL, 4) == NULL);
  ASSERT(cf_task_return_owned(NULL, &freed, count_destroy) != 0);
  ASSERT_EQ_INT(1, freed);
  ASSERT(cf_task_fail(NULL, 5, "no") != 0);
  ASSERT_EQ_SIZE(0, cf_task_index(NULL));
  ASSERT(cf_task_context(NULL) == NULL);
  ASSERT(cf_task_worker(NULL) == UINT32_MAX);
  ASSERT_STR("", cf_task_worker_name(NULL));
}

enum wrong_result { NULL_BYTES, HUGE_BYTES, HUGE_BUFFER, AFTER_A_RESULT };

static int32_t wrong_result_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *which = arg;
  ASSERT_EQ_SIZE(sizeof *which, arg_size);
  switch (*which) {
  case NULL_BYTES: return cf_task_return(task, NULL, 4);
  case HUGE_BYTES: return cf_task_return(task, arg, SIZE_MAX);
  case HUGE_BUFFER: return cf_task_result_buffer(task, SIZE_MAX) == NULL ? CF_INVALID_ARGUMENT : 1;
  default:
    if (cf_task_return(task, "first", 6) != 0) return 1;
    return cf_task_return(task, NULL, 4);
  }
}

/* A result that cannot be is a code; the task that returns it fails with it. */
CF_TEST(impossible_results_of_a_task) {
  for (int32_t which = NULL_BYTES; which <= AFTER_A_RESULT; which++) {
    cf_future *f = NULL;
    ASSERT_OK(cf_executor_submit(ex, wrong_result_task, &which, sizeof which, &f));
    ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    ASSERT_EQ_INT(CF_INVALID_ARGUMENT, cf_error_code(cf_future_error(f)));
    ASSERT(cf_error_message(cf_future_error(f))[0] != '\0');
    cf_future_release(f);
  }
}
