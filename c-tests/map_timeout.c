/*
 * Shows: the deadline of a map. Port of CPython's tests of map(timeout=...), then when the deadline
 * begins, what it does not end, and what it cancels.
 *
 * The items of these tests run in a pool of one worker: that an item has started says that those
 * before it have ended.
 */
#include "maps.h"

/* The deadline is over: CF_TIMEOUT once, then the end. */
static void expect_timeout(cf_map *map) {
  cf_item item;
  ASSERT_STATUS(CF_TIMEOUT, cf_map_next(map, &item));
  expect_end(map);
}

/* CPython: executor.py, ExecutorTest.test_map_timeout. */
CF_TEST(map_timeout) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct gated items[3];
  gate_items(items, 3, &g, 2);
  cf_map *map = map_with(one, gated_task, items, sizeof *items, 3, CF_SHORT, 1);
  gate_await(&g, 3);
  expect_item(map, 0, 0);
  expect_item(map, 1, 1);
  expect_timeout(map);
  gate_open(&g, 1);
  cf_map_free(map);
  cf_executor_free(one);
  gate_close(&g);
}

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_executor_map_current_future_cancel: the
 * item that was waited for is cancelled, and those behind it. */
CF_TEST(map_timeout_cancels_the_awaited_item_and_the_rest) {
  const int64_t timeouts[] = { 0, CF_SHORT, -1, INT64_MIN };
  for (size_t t = 0; t < LENGTH(timeouts); t++)
    for (size_t chunk_size = 0; chunk_size <= 2; chunk_size++) {
      cf_executor *one = make_executor(1);
      gate g = gate_make();
      struct gated items[2];
      gate_items(items, 2, &g, 2);
      cf_future *busy = occupy(one, &g);
      cf_map *map = map_with(one, gated_task, items, sizeof *items, 2, timeouts[t], chunk_size);
      expect_timeout(map);
      cf_map_free(map);
      gate_open(&g, 1);
      ASSERT_VALUE(255, busy);
      cf_executor_free(one); /* waits for all that is still to run */
      ASSERT(gate_quiet(&g));
      cf_future_release(busy);
      gate_close(&g);
    }
}

/* The rest of a chunk that has begun is cancelled like the chunks behind it. */
CF_TEST(map_timeout_cancels_the_rest_of_a_chunk) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct gated items[6];
  gate_items(items, 6, &g, 0);
  cf_map *map = map_with(one, gated_task, items, sizeof *items, 6, CF_SHORT, 4);
  ASSERT_EQ_INT(0, gate_next(&g));
  expect_timeout(map);
  gate_open(&g, 6);
  cf_map_free(map);
  cf_executor_free(one);
  ASSERT(gate_quiet(&g)); /* only item 0 ever started */
  gate_close(&g);
}

/* A result that is ready is given out, also when the deadline has passed long ago. */
CF_TEST(map_timeout_does_not_take_ready_results) {
  const int64_t timeouts[] = { CF_SHORT, 0, INT64_MIN };
  const int32_t items[] = { 1, 2, 3, 4, 5, 6, 7 };
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    cf_executor *one = make_executor(1);
    cf_map *map = map_with(one, double_task, items, sizeof *items, 7, timeouts[t], 3);
    cf_future *last = submit_value(one, 0);
    ASSERT_VALUE(0, last); /* the map's items started before it */
    outlast(timeouts[t]);
    for (size_t i = 0; i < 7; i++) expect_item(map, i, 2 * items[i]);
    expect_end(map);
    cf_map_free(map);
    cf_future_release(last);
    cf_executor_free(one);
  }
}

/* One deadline for the whole map, which counts from the call and not from the first step: a step
 * that waits anew would get the item that ends once this thread sleeps. */
CF_TEST(map_timeout_counts_from_the_call) {
  const int64_t timeout = 500 * (int64_t)1000000;
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct gated items[2];
  gate_items(items, 2, &g, 1);
  cf_map *map = map_with(one, gated_task, items, sizeof *items, 2, timeout, 1);
  gate_await(&g, 2);
  expect_item(map, 0, 0);
  outlast(timeout);
  deed opening;
  when_i_sleep(&opening, open_one, &g);
  expect_timeout(map);
  await_deed(&opening);
  cf_map_free(map);
  cf_executor_free(one);
  gate_close(&g);
}

/* Nothing overflows: huge deadlines never come. */
CF_TEST(map_timeout_saturates) {
  const int64_t huge[] = { CF_FOREVER, INT64_MAX - 1, INT64_MAX / 2, CF_LONG };
  for (size_t t = 0; t < LENGTH(huge); t++) {
    gate g = gate_make();
    struct gated item = { g, 7, true };
    cf_map *map = map_with(ex, gated_task, &item, sizeof item, 1, huge[t], 0);
    ASSERT_EQ_INT(7, gate_next(&g));
    deed opening;
    when_i_sleep(&opening, open_one, &g);
    expect_item(map, 0, 7);
    await_deed(&opening);
    expect_end(map);
    cf_map_free(map);
    gate_close(&g);
  }
}

/* A map over nothing has nothing to wait for. */
CF_TEST(map_timeout_of_an_empty_map_is_its_end) {
  cf_map *map = map_with(ex, double_task, NULL, sizeof(int32_t), 0, 0, 0);
  expect_end(map);
  cf_map_free(map);
}

/* The executor and other maps are none the worse for it. */
CF_TEST(map_timeout_ends_this_map_only) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  const int32_t items[] = { 1, 2, 3 };
  cf_future *busy = occupy(one, &g);
  cf_map *patient = map_ints(one, double_task, items, 3);
  cf_map *hasty = map_with(one, double_task, items, sizeof *items, 3, 0, 1);
  expect_timeout(hasty);
  gate_open(&g, 1);
  for (size_t i = 0; i < 3; i++) expect_item(patient, i, 2 * items[i]);
  expect_end(patient);
  cf_map_free(hasty);
  cf_map_free(patient);
  cf_future_release(busy);
  cf_executor_free(one);
  gate_close(&g);
}
