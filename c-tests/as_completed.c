/*
 * Shows: cf_as_completed and cf_completions_next. Port of CPython's test_as_completed.py, test by
 * test, then the order, the deadline and the ownership of the iterator. Unusual arguments and the
 * callback form are in as_completed_each.c, use inside a pool in deadlock_calls.c.
 *
 * Deviations: a cancelled future is done at once; the deadline counts from cf_as_completed, not
 * from the first step; the iterator is an object that is freed.
 */
#include "scene.h"

#include <sched.h>

static cf_completions *iterate(cf_future *const *fs, size_t n, int64_t timeout_ns) {
  cf_completions *it = NULL;
  ASSERT_OK(cf_as_completed(fs, n, timeout_ns, &it));
  ASSERT(it != NULL);
  return it;
}

/* The next one is fs[index]. */
static void expect_next(cf_completions *it, cf_future *const *fs, size_t index) {
  size_t at = 99;
  cf_future *f = NULL;
  ASSERT_OK(cf_completions_next(it, &at, &f));
  ASSERT_EQ_SIZE(index, at);
  ASSERT_EQ_PTR(fs[index], f);
  ASSERT(cf_future_done(f));
}

/* Takes n futures and asserts that they are those of the first n places, in any order. */
static void expect_first(cf_completions *it, size_t n) {
  bool seen[16] = { false };
  for (size_t i = 0; i < n; i++) {
    size_t at = 99;
    ASSERT_OK(cf_completions_next(it, &at, NULL));
    ASSERT(at < n && !seen[at]);
    seen[at] = true;
  }
}

/* ---------------------------------------------------------------- CPython's AsCompletedTests */

/* CPython: test_as_completed.py, AsCompletedTests.test_no_timeout. */
CF_TEST(as_completed_no_timeout) {
  cf_future *fs[] = { cancelled_future(), failed_future(13), finished_future(42),
                      submit_value(ex, 42), submit_value(ex, 42) };
  cf_completions *it = iterate(fs, 5, CF_FOREVER);
  expect_first(it, 5);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_futures_release(fs, 5);
}

/* CPython: test_as_completed.py, AsCompletedTests.test_future_times_out. */
CF_TEST(as_completed_future_times_out) {
  const int64_t timeouts[] = { 0, CF_SHORT, -1, INT64_MIN };
  for (size_t i = 0; i < LENGTH(timeouts); i++) {
    gate g = gate_make();
    cf_future *fs[] = { cancelled_future(), failed_future(13), finished_future(42),
                        submit_gated(ex, &g, 1) };
    cf_completions *it = iterate(fs, 4, timeouts[i]);
    expect_first(it, 3);
    ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, NULL, NULL));
    ASSERT(!cf_future_done(fs[3]));
    cf_completions_free(it);
    gate_open(&g, 1);
    ASSERT_VALUE(1, fs[3]);
    cf_futures_release(fs, 4);
    gate_close(&g);
  }
}

/* CPython: test_as_completed.py, AsCompletedTests.test_duplicate_futures. */
CF_TEST(as_completed_duplicate_futures) {
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 2);
  cf_future *const fs[] = { f, f, f };
  cf_completions *it = iterate(fs, 3, CF_FOREVER);
  deed opening;
  when_i_sleep(&opening, open_one, &g);
  expect_next(it, fs, 0);
  await_deed(&opening);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_future_release(f);
  gate_close(&g);
}

/* CPython: test_as_completed.py, AsCompletedTests.test_free_reference_yielded_future. The iterator
 * lends each future until the next step, so it is gone with that step and not earlier. */
CF_TEST_PLAIN(as_completed_free_reference_yielded_future) {
  enum { N = 10 };
  cf_future *fs[N];
  int freed[N] = { 0 };
  for (size_t i = 0; i < N; i++) {
    fs[i] = pending_future();
    ASSERT_OK(cf_future_set_user_data(fs[i], &freed[i], count_destroy));
    if (i < N - 1) finish(fs[i], (int32_t)i);
  }
  cf_completions *it = iterate(fs, N, 0);
  for (size_t i = 0; i < N - 1; i++) cf_future_release(fs[i]); /* the iterator's is the last one */
  size_t before = N;
  for (size_t i = 0; i < N - 1; i++) {
    size_t at = N;
    cf_future *f = NULL;
    ASSERT_OK(cf_completions_next(it, &at, &f));
    ASSERT(cf_future_done(f));
    ASSERT(at < N && count_of(&freed[at]) == 0);
    if (before < N) ASSERT_EQ_INT(1, count_of(&freed[before]));
    before = at;
  }
  ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  for (size_t i = 0; i < N - 1; i++) ASSERT_EQ_INT(1, freed[i]);
  ASSERT_EQ_INT(0, freed[N - 1]); /* the caller holds this one */
  cf_future_release(fs[N - 1]);
  ASSERT_EQ_INT(1, freed[N - 1]);
}

/* CPython: test_as_completed.py, AsCompletedTests.test_correct_timeout_exception_msg: there the
 * message says "2 (of 4) futures unfinished"; here the caller counts what it was given. */
CF_TEST_PLAIN(as_completed_times_out_with_2_of_4_unfinished) {
  cf_future *fs[] = { cancelled_future(), finished_future(42), pending_future(),
                      running_future() };
  cf_completions *it = iterate(fs, 4, 0);
  size_t finished = 0;
  cf_status status;
  while ((status = cf_completions_next(it, NULL, NULL)) == CF_OK) finished++;
  ASSERT_STATUS(CF_TIMEOUT, status);
  ASSERT_EQ_SIZE(2, finished);
  cf_completions_free(it);
  cf_futures_release(fs, 4);
}

/* ---------------------------------------------------------------- the order */

/* What was done before comes first; the rest as it completes, whatever its place. */
CF_TEST_PLAIN(as_completed_gives_done_ones_first_then_completion_order) {
  cf_future *fs[] = { finished_future(1), cancelled_future(), pending_future(), pending_future(),
                      pending_future(), pending_future() };
  cf_completions *it = iterate(fs, 6, CF_FOREVER);
  finish(fs[4], 1);
  ASSERT(cf_future_cancel(fs[2]));
  expect_first(it, 2);
  expect_next(it, fs, 4);
  expect_next(it, fs, 2);
  deed finishing;
  when_i_sleep(&finishing, finish_it, fs[5]);
  expect_next(it, fs, 5);
  await_deed(&finishing);
  fail_it(fs[3]);
  expect_next(it, fs, 3);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL)); /* and so for ever */
  cf_completions_free(it);
  cf_futures_release(fs, 6);
}

/* Tasks come out as they end, not as they were submitted. */
CF_TEST(as_completed_gives_tasks_in_completion_order) {
  gate first = gate_make(), second = gate_make();
  cf_future *fs[] = { submit_gated(ex, &first, 1), submit_gated(ex, &second, 2) };
  cf_completions *it = iterate(fs, 2, CF_FOREVER);
  gate_open(&second, 1);
  expect_next(it, fs, 1);
  ASSERT(!cf_future_done(fs[0]));
  gate_open(&first, 1);
  expect_next(it, fs, 0);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_futures_release(fs, 2);
  gate_close(&first);
  gate_close(&second);
}

/* Deviation: in CPython a future that is cancelled while it is queued is not given out before a
 * worker has met it. */
CF_TEST(as_completed_gives_a_queued_task_when_it_is_cancelled) {
  gate g = gate_make();
  cf_future *busy[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  cf_future *queued[] = { submit_value(ex, 2), submit_value(ex, 3) };
  cf_completions *it = iterate(queued, 2, CF_FOREVER);
  deed cancelling;
  when_i_sleep(&cancelling, cancel_it, queued[1]);
  expect_next(it, queued, 1);
  await_deed(&cancelling);
  gate_open(&g, 2);
  expect_next(it, queued, 0);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  ASSERT_OK(cf_wait(busy, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  cf_futures_release(busy, 2);
  cf_futures_release(queued, 2);
  gate_close(&g);
}

/* Each distinct future comes once, under the first of its places. */
CF_TEST_PLAIN(as_completed_gives_a_duplicate_under_its_first_index) {
  cf_future *a = finished_future(1), *b = pending_future(), *c = pending_future();
  cf_future *const fs[] = { b, a, b, a, c, a, c };
  cf_completions *it = iterate(fs, 7, CF_FOREVER);
  expect_next(it, fs, 1);
  finish(c, 3);
  expect_next(it, fs, 4);
  finish(b, 2);
  expect_next(it, fs, 0);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_future_release(a);
  cf_future_release(b);
  cf_future_release(c);
}

CF_TEST(as_completed_of_several_executors) {
  cf_executor *other = make_executor(1);
  cf_future *fs[] = { submit_value(ex, 1), submit_value(other, 2), pending_future() };
  cf_completions *it = iterate(fs, 3, CF_FOREVER);
  expect_first(it, 2);
  finish(fs[2], 3);
  expect_next(it, fs, 2);
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_futures_release(fs, 3);
  cf_executor_free(other);
}

CF_TEST(as_completed_gives_each_of_ten_thousand_once) {
  enum { MAX = 10000 };
  static cf_future *fs[MAX];
  static bool seen[MAX];
  size_t n = scaled(MAX);
  for (size_t i = 0; i < n; i++) fs[i] = submit_value(ex, (int32_t)i);
  for (size_t i = 0; i < n; i++) seen[i] = false;
  cf_completions *it = iterate(fs, n, CF_FOREVER);
  for (size_t i = 0; i < n; i++) {
    size_t at = n;
    cf_future *f = NULL;
    ASSERT_OK(cf_completions_next(it, &at, &f));
    ASSERT(at < n && !seen[at] && fs[at] == f);
    seen[at] = true;
    ASSERT_VALUE((int)at, f);
  }
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_futures_release(fs, n);
}

/* ---------------------------------------------------------------- the deadline */

/* Deviation: CPython's deadline really starts with the first step. Here it has passed before that:
 * a step that waits anew would find the future that is finished once this thread sleeps. */
CF_TEST_PLAIN(as_completed_deadline_counts_from_the_call) {
  cf_future *f = pending_future();
  cf_completions *it = iterate(&f, 1, 500 * (int64_t)1000000);
  outlast(500 * (int64_t)1000000);
  deed finishing;
  when_i_sleep(&finishing, finish_it, f);
  ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, NULL, NULL));
  await_deed(&finishing);
  cf_completions_free(it);
  cf_future_release(f);
}

/* What is done is given out also after the deadline; only where it must wait the iterator says
 * CF_TIMEOUT, at every further step again. */
CF_TEST_PLAIN(as_completed_gives_done_ones_after_the_deadline) {
  cf_future *fs[] = { pending_future(), finished_future(2), pending_future() };
  cf_completions *it = iterate(fs, 3, CF_SHORT);
  expect_next(it, fs, 1);
  finish(fs[0], 1);
  outlast(CF_SHORT);
  expect_next(it, fs, 0);
  ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, NULL, NULL));
  ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  cf_futures_release(fs, 3);
}

/* Whoever has seen that a future is done gets it, though its finisher may not have told yet. */
CF_TEST(as_completed_gives_what_was_seen_to_be_done) {
  for (size_t i = 0; i < scaled(2000); i++) {
    gate g = gate_make();
    cf_future *f = submit_gated(ex, &g, 1);
    cf_completions *it = iterate(&f, 1, 0);
    gate_open(&g, 1);
    for (int looks = 0; !cf_future_done(f); looks++)
      if (looks > 10000) sched_yield(); /* before that every moment counts */
    expect_next(it, &f, 0);
    cf_completions_free(it);
    cf_future_release(f);
    gate_close(&g);
  }
}

CF_TEST_PLAIN(as_completed_with_a_huge_deadline_waits) {
  const int64_t huge[] = { INT64_MAX - 1, INT64_MAX / 2, CF_LONG };
  for (size_t i = 0; i < LENGTH(huge); i++) {
    cf_future *f = pending_future();
    cf_completions *it = iterate(&f, 1, huge[i]);
    deed finishing;
    when_i_sleep(&finishing, finish_it, f);
    expect_next(it, &f, 0);
    await_deed(&finishing);
    cf_completions_free(it);
    cf_future_release(f);
  }
}

/* ---------------------------------------------------------------- ownership */

/* The iterator has its own references: neither the array nor the caller's are needed any more. */
CF_TEST(as_completed_keeps_its_own_references) {
  gate g = gate_make();
  cf_completions *it = NULL;
  {
    cf_future *fs[] = { submit_gated(ex, &g, 5), submit_gated(ex, &g, 6) };
    it = iterate(fs, 2, CF_FOREVER);
    cf_futures_release(fs, 2);
  }
  gate_open(&g, 2);
  for (int i = 0; i < 2; i++) {
    size_t at = 99;
    cf_future *f = NULL;
    ASSERT_OK(cf_completions_next(it, &at, &f));
    ASSERT_VALUE(5 + (int)at, f);
  }
  ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
  cf_completions_free(it);
  gate_close(&g);
}

/* A future that was given out is borrowed: retained, it outlives the iterator. */
CF_TEST(as_completed_lends_futures_that_can_be_kept) {
  cf_future *f = submit_value(ex, 7), *kept = NULL;
  cf_completions *it = iterate(&f, 1, CF_FOREVER);
  cf_future_release(f);
  ASSERT_OK(cf_completions_next(it, NULL, &kept));
  cf_future_retain(kept);
  cf_completions_free(it);
  ASSERT_VALUE(7, kept);
  cf_future_release(kept);
}

/* Freed early, it neither cancels nor waits, and hears of no later completion. */
CF_TEST(as_completed_freed_early_leaves_the_futures_alone) {
  gate g = gate_make();
  cf_future *fs[] = { submit_gated(ex, &g, 1), submit_gated(ex, &g, 2), submit_value(ex, 3),
                      finished_future(4) };
  cf_completions *begun = iterate(fs, 4, CF_FOREVER), *unused = iterate(fs, 4, CF_FOREVER);
  expect_next(begun, fs, 3);
  cf_completions_free(begun);
  cf_completions_free(unused);
  gate_open(&g, 2);
  for (int i = 0; i < 4; i++) ASSERT_VALUE(i + 1, fs[i]);
  cf_futures_release(fs, 4);
  gate_close(&g);
}
