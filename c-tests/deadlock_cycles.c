/*
 * Shows: cycles of waits that do not go from task to task alone: through callbacks, which count as
 * part of the thread that runs them, through the items of a map and the pieces of a loop.
 *
 * Cycles of plain tasks are in deadlock.c.
 */
#include "maps.h"
#include "tangle.h"

/* ---------------------------------------------------------------- callbacks */

struct relay {
  cf_executor *pool;
  cf_future *target;
  gate ended; /* the callback arrives when it has waited */
  cf_status status;
  int32_t value;
};

/* Submits to the pool whose worker runs this callback, and waits. */
static void submit_and_wait(cf_future *f, void *user_data) {
  struct relay *r = user_data;
  cf_future *child = submit_value(r->pool, 10 * value_of(f)); /* its own future is done */
  r->value = value_of(child);
  cf_future_release(child);
  gate_arrive(&r->ended, 1);
}

/* A callback may wait for a task that is queued behind the one worker that runs it. */
CF_TEST_PLAIN(callback_waits_for_a_queued_task) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  for (int kind = 0; kind < 3; kind++) {
    cf_executor *one = make_pool(1, kind != 2, kind == 1 ? 0 : 64);
    struct relay r = { one, NULL, gate_make(), CF_PANIC, 0 };
    gate g = gate_make();
    cf_future *f = submit_gated(one, &g, 7);
    ASSERT_OK(cf_future_add_done_callback(f, submit_and_wait, &r, NULL));
    gate_open(&g, 1);
    ASSERT_EQ_INT(1, gate_next(&r.ended));
    ASSERT_EQ_INT(70, r.value);
    cf_future_release(f);
    cf_executor_free(one);
    gate_close(&g);
    gate_close(&r.ended);
  }
}

/* Nobody else could run it, and this thread must not: then the callback is told. */
static void submit_and_be_told(cf_future *f, void *user_data) {
  struct relay *r = user_data;
  cf_future *child = submit_value(r->pool, value_of(f));
  r->status = cf_future_result(child, CF_FOREVER, NULL, NULL);
  cf_future_release(child);
  gate_arrive(&r->ended, 1);
}

CF_TEST_PLAIN(callback_in_a_starved_pool_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_pool(1, false, 0);
  struct relay r = { one, NULL, gate_make(), CF_PANIC, 0 };
  gate g = gate_make();
  cf_future *f = submit_gated(one, &g, 7);
  ASSERT_OK(cf_future_add_done_callback(f, submit_and_be_told, &r, NULL));
  gate_open(&g, 1);
  ASSERT_EQ_INT(1, gate_next(&r.ended));
  ASSERT_STATUS(CF_DEADLOCK, r.status);
  cf_future_release(f);
  cf_executor_free(one);
  gate_close(&g);
  gate_close(&r.ended);
}

static void wait_for_target(cf_future *f, void *user_data) {
  struct relay *r = user_data;
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  r->status = cf_future_result(r->target, CF_FOREVER, NULL, NULL);
  gate_arrive(&r->ended, 1);
}

/* Task 0 claims task 2 and runs its callback on its own stack; the callback waits for 1, and 1
 * waits for 0. Only the threads close this cycle: future 2, which has the callback, is done. */
CF_TEST_PLAIN(callback_closes_a_cycle) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, 0)), NO_WAITS };
  for (size_t round = 0; round < scaled(100); round++) {
    cf_executor *pool = make_pool(2, true, 0);
    tangle t;
    tangle_submit(&t, plans, 3, &pool, 1);
    tangle_await_started(&t, 2);
    struct relay r = { pool, t.futures[1], gate_make(), CF_PANIC, 0 };
    ASSERT_OK(cf_future_add_done_callback(t.futures[2], wait_for_target, &r, NULL));
    tangle_open(&t);
    ASSERT_EQ_INT(1, gate_next(&r.ended));
    int told = tangle_end(&t);
    cf_executor_free(pool);
    gate_close(&r.ended);
    ASSERT(r.status == CF_OK || r.status == CF_DEADLOCK);
    ASSERT_EQ_INT(1, told + (r.status == CF_DEADLOCK));
  }
}

/* ---------------------------------------------------------------- maps and loops */

struct ring {
  cf_executor *pool;
  cf_future *self; /* of the task that maps; written before the latch opens */
  gate latch;
  int told;    /* waits for `self` that were told */
  int refused; /* calls of the task that were told */
};

/* Waits for the task that waits for this item. */
static void wait_for_self(struct ring *r) {
  cf_status status = cf_future_result(r->self, CF_FOREVER, NULL, NULL);
  ASSERT(status == CF_OK || status == CF_DEADLOCK);
  if (status == CF_DEADLOCK) count_up(&r->told);
}

static int32_t item_waits_for_self(cf_task *task, void *arg, size_t arg_size) {
  struct ring *r = *(struct ring **)arg;
  ASSERT_EQ_SIZE(sizeof r, arg_size);
  wait_for_self(r);
  return cf_task_return(task, &(int32_t){ 1 }, sizeof(int32_t));
}

static int32_t piece_waits_for_self(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  for (size_t i = begin; i < end; i++) wait_for_self(ctx);
  return 0;
}

enum { ITEMS = 2 };

static cf_status map_in_ring(struct ring *r) {
  struct ring *const items[ITEMS] = { r, r };
  cf_map *map = map_with(r->pool, item_waits_for_self, items, sizeof *items, ITEMS, CF_FOREVER, 1);
  cf_item item;
  cf_status status;
  while ((status = cf_map_next(map, &item)) == CF_OK) ASSERT_OK(item.status);
  cf_map_free(map);
  return status == CF_END ? CF_OK : status;
}

static cf_status map_into_in_ring(struct ring *r) {
  struct ring *const items[ITEMS] = { r, r };
  int32_t out[ITEMS];
  cf_map_options *o = map_options(CF_FOREVER, 1);
  cf_status status = cf_executor_map_into(r->pool, item_waits_for_self, items, sizeof *items,
                                          ITEMS, o, out, sizeof *out, NULL, NULL);
  cf_map_options_free(o);
  return status;
}

static cf_status loop_in_ring(struct ring *r) {
  return cf_executor_for_range(r->pool, 0, ITEMS, 1, piece_waits_for_self, r, NULL);
}

struct link {
  struct ring *ring;
  cf_status (*call)(struct ring *r);
};

static int32_t close_ring(cf_task *task, void *arg, size_t arg_size) {
  const struct link *l = arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *l, arg_size);
  gate_pass(&l->ring->latch);
  cf_status status = l->call(l->ring);
  ASSERT(status == CF_OK || status == CF_DEADLOCK);
  if (status == CF_DEADLOCK) count_up(&l->ring->refused);
  return 0;
}

/* However the items spread over the caller and its workers: all ends, and somebody was told. A call
 * that was told may leave an item behind that still runs; freeing the pool waits for it. */
static void expect_ring_ends(cf_status (*call)(struct ring *r)) {
  for (size_t round = 0; round < scaled(150); round++) {
    cf_executor *pool = make_executor(1 + round % 3);
    struct ring r = { pool, NULL, gate_make(), 0, 0 };
    const struct link link = { &r, call };
    ASSERT_OK(cf_executor_submit(pool, close_ring, &link, sizeof link, &r.self));
    gate_open(&r.latch, 1);
    ASSERT_OK(cf_future_result(r.self, CF_FOREVER, NULL, NULL));
    cf_executor_free(pool);
    ASSERT(r.told + r.refused >= 1);
    cf_future_release(r.self);
    gate_close(&r.latch);
  }
}

CF_TEST_PLAIN(map_items_that_wait_for_the_mapping_task) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_ring_ends(map_in_ring);
}

/* The call may not return before its items have ended: here it is an item that is told. */
CF_TEST_PLAIN(map_into_items_that_wait_for_the_mapping_task) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_ring_ends(map_into_in_ring);
}

CF_TEST_PLAIN(loop_pieces_that_wait_for_the_looping_task) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_ring_ends(loop_in_ring);
}

/* ---------------------------------------------------------------- a queue that others may fill */

static int32_t take_one(cf_task *task, void *arg, size_t arg_size) {
  cf_completion_queue *q = *(cf_completion_queue **)arg;
  cf_future *f = NULL;
  void *tag = NULL;
  ASSERT_EQ_SIZE(sizeof q, arg_size);
  ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &f, &tag));
  const int32_t value = value_of(f);
  cf_future_release(f);
  return cf_task_return(task, &value, sizeof value);
}

/* A task that reads an open queue waits for whoever may add to it: that is no deadlock, though the
 * queue is empty and the task's worker the only one. */
CF_TEST_PLAIN(queue_that_is_open_is_no_deadlock) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_pool(1, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    cf_completion_queue *q = NULL;
    cf_future *reader = NULL, *f = pending_future();
    ASSERT_OK(cf_completion_queue_new(&q));
    ASSERT_OK(cf_executor_submit(one, take_one, &q, sizeof q, &reader));
    ASSERT_STATUS(CF_TIMEOUT, cf_future_result(reader, CF_SHORT, NULL, NULL));
    ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
    finish(f, 9);
    ASSERT_VALUE(9, reader);
    cf_future_release(reader);
    cf_future_release(f);
    cf_completion_queue_free(q);
  }
  cf_executor_free(one);
}

struct own_queue {
  cf_completion_queue *queue;
  gate g;
};

static int32_t take_itself(cf_task *task, void *arg, size_t arg_size) {
  struct own_queue *own = arg;
  cf_future *f = NULL;
  ASSERT_EQ_SIZE(sizeof *own, arg_size);
  gate_pass(&own->g);
  const int32_t status = cf_completion_queue_next(own->queue, CF_FOREVER, &f, NULL);
  return cf_task_return(task, &status, sizeof status);
}

/* What is pending in the queue decides: here it is the very task that waits. That somebody could
 * add another future is no reason to wait on. */
CF_TEST_PLAIN(queue_of_nothing_but_dead_futures_is_a_deadlock) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_pool(1, false, 0);
  struct own_queue own = { NULL, gate_make() };
  cf_future *reader = NULL, *taken = NULL;
  ASSERT_OK(cf_completion_queue_new(&own.queue));
  ASSERT_OK(cf_executor_submit(one, take_itself, &own, sizeof own, &reader));
  ASSERT_OK(cf_completion_queue_add(own.queue, reader, NULL, NULL));
  gate_open(&own.g, 1);
  ASSERT_VALUE(CF_DEADLOCK, reader);
  ASSERT_OK(cf_completion_queue_next(own.queue, CF_FOREVER, &taken, NULL));
  ASSERT_EQ_PTR(reader, taken);
  cf_future_release(taken);
  cf_future_release(reader);
  cf_completion_queue_free(own.queue);
  cf_executor_free(one);
  gate_close(&own.g);
}
