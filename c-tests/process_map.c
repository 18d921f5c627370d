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
