/*
 * Shows: how a map ends early: freed by its user, cancelled or shut down by others, its executor
 * gone; and that one thread reads a map at a time.
 *
 * Deviation: freeing a map always cancels what has not started. In CPython closing the iterator
 * does so only when it has been started (#136578).
 */
#define _POSIX_C_SOURCE 200809L
#include "maps.h"

#include <sched.h>

/* ---------------------------------------------------------------- freed early */

/* CPython 3.16: executor.py, ExecutorTest.test_map_close: an explicit close ends the map. Here the
 * step before it has been made, and what has not started never starts. */
CF_TEST(map_close) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct gated items[5];
  gate_items(items, 5, &g, 1);
  cf_map *map = map_with(one, gated_task, items, sizeof *items, 5, CF_FOREVER, 1);
  gate_await(&g, 2);
  expect_item(map, 0, 0);
  cf_map_free(map); /* item 1 runs: neither awaited nor stopped */
  gate_open(&g, 5);
  cf_executor_free(one);
  ASSERT(gate_quiet(&g));
  gate_close(&g);
}

/* Deviation: also when no step was made. */
CF_TEST(map_freed_without_a_step_cancels_what_has_not_started) {
  for (size_t chunk_size = 0; chunk_size <= 5; chunk_size++) {
    cf_executor *one = make_executor(1);
    gate g = gate_make();
    struct gated items[5];
    gate_items(items, 5, &g, 5);
    cf_future *busy = occupy(one, &g);
    cf_map *map = map_with(one, gated_task, items, sizeof *items, 5, CF_FOREVER, chunk_size);
    cf_map_free(map);
    gate_open(&g, 1);
    cf_executor_free(one);
    ASSERT(gate_quiet(&g));
    ASSERT_VALUE(255, busy);
    cf_future_release(busy);
    gate_close(&g);
  }
}

/* A chunk that has begun ends with the item that runs. */
CF_TEST(map_freed_cancels_the_rest_of_a_chunk) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct gated items[5];
  gate_items(items, 5, &g, 0);
  cf_map *map = map_with(one, gated_task, items, sizeof *items, 5, CF_FOREVER, 5);
  ASSERT_EQ_INT(0, gate_next(&g));
  cf_map_free(map);
  gate_open(&g, 5);
  cf_executor_free(one);
  ASSERT(gate_quiet(&g));
  gate_close(&g);
}

static int32_t arrive_twice(cf_task *task, void *arg, size_t arg_size) {
  const struct gated *item = arg;
  const gate g = item->g;
  ASSERT_EQ_SIZE(sizeof *item, arg_size);
  gate_arrive(&g, item->value);
  gate_pass(&g);
  gate_arrive(&g, item->value * 2); /* the argument is still there */
  return cf_task_return(task, arg, arg_size);
}

/* An item that runs when its map is freed keeps its argument and may return its result. */
CF_TEST(map_freed_under_a_running_item) {
  gate g = gate_make();
  struct gated items[2];
  gate_items(items, 2, &g, 0);
  items[0].value = 20;
  items[1].value = 40;
  cf_map *map = map_with(ex, arrive_twice, items, sizeof *items, 2, CF_FOREVER, 1);
  gate_await(&g, 2);
  cf_map_free(map);
  gate_open(&g, 2);
  ASSERT_EQ_INT(40 + 80, gate_next(&g) + gate_next(&g));
  cf_executor_free(ex);
  ex = NULL;
  gate_close(&g);
}

/* Results that nobody took are dropped with the map. */
CF_TEST(map_freed_drops_what_was_not_taken) {
  const int32_t items[] = { 2, 3, 4, 5, 6, 7, 8, 9 };
  for (size_t steps = 0; steps <= 8; steps++) {
    cf_map *map = map_with(ex, even_task, items, sizeof *items, 8, CF_FOREVER, steps);
    for (size_t i = 0; i < steps; i++) {
      cf_item item;
      ASSERT_OK(cf_map_next(map, &item));
      ASSERT_EQ_SIZE(i, item.index);
    }
    cf_map_free(map);
  }
}

static int32_t object_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int *), arg_size);
  return cf_task_return_owned(task, *(int **)arg, count_destroy);
}

/* Objects that items returned are destroyed exactly once, taken or not, in every chunk size. */
CF_TEST(map_destroys_the_objects_of_its_items) {
  CF_THREADS_ONLY("objects that a task returns live in this process");
  for (size_t chunk_size = 0; chunk_size <= 6; chunk_size += 3)
    for (size_t steps = 0; steps <= 10; steps += 5) {
      int destroyed[10] = { 0 };
      int *items[10];
      for (int i = 0; i < 10; i++) items[i] = &destroyed[i];
      cf_executor *own = make_executor(2);
      cf_map *map = map_with(own, object_task, items, sizeof *items, 10, CF_FOREVER, chunk_size);
      for (size_t i = 0; i < steps; i++) {
        cf_item item;
        ASSERT_OK(cf_map_next(map, &item));
        ASSERT_EQ_PTR(&destroyed[i], item.data);
      }
      cf_executor_free(own); /* all items have run */
      for (size_t i = steps; i < 10; i++) ASSERT_EQ_INT(0, count_of(&destroyed[i]));
      cf_map_free(map);
      for (size_t i = 0; i < 10; i++) ASSERT_EQ_INT(1, count_of(&destroyed[i]));
    }
}

/* ---------------------------------------------------------------- ended by others */

/* The map keeps what it needs: it gives its results also when the executor is gone. */
CF_TEST(map_outlives_its_executor) {
  const int32_t items[] = { 1, 2, 3, 4 };
  cf_map *map = map_ints(ex, double_task, items, 4);
  expect_item(map, 0, 2);
  cf_executor_free(ex);
  ex = NULL;
  for (size_t i = 1; i < 4; i++) expect_item(map, i, 2 * items[i]);
  expect_end(map);
  cf_map_free(map);
}

/* Items that a shutdown cancels say so one by one; they do not hang and do not end the map. */
CF_TEST(map_items_are_cancelled_by_shutdown) {
  for (size_t chunk_size = 1; chunk_size <= 3; chunk_size++) {
    cf_executor *one = make_executor(1);
    gate g = gate_make();
    const int32_t items[] = { 1, 2, 3 };
    cf_future *busy = occupy(one, &g);
    cf_map *map = map_with(one, double_task, items, sizeof *items, 3, CF_FOREVER, chunk_size);
    ASSERT_OK(cf_executor_shutdown(one, false, true));
    for (size_t i = 0; i < 3; i++) expect_failed(map, i, CF_CANCELLED, 0);
    expect_end(map);
    cf_map_free(map);
    gate_open(&g, 1);
    cf_future_release(busy);
    cf_executor_free(one);
    gate_close(&g);
  }
}

static void shut_down_and_cancel(void *executor) {
  ASSERT_OK(cf_executor_shutdown(executor, false, true));
}

/* Deviation: that shutdown wakes a step that waits. */
CF_TEST(map_next_is_woken_by_a_cancelling_shutdown) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  const int32_t items[] = { 1 };
  cf_future *busy = occupy(one, &g);
  cf_map *map = map_ints(one, double_task, items, 1);
  deed stopping;
  when_i_sleep(&stopping, shut_down_and_cancel, one);
  expect_failed(map, 0, CF_CANCELLED, 0);
  await_deed(&stopping);
  expect_end(map);
  cf_map_free(map);
  gate_open(&g, 1);
  cf_future_release(busy);
  cf_executor_free(one);
  gate_close(&g);
}

/* Items queued in a pool that breaks end with its error. */
CF_TEST(map_items_fail_with_a_breaking_pool) {
  cf_executor *breaking = make_breaking_executor();
  const int32_t items[] = { 1 };
  cf_map *map = map_ints(breaking, double_task, items, 1);
  cf_item item = expect_failed(map, 0, CF_BROKEN_POOL, 0);
  ASSERT_CONTAINS("no workers today", cf_error_message(item.error));
  expect_end(map);
  cf_map_free(map);
  cf_executor_free(breaking);
}

/* ---------------------------------------------------------------- a second user */

struct reader {
  cf_map *map;
  int32_t thread;
  int started;
};

static void *read_first(void *arg) {
  struct reader *r = arg;
  r->thread = thread_id();
  count_up(&r->started);
  expect_item(r->map, 0, 7);
  return NULL;
}

/* One user at a time: the second one is refused, the first one does not notice. */
CF_TEST(map_next_refuses_a_second_user) {
  gate g = gate_make();
  const struct gated items[] = { { g, 7, 1 }, { g, 8, 0 } };
  cf_item item;
  struct reader first = { NULL, 0, 0 };
  first.map = map_with(ex, gated_task, items, sizeof *items, 2, CF_FOREVER, 1);
  pthread_t thread = start_thread(read_first, &first);
  while (count_of(&first.started) == 0) sched_yield();
  await_asleep(first.thread);
  ASSERT_STATUS(CF_INVALID_STATE, cf_map_next(first.map, &item));
  gate_open(&g, 1);
  join_thread(thread);
  expect_item(first.map, 1, 8); /* another thread, in turn */
  expect_end(first.map);
  cf_map_free(first.map);
  gate_close(&g);
}

enum { MAPPERS = 4, EACH = 500 };

static void *map_alone(void *arg) {
  cf_executor *executor = arg;
  static int32_t items[EACH];
  for (size_t round = 0; round < scaled(20); round++) {
    cf_map *map = map_ints(executor, double_task, items, EACH);
    for (size_t i = 0; i < EACH; i++) expect_item(map, i, 0);
    expect_end(map);
    cf_map_free(map);
  }
  return NULL;
}

/* Many threads may map over one executor at the same time. */
CF_TEST(map_from_many_threads_at_once) {
  pthread_t threads[MAPPERS];
  for (int i = 0; i < MAPPERS; i++) threads[i] = start_thread(map_alone, ex);
  for (int i = 0; i < MAPPERS; i++) join_thread(threads[i]);
}
