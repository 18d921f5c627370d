/*
 * Shows: tasks that submit tasks to their own pool without waiting for them. They lie in the deque of
 * the worker that runs the task, so each test makes sure that somebody finds them there: that
 * worker, another one, a stand-in, or the end of the pool. (Tasks that wait for what they submit are
 * in deadlock*.c.)
 */
#include "check.h"

#include <sched.h>

enum { MANY = 2000 }; /* more than a worker's deque has room for */

struct brood {
  cf_executor *executor;
  size_t children;
  gate g;
  int runs, steps, ends, given_up;
  cf_future *fs[MANY];
};

static struct brood *make_brood(cf_executor *executor, size_t children) {
  static struct brood brood; /* tests run one after the other */
  brood = (struct brood){ .executor = executor, .children = children, .g = gate_make() };
  return &brood;
}

static cf_future *submit_to(cf_executor *executor, cf_task_fn fn, struct brood *brood) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit_owned(executor, fn, brood, NULL, NULL, &f));
  return f;
}

static int32_t child_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)arg_size;
  int32_t turn = count_up(&brood->runs);
  return cf_task_return(task, &turn, sizeof turn);
}

static void submit_children(struct brood *brood) {
  for (size_t i = 0; i < brood->children; i++)
    brood->fs[i] = submit_to(brood->executor, child_task, brood);
}

static int32_t parent_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg_size;
  submit_children(arg);
  return cf_task_return(task, NULL, 0);
}

/* Stays in its task, where the library sees no wait, until the test lets it go. */
static int32_t staying_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)arg_size;
  submit_children(brood);
  gate_arrive(&brood->g, 1);
  gate_pass(&brood->g);
  return cf_task_return(task, NULL, 0);
}

static void release_children(struct brood *brood) {
  cf_futures_release(brood->fs, brood->children);
  gate_close(&brood->g);
}

/* One worker runs what it has submitted itself, the oldest first. */
CF_TEST(a_worker_runs_its_children_in_order) {
  cf_executor *one = make_executor(1);
  struct brood *brood = make_brood(one, 200);
  cf_future *parent = submit_to(one, parent_task, brood);
  ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
  for (size_t i = 0; i < brood->children; i++) ASSERT_VALUE((int32_t)i + 1, brood->fs[i]);
  cf_future_release(parent);
  release_children(brood);
  cf_executor_free(one);
}

/* What does not fit into its deque goes to the queue of all, and nothing is lost. */
CF_TEST(more_children_than_a_deque_holds) {
  struct brood *brood = make_brood(ex, scaled(MANY));
  cf_future *parent = submit_to(ex, parent_task, brood);
  ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
  ASSERT_OK(cf_wait(brood->fs, brood->children, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  ASSERT_EQ_SIZE(brood->children, (size_t)count_of(&brood->runs));
  cf_future_release(parent);
  release_children(brood);
}

/* Another worker runs the children of one that stays in its task; it sleeps before they come. */
CF_TEST(another_worker_finds_them) {
  for (size_t round = 0; round < scaled(200); round++) {
    struct brood *brood = make_brood(ex, 3);
    cf_future *parent = submit_to(ex, staying_task, brood);
    for (size_t i = 0; i < 3; i++) {
      if (i == 0) gate_await(&brood->g, 1);
      ASSERT_OK(cf_future_result(brood->fs[i], CF_FOREVER, NULL, NULL));
    }
    gate_open(&brood->g, 1);
    ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
    cf_future_release(parent);
    release_children(brood);
  }
}

/* A parent that waits for something else than its children: a stand-in runs them. */
static int32_t waiting_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  cf_future *by_hand = brood->fs[MANY - 1];
  (void)arg_size;
  submit_children(brood);
  ASSERT_OK(cf_future_result(by_hand, CF_FOREVER, NULL, NULL));
  return cf_task_return(task, NULL, 0);
}

static void finish_when_called(cf_future *f, void *user_data) {
  (void)f;
  ASSERT_OK(cf_future_set_result(user_data, NULL, 0));
}

CF_TEST(a_stand_in_finds_them) {
  for (size_t round = 0; round < scaled(100); round++) {
    cf_executor *one = make_executor(1);
    struct brood *brood = make_brood(one, 1);
    cf_future *by_hand = NULL;
    ASSERT_OK(cf_future_new(&by_hand));
    brood->fs[MANY - 1] = by_hand;
    gate g = gate_make();
    cf_future *first = submit_gated(one, &g, 1);
    gate_await(&g, 1);
    cf_future *parent = submit_to(one, waiting_task, brood);
    gate_open(&g, 1);
    while (count_of(&brood->runs) == 0) sched_yield();
    ASSERT_OK(cf_future_add_done_callback(brood->fs[0], finish_when_called, by_hand, NULL));
    ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL));
    cf_future *all[] = { first, parent, by_hand };
    cf_futures_release(all, 3);
    release_children(brood);
    cf_executor_free(one);
    gate_close(&g);
  }
}

/* Tasks that submit themselves again for ever: one from outside has its turn all the same. */
static int32_t endless_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)task, (void)arg_size;
  if (count_of(&brood->runs) > 0) return 0;
  cf_status status = cf_executor_submit_owned(brood->executor, endless_task, brood, NULL, NULL, NULL);
  ASSERT(status == CF_OK || status == CF_SHUTDOWN);
  return 0;
}

CF_TEST(endless_children_starve_nobody) {
  struct brood *brood = make_brood(ex, 0);
  for (int i = 0; i < 4; i++) cf_future_release(submit_to(ex, endless_task, brood));
  cf_future *outside = submit_value(ex, 7);
  ASSERT_VALUE(7, outside);
  cf_future_release(outside);
  count_up(&brood->runs);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  gate_close(&brood->g);
}

/* The other way round: the child of a task that stays there has its turn while another worker has
 * work all the time, in its own deque or in the queue. The parent gives up after many steps of its time. */
enum { PATIENCE = 100000 };

static int32_t patient_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)arg_size;
  submit_children(brood);
  const int from = count_of(&brood->steps);
  while (count_of(&brood->runs) == 0 && count_of(&brood->steps) - from < PATIENCE) sched_yield();
  int32_t in_time = count_of(&brood->steps) - from < PATIENCE;
  count_up(&brood->given_up);
  return cf_task_return(task, &in_time, sizeof in_time);
}

static int32_t stepping_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)task, (void)arg_size;
  count_up(&brood->steps);
  if (count_of(&brood->given_up) > 0) return 0;
  cf_status status = cf_executor_submit_owned(brood->executor, stepping_task, brood, NULL, NULL, NULL);
  ASSERT(status == CF_OK || status == CF_SHUTDOWN); /* the parent may be done by now */
  return 0;
}

CF_TEST(endless_tasks_do_not_starve_the_children_of_others) {
  struct brood *brood = make_brood(ex, 1);
  cf_future *step = submit_to(ex, stepping_task, brood);
  ASSERT_OK(cf_future_result(step, CF_FOREVER, NULL, NULL));
  cf_future *parent = submit_to(ex, patient_task, brood);
  ASSERT_VALUE(1, parent);
  cf_future_release(step);
  cf_future_release(parent);
  release_children(brood);
}

static int32_t counting_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task, (void)arg_size;
  count_up(&((struct brood *)arg)->steps);
  sched_yield();
  return 0;
}

/* Submitting is faster than running: the queue stays full until the parent has ended. */
CF_TEST(a_full_queue_does_not_starve_children) {
  enum { FULL = 100000 };
  struct brood *brood = make_brood(ex, 1);
  int submitted = 0;
  for (; submitted < 1000; submitted++) cf_future_release(submit_to(ex, counting_task, brood));
  cf_future *parent = submit_to(ex, patient_task, brood);
  while (!cf_future_done(parent)) {
    if (submitted - count_of(&brood->steps) >= FULL) {
      sched_yield();
      continue;
    }
    cf_future_release(submit_to(ex, counting_task, brood));
    submitted++;
  }
  ASSERT_VALUE(1, parent);
  cf_future_release(parent);
  ASSERT_OK(cf_executor_shutdown(ex, true, true));
  release_children(brood);
}

/* ---------------------------------------------------------------- the end of the pool */

/* What was accepted runs, though the pool is closed while it lies in a deque. */
CF_TEST(a_closed_pool_runs_them) {
  cf_executor *one = make_executor(1);
  struct brood *brood = make_brood(one, 100);
  cf_future *parent = submit_to(one, staying_task, brood);
  gate_await(&brood->g, 1);
  ASSERT_OK(cf_executor_shutdown(one, false, false));
  ASSERT_EQ_INT(0, count_of(&brood->runs));
  gate_open(&brood->g, 1);
  ASSERT_OK(cf_executor_join(one, CF_FOREVER));
  ASSERT_EQ_INT(100, count_of(&brood->runs));
  cf_future_release(parent);
  release_children(brood);
  cf_executor_free(one);
}

/* Cancelled by whoever shuts the pool down, in its own thread, though a deque is another thread's. */
CF_TEST(shutdown_cancels_them) {
  cf_executor *one = make_executor(1);
  struct brood *brood = make_brood(one, 100);
  cf_future *parent = submit_to(one, staying_task, brood);
  gate_await(&brood->g, 1);
  ASSERT_OK(cf_executor_shutdown(one, false, true));
  for (size_t i = 0; i < brood->children; i++) ASSERT(cf_future_cancelled(brood->fs[i]));
  gate_open(&brood->g, 1);
  ASSERT_OK(cf_executor_join(one, CF_FOREVER));
  ASSERT_EQ_INT(0, count_of(&brood->runs));
  cf_future_release(parent);
  release_children(brood);
  cf_executor_free(one);
}

static int32_t racing_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)arg_size;
  gate_arrive(&brood->g, 1);
  size_t n = 0;
  while (n < MANY) {
    cf_status status = cf_executor_submit_owned(brood->executor, child_task, brood, NULL, NULL,
                                                &brood->fs[n]);
    if (status == CF_SHUTDOWN) break;
    ASSERT_OK(status);
    n++;
  }
  brood->children = n;
  return cf_task_return(task, NULL, 0);
}

static void child_ended(void *arg) {
  count_up(&((struct brood *)arg)->ends);
}

/* The same with futures that nobody holds: a child may be gone before its submit returns. */
static int32_t forgetful_task(cf_task *task, void *arg, size_t arg_size) {
  struct brood *brood = arg;
  (void)arg_size;
  gate_arrive(&brood->g, 1);
  cf_status status = CF_OK;
  for (; status == CF_OK && brood->children < MANY; brood->children++)
    status = cf_executor_submit_owned(brood->executor, child_task, brood, child_ended, NULL, NULL);
  ASSERT(status == CF_OK || status == CF_SHUTDOWN);
  return cf_task_return(task, NULL, 0);
}

CF_TEST(forgotten_submits_that_race_with_shutdown) {
  for (size_t round = 0; round < scaled(200); round++) {
    cf_executor *two = make_executor(2);
    struct brood *brood = make_brood(two, 0);
    cf_future_release(submit_to(two, forgetful_task, brood));
    gate_await(&brood->g, 1);
    ASSERT_OK(cf_executor_shutdown(two, true, round % 2 == 0));
    ASSERT_EQ_SIZE(brood->children, (size_t)count_of(&brood->ends)); /* the refused one too */
    gate_close(&brood->g);
    cf_executor_free(two);
  }
}

/* Submits race with the end of their pool: each one is refused, or ends exactly once. */
CF_TEST(submits_that_race_with_shutdown) {
  for (size_t round = 0; round < scaled(200); round++) {
    cf_executor *two = make_executor(2);
    struct brood *brood = make_brood(two, 0);
    bool cancel = round % 2 == 0;
    size_t cancelled = 0;
    cf_future *parent = submit_to(two, racing_task, brood);
    gate_await(&brood->g, 1);
    ASSERT_OK(cf_executor_shutdown(two, true, cancel));
    ASSERT(cf_future_done(parent) && !cf_future_cancelled(parent));
    for (size_t i = 0; i < brood->children; i++) {
      ASSERT(cf_future_done(brood->fs[i]));
      cancelled += cf_future_cancelled(brood->fs[i]);
    }
    ASSERT_EQ_SIZE(brood->children, (size_t)count_of(&brood->runs) + cancelled);
    ASSERT(cancel || cancelled == 0);
    cf_future_release(parent);
    release_children(brood);
    cf_executor_free(two);
  }
}
