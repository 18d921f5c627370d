/*
 * Shows: what cf_executor_map_into and cf_executor_map_arrays_into answer to arguments, executors
 * and processes that they cannot work with: a status, and neither out nor statuses is touched.
 */
#include "maps.h"

enum { UNTOUCHED = 0x5a5a5a5a };

static const int32_t items[] = { 2, 4 };

/* What a call may not touch when it fails at once. */
struct places {
  int32_t out[2];
  cf_status statuses[2];
  cf_error *error;
};

static struct places fresh_places(void) {
  struct places p = { { UNTOUCHED, UNTOUCHED }, { CF_PANIC, CF_PANIC }, NULL };
  return p;
}

static void expect_untouched(int expected, int status, struct places *p) {
  ASSERT_STATUS(expected, status);
  for (int i = 0; i < 2; i++) {
    ASSERT_EQ_INT(UNTOUCHED, p->out[i]);
    ASSERT_STATUS(CF_PANIC, p->statuses[i]);
  }
  expect_detail(expected, p->error);
}

static void expect_refused(int expected, cf_executor *executor, cf_task_fn fn, const void *from,
                           size_t item_size, size_t count, size_t out_item_size) {
  struct places p = fresh_places();
  expect_untouched(expected,
                   cf_executor_map_into(executor, fn, from, item_size, count, NULL, p.out,
                                        out_item_size, p.statuses, &p.error),
                   &p);
  ASSERT_STATUS(expected, cf_executor_map_into(executor, fn, from, item_size, count, NULL, p.out,
                                               out_item_size, NULL, NULL));
}

static void expect_arrays_refused(int expected, cf_executor *executor, cf_task_fn fn,
                                  const cf_array *arrays, size_t n) {
  struct places p = fresh_places();
  expect_untouched(expected,
                   cf_executor_map_arrays_into(executor, fn, arrays, n, NULL, p.out, 4,
                                               p.statuses, &p.error),
                   &p);
}

CF_TEST(map_into_checks_its_arguments) {
  struct places p = fresh_places();
  expect_refused(CF_INVALID_ARGUMENT, NULL, double_task, items, 4, 2, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, NULL, items, 4, 2, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, NULL, items, 4, 0, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, NULL, 4, 2, 4);
  expect_untouched(CF_INVALID_ARGUMENT,
                   cf_executor_map_into(ex, double_task, items, 4, 2, NULL, NULL, 4, p.statuses,
                                        &p.error),
                   &p); /* results, but no array for them */
}

CF_TEST(map_into_refuses_sizes_that_overflow) {
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, items, SIZE_MAX, 2, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, items, 4, SIZE_MAX / 4 + 2, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, items, 4, CF_REPEAT, 4);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, items, 4, 2, SIZE_MAX);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, items, 4, 2, SIZE_MAX / 2 + 1);
}

CF_TEST(map_arrays_into_checks_its_arguments) {
  const cf_array array = ARRAY(items), no_data = { NULL, 4, 0, 0, 2 };
  const cf_array repeated = { items, 4, 0, 0, CF_REPEAT };
  struct places p = fresh_places();
  expect_arrays_refused(CF_INVALID_ARGUMENT, NULL, double_task, &array, 1);
  expect_arrays_refused(CF_INVALID_ARGUMENT, ex, NULL, &array, 1);
  expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task, NULL, 1);
  expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task, &array, SIZE_MAX);
  expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task, &no_data, 1);
  expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task, &repeated, 1);
  expect_untouched(CF_INVALID_ARGUMENT,
                   cf_executor_map_arrays_into(ex, double_task, &array, 1, NULL, NULL, 4,
                                               p.statuses, &p.error),
                   &p);
}

CF_TEST(map_arrays_into_refuses_bad_strides_and_alignments) {
  const cf_array bad[] = {
    { items, 4, 0, 1, 2 }, { items, 4, 0, 3, 2 }, { items, 4, 0, SIZE_MAX, 2 },
    { items, 4, 3, 0, 2 }, { items, 4, 6, 0, 2 }, { items, 4, 32, 0, 2 },
  };
  for (size_t i = 0; i < LENGTH(bad); i++) {
    expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task, &bad[i], 1);
    expect_arrays_refused(CF_INVALID_ARGUMENT, ex, double_task,
                          (cf_array[]){ ARRAY(items), bad[i] }, 2);
  }
}

CF_TEST(map_into_after_shutdown_is_refused) {
  const cf_array array = ARRAY(items);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  expect_refused(CF_SHUTDOWN, ex, double_task, items, 4, 2, 4);
  expect_arrays_refused(CF_SHUTDOWN, ex, double_task, &array, 1);
  expect_refused(CF_INVALID_ARGUMENT, ex, double_task, NULL, 4, 2, 4); /* arguments come first */
  /* CPython: a map over nothing still works. */
  ASSERT_OK(cf_executor_map_into(ex, double_task, items, 4, 0, NULL, NULL, 4, NULL, NULL));
}

CF_TEST_PLAIN(map_into_over_a_broken_pool_is_refused) {
  const cf_array array = ARRAY(items);
  cf_executor *broken = make_broken_executor();
  expect_refused(CF_BROKEN_POOL, broken, double_task, items, 4, 2, 4);
  expect_arrays_refused(CF_BROKEN_POOL, broken, double_task, &array, 1);
  cf_executor_free(broken);
}

/* Breaks while the call waits: the items say so and nothing hangs. */
CF_TEST_PLAIN(map_into_over_a_breaking_pool_fails) {
  cf_executor *breaking = make_breaking_executor();
  struct places p = fresh_places();
  ASSERT_STATUS(CF_BROKEN_POOL, cf_executor_map_into(breaking, double_task, items, 4, 1, NULL,
                                                     p.out, 4, p.statuses, &p.error));
  ASSERT_STATUS(CF_BROKEN_POOL, p.statuses[0]);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_error_status(p.error));
  ASSERT_CONTAINS("no workers today", cf_error_message(p.error));
  ASSERT_EQ_INT(UNTOUCHED, p.out[0]);
  cf_error_free(p.error);
  cf_executor_free(breaking);
}

static void shut_down_and_cancel(void *executor) {
  ASSERT_OK(cf_executor_shutdown(executor, false, true));
}

/* Shut down while the call waits: what was queued is cancelled and says so. */
CF_TEST(map_into_is_woken_by_a_cancelling_shutdown) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct places p = fresh_places();
  cf_future *busy = occupy(one, &g);
  deed stopping;
  when_i_sleep(&stopping, shut_down_and_cancel, one);
  ASSERT_STATUS(CF_CANCELLED, cf_executor_map_into(one, double_task, items, 4, 2, NULL, p.out, 4,
                                                   p.statuses, &p.error));
  await_deed(&stopping);
  for (int i = 0; i < 2; i++) {
    ASSERT_STATUS(CF_CANCELLED, p.statuses[i]);
    ASSERT_EQ_INT(UNTOUCHED, p.out[i]);
  }
  ASSERT_STATUS(CF_CANCELLED, cf_error_status(p.error));
  cf_error_free(p.error);
  gate_open(&g, 1);
  cf_future_release(busy);
  cf_executor_free(one);
  gate_close(&g);
}

static void map_in_child(void *arg) {
  const cf_array array = ARRAY(items);
  (void)arg;
  expect_refused(CF_FORKED, ex, double_task, items, 4, 2, 4);
  expect_arrays_refused(CF_FORKED, ex, double_task, &array, 1);
}

CF_TEST(map_into_in_a_forked_child_is_refused) {
  run_in_child(map_in_child, NULL);
  int32_t out[2] = { 0, 0 };
  ASSERT_OK(cf_executor_map_into(ex, double_task, items, 4, 2, NULL, out, 4, NULL, NULL));
  ASSERT_EQ_INT(4, out[0]);
  ASSERT_EQ_INT(8, out[1]);
}
