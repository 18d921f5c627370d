/*
 * Shows: an executor that is shut down, joined, freed or detached by one of its own workers, in a
 * task or in a callback. A wait that could never end is CF_DEADLOCK and changes nothing (in CPython
 * the pool is flagged and RuntimeError raised: "cannot join current thread").
 */
#include "check.h"

#include <string.h>

static const char reason[] = "executor handles are of no use in another process";

/* What a task or callback does with the executor. */
struct inside {
  cf_executor *executor;
  cf_executor *other;
  gate g;
  cf_status statuses[4];
};

static cf_future *submit_inside(cf_executor *executor, cf_task_fn fn, struct inside *inside) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(executor, fn, inside, NULL, NULL, &f));
  return f;
}

/* ---------------------------------------------------------------- shutdown and join */

static void wait_for_own_end(struct inside *inside) {
  inside->statuses[0] = cf_executor_shutdown(inside->executor, true, false);
  inside->statuses[1] = cf_executor_shutdown(inside->executor, true, true);
}

static int32_t waiting_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg_size;
  wait_for_own_end(arg);
  return cf_task_return(task, NULL, 0);
}

/* After the refusals the executor still takes work. */
static void expect_refused(cf_executor *executor, const struct inside *inside) {
  ASSERT_STATUS(CF_DEADLOCK, inside->statuses[0]);
  ASSERT_STATUS(CF_DEADLOCK, inside->statuses[1]);
  cf_future *f = submit_value(executor, 5);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

CF_TEST(a_task_cannot_wait_for_the_end_of_its_pool) {
  CF_THREADS_ONLY(reason);
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  inside.executor = ex;
  cf_future *f = submit_inside(ex, waiting_task, &inside);
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  expect_refused(ex, &inside);
  cf_future_release(f);
}

/* A pending task that was queued meanwhile is not cancelled by the refused call. */
CF_TEST(a_refused_shutdown_cancels_nothing) {
  CF_THREADS_ONLY(reason);
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  gate g = gate_make();
  cf_executor *one = make_executor(1);
  inside.executor = one;
  cf_future *held = submit_gated(one, &g, 1);
  cf_future *waiting = submit_inside(one, waiting_task, &inside);
  cf_future *queued = submit_value(one, 7);
  gate_open(&g, 1);
  ASSERT_OK(cf_future_result(waiting, CF_FOREVER, NULL, NULL));
  ASSERT_VALUE(7, queued);
  expect_refused(one, &inside);
  cf_future *fs[] = { held, waiting, queued };
  cf_futures_release(fs, 3);
  cf_executor_free(one);
  gate_close(&g);
}

static void waiting_callback(cf_future *f, void *user_data) {
  struct inside *inside = user_data;
  (void)f;
  wait_for_own_end(inside);
  gate_arrive(&inside->g, 100);
}

/* A callback counts as the thread of the pool that runs it. */
CF_TEST(a_callback_cannot_wait_for_the_end_of_its_pool) {
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  inside.executor = ex;
  inside.g = gate_make();
  cf_future *f = submit_gated(ex, &inside.g, 1);
  gate_await(&inside.g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, waiting_callback, &inside, NULL));
  gate_open(&inside.g, 1);
  ASSERT_EQ_INT(100, gate_next(&inside.g));
  expect_refused(ex, &inside);
  cf_future_release(f);
  gate_close(&inside.g);
}

static int32_t shutting_task(cf_task *task, void *arg, size_t arg_size) {
  struct inside *inside = arg;
  (void)arg_size;
  inside->statuses[0] = cf_executor_shutdown(inside->executor, false, true);
  inside->statuses[1] = cf_executor_submit(inside->executor, value_task, NULL, 0, NULL);
  inside->statuses[2] = cf_executor_join(inside->executor, CF_FOREVER);
  inside->statuses[3] = cf_executor_shutdown(inside->executor, true, false);
  return cf_task_return(task, NULL, 0);
}

/* Shutting down without waiting is fine from anywhere; join is the wait that is not. */
CF_TEST(a_task_may_shut_its_pool_down) {
  CF_THREADS_ONLY(reason);
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  gate g = gate_make();
  cf_executor *one = make_executor(1);
  inside.executor = one;
  cf_future *held = submit_gated(one, &g, 1);
  cf_future *shutting = submit_inside(one, shutting_task, &inside);
  cf_future *queued = submit_value(one, 7);
  gate_open(&g, 1);
  ASSERT_STATUS(CF_CANCELLED, cf_future_result(queued, CF_FOREVER, NULL, NULL));
  ASSERT_OK(cf_future_result(shutting, CF_FOREVER, NULL, NULL));
  ASSERT_OK(inside.statuses[0]);
  ASSERT_STATUS(CF_SHUTDOWN, inside.statuses[1]);
  ASSERT_STATUS(CF_DEADLOCK, inside.statuses[2]);
  ASSERT_STATUS(CF_DEADLOCK, inside.statuses[3]);
  ASSERT_OK(cf_executor_join(one, CF_FOREVER));
  cf_future *fs[] = { held, shutting, queued };
  cf_futures_release(fs, 3);
  cf_executor_free(one);
  gate_close(&g);
}

static int32_t other_pool_task(cf_task *task, void *arg, size_t arg_size) {
  struct inside *inside = arg;
  (void)arg_size;
  inside->statuses[0] = cf_executor_shutdown(inside->other, true, false);
  inside->statuses[1] = cf_executor_join(inside->other, CF_FOREVER);
  cf_executor_free(inside->other);
  return cf_task_return(task, NULL, 0);
}

/* A task may wait for the end of another pool. */
CF_TEST(a_task_may_end_another_pool) {
  CF_THREADS_ONLY(reason);
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  inside.other = make_executor(2);
  cf_future *theirs = submit_value(inside.other, 5);
  cf_future *f = submit_inside(ex, other_pool_task, &inside);
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_OK(inside.statuses[0]);
  ASSERT_OK(inside.statuses[1]);
  ASSERT_VALUE(5, theirs);
  cf_future_release(theirs);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- free and detach */

static int32_t freeing_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t value = 9;
  struct inside *inside = arg;
  (void)arg_size;
  gate_arrive(&inside->g, 50);
  gate_pass(&inside->g);
  cf_executor_free(inside->executor);
  return cf_task_return(task, &value, sizeof value);
}

static int32_t detaching_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t value = 9;
  struct inside *inside = arg;
  (void)arg_size;
  gate_arrive(&inside->g, 50);
  gate_pass(&inside->g);
  cf_executor_detach(inside->executor);
  return cf_task_return(task, &value, sizeof value);
}

static void check_freed_inside(cf_task_fn fn) {
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  size_t threads = thread_count();
  inside.g = gate_make();
  inside.executor = make_executor(1);
  cf_future *f = submit_inside(inside.executor, fn, &inside);
  ASSERT_EQ_INT(50, gate_next(&inside.g));
  cf_future *queued = submit_value(inside.executor, 7);
  gate_open(&inside.g, 1);
  ASSERT_VALUE(9, f);
  ASSERT_VALUE(7, queued); /* queued work still runs */
  await_thread_count(threads);
  cf_future_release(f);
  cf_future_release(queued);
  gate_close(&inside.g);
}

/* Freed by its own worker an executor acts as detached. */
CF_TEST(a_task_may_free_its_pool) {
  CF_THREADS_ONLY(reason);
  check_freed_inside(freeing_task);
}

CF_TEST(a_task_may_detach_its_pool) {
  CF_THREADS_ONLY(reason);
  check_freed_inside(detaching_task);
}

static void freeing_callback(cf_future *f, void *user_data) {
  struct inside *inside = user_data;
  (void)f;
  cf_executor_free(inside->executor);
}

CF_TEST(a_callback_may_free_its_pool) {
  struct inside inside;
  memset(&inside, 0, sizeof inside);
  size_t threads = thread_count();
  gate g = gate_make();
  inside.executor = make_executor(1);
  cf_future *f = submit_gated(inside.executor, &g, 3);
  ASSERT_OK(cf_future_add_done_callback(f, freeing_callback, &inside, NULL));
  gate_open(&g, 1);
  ASSERT_VALUE(3, f);
  await_thread_count(threads);
  cf_future_release(f);
  gate_close(&g);
}
