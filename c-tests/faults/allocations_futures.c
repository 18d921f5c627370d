/*
 * Shows: memory that runs out anywhere ends the call with CF_NO_MEMORY, or the task; nothing is lost or
 * leaked by it, and the pool goes on when there is memory again. Here: waits, callbacks, queues, futures
 * by hand, results, and tasks that wait inside their pool; pools and submitting are in allocations.c.
 */
#include "allocations.h"

/* Waits for what was done, is being done and is not done; over futures by hand and of the pool. */
static void body_wait(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f[3] = { submit_value(pool, 1), NULL, submit_failure(pool, 5, "failed") };
  ASSERT_OK(cf_future_new(&f[1]));
  cf_status status[5];
  bool done[3];
  faults_begin();
  status[0] = cf_wait(f, 1, CF_FOREVER, CF_ALL_COMPLETED, done, NULL);
  status[1] = cf_wait(f, 3, CF_FOREVER, CF_FIRST_COMPLETED, done, NULL);
  status[2] = cf_wait(f, 3, CF_FOREVER, CF_FIRST_EXCEPTION, done, NULL);
  status[3] = cf_wait(f, 3, 1, CF_ALL_COMPLETED, done, NULL);
  status[4] = cf_future_result(f[1], 1, NULL, NULL);
  faults_end();
  for (int i = 0; i < 3; i++) refused(status[i]);
  for (int i = 3; i < 5; i++)
    if (status[i] != CF_TIMEOUT) ASSERT(refused(status[i]));
  const cf_error *error = NULL;
  cf_status failed = cf_future_exception(f[2], CF_FOREVER, &error);
  if (!refused(failed) && cf_error_status(error) != CF_NO_MEMORY)
    ASSERT_EQ_INT(5, cf_error_code(error));
  expect_end(f[0], 1);
  cf_future_release(f[1]);
  cf_future_release(f[2]);
  expect_usable(pool);
  cf_executor_free(pool);
}

static bool take_one(cf_future *future, size_t index, void *seen) {
  (void)future;
  (void)index;
  return count_up(seen) < 2;
}

static void body_as_completed(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f[4] = { submit_value(pool, 1), submit_value(pool, 2), NULL, NULL };
  ASSERT_OK(cf_future_new(&f[2]));
  f[3] = f[0]; /* given twice */
  cf_completions *it = NULL;
  size_t at = 99;
  int seen = 0;
  cf_status next = CF_OK;
  faults_begin();
  cf_status status = cf_as_completed(f, 4, CF_FOREVER, &it);
  if (status == CF_OK) next = cf_completions_next(it, &at, NULL);
  cf_status each = cf_as_completed_each(f, 4, CF_FOREVER, take_one, &seen);
  faults_end();
  refused(each);
  if (refused(status)) {
    ASSERT(it == NULL);
    ASSERT_OK(cf_as_completed(f, 4, CF_FOREVER, &it));
    next = CF_OK;
  } else if (!refused(next)) {
    ASSERT(at < 2);
  }
  cf_completions_free(it);
  expect_end(f[0], 1);
  expect_end(f[1], 2);
  cf_future_release(f[2]);
  expect_usable(pool);
  cf_executor_free(pool);
}

struct calls {
  int called, destroyed;
};

static void called(cf_future *future, void *data) {
  struct calls *calls = data;
  ASSERT(cf_future_done(future));
  count_up(&calls->called);
}

static void destroyed(void *data) {
  struct calls *calls = data;
  count_up(&calls->destroyed);
}

#define CALLBACKS 4

/* Several on one future, by hand and of the pool, before its end and after it. */
static void body_callbacks(void) {
  cf_executor *pool = make_executor(2);
  gate g = gate_make();
  cf_future *f[2] = { submit_gated(pool, &g, 3), NULL };
  ASSERT_OK(cf_future_new(&f[1]));
  struct calls calls[2][CALLBACKS];
  struct calls data = { 0, 0 }, late = { 0, 0 };
  cf_status added[2][CALLBACKS];
  memset(calls, 0, sizeof calls);
  faults_begin();
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < CALLBACKS; k++)
      added[i][k] = cf_future_add_done_callback(f[i], called, &calls[i][k], destroyed);
  cf_status set = cf_future_set_user_data(f[0], &data, destroyed);
  int32_t value = 4;
  cf_status finished = cf_future_set_result(f[1], &value, sizeof value);
  gate_open(&g, 1);
  cf_status got = cf_future_result(f[0], CF_FOREVER, NULL, NULL);
  cf_status add = cf_future_add_done_callback(f[1], called, &late, destroyed);
  faults_end();
  refused(got), refused(set), refused(add);
  if (refused(finished)) ASSERT_OK(cf_future_set_result(f[1], &value, sizeof value));
  cf_executor_free(pool); /* all callbacks have run */
  ASSERT_VALUE(4, f[1]);
  cf_futures_release(f, 2);
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < CALLBACKS; k++) {
      ASSERT_EQ_INT(refused(added[i][k]) ? 0 : 1, calls[i][k].called);
      ASSERT_EQ_INT(1, calls[i][k].destroyed);
    }
  ASSERT_EQ_INT(add == CF_OK, late.called);
  ASSERT_EQ_INT(1, late.destroyed);
  ASSERT_EQ_INT(1, data.destroyed);
  gate_close(&g);
}

static void body_completion_queue(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f[2] = { submit_value(pool, 1), NULL };
  ASSERT_OK(cf_future_new(&f[1]));
  cf_completion_queue *q = NULL;
  cf_future *next = NULL;
  int tags[3] = { 0, 0, 0 };
  cf_status status;
  FAULTY(status, cf_completion_queue_new(&q));
  if (refused(status)) {
    ASSERT(q == NULL);
    ASSERT_OK(cf_completion_queue_new(&q));
  }
  faults_begin();
  cf_status a = cf_completion_queue_add(q, f[0], &tags[0], count_destroy);
  cf_status b = cf_completion_queue_add(q, f[1], &tags[1], count_destroy);
  cf_status c = cf_completion_queue_add(q, f[1], &tags[2], count_destroy);
  int fd = cf_completion_queue_fd(q);
  cf_status taken = a == CF_OK ? cf_completion_queue_next(q, CF_FOREVER, &next, NULL) : CF_END;
  cf_status closed = cf_completion_queue_close(q);
  faults_end();
  refused(a), refused(b), refused(c), refused(closed);
  (void)fd;
  if (taken != CF_END && !refused(taken)) {
    ASSERT_EQ_PTR(f[0], next);
    cf_future_release(next);
  }
  cf_completion_queue_free(q);
  ASSERT_EQ_INT(taken == CF_OK ? 0 : 1, tags[0]);
  ASSERT_EQ_INT(1, tags[1]);
  ASSERT_EQ_INT(1, tags[2]);
  expect_end(f[0], 1);
  cf_future_release(f[1]);
  cf_executor_free(pool);
}

static void body_by_hand(void) {
  static const char large[LARGE] = { 9 };
  cf_future *f[3] = { NULL, NULL, NULL };
  cf_status status[3];
  bool run = false;
  faults_begin();
  for (int i = 0; i < 3; i++) status[i] = cf_future_new(&f[i]);
  faults_end();
  for (int i = 0; i < 3; i++) {
    ASSERT((f[i] == NULL) == refused(status[i]));
    if (f[i] == NULL) ASSERT_OK(cf_future_new(&f[i]));
  }
  faults_begin();
  status[0] = cf_future_set_running_or_notify_cancel(f[0], &run);
  status[1] = cf_future_set_result(f[0], large, sizeof large);
  status[2] = cf_future_set_exception(f[1], 5, large);
  bool cancelled = cf_future_cancel(f[2]);
  faults_end();
  ASSERT_OK(status[0]);
  ASSERT(run && cancelled);
  if (refused(status[1])) ASSERT_OK(cf_future_set_result(f[0], large, sizeof large));
  if (refused(status[2])) ASSERT_OK(cf_future_set_exception(f[1], 5, large));
  size_t size = 0;
  ASSERT_OK(cf_future_result(f[0], 0, NULL, &size));
  ASSERT_EQ_SIZE(sizeof large, size);
  ASSERT(cf_future_error(f[1]) != NULL && cf_future_error(f[2]) != NULL);
  cf_futures_release(f, 3);
}

static int32_t failing_task(cf_task *task, void *arg, size_t size) {
  (void)arg;
  (void)size;
  return cf_task_fail(task, 5, "a message that is longer than any place that is kept for one");
}

/* Tasks whose results are large, and that fail at length. */
static void body_results(void) {
  int32_t value = 1;
  cf_future *f[3] = { NULL, NULL, NULL };
  cf_executor *pool = make_executor(2);
  faults_begin();
  cf_status a = cf_executor_submit(pool, large_task, &value, sizeof value, &f[0]);
  cf_status b = cf_executor_submit(pool, failing_task, NULL, 0, &f[1]);
  cf_status waited = f[0] != NULL ? cf_future_result(f[0], CF_FOREVER, NULL, NULL) : CF_OK;
  const cf_error *error = NULL;
  if (f[1] != NULL) cf_future_exception(f[1], CF_FOREVER, &error);
  faults_end();
  if (!refused(a)) refused(waited);
  if (!refused(b) && error != NULL) {
    cf_status how = cf_error_status(error);
    if (how == CF_TASK_FAILED)
      ASSERT_EQ_INT(5, cf_error_code(error));
    else
      ASSERT_STATUS(CF_NO_MEMORY, how);
  }
  cf_futures_release(f, 2);
  expect_usable(pool);
  cf_executor_free(pool);
}

/* Waits for a task of its own pool, which it runs itself, or a spare thread. */
static int32_t nesting_task(cf_task *task, void *arg, size_t size) {
  cf_executor *pool = *(cf_executor **)arg;
  int32_t value = 6;
  cf_future *f = NULL;
  (void)size;
  cf_status status = cf_executor_submit(pool, value_task, &value, sizeof value, &f);
  if (status == CF_OK) status = cf_future_result_into(f, CF_FOREVER, &value, sizeof value);
  cf_future_release(f);
  /* Neither a spare thread nor the bounds of its own stack could be had. */
  if (status == CF_DEADLOCK) ASSERT(faults_happened() > 0);
  if (status != CF_OK) return refused(status == CF_DEADLOCK ? CF_NO_MEMORY : status);
  return cf_task_return(task, &value, sizeof value);
}

static void nest(cf_executor *pool) {
  cf_future *f[2] = { NULL, NULL };
  faults_begin();
  cf_status a = cf_executor_submit(pool, nesting_task, &pool, sizeof pool, &f[0]);
  cf_status b = cf_executor_submit(pool, nesting_task, &pool, sizeof pool, &f[1]);
  if (a == CF_OK) cf_future_result(f[0], CF_FOREVER, NULL, NULL);
  if (b == CF_OK) cf_future_result(f[1], CF_FOREVER, NULL, NULL);
  faults_end();
  ASSERT(refused(a) == (f[0] == NULL) && refused(b) == (f[1] == NULL));
  cf_futures_release(f, 2);
  ASSERT_OK(cf_executor_submit(pool, nesting_task, &pool, sizeof pool, &f[0]));
  ASSERT_VALUE(6, f[0]);
  cf_future_release(f[0]);
  cf_executor_free(pool);
}

static void body_nested(void) {
  nest(make_executor(1));
}

static void body_nested_without_spares(void) {
  cf_options *options = NULL;
  ASSERT_OK(cf_options_new(&options));
  ASSERT_OK(cf_options_set_max_workers(options, 1));
  ASSERT_OK(cf_options_set_max_spares(options, 0));
  cf_executor *pool = make_executor_with(options);
  cf_options_free(options);
  nest(pool);
}

/* ---------------------------------------------------------------- sweeps */

SWEEP(wait)
SWEEP(as_completed)
SWEEP(callbacks)
SWEEP(completion_queue)
SWEEP_THREADS(by_hand, "no executor takes part")
SWEEP(results)
SWEEP_THREADS(nested, "a worker process has no pool of its host's")
SWEEP_THREADS(nested_without_spares, "a worker process has no pool of its host's")
