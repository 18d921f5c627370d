/*
 * Shows: the end of an executor. shutdown with and without waiting and cancelling, join, free and
 * detach, from outside and from its own workers. Port of the thread part of CPython's
 * test_shutdown.py; what happens when the process ends is in exit.c.
 */
#include "check.h"

#include <sched.h>

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_run_after_shutdown. */
CF_TEST(run_after_shutdown) {
  const int32_t values[2] = { 1, 2 };
  char place;
  cf_future *fs[2] = { (cf_future *)(void *)&place, (cf_future *)(void *)&place };
  size_t submitted = 77;
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  ASSERT_STATUS(CF_SHUTDOWN, cf_executor_submit(ex, value_task, values, 4, &fs[0]));
  ASSERT(fs[0] == NULL);
  ASSERT_STATUS(CF_SHUTDOWN, cf_executor_submit(ex, value_task, values, 4, NULL));
  fs[0] = (cf_future *)(void *)&place;
  ASSERT_STATUS(CF_SHUTDOWN, cf_executor_submit_many(ex, value_task, values, 4, 2, fs, &submitted));
  ASSERT(fs[0] == NULL && fs[1] == NULL);
  ASSERT_EQ_SIZE(0, submitted);
}

/* No map either, except over nothing (as in CPython). */
CF_TEST(map_after_shutdown) {
  const int32_t values[2] = { 1, 2 };
  int32_t out[2] = { 77, 78 };
  char place;
  cf_map *map = (cf_map *)(void *)&place;
  cf_error *error = NULL;
  cf_item item;
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  ASSERT_STATUS(CF_SHUTDOWN, cf_executor_map(ex, value_task, values, 4, 2, NULL, &map));
  ASSERT(map == NULL);
  ASSERT_STATUS(CF_SHUTDOWN,
                cf_executor_map_into(ex, value_task, values, 4, 2, NULL, out, 4, NULL, &error));
  ASSERT_STATUS(CF_SHUTDOWN, cf_error_status(error));
  cf_error_free(error);
  ASSERT(out[0] == 77 && out[1] == 78);
  ASSERT_OK(cf_executor_map(ex, value_task, values, 4, 0, NULL, &map));
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  cf_map_free(map);
}

CF_TEST(shutdown_is_idempotent) {
  cf_future *f = submit_value(ex, 5);
  for (int i = 0; i < 8; i++)
    ASSERT_OK(cf_executor_shutdown(ex, (i & 1) != 0, (i & 2) != 0 && i > 1));
  ASSERT_VALUE(5, f); /* the first waiting call came before any that cancels */
  ASSERT_OK(cf_executor_join(ex, 0));
  cf_future_release(f);
}

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_hang_issue12364. */
CF_TEST(hang_issue12364) {
  enum { TASKS = 50 };
  cf_future *fs[TASKS];
  gate g = gate_make();
  for (int32_t i = 0; i < TASKS; i++) fs[i] = submit_gated(ex, &g, i);
  gate_open(&g, TASKS);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  for (int32_t i = 0; i < TASKS; i++) {
    ASSERT_EQ_INT(CF_STATE_FINISHED, cf_future_state(fs[i]));
    ASSERT_VALUE(i, fs[i]);
  }
  cf_futures_release(fs, TASKS);
  gate_close(&g);
}

/* CPython: executor.py, ExecutorTest.test_shutdown_race_issue12456. */
CF_TEST(shutdown_race_issue12456) {
  for (size_t round = 0; round < scaled(100); round++) {
    const int32_t twos[3] = { 2, 2, 2 }; /* one more than there are workers */
    cf_map *map = NULL;
    cf_executor *two = make_executor(2);
    ASSERT_OK(cf_executor_map(two, value_task, twos, sizeof twos[0], 3, NULL, &map));
    ASSERT_OK(cf_executor_shutdown(two, true, false));
    cf_map_free(map);
    cf_executor_free(two);
  }
}

/* ---------------------------------------------------------------- cancel_futures */

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_cancel_futures. Deviation: in CPython
 * wait() on what was cancelled hangs for ever; here every wait returns. */
CF_TEST(cancel_futures) {
  enum { TASKS = 50 };
  cf_future *fs[TASKS];
  bool done[TASKS];
  size_t count = 0, index = 0;
  gate g = gate_make();
  for (int32_t i = 0; i < TASKS; i++) fs[i] = submit_gated(ex, &g, i);
  gate_await(&g, 2);
  ASSERT_OK(cf_executor_shutdown(ex, false, true));
  for (int i = 0; i < TASKS; i++) ASSERT_EQ_INT(i >= 2, cf_future_cancelled(fs[i]));
  ASSERT_OK(cf_wait(fs + 2, TASKS - 2, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  ASSERT_EQ_SIZE(TASKS - 2, count);
  cf_completions *it = NULL;
  ASSERT_OK(cf_as_completed(fs + 2, TASKS - 2, CF_FOREVER, &it));
  for (int i = 2; i < TASKS; i++) ASSERT_OK(cf_completions_next(it, &index, NULL));
  ASSERT_STATUS(CF_END, cf_completions_next(it, &index, NULL));
  cf_completions_free(it);
  gate_open(&g, 2);
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
  for (int32_t i = 0; i < 2; i++) ASSERT_VALUE(i, fs[i]);
  ASSERT(gate_quiet(&g)); /* none of the cancelled ones has run */
  cf_futures_release(fs, TASKS);
  gate_close(&g);
}

/* A later call may still cancel (and then wait). */
CF_TEST(cancel_futures_after_shutdown) {
  gate g = gate_make();
  cf_future *fs[6];
  for (int32_t i = 0; i < 6; i++) fs[i] = submit_gated(ex, &g, i);
  gate_await(&g, 2);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(fs[5]));
  gate_open(&g, 1); /* queued work goes on after the shutdown */
  ASSERT_EQ_INT(2, gate_next(&g));
  ASSERT_OK(cf_executor_shutdown(ex, false, true));
  for (int i = 3; i < 6; i++) ASSERT(cf_future_cancelled(fs[i]));
  gate_open(&g, 2);
  ASSERT_OK(cf_executor_shutdown(ex, true, true));
  for (int32_t i = 0; i < 3; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 6);
  gate_close(&g);
}

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_hang_gh94440. */
CF_TEST(hang_gh94440) {
  for (size_t round = 0; round < scaled(100); round++) {
    cf_executor *one = make_executor(1);
    cf_future *first = submit_value(one, 1);
    ASSERT_VALUE(1, first);
    cf_future *second = submit_value(one, 2);
    cf_future_cancel(second);
    ASSERT_OK(cf_executor_shutdown(one, true, false));
    ASSERT(cf_future_done(second));
    cf_future_release(first);
    cf_future_release(second);
    cf_executor_free(one);
  }
}

/* ---------------------------------------------------------------- waiting, or not */

struct first_submit {
  cf_executor *executor;
  gate g;
  int here; /* of the two threads, so many stand ready */
  cf_status status;
};

/* Both go on at the same moment, as nearly as two threads can. */
static void meet(struct first_submit *s) {
  count_up(&s->here);
  while (count_of(&s->here) < 2) sched_yield();
}

static int32_t arrive(cf_task *task, void *arg, size_t arg_size) {
  (void)task, (void)arg_size;
  gate_arrive(arg, 1);
  return 0;
}

static void *submit_the_first(void *arg) {
  struct first_submit *s = arg;
  cf_future *warm = NULL;
  ASSERT_OK(cf_future_new(&warm)); /* what a thread's first call needs is made */
  cf_future_release(warm);
  meet(s);
  s->status = cf_executor_submit(s->executor, arrive, &s->g, sizeof s->g, NULL);
  return NULL;
}

/* A task that was accepted has ended when shutdown returns, also if it is the very first and its
 * worker does not exist yet. */
CF_TEST_PLAIN(shutdown_waits_for_a_first_submit_at_the_same_time) {
  struct first_submit s;
  s.g = gate_make();
  for (size_t round = 0; round < scaled(check_is_threads() ? 3000 : 100); round++) {
    s.executor = make_executor(1);
    s.here = 0;
    pthread_t submitter = start_thread(submit_the_first, &s);
    meet(&s);
    for (size_t i = 0; i < round % 500; i++) count_of(&s.here); /* now earlier, now later */
    ASSERT_OK(cf_executor_shutdown(s.executor, true, false));
    bool has_run = !gate_quiet(&s.g);
    join_thread(submitter);
    ASSERT_STATUS(has_run ? CF_OK : CF_SHUTDOWN, s.status);
    if (has_run) gate_next(&s.g);
    cf_executor_free(s.executor);
  }
  gate_close(&s.g);
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_shutdown_no_wait. */
CF_TEST(shutdown_no_wait) {
  gate g = gate_make();
  cf_future *fs[5];
  size_t threads = thread_count();
  for (int32_t i = 0; i < 5; i++) fs[i] = submit_gated(ex, &g, i);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  for (int i = 0; i < 5; i++) ASSERT(!cf_future_done(fs[i]));
  gate_open(&g, 5);
  if (check_is_threads()) await_thread_count(threads); /* they end by themselves */
  for (int32_t i = 0; i < 5; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 5);
  gate_close(&g);
}

CF_TEST(join_before_shutdown) {
  cf_future *f = submit_value(ex, 5);
  ASSERT_STATUS(CF_INVALID_STATE, cf_executor_join(ex, CF_FOREVER));
  ASSERT_STATUS(CF_INVALID_STATE, cf_executor_join(ex, 0));
  cf_future *g = submit_value(ex, 6); /* nothing has changed */
  ASSERT_VALUE(5, f);
  ASSERT_VALUE(6, g);
  cf_future_release(f);
  cf_future_release(g);
}

CF_TEST(join_times_out) {
  const int64_t expired[] = { 0, -1, INT64_MIN, 1, 1000000 };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 5);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  for (int i = 0; i < 5; i++) ASSERT_STATUS(CF_TIMEOUT, cf_executor_join(ex, expired[i]));
  gate_open(&g, 1);
  ASSERT_OK(cf_executor_join(ex, INT64_MAX - 1));
  ASSERT_OK(cf_executor_join(ex, INT64_MIN)); /* it has ended: ready beats expired */
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  gate_close(&g);
}

CF_TEST(join_of_an_unused_executor) {
  cf_executor *unused = make_executor(2);
  ASSERT_OK(cf_executor_shutdown(unused, false, false));
  ASSERT_OK(cf_executor_join(unused, CF_FOREVER));
  ASSERT_OK(cf_executor_shutdown(unused, true, true));
  cf_executor_free(unused);
}

struct ending {
  gate g;
  int called, destroyed;
};

static void late_callback(cf_future *f, void *user_data) {
  struct ending *ending = user_data;
  (void)f;
  gate_arrive(&ending->g, 100);
  gate_pass(&ending->g);
  count_up(&ending->called);
}

static void late_destroy(void *user_data) {
  struct ending *ending = user_data;
  count_up(&ending->destroyed);
}

/* Join waits for callbacks and destroy hooks as well as for tasks. */
CF_TEST(join_waits_for_callbacks) {
  struct ending ending = { gate_make(), 0, 0 };
  cf_future *f = submit_gated(ex, &ending.g, 5);
  ASSERT_EQ_INT(5, gate_next(&ending.g));
  ASSERT_OK(cf_future_add_done_callback(f, late_callback, &ending, late_destroy));
  gate_open(&ending.g, 1);
  ASSERT_EQ_INT(100, gate_next(&ending.g));
  ASSERT_VALUE(5, f);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  ASSERT_STATUS(CF_TIMEOUT, cf_executor_join(ex, 1000000));
  gate_open(&ending.g, 1);
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
  ASSERT_EQ_INT(1, ending.called);
  ASSERT_EQ_INT(1, ending.destroyed);
  cf_future_release(f);
  gate_close(&ending.g);
}

static void *shut_down_in_thread(void *arg) {
  int *id = arg;
  __atomic_store_n(id, thread_id(), __ATOMIC_SEQ_CST);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  return NULL;
}

static void *join_in_thread(void *arg) {
  int *id = arg;
  __atomic_store_n(id, thread_id(), __ATOMIC_SEQ_CST);
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
  return NULL;
}

/* Any number of threads may wait for the end at the same time. */
CF_TEST(several_threads_wait_for_the_end) {
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 5);
  gate_await(&g, 1);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  pthread_t threads[4];
  int ids[4] = { 0, 0, 0, 0 };
  for (int i = 0; i < 4; i++) {
    threads[i] = start_thread(i % 2 == 0 ? shut_down_in_thread : join_in_thread, &ids[i]);
    while (count_of(&ids[i]) == 0) sched_yield();
    await_asleep(count_of(&ids[i]));
  }
  gate_open(&g, 1);
  for (int i = 0; i < 4; i++) join_thread(threads[i]);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  gate_close(&g);
}

/* ---------------------------------------------------------------- free and detach */

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_context_manager_shutdown. The end of the
 * with block is cf_executor_free: it never cancels, and it waits. */
CF_TEST(context_manager_shutdown) {
  cf_map *map = NULL;
  cf_item item;
  int32_t numbers[10];
  for (int32_t i = 0; i < 10; i++) numbers[i] = i - 5;
  size_t threads = thread_count();
  cf_executor *five = make_executor(5);
  ASSERT_OK(cf_executor_map(five, value_task, numbers, sizeof numbers[0], 10, NULL, &map));
  cf_executor_free(five);
  if (check_is_threads()) await_thread_count(threads);
  for (int32_t i = 0; i < 10; i++) {
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_OK(item.status);
    ASSERT_EQ_INT(i - 5, *(const int32_t *)item.data);
  }
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  cf_map_free(map);
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_del_shutdown. Dropping the last reference
 * is cf_executor_detach: queued work still runs, and the workers end. */
CF_TEST(del_shutdown) {
  enum { TASKS = 20 };
  cf_future *fs[TASKS];
  gate g = gate_make();
  size_t threads = thread_count();
  cf_executor *two = make_executor(2);
  for (int32_t i = 0; i < TASKS; i++) fs[i] = submit_gated(two, &g, i);
  cf_executor_detach(two);
  gate_open(&g, TASKS);
  for (int32_t i = 0; i < TASKS; i++) ASSERT_VALUE(i, fs[i]);
  if (check_is_threads()) await_thread_count(threads);
  cf_futures_release(fs, TASKS);
  gate_close(&g);
}

CF_TEST(detach_after_shutdown_and_of_an_unused_executor) {
  cf_executor *used = make_executor(1);
  cf_future *f = submit_value(used, 5);
  ASSERT_OK(cf_executor_shutdown(used, false, false));
  cf_executor_detach(used);
  cf_executor_detach(make_executor(1));
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}
