/*
 * Shows: when the workers of a thread pool start, how many there are, that idle ones are used
 * again, and what submit says when none can be started. Port of the thread-counting tests of
 * CPython.
 */
#define _GNU_SOURCE
#include "check.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char reason[] = "counts the threads of a thread pool";

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_saturation. */
CF_TEST(saturation) {
  CF_THREADS_ONLY(reason);
  enum { MAX = 4, TASKS = 15 * MAX };
  cf_future *fs[TASKS];
  gate g = gate_make();
  size_t threads = thread_count();
  cf_executor *four = make_executor(MAX);
  for (int32_t i = 0; i < TASKS; i++) fs[i] = submit_gated(four, &g, i);
  gate_await(&g, MAX);
  ASSERT_EQ_SIZE(threads + MAX, thread_count());
  ASSERT(gate_quiet(&g)); /* no more than that run */
  for (int i = 0; i < TASKS; i++) ASSERT_EQ_INT(i < MAX, cf_future_running(fs[i]));
  gate_open(&g, TASKS);
  ASSERT_OK(cf_wait(fs, TASKS, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  ASSERT_EQ_SIZE(threads + MAX, thread_count());
  for (int32_t i = 0; i < TASKS; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, TASKS);
  cf_executor_free(four);
  gate_close(&g);
}

static int32_t thread_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t id = thread_id();
  (void)arg;
  (void)arg_size;
  return cf_task_return(task, &id, sizeof id);
}

static int32_t thread_of_next_task(cf_executor *executor) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, thread_task, NULL, 0, &f));
  int32_t id = value_of(f);
  cf_future_release(f);
  return id;
}

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_idle_thread_reuse. Who has a result and
 * submits again finds the worker free, although it may not sleep yet. */
CF_TEST(idle_thread_reuse) {
  CF_THREADS_ONLY(reason);
  cf_executor *many = make_executor(8);
  size_t threads = thread_count();
  int32_t first = thread_of_next_task(many);
  for (int i = 0; i < 100; i++) ASSERT_EQ_INT(first, thread_of_next_task(many));
  ASSERT_EQ_SIZE(threads + 1, thread_count());
  cf_executor_free(many);
}

/* ... and once it sleeps it is woken. */
CF_TEST(a_sleeping_worker_is_used_again) {
  CF_THREADS_ONLY(reason);
  cf_executor *many = make_executor(8);
  size_t threads = thread_count();
  int32_t first = thread_of_next_task(many);
  for (int i = 0; i < 5; i++) {
    await_asleep(first);
    ASSERT_EQ_INT(first, thread_of_next_task(many));
  }
  ASSERT_EQ_SIZE(threads + 1, thread_count());
  cf_executor_free(many);
}

CF_TEST(workers_start_one_by_one) {
  CF_THREADS_ONLY(reason);
  enum { MAX = 6 };
  cf_future *fs[MAX];
  gate g = gate_make();
  cf_executor *six = make_executor(MAX);
  size_t threads = thread_count(); /* making the pool starts none */
  for (int32_t i = 0; i < MAX; i++) {
    fs[i] = submit_gated(six, &g, i);
    ASSERT_EQ_INT(i, gate_next(&g));
    ASSERT_EQ_SIZE(threads + 1 + (size_t)i, thread_count());
  }
  gate_open(&g, MAX);
  for (int32_t i = 0; i < MAX; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, MAX);
  cf_executor_free(six);
  await_thread_count(threads);
  gate_close(&g);
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_threads_terminate. */
CF_TEST(threads_terminate) {
  CF_THREADS_ONLY(reason);
  gate g = gate_make();
  cf_executor *five = make_executor(5);
  size_t threads = thread_count();
  for (int32_t i = 0; i < 3; i++) cf_future_release(submit_gated(five, &g, i));
  gate_await(&g, 3);
  ASSERT_EQ_SIZE(threads + 3, thread_count());
  gate_open(&g, 3);
  ASSERT_OK(cf_executor_shutdown(five, true, false));
  await_thread_count(threads);
  cf_executor_free(five);
  gate_close(&g);
}

/* Two hundred workers at once, each of which really runs. */
CF_TEST(many_workers) {
  CF_THREADS_ONLY(reason);
  const size_t count = scaled(200);
  cf_future *fs[200];
  gate g = gate_make();
  size_t threads = thread_count();
  cf_executor *many = make_executor(count);
  for (size_t i = 0; i < count; i++) fs[i] = submit_gated(many, &g, (int32_t)i);
  gate_await(&g, count);
  ASSERT_EQ_SIZE(threads + count, thread_count());
  gate_open(&g, count);
  for (size_t i = 0; i < count; i++) ASSERT_VALUE((int32_t)i, fs[i]);
  cf_futures_release(fs, count);
  cf_executor_free(many);
  gate_close(&g);
}

static int32_t meeting_task(cf_task *task, void *arg, size_t arg_size) {
  int *here = *(int **)arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof here, arg_size);
  count_up(here);
  while (count_of(here) < 2) sched_yield();
  return 0;
}

/* Two that were submitted side by side may wait for each other by means of their own, whatever came
 * before them: a worker starts the oldest task there is, and keeps none for later. */
CF_TEST(neighbours_meet) {
  CF_THREADS_ONLY("the tasks meet in the memory of this process");
  enum { BETWEEN = 64 };
  const size_t pairs = scaled(500);
  int here[500] = { 0 };
  cf_executor *two = make_executor(2);
  for (size_t i = 0; i < pairs; i++) {
    int *place = &here[i];
    for (int32_t k = 0; k < BETWEEN; k++) cf_future_release(submit_value(two, k));
    for (int k = 0; k < 2; k++)
      ASSERT_OK(cf_executor_submit(two, meeting_task, &place, sizeof place, NULL));
  }
  ASSERT_OK(cf_executor_shutdown(two, true, false));
  for (size_t i = 0; i < pairs; i++) ASSERT_EQ_INT(2, here[i]);
  cf_executor_free(two);
}

/* ---------------------------------------------------------------- when a thread cannot start */

/* Leaves room for anything but another stack of these tests. */
static void leave_little_memory(void) {
  struct rlimit limit = { mapped_bytes() + ((size_t)64 << 20), RLIM_INFINITY };
  ASSERT(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Deviation: CPython's submit raises when no thread can start, but the task stays queued and runs
 * later. Here nothing has happened then, and the argument is freed. */
static void start_fails(void *unused) {
  int freed = 0;
  char place;
  cf_options *o = NULL;
  (void)unused;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 2));
  ASSERT_OK(cf_options_set_stack_size(o, (size_t)256 << 20));
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  leave_little_memory();
  for (int i = 1; i <= 3; i++) {
    cf_future *f = (cf_future *)(void *)&place;
    cf_status status = cf_executor_submit(executor, value_task, &i, sizeof i, &f);
    ASSERT(status == CF_OS_ERROR || status == CF_NO_MEMORY);
    ASSERT(f == NULL);
    f = (cf_future *)(void *)&place;
    status = cf_executor_submit_owned(executor, value_task, &freed, count_destroy, NULL, &f);
    ASSERT(status == CF_OS_ERROR || status == CF_NO_MEMORY);
    ASSERT(f == NULL);
    ASSERT_EQ_INT(i, freed);
  }
  cf_executor_free(executor); /* nothing is queued that it could wait for */
}

CF_TEST_PLAIN(submit_changes_nothing_when_no_worker_can_start) {
  CF_THREADS_ONLY(reason);
  CF_NOT_UNDER_VALGRIND("valgrind needs the memory that the test takes away");
  run_in_child(start_fails, NULL);
}

/* ... and when there is a worker already, it does the work of those that could not start. */
static void second_start_fails(void *unused) {
  enum { TASKS = 10 };
  cf_future *fs[TASKS];
  gate g = gate_make();
  cf_options *o = NULL;
  (void)unused;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 4));
  ASSERT_OK(cf_options_set_stack_size(o, (size_t)256 << 20));
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  fs[0] = submit_gated(executor, &g, 0);
  gate_await(&g, 1);
  size_t threads = thread_count();
  leave_little_memory();
  for (int32_t i = 1; i < TASKS; i++) fs[i] = submit_value(executor, i);
  ASSERT_EQ_SIZE(threads, thread_count());
  gate_open(&g, 1);
  for (int32_t i = 0; i < TASKS; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, TASKS);
  cf_executor_free(executor);
  gate_close(&g);
}

CF_TEST_PLAIN(submit_falls_back_on_the_workers_there_are) {
  CF_THREADS_ONLY(reason);
  CF_NOT_UNDER_VALGRIND("valgrind needs the memory that the test takes away");
  run_in_child(second_start_fails, NULL);
}
