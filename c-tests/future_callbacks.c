/*
 * Shows: done callbacks of submitted tasks (order, thread, what they may do, when their destroy
 * hook runs) and the user data of a future. CPython's own callback tests are ported in by_hand.c.
 *
 * cf_future_result may return before a callback has run, so these tests look at what callbacks did
 * only after cf_executor_join or cf_executor_free, which wait for them.
 */
#include "check.h"

#include <string.h>

static void finish(void) {
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
}

/* ---------------------------------------------------------------- order */

struct journal {
  char text[32];
  int length;
};

struct entry {
  struct journal *journal;
  char letter;
};

static void note(struct journal *journal, char letter) {
  journal->text[journal->length++] = letter;
}

static void note_callback(cf_future *f, void *user_data) {
  struct entry *entry = user_data;
  ASSERT(cf_future_done(f));
  note(entry->journal, entry->letter);
}

/* The callback's letter in small: destroyed. */
static void note_destroy(void *user_data) {
  struct entry *entry = user_data;
  note(entry->journal, (char)(entry->letter - 'A' + 'a'));
}

/* Order of registration; the same function and data twice is called twice. */
CF_TEST(callbacks_run_in_order_of_registration) {
  struct journal journal = { "", 0 };
  struct entry a = { &journal, 'A' }, b = { &journal, 'B' }, c = { &journal, 'C' };
  struct entry *order[] = { &c, &a, &a, &b, &c };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  for (int i = 0; i < 5; i++)
    ASSERT_OK(cf_future_add_done_callback(f, note_callback, order[i], NULL));
  gate_open(&g, 1);
  finish();
  ASSERT_STR("CAABC", journal.text);
  cf_future_release(f);
  gate_close(&g);
}

static void add_from_inside(cf_future *f, void *user_data) {
  struct entry *entry = user_data;
  struct entry inner = { entry->journal, 'I' };
  note(entry->journal, '(');
  ASSERT_OK(cf_future_add_done_callback(f, note_callback, &inner, note_destroy));
  note(entry->journal, ')');
}

/* A callback that a running callback adds runs at once, before those registered earlier. */
CF_TEST(a_callback_added_inside_a_callback_runs_at_once) {
  struct journal journal = { "", 0 };
  struct entry first = { &journal, 'F' }, last = { &journal, 'L' };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, add_from_inside, &first, NULL));
  ASSERT_OK(cf_future_add_done_callback(f, note_callback, &last, NULL));
  gate_open(&g, 1);
  finish();
  ASSERT_STR("(Ii)L", journal.text);
  cf_future_release(f);
  gate_close(&g);
}

/* The destroy hook of each callback runs once, after its call. */
CF_TEST(destroy_follows_the_call) {
  struct journal journal = { "", 0 };
  struct entry a = { &journal, 'A' }, b = { &journal, 'B' };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, note_callback, &a, note_destroy));
  ASSERT_OK(cf_future_add_done_callback(f, note_callback, &b, note_destroy));
  ASSERT_EQ_INT(0, journal.length);
  gate_open(&g, 1);
  finish();
  cf_future_release(f);
  ASSERT_EQ_INT(4, journal.length);
  ASSERT(strchr(journal.text, 'A') < strchr(journal.text, 'a'));
  ASSERT(strchr(journal.text, 'B') < strchr(journal.text, 'b'));
  ASSERT(strchr(journal.text, 'A') < strchr(journal.text, 'B'));
  gate_close(&g);
}

/* ---------------------------------------------------------------- the thread */

static int32_t thread_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t id = thread_id();
  (void)arg_size;
  gate_arrive(arg, 0);
  gate_pass(arg);
  return cf_task_return(task, &id, sizeof id);
}

static void note_thread(cf_future *f, void *user_data) {
  (void)f;
  __atomic_store_n((int *)user_data, thread_id(), __ATOMIC_SEQ_CST);
}

CF_TEST(a_callback_runs_on_the_thread_that_completes) {
  CF_THREADS_ONLY("a pool of processes has a thread for callbacks");
  int callback_thread = 0;
  gate g = gate_make();
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, thread_task, &g, sizeof g, &f));
  gate_await(&g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, note_thread, &callback_thread, NULL));
  gate_open(&g, 1);
  finish();
  ASSERT_VALUE(callback_thread, f);
  cf_future_release(f);
  gate_close(&g);
}

CF_TEST(a_late_callback_runs_here_before_the_call_returns) {
  int callback_thread = 0, destroyed = 0;
  cf_future *f = submit_value(ex, 5);
  ASSERT_VALUE(5, f);
  ASSERT_OK(cf_future_add_done_callback(f, note_thread, &callback_thread, NULL));
  ASSERT_EQ_INT(thread_id(), callback_thread);
  ASSERT_OK(cf_future_add_done_callback(f, note_thread, &destroyed, count_destroy));
  ASSERT_EQ_INT(thread_id() + 1, destroyed); /* called, then destroyed */
  cf_future_release(f);
}

CF_TEST(a_callback_of_a_cancelled_future_runs_in_the_canceller) {
  int callback_thread = 0;
  gate g = gate_make();
  cf_future *held[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  cf_future *f = submit_value(ex, 5);
  ASSERT_OK(cf_future_add_done_callback(f, note_thread, &callback_thread, NULL));
  ASSERT(cf_future_cancel(f));
  ASSERT_EQ_INT(thread_id(), callback_thread);
  gate_open(&g, 2);
  cf_future_release(f);
  cf_futures_release(held, 2);
  finish();
  gate_close(&g);
}

/* ---------------------------------------------------------------- when */

struct slow {
  gate g;
  int32_t value;
};

/* Arrives, waits for a pass, then arrives again. */
static void slow_callback(cf_future *f, void *user_data) {
  struct slow *slow = user_data;
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &slow->value, sizeof slow->value));
  gate_arrive(&slow->g, 100);
  gate_pass(&slow->g);
}

/* Waiters are woken before the callbacks run, and a slow callback holds up no other result. */
CF_TEST(a_slow_callback_delays_nobody) {
  struct slow slow = { gate_make(), 0 };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  gate_await(&g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, slow_callback, &slow, NULL));
  gate_open(&g, 1);
  ASSERT_EQ_INT(100, gate_next(&slow.g)); /* the callback is running and stays there */
  ASSERT_VALUE(1, f);
  ASSERT(cf_future_done(f));
  for (int32_t i = 0; i < 10; i++) {
    cf_future *other = submit_value(ex, i);
    ASSERT_VALUE(i, other);
    cf_future_release(other);
  }
  gate_open(&slow.g, 1);
  finish();
  ASSERT_EQ_INT(1, slow.value); /* a callback may read the result */
  cf_future_release(f);
  gate_close(&g);
  gate_close(&slow.g);
}

/* The last reference is the pool's, so the hook runs in the worker; what is submitted meanwhile
 * finds another one. */
static void slow_destroy(void *user_data) {
  const struct slow *slow = user_data;
  gate_arrive(&slow->g, 100);
  gate_pass(&slow->g);
}

static void attach_slow_data(cf_future *f, void *user_data) {
  ASSERT_OK(cf_future_set_user_data(f, user_data, slow_destroy));
}

static void expect_slow_hook_delays_nobody(bool set_by_callback) {
  struct slow slow = { gate_make(), 0 };
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  gate_await(&g, 1);
  if (set_by_callback)
    ASSERT_OK(cf_future_add_done_callback(f, attach_slow_data, &slow, NULL));
  else
    attach_slow_data(f, &slow);
  cf_future_release(f);
  gate_open(&g, 1);
  ASSERT_EQ_INT(100, gate_next(&slow.g)); /* the hook is running and stays there */
  cf_future *other = submit_value(ex, 2);
  ASSERT_VALUE(2, other);
  cf_future_release(other);
  gate_open(&slow.g, 1);
  finish();
  gate_close(&g);
  gate_close(&slow.g);
}

CF_TEST(a_slow_hook_delays_nobody) {
  expect_slow_hook_delays_nobody(false);
}

CF_TEST(a_slow_hook_that_a_callback_has_set_delays_nobody) {
  expect_slow_hook_delays_nobody(true);
}

/* ---------------------------------------------------------------- what a callback may do */

struct follow_up {
  cf_executor *executor;
  gate done; /* where the callback arrives at its end */
  cf_status status;
  int32_t value;
};

static void submit_and_wait(cf_future *f, void *user_data) {
  struct follow_up *up = user_data;
  cf_future *next = NULL;
  const int32_t value = 6;
  (void)f;
  up->status = cf_executor_submit(up->executor, value_task, &value, sizeof value, &next);
  if (up->status == CF_OK)
    ASSERT_OK(cf_future_result_into(next, CF_FOREVER, &up->value, sizeof up->value));
  cf_future_release(next);
  gate_arrive(&up->done, 100);
}

/* A callback may submit, and may even wait for what it submitted in a pool of one worker (in
 * CPython a callback of a process pool that waits for a sibling hangs). */
CF_TEST(a_callback_may_submit_and_wait) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  struct follow_up up = { one, g, CF_PANIC, 0 };
  cf_future *f = submit_gated(one, &g, 1);
  gate_await(&g, 1);
  ASSERT_OK(cf_future_add_done_callback(f, submit_and_wait, &up, NULL));
  gate_open(&g, 1);
  ASSERT_EQ_INT(100, gate_next(&g));
  ASSERT_OK(up.status);
  ASSERT_EQ_INT(6, up.value);
  cf_future_release(f);
  cf_executor_free(one);
  gate_close(&g);
}

/* No user code runs under a lock of the pool: callbacks of what a shutdown cancels may call it. */
CF_TEST(callbacks_of_a_cancelling_shutdown_may_call_the_pool) {
  struct follow_up ups[3];
  cf_future *fs[3];
  gate g = gate_make();
  cf_future *held[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  for (int32_t i = 0; i < 3; i++) {
    struct follow_up up = { ex, g, CF_PANIC, 0 };
    ups[i] = up;
    fs[i] = submit_value(ex, i);
    ASSERT_OK(cf_future_add_done_callback(fs[i], submit_and_wait, &ups[i], NULL));
  }
  ASSERT_OK(cf_executor_shutdown(ex, false, true));
  for (int i = 0; i < 3; i++) {
    ASSERT_STATUS(CF_SHUTDOWN, ups[i].status);
    ASSERT(cf_future_cancelled(fs[i]));
  }
  gate_open(&g, 2);
  cf_futures_release(fs, 3);
  cf_futures_release(held, 2);
  finish();
  gate_close(&g);
}

static void release_me(cf_future *f, void *user_data) {
  int *called = user_data;
  count_up(called);
  cf_future_release(f); /* the reference that the test gave up */
}

CF_TEST(a_callback_may_release_the_last_reference) {
  int called = 0, data_destroyed = 0;
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  ASSERT_OK(cf_future_set_user_data(f, &data_destroyed, count_destroy));
  ASSERT_OK(cf_future_add_done_callback(f, release_me, &called, NULL));
  gate_open(&g, 1);
  finish();
  ASSERT_EQ_INT(1, called);
  ASSERT_EQ_INT(1, data_destroyed);
  gate_close(&g);
}

/* In CPython an exception that leaves a callback kills the worker, which stays counted, and a
 * pool of one hangs for ever. Whatever goes wrong in a callback here is a status, and the worker
 * lives. */
static void go_wrong(cf_future *f, void *user_data) {
  count_up(user_data);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_exception(f, 1, "no"));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_submit(NULL, value_task, NULL, 0, NULL));
}

CF_TEST(a_callback_that_goes_wrong_leaves_the_worker_alive) {
  int called = 0;
  cf_executor *one = make_executor(1);
  for (int32_t i = 0; i < 20; i++) {
    cf_future *f = submit_value(one, i);
    ASSERT_OK(cf_future_add_done_callback(f, go_wrong, &called, NULL));
    ASSERT_VALUE(i, f);
    cf_future_release(f);
  }
  cf_executor_free(one);
  ASSERT_EQ_INT(20, called);
}

/* --------------------------------------------------------------- user data (Python: f.arg = x) */

CF_TEST(user_data_is_set_once) {
  int data = 0, other = 0;
  cf_future *f = submit_value(ex, 5);
  ASSERT(cf_future_user_data(f) == NULL);
  ASSERT_OK(cf_future_set_user_data(f, &data, count_destroy));
  ASSERT_EQ_PTR(&data, cf_future_user_data(f));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_set_user_data(f, &other, count_destroy));
  ASSERT_EQ_INT(1, other); /* destroyed although it was refused */
  ASSERT_EQ_PTR(&data, cf_future_user_data(f));
  ASSERT_EQ_INT(0, data);
  finish();
  ASSERT_EQ_PTR(&data, cf_future_user_data(f));
  ASSERT_EQ_INT(0, data);
  cf_future_release(f);
  ASSERT_EQ_INT(1, data);
}

CF_TEST(user_data_lives_until_the_last_reference) {
  int data = 0;
  cf_future *f = submit_value(ex, 5);
  ASSERT_VALUE(5, f);
  ASSERT_OK(cf_future_set_user_data(f, &data, count_destroy)); /* a done future takes it as well */
  cf_future_retain(f);
  cf_future_release(f);
  ASSERT_EQ_PTR(&data, cf_future_user_data(f));
  finish(); /* the pool has dropped its own reference */
  ASSERT_EQ_INT(0, data);
  cf_future_release(f);
  ASSERT_EQ_INT(1, data);
}

static void read_user_data(cf_future *f, void *user_data) {
  int *seen = user_data;
  *seen = *(int *)cf_future_user_data(f);
}

CF_TEST(a_callback_finds_the_user_data) {
  int data = 41, seen = 0;
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 1);
  ASSERT_OK(cf_future_set_user_data(f, &data, NULL));
  ASSERT_OK(cf_future_add_done_callback(f, read_user_data, &seen, NULL));
  gate_open(&g, 1);
  finish();
  ASSERT_EQ_INT(41, seen);
  cf_future_release(f);
  ASSERT_EQ_INT(41, data);
  gate_close(&g);
}
