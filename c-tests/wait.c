/*
 * Shows: cf_wait and what each return_when means. Port of CPython's test_wait.py, test by test.
 * Arguments, deadlines and many waiters at once are in wait_edges.c, waiting inside a pool in
 * deadlock*.c.
 *
 * Deviation: a cancelled future is done for every waiter at once. CPython's CANCELLED_FUTURE, which
 * no executor has seen, counts as not done there; here it is the same as
 * CANCELLED_AND_NOTIFIED_FUTURE.
 */
#include "scene.h"

static void expect_done(const bool *expected, const bool *done, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (expected[i] != done[i])
      check_fail(__FILE__, __LINE__, "done[%zu]: expected %d, got %d", i, expected[i], done[i]);
}

/* ---------------------------------------------------------------- CPython's WaitTests */

/* CPython: test_wait.py, WaitTests.test_20369. */
CF_TEST(wait_all_of_one_future_given_twice) {
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  cf_future *const fs[] = { f, f };
  bool done[2] = { false, false };
  size_t count = 0;
  deed opening;
  when_i_sleep(&opening, open_one, &g);
  ASSERT_OK(cf_wait(fs, 2, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  await_deed(&opening);
  ASSERT(done[0] && done[1]);
  ASSERT_EQ_SIZE(2, count); /* positions, not distinct futures */
  cf_future_release(f);
  gate_close(&g);
}

/* CPython: test_wait.py, WaitTests.test_first_completed, without the cancelled future. */
CF_TEST(wait_first_completed) {
  gate fast = gate_make(), slow = gate_make();
  cf_future *fs[] = { submit_gated(ex, &fast, 42), submit_gated(ex, &slow, 2) };
  bool done[2] = { false, true };
  size_t count = 9;
  deed opening;
  when_i_sleep(&opening, open_one, &fast);
  ASSERT_OK(cf_wait(fs, 2, CF_FOREVER, CF_FIRST_COMPLETED, done, &count));
  await_deed(&opening);
  expect_done((bool[]){ true, false }, done, 2);
  ASSERT_EQ_SIZE(1, count);
  gate_open(&slow, 1);
  ASSERT_VALUE(2, fs[1]);
  cf_futures_release(fs, 2);
  gate_close(&fast);
  gate_close(&slow);
}

/* CPython: test_wait.py, WaitTests.test_first_completed. Deviation: there the cancelled future is
 * not done; here it ends the wait. */
CF_TEST(wait_first_completed_counts_a_cancelled_future) {
  gate g = gate_make();
  cf_future *fs[] = { submit_gated(ex, &g, 1), cancelled_future(), submit_gated(ex, &g, 2) };
  bool done[3] = { true, false, true };
  size_t count = 9;
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_FIRST_COMPLETED, done, &count));
  expect_done((bool[]){ false, true, false }, done, 3);
  ASSERT_EQ_SIZE(1, count);
  gate_open(&g, 2);
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  cf_futures_release(fs, 3);
  gate_close(&g);
}

/* CPython: test_wait.py, WaitTests.test_first_completed_some_already_completed. */
CF_TEST(wait_first_completed_some_already_completed) {
  gate g = gate_make();
  cf_future *fs[] = { cancelled_future(), finished_future(42), submit_gated(ex, &g, 1) };
  bool done[3] = { false, false, true };
  size_t count = 9;
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_FIRST_COMPLETED, done, &count));
  expect_done((bool[]){ true, true, false }, done, 3);
  ASSERT_EQ_SIZE(2, count);
  gate_open(&g, 1);
  ASSERT_VALUE(1, fs[2]);
  cf_futures_release(fs, 3);
  gate_close(&g);
}

static int32_t fail_at_gate(cf_task *task, void *arg, size_t arg_size) {
  const gate *g = arg;
  ASSERT_EQ_SIZE(sizeof *g, arg_size);
  gate_pass(g);
  return cf_task_fail(task, 13, "this is an exception");
}

static cf_future *submit_gated_failure(cf_executor *executor, const gate *g) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, fail_at_gate, g, sizeof *g, &f));
  return f;
}

/* CPython: test_wait.py, WaitTests.test_first_exception. */
CF_TEST(wait_first_exception) {
  gate failing = gate_make(), slow = gate_make();
  cf_future *fs[] = { submit_value(ex, 42), submit_gated_failure(ex, &failing),
                      submit_gated(ex, &slow, 3) };
  bool done[3] = { false, false, true };
  size_t count = 9;
  ASSERT_VALUE(42, fs[0]);
  deed opening;
  when_i_sleep(&opening, open_one, &failing);
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_FIRST_EXCEPTION, done, &count));
  await_deed(&opening);
  expect_done((bool[]){ true, true, false }, done, 3);
  ASSERT_EQ_SIZE(2, count);
  gate_open(&slow, 1);
  ASSERT_VALUE(3, fs[2]);
  cf_futures_release(fs, 3);
  gate_close(&failing);
  gate_close(&slow);
}

/* CPython: test_wait.py, WaitTests.test_first_exception_some_already_complete. Deviation: the
 * cancelled future is in the done set. */
CF_TEST(wait_first_exception_some_already_complete) {
  gate g = gate_make();
  cf_future *fs[] = { finished_future(42), cancelled_future(), submit_failure(ex, 13, "divmod"),
                      submit_gated(ex, &g, 1) };
  bool done[4] = { false, false, false, true };
  size_t count = 9;
  ASSERT_OK(cf_wait(fs, 4, CF_FOREVER, CF_FIRST_EXCEPTION, done, &count));
  expect_done((bool[]){ true, true, true, false }, done, 4);
  ASSERT_EQ_SIZE(3, count);
  gate_open(&g, 1);
  ASSERT_VALUE(1, fs[3]);
  cf_futures_release(fs, 4);
  gate_close(&g);
}

/* CPython: test_wait.py, WaitTests.test_first_exception_one_already_failed. */
CF_TEST(wait_first_exception_one_already_failed) {
  gate g = gate_make();
  cf_future *fs[] = { failed_future(13), submit_gated(ex, &g, 1) };
  bool done[2] = { false, true };
  ASSERT_OK(cf_wait(fs, 2, CF_FOREVER, CF_FIRST_EXCEPTION, done, NULL));
  expect_done((bool[]){ true, false }, done, 2);
  gate_open(&g, 1);
  ASSERT_VALUE(1, fs[1]);
  cf_futures_release(fs, 2);
  gate_close(&g);
}

/* CPython: test_wait.py, WaitTests.test_all_completed. */
CF_TEST(wait_all_completed) {
  cf_future *fs[] = { finished_future(42), cancelled_future(), failed_future(13),
                      submit_failure(ex, 13, "divmod"), submit_value(ex, 42) };
  bool done[5] = { false, false, false, false, false };
  size_t count = 0;
  ASSERT_OK(cf_wait(fs, 5, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  expect_done((bool[]){ true, true, true, true, true }, done, 5);
  ASSERT_EQ_SIZE(5, count);
  cf_futures_release(fs, 5);
}

/* CPython: test_wait.py, WaitTests.test_timeout. */
CF_TEST(wait_timeout) {
  gate g = gate_make();
  cf_future *fs[] = { cancelled_future(), failed_future(13), finished_future(42),
                      submit_gated(ex, &g, 1) };
  bool done[4] = { false, false, false, true };
  size_t count = 9;
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 4, CF_SHORT, CF_ALL_COMPLETED, done, &count));
  expect_done((bool[]){ true, true, true, false }, done, 4);
  ASSERT_EQ_SIZE(3, count);
  ASSERT(!cf_future_cancelled(fs[3])); /* a wait that times out cancels nothing */
  gate_open(&g, 1);
  ASSERT_VALUE(1, fs[3]);
  cf_futures_release(fs, 4);
  gate_close(&g);
}

/* CPython: test_wait.py, ThreadPoolWaitTests.test_pending_calls_race. */
CF_TEST(wait_all_misses_none_of_100_released_together) {
  gate g = gate_make();
  cf_future *fs[100];
  for (size_t round = 0; round < scaled(20); round++) {
    for (size_t i = 0; i < LENGTH(fs); i++) fs[i] = submit_gated(ex, &g, (int32_t)i);
    gate_open(&g, LENGTH(fs));
    ASSERT_OK(cf_wait(fs, LENGTH(fs), CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
    for (size_t i = 0; i < LENGTH(fs); i++) ASSERT(cf_future_done(fs[i]));
    cf_futures_release(fs, LENGTH(fs));
    gate_await(&g, LENGTH(fs));
  }
  gate_close(&g);
}

/* ---------------------------------------------------------------- the modes, more exactly */

/* With neither a failure nor an end of all it goes on waiting: FIRST_EXCEPTION is then ALL. */
CF_TEST_PLAIN(wait_first_exception_without_one_waits_for_all) {
  cf_future *fs[] = { finished_future(1), pending_future(), pending_future() };
  bool done[3] = { false, false, true };
  size_t count = 9;
  finish(fs[1], 2);
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 3, 0, CF_FIRST_EXCEPTION, done, &count));
  expect_done((bool[]){ true, true, false }, done, 3);
  ASSERT_EQ_SIZE(2, count);
  deed finishing;
  when_i_sleep(&finishing, finish_it, fs[2]);
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_FIRST_EXCEPTION, done, &count));
  await_deed(&finishing);
  ASSERT_EQ_SIZE(3, count);
  cf_futures_release(fs, 3);
}

/* Only a real failure ends the wait early. To be cancelled is none, before the wait or in it. */
CF_TEST_PLAIN(wait_first_exception_is_not_ended_by_a_cancel) {
  cf_future *fs[] = { cancelled_future(), pending_future(), pending_future() };
  bool done[3] = { false, false, true };
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 3, 0, CF_FIRST_EXCEPTION, done, NULL));
  deed cancelling;
  when_i_sleep(&cancelling, cancel_it, fs[1]);
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 3, CF_SHORT, CF_FIRST_EXCEPTION, done, NULL));
  await_deed(&cancelling);
  deed failing;
  when_i_sleep(&failing, fail_it, fs[2]);
  ASSERT_OK(cf_wait(fs, 3, CF_FOREVER, CF_FIRST_EXCEPTION, done, NULL));
  await_deed(&failing);
  expect_done((bool[]){ true, true, true }, done, 3);
  cf_futures_release(fs, 3);
}

/* Deviation: cancel() itself wakes those who wait for all or for the first. In CPython a wait
 * for a cancelled future that is still queued never ends (#92001, #109934). */
CF_TEST(wait_is_woken_by_cancel_of_a_queued_task) {
  gate g = gate_make();
  cf_future *busy[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  cf_future *queued[] = { submit_value(ex, 2), submit_value(ex, 3) };
  gate_await(&g, 2); /* both workers are taken */
  deed cancelling;
  when_i_sleep(&cancelling, cancel_it, queued[0]);
  ASSERT_OK(cf_wait(queued, 2, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL));
  await_deed(&cancelling);
  ASSERT(cf_future_cancelled(queued[0]) && !cf_future_done(queued[1]));
  when_i_sleep(&cancelling, cancel_it, queued[1]);
  ASSERT_OK(cf_wait(queued, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  await_deed(&cancelling);
  gate_open(&g, 2);
  ASSERT_OK(cf_wait(busy, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  cf_futures_release(busy, 2);
  cf_futures_release(queued, 2);
  gate_close(&g);
}

static void shut_down_and_cancel(void *executor) {
  ASSERT_OK(cf_executor_shutdown(executor, false, true));
}

/* Deviation: in CPython a wait for futures that shutdown(cancel_futures=True) cancelled never
 * ends (#87893, #136655). */
CF_TEST(wait_is_woken_by_shutdown_with_cancel_futures) {
  gate g = gate_make();
  cf_future *busy[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  cf_future *queued[] = { submit_value(ex, 2), submit_value(ex, 3), submit_value(ex, 4) };
  gate_await(&g, 2);
  deed stopping;
  when_i_sleep(&stopping, shut_down_and_cancel, ex);
  ASSERT_OK(cf_wait(queued, 3, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  await_deed(&stopping);
  for (size_t i = 0; i < 3; i++) ASSERT(cf_future_cancelled(queued[i]));
  gate_open(&g, 2);
  ASSERT_OK(cf_wait(busy, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  cf_futures_release(busy, 2);
  cf_futures_release(queued, 3);
  gate_close(&g);
}

/* Futures of several executors, and by hand, in one wait. */
CF_TEST(wait_takes_futures_of_several_executors) {
  cf_executor *other = make_executor(1);
  gate g = gate_make();
  cf_future *fs[] = { submit_value(ex, 1), submit_gated(other, &g, 2), pending_future(),
                      submit_value(other, 3) };
  bool done[4] = { false, true, true, true };
  ASSERT_VALUE(1, fs[0]);
  ASSERT_OK(cf_wait(fs, 4, CF_FOREVER, CF_FIRST_COMPLETED, done, NULL));
  expect_done((bool[]){ true, false, false, false }, done, 4);
  gate_open(&g, 1);
  deed finishing;
  when_i_sleep(&finishing, finish_it, fs[2]);
  ASSERT_OK(cf_wait(fs, 4, CF_FOREVER, CF_ALL_COMPLETED, done, NULL));
  await_deed(&finishing);
  expect_done((bool[]){ true, true, true, true }, done, 4);
  cf_futures_release(fs, 4);
  cf_executor_free(other);
  gate_close(&g);
}

/* The documented way to make a wait interruptible: one more future, completed by hand. */
CF_TEST(wait_is_interrupted_by_a_future_completed_by_hand) {
  gate g = gate_make();
  cf_future *interrupt = pending_future();
  cf_future *fs[] = { submit_gated(ex, &g, 1), interrupt };
  bool done[2] = { true, false };
  deed interrupting;
  when_i_sleep(&interrupting, finish_it, interrupt);
  ASSERT_OK(cf_wait(fs, 2, CF_FOREVER, CF_FIRST_COMPLETED, done, NULL));
  await_deed(&interrupting);
  expect_done((bool[]){ false, true }, done, 2);
  gate_open(&g, 1);
  ASSERT_VALUE(1, fs[0]);
  cf_futures_release(fs, 2);
  gate_close(&g);
}
