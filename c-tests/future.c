/*
 * Shows: the future of a submitted task. Its states and what cancel does in each, result and
 * exception with every kind of timeout, how long a result lives, retain and release.
 * Callbacks and user data are in future_callbacks.c, futures completed by hand in by_hand.c.
 */
#include "check.h"

#include <string.h>

/* Holds every worker of an executor so that what is submitted next stays pending. */
struct held {
  gate g;
  cf_future *running[2];
};

static struct held hold_both_workers(void) {
  struct held held;
  held.g = gate_make();
  for (int32_t i = 0; i < 2; i++) held.running[i] = submit_gated(ex, &held.g, i);
  gate_await(&held.g, 2);
  return held;
}

static void let_go(struct held *held) {
  gate_open(&held->g, 2);
  for (int32_t i = 0; i < 2; i++) ASSERT_VALUE(i, held->running[i]);
  cf_futures_release(held->running, 2);
  gate_close(&held->g);
}

static void check_state(const cf_future *f, cf_state state) {
  ASSERT_EQ_INT(state, cf_future_state(f));
  ASSERT_EQ_INT(state == CF_STATE_RUNNING, cf_future_running(f));
  ASSERT_EQ_INT(state == CF_STATE_CANCELLED, cf_future_cancelled(f));
  ASSERT_EQ_INT(state != CF_STATE_PENDING && state != CF_STATE_RUNNING, cf_future_done(f));
}

/* ---------------------------------------------------------------- states */

/* RUNNING means that a worker has claimed the task, never "queued nearby" (CPython's process pool
 * shows three running tasks for two workers). */
CF_TEST(states_of_pending_and_running) {
  struct held held = hold_both_workers();
  cf_future *next = submit_value(ex, 5);
  check_state(held.running[0], CF_STATE_RUNNING);
  check_state(held.running[1], CF_STATE_RUNNING);
  check_state(next, CF_STATE_PENDING);
  let_go(&held);
  ASSERT_VALUE(5, next);
  cf_future_release(next);
}

CF_TEST(states_of_finished_failed_and_cancelled) {
  struct held held = hold_both_workers();
  cf_future *good = submit_value(ex, 5), *bad = submit_failure(ex, 3, "three");
  cf_future *cancelled = submit_value(ex, 6);
  ASSERT(cf_future_cancel(cancelled));
  check_state(cancelled, CF_STATE_CANCELLED);
  let_go(&held);
  ASSERT_VALUE(5, good);
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, CF_FOREVER, NULL, NULL));
  check_state(good, CF_STATE_FINISHED);
  check_state(bad, CF_STATE_FAILED);
  check_state(cancelled, CF_STATE_CANCELLED);
  cf_future *all[] = { good, bad, cancelled };
  cf_futures_release(all, 3);
}

/* Table of states: cancel() of a pending future is true, and the task never runs. */
CF_TEST(cancel_pending) {
  struct held held = hold_both_workers();
  gate marks = gate_make();
  cf_future *f = submit_marked(ex, &marks, 1);
  ASSERT(cf_future_cancel(f));
  ASSERT(cf_future_cancel(f)); /* already cancelled: still true */
  check_state(f, CF_STATE_CANCELLED);
  let_go(&held);
  cf_executor_free(ex); /* every task that could run has run */
  ex = NULL;
  ASSERT(gate_quiet(&marks));
  check_state(f, CF_STATE_CANCELLED);
  cf_future_release(f);
  gate_close(&marks);
}

/* Table of states: cancel() of a running or a finished future is false and changes nothing. */
CF_TEST(cancel_running_or_done) {
  struct held held = hold_both_workers();
  cf_future *good = submit_value(ex, 5), *bad = submit_failure(ex, 3, "three");
  ASSERT(!cf_future_cancel(held.running[0]));
  check_state(held.running[0], CF_STATE_RUNNING);
  let_go(&held);
  ASSERT_VALUE(5, good);
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, CF_FOREVER, NULL, NULL));
  ASSERT(!cf_future_cancel(good));
  ASSERT(!cf_future_cancel(bad));
  check_state(good, CF_STATE_FINISHED);
  check_state(bad, CF_STATE_FAILED);
  ASSERT_VALUE(5, good);
  cf_future_release(good);
  cf_future_release(bad);
}

struct waiter {
  cf_future *f;
  bool exception;
  int id;
  cf_status status;
};

static void *wait_in_thread(void *arg) {
  struct waiter *w = arg;
  const cf_error *error = NULL;
  __atomic_store_n(&w->id, thread_id(), __ATOMIC_SEQ_CST);
  w->status = w->exception ? cf_future_exception(w->f, CF_FOREVER, &error)
                           : cf_future_result(w->f, CF_FOREVER, NULL, NULL);
  return NULL;
}

/* Deviation from CPython: a cancelled future is done at once for whoever waits, although every
 * worker is stuck and none has seen it. */
CF_TEST(cancel_wakes_waiters_while_the_workers_are_stuck) {
  struct held held = hold_both_workers();
  cf_future *f = submit_value(ex, 5);
  struct waiter waiters[2] = { { f, false, 0, CF_OK }, { f, true, 0, CF_OK } };
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    threads[i] = start_thread(wait_in_thread, &waiters[i]);
    while (count_of(&waiters[i].id) == 0) sched_yield();
    await_asleep(count_of(&waiters[i].id));
  }
  ASSERT(cf_future_cancel(f));
  for (int i = 0; i < 2; i++) {
    join_thread(threads[i]);
    ASSERT_STATUS(CF_CANCELLED, waiters[i].status);
  }
  let_go(&held);
  cf_future_release(f);
}

CF_TEST(cancel_many_counts_what_is_cancelled_now) {
  struct held held = hold_both_workers();
  cf_future *fs[6];
  fs[0] = cf_future_retain(held.running[0]);
  fs[1] = NULL;
  for (int32_t i = 2; i < 6; i++) fs[i] = submit_value(ex, i);
  ASSERT(cf_future_cancel(fs[5]));
  ASSERT_EQ_SIZE(4, cf_futures_cancel(fs, 6)); /* the one cancelled before included */
  check_state(fs[0], CF_STATE_RUNNING);
  for (int i = 2; i < 6; i++) check_state(fs[i], CF_STATE_CANCELLED);
  ASSERT_EQ_SIZE(0, cf_futures_cancel(NULL, 0));
  let_go(&held);
  cf_futures_release(fs, 6);
}

/* A task's own failure is not a cancellation, whatever code it gives (in CPython a task that
 * raises CancelledError looks like both). */
CF_TEST(a_task_cannot_look_cancelled_or_timed_out) {
  const int32_t codes[] = { CF_CANCELLED, CF_TIMEOUT, CF_SHUTDOWN, -1, INT32_MIN, INT32_MAX };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    cf_future *f = submit_failure(ex, codes[i], "my own");
    ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    check_state(f, CF_STATE_FAILED);
    ASSERT_STATUS(CF_TASK_FAILED, cf_error_status(cf_future_error(f)));
    ASSERT_EQ_INT(codes[i], cf_error_code(cf_future_error(f)));
    cf_future_release(f);
  }
}

/* ---------------------------------------------------------------- result and its timeouts */

/* Timeouts: 0 polls, a negative one has expired, INT64_MIN included; none of them cancels. */
CF_TEST(timeouts_that_have_passed) {
  const int64_t expired[] = { 0, -1, -CF_FOREVER, INT64_MIN, 1, 1000000 };
  struct held held = hold_both_workers();
  cf_future *next = submit_value(ex, 5);
  cf_future *fs[] = { next, held.running[0] };
  for (size_t i = 0; i < sizeof expired / sizeof expired[0]; i++) {
    for (int j = 0; j < 2; j++) {
      char place;
      const void *data = &place;
      size_t size = 77;
      int32_t value = 78;
      const cf_error *error = NULL;
      ASSERT_STATUS(CF_TIMEOUT, cf_future_result(fs[j], expired[i], &data, &size));
      ASSERT_STATUS(CF_TIMEOUT, cf_future_result_into(fs[j], expired[i], &value, sizeof value));
      ASSERT_STATUS(CF_TIMEOUT, cf_future_exception(fs[j], expired[i], &error));
      ASSERT(data == &place && size == 77 && value == 78); /* written only on CF_OK */
    }
  }
  let_go(&held);
  ASSERT_VALUE(5, next); /* a wait that times out cancels nothing */
  cf_future_release(next);
}

/* What is ready is delivered, however long ago the time was up. */
CF_TEST(a_result_beats_its_timeout) {
  const int64_t times[] = { INT64_MIN, -1, 0, 1, INT64_MAX - 1, CF_FOREVER };
  cf_future *good = submit_value(ex, 5), *bad = submit_failure(ex, 3, "three");
  const cf_error *error = NULL;
  ASSERT_VALUE(5, good);
  ASSERT_OK(cf_future_exception(bad, CF_FOREVER, &error));
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    ASSERT_OK(cf_future_result(good, times[i], NULL, NULL));
    ASSERT_OK(cf_future_exception(good, times[i], &error));
    ASSERT(error == NULL);
    ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, times[i], NULL, NULL));
    ASSERT_OK(cf_future_exception(bad, times[i], &error));
    ASSERT_EQ_INT(3, cf_error_code(error));
  }
  cf_future_release(good);
  cf_future_release(bad);
}

struct timed_waiter {
  cf_future *f;
  int64_t timeout;
  int id;
  int32_t value;
};

static void *wait_long_in_thread(void *arg) {
  struct timed_waiter *w = arg;
  __atomic_store_n(&w->id, thread_id(), __ATOMIC_SEQ_CST);
  ASSERT_OK(cf_future_result_into(w->f, w->timeout, &w->value, sizeof w->value));
  return NULL;
}

/* Huge timeouts saturate (CPython: OverflowError). They really wait, and any number of threads may
 * wait for one future. */
CF_TEST(huge_timeouts_wait) {
  const int64_t times[] = { CF_FOREVER, INT64_MAX - 1, INT64_MAX / 2, cf_seconds(1e6) };
  struct held held = hold_both_workers();
  struct timed_waiter waiters[4];
  pthread_t threads[4];
  cf_future *f = submit_value(ex, 5);
  for (int i = 0; i < 4; i++) {
    struct timed_waiter waiter = { f, times[i], 0, 0 };
    waiters[i] = waiter;
    threads[i] = start_thread(wait_long_in_thread, &waiters[i]);
    while (count_of(&waiters[i].id) == 0) sched_yield();
    await_asleep(count_of(&waiters[i].id));
  }
  let_go(&held);
  for (int i = 0; i < 4; i++) {
    join_thread(threads[i]);
    ASSERT_EQ_INT(5, waiters[i].value);
  }
  cf_future_release(f);
}

CF_TEST(a_result_can_be_read_again_and_stays_where_it_is) {
  const void *first = NULL, *again = NULL;
  size_t size = 0;
  cf_future *f = submit_value(ex, 5);
  ASSERT_OK(cf_future_result(f, CF_FOREVER, &first, &size));
  ASSERT_EQ_SIZE(sizeof(int32_t), size);
  ASSERT((uintptr_t)first % 16 == 0);
  for (int i = 0; i < 3; i++) {
    ASSERT_OK(cf_future_result(f, 0, &again, NULL));
    ASSERT_EQ_PTR(first, again);
    ASSERT_EQ_PTR(first, cf_future_data(f, &size));
    ASSERT_EQ_SIZE(sizeof(int32_t), size);
  }
  cf_executor_free(ex); /* the result outlives the executor */
  ex = NULL;
  ASSERT_OK(cf_future_result(f, 0, &again, NULL));
  ASSERT_EQ_PTR(first, again);
  ASSERT_EQ_INT(5, *(const int32_t *)again);
  cf_future_release(f);
}

CF_TEST(result_into_wants_the_exact_size) {
  char bytes[8];
  memset(bytes, 'u', sizeof bytes);
  cf_future *f = submit_value(ex, 5);
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  const size_t wrong[] = { 0, 1, 3, 5, 8, 1000000 };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ASSERT_STATUS(CF_SIZE_MISMATCH, cf_future_result_into(f, 0, bytes, wrong[i]));
    for (size_t j = 0; j < sizeof bytes; j++) ASSERT_EQ_INT('u', bytes[j]);
  }
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_result_into(f, 0, bytes, SIZE_MAX));
  ASSERT_OK(cf_future_result_into(f, 0, bytes, 4));
  int32_t value;
  memcpy(&value, bytes, 4);
  ASSERT_EQ_INT(5, value);
  ASSERT_EQ_INT('u', bytes[4]);
  cf_future_release(f);
}

CF_TEST(result_into_of_a_failure_writes_nothing) {
  int32_t value = 77;
  cf_future *bad = submit_failure(ex, 3, "three");
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result_into(bad, CF_FOREVER, &value, sizeof value));
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result_into(bad, CF_FOREVER, &value, 1));
  ASSERT_EQ_INT(77, value);
  cf_future_release(bad);
}

/* --------------------------------------------------------- errors, and looking without waiting */

CF_TEST(errors_carry_code_and_message) {
  const cf_error *error = NULL;
  cf_future *bad = submit_failure(ex, -17, "the disk is full");
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, CF_FOREVER, NULL, NULL));
  ASSERT_OK(cf_future_exception(bad, 0, &error));
  ASSERT_STATUS(CF_TASK_FAILED, cf_error_status(error));
  ASSERT_EQ_INT(-17, cf_error_code(error));
  ASSERT_STR("the disk is full", cf_error_message(error));
  ASSERT_EQ_INT(0, cf_error_pid(error));
  ASSERT_EQ_INT(0, cf_error_signal(error));
  ASSERT_EQ_INT(-1, cf_error_exit_code(error));
  ASSERT_EQ_PTR(error, cf_future_error(bad));
  cf_executor_free(ex); /* the error outlives the executor */
  ex = NULL;
  ASSERT_STR("the disk is full", cf_error_message(error));
  cf_future_release(bad);
}

CF_TEST(data_and_error_never_wait) {
  struct held held = hold_both_workers();
  cf_future *good = submit_value(ex, 5), *bad = submit_failure(ex, 3, "three");
  cf_future *cancelled = submit_value(ex, 6);
  ASSERT(cf_future_cancel(cancelled));
  cf_future *undone[] = { good, bad, held.running[0] };
  for (int i = 0; i < 3; i++) {
    ASSERT(cf_future_data(undone[i], NULL) == NULL);
    ASSERT(cf_future_error(undone[i]) == NULL);
  }
  ASSERT(cf_future_data(cancelled, NULL) == NULL);
  ASSERT_STATUS(CF_CANCELLED, cf_error_status(cf_future_error(cancelled)));
  ASSERT(cf_error_message(cf_future_error(cancelled))[0] != '\0');
  let_go(&held);
  ASSERT_VALUE(5, good);
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(5, *(const int32_t *)cf_future_data(good, NULL));
  ASSERT(cf_future_error(good) == NULL);
  ASSERT(cf_future_data(bad, NULL) == NULL);
  ASSERT_EQ_INT(3, cf_error_code(cf_future_error(bad)));
  cf_future *all[] = { good, bad, cancelled };
  cf_futures_release(all, 3);
}

/* ---------------------------------------------------------------- references */

CF_TEST(retain_gives_the_same_future) {
  cf_future *f = submit_value(ex, 5);
  ASSERT_EQ_PTR(f, cf_future_retain(f));
  cf_future_release(f);
  ASSERT_VALUE(5, f); /* the second reference holds */
  cf_future_release(f);
}

/* Release detaches: the task of a future that nobody holds runs all the same. */
CF_TEST(release_never_cancels) {
  struct held held = hold_both_workers();
  gate marks = gate_make();
  cf_future_release(submit_marked(ex, &marks, 9));
  let_go(&held);
  ASSERT_EQ_INT(9, gate_next(&marks));
  cf_executor_free(ex);
  ex = NULL;
  gate_close(&marks);
}

CF_TEST(release_many_clears_the_array) {
  cf_future *fs[] = { submit_value(ex, 1), NULL, submit_value(ex, 2), NULL };
  cf_futures_release(fs, 4);
  for (int i = 0; i < 4; i++) ASSERT(fs[i] == NULL);
  cf_futures_release(fs, 4);
  cf_futures_release(NULL, 0);
}

CF_TEST(futures_outlive_their_executor) {
  cf_future *fs[20];
  for (int32_t i = 0; i < 20; i++) fs[i] = submit_value(ex, i);
  cf_executor_free(ex);
  ex = NULL;
  for (int32_t i = 0; i < 20; i++) {
    check_state(fs[i], CF_STATE_FINISHED); /* free has waited for them */
    ASSERT_VALUE(i, fs[i]);
    ASSERT(!cf_future_cancel(fs[i]));
  }
  cf_futures_release(fs, 20);
}
