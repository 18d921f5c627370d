/*
 * Shows: futures completed by hand. Port of CPython's test_future.py (FutureTests), test by test
 * and under the same names, then what a port to C adds. No executor takes part.
 *
 * CPython's two cancelled states are one here, so CANCELLED_AND_NOTIFIED is a future that was
 * cancelled and then asked for set_running_or_notify_cancel.
 */
#include "check.h"

#include <string.h>

enum which { PENDING, RUNNING, CANCELLED, CANCELLED_AND_NOTIFIED, FAILED, FINISHED, STATES };

static cf_future *make(enum which state) {
  cf_future *f = NULL;
  bool run = false;
  const int32_t value = 42;
  ASSERT_OK(cf_future_new(&f));
  if (state == CANCELLED || state == CANCELLED_AND_NOTIFIED) ASSERT(cf_future_cancel(f));
  if (state == RUNNING || state == CANCELLED_AND_NOTIFIED) {
    ASSERT_OK(cf_future_set_running_or_notify_cancel(f, &run));
    ASSERT(run == (state == RUNNING));
  }
  if (state == FAILED) ASSERT_OK(cf_future_set_exception(f, 5, "OSError"));
  if (state == FINISHED) ASSERT_OK(cf_future_set_result(f, &value, sizeof value));
  return f;
}

static void make_all(cf_future *all[STATES]) {
  for (int i = 0; i < STATES; i++) all[i] = make((enum which)i);
}

/* ---------------------------------------------------------------- done callbacks */

struct seen {
  int calls;
  int32_t value;
  int32_t code;
  char message[32];
  bool cancelled;
};

static void look(cf_future *f, void *user_data) {
  struct seen *seen = user_data;
  seen->calls++;
  seen->cancelled = cf_future_cancelled(f);
  ASSERT(cf_future_done(f));
  cf_status status = cf_future_result_into(f, CF_FOREVER, &seen->value, sizeof seen->value);
  const cf_error *error = cf_future_error(f);
  ASSERT_STATUS(cf_error_status(error), status);
  seen->code = cf_error_code(error);
  strncpy(seen->message, cf_error_message(error), sizeof seen->message - 1);
}

static const struct seen nothing_seen;

/* CPython: test_future.py, FutureTests.test_done_callback_with_result. */
CF_TEST_PLAIN(done_callback_with_result) {
  struct seen seen = nothing_seen;
  cf_future *f = make(PENDING);
  const int32_t five = 5;
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_EQ_INT(0, seen.calls);
  ASSERT_OK(cf_future_set_result(f, &five, sizeof five));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT_EQ_INT(5, seen.value);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_with_exception. */
CF_TEST_PLAIN(done_callback_with_exception) {
  struct seen seen = nothing_seen;
  cf_future *f = make(PENDING);
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_OK(cf_future_set_exception(f, 3, "test"));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT_EQ_INT(3, seen.code);
  ASSERT_STR("test", seen.message);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_with_cancel. */
CF_TEST_PLAIN(done_callback_with_cancel) {
  struct seen seen = nothing_seen;
  cf_future *f = make(PENDING);
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT(cf_future_cancel(f));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT(seen.cancelled);
  ASSERT(cf_future_cancel(f));
  ASSERT_EQ_INT(1, seen.calls); /* a second cancel does not repeat it */
  cf_future_release(f);
}

/* A callback cannot raise in C. What comes closest: every call it makes is refused. */
static void go_wrong(cf_future *f, void *user_data) {
  count_up(user_data);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(f, NULL, 0));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(f, 1, "again"));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_add_done_callback(f, NULL, NULL, NULL));
  ASSERT(!cf_future_cancel(f));
}

/* CPython: test_future.py, FutureTests.test_done_callback_raises. */
CF_TEST_PLAIN(done_callback_raises) {
  struct seen seen = nothing_seen;
  int wrong = 0;
  cf_future *f = make(PENDING);
  const int32_t five = 5;
  ASSERT_OK(cf_future_add_done_callback(f, go_wrong, &wrong, NULL));
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_OK(cf_future_set_result(f, &five, sizeof five));
  ASSERT_EQ_INT(1, wrong);
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_already_successful. */
CF_TEST_PLAIN(done_callback_already_successful) {
  struct seen seen = nothing_seen;
  cf_future *f = make(FINISHED);
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT_EQ_INT(42, seen.value);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_already_failed. */
CF_TEST_PLAIN(done_callback_already_failed) {
  struct seen seen = nothing_seen;
  cf_future *f = make(FAILED);
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT_EQ_INT(5, seen.code);
  ASSERT_STR("OSError", seen.message);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_already_cancelled. */
CF_TEST_PLAIN(done_callback_already_cancelled) {
  struct seen seen = nothing_seen;
  cf_future *f = make(CANCELLED);
  ASSERT_OK(cf_future_add_done_callback(f, look, &seen, NULL));
  ASSERT_EQ_INT(1, seen.calls);
  ASSERT(seen.cancelled);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_done_callback_raises_already_succeeded. */
CF_TEST_PLAIN(done_callback_raises_already_succeeded) {
  int wrong = 0;
  cf_future *f = make(FINISHED);
  ASSERT_OK(cf_future_add_done_callback(f, go_wrong, &wrong, NULL));
  ASSERT_EQ_INT(1, wrong);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- states */

/* CPython: test_future.py, FutureTests.test_repr. A future has a state and no text in C. */
CF_TEST_PLAIN(state_of_each) {
  static const cf_state expected[STATES] = { CF_STATE_PENDING,   CF_STATE_RUNNING,
                                             CF_STATE_CANCELLED, CF_STATE_CANCELLED,
                                             CF_STATE_FAILED,    CF_STATE_FINISHED };
  cf_future *all[STATES];
  make_all(all);
  for (int i = 0; i < STATES; i++) ASSERT_EQ_INT(expected[i], cf_future_state(all[i]));
  cf_futures_release(all, STATES);
}

/* CPython: test_future.py, FutureTests.test_cancel. */
CF_TEST_PLAIN(cancel) {
  static const bool answer[STATES] = { true, false, true, true, false, false };
  static const cf_state after[STATES] = { CF_STATE_CANCELLED, CF_STATE_RUNNING, CF_STATE_CANCELLED,
                                          CF_STATE_CANCELLED, CF_STATE_FAILED,  CF_STATE_FINISHED };
  cf_future *all[STATES];
  make_all(all);
  for (int i = 0; i < STATES; i++) {
    ASSERT_EQ_INT(answer[i], cf_future_cancel(all[i]));
    ASSERT_EQ_INT(after[i], cf_future_state(all[i]));
  }
  cf_futures_release(all, STATES);
}

static void check_predicate(bool (*predicate)(const cf_future *), const bool expected[STATES]) {
  cf_future *all[STATES];
  make_all(all);
  for (int i = 0; i < STATES; i++) ASSERT_EQ_INT(expected[i], predicate(all[i]));
  cf_futures_release(all, STATES);
}

/* CPython: test_future.py, FutureTests.test_cancelled. */
CF_TEST_PLAIN(cancelled) {
  static const bool expected[STATES] = { false, false, true, true, false, false };
  check_predicate(cf_future_cancelled, expected);
}

/* CPython: test_future.py, FutureTests.test_done. */
CF_TEST_PLAIN(done) {
  static const bool expected[STATES] = { false, false, true, true, true, true };
  check_predicate(cf_future_done, expected);
}

/* CPython: test_future.py, FutureTests.test_running. */
CF_TEST_PLAIN(running) {
  static const bool expected[STATES] = { false, true, false, false, false, false };
  check_predicate(cf_future_running, expected);
}

/* ---------------------------------------------------------------- result and exception */

/* CPython: test_future.py, FutureTests.test_result_with_timeout. */
CF_TEST_PLAIN(result_with_timeout) {
  static const cf_status expected[STATES] = { CF_TIMEOUT,   CF_TIMEOUT,     CF_CANCELLED,
                                              CF_CANCELLED, CF_TASK_FAILED, CF_OK };
  cf_future *all[STATES];
  make_all(all);
  for (int i = 0; i < STATES; i++) {
    int32_t value = -1;
    ASSERT_STATUS(expected[i], cf_future_result_into(all[i], 0, &value, sizeof value));
    ASSERT_EQ_INT(expected[i] == CF_OK ? 42 : -1, value);
  }
  cf_futures_release(all, STATES);
}

/* CPython: test_future.py, FutureTests.test_exception_with_timeout. */
CF_TEST_PLAIN(exception_with_timeout) {
  static const cf_status expected[STATES] = { CF_TIMEOUT,   CF_TIMEOUT, CF_CANCELLED,
                                              CF_CANCELLED, CF_OK,      CF_OK };
  cf_future *all[STATES];
  const cf_error *error = NULL;
  make_all(all);
  for (int i = 0; i < STATES; i++)
    ASSERT_STATUS(expected[i], cf_future_exception(all[i], 0, &error));
  ASSERT(error == NULL); /* the last one succeeded */
  ASSERT_OK(cf_future_exception(all[FAILED], 0, &error));
  ASSERT_STATUS(CF_TASK_FAILED, cf_error_status(error));
  ASSERT_EQ_INT(5, cf_error_code(error));
  ASSERT_STR("OSError", cf_error_message(error));
  cf_futures_release(all, STATES);
}

struct waiter {
  cf_future *f;
  int id; /* the thread's, once it is about to wait */
  bool exception;
  cf_status status;
  int32_t outcome; /* the result, or the error's code */
};

static void *wait_in_thread(void *arg) {
  struct waiter *w = arg;
  const cf_error *error = NULL;
  __atomic_store_n(&w->id, thread_id(), __ATOMIC_SEQ_CST);
  if (w->exception) {
    w->status = cf_future_exception(w->f, CF_FOREVER, &error);
    w->outcome = cf_error_code(error);
  } else {
    w->status = cf_future_result_into(w->f, CF_FOREVER, &w->outcome, sizeof w->outcome);
  }
  return NULL;
}

/* Starts a waiter and returns when it sleeps in its wait. */
static pthread_t start_waiter(struct waiter *w, cf_future *f, bool exception) {
  memset(w, 0, sizeof *w);
  w->f = f;
  w->exception = exception;
  pthread_t thread = start_thread(wait_in_thread, w);
  while (count_of(&w->id) == 0) sched_yield();
  await_asleep(count_of(&w->id));
  return thread;
}

/* CPython: test_future.py, FutureTests.test_result_with_success. */
CF_TEST_PLAIN(result_with_success) {
  struct waiter w;
  const int32_t value = 42;
  cf_future *f = make(PENDING);
  pthread_t thread = start_waiter(&w, f, false);
  ASSERT_OK(cf_future_set_result(f, &value, sizeof value));
  join_thread(thread);
  ASSERT_STATUS(CF_OK, w.status);
  ASSERT_EQ_INT(42, w.outcome);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_result_with_cancel. */
CF_TEST_PLAIN(result_with_cancel) {
  struct waiter w;
  cf_future *f = make(PENDING);
  pthread_t thread = start_waiter(&w, f, false);
  ASSERT(cf_future_cancel(f));
  join_thread(thread);
  ASSERT_STATUS(CF_CANCELLED, w.status);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_exception_with_success. */
CF_TEST_PLAIN(exception_with_success) {
  struct waiter w;
  cf_future *f = make(RUNNING);
  pthread_t thread = start_waiter(&w, f, true);
  ASSERT_OK(cf_future_set_exception(f, 12, "OSError"));
  join_thread(thread);
  ASSERT_STATUS(CF_OK, w.status);
  ASSERT_EQ_INT(12, w.outcome);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_multiple_set_result. */
CF_TEST_PLAIN(multiple_set_result) {
  const int32_t one = 1, two = 2;
  cf_future *f = make(PENDING);
  ASSERT_OK(cf_future_set_result(f, &one, sizeof one));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(f, &two, sizeof two));
  ASSERT(cf_future_done(f));
  ASSERT_VALUE(1, f);
  cf_future_release(f);
}

/* CPython: test_future.py, FutureTests.test_multiple_set_exception. */
CF_TEST_PLAIN(multiple_set_exception) {
  cf_future *f = make(PENDING);
  ASSERT_OK(cf_future_set_exception(f, 1, "ValueError"));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(f, 2, "Exception"));
  ASSERT_EQ_INT(1, cf_error_code(cf_future_error(f)));
  ASSERT_STR("ValueError", cf_error_message(cf_future_error(f)));
  cf_future_release(f);
}
