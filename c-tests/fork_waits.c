/*
 * Shows: waits, as_completed iterators, completion queues, maps and loops in a forked child: on what
 * was inherited they answer CF_FORKED at once, and the child's own work. Executors and futures are
 * in fork.c.
 */
#include "check.h"

#include <string.h>

struct inherited {
  gate g;
  cf_future *finished, *pending;
  cf_completions *completions;
  cf_completion_queue *queue;
  cf_map *map;
  int tags; /* destroyed */
};

static struct inherited prepare(void) {
  const int32_t values[4] = { 10, 11, 12, 13 };
  struct inherited in;
  memset(&in, 0, sizeof in);
  in.g = gate_make();
  in.finished = submit_value(ex, 5);
  ASSERT_VALUE(5, in.finished);
  in.pending = submit_gated(ex, &in.g, 6);
  cf_future *fs[] = { in.finished, in.pending };
  ASSERT_OK(cf_as_completed(fs, 2, CF_FOREVER, &in.completions));
  ASSERT_OK(cf_completion_queue_new(&in.queue));
  ASSERT_OK(cf_completion_queue_add(in.queue, in.finished, NULL, NULL));
  ASSERT_OK(cf_executor_map(ex, value_task, values, 4, 4, NULL, &in.map));
  return in;
}

static void expect_untouched(struct inherited *in) {
  size_t index = 9;
  cf_item item;
  cf_future *f = NULL;
  ASSERT_EQ_INT(0, in->tags);
  gate_open(&in->g, 1);
  ASSERT_OK(cf_completions_next(in->completions, &index, NULL));
  ASSERT_EQ_SIZE(0, index);
  ASSERT_OK(cf_completions_next(in->completions, &index, NULL));
  ASSERT_EQ_SIZE(1, index);
  cf_completions_free(in->completions);
  ASSERT_OK(cf_completion_queue_next(in->queue, CF_FOREVER, &f, NULL));
  ASSERT_EQ_PTR(in->finished, f);
  cf_future_release(f);
  cf_completion_queue_free(in->queue);
  for (int32_t i = 0; i < 4; i++) {
    ASSERT_OK(cf_map_next(in->map, &item));
    ASSERT_OK(item.status);
    ASSERT_EQ_INT(10 + i, *(const int32_t *)item.data);
  }
  ASSERT_STATUS(CF_END, cf_map_next(in->map, &item));
  cf_map_free(in->map);
  ASSERT_VALUE(6, in->pending);
  cf_future_release(in->pending);
  cf_future_release(in->finished);
  gate_close(&in->g);
}

static bool never_called(cf_future *f, size_t index, void *user_data) {
  (void)f;
  (void)index;
  (void)user_data;
  ASSERT(!"an inherited future is handed out");
  return false;
}

static void use_inherited_waits(void *arg) {
  struct inherited *in = arg;
  cf_future *fs[2] = { in->finished, in->pending };
  char place;
  bool done[2] = { true, false };
  size_t count = 77;
  cf_completions *it = (cf_completions *)(void *)&place;
  ASSERT_STATUS(CF_FORKED, cf_wait(fs, 2, CF_FOREVER, CF_FIRST_COMPLETED, done, &count));
  ASSERT(done[0] && !done[1] && count == 77);
  ASSERT_STATUS(CF_FORKED, cf_as_completed(fs, 2, CF_FOREVER, &it));
  ASSERT(it == NULL);
  ASSERT_STATUS(CF_FORKED, cf_as_completed_each(fs, 2, CF_FOREVER, never_called, NULL));
  ASSERT_STATUS(CF_FORKED, cf_completions_next(in->completions, &count, NULL));
  ASSERT(count == 77);
  cf_completions_free(in->completions);
}

static void use_inherited_queue(void *arg) {
  struct inherited *in = arg;
  char place;
  cf_future *f = (cf_future *)(void *)&place, *own = NULL;
  void *tag = NULL;
  int tags = 0;
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_next(in->queue, CF_FOREVER, &f, &tag));
  ASSERT(f == NULL);
  ASSERT_STATUS(CF_FORKED,
                cf_completion_queue_add(in->queue, in->finished, &tags, count_destroy));
  ASSERT_EQ_INT(1, tags);
  ASSERT_OK(cf_future_new(&own));
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_add(in->queue, own, &tags, count_destroy));
  ASSERT_EQ_INT(2, tags);
  cf_future_release(own);
  ASSERT_EQ_INT(-1, cf_completion_queue_fd(in->queue));
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_close(in->queue));
  cf_completion_queue_free(in->queue);
  cf_completion_queue *mine = NULL;
  ASSERT_OK(cf_completion_queue_new(&mine));
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_add(mine, in->finished, &tags, count_destroy));
  ASSERT_EQ_INT(3, tags);
  cf_completion_queue_free(mine);
}

static int32_t never_run(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  (void)begin;
  (void)end;
  (void)ctx;
  ASSERT(!"a loop runs on an inherited executor");
  return 0;
}

static void use_inherited_maps(void *arg) {
  struct inherited *in = arg;
  const int32_t values[2] = { 1, 2 };
  int32_t out[2] = { 77, 78 };
  char place;
  cf_map *map = (cf_map *)(void *)&place;
  cf_item item;
  cf_error *error = NULL;
  ASSERT_STATUS(CF_FORKED, cf_map_next(in->map, &item));
  cf_map_free(in->map);
  ASSERT_STATUS(CF_FORKED, cf_executor_map(ex, value_task, values, 4, 2, NULL, &map));
  ASSERT(map == NULL);
  ASSERT_STATUS(CF_FORKED,
                cf_executor_map_into(ex, value_task, values, 4, 2, NULL, out, 4, NULL, &error));
  ASSERT(out[0] == 77 && out[1] == 78);
  ASSERT_STATUS(CF_FORKED, cf_error_status(error));
  cf_error_free(error);
  ASSERT_STATUS(CF_FORKED, cf_executor_for_range(ex, 0, 10, 0, never_run, NULL, NULL));
}

static void map_on_own(void *unused) {
  int32_t values[100], out[100];
  (void)unused;
  cf_executor *own = make_executor(2);
  for (int32_t i = 0; i < 100; i++) values[i] = i * i;
  ASSERT_OK(cf_executor_map_into(own, value_task, values, 4, 100, NULL, out, 4, NULL, NULL));
  ASSERT(memcmp(values, out, sizeof out) == 0);
  cf_executor_free(own);
}

CF_TEST(inherited_waits) {
  struct inherited in = prepare();
  run_in_child(use_inherited_waits, &in);
  expect_untouched(&in);
}

CF_TEST(inherited_queues) {
  struct inherited in = prepare();
  run_in_child(use_inherited_queue, &in);
  expect_untouched(&in);
}

CF_TEST(inherited_maps_and_loops) {
  struct inherited in = prepare();
  run_in_child(use_inherited_maps, &in);
  expect_untouched(&in);
}

CF_TEST(a_child_maps_on_a_pool_of_its_own) {
  struct inherited in = prepare();
  run_in_child(map_on_own, NULL);
  expect_untouched(&in);
}
