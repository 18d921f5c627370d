/*
 * What the suites about map share: options, ready-made item tasks and the expectations on items.
 *
 * Used by map*.c and for_range.c. Items are plain values and gates, so that the same tasks run in a
 * thread or in another process.
 */
#ifndef CFUTURES_MAPS_H
#define CFUTURES_MAPS_H

#include "scene.h"

/* ---------------------------------------------------------------- options and maps, each owned */

static inline cf_map_options *map_options(int64_t timeout_ns, size_t chunk_size) {
  cf_map_options *o = NULL;
  ASSERT_OK(cf_map_options_new(&o));
  ASSERT_OK(cf_map_options_set_timeout(o, timeout_ns));
  ASSERT_OK(cf_map_options_set_chunk_size(o, chunk_size));
  return o;
}

/* A map with these options and no other; they need not outlive the call. */
static inline cf_map *map_with(cf_executor *executor, cf_task_fn fn, const void *items,
                               size_t item_size, size_t count, int64_t timeout_ns,
                               size_t chunk_size) {
  cf_map_options *o = map_options(timeout_ns, chunk_size);
  cf_map *map = NULL;
  ASSERT_OK(cf_executor_map(executor, fn, items, item_size, count, o, &map));
  ASSERT(map != NULL);
  cf_map_options_free(o);
  return map;
}

static inline cf_map *map_ints(cf_executor *executor, cf_task_fn fn, const int32_t *items,
                               size_t count) {
  return map_with(executor, fn, items, sizeof *items, count, CF_FOREVER, 0);
}

/* An array of a C array, contiguous. */
#define ARRAY(items) ((cf_array){ (items), sizeof *(items), 0, 0, LENGTH(items) })

/* ---------------------------------------------------------------- expectations */

/* The next item is this one and it succeeded with this int32_t. */
static inline void expect_item(cf_map *map, size_t index, int32_t value) {
  cf_item item;
  ASSERT_OK(cf_map_next(map, &item));
  ASSERT_EQ_SIZE(index, item.index);
  ASSERT_OK(item.status);
  ASSERT_EQ_SIZE(sizeof(int32_t), item.size);
  ASSERT_EQ_INT(value, *(const int32_t *)item.data);
  ASSERT(item.error == NULL);
}

/* The next item is this one and it ended with this status; a failed task with this code. */
static inline cf_item expect_failed(cf_map *map, size_t index, int status, int32_t code) {
  cf_item item;
  ASSERT_OK(cf_map_next(map, &item)); /* a failed item is an ordinary step */
  ASSERT_EQ_SIZE(index, item.index);
  ASSERT_STATUS(status, item.status);
  ASSERT(item.data == NULL);
  ASSERT_EQ_SIZE(0, item.size);
  ASSERT(item.error != NULL);
  ASSERT_STATUS(status, cf_error_status(item.error));
  ASSERT_EQ_SIZE(index, cf_error_index(item.error));
  if (status == CF_TASK_FAILED) ASSERT_EQ_INT(code, cf_error_code(item.error));
  ASSERT(cf_error_message(item.error)[0] != '\0');
  return item;
}

static inline void expect_end(cf_map *map) {
  cf_item item;
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
}

/* Detail that a call may hand out when it refuses or times out; an item's failure always has it. */
static inline void expect_detail(int status, cf_error *error) {
  if (error == NULL) return;
  ASSERT_STATUS(status, cf_error_status(error));
  ASSERT(cf_error_message(error)[0] != '\0');
  cf_error_free(error);
}

/* ---------------------------------------------------------------- item tasks */

static inline int32_t double_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t value;
  ASSERT_EQ_SIZE(sizeof value, arg_size);
  value = 2 * *(int32_t *)arg;
  return cf_task_return(task, &value, sizeof value);
}

/* Two numbers, as map_arrays puts them side by side. */
struct two {
  int32_t x, y;
};

/* x to the power of y. */
static inline int32_t pow_task(cf_task *task, void *arg, size_t arg_size) {
  const struct two *t = arg;
  int32_t power = 1;
  ASSERT_EQ_SIZE(sizeof *t, arg_size);
  for (int32_t i = 0; i < t->y; i++) power *= t->x;
  return cf_task_return(task, &power, sizeof power);
}

/* Fails for odd numbers, with the number as the code; doubles even ones. */
static inline int32_t even_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t value = *(int32_t *)arg;
  if (value % 2 != 0) return cf_task_fail(task, value, "this number is odd");
  return double_task(task, arg, arg_size);
}

/* An item that tells of its start and may be held up. */
struct gated {
  gate g;
  int32_t value; /* also the mark of its arrival */
  int32_t waits;
};

static inline int32_t gated_task(cf_task *task, void *arg, size_t arg_size) {
  const struct gated *item = arg;
  ASSERT_EQ_SIZE(sizeof *item, arg_size);
  gate_arrive(&item->g, item->value);
  if (item->waits) gate_pass(&item->g);
  return cf_task_return(task, &item->value, sizeof item->value);
}

/* Items 0 to n-1 at one gate, of which those from `first_held` on are held up. */
static inline void gate_items(struct gated *items, size_t n, const gate *g, size_t first_held) {
  for (size_t i = 0; i < n; i++) {
    struct gated item = { *g, (int32_t)i, i >= first_held };
    items[i] = item;
  }
}

/* ---------------------------------------------------------------- pools in unusual states */

/* Occupies the only worker of a pool until the gate is opened. */
static inline cf_future *occupy(cf_executor *one_worker, const gate *g) {
  cf_future *f = submit_gated(one_worker, g, 255);
  ASSERT_EQ_INT(255, gate_next(g));
  return f;
}

static inline int32_t fail_to_start(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  return cf_task_fail(task, 5, "no workers today");
}

/* A pool whose first worker will break it. */
static inline cf_executor *make_breaking_executor(void) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 1));
  ASSERT_OK(cf_options_set_initializer(o, fail_to_start, NULL, 0));
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  return executor;
}

/* A pool that is broken. */
static inline cf_executor *make_broken_executor(void) {
  cf_executor *executor = make_breaking_executor();
  cf_future *f = submit_value(executor, 1);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(f, CF_FOREVER, NULL, NULL));
  cf_future_release(f);
  return executor;
}

#endif
