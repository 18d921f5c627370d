/*
 * Shows: handles in a forked child. Every call on what the child inherited answers CF_FORKED or a
 * neutral value at once and leaves the parent alone (in CPython an inherited pool accepts tasks and
 * never runs them); pools that the child makes itself work. What waits, iterators, queues, maps and
 * loops say in a child stands in their own suites.
 */
#include "check.h"

#include <string.h>

/* What the parent has when it forks: two tasks at a gate, one pending, one done, one by hand. */
struct inherited {
  gate g;
  cf_future *running[2], *pending, *finished, *by_hand;
  int data; /* the user data of `finished` */
};

static struct inherited prepare(void) {
  struct inherited in;
  memset(&in, 0, sizeof in);
  in.g = gate_make();
  in.finished = submit_value(ex, 5);
  ASSERT_VALUE(5, in.finished);
  for (int32_t i = 0; i < 2; i++) in.running[i] = submit_gated(ex, &in.g, i);
  gate_await(&in.g, 2);
  in.pending = submit_value(ex, 6);
  ASSERT_OK(cf_future_new(&in.by_hand));
  return in;
}

/* The parent has noticed nothing. */
static void expect_untouched(struct inherited *in) {
  const int32_t seven = 7;
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(in->pending));
  ASSERT_EQ_INT(CF_STATE_RUNNING, cf_future_state(in->running[0]));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(in->by_hand));
  gate_open(&in->g, 2);
  for (int32_t i = 0; i < 2; i++) ASSERT_VALUE(i, in->running[i]);
  ASSERT_VALUE(6, in->pending);
  ASSERT_VALUE(5, in->finished);
  ASSERT_OK(cf_future_set_result(in->by_hand, &seven, sizeof seven));
  ASSERT_VALUE(7, in->by_hand);
  cf_future *f = submit_value(ex, 8);
  ASSERT_VALUE(8, f);
  cf_future *all[] = { in->running[0], in->running[1], in->pending, in->finished, in->by_hand, f };
  cf_futures_release(all, 6);
  gate_close(&in->g);
}

/* ---------------------------------------------------------------- executors */

static void use_inherited_executor(void *unused) {
  const int32_t values[2] = { 1, 2 };
  int freed = 0;
  char place;
  size_t submitted = 77;
  cf_future *fs[2] = { (cf_future *)(void *)&place, (cf_future *)(void *)&place };
  (void)unused;
  ASSERT_STATUS(CF_FORKED, cf_executor_submit(ex, value_task, values, 4, &fs[0]));
  ASSERT(fs[0] == NULL);
  fs[0] = (cf_future *)(void *)&place;
  ASSERT_STATUS(CF_FORKED, cf_executor_submit_many(ex, value_task, values, 4, 2, fs, &submitted));
  ASSERT(fs[0] == NULL && fs[1] == NULL);
  ASSERT_EQ_SIZE(0, submitted);
  ASSERT_STATUS(CF_FORKED,
                cf_executor_submit_owned(ex, value_task, &freed, count_destroy, NULL, &fs[0]));
  ASSERT_EQ_INT(1, freed);
  ASSERT_EQ_SIZE(0, cf_executor_max_workers(ex));
  ASSERT(cf_executor_error(ex) == NULL);
  ASSERT_STATUS(CF_FORKED, cf_executor_shutdown(ex, true, true));
  ASSERT_STATUS(CF_FORKED, cf_executor_shutdown(ex, false, false));
  ASSERT_STATUS(CF_FORKED, cf_executor_join(ex, CF_FOREVER));
  cf_executor_detach(ex);
  cf_executor_free(ex);
  ASSERT_STATUS(CF_FORKED, cf_executor_join(ex, 0)); /* it was left alone */
}

CF_TEST(an_inherited_executor) {
  struct inherited in = prepare();
  run_in_child(use_inherited_executor, NULL);
  expect_untouched(&in);
}

/* ---------------------------------------------------------------- futures */

static void never_called(cf_future *f, void *user_data) {
  (void)f;
  (void)user_data;
  ASSERT(!"a callback of an inherited future runs");
}

static void use_inherited_future(cf_future *f) {
  int hooks = 0;
  char place;
  int32_t value = 77;
  size_t size = 78;
  const void *data = &place;
  const cf_error *error = NULL;
  void *object = NULL;
  ASSERT_STATUS(CF_FORKED, cf_future_result(f, CF_FOREVER, &data, &size));
  ASSERT_STATUS(CF_FORKED, cf_future_result_into(f, CF_FOREVER, &value, sizeof value));
  ASSERT_STATUS(CF_FORKED, cf_future_result_object(f, CF_FOREVER, &object));
  ASSERT_STATUS(CF_FORKED, cf_future_exception(f, CF_FOREVER, &error));
  ASSERT(data == &place && size == 78 && value == 77 && object == NULL && error == NULL);
  ASSERT(!cf_future_cancel(f));
  ASSERT(!cf_future_cancelled(f));
  ASSERT(!cf_future_running(f));
  ASSERT(!cf_future_done(f));
  ASSERT_EQ_INT(CF_STATE_PENDING, cf_future_state(f));
  ASSERT(cf_future_data(f, NULL) == NULL);
  ASSERT(cf_future_error(f) == NULL);
  ASSERT(cf_future_user_data(f) == NULL);
  ASSERT_STATUS(CF_FORKED, cf_future_add_done_callback(f, never_called, &hooks, count_destroy));
  ASSERT_EQ_INT(1, hooks);
  ASSERT_STATUS(CF_FORKED, cf_future_set_user_data(f, &hooks, count_destroy));
  ASSERT_EQ_INT(2, hooks);
  ASSERT_EQ_SIZE(0, cf_futures_cancel(&f, 1));
  ASSERT_EQ_PTR(f, cf_future_retain(f));
  cf_future_release(f);
  cf_future_release(f);
  ASSERT(!cf_future_done(f)); /* it was left alone */
}

static void use_inherited_futures(void *arg) {
  struct inherited *in = arg;
  bool run = true;
  use_inherited_future(in->pending);
  use_inherited_future(in->running[0]);
  use_inherited_future(in->finished);
  use_inherited_future(in->by_hand);
  ASSERT_STATUS(CF_FORKED, cf_future_set_running_or_notify_cancel(in->by_hand, &run));
  ASSERT_STATUS(CF_FORKED, cf_future_set_result(in->by_hand, NULL, 0));
  ASSERT_STATUS(CF_FORKED, cf_future_set_exception(in->by_hand, 1, "no"));
  cf_future *copies[] = { in->pending, in->finished };
  cf_futures_release(copies, 2);
  ASSERT(copies[0] == NULL && copies[1] == NULL);
  ASSERT_EQ_INT(0, in->data);
}

CF_TEST(inherited_futures) {
  struct inherited in = prepare();
  ASSERT_OK(cf_future_set_user_data(in.finished, &in.data, count_destroy));
  run_in_child(use_inherited_futures, &in);
  ASSERT_EQ_PTR(&in.data, cf_future_user_data(in.finished));
  expect_untouched(&in);
}

/* ---------------------------------------------------------------- the child's own */

static void make_own(void *unused) {
  cf_future *fs[20];
  cf_future *promise = NULL;
  int32_t in[20], out[20];
  (void)unused;
  cf_executor *own = make_executor(2);
  ASSERT_EQ_SIZE(2, cf_executor_max_workers(own));
  for (int32_t i = 0; i < 20; i++) fs[i] = submit_value(own, in[i] = i);
  for (int32_t i = 0; i < 20; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 20);
  ASSERT_OK(cf_executor_map_into(own, value_task, in, 4, 20, NULL, out, 4, NULL, NULL));
  ASSERT(memcmp(in, out, sizeof out) == 0);
  ASSERT_OK(cf_future_new(&promise));
  ASSERT_OK(cf_future_set_result(promise, NULL, 0));
  ASSERT_OK(cf_future_result(promise, CF_FOREVER, NULL, NULL));
  cf_future_release(promise);
  cf_executor_free(own);
}

CF_TEST(a_child_can_make_a_pool_of_its_own) {
  struct inherited in = prepare();
  run_in_child(make_own, NULL);
  expect_untouched(&in);
}

static void fork_again(void *unused) {
  (void)unused;
  cf_executor *own = make_executor(1);
  cf_executor *parents = ex;
  cf_future *f = submit_value(own, 5);
  ASSERT_VALUE(5, f);
  ex = own;
  run_in_child(use_inherited_executor, NULL); /* the grandchild with the child's pool */
  ex = parents;
  run_in_child(use_inherited_executor, NULL); /* and with the grandparent's */
  cf_future_release(f);
  f = submit_value(own, 6);
  ASSERT_VALUE(6, f);
  cf_future_release(f);
  cf_executor_free(own);
}

CF_TEST(grandchildren) {
  struct inherited in = prepare();
  run_in_child(fork_again, NULL);
  expect_untouched(&in);
}

/* ---------------------------------------------------------------- forking in the midst of work */

struct resubmit {
  cf_executor *executor;
  int stop;
  gate g;
};

/* Submits itself until it is told to stop, so that the pool is always at work. */
static int32_t resubmit_task(cf_task *task, void *arg, size_t arg_size) {
  struct resubmit *again = arg;
  (void)arg_size;
  if (count_of(&again->stop) != 0)
    gate_arrive(&again->g, 1);
  else
    ASSERT_OK(cf_executor_submit_owned(again->executor, resubmit_task, again, NULL, NULL, NULL));
  return cf_task_return(task, NULL, 0);
}

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_hang_global_shutdown_lock. Fifty
 * children of a process whose pool is at work, each with a pool of its own; every one must end. */
CF_TEST(hang_global_shutdown_lock) {
  CF_THREADS_ONLY("its tasks submit");
  struct resubmit again = { ex, 0, gate_make() };
  ASSERT_OK(cf_executor_submit_owned(ex, resubmit_task, &again, NULL, NULL, NULL));
  for (size_t i = 0; i < scaled(50); i++) run_in_child(make_own, NULL);
  count_up(&again.stop);
  ASSERT_EQ_INT(1, gate_next(&again.g));
  cf_executor_free(ex);
  ex = NULL;
  gate_close(&again.g);
}

static void use_executor_and_make_own(void *arg) {
  use_inherited_executor(arg);
  make_own(arg);
}

static int32_t forking_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg_size;
  run_in_child(use_executor_and_make_own, arg);
  return cf_task_return(task, NULL, 0);
}

/* The thread that forks is the only one of the child, here a worker: it is none there any more. */
CF_TEST(a_task_that_forks) {
  CF_THREADS_ONLY("uses the test's executor");
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(ex, forking_task, NULL, NULL, NULL, &f));
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  cf_future_release(f);
}

static void *make_pool_in_thread(void *arg) {
  *(cf_executor **)arg = make_executor(1);
  return NULL;
}

/* The first object of the child is made by another thread than the one that has forked. */
static void use_a_pool_of_another_thread(void *unused) {
  (void)unused;
  cf_executor *executor = NULL;
  join_thread(start_thread(make_pool_in_thread, &executor));
  cf_future *f = submit_value(executor, 5);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  ASSERT_OK(cf_executor_shutdown(executor, true, false));
  cf_executor_free(executor);
}

static void fork_in_callback(cf_future *f, void *unused) {
  (void)f;
  run_in_child(use_a_pool_of_another_thread, unused);
}

/* The thread that forks finishes a task of the parent's pool at this moment, by cancelling it. In
 * the child that counts for nothing, although the new pool takes the old one's place. */
CF_TEST(a_callback_that_forks_while_it_cancels) {
  gate g = gate_make();
  cf_future *running[2];
  for (int32_t i = 0; i < 2; i++) running[i] = submit_gated(ex, &g, i);
  gate_await(&g, 2);
  cf_future *pending = submit_value(ex, 6);
  ASSERT_OK(cf_future_add_done_callback(pending, fork_in_callback, NULL, NULL));
  ASSERT(cf_future_cancel(pending));
  gate_open(&g, 2);
  for (int32_t i = 0; i < 2; i++) ASSERT_VALUE(i, running[i]);
  cf_futures_release(running, 2);
  cf_future_release(pending);
  gate_close(&g);
}
