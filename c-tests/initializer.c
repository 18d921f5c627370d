/*
 * Shows: the initializer of the workers, and that a pool is broken when one fails. Port of
 * CPython's test_init.py, then what CPython gets wrong: a cancelled future among those that a
 * failing initializer fails must not strand the ones after it.
 */
#include "check.h"

#include <string.h>

/* What an initializer sets up: a variable of the worker's thread, hence of its process. */
static __thread int32_t worker_state;

static int32_t set_state(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  ASSERT_EQ_SIZE(sizeof worker_state, arg_size);
  ASSERT((uintptr_t)arg % 16 == 0);
  ASSERT_EQ_INT(0, worker_state); /* once per worker */
  memcpy(&worker_state, arg, sizeof worker_state);
  memset(arg, 0, arg_size); /* each worker has its own copy */
  return 0;
}

static int32_t get_state(cf_task *task, void *arg, size_t arg_size) {
  if (arg_size == sizeof(gate)) {
    gate_arrive(arg, 0);
    gate_pass(arg);
  }
  return cf_task_return(task, &worker_state, sizeof worker_state);
}

static cf_executor *make_initialized(size_t max_workers, cf_task_fn fn, const void *arg,
                                     size_t arg_size) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, max_workers));
  ASSERT_OK(cf_options_set_initializer(o, fn, arg, arg_size));
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  return executor;
}

/* CPython: test_init.py, InitializerMixin.test_initializer. */
CF_TEST_PLAIN(initializer) {
  enum { WORKERS = 4 };
  cf_future *fs[2 * WORKERS];
  int32_t state = 4711;
  gate g = gate_make();
  cf_executor *executor = make_initialized(WORKERS, set_state, &state, sizeof state);
  state = 0; /* the argument was copied */
  for (int i = 0; i < 2 * WORKERS; i++)
    ASSERT_OK(cf_executor_submit(executor, get_state, &g, sizeof g, &fs[i]));
  gate_await(&g, WORKERS); /* every worker has a task */
  gate_open(&g, 2 * WORKERS);
  for (int i = 0; i < 2 * WORKERS; i++) ASSERT_VALUE(4711, fs[i]);
  ASSERT(cf_executor_error(executor) == NULL);
  cf_futures_release(fs, 2 * WORKERS);
  cf_executor_free(executor);
  gate_close(&g);
}

static int32_t tell_of_start(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  ASSERT_EQ_SIZE(sizeof(gate), arg_size);
  gate_arrive(arg, 0);
  return 0;
}

CF_TEST_PLAIN(an_initializer_runs_only_in_workers_that_start) {
  gate starts = gate_make();
  cf_executor *unused = make_initialized(3, tell_of_start, &starts, sizeof starts);
  cf_executor_free(unused);
  ASSERT(gate_quiet(&starts));
  cf_executor *one = make_initialized(1, tell_of_start, &starts, sizeof starts);
  for (int32_t i = 0; i < 20; i++) {
    cf_future *f = submit_value(one, i);
    ASSERT_VALUE(i, f);
    cf_future_release(f);
  }
  cf_executor_free(one);
  gate_await(&starts, 1);
  ASSERT(gate_quiet(&starts));
  gate_close(&starts);
}

static int32_t with_result(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  ASSERT_EQ_SIZE(0, arg_size);
  return cf_task_return(task, "not used", 9);
}

CF_TEST_PLAIN(the_result_of_an_initializer_is_not_used) {
  cf_executor *executor = make_initialized(2, with_result, NULL, 0);
  cf_future *f = submit_value(executor, 5);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  cf_executor_free(executor);
}

/* ---------------------------------------------------------------- a failing initializer */

struct init_fail {
  gate g;
  bool with_message;
};

/* Fails when it may: a submit that races with the breaking of the pool may be refused. */
static int32_t fail_at_gate(cf_task *task, void *arg, size_t arg_size) {
  const struct init_fail *how = arg;
  ASSERT_EQ_SIZE(sizeof *how, arg_size);
  gate_arrive(&how->g, 0);
  gate_pass(&how->g);
  return how->with_message ? cf_task_fail(task, 42, "error in initializer") : 42;
}

static cf_executor *make_failing(size_t max_workers, const gate *g, bool with_message) {
  struct init_fail how;
  memset(&how, 0, sizeof how);
  how.g = *g;
  how.with_message = with_message;
  return make_initialized(max_workers, fail_at_gate, &how, sizeof how);
}

static void expect_broken(cf_executor *executor, const char *message) {
  int freed = 0;
  char place;
  size_t submitted = 77;
  const int32_t values[2] = { 1, 2 };
  cf_future *fs[2] = { (cf_future *)(void *)&place, (cf_future *)(void *)&place };
  const cf_error *error = cf_executor_error(executor);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_error_status(error));
  ASSERT_EQ_INT(42, cf_error_code(error));
  if (message != NULL) ASSERT_CONTAINS(message, cf_error_message(error));
  ASSERT(cf_error_message(error)[0] != '\0');
  ASSERT_STATUS(CF_BROKEN_POOL, cf_executor_submit(executor, value_task, values, 4, &fs[0]));
  ASSERT(fs[0] == NULL);
  ASSERT_STATUS(CF_BROKEN_POOL,
                cf_executor_submit_many(executor, value_task, values, 4, 2, fs, &submitted));
  ASSERT(fs[0] == NULL && fs[1] == NULL);
  ASSERT_EQ_SIZE(0, submitted);
  cf_status status =
      cf_executor_submit_owned(executor, value_task, &freed, count_destroy, NULL, &fs[0]);
  ASSERT_STATUS(check_is_threads() ? CF_BROKEN_POOL : CF_UNSUPPORTED, status);
  ASSERT_EQ_INT(1, freed);
}

/* CPython: test_init.py, FailingInitializerMixin.test_initializer. */
CF_TEST_PLAIN(failing_initializer) {
  gate g = gate_make();
  cf_executor *executor = make_failing(2, &g, true);
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, get_state, NULL, 0, &f));
  gate_open(&g, 2);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(CF_STATE_FAILED, cf_future_state(f));
  ASSERT_STATUS(CF_BROKEN_POOL, cf_error_status(cf_future_error(f)));
  ASSERT_CONTAINS("error in initializer", cf_error_message(cf_future_error(f)));
  expect_broken(executor, "error in initializer");
  cf_executor_free(executor);
  ASSERT_CONTAINS("error in initializer", cf_error_message(cf_future_error(f)));
  cf_future_release(f);
  gate_close(&g);
}

/* CPython: test_init.py, FailingInitializerResourcesTest. The check after every test sees a leaked
 * descriptor, thread or process; this one repeats. */
CF_TEST_PLAIN(failing_initializers_leak_nothing) {
  for (int round = 0; round < 10; round++) {
    gate g = gate_make();
    gate_open(&g, 2);
    cf_executor *executor = make_failing(2, &g, round % 2 == 0);
    cf_future *fs[3];
    for (int i = 0; i < 3; i++) {
      cf_status status = cf_executor_submit(executor, get_state, NULL, 0, &fs[i]);
      ASSERT(status == CF_OK || status == CF_BROKEN_POOL);
    }
    cf_executor_free(executor);
    for (int i = 0; i < 3; i++) ASSERT(fs[i] == NULL || cf_future_done(fs[i]));
    cf_futures_release(fs, 3);
    gate_close(&g);
  }
}

CF_TEST_PLAIN(an_initializer_may_fail_without_a_message) {
  gate g = gate_make();
  cf_executor *executor = make_failing(1, &g, false);
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, get_state, NULL, 0, &f));
  gate_open(&g, 1);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(f, CF_FOREVER, NULL, NULL));
  expect_broken(executor, NULL);
  cf_future_release(f);
  cf_executor_free(executor);
  gate_close(&g);
}

/* Deviation: every queued future ends, cancelled or not. In CPython a cancelled one raises inside
 * the handler, and all after it stay pending for ever. */
CF_TEST_PLAIN(a_broken_pool_strands_nobody) {
  enum { TASKS = 8 };
  gate g = gate_make();
  cf_future *fs[TASKS];
  int freed = 0;
  cf_executor *executor = make_failing(1, &g, true);
  for (int32_t i = 0; i < TASKS; i++) {
    fs[i] = submit_value(executor, i);
    if (i == 0) gate_await(&g, 1); /* the only worker is in its initializer */
  }
  ASSERT(cf_future_cancel(fs[2]));
  ASSERT(cf_future_cancel(fs[3]));
  if (check_is_threads())
    ASSERT_OK(cf_executor_submit_owned(executor, value_task, &freed, count_destroy, NULL, NULL));
  gate_open(&g, 1);
  ASSERT_OK(cf_wait(fs, TASKS, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  for (int i = 0; i < TASKS; i++) {
    bool cancelled = i == 2 || i == 3;
    ASSERT_STATUS(cancelled ? CF_CANCELLED : CF_BROKEN_POOL,
                  cf_future_result(fs[i], 0, NULL, NULL));
    ASSERT_EQ_INT(cancelled ? CF_STATE_CANCELLED : CF_STATE_FAILED, cf_future_state(fs[i]));
  }
  expect_broken(executor, "error in initializer");
  cf_executor_free(executor);
  ASSERT_EQ_INT(check_is_threads(), freed);
  cf_futures_release(fs, TASKS);
  gate_close(&g);
}

struct second_fails {
  gate turns; /* who takes 1 succeeds, who takes 2 fails */
  gate g;
};

static int32_t second_worker_fails(cf_task *task, void *arg, size_t arg_size) {
  const struct second_fails *how = arg;
  ASSERT_EQ_SIZE(sizeof *how, arg_size);
  if (gate_next(&how->turns) == 1) return 0;
  gate_pass(&how->g); /* until the task that it starts for is submitted */
  return cf_task_fail(task, 42, "error in the second initializer");
}

/* What runs already when the pool breaks goes on to its own end. */
CF_TEST_PLAIN(a_running_task_outlives_the_breaking) {
  gate g = gate_make();
  struct second_fails how = { gate_make(), gate_make() };
  gate_arrive(&how.turns, 1);
  gate_arrive(&how.turns, 2);
  cf_executor *executor = make_initialized(2, second_worker_fails, &how, sizeof how);
  cf_future *running = submit_gated(executor, &g, 7);
  gate_await(&g, 1);
  cf_future *queued = submit_value(executor, 8);
  gate_open(&how.g, 1);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(queued, CF_FOREVER, NULL, NULL));
  ASSERT(cf_future_running(running));
  expect_broken(executor, "error in the second initializer");
  gate_open(&g, 1);
  ASSERT_VALUE(7, running);
  cf_future_release(running);
  cf_future_release(queued);
  cf_executor_free(executor);
  gate_close(&g);
  gate_close(&how.turns);
  gate_close(&how.g);
}

/* A broken pool can be shut down; that it is broken is said before that it is shut down. */
CF_TEST_PLAIN(shutdown_of_a_broken_pool) {
  gate g = gate_make();
  cf_executor *executor = make_failing(2, &g, true);
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, get_state, NULL, 0, &f));
  gate_open(&g, 2);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_OK(cf_executor_shutdown(executor, false, false));
  expect_broken(executor, "error in initializer");
  ASSERT_OK(cf_executor_shutdown(executor, true, true));
  ASSERT_OK(cf_executor_join(executor, CF_FOREVER));
  expect_broken(executor, "error in initializer");
  cf_future_release(f);
  cf_executor_free(executor);
  gate_close(&g);
}
