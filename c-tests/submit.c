/*
 * Shows: the three ways to submit a task, the order in which tasks start, and that an argument
 * given away is freed exactly once on every path. Refused submits are also in shutdown.c (after
 * shutdown), initializer.c (broken pool), workers.c (no thread) and misuse.c (arguments).
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- submit */

struct power {
  int32_t base, exponent;
};

static int32_t power_task(cf_task *task, void *arg, size_t arg_size) {
  const struct power *power = arg;
  int32_t result = 1;
  ASSERT_EQ_SIZE(sizeof *power, arg_size);
  for (int32_t i = 0; i < power->exponent; i++) result *= power->base;
  return cf_task_return(task, &result, sizeof result);
}

/* CPython: executor.py, ExecutorTest.test_submit. */
CF_TEST(submit) {
  const struct power power = { 2, 8 };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, power_task, &power, sizeof power, &f));
  ASSERT_VALUE(256, f);
  cf_future_release(f);
}

/* Tasks start in the order of submission, whichever way they were submitted. */
CF_TEST(start_order_is_first_in_first_out) {
  enum { TASKS = 200 };
  cf_executor *one = make_executor(1);
  gate g = gate_make(), marks = gate_make();
  cf_future_release(submit_gated(one, &g, 0));
  gate_await(&g, 1);
  for (int32_t i = 0; i < TASKS; i++) cf_future_release(submit_marked(one, &marks, i));
  gate_open(&g, 1);
  for (int32_t i = 0; i < TASKS; i++) ASSERT_EQ_INT(i, gate_next(&marks));
  cf_executor_free(one);
  gate_close(&g);
  gate_close(&marks);
}

/* The queue has no bound: submit never waits for a worker. */
CF_TEST(many_pending_tasks) {
  const size_t count = scaled(100000);
  cf_future **fs = malloc(count * sizeof *fs);
  ASSERT(fs != NULL);
  gate g = gate_make();
  cf_future *held[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  for (size_t i = 0; i < count; i++) fs[i] = submit_value(ex, (int32_t)i);
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(fs[0]));
  gate_open(&g, 2);
  for (size_t i = 0; i < count; i++) ASSERT_VALUE((int32_t)i, fs[i]);
  cf_futures_release(fs, count);
  cf_futures_release(held, 2);
  free(fs);
  gate_close(&g);
}

/* Without a place for the future nobody hears of the result, but the task runs. */
CF_TEST(fire_and_forget) {
  const struct power power = { 3, 3 };
  gate marks = gate_make();
  for (int32_t i = 0; i < 20; i++) {
    ASSERT_OK(cf_executor_submit(ex, power_task, &power, sizeof power, NULL));
    cf_future_release(submit_marked(ex, &marks, i));
  }
  gate_await(&marks, 20);
  gate_close(&marks);
}

struct link {
  cf_executor *executor;
  gate marks;
  int32_t rest;
};

/* Submits the next link to the pool that runs it. */
static int32_t chain_task(cf_task *task, void *arg, size_t arg_size) {
  struct link next = *(struct link *)arg;
  ASSERT_EQ_SIZE(sizeof next, arg_size);
  if (--next.rest == 0)
    gate_arrive(&next.marks, 200);
  else
    ASSERT_OK(cf_executor_submit(next.executor, chain_task, &next, sizeof next, NULL));
  return cf_task_return(task, NULL, 0);
}

CF_TEST(a_task_may_submit_to_its_own_pool) {
  CF_THREADS_ONLY("executor handles are of no use in another process");
  struct link first;
  memset(&first, 0, sizeof first);
  first.executor = ex;
  first.marks = gate_make();
  first.rest = 1000;
  ASSERT_OK(cf_executor_submit(ex, chain_task, &first, sizeof first, NULL));
  ASSERT_EQ_INT(200, gate_next(&first.marks));
  gate_close(&first.marks);
}

/* ---------------------------------------------------------------- *out before the task starts */

struct self {
  cf_future *future; /* written by submit */
  bool seen;
};

static int32_t self_task(cf_task *task, void *arg, size_t arg_size) {
  struct self *self = arg;
  ASSERT_EQ_SIZE(0, arg_size); /* of an argument given away the size is not known */
  ASSERT(self->future != NULL);
  self->seen = cf_future_running(self->future);
  return cf_task_return(task, NULL, 0);
}

CF_TEST(a_task_finds_its_own_future) {
  CF_THREADS_ONLY("shares the test's memory");
  for (size_t i = 0; i < scaled(2000); i++) {
    struct self self = { NULL, false };
    ASSERT_OK(cf_executor_submit_owned(ex, self_task, &self, NULL, NULL, &self.future));
    ASSERT_OK(cf_future_result(self.future, CF_FOREVER, NULL, NULL));
    ASSERT(self.seen);
    cf_future_release(self.future);
  }
}

static int32_t sibling_task(cf_task *task, void *arg, size_t arg_size) {
  cf_future **out;
  ASSERT_EQ_SIZE(sizeof out, arg_size);
  memcpy(&out, arg, sizeof out);
  bool seen = cf_future_running(out[cf_task_index(task)]);
  return cf_task_return(task, &seen, sizeof seen);
}

CF_TEST(tasks_submitted_together_find_their_futures) {
  CF_THREADS_ONLY("shares the test's memory");
  enum { TASKS = 50 };
  for (size_t round = 0; round < scaled(100); round++) {
    cf_future *fs[TASKS], **args[TASKS];
    memset(fs, 0, sizeof fs);
    for (int i = 0; i < TASKS; i++) args[i] = fs;
    ASSERT_OK(cf_executor_submit_many(ex, sibling_task, args, sizeof args[0], TASKS, fs, NULL));
    for (int i = 0; i < TASKS; i++) {
      bool seen = false;
      ASSERT_OK(cf_future_result_into(fs[i], CF_FOREVER, &seen, sizeof seen));
      ASSERT(seen);
    }
    cf_futures_release(fs, TASKS);
  }
}

/* ---------------------------------------------------------------- submit_owned */

static const char owned_reason[] = "a pointer means nothing to another process";

struct owned {
  gate g; /* where the free hook arrives */
  int32_t value;
  int frees;
};

static void free_owned(void *arg) {
  struct owned *owned = arg;
  owned->frees++;
  gate_arrive(&owned->g, 0);
}

static int32_t owned_task(cf_task *task, void *arg, size_t arg_size) {
  struct owned *owned = arg;
  ASSERT_EQ_SIZE(0, arg_size);
  ASSERT_EQ_INT(0, owned->frees);
  return cf_task_return(task, &owned->value, sizeof owned->value);
}

static cf_future *submit_owned(struct owned *owned) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(ex, owned_task, owned, free_owned, NULL, &f));
  return f;
}

/* CPython: executor.py, ExecutorTest.test_no_stale_references. The object goes soon after the task
 * although nobody asks for the result and no other task follows. */
CF_TEST(no_stale_references) {
  CF_THREADS_ONLY(owned_reason);
  struct owned owned = { gate_make(), 1, 0 };
  cf_future_release(submit_owned(&owned));
  gate_await(&owned.g, 1);
  ASSERT_EQ_INT(1, owned.frees);
  gate_close(&owned.g);
}

/* The argument is dropped before the result is published: who has the result may count on it. */
CF_TEST(an_owned_argument_is_freed_before_its_result_is_seen) {
  CF_THREADS_ONLY(owned_reason);
  for (int32_t i = 0; i < 50; i++) {
    struct owned owned = { gate_make(), i, 0 };
    cf_future *f = submit_owned(&owned);
    ASSERT_VALUE(i, f);
    ASSERT_EQ_INT(1, owned.frees);
    cf_future_release(f);
    ASSERT_EQ_INT(1, owned.frees);
    gate_close(&owned.g);
  }
}

static int32_t failing_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  return cf_task_fail(task, 3, "three");
}

CF_TEST(an_owned_argument_of_a_failing_task_is_freed) {
  CF_THREADS_ONLY(owned_reason);
  int freed = 0;
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(ex, failing_task, &freed, count_destroy, NULL, &f));
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(1, freed);
  cf_future_release(f);
}

/* Cancelling frees the argument here, before the call returns. */
CF_TEST(an_owned_argument_of_a_cancelled_task_is_freed) {
  CF_THREADS_ONLY(owned_reason);
  gate g = gate_make();
  cf_future *held[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  struct owned cancelled = { g, 1, 0 }, swept = { g, 2, 0 };
  cf_future *fs[] = { submit_owned(&cancelled), submit_owned(&swept) };
  ASSERT(cf_future_cancel(fs[0]));
  ASSERT_EQ_INT(1, cancelled.frees);
  ASSERT(cf_future_cancel(fs[0]));
  ASSERT_OK(cf_executor_shutdown(ex, false, true));
  ASSERT(cf_future_cancelled(fs[1]));
  ASSERT_EQ_INT(1, swept.frees);
  gate_open(&g, 2);
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
  cf_futures_release(fs, 2);
  cf_futures_release(held, 2);
  ASSERT_EQ_INT(1, cancelled.frees);
  ASSERT_EQ_INT(1, swept.frees);
  gate_close(&g);
}

CF_TEST(an_owned_argument_is_freed_when_submit_fails) {
  int freed = 0;
  char place;
  cf_future *f = (cf_future *)(void *)&place;
  const cf_submit_options *none = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_owned(ex, NULL, &freed, count_destroy, none, &f));
  ASSERT(f == NULL);
  ASSERT_EQ_INT(1, freed);
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_submit_owned(NULL, owned_task, &freed, count_destroy, none, NULL));
  ASSERT_EQ_INT(2, freed);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  cf_status status = cf_executor_submit_owned(ex, owned_task, &freed, count_destroy, none, NULL);
  ASSERT_STATUS(check_is_threads() ? CF_SHUTDOWN : CF_UNSUPPORTED, status);
  ASSERT_EQ_INT(3, freed);
}

CF_TEST(an_owned_argument_may_need_no_free) {
  CF_THREADS_ONLY(owned_reason);
  struct owned owned = { gate_make(), 5, 0 };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(ex, owned_task, &owned, NULL, NULL, &f));
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  gate_close(&owned.g);
}

/* ---------------------------------------------------------------- submit_many */

static int32_t indexed_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t value = -1;
  if (arg_size == sizeof value) memcpy(&value, arg, sizeof value);
  value += (int32_t)(1000 * cf_task_index(task));
  return cf_task_return(task, &value, sizeof value);
}

CF_TEST(submit_many) {
  enum { TASKS = 300 };
  int32_t args[TASKS];
  cf_future *fs[TASKS];
  size_t submitted = 0;
  for (int32_t i = 0; i < TASKS; i++) args[i] = 7 * i;
  ASSERT_OK(cf_executor_submit_many(ex, indexed_task, args, sizeof args[0], TASKS, fs, &submitted));
  ASSERT_EQ_SIZE(TASKS, submitted);
  memset(args, 0, sizeof args); /* they were copied */
  for (int32_t i = 0; i < TASKS; i++) ASSERT_VALUE(1007 * i, fs[i]);
  cf_futures_release(fs, TASKS);
}

CF_TEST(submit_many_with_big_arguments) {
  enum { TASKS = 20, SIZE = 1000 };
  static unsigned char args[TASKS][SIZE];
  cf_future *fs[TASKS];
  for (int i = 0; i < TASKS; i++) memset(args[i], i + 1, SIZE);
  ASSERT_OK(cf_executor_submit_many(ex, value_task, args, SIZE, TASKS, fs, NULL));
  for (int i = 0; i < TASKS; i++) {
    const void *data = NULL;
    size_t size = 0;
    ASSERT_OK(cf_future_result(fs[i], CF_FOREVER, &data, &size));
    ASSERT_EQ_SIZE(SIZE, size);
    ASSERT(memcmp(args[i], data, SIZE) == 0);
  }
  cf_futures_release(fs, TASKS);
}

CF_TEST(submit_many_without_arguments) {
  cf_future *fs[5];
  ASSERT_OK(cf_executor_submit_many(ex, indexed_task, NULL, 0, 5, fs, NULL));
  for (int32_t i = 0; i < 5; i++) ASSERT_VALUE(1000 * i - 1, fs[i]);
  cf_futures_release(fs, 5);
}

CF_TEST(submit_many_of_nothing) {
  size_t submitted = 77;
  const int32_t unused = 0;
  ASSERT_OK(cf_executor_submit_many(ex, indexed_task, NULL, 4, 0, NULL, &submitted));
  ASSERT_EQ_SIZE(0, submitted);
  ASSERT_OK(cf_executor_submit_many(ex, indexed_task, &unused, 4, 0, NULL, NULL));
}

CF_TEST(submit_many_and_forget) {
  gate marks = gate_make();
  const int32_t args[3] = { 1, 2, 3 };
  size_t submitted = 0;
  cf_executor *one = make_executor(1);
  ASSERT_OK(cf_executor_submit_many(one, value_task, args, 4, 3, NULL, &submitted));
  ASSERT_EQ_SIZE(3, submitted);
  cf_future_release(submit_marked(one, &marks, 9)); /* first in, first out: after the others */
  ASSERT_EQ_INT(9, gate_next(&marks));
  cf_executor_free(one);
  gate_close(&marks);
}
