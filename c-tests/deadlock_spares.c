/*
 * Shows: spare workers. Where a task that waits cannot claim what it waits for (a wait with a
 * timeout, claiming switched off, a future that another one runs or that is completed by hand), a
 * spare stands in for its worker, up to max_spares at a time.
 *
 * Too little stack as the reason is in deadlock_deep.c; the limits of one pool are exact here.
 */
#include "tangle.h"

/* ---------------------------------------------------------------- a spare runs what is queued */

struct scene {
  cf_executor *pool;
  gate g;
  cf_future *by_hand;
  cf_future *child;
  int64_t timeout;
  int32_t thread;
};

/* Submits a child that is held at the gate, and waits for it. */
static int32_t wait_for_a_child(cf_task *task, void *arg, size_t arg_size) {
  struct scene *s = *(struct scene **)arg;
  ASSERT_EQ_SIZE(sizeof s, arg_size);
  s->child = submit_gated(s->pool, &s->g, 5);
  cf_status status = cf_future_result(s->child, s->timeout, NULL, NULL);
  return status == CF_OK ? 0 : cf_task_fail(task, status, "the child is late");
}

static int32_t wait_by_hand(cf_task *task, void *arg, size_t arg_size) {
  struct scene *s = *(struct scene **)arg;
  ASSERT_EQ_SIZE(sizeof s, arg_size);
  __atomic_store_n(&s->thread, thread_id(), __ATOMIC_SEQ_CST);
  gate_arrive(&s->g, 1);
  cf_status status = cf_future_result(s->by_hand, s->timeout, NULL, NULL);
  return status == CF_OK ? 0 : cf_task_fail(task, status, "nobody lent a hand");
}

static cf_future *submit_scene(struct scene *s, cf_task_fn fn) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(s->pool, fn, &s, sizeof s, &f));
  return f;
}

/* The child of a task that waits with a timeout starts while its parent holds the only worker. */
CF_TEST_PLAIN(spare_runs_the_child_of_a_timed_wait) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const bool inline_wait[] = { true, false };
  for (size_t i = 0; i < LENGTH(inline_wait); i++) {
    struct scene s = { make_pool(1, inline_wait[i], 1), gate_make(), NULL, NULL, CF_LONG, 0 };
    cf_future *parent = submit_scene(&s, wait_for_a_child);
    ASSERT_EQ_INT(5, gate_next(&s.g));
    ASSERT(cf_future_running(parent));
    gate_open(&s.g, 1);
    ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
    cf_future_release(parent);
    cf_future_release(s.child);
    cf_executor_free(s.pool);
    gate_close(&s.g);
  }
}

/* A timed wait that ends first leaves the child to the spare. */
CF_TEST_PLAIN(spare_goes_on_when_the_wait_times_out) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  struct scene s = { make_pool(1, true, 1), gate_make(), NULL, NULL, CF_SHORT, 0 };
  cf_future *parent = submit_scene(&s, wait_for_a_child);
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(parent, CF_FOREVER, NULL, NULL));
  ASSERT_STATUS(CF_TIMEOUT, cf_error_code(cf_future_error(parent)));
  ASSERT(!cf_future_done(s.child));
  gate_open(&s.g, 1);
  ASSERT_VALUE(5, s.child);
  cf_future_release(parent);
  cf_future_release(s.child);
  cf_executor_free(s.pool);
  gate_close(&s.g);
}

/* Without spares a timed wait runs out: no claim and no deadlock. Then the child has its turn. */
CF_TEST_PLAIN(spare_none_lets_a_timed_wait_run_out) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  struct scene s = { make_pool(1, true, 0), gate_make(), NULL, NULL, CF_SHORT, 0 };
  gate_open(&s.g, 1);
  cf_future *parent = submit_scene(&s, wait_for_a_child);
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(parent, CF_FOREVER, NULL, NULL));
  ASSERT_STATUS(CF_TIMEOUT, cf_error_code(cf_future_error(parent)));
  ASSERT_VALUE(5, s.child);
  cf_future_release(parent);
  cf_future_release(s.child);
  cf_executor_free(s.pool);
  gate_close(&s.g);
}

/* Whoever waits for a future by hand, with a timeout or without, does not stop the queue. */
CF_TEST_PLAIN(spare_runs_the_queue_behind_a_wait_by_hand) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const int64_t timeouts[] = { CF_LONG, CF_FOREVER };
  for (size_t i = 0; i < LENGTH(timeouts); i++) {
    struct scene s = { make_pool(1, true, 1), gate_make(), pending_future(), NULL, timeouts[i], 0 };
    cf_future *parent = submit_scene(&s, wait_by_hand);
    ASSERT_EQ_INT(1, gate_next(&s.g));
    await_asleep(__atomic_load_n(&s.thread, __ATOMIC_SEQ_CST));
    cf_future *other = submit_marked(s.pool, &s.g, 2);
    ASSERT_EQ_INT(2, gate_next(&s.g));
    ASSERT(cf_future_running(parent));
    finish(s.by_hand, 1);
    ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
    cf_future_release(parent);
    cf_future_release(other);
    cf_future_release(s.by_hand);
    cf_executor_free(s.pool);
    gate_close(&s.g);
  }
}

static int32_t lend_a_hand(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  ASSERT_EQ_SIZE(sizeof(cf_future *), arg_size);
  finish(*(cf_future **)arg, 1);
  return 0;
}

/* The future by hand is completed by a task that is queued behind the one that waits for it. */
CF_TEST_PLAIN(spare_runs_the_task_that_completes_a_future_by_hand) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  struct scene s = { make_pool(1, true, 1), gate_make(), pending_future(), NULL, CF_FOREVER, 0 };
  cf_future *parent = submit_scene(&s, wait_by_hand);
  ASSERT_EQ_INT(1, gate_next(&s.g));
  await_asleep(__atomic_load_n(&s.thread, __ATOMIC_SEQ_CST));
  ASSERT_OK(cf_executor_submit(s.pool, lend_a_hand, &s.by_hand, sizeof s.by_hand, NULL));
  ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
  cf_future_release(parent);
  cf_executor_free(s.pool); /* the helping task has let go of the future */
  cf_future_release(s.by_hand);
  gate_close(&s.g);
}

struct waiter {
  cf_future *awaited;
  gate g;
};

static int32_t wait_for_another(cf_task *task, void *arg, size_t arg_size) {
  const struct waiter *w = arg;
  ASSERT_EQ_SIZE(sizeof *w, arg_size);
  gate_arrive(&w->g, 2);
  const int32_t value = value_of(w->awaited);
  return cf_task_return(task, &value, sizeof value);
}

/* Who waits for a task that another worker runs cannot claim it: a spare takes what is queued. */
CF_TEST_PLAIN(spare_stands_in_while_another_worker_runs_the_awaited_task) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *pool = make_pool(2, true, 1);
  gate g = gate_make(), held = gate_make();
  cf_future *first = submit_gated(pool, &held, 1), *second = NULL;
  ASSERT_EQ_INT(1, gate_next(&held));
  const struct waiter w = { first, g };
  ASSERT_OK(cf_executor_submit(pool, wait_for_another, &w, sizeof w, &second));
  ASSERT_EQ_INT(2, gate_next(&g));
  cf_future *third = submit_marked(pool, &g, 3);
  ASSERT_EQ_INT(3, gate_next(&g)); /* both workers are taken */
  ASSERT(!cf_future_done(first) && !cf_future_done(second));
  gate_open(&held, 1);
  ASSERT_VALUE(1, second);
  cf_future_release(first);
  cf_future_release(second);
  cf_future_release(third);
  cf_executor_free(pool);
  gate_close(&g);
  gate_close(&held);
}

/* ---------------------------------------------------------------- how many */

/* Each task waits for the one behind it; without claiming, each needs a thread of its own. */
static void plan_chain(task_plan *plans, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const task_plan link = WAITS(ON(RESULT, (int)i + 1)), last = NO_WAITS;
    plans[i] = i + 1 < n ? link : last;
  }
}

/* As many as max_workers + max_spares threads, and not one more: the task that would need another
 * one is told so, and with its end the rest goes on. */
CF_TEST_PLAIN(spares_are_as_many_as_allowed) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  task_plan plans[MOST_TASKS];
  tangle t;
  for (size_t workers = 1; workers <= 3; workers++)
    for (size_t spares = 0; spares <= 4; spares++) {
      cf_executor *pool = make_pool(workers, false, spares);
      for (size_t round = 0; round < scaled(30); round++) {
        size_t enough = workers + spares;
        plan_chain(plans, enough);
        ASSERT_EQ_INT(0, tangle_run(&t, &pool, 1, plans, enough, workers));
        plan_chain(plans, enough + 1);
        ASSERT_EQ_INT(1, tangle_run(&t, &pool, 1, plans, enough + 1, workers));
      }
      cf_executor_free(pool);
    }
}

/* With claiming none is needed. */
CF_TEST_PLAIN(spares_are_not_needed_where_a_task_can_be_claimed) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  task_plan plans[MOST_TASKS];
  tangle t;
  plan_chain(plans, MOST_TASKS);
  for (size_t workers = 1; workers <= 3; workers++) {
    cf_executor *pool = make_pool(workers, true, 0);
    for (size_t round = 0; round < scaled(100); round++)
      ASSERT_EQ_INT(0, tangle_run(&t, &pool, 1, plans, MOST_TASKS, workers));
    cf_executor_free(pool);
  }
}

/* ---------------------------------------------------------------- timed waits and cycles */

/* A timed wait ends by itself: a cycle through one is no deadlock, nobody is told of one. */
CF_TEST_PLAIN(spare_timed_wait_in_a_cycle_is_no_deadlock) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(TIMED, 1)), WAITS(ON(RESULT, 2)), WAITS(ON(ALL, 0)) };
  const struct {
    bool inline_wait;
    size_t spares;
  } pools[] = { { true, 64 }, { true, 0 }, { false, 0 } };
  for (size_t i = 0; i < LENGTH(pools); i++) {
    cf_executor *pool = make_pool(3, pools[i].inline_wait, pools[i].spares);
    tangle t;
    ASSERT_EQ_INT(0, tangle_run(&t, &pool, 1, plans, 3, 3));
    ASSERT_EQ_INT(1, count_of(&t.timeouts));
    cf_executor_free(pool);
  }
}

/* A task that waits for itself with a timeout only loses its time. */
CF_TEST_PLAIN(spare_timed_wait_for_itself_times_out) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(TIMED, 0)) };
  cf_executor *pool = make_pool(1, true, 64);
  tangle t;
  ASSERT_EQ_INT(0, tangle_run(&t, &pool, 1, plans, 1, 1));
  ASSERT_EQ_INT(1, count_of(&t.timeouts));
  cf_executor_free(pool);
}
