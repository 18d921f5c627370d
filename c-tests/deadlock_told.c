/*
 * Shows: circles in which the one who closes them is not the one who is told. cf_executor_map_into may not return
 * before its items have ended, so its wait cannot give up: another wait of the circle, whose thread is asleep by then,
 * ends with CF_DEADLOCK in its place, whatever it waits in; and nobody else is told.
 *
 * The order is the same each time. A task maps two items over its own pool of two workers. The other worker runs
 * one, the sleeper, which waits for the task; the task runs the other one itself, which returns once the sleeper is
 * asleep. Only then does the task begin to wait for the sleeper.
 */
#include "maps.h"
#include "tangle.h"

#include <sched.h>

enum { ITEMS = 2 };

struct told {
  cf_executor *pool;
  cf_future *task;                   /* written before the latch opens */
  cf_status (*wait)(struct told *t); /* of the sleeper, for the task */
  gate latch;
  int32_t mapper;       /* the task's thread */
  int32_t sleeper;      /* the other one's; 0 until it runs */
  cf_status outcome;    /* of the sleeper's wait */
  cf_status map_status; /* of the task's call */
  cf_executor *other;   /* a pool whose task waits for the task, for a wait for its end */
  int32_t guest;        /* the thread of that task */
};

static int32_t item_of_a_circle(cf_task *task, void *arg, size_t arg_size) {
  struct told *t = *(struct told **)arg;
  ASSERT_EQ_SIZE(sizeof t, arg_size);
  if (thread_id() == t->mapper) {
    int32_t sleeper;
    while ((sleeper = __atomic_load_n(&t->sleeper, __ATOMIC_SEQ_CST)) == 0) sched_yield();
    await_asleep(sleeper);
  } else {
    __atomic_store_n(&t->sleeper, thread_id(), __ATOMIC_SEQ_CST);
    t->outcome = t->wait(t);
  }
  return cf_task_return(task, &(int32_t){ 1 }, sizeof(int32_t));
}

static int32_t mapping_task(cf_task *task, void *arg, size_t arg_size) {
  struct told *t = *(struct told **)arg;
  struct told *const items[ITEMS] = { t, t };
  int32_t out[ITEMS] = { 0, 0 };
  ASSERT_EQ_SIZE(sizeof t, arg_size);
  gate_pass(&t->latch);
  t->mapper = thread_id();
  cf_map_options *o = map_options(CF_FOREVER, 1);
  t->map_status = cf_executor_map_into(t->pool, item_of_a_circle, items, sizeof *items, ITEMS, o,
                                       out, sizeof *out, NULL, NULL);
  cf_map_options_free(o);
  for (int i = 0; i < ITEMS; i++) ASSERT_EQ_INT(1, out[i]);
  return cf_task_return(task, &(int32_t){ 7 }, sizeof(int32_t));
}

/* ---------------------------------------------------------------- the sleeper's waits */

static cf_status by_result(struct told *t) {
  return cf_future_result(t->task, CF_FOREVER, NULL, NULL);
}

static cf_status by_wait_for_all(struct told *t) {
  return cf_wait(&t->task, 1, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL);
}

static cf_status by_wait_for_the_first(struct told *t) {
  return cf_wait(&t->task, 1, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL);
}

static cf_status by_wait_for_an_exception(struct told *t) {
  return cf_wait(&t->task, 1, CF_FOREVER, CF_FIRST_EXCEPTION, NULL, NULL);
}

static cf_status by_completions(struct told *t) {
  return tangle_each(&t->task, 1);
}

static cf_status by_queue(struct told *t) {
  cf_completion_queue *q = NULL;
  cf_future *f = NULL;
  ASSERT_OK(cf_completion_queue_new(&q));
  ASSERT_OK(cf_completion_queue_add(q, t->task, NULL, NULL));
  cf_status status = cf_completion_queue_next(q, CF_FOREVER, &f, NULL);
  cf_future_release(f);
  cf_completion_queue_free(q);
  return status;
}

static int32_t wait_in_the_other_pool(cf_task *task, void *arg, size_t arg_size) {
  struct told *t = *(struct told **)arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof t, arg_size);
  __atomic_store_n(&t->guest, thread_id(), __ATOMIC_SEQ_CST);
  ASSERT_VALUE(7, t->task);
  return 0;
}

/* Of another pool, whose task waits for the task too: that one is not told, as it need not be. */
static cf_status by_join(struct told *t) {
  cf_future *f = NULL;
  int32_t guest;
  ASSERT_OK(cf_executor_submit(t->other, wait_in_the_other_pool, &t, sizeof t, &f));
  while ((guest = __atomic_load_n(&t->guest, __ATOMIC_SEQ_CST)) == 0) sched_yield();
  await_asleep(guest);
  ASSERT_OK(cf_executor_shutdown(t->other, false, false));
  cf_status status = cf_executor_join(t->other, CF_FOREVER);
  cf_future_release(f);
  return status;
}

/* ---------------------------------------------------------------- */

static void expect_sleeper_is_told(cf_status (*wait)(struct told *t)) {
  for (size_t round = 0; round < scaled(40); round++) {
    struct told t = { make_pool(2, true, 0),  NULL, wait, gate_make(), 0, 0, CF_PANIC, CF_PANIC,
                      make_pool(1, false, 0), 0 };
    struct told *const arg = &t;
    ASSERT_OK(cf_executor_submit(t.pool, mapping_task, &arg, sizeof arg, &t.task));
    gate_open(&t.latch, 1);
    ASSERT_VALUE(7, t.task);
    ASSERT_STATUS(CF_DEADLOCK, t.outcome);
    ASSERT_OK(t.map_status);
    cf_executor_free(t.pool);
    cf_executor_free(t.other);
    cf_future_release(t.task); /* nobody waits for it any more */
    gate_close(&t.latch);
  }
}

CF_TEST_PLAIN(a_sleeper_in_result_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_sleeper_is_told(by_result);
}

CF_TEST_PLAIN(a_sleeper_in_a_wait_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_sleeper_is_told(by_wait_for_all);
  expect_sleeper_is_told(by_wait_for_the_first);
  expect_sleeper_is_told(by_wait_for_an_exception);
}

CF_TEST_PLAIN(a_sleeper_in_as_completed_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_sleeper_is_told(by_completions);
}

CF_TEST_PLAIN(a_sleeper_at_a_queue_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_sleeper_is_told(by_queue);
}

CF_TEST_PLAIN(a_sleeper_that_joins_a_pool_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_sleeper_is_told(by_join);
}
