/*
 * Shows: cf_executor_for_range: every index once, the caller takes part, failures, and what it
 * refuses. Use inside a task of a full pool is in deadlock_calls.c.
 *
 * CPython has no counterpart. The loop body works on the caller's memory: thread pools only.
 */
#include "maps.h"

#include <stdlib.h>

#define THREADS_ONLY CF_THREADS_ONLY("a loop body works on the caller's memory")

/* ---------------------------------------------------------------- every index once */

struct tally {
  size_t begin, end; /* of the loop */
  int *counts;       /* for each index */
  int pieces;
};

static int32_t tally_piece(cf_task *task, size_t begin, size_t end, void *ctx) {
  struct tally *t = ctx;
  ASSERT(task != NULL);
  ASSERT(t->begin <= begin && begin < end && end <= t->end);
  for (size_t i = begin; i < end; i++) count_up(&t->counts[i - t->begin]);
  count_up(&t->pieces);
  return 0;
}

static void expect_each_once(cf_executor *executor, size_t begin, size_t end, size_t grain) {
  struct tally t = { begin, end, calloc(end - begin, sizeof(int)), 0 };
  cf_error *error = (cf_error *)&error;
  ASSERT(t.counts != NULL);
  ASSERT_OK(cf_executor_for_range(executor, begin, end, grain, tally_piece, &t, &error));
  ASSERT(error == NULL);
  for (size_t i = 0; i < end - begin; i++) ASSERT_EQ_INT(1, t.counts[i]);
  ASSERT(t.pieces >= 1 && (size_t)t.pieces <= end - begin);
  free(t.counts);
}

CF_TEST(for_range_visits_every_index_once) {
  THREADS_ONLY;
  const size_t grains[] = { 0, 1, 2, 3, 64, 1000, SIZE_MAX };
  const size_t lengths[] = { 1, 2, 3, 7, 64, 1000, 1001 };
  for (size_t g = 0; g < LENGTH(grains); g++)
    for (size_t l = 0; l < LENGTH(lengths); l++) {
      expect_each_once(ex, 0, lengths[l], grains[g]);
      expect_each_once(ex, 1000000007, 1000000007 + lengths[l], grains[g]);
      expect_each_once(ex, SIZE_MAX - lengths[l], SIZE_MAX, grains[g]); /* nothing overflows */
    }
}

CF_TEST(for_range_over_a_million_indices) {
  THREADS_ONLY;
  expect_each_once(ex, 0, scaled(1000000), 0);
  expect_each_once(ex, 0, scaled(100000), 1);
}

static int32_t sum_piece(cf_task *task, size_t begin, size_t end, void *ctx) {
  uint64_t *sum = ctx, part = 0;
  (void)task;
  for (size_t i = begin; i < end; i++) part += i;
  __atomic_add_fetch(sum, part, __ATOMIC_RELAXED);
  return 0;
}

/* A range that could never be visited call by call: pieces grow with it. */
CF_TEST(for_range_chooses_few_pieces_for_a_long_range) {
  THREADS_ONLY;
  const size_t n = scaled(200000000);
  uint64_t sum = 0;
  ASSERT_OK(cf_executor_for_range(ex, 0, n, 0, sum_piece, &sum, NULL));
  ASSERT((uint64_t)n * (n - 1) / 2 == sum);
}

CF_TEST(for_range_over_nothing_calls_nothing) {
  THREADS_ONLY;
  struct tally t = { 0, 0, NULL, 0 };
  cf_error *error = (cf_error *)&error;
  ASSERT_OK(cf_executor_for_range(ex, 0, 0, 0, tally_piece, &t, &error));
  ASSERT(error == NULL);
  ASSERT_OK(cf_executor_for_range(ex, 5, 5, 1, tally_piece, &t, NULL));
  ASSERT_OK(cf_executor_for_range(ex, SIZE_MAX, SIZE_MAX, 7, tally_piece, &t, NULL));
  ASSERT_EQ_INT(0, t.pieces);
}

/* ---------------------------------------------------------------- who runs it */

struct runners {
  int32_t caller;
  int by_caller;
  int by_others;
};

static int32_t note_runner(cf_task *task, size_t begin, size_t end, void *ctx) {
  struct runners *r = ctx;
  const int indices = (int)(end - begin);
  bool caller = thread_id() == r->caller;
  if (caller) { /* it is no worker of the pool */
    ASSERT(cf_task_worker(task) == UINT32_MAX);
    ASSERT_STR("", cf_task_worker_name(task));
  } else {
    ASSERT(cf_task_worker(task) != UINT32_MAX);
    ASSERT(cf_task_worker_name(task)[0] != '\0');
  }
  __atomic_add_fetch(caller ? &r->by_caller : &r->by_others, indices, __ATOMIC_SEQ_CST);
  return 0;
}

/* The caller takes part: it does the whole loop itself if no worker has time. */
CF_TEST(for_range_runs_in_the_caller_when_the_pool_is_busy) {
  THREADS_ONLY;
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  cf_future *busy = occupy(one, &g);
  struct runners r = { thread_id(), 0, 0 };
  ASSERT_OK(cf_executor_for_range(one, 0, 1000, 10, note_runner, &r, NULL));
  ASSERT_EQ_INT(1000, r.by_caller);
  ASSERT_EQ_INT(0, r.by_others);
  gate_open(&g, 1);
  ASSERT_VALUE(255, busy);
  cf_future_release(busy);
  cf_executor_free(one);
  gate_close(&g);
}

/* Workers and caller together make up the whole. */
CF_TEST(for_range_shares_the_work) {
  THREADS_ONLY;
  for (size_t round = 0; round < scaled(200); round++) {
    struct runners r = { thread_id(), 0, 0 };
    ASSERT_OK(cf_executor_for_range(ex, 0, 100, 1, note_runner, &r, NULL));
    ASSERT_EQ_INT(100, r.by_caller + r.by_others);
  }
}

struct nest {
  cf_executor *executor;
  int inner;
};

static int32_t count_piece(cf_task *task, size_t begin, size_t end, void *ctx) {
  struct nest *n = ctx;
  (void)task;
  for (size_t i = begin; i < end; i++) count_up(&n->inner);
  return 0;
}

static int32_t loop_in_piece(cf_task *task, size_t begin, size_t end, void *ctx) {
  struct nest *n = ctx;
  (void)task;
  for (size_t i = begin; i < end; i++)
    ASSERT_OK(cf_executor_for_range(n->executor, 0, 10, 1, count_piece, n, NULL));
  return 0;
}

/* A loop in a loop over the same pool (elsewhere the classical deadlock). */
CF_TEST(for_range_may_be_nested) {
  THREADS_ONLY;
  struct nest n = { ex, 0 };
  ASSERT_OK(cf_executor_for_range(ex, 0, 50, 1, loop_in_piece, &n, NULL));
  ASSERT_EQ_INT(500, n.inner);
}

static void *loop_alone(void *arg) {
  for (size_t round = 0; round < scaled(50); round++) expect_each_once(arg, 10, 300, 3);
  return NULL;
}

CF_TEST(for_range_from_many_threads_at_once) {
  THREADS_ONLY;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) threads[i] = start_thread(loop_alone, ex);
  for (int i = 0; i < 4; i++) join_thread(threads[i]);
}

/* ---------------------------------------------------------------- failures */

struct failures {
  size_t from;   /* indices below are fine */
  size_t lowest; /* begin of the lowest piece that failed; under the lock */
  int failed;
  pthread_mutex_t lock;
};

static int32_t fail_piece(cf_task *task, size_t begin, size_t end, void *ctx) {
  struct failures *f = ctx;
  if (end <= f->from) return 0;
  pthread_mutex_lock(&f->lock);
  if (begin < f->lowest) f->lowest = begin;
  f->failed++;
  pthread_mutex_unlock(&f->lock);
  return cf_task_fail(task, (int32_t)begin + 1, "this piece cannot be done");
}

/* The failure with the lowest begin is reported, whichever came first; the index is that begin. */
CF_TEST(for_range_reports_the_lowest_failure) {
  THREADS_ONLY;
  const size_t froms[] = { 0, 1, 50, 99 };
  for (size_t round = 0; round < scaled(50); round++)
    for (size_t i = 0; i < LENGTH(froms); i++) {
      struct failures f = { froms[i], SIZE_MAX, 0, PTHREAD_MUTEX_INITIALIZER };
      cf_error *error = NULL;
      ASSERT_STATUS(CF_TASK_FAILED,
                    cf_executor_for_range(ex, 0, 100, i + 1, fail_piece, &f, &error));
      ASSERT(f.failed >= 1);
      ASSERT_STATUS(CF_TASK_FAILED, cf_error_status(error));
      ASSERT_EQ_SIZE(f.lowest, cf_error_index(error));
      ASSERT_EQ_INT(f.lowest + 1, cf_error_code(error));
      ASSERT_STR("this piece cannot be done", cf_error_message(error));
      cf_error_free(error);
    }
}

static int32_t fail_with_code(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  return begin <= *(size_t *)ctx && *(size_t *)ctx < end ? -7 : 0;
}

/* A code without a message is a failure as well; error and message are optional. */
CF_TEST(for_range_fails_with_a_plain_code) {
  THREADS_ONLY;
  size_t bad = 1234;
  cf_error *error = NULL;
  ASSERT_STATUS(CF_TASK_FAILED,
                cf_executor_for_range(ex, 1000, 2000, 1, fail_with_code, &bad, NULL));
  ASSERT_STATUS(CF_TASK_FAILED,
                cf_executor_for_range(ex, 1000, 2000, 1, fail_with_code, &bad, &error));
  ASSERT_EQ_INT(-7, cf_error_code(error));
  ASSERT(cf_error_index(error) <= bad && cf_error_index(error) >= 1000);
  ASSERT(cf_error_message(error)[0] != '\0');
  cf_error_free(error);
  bad = 0; /* in no piece */
  ASSERT_OK(cf_executor_for_range(ex, 1000, 2000, 1, fail_with_code, &bad, NULL));
}

static int32_t fail_and_count(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)begin;
  (void)end;
  count_up(ctx);
  return cf_task_fail(task, 1, "never mind the rest");
}

/* What has not started when a failure is seen is skipped: alone with the work, the caller stops
 * after the first piece. */
CF_TEST(for_range_skips_the_rest_after_a_failure) {
  THREADS_ONLY;
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  cf_future *busy = occupy(one, &g);
  int pieces = 0;
  ASSERT_STATUS(CF_TASK_FAILED,
                cf_executor_for_range(one, 0, 1000, 10, fail_and_count, &pieces, NULL));
  ASSERT_EQ_INT(1, count_of(&pieces));
  gate_open(&g, 1);
  ASSERT_VALUE(255, busy);
  cf_future_release(busy);
  cf_executor_free(one); /* nothing of the loop is left in the pool */
  ASSERT_EQ_INT(1, count_of(&pieces));
  gate_close(&g);
}

/* ---------------------------------------------------------------- what it refuses */

static void expect_refused(int expected, cf_executor *executor, size_t begin, size_t end,
                           cf_range_fn fn) {
  struct tally t = { begin, end, NULL, 0 };
  cf_error *error = NULL;
  ASSERT_STATUS(expected, cf_executor_for_range(executor, begin, end, 0, fn, &t, &error));
  expect_detail(expected, error);
  ASSERT_STATUS(expected, cf_executor_for_range(executor, begin, end, 0, fn, &t, NULL));
  ASSERT_EQ_INT(0, t.pieces);
}

CF_TEST(for_range_checks_its_arguments) {
  THREADS_ONLY;
  expect_refused(CF_INVALID_ARGUMENT, NULL, 0, 10, tally_piece);
  expect_refused(CF_INVALID_ARGUMENT, ex, 0, 10, NULL);
  expect_refused(CF_INVALID_ARGUMENT, ex, 0, 0, NULL);
  expect_refused(CF_INVALID_ARGUMENT, ex, 1, 0, tally_piece);
  expect_refused(CF_INVALID_ARGUMENT, ex, SIZE_MAX, 0, tally_piece);
}

CF_TEST(for_range_after_shutdown_is_refused) {
  THREADS_ONLY;
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  expect_refused(CF_SHUTDOWN, ex, 0, 10, tally_piece);
  expect_refused(CF_INVALID_ARGUMENT, ex, 10, 0, tally_piece); /* arguments come first */
}

CF_TEST_PLAIN(for_range_over_a_broken_pool_is_refused) {
  THREADS_ONLY;
  cf_executor *broken = make_broken_executor();
  expect_refused(CF_BROKEN_POOL, broken, 0, 10, tally_piece);
  cf_executor_free(broken);
}

static void loop_in_child(void *arg) {
  (void)arg;
  expect_refused(CF_FORKED, ex, 0, 10, tally_piece);
  cf_executor *own = make_executor(1);
  expect_each_once(own, 0, 100, 1);
  cf_executor_free(own);
}

CF_TEST(for_range_in_a_forked_child_is_refused) {
  THREADS_ONLY;
  expect_each_once(ex, 0, 100, 1);
  run_in_child(loop_in_child, NULL);
  expect_each_once(ex, 0, 100, 1);
}
