/*
 * Long maps over worker processes: large results of items, items that kill their worker now and
 * then, and items that are slow to be looked at.
 */
#define _DEFAULT_SOURCE
#include "processes.h"

#include <stdio.h>

/* ---------------------------------------------------------------- results that lie in segments */

/* So many bytes, all of them the item's number. */
static int32_t large_item(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *n = arg;
  ASSERT_EQ_SIZE(sizeof *n, arg_size);
  const size_t size = (size_t)(3000 + *n % 7 * 1000);
  unsigned char *result = cf_task_result_buffer(task, size);
  ASSERT(result != NULL);
  memset(result, *n & 0xff, size);
  return 0;
}

static void expect_large_item(int32_t n, const cf_item *item) {
  const unsigned char *bytes = item->data;
  ASSERT_OK(item->status);
  ASSERT_EQ_SIZE((size_t)n, item->index);
  ASSERT_EQ_SIZE((size_t)(3000 + n % 7 * 1000), item->size);
  for (size_t i = 0; i < item->size; i++) ASSERT_EQ_INT(n & 0xff, bytes[i]);
}

/* Nobody looks at the outcomes before all items have run: the workers' memory is theirs until it
 * was looked at. */
CF_TEST(large_results_of_a_map_wait_for_their_reader) {
  enum { ITEMS = 400 };
  static int32_t numbers[ITEMS];
  cf_map_options *options = NULL;
  cf_map *map = NULL;
  cf_item item;
  for (int32_t i = 0; i < ITEMS; i++) numbers[i] = i;
  ASSERT_OK(cf_map_options_new(&options));
  ASSERT_OK(cf_map_options_set_chunk_size(options, 4));
  ASSERT_OK(cf_executor_map(ex, large_item, numbers, sizeof numbers[0], ITEMS, options, &map));
  cf_map_options_free(options);
  const struct timespec long_enough = { 0, 300000000 };
  nanosleep(&long_enough, NULL);
  for (int32_t i = 0; i < ITEMS; i++) {
    ASSERT_OK(cf_map_next(map, &item));
    expect_large_item(i, &item);
  }
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  cf_map_free(map);
}

/* ---------------------------------------------------------------- items that crash */

/* One in so many kills its worker. */
enum { CRASHES = 61 };

static bool is_crash(int32_t n) {
  return n % CRASHES == CRASHES / 2;
}

static int32_t crashing_item(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *n = arg;
  ASSERT_EQ_SIZE(sizeof *n, arg_size);
  ASSERT_EQ_SIZE((size_t)*n, cf_task_index(task));
  if (is_crash(*n)) return end_in_a_way(task, *n % 2 ? ABORTS : EXITS_AT_ONCE, 3);
  const int32_t twice = *n * 2;
  return cf_task_return(task, &twice, sizeof twice);
}

static void expect_crashed(int32_t n, const cf_error *error) {
  ASSERT_STATUS(CF_WORKER_DIED, cf_error_status(error));
  ASSERT_EQ_INT(n % 2 ? SIGABRT : 0, cf_error_signal(error));
  ASSERT_EQ_INT(n % 2 ? -1 : 3, cf_error_exit_code(error));
}

static void map_over_crashes(cf_executor *pool, const int32_t *numbers, size_t count,
                             size_t chunk) {
  cf_map_options *options = NULL;
  cf_map *map = NULL;
  cf_item item;
  ASSERT_OK(cf_map_options_new(&options));
  if (chunk > 0) ASSERT_OK(cf_map_options_set_chunk_size(options, chunk));
  ASSERT_OK(cf_executor_map(pool, crashing_item, numbers, sizeof *numbers, count, options, &map));
  cf_map_options_free(options);
  for (size_t i = 0; i < count; i++) {
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_EQ_SIZE(i, item.index);
    if (is_crash(numbers[i])) {
      ASSERT_STATUS(CF_WORKER_DIED, item.status);
      expect_crashed(numbers[i], item.error);
    } else {
      ASSERT_OK(item.status);
      ASSERT_EQ_SIZE(sizeof(int32_t), item.size);
      ASSERT_EQ_INT(numbers[i] * 2, *(const int32_t *)item.data);
    }
  }
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  cf_map_free(map);
}

static void map_into_over_crashes(cf_executor *pool, const int32_t *numbers, size_t count,
                                  size_t chunk) {
  cf_map_options *options = NULL;
  cf_error *error = NULL;
  int32_t *results = malloc(count * sizeof *results);
  cf_status *statuses = malloc(count * sizeof *statuses);
  ASSERT(results != NULL && statuses != NULL);
  ASSERT_OK(cf_map_options_new(&options));
  if (chunk > 0) ASSERT_OK(cf_map_options_set_chunk_size(options, chunk));
  ASSERT_STATUS(CF_WORKER_DIED,
                cf_executor_map_into(pool, crashing_item, numbers, sizeof *numbers, count, options,
                                     results, sizeof *results, statuses, &error));
  cf_map_options_free(options);
  ASSERT_EQ_SIZE(CRASHES / 2, cf_error_index(error));
  expect_crashed(CRASHES / 2, error);
  cf_error_free(error);
  for (size_t i = 0; i < count; i++) {
    ASSERT_STATUS(is_crash(numbers[i]) ? CF_WORKER_DIED : CF_OK, statuses[i]);
    if (statuses[i] == CF_OK) ASSERT_EQ_INT(numbers[i] * 2, results[i]);
  }
  free(results);
  free(statuses);
}

/* Each item has its own outcome: only those that crash have died, whatever the chunks. */
CF_TEST_PLAIN(only_the_items_that_crash_have_died) {
  enum { ITEMS = 3000 };
  static int32_t numbers[ITEMS];
  const size_t chunks[] = { 0, 1, 7, 1000 };
  for (int32_t i = 0; i < ITEMS; i++) numbers[i] = i;
  cf_executor *pool = make_executor(4);
  for (size_t i = 0; i < LENGTH(chunks); i++) {
    map_over_crashes(pool, numbers, scaled(ITEMS), chunks[i]);
    map_into_over_crashes(pool, numbers, scaled(ITEMS), chunks[i]);
  }
  expect_works(pool);
  cf_executor_free(pool);
}
