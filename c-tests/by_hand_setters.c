/*
 * Shows: the rules of the calls that complete a future by hand, beyond CPython's test_future.py
 * (by_hand.c): which call is legal in which state, what is copied, and that one of several wins.
 */
#include "check.h"

#include <string.h>

static cf_future *make_pending(void) {
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  ASSERT(f != NULL);
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(f));
  return f;
}

/* Table of states: PENDING -> RUNNING, and the answer is to run. */
CF_TEST_PLAIN(set_running_from_pending) {
  bool run = false;
  cf_future *f = make_pending();
  ASSERT_OK(cf_future_set_running_or_notify_cancel(f, &run));
  ASSERT(run);
  ASSERT_EQ_INT(CF_STATE_RUNNING, cf_future_state(f));
  cf_future_release(f);
}

/* CANCELLED answers not to run, as often as it is asked: there is one cancelled state only. */
CF_TEST_PLAIN(set_running_from_cancelled) {
  cf_future *f = make_pending();
  ASSERT(cf_future_cancel(f));
  for (int i = 0; i < 2; i++) {
    bool run = true;
    ASSERT_OK(cf_future_set_running_or_notify_cancel(f, &run));
    ASSERT(!run);
    ASSERT_EQ_INT(CF_STATE_CANCELLED, cf_future_state(f));
  }
  cf_future_release(f);
}

CF_TEST_PLAIN(set_running_twice_or_late_is_refused) {
  bool run = true;
  cf_future *running = make_pending(), *finished = make_pending(), *failed = make_pending();
  ASSERT_OK(cf_future_set_running_or_notify_cancel(running, &run));
  ASSERT_OK(cf_future_set_result(finished, NULL, 0));
  ASSERT_OK(cf_future_set_exception(failed, 1, "no"));
  cf_future *all[] = { running, finished, failed };
  const cf_state states[] = { CF_STATE_RUNNING, CF_STATE_FINISHED, CF_STATE_FAILED };
  for (int i = 0; i < 3; i++) {
    bool again = true; /* nobody may begin the work twice */
    ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_running_or_notify_cancel(all[i], &again));
    ASSERT(!again);
    ASSERT_EQ_INT(states[i], cf_future_state(all[i]));
  }
  cf_futures_release(all, 3);
}

/* An outcome may be set without passing through RUNNING, and after it. */
CF_TEST_PLAIN(outcome_from_pending_or_running) {
  bool run;
  const int32_t value = 7;
  for (int through_running = 0; through_running < 2; through_running++) {
    cf_future *good = make_pending(), *bad = make_pending();
    if (through_running) {
      ASSERT_OK(cf_future_set_running_or_notify_cancel(good, &run));
      ASSERT_OK(cf_future_set_running_or_notify_cancel(bad, &run));
    }
    ASSERT_OK(cf_future_set_result(good, &value, sizeof value));
    ASSERT_EQ_INT(CF_STATE_FINISHED, cf_future_state(good));
    ASSERT_VALUE(7, good);
    ASSERT_OK(cf_future_set_exception(bad, 8, "eight"));
    ASSERT_EQ_INT(CF_STATE_FAILED, cf_future_state(bad));
    ASSERT_EQ_INT(8, cf_error_code(cf_future_error(bad)));
    cf_future_release(good);
    cf_future_release(bad);
  }
}

CF_TEST_PLAIN(outcome_after_cancel_is_refused) {
  const int32_t value = 7;
  cf_future *f = make_pending();
  ASSERT(cf_future_cancel(f));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(f, &value, sizeof value));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(f, 1, "late"));
  ASSERT_EQ_INT(CF_STATE_CANCELLED, cf_future_state(f));
  ASSERT_STATUS(CF_CANCELLED, cf_future_result(f, 0, NULL, NULL));
  cf_future_release(f);
}

CF_TEST_PLAIN(the_first_outcome_is_kept_across_kinds) {
  const int32_t one = 1;
  cf_future *good = make_pending(), *bad = make_pending();
  ASSERT_OK(cf_future_set_result(good, &one, sizeof one));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(good, 2, "late"));
  ASSERT_VALUE(1, good);
  ASSERT(cf_future_error(good) == NULL);
  ASSERT_OK(cf_future_set_exception(bad, 2, "two"));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(bad, &one, sizeof one));
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(bad, 0, NULL, NULL));
  ASSERT_STR("two", cf_error_message(cf_future_error(bad)));
  cf_future_release(good);
  cf_future_release(bad);
}

/* CPython accepts set_exception(None) and yields a null result: here code 0 is refused. */
CF_TEST_PLAIN(an_exception_needs_a_code) {
  cf_future *f = make_pending();
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_set_exception(f, 0, "nothing"));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(f));
  ASSERT_OK(cf_future_set_exception(f, -5, "minus five"));
  ASSERT_EQ_INT(-5, cf_error_code(cf_future_error(f)));
  cf_future_release(f);
}

CF_TEST_PLAIN(an_exception_without_a_message_has_one) {
  cf_future *f = make_pending();
  ASSERT_OK(cf_future_set_exception(f, 5, NULL));
  ASSERT(cf_error_message(cf_future_error(f)) != NULL);
  ASSERT(cf_error_message(cf_future_error(f))[0] != '\0');
  cf_future_release(f);
}

CF_TEST_PLAIN(results_and_messages_are_copied) {
  char bytes[100], message[] = "the message";
  const void *data = NULL;
  size_t size = 0;
  memset(bytes, 'b', sizeof bytes);
  cf_future *good = make_pending(), *bad = make_pending();
  ASSERT_OK(cf_future_set_result(good, bytes, sizeof bytes));
  ASSERT_OK(cf_future_set_exception(bad, 1, message));
  memset(bytes, 'x', sizeof bytes);
  memset(message, 'x', sizeof message - 1);
  ASSERT_OK(cf_future_result(good, 0, &data, &size));
  ASSERT_EQ_SIZE(sizeof bytes, size);
  for (size_t i = 0; i < size; i++) ASSERT_EQ_INT('b', ((const char *)data)[i]);
  ASSERT_STR("the message", cf_error_message(cf_future_error(bad)));
  cf_future_release(good);
  cf_future_release(bad);
}

CF_TEST_PLAIN(results_of_any_size) {
  const size_t sizes[] = { 0, 1, 15, 16, 17, 64, 65, 4096, 100000 };
  static char bytes[100000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const void *data = NULL;
    size_t size = SIZE_MAX;
    cf_future *f = make_pending();
    ASSERT_OK(cf_future_set_result(f, bytes, sizes[i]));
    ASSERT_OK(cf_future_result(f, 0, &data, &size));
    ASSERT_EQ_SIZE(sizes[i], size);
    ASSERT(data != NULL && (uintptr_t)data % 16 == 0);
    ASSERT(memcmp(data, bytes, size) == 0);
    cf_future_release(f);
  }
}

static void mark_called(cf_future *f, void *called) {
  (void)f;
  count_up(called);
}

/* A promise that nobody keeps: what was registered is destroyed and never called. */
CF_TEST_PLAIN(released_before_it_is_done) {
  int called = 0, destroyed = 0, data_destroyed = 0;
  cf_future *f = make_pending();
  ASSERT_OK(cf_future_add_done_callback(f, mark_called, &called, NULL));
  ASSERT_OK(cf_future_add_done_callback(f, mark_called, &destroyed, count_destroy));
  ASSERT_OK(cf_future_set_user_data(f, &data_destroyed, count_destroy));
  cf_future_release(f);
  ASSERT_EQ_INT(0, called);
  ASSERT_EQ_INT(1, destroyed); /* one destroy, no call */
  ASSERT_EQ_INT(1, data_destroyed);
}

/* -------------------------------------------------------------- only executors complete theirs */

CF_TEST(futures_of_a_pool_cannot_be_completed_by_hand) {
  bool run = false;
  const int32_t value = 99;
  gate g = gate_make();
  cf_future *fs[4];
  fs[0] = submit_gated(ex, &g, 0); /* RUNNING */
  fs[1] = submit_gated(ex, &g, 1); /* RUNNING */
  gate_await(&g, 2);
  fs[2] = submit_value(ex, 2); /* PENDING */
  fs[3] = submit_value(ex, 3);
  ASSERT(cf_future_cancel(fs[3])); /* CANCELLED */
  for (int i = 0; i < 4; i++) {
    ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(fs[i], &value, sizeof value));
    ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(fs[i], 1, "by hand"));
  }
  for (int i = 0; i < 3; i++) {
    ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_running_or_notify_cancel(fs[i], &run));
    ASSERT(!run);
  }
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(fs[2]));
  gate_open(&g, 2);
  for (int32_t i = 0; i < 3; i++) ASSERT_VALUE(i, fs[i]);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_result(fs[0], &value, sizeof value));
  ASSERT_VALUE(0, fs[0]);
  cf_futures_release(fs, 4);
  gate_close(&g);
}

/* ---------------------------------------------------------------- several setters, one wins */

struct contest {
  cf_future *f;
  int go;
  int results, exceptions, cancels; /* who won */
  int callbacks;
};

static void await_go(struct contest *c) {
  while (count_of(&c->go) == 0) sched_yield();
}

static void *set_result_in_thread(void *arg) {
  struct contest *c = arg;
  const int32_t value = 1;
  await_go(c);
  cf_status status = cf_future_set_result(c->f, &value, sizeof value);
  ASSERT(status == CF_OK || status == CF_INVALID_STATE);
  if (status == CF_OK) count_up(&c->results);
  return NULL;
}

static void *set_exception_in_thread(void *arg) {
  struct contest *c = arg;
  await_go(c);
  cf_status status = cf_future_set_exception(c->f, 2, "two");
  ASSERT(status == CF_OK || status == CF_INVALID_STATE);
  if (status == CF_OK) count_up(&c->exceptions);
  return NULL;
}

static void *cancel_in_thread(void *arg) {
  struct contest *c = arg;
  await_go(c);
  if (cf_future_cancel(c->f)) count_up(&c->cancels);
  return NULL;
}

static void count_callback(cf_future *f, void *user_data) {
  ASSERT(cf_future_done(f));
  count_up(user_data);
}

CF_TEST_PLAIN(one_of_several_setters_wins) {
  for (size_t round = 0; round < scaled(300); round++) {
    struct contest c;
    memset(&c, 0, sizeof c);
    c.f = make_pending();
    ASSERT_OK(cf_future_add_done_callback(c.f, count_callback, &c.callbacks, NULL));
    pthread_t threads[] = { start_thread(set_result_in_thread, &c),
                            start_thread(set_exception_in_thread, &c),
                            start_thread(cancel_in_thread, &c) };
    count_up(&c.go);
    cf_status status = cf_future_result(c.f, CF_FOREVER, NULL, NULL);
    for (int i = 0; i < 3; i++) join_thread(threads[i]);
    ASSERT_EQ_INT(1, c.results + c.exceptions + c.cancels);
    ASSERT_EQ_INT(1, c.callbacks);
    ASSERT_STATUS(c.results ? CF_OK : c.exceptions ? CF_TASK_FAILED : CF_CANCELLED, status);
    cf_future_release(c.f);
  }
}
