/*
 * Shows: what cf_wait answers to unusual arguments, how its deadline counts, that a wait which is
 * over leaves nothing behind, and many waits at once. The modes themselves are in wait.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "scene.h"

#include <time.h>

static const int modes[] = { CF_ALL_COMPLETED, CF_FIRST_COMPLETED, CF_FIRST_EXCEPTION };

/* ---------------------------------------------------------------- arguments */

/* CPython: an empty input returns at once in every mode. */
CF_TEST_PLAIN(wait_for_nothing_returns_at_once) {
  cf_future *f = pending_future();
  for (size_t m = 0; m < LENGTH(modes); m++) {
    size_t count = 9;
    ASSERT_OK(cf_wait(NULL, 0, CF_FOREVER, modes[m], NULL, &count));
    ASSERT_EQ_SIZE(0, count);
    count = 9;
    ASSERT_OK(cf_wait(&f, 0, CF_FOREVER, modes[m], NULL, &count));
    ASSERT_EQ_SIZE(0, count);
  }
  cf_future_release(f);
}

/* Deviation: CPython notices a bad return_when only if it has to wait, and not for empty input. */
CF_TEST_PLAIN(wait_checks_its_arguments_first) {
  cf_future *f = finished_future(1);
  cf_future *const with_null[] = { f, NULL };
  bool done[2] = { false, true };
  size_t count = 77;
  const int unknown[] = { -1, 3, 1000, INT32_MIN, INT32_MAX };
  for (size_t i = 0; i < LENGTH(unknown); i++) {
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(&f, 1, 0, unknown[i], done, &count));
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(NULL, 0, 0, unknown[i], NULL, &count));
  }
  for (size_t m = 0; m < LENGTH(modes); m++) {
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(NULL, 1, 0, modes[m], done, &count));
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(with_null, 2, 0, modes[m], done, &count));
    /* No array of pointers has so many members. */
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(&f, SIZE_MAX, 0, modes[m], done, &count));
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_wait(&f, SIZE_MAX / 8 + 2, 0, modes[m], done, &count));
  }
  ASSERT(!done[0] && done[1]); /* nothing was written */
  ASSERT_EQ_SIZE(77, count);
  cf_future_release(f);
}

CF_TEST_PLAIN(wait_needs_no_place_for_its_answers) {
  cf_future *fs[] = { finished_future(1), pending_future() };
  bool done[2] = { false, true };
  size_t count = 9;
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 2, 0, CF_ALL_COMPLETED, NULL, NULL));
  ASSERT_OK(cf_wait(fs, 2, 0, CF_FIRST_COMPLETED, done, NULL));
  ASSERT(done[0] && !done[1]);
  ASSERT_OK(cf_wait(fs, 2, 0, CF_FIRST_COMPLETED, NULL, &count));
  ASSERT_EQ_SIZE(1, count);
  cf_futures_release(fs, 2);
}

/* Positions are answered one by one, a future that stands twice at both. */
CF_TEST_PLAIN(wait_answers_every_position_of_a_duplicate) {
  cf_future *a = finished_future(1), *b = pending_future();
  cf_future *const fs[] = { b, a, b, a, a };
  bool done[5] = { true, false, true, false, false };
  size_t count = 9;
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 5, 0, CF_ALL_COMPLETED, done, &count));
  ASSERT(!done[0] && done[1] && !done[2] && done[3] && done[4]);
  ASSERT_EQ_SIZE(3, count);
  deed finishing;
  when_i_sleep(&finishing, finish_it, b);
  ASSERT_OK(cf_wait(fs, 5, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  await_deed(&finishing);
  ASSERT(done[0] && done[2]);
  ASSERT_EQ_SIZE(5, count);
  cf_future_release(a);
  cf_future_release(b);
}

/* ---------------------------------------------------------------- deadlines */

/* 0 polls; what is negative has expired, however it was computed. Nothing overflows. */
CF_TEST_PLAIN(wait_with_an_expired_deadline_polls) {
  const int64_t expired[] = { 0, -1, -1000000000, INT64_MIN };
  cf_future *fs[] = { finished_future(1), pending_future() };
  for (size_t i = 0; i < LENGTH(expired); i++) {
    bool done[2] = { false, true };
    size_t count = 9;
    ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 2, expired[i], CF_ALL_COMPLETED, done, &count));
    ASSERT(done[0] && !done[1]);
    ASSERT_EQ_SIZE(1, count);
    ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, 2, expired[i], CF_FIRST_EXCEPTION, NULL, NULL));
    ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs + 1, 1, expired[i], CF_FIRST_COMPLETED, NULL, NULL));
    ASSERT_OK(cf_wait(fs, 2, expired[i], CF_FIRST_COMPLETED, NULL, NULL));
    ASSERT_OK(cf_wait(fs, 1, expired[i], CF_ALL_COMPLETED, NULL, NULL));
  }
  cf_futures_release(fs, 2);
}

/* Deviation: CPython raises OverflowError for huge timeouts. */
CF_TEST_PLAIN(wait_with_a_huge_deadline_still_waits) {
  const int64_t huge[] = { CF_FOREVER, INT64_MAX - 1, INT64_MAX / 2, CF_LONG };
  for (size_t i = 0; i < LENGTH(huge); i++) {
    cf_future *f = pending_future();
    deed finishing;
    when_i_sleep(&finishing, finish_it, f);
    ASSERT_OK(cf_wait(&f, 1, huge[i], CF_ALL_COMPLETED, NULL, NULL));
    await_deed(&finishing);
    cf_future_release(f);
  }
}

/* ---------------------------------------------------------------- what ends a wait */

/* Each way to be done wakes a wait that sleeps, whoever it was that did it. */
CF_TEST_PLAIN(wait_is_woken_by_every_way_to_end) {
  void (*const ways[])(void *) = { finish_it, fail_it, cancel_it };
  for (size_t w = 0; w < LENGTH(ways); w++)
    for (size_t m = 0; m < LENGTH(modes); m++) {
      cf_future *f = pending_future();
      bool done = false;
      deed ending;
      when_i_sleep(&ending, ways[w], f);
      ASSERT_OK(cf_wait(&f, 1, CF_FOREVER, modes[m], &done, NULL));
      await_deed(&ending);
      ASSERT(done);
      cf_future_release(f);
    }
}

/* A future that only begins to run is not done. */
CF_TEST_PLAIN(wait_goes_on_when_a_future_begins_to_run) {
  cf_future *f = pending_future();
  bool run = false;
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(&f, 1, 0, CF_FIRST_COMPLETED, NULL, NULL));
  ASSERT_OK(cf_future_set_running_or_notify_cancel(f, &run));
  ASSERT(run);
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(&f, 1, 0, CF_FIRST_COMPLETED, NULL, NULL));
  finish(f, 1);
  ASSERT_OK(cf_wait(&f, 1, 0, CF_FIRST_COMPLETED, NULL, NULL));
  cf_future_release(f);
}

/* What is over is over: the futures may be completed, waited for again and released afterwards.
 * valgrind would see a completion that still writes to the wait's place on this stack. */
CF_TEST_PLAIN(wait_that_is_over_leaves_nothing_behind) {
  enum { N = 8 };
  cf_future *fs[N];
  for (size_t i = 0; i < N; i++) fs[i] = pending_future();
  for (size_t round = 0; round < 100; round++)
    for (size_t m = 0; m < LENGTH(modes); m++)
      ASSERT_STATUS(CF_TIMEOUT, cf_wait(fs, N, (int64_t)(round % 2) * 1000, modes[m], NULL, NULL));
  finish(fs[0], 0);
  ASSERT_OK(cf_wait(fs, N, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL));
  for (size_t i = 1; i < N; i++) finish(fs[i], (int32_t)i);
  for (size_t i = 0; i < N; i++) ASSERT_VALUE((int)i, fs[i]);
  cf_futures_release(fs, N);
}

/* ---------------------------------------------------------------- many */

CF_TEST(wait_for_ten_thousand_tasks) {
  enum { MAX = 10000 };
  static cf_future *fs[MAX];
  static bool done[MAX];
  size_t n = scaled(MAX), count = 0;
  for (size_t i = 0; i < n; i++) fs[i] = submit_value(ex, (int32_t)i);
  ASSERT_OK(cf_wait(fs, n, CF_FOREVER, CF_FIRST_COMPLETED, done, &count));
  ASSERT(count >= 1);
  ASSERT_OK(cf_wait(fs, n, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  ASSERT_EQ_SIZE(n, count);
  for (size_t i = 0; i < n; i++) ASSERT(done[i]);
  for (size_t i = 0; i < n; i++) ASSERT_VALUE((int)i, fs[i]);
  cf_futures_release(fs, n);
}

enum { WAITERS = 8, WAITED_FOR = 200 };

struct crowd {
  cf_future *fs[WAITED_FOR];
  int32_t sleepers[WAITERS];
  int arrived;
  int woken;
};

struct member {
  struct crowd *crowd;
  int number;
};

/* Even members wait for all, odd ones for the first of the upper half; some with a deadline. */
static void *wait_in_crowd(void *arg) {
  struct member *m = arg;
  struct crowd *c = m->crowd;
  c->sleepers[m->number] = thread_id();
  count_up(&c->arrived);
  int64_t timeout = m->number % 4 < 2 ? CF_FOREVER : CF_LONG;
  if (m->number % 2 == 0) {
    ASSERT_OK(cf_wait(c->fs, WAITED_FOR, timeout, CF_ALL_COMPLETED, NULL, NULL));
    for (size_t i = 0; i < WAITED_FOR; i++) ASSERT(cf_future_done(c->fs[i]));
  } else {
    cf_future *const *half = c->fs + WAITED_FOR / 2;
    size_t count = 0;
    ASSERT_OK(cf_wait(half, WAITED_FOR / 2, timeout, CF_FIRST_COMPLETED, NULL, &count));
    ASSERT(count >= 1);
  }
  count_up(&c->woken);
  return NULL;
}

/* Many threads wait for overlapping sets: each returns when its own condition holds. */
CF_TEST_PLAIN(wait_in_many_threads_for_the_same_futures) {
  static struct crowd crowd;
  struct member members[WAITERS];
  pthread_t threads[WAITERS];
  crowd.arrived = crowd.woken = 0;
  for (size_t i = 0; i < WAITED_FOR; i++) crowd.fs[i] = pending_future();
  for (int i = 0; i < WAITERS; i++) {
    members[i] = (struct member){ &crowd, i };
    threads[i] = start_thread(wait_in_crowd, &members[i]);
  }
  const struct timespec moment = { 0, 1000000 };
  while (count_of(&crowd.arrived) < WAITERS) nanosleep(&moment, NULL);
  for (int i = 0; i < WAITERS; i++) await_asleep(crowd.sleepers[i]);
  ASSERT_EQ_INT(0, count_of(&crowd.woken));
  for (size_t i = 0; i < WAITED_FOR / 2; i++) finish(crowd.fs[i], 1);
  ASSERT_EQ_INT(0, count_of(&crowd.woken)); /* neither condition holds yet */
  finish(crowd.fs[WAITED_FOR - 1], 1);
  for (int i = 1; i < WAITERS; i += 2) join_thread(threads[i]);
  ASSERT_EQ_INT(WAITERS / 2, count_of(&crowd.woken));
  for (size_t i = WAITED_FOR / 2; i < WAITED_FOR - 1; i++) finish(crowd.fs[i], 1);
  for (int i = 0; i < WAITERS; i += 2) join_thread(threads[i]);
  cf_futures_release(crowd.fs, WAITED_FOR);
}

/* ---------------------------------------------------------------- after a fork */

static void wait_in_child(void *arg) {
  cf_future *const *fs = arg;
  bool done[2] = { true, false };
  size_t count = 77;
  ASSERT_STATUS(CF_FORKED, cf_wait(fs, 2, CF_FOREVER, CF_ALL_COMPLETED, done, &count));
  ASSERT_STATUS(CF_FORKED, cf_wait(fs, 2, 0, CF_FIRST_COMPLETED, done, &count));
  ASSERT(done[0] && !done[1]);
  ASSERT_EQ_SIZE(77, count);
  cf_future *own = finished_future(1); /* a future of the child's own works */
  ASSERT_OK(cf_wait(&own, 1, 0, CF_ALL_COMPLETED, NULL, NULL));
  cf_future_release(own);
}

CF_TEST(wait_in_a_forked_child_is_refused) {
  cf_future *fs[] = { submit_value(ex, 1), pending_future() };
  ASSERT_VALUE(1, fs[0]);
  run_in_child(wait_in_child, fs);
  finish(fs[1], 2);
  ASSERT_OK(cf_wait(fs, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  cf_futures_release(fs, 2);
}
