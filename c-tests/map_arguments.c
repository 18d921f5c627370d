/*
 * Shows: what cf_executor_map, cf_executor_map_arrays, cf_map_next and the map options answer to
 * arguments, executors and processes that they cannot work with: a status, and nothing has changed.
 *
 * The same questions to the calls that write into an array are in map_into_arguments.c.
 */
#include "maps.h"

/* Stands in an out parameter before a call: an owned handle is NULL after a failure. */
static cf_map *const unset = (cf_map *)&unset;

static void expect_no_map(int status, cf_executor *executor, cf_task_fn fn, const void *items,
                          size_t item_size, size_t count) {
  cf_map *map = unset;
  ASSERT_STATUS(status, cf_executor_map(executor, fn, items, item_size, count, NULL, &map));
  ASSERT(map == NULL);
}

static void expect_no_arrays(const cf_array *arrays, size_t n) {
  cf_map *map = unset;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_map_arrays(ex, double_task, arrays, n, NULL, &map));
  ASSERT(map == NULL);
}

/* ---------------------------------------------------------------- one array */

CF_TEST(map_checks_its_arguments) {
  const int32_t items[] = { 1, 2 };
  expect_no_map(CF_INVALID_ARGUMENT, NULL, double_task, items, 4, 2);
  expect_no_map(CF_INVALID_ARGUMENT, ex, NULL, items, 4, 2);
  expect_no_map(CF_INVALID_ARGUMENT, ex, NULL, items, 4, 0);
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, NULL, 4, 2);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_map(ex, double_task, items, 4, 2, NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_map(ex, double_task, items, 4, 0, NULL, NULL));
}

/* Sizes that no array in memory can have. */
CF_TEST(map_refuses_sizes_that_overflow) {
  const int32_t items[] = { 1, 2 };
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, items, SIZE_MAX, 2);
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, items, SIZE_MAX / 2 + 1, 2);
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, items, 4, SIZE_MAX / 2);
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, items, 4, SIZE_MAX / 4 + 2);
  /* One array for ever would never end. */
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, items, 4, CF_REPEAT);
}

/* CPython: a map over nothing works, whatever the executor's state. */
CF_TEST(map_over_nothing_is_empty) {
  const int32_t items[] = { 1 };
  cf_map *map = map_ints(ex, double_task, items, 0);
  expect_end(map);
  cf_map_free(map);
  map = map_ints(ex, double_task, NULL, 0);
  expect_end(map);
  cf_map_free(map);
  map = map_with(ex, double_task, NULL, 0, 0, CF_FOREVER, 0);
  expect_end(map);
  cf_map_free(map);
}

/* ---------------------------------------------------------------- several arrays */

CF_TEST(map_arrays_checks_its_arguments) {
  const int32_t items[] = { 1, 2 };
  const cf_array array = ARRAY(items), no_data = { NULL, 4, 0, 0, 2 };
  const cf_array no_data_for_ever = { NULL, 4, 0, 0, CF_REPEAT };
  cf_map *map = unset;
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_map_arrays(NULL, double_task, &array, 1, NULL, &map));
  ASSERT(map == NULL);
  map = unset;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_map_arrays(ex, NULL, &array, 1, NULL, &map));
  ASSERT(map == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT,
                cf_executor_map_arrays(ex, double_task, &array, 1, NULL, NULL));
  expect_no_arrays(NULL, 1);
  expect_no_arrays(&array, SIZE_MAX);
  expect_no_arrays(&no_data, 1);
  expect_no_arrays((cf_array[]){ array, no_data }, 2);
  expect_no_arrays((cf_array[]){ array, no_data_for_ever }, 2);
}

CF_TEST(map_arrays_refuses_to_repeat_for_ever) {
  const int32_t item = 1;
  const cf_array repeated = { &item, sizeof item, 0, 0, CF_REPEAT };
  expect_no_arrays(&repeated, 1);
  expect_no_arrays((cf_array[]){ repeated, repeated }, 2);
}

CF_TEST(map_arrays_refuses_bad_strides_and_alignments) {
  const int32_t items[] = { 1, 2, 3, 4 };
  const size_t strides[] = { 1, 2, 3, SIZE_MAX, SIZE_MAX / 2 };
  const size_t alignments[] = { 3, 5, 6, 7, 9, 12, 15, 17, 32, 64, 4096, SIZE_MAX };
  for (size_t s = 0; s < LENGTH(strides); s++) {
    const cf_array array = { items, 4, 0, strides[s], 4 };
    expect_no_arrays(&array, 1);
    expect_no_arrays((cf_array[]){ ARRAY(items), array }, 2);
  }
  for (size_t a = 0; a < LENGTH(alignments); a++) {
    const cf_array array = { items, 4, alignments[a], 0, 4 };
    expect_no_arrays(&array, 1);
    expect_no_arrays((cf_array[]){ array, ARRAY(items) }, 2);
  }
}

CF_TEST(map_arrays_refuses_sizes_that_overflow) {
  const int32_t items[] = { 1, 2 };
  const cf_array impossible[] = {
    { items, 4, 0, 0, SIZE_MAX - 1 },     /* count * size */
    { items, SIZE_MAX, 0, 0, 2 },         /* the same */
    { items, 4, 0, SIZE_MAX / 2, 4 },     /* count * stride */
    { items, 4, 0, 8, SIZE_MAX / 8 + 2 }, /* the same */
  };
  for (size_t i = 0; i < LENGTH(impossible); i++) expect_no_arrays(&impossible[i], 1);
  /* Each item is possible, the struct of both is not. */
  const cf_array half = { items, SIZE_MAX / 2 + 1, 1, 0, 1 };
  expect_no_arrays((cf_array[]){ half, half, half }, 3);
}

/* ---------------------------------------------------------------- options */

CF_TEST_PLAIN(map_options_check_their_arguments) {
  cf_map_options *o = NULL;
  const int32_t context = 1;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_new(NULL));
  ASSERT_OK(cf_map_options_new(&o));
  ASSERT(o != NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_set_timeout(NULL, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_set_chunk_size(NULL, 1));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_set_context(NULL, &context, sizeof context));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_set_context(o, NULL, sizeof context));
  ASSERT_OK(cf_map_options_set_context(o, NULL, 0));
  cf_map_options_free(o);
  cf_map_options_free(NULL);
}

static int32_t context_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *context = cf_task_context(task);
  (void)arg;
  ASSERT_EQ_SIZE(sizeof(int32_t), arg_size);
  const int32_t value = context != NULL ? *context : -1;
  return cf_task_return(task, &value, sizeof value);
}

static void expect_context(const cf_map_options *o, int32_t expected) {
  const int32_t item = 0;
  cf_map *map = NULL;
  ASSERT_OK(cf_executor_map(ex, context_task, &item, sizeof item, 1, o, &map));
  expect_item(map, 0, expected);
  expect_end(map);
  cf_map_free(map);
}

/* Options may be used again, and the last word counts. A call that failed has changed nothing. */
CF_TEST(map_options_keep_the_last_value) {
  const int32_t first = 1, second = 2;
  cf_map_options *o = map_options(0, 5);
  ASSERT_OK(cf_map_options_set_timeout(o, CF_FOREVER));
  ASSERT_OK(cf_map_options_set_chunk_size(o, 0));
  expect_context(o, -1);
  ASSERT_OK(cf_map_options_set_context(o, &first, sizeof first));
  expect_context(o, 1);
  ASSERT_OK(cf_map_options_set_context(o, &second, sizeof second));
  expect_context(o, 2);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_options_set_context(o, NULL, 4));
  expect_context(o, 2);
  ASSERT_OK(cf_map_options_set_context(o, NULL, 0));
  expect_context(o, -1);
  cf_map_options_free(o);
}

/* ---------------------------------------------------------------- next and free */

CF_TEST(map_next_checks_its_arguments) {
  const int32_t items[] = { 1, 2 };
  cf_item item;
  cf_map *map = map_ints(ex, double_task, items, 2);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_next(NULL, &item));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_next(map, NULL)); /* and no item is lost */
  expect_item(map, 0, 2);
  expect_item(map, 1, 4);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_map_next(map, NULL));
  expect_end(map);
  cf_map_free(map);
  cf_map_free(NULL);
}

/* ---------------------------------------------------------------- executors that take no work */

CF_TEST(map_after_shutdown_is_refused) {
  const int32_t items[] = { 1, 2 };
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  expect_no_map(CF_SHUTDOWN, ex, double_task, items, 4, 2);
  cf_map *map = unset;
  const cf_array array = ARRAY(items);
  ASSERT_STATUS(CF_SHUTDOWN, cf_executor_map_arrays(ex, double_task, &array, 1, NULL, &map));
  ASSERT(map == NULL);
  expect_no_map(CF_INVALID_ARGUMENT, ex, double_task, NULL, 4, 2); /* arguments come first */
  map = map_ints(ex, double_task, NULL, 0); /* CPython: over nothing it still works */
  expect_end(map);
  cf_map_free(map);
}

CF_TEST_PLAIN(map_over_a_broken_pool_is_refused) {
  const int32_t items[] = { 1, 2 };
  cf_executor *broken = make_broken_executor();
  expect_no_map(CF_BROKEN_POOL, broken, double_task, items, 4, 2);
  ASSERT_OK(cf_executor_shutdown(broken, true, false));
  expect_no_map(CF_BROKEN_POOL, broken, double_task, items, 4, 2); /* still the first reason */
  cf_executor_free(broken);
}

/* ---------------------------------------------------------------- after a fork */

static void map_in_child(void *arg) {
  cf_map *inherited = arg;
  const int32_t items[] = { 1, 2 };
  cf_item item;
  expect_no_map(CF_FORKED, ex, double_task, items, 4, 2);
  ASSERT_STATUS(CF_FORKED, cf_map_next(inherited, &item));
  cf_map_free(inherited); /* does nothing */
  cf_executor *own = make_executor(1); /* a pool of the child's own works */
  cf_map *map = map_ints(own, double_task, items, 2);
  expect_item(map, 0, 2);
  expect_item(map, 1, 4);
  cf_map_free(map);
  cf_executor_free(own);
}

CF_TEST(map_in_a_forked_child_is_refused) {
  const int32_t items[] = { 1, 2 };
  cf_map *map = map_ints(ex, double_task, items, 2);
  expect_item(map, 0, 2);
  run_in_child(map_in_child, map);
  expect_item(map, 1, 4); /* the parent's is as it was */
  expect_end(map);
  cf_map_free(map);
}
