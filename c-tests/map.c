/*
 * Shows: cf_executor_map and cf_map_next. Port of CPython's map tests (executor.py,
 * test_thread_pool.py, test_process_pool.py and what 3.16 adds), test by test, then what an item's
 * task and an item's outcome are. Several arrays are in map_arrays.c, deadlines in map_timeout.c,
 * early ends in map_close.c, unusual arguments in map_arguments.c.
 *
 * Deviation (as in 3.16): a failed item does not end the map, and loses nothing of its chunk.
 */
#include "maps.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- CPython's tests */

static cf_map *map_pow(size_t chunk_size, const int32_t *xs, const int32_t *ys, size_t n) {
  const cf_array arrays[] = { { xs, sizeof *xs, 0, 0, n }, { ys, sizeof *ys, 0, 0, n } };
  cf_map_options *o = map_options(CF_FOREVER, chunk_size);
  cf_map *map = NULL;
  ASSERT_OK(cf_executor_map_arrays(ex, pow_task, arrays, 2, o, &map));
  cf_map_options_free(o);
  return map;
}

/* CPython: executor.py, ExecutorTest.test_map (without and with chunksize=3);
 * test_process_pool.py, ProcessPoolExecutorTest.test_map_chunksize (6, 50, 40; -1 is no size_t). */
CF_TEST(map_two_arrays_with_any_chunk_size) {
  enum { N = 40 };
  const size_t chunk_sizes[] = { 0, 1, 3, 6, 40, 50, SIZE_MAX };
  int32_t xs[N], ys[N];
  for (int i = 0; i < N; i++) {
    xs[i] = i % 10;
    ys[i] = i % 10;
  }
  for (size_t c = 0; c < LENGTH(chunk_sizes); c++) {
    cf_map *map = map_pow(chunk_sizes[c], xs, ys, N);
    for (int i = 0; i < N; i++) {
      int32_t power = 1;
      for (int k = 0; k < ys[i]; k++) power *= xs[i];
      expect_item(map, (size_t)i, power);
    }
    expect_end(map);
    cf_map_free(map);
  }
}

static int32_t divide_task(cf_task *task, void *arg, size_t arg_size) {
  const struct two *t = arg;
  ASSERT_EQ_SIZE(sizeof *t, arg_size);
  if (t->y == 0) return cf_task_fail(task, 33, "integer division by zero");
  const int32_t quotient = t->x / t->y;
  return cf_task_return(task, &quotient, sizeof quotient);
}

/* CPython: executor.py, ExecutorTest.test_map_exception, and 3.16's rule: the fourth item, behind
 * the failed one, is delivered, also out of the same chunk. */
CF_TEST(map_exception) {
  const struct two items[] = { { 1, 2 }, { 1, 3 }, { 1, 0 }, { 10, 5 } };
  for (size_t chunk_size = 0; chunk_size <= 4; chunk_size++) {
    cf_map *map = map_with(ex, divide_task, items, sizeof *items, 4, CF_FOREVER, chunk_size);
    expect_item(map, 0, 0);
    expect_item(map, 1, 0);
    cf_item failed = expect_failed(map, 2, CF_TASK_FAILED, 33);
    ASSERT_STR("integer division by zero", cf_error_message(failed.error));
    expect_item(map, 3, 2);
    expect_end(map);
    cf_map_free(map);
  }
}

/* CPython: executor.py, ExecutorTest.test_shutdown_race_issue12456. */
CF_TEST(map_then_shutdown_at_once) {
  const int32_t items[] = { 2, 2, 2 }; /* one more than there are workers */
  cf_map *map = map_ints(ex, double_task, items, 3);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  for (size_t i = 0; i < 3; i++) expect_item(map, i, 4); /* queued work still ran */
  expect_end(map);
  cf_map_free(map);
}

static int32_t object_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int *), arg_size);
  return cf_task_return_owned(task, *(int **)arg, count_destroy);
}

/* CPython: executor.py, ExecutorTest.test_free_reference: a result lives until the next step and is
 * gone with it. */
CF_TEST(map_free_reference) {
  CF_THREADS_ONLY("objects that a task returns live in this process");
  int destroyed[10] = { 0 };
  int *items[10];
  for (int i = 0; i < 10; i++) items[i] = &destroyed[i];
  cf_map *map = map_with(ex, object_task, items, sizeof *items, 10, CF_FOREVER, 1);
  for (size_t i = 0; i < 10; i++) {
    cf_item item;
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_OK(item.status);
    ASSERT_EQ_PTR(items[i], item.data);
    ASSERT_EQ_INT(0, count_of(&destroyed[i]));
    if (i > 0) ASSERT_EQ_INT(1, count_of(&destroyed[i - 1]));
  }
  expect_end(map);
  cf_map_free(map);
  for (size_t i = 0; i < 10; i++) ASSERT_EQ_INT(1, count_of(&destroyed[i]));
}

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_map_submits_without_iteration. */
CF_TEST(map_submits_without_iteration) {
  gate g = gate_make();
  struct gated items[10];
  bool finished[10] = { false };
  gate_items(items, 10, &g, 10);
  cf_map *map = map_with(ex, gated_task, items, sizeof *items, 10, CF_FOREVER, 0);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  for (int i = 0; i < 10; i++) finished[gate_next(&g)] = true;
  for (int i = 0; i < 10; i++) ASSERT(finished[i]);
  cf_map_free(map);
  gate_close(&g);
}

static int32_t code_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  ASSERT_EQ_SIZE(sizeof(int32_t), arg_size);
  return *(int32_t *)arg;
}

/* CPython 3.16: executor.py, ExecutorTest.test_map_timeout_from_callable: a time-out that the
 * function itself reports is an ordinary failure, here any code that looks like a status. */
CF_TEST(map_timeout_from_callable) {
  const int32_t items[] = { CF_TIMEOUT, CF_CANCELLED, CF_END, CF_DEADLOCK, INT32_MIN, INT32_MAX };
  cf_map *map = map_ints(ex, code_task, items, LENGTH(items));
  for (size_t i = 0; i < LENGTH(items); i++) expect_failed(map, i, CF_TASK_FAILED, items[i]);
  expect_end(map);
  cf_map_free(map);
}

/* ---------------------------------------------------------------- order */

/* Results come in input order, however the items end. */
CF_TEST(map_gives_results_in_input_order) {
  gate held = gate_make(), free_one = gate_make();
  const struct gated items[] = { { held, 0, 1 }, { free_one, 1, 0 }, { free_one, 2, 0 } };
  cf_map *map = map_with(ex, gated_task, items, sizeof *items, 3, CF_FOREVER, 1);
  ASSERT_EQ_INT(1, gate_next(&free_one));
  ASSERT_EQ_INT(2, gate_next(&free_one)); /* the same worker: item 1 is done, item 0 is not */
  gate_open(&held, 1);
  for (int i = 0; i < 3; i++) expect_item(map, (size_t)i, i);
  expect_end(map);
  cf_map_free(map);
  gate_close(&held);
  gate_close(&free_one);
}

/* Two maps over one executor, read in turns. */
CF_TEST(map_does_not_mix_with_another) {
  int32_t up[50], down[50];
  for (int i = 0; i < 50; i++) {
    up[i] = i;
    down[i] = 2 * (50 - i);
  }
  cf_map *first = map_ints(ex, double_task, up, 50), *second = map_ints(ex, even_task, down, 50);
  for (int i = 0; i < 50; i++) {
    expect_item(second, (size_t)i, 2 * down[i]);
    expect_item(first, (size_t)i, 2 * up[i]);
  }
  cf_map_free(first);
  expect_end(second);
  cf_map_free(second);
}

/* The library's own chunks and chunks by hand: every item once, in order. */
CF_TEST(map_over_a_million_items) {
  size_t n = scaled(1000000);
  int32_t *items = malloc(n * sizeof *items);
  ASSERT(items != NULL);
  for (size_t i = 0; i < n; i++) items[i] = (int32_t)i;
  cf_map *map = map_ints(ex, double_task, items, n);
  free(items); /* the input was taken */
  for (size_t i = 0; i < n; i++) expect_item(map, i, 2 * (int32_t)i);
  expect_end(map);
  cf_map_free(map);
}

/* ---------------------------------------------------------------- inside the task */

struct report {
  size_t index;
  int32_t factor; /* out of the context */
  int32_t product;
  size_t misalignment;
};

static int32_t reporting_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *factor = cf_task_context(task);
  int32_t *value = arg;
  ASSERT_EQ_SIZE(sizeof *value, arg_size);
  struct report r = { cf_task_index(task), factor != NULL ? *factor : 0, 0, 0 };
  r.misalignment = (uintptr_t)arg % sizeof *value;
  *value *= r.factor; /* the argument is the task's own */
  r.product = *value;
  return cf_task_return(task, &r, sizeof r);
}

static void expect_reports(cf_map *map, int32_t n, int32_t factor) {
  for (int32_t i = 0; i < n; i++) {
    cf_item item;
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_OK(item.status);
    ASSERT_EQ_SIZE(sizeof(struct report), item.size);
    const struct report *r = item.data;
    ASSERT_EQ_SIZE((size_t)i, r->index);
    ASSERT_EQ_INT(factor, r->factor);
    ASSERT_EQ_INT(100 * i * factor, r->product);
    ASSERT_EQ_SIZE(0, r->misalignment);
  }
  expect_end(map);
}

/* A task knows its index and the map's context, and may write to its argument. */
CF_TEST(map_task_has_index_context_and_its_own_argument) {
  enum { N = 30 };
  const int32_t factor = 7;
  int32_t items[N];
  for (int32_t i = 0; i < N; i++) items[i] = 100 * i;
  for (size_t chunk_size = 0; chunk_size < 8; chunk_size += 7) {
    cf_map_options *o = map_options(CF_FOREVER, chunk_size);
    cf_map *plain = NULL, *with_context = NULL;
    ASSERT_OK(cf_executor_map(ex, reporting_task, items, sizeof *items, N, o, &plain));
    ASSERT_OK(cf_map_options_set_context(o, &factor, sizeof factor));
    ASSERT_OK(cf_executor_map(ex, reporting_task, items, sizeof *items, N, o, &with_context));
    cf_map_options_free(o);
    expect_reports(with_context, N, 7);
    expect_reports(plain, N, 0);
    cf_map_free(plain);
    cf_map_free(with_context);
  }
  for (int32_t i = 0; i < N; i++) ASSERT_EQ_INT(100 * i, items[i]); /* the caller's stay */
}

/* The input is taken before the call returns: what becomes of it later does not matter. */
CF_TEST(map_takes_its_input_at_once) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  cf_future *busy = occupy(one, &g);
  int32_t items[] = { 1, 2, 3 };
  cf_map *map = map_ints(one, double_task, items, 3);
  memset(items, 0xff, sizeof items);
  gate_open(&g, 1);
  for (int i = 0; i < 3; i++) expect_item(map, (size_t)i, 2 * (i + 1));
  cf_map_free(map);
  cf_future_release(busy);
  cf_executor_free(one);
  gate_close(&g);
}

/* Items of size 0 need no array: only the index tells them apart. */
static int32_t index_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  ASSERT_EQ_SIZE(0, arg_size);
  const int32_t index = (int32_t)cf_task_index(task);
  return cf_task_return(task, &index, sizeof index);
}

CF_TEST(map_over_items_of_size_0) {
  cf_map *map = map_with(ex, index_task, NULL, 0, 20, CF_FOREVER, 3);
  for (int i = 0; i < 20; i++) expect_item(map, (size_t)i, i);
  expect_end(map);
  cf_map_free(map);
}

/* ---------------------------------------------------------------- an item's outcome */

/* Returns as many bytes as its argument says, each the low byte of that number. */
static int32_t sized_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int32_t), arg_size);
  size_t size = (size_t) * (int32_t *)arg;
  if (size == 0) return 0; /* nothing was returned: an empty result */
  void *place = cf_task_result_buffer(task, size);
  ASSERT(place != NULL);
  memset(place, (int)(size & 255), size);
  return 0;
}

CF_TEST(map_results_have_any_size) {
  const int32_t sizes[] = { 0, 1, 15, 16, 17, 4096, 0, 1 << 20, 3 };
  for (size_t chunk_size = 0; chunk_size <= 4; chunk_size += 4) {
    cf_map *map =
        map_with(ex, sized_task, sizes, sizeof *sizes, LENGTH(sizes), CF_FOREVER, chunk_size);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
      cf_item item;
      ASSERT_OK(cf_map_next(map, &item));
      ASSERT_OK(item.status);
      ASSERT_EQ_SIZE((size_t)sizes[i], item.size);
      ASSERT_EQ_SIZE(0, (uintptr_t)item.data % 16);
      for (size_t k = 0; k < item.size; k++)
        ASSERT_EQ_INT(sizes[i] & 255, ((const unsigned char *)item.data)[k]);
    }
    expect_end(map);
    cf_map_free(map);
  }
}

/* Every second item fails: each keeps its own outcome, with index, code and message. */
CF_TEST(map_keeps_every_outcome) {
  enum { N = 100 };
  int32_t items[N];
  for (int32_t i = 0; i < N; i++) items[i] = i;
  for (size_t chunk_size = 0; chunk_size <= 14; chunk_size += 7) {
    cf_map *map = map_with(ex, even_task, items, sizeof *items, N, CF_FOREVER, chunk_size);
    for (int32_t i = 0; i < N; i++) {
      if (i % 2 == 0)
        expect_item(map, (size_t)i, 2 * i);
      else
        ASSERT_STR("this number is odd",
                   cf_error_message(expect_failed(map, (size_t)i, CF_TASK_FAILED, i).error));
    }
    expect_end(map);
    cf_map_free(map);
  }
}
