/*
 * Shows: cf_executor_map_into and cf_executor_map_arrays_into: a whole map at once, results side by
 * side in the caller's array. What they refuse is in map_into_arguments.c.
 *
 * CPython: list(executor.map(...)), but one failure does not lose the other results.
 */
#include "maps.h"

#include <stdlib.h>
#include <string.h>

enum { UNTOUCHED = 0x5a5a5a5a };

static void untouched(int32_t *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = UNTOUCHED;
}

static void all_unset(cf_status *statuses, size_t n) {
  for (size_t i = 0; i < n; i++) statuses[i] = CF_PANIC;
}

/* ---------------------------------------------------------------- all is well */

CF_TEST(map_into_writes_results_side_by_side) {
  enum { N = 100 };
  const size_t chunk_sizes[] = { 0, 1, 7, 100, 1000 };
  int32_t items[N], out[N + 2];
  cf_status statuses[N];
  for (int32_t i = 0; i < N; i++) items[i] = 3 * i;
  for (size_t c = 0; c < LENGTH(chunk_sizes); c++) {
    cf_map_options *o = map_options(CF_FOREVER, chunk_sizes[c]);
    cf_error *error = (cf_error *)&error;
    untouched(out, N + 2);
    all_unset(statuses, N);
    ASSERT_OK(cf_executor_map_into(ex, double_task, items, sizeof *items, N, o, out + 1,
                                   sizeof *out, statuses, &error));
    ASSERT(error == NULL);
    for (int32_t i = 0; i < N; i++) {
      ASSERT_OK(statuses[i]);
      ASSERT_EQ_INT(6 * i, out[i + 1]);
      ASSERT_EQ_INT(3 * i, items[i]);
    }
    ASSERT_EQ_INT(UNTOUCHED, out[0]);
    ASSERT_EQ_INT(UNTOUCHED, out[N + 1]);
    cf_map_options_free(o);
  }
}

CF_TEST(map_into_needs_neither_statuses_nor_error) {
  const int32_t items[] = { 1, 2, 3 };
  int32_t out[3] = { 0, 0, 0 };
  ASSERT_OK(cf_executor_map_into(ex, double_task, items, 4, 3, NULL, out, 4, NULL, NULL));
  for (int i = 0; i < 3; i++) ASSERT_EQ_INT(2 * items[i], out[i]);
  ASSERT_STATUS(CF_TASK_FAILED,
                cf_executor_map_into(ex, even_task, items, 4, 3, NULL, out, 4, NULL, NULL));
  ASSERT_EQ_INT(4, out[1]);
}

CF_TEST(map_into_of_nothing_touches_nothing) {
  int32_t out = UNTOUCHED;
  cf_status status = CF_PANIC;
  cf_error *error = (cf_error *)&error;
  ASSERT_OK(cf_executor_map_into(ex, double_task, NULL, 4, 0, NULL, &out, 4, &status, &error));
  ASSERT(error == NULL);
  ASSERT_OK(cf_executor_map_into(ex, double_task, NULL, 4, 0, NULL, NULL, 4, NULL, NULL));
  ASSERT_OK(cf_executor_map_arrays_into(ex, double_task, NULL, 0, NULL, &out, 4, &status, NULL));
  ASSERT_EQ_INT(UNTOUCHED, out);
  ASSERT_EQ_INT(CF_PANIC, status);
}

/* Python: list(map(pow, xs, repeat(2))), and the shortest array ends it. */
CF_TEST(map_arrays_into_takes_several_arrays) {
  const int32_t xs[] = { 1, 2, 3, 4, 5 }, square = 2;
  const cf_array arrays[] = { ARRAY(xs), { &square, sizeof square, 0, 0, CF_REPEAT } };
  int32_t out[6];
  cf_status statuses[6];
  cf_error *error = NULL;
  untouched(out, 6);
  all_unset(statuses, 6);
  ASSERT_OK(
      cf_executor_map_arrays_into(ex, pow_task, arrays, 2, NULL, out, 4, statuses, &error));
  ASSERT(error == NULL);
  for (int i = 0; i < 5; i++) {
    ASSERT_EQ_INT(xs[i] * xs[i], out[i]);
    ASSERT_OK(statuses[i]);
  }
  ASSERT_EQ_INT(UNTOUCHED, out[5]);
  ASSERT_EQ_INT(CF_PANIC, statuses[5]);
}

static int32_t scale_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *factor = cf_task_context(task);
  const int32_t product = *factor * *(int32_t *)arg + (int32_t)cf_task_index(task);
  ASSERT_EQ_SIZE(sizeof product, arg_size);
  return cf_task_return(task, &product, sizeof product);
}

CF_TEST(map_into_task_has_index_and_context) {
  const int32_t items[] = { 1, 2, 3, 4 }, factor = 100;
  int32_t out[4];
  cf_map_options *o = map_options(CF_FOREVER, 0);
  ASSERT_OK(cf_map_options_set_context(o, &factor, sizeof factor));
  ASSERT_OK(cf_executor_map_into(ex, scale_task, items, 4, 4, o, out, 4, NULL, NULL));
  for (int i = 0; i < 4; i++) ASSERT_EQ_INT(100 * items[i] + i, out[i]);
  cf_map_options_free(o);
}

CF_TEST(map_into_over_a_million_items) {
  size_t n = scaled(1000000);
  int32_t *items = malloc(n * sizeof *items), *out = malloc(n * sizeof *out);
  ASSERT(items != NULL && out != NULL);
  for (size_t i = 0; i < n; i++) items[i] = (int32_t)i;
  ASSERT_OK(cf_executor_map_into(ex, double_task, items, 4, n, NULL, out, 4, NULL, NULL));
  for (size_t i = 0; i < n; i++) ASSERT_EQ_INT(2 * (int32_t)i, out[i]);
  free(items);
  free(out);
}

struct odd_size {
  unsigned char bytes[37];
};

static int32_t fill_task(cf_task *task, void *arg, size_t arg_size) {
  struct odd_size result;
  ASSERT_EQ_SIZE(1, arg_size);
  memset(&result, *(unsigned char *)arg, sizeof result);
  return cf_task_return(task, &result, sizeof result);
}

/* Slots of any size and address. The array ends with the last slot (valgrind and ASan watch it). */
CF_TEST(map_into_slots_may_have_any_size_and_alignment) {
  const unsigned char items[] = { 1, 2, 3, 4, 5 };
  const size_t size = sizeof(struct odd_size);
  unsigned char *out = malloc(1 + 5 * size);
  ASSERT(out != NULL);
  ASSERT_OK(cf_executor_map_into(ex, fill_task, items, 1, 5, NULL, out + 1, size, NULL, NULL));
  for (size_t i = 0; i < 5 * size; i++) ASSERT_EQ_INT(items[i / size], out[1 + i]);
  free(out);
}

static int32_t arrive_task(cf_task *task, void *arg, size_t arg_size) {
  const struct gated *item = arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *item, arg_size);
  gate_arrive(&item->g, item->value);
  return 0;
}

/* Functions without a result need no array for results. */
CF_TEST(map_into_of_functions_without_results) {
  gate g = gate_make();
  struct gated items[20];
  bool arrived[20] = { false };
  cf_status statuses[20];
  gate_items(items, 20, &g, 20);
  all_unset(statuses, 20);
  ASSERT_OK(cf_executor_map_into(ex, arrive_task, items, sizeof *items, 20, NULL, NULL, 0,
                                 statuses, NULL));
  for (int i = 0; i < 20; i++) arrived[gate_next(&g)] = true;
  for (int i = 0; i < 20; i++) {
    ASSERT(arrived[i]);
    ASSERT_OK(statuses[i]);
  }
  ASSERT(gate_quiet(&g)); /* each ran once */
  gate_close(&g);
}

/* ---------------------------------------------------------------- failures */

/* Slots of failed items stay as they were; the first failure is reported, whatever the chunks. */
CF_TEST(map_into_keeps_every_outcome) {
  enum { N = 60 };
  int32_t items[N], out[N];
  cf_status statuses[N];
  for (int32_t i = 0; i < N; i++) items[i] = i + 8 + (i >= 3); /* odd: 1, and 4, 6, 8, ... */
  for (size_t chunk_size = 0; chunk_size <= 14; chunk_size += 7) {
    cf_map_options *o = map_options(CF_FOREVER, chunk_size);
    cf_error *error = NULL;
    untouched(out, N);
    all_unset(statuses, N);
    ASSERT_STATUS(CF_TASK_FAILED, cf_executor_map_into(ex, even_task, items, 4, N, o, out, 4,
                                                       statuses, &error));
    for (int32_t i = 0; i < N; i++) {
      bool odd = items[i] % 2 != 0;
      ASSERT_STATUS(odd ? CF_TASK_FAILED : CF_OK, statuses[i]);
      ASSERT_EQ_INT(odd ? UNTOUCHED : 2 * items[i], out[i]);
    }
    ASSERT_STATUS(CF_TASK_FAILED, cf_error_status(error));
    ASSERT_EQ_SIZE(1, cf_error_index(error));
    ASSERT_EQ_INT(9, cf_error_code(error));
    ASSERT_STR("this number is odd", cf_error_message(error));
    cf_error_free(error);
    cf_map_options_free(o);
  }
}

struct pair_of_gates {
  gate own, other;
  int32_t code;
  int32_t is_first;
};

/* The later item lets the earlier one go on, so it fails before it. */
static int32_t fail_in_turn(cf_task *task, void *arg, size_t arg_size) {
  const struct pair_of_gates *item = arg;
  ASSERT_EQ_SIZE(sizeof *item, arg_size);
  if (item->is_first) gate_pass(&item->own);
  else gate_open(&item->other, 1);
  return cf_task_fail(task, item->code, item->is_first ? "the first" : "the second");
}

/* "First" is the lowest index, not the earliest in time. */
CF_TEST(map_into_reports_the_lowest_index_that_failed) {
  gate a = gate_make(), b = gate_make();
  const struct pair_of_gates items[] = { { a, b, 11, 1 }, { b, a, 12, 0 } };
  cf_map_options *o = map_options(CF_FOREVER, 1);
  cf_error *error = NULL;
  ASSERT_STATUS(CF_TASK_FAILED, cf_executor_map_into(ex, fail_in_turn, items, sizeof *items, 2, o,
                                                     NULL, 0, NULL, &error));
  ASSERT_EQ_SIZE(0, cf_error_index(error));
  ASSERT_EQ_INT(11, cf_error_code(error));
  ASSERT_STR("the first", cf_error_message(error));
  cf_error_free(error);
  cf_map_options_free(o);
  gate_close(&a);
  gate_close(&b);
}

/* Returns as many bytes as its argument says. */
static int32_t sized_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int32_t), arg_size);
  size_t size = (size_t) * (int32_t *)arg;
  if (size == 0) return 0;
  void *place = cf_task_result_buffer(task, size);
  ASSERT(place != NULL);
  memset(place, 1, size);
  return 0;
}

/* A result of another size than a slot is a failure of that item alone; too few bytes as well as
 * too many, and none at all. */
CF_TEST(map_into_refuses_results_of_another_size) {
  const int32_t sizes[] = { 4, 3, 4, 5, 0, 1000, 4 };
  int32_t out[7];
  cf_status statuses[7];
  for (size_t chunk_size = 0; chunk_size <= 3; chunk_size++) {
    cf_map_options *o = map_options(CF_FOREVER, chunk_size);
    cf_error *error = NULL;
    untouched(out, 7);
    ASSERT_STATUS(CF_SIZE_MISMATCH, cf_executor_map_into(ex, sized_task, sizes, 4, 7, o, out, 4,
                                                         statuses, &error));
    for (size_t i = 0; i < 7; i++) {
      ASSERT_STATUS(sizes[i] == 4 ? CF_OK : CF_SIZE_MISMATCH, statuses[i]);
      ASSERT_EQ_INT(sizes[i] == 4 ? 0x01010101 : UNTOUCHED, out[i]);
    }
    ASSERT_STATUS(CF_SIZE_MISMATCH, cf_error_status(error));
    ASSERT_EQ_SIZE(1, cf_error_index(error));
    cf_error_free(error);
    cf_map_options_free(o);
  }
  /* Neither does a result fit that was not expected at all. */
  const int32_t some[] = { 0, 4 };
  ASSERT_STATUS(CF_SIZE_MISMATCH,
                cf_executor_map_into(ex, sized_task, some, 4, 2, NULL, NULL, 0, statuses, NULL));
  ASSERT_OK(statuses[0]);
  ASSERT_STATUS(CF_SIZE_MISMATCH, statuses[1]);
}

/* ---------------------------------------------------------------- deadlines */

/* What has not started when the deadline comes is cancelled: here all, as the worker is busy. */
CF_TEST(map_into_cancels_what_has_not_started_in_time) {
  const int64_t timeouts[] = { 0, CF_SHORT, -1, INT64_MIN };
  for (size_t t = 0; t < LENGTH(timeouts); t++) {
    cf_executor *one = make_executor(1);
    gate g = gate_make();
    struct gated items[3];
    int32_t out[3];
    cf_status statuses[3];
    cf_error *error = NULL;
    gate_items(items, 3, &g, 3);
    untouched(out, 3);
    all_unset(statuses, 3);
    cf_future *busy = occupy(one, &g);
    cf_map_options *o = map_options(timeouts[t], 1);
    ASSERT_STATUS(CF_TIMEOUT, cf_executor_map_into(one, gated_task, items, sizeof *items, 3, o,
                                                   out, 4, statuses, &error));
    expect_detail(CF_TIMEOUT, error);
    cf_map_options_free(o);
    gate_open(&g, 1);
    cf_executor_free(one);
    ASSERT(gate_quiet(&g));
    for (int i = 0; i < 3; i++) {
      ASSERT(statuses[i] == CF_TIMEOUT || statuses[i] == CF_CANCELLED);
      ASSERT_EQ_INT(UNTOUCHED, out[i]);
    }
    cf_future_release(busy);
    gate_close(&g);
  }
}

struct caller {
  cf_executor *executor;
  struct gated item;
  int32_t out;
  int returned;
};

static void *map_one_item(void *arg) {
  struct caller *c = arg;
  cf_map_options *o = map_options(CF_SHORT, 0);
  cf_status status = cf_executor_map_into(c->executor, gated_task, &c->item, sizeof c->item, 1, o,
                                          &c->out, sizeof c->out, NULL, NULL);
  cf_map_options_free(o);
  ASSERT(status == CF_OK || status == CF_TIMEOUT); /* it ends long after the deadline */
  ASSERT(c->out == 7 || (c->out == UNTOUCHED && status == CF_TIMEOUT));
  count_up(&c->returned);
  return NULL;
}

/* An item that runs when the deadline comes may still touch the arrays: the call waits for it. */
CF_TEST(map_into_returns_only_when_nothing_runs) {
  CF_THREADS_ONLY("an item in another process touches copies: nobody need wait for it");
  gate g = gate_make();
  struct caller c = { ex, { g, 7, 1 }, UNTOUCHED, 0 };
  pthread_t thread = start_thread(map_one_item, &c);
  ASSERT_EQ_INT(7, gate_next(&g));
  outlast(2 * CF_SHORT);
  ASSERT_EQ_INT(0, count_of(&c.returned));
  gate_open(&g, 1);
  join_thread(thread);
  int32_t out = c.out;
  cf_executor_free(ex); /* and nothing is written later */
  ex = NULL;
  ASSERT_EQ_INT(out, c.out);
  gate_close(&g);
}
