/*
 * Shows: claim-only waiting. A task that waits without a timeout for a future that is still pending
 * in a thread pool runs that one task itself, on its own thread, and never any other. So nested
 * submits work in a pool of one worker.
 *
 * Deep nesting is in deadlock_deep.c, waits that may not claim in deadlock_spares.c.
 */
#include "tangle.h"

/* ---------------------------------------------------------------- nested submits */

struct job {
  cf_executor *executor;
  int32_t n;
};

static int32_t power_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *pair = arg;
  int32_t power = 1;
  ASSERT_EQ_SIZE(2 * sizeof *pair, arg_size);
  for (int32_t i = 0; i < pair[1]; i++) power *= pair[0];
  return cf_task_return(task, &power, sizeof power);
}

static int32_t wait_on_future(cf_task *task, void *arg, size_t arg_size) {
  const struct job *job = arg;
  const int32_t five_and_two[] = { 5, 2 };
  cf_future *f = NULL;
  ASSERT_EQ_SIZE(sizeof *job, arg_size);
  ASSERT_OK(cf_executor_submit(job->executor, power_task, five_and_two, sizeof five_and_two, &f));
  const int32_t value = value_of(f);
  cf_future_release(f);
  return cf_task_return(task, &value, sizeof value);
}

/* CPython's documentation, "This will never complete because there is only one worker thread and it
 * is executing this function": here it does. */
CF_TEST_PLAIN(claim_nested_submit_in_a_pool_of_one) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  const struct job job = { one, 0 };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(one, wait_on_future, &job, sizeof job, &f));
  ASSERT_VALUE(25, f);
  cf_future_release(f);
  cf_executor_free(one);
}

/* Each call submits two more and waits for both. */
static int32_t fibonacci(cf_task *task, void *arg, size_t arg_size) {
  const struct job *job = arg;
  int32_t sum = job->n;
  ASSERT_EQ_SIZE(sizeof *job, arg_size);
  if (job->n >= 2) {
    const struct job less[] = { { job->executor, job->n - 1 }, { job->executor, job->n - 2 } };
    cf_future *fs[2];
    ASSERT_OK(cf_executor_submit_many(job->executor, fibonacci, less, sizeof *less, 2, fs, NULL));
    sum = value_of(fs[0]) + value_of(fs[1]);
    cf_futures_release(fs, 2);
  }
  return cf_task_return(task, &sum, sizeof sum);
}

/* All workers wait for children that are queued behind them, a thousand times over. */
CF_TEST_PLAIN(claim_recursion_in_pools_of_every_size) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  for (size_t workers = 1; workers <= 4; workers++) {
    cf_executor *pool = make_executor(workers);
    const struct job job = { pool, 15 };
    cf_future *f = NULL;
    ASSERT_OK(cf_executor_submit(pool, fibonacci, &job, sizeof job, &f));
    ASSERT_VALUE(610, f);
    cf_future_release(f);
    cf_executor_free(pool);
  }
}

/* ---------------------------------------------------------------- who runs what */

enum { CHILDREN = 5 };

struct family {
  cf_executor *executor;
  cf_executor *children_in;
  cf_future *children[CHILDREN];
  int32_t thread;
  uint32_t worker;
  int32_t child_threads[CHILDREN]; /* 0: has not run */
  uint32_t child_workers[CHILDREN];
  int64_t timeout;
  int run_before_the_wait_ended;
};

struct child {
  struct family *family;
  int32_t number;
};

static int32_t note_child(cf_task *task, void *arg, size_t arg_size) {
  const struct child *c = arg;
  ASSERT_EQ_SIZE(sizeof *c, arg_size);
  c->family->child_workers[c->number] = cf_task_worker(task);
  __atomic_store_n(&c->family->child_threads[c->number], thread_id(), __ATOMIC_SEQ_CST);
  return cf_task_return(task, &c->number, sizeof c->number);
}

static int children_run(struct family *f) {
  int count = 0;
  for (int i = 0; i < CHILDREN; i++)
    count += __atomic_load_n(&f->child_threads[i], __ATOMIC_SEQ_CST) != 0;
  return count;
}

static void submit_children(struct family *f) {
  for (int32_t i = 0; i < CHILDREN; i++) {
    const struct child child = { f, i };
    ASSERT_OK(cf_executor_submit(f->children_in, note_child, &child, sizeof child,
                                 &f->children[i]));
  }
}

/* Submits its children and waits for the last of them. */
static int32_t wait_for_the_last(cf_task *task, void *arg, size_t arg_size) {
  struct family *f = *(struct family **)arg;
  ASSERT_EQ_SIZE(sizeof f, arg_size);
  f->thread = thread_id();
  f->worker = cf_task_worker(task);
  submit_children(f);
  cf_status status = cf_future_result(f->children[CHILDREN - 1], f->timeout, NULL, NULL);
  f->run_before_the_wait_ended = children_run(f);
  return status;
}

/* Runs a parent and then all that is left; gives back the status that the parent saw. */
static int32_t run_family(struct family *f) {
  cf_future *parent = NULL;
  ASSERT_OK(cf_executor_submit(f->executor, wait_for_the_last, &f, sizeof f, &parent));
  const cf_error *error = NULL;
  ASSERT_OK(cf_future_exception(parent, CF_FOREVER, &error));
  const int32_t status = error != NULL ? cf_error_code(error) : CF_OK;
  for (int32_t i = 0; i < CHILDREN; i++) ASSERT_VALUE(i, f->children[i]);
  cf_future_release(parent);
  cf_futures_release(f->children, CHILDREN);
  return status;
}

/* The awaited task runs in the waiter's thread, as the same worker; none of those that were queued
 * before it does. */
CF_TEST_PLAIN(claim_runs_the_awaited_task_and_no_other) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  struct family f = { .executor = one, .children_in = one, .timeout = CF_FOREVER };
  ASSERT_OK(run_family(&f));
  ASSERT_EQ_INT(1, f.run_before_the_wait_ended);
  ASSERT_EQ_INT(f.thread, f.child_threads[CHILDREN - 1]);
  ASSERT_EQ_INT(f.worker, f.child_workers[CHILDREN - 1]);
  ASSERT_EQ_INT(0, f.worker);
  cf_executor_free(one);
}

/* Over the border of two pools: the waiter is no worker of the child's pool, and says so. */
CF_TEST_PLAIN(claim_runs_a_task_of_another_pool) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1), *other = make_executor(1);
  gate g = gate_make();
  cf_future *busy = submit_gated(other, &g, 1);
  gate_await(&g, 1);
  struct family f = { .executor = one, .children_in = other, .timeout = CF_FOREVER };
  struct family *arg = &f;
  cf_future *parent = NULL;
  ASSERT_OK(cf_executor_submit(one, wait_for_the_last, &arg, sizeof arg, &parent));
  ASSERT_OK(cf_future_result(parent, CF_FOREVER, NULL, NULL)); /* while the other pool is taken */
  ASSERT_EQ_INT(1, f.run_before_the_wait_ended);
  ASSERT_EQ_INT(f.thread, f.child_threads[CHILDREN - 1]);
  ASSERT(f.child_workers[CHILDREN - 1] == UINT32_MAX);
  gate_open(&g, 1);
  for (int32_t i = 0; i < CHILDREN; i++) ASSERT_VALUE(i, f.children[i]);
  ASSERT_EQ_INT(0, f.child_workers[0]);
  cf_future_release(busy);
  cf_future_release(parent);
  cf_futures_release(f.children, CHILDREN);
  cf_executor_free(one);
  cf_executor_free(other);
  gate_close(&g);
}

/* A thread that is no worker only waits: a poll leaves the task in the queue. */
CF_TEST_PLAIN(claim_is_not_for_threads_outside) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  cf_future *busy = submit_gated(one, &g, 1);
  gate_await(&g, 1);
  struct family f = { .executor = one, .children_in = one };
  submit_children(&f);
  ASSERT_STATUS(CF_TIMEOUT, cf_future_result(f.children[0], 0, NULL, NULL));
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(f.children, CHILDREN, 0, CF_ALL_COMPLETED, NULL, NULL));
  deed opening;
  when_i_sleep(&opening, open_one, &g);
  ASSERT_OK(cf_future_result(f.children[0], CF_FOREVER, NULL, NULL));
  await_deed(&opening);
  ASSERT(f.child_threads[0] != thread_id());
  for (int32_t i = 0; i < CHILDREN; i++) ASSERT_VALUE(i, f.children[i]);
  cf_future_release(busy);
  cf_futures_release(f.children, CHILDREN);
  cf_executor_free(one);
  gate_close(&g);
}

/* A wait with a timeout might overrun if it ran the task: a poll in a task claims nothing. */
CF_TEST_PLAIN(claim_is_not_for_polls) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const int64_t expired[] = { 0, -1, INT64_MIN };
  cf_executor *one = make_pool(1, true, 0);
  for (size_t i = 0; i < LENGTH(expired); i++) {
    struct family f = { .executor = one, .children_in = one, .timeout = expired[i] };
    ASSERT_STATUS(CF_TIMEOUT, run_family(&f));
    ASSERT_EQ_INT(0, f.run_before_the_wait_ended);
  }
  cf_executor_free(one);
}

/* Claiming can be switched off, for tasks that want a stack of their own: a spare runs them. */
CF_TEST_PLAIN(claim_can_be_switched_off) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_pool(1, false, 64);
  struct family f = { .executor = one, .children_in = one, .timeout = CF_FOREVER };
  ASSERT_OK(run_family(&f));
  for (int i = 0; i < CHILDREN; i++) ASSERT(f.child_threads[i] != f.thread);
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- every kind of wait */

static int32_t object_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int *), arg_size);
  return cf_task_return_owned(task, *(int **)arg, count_destroy);
}

struct object_job {
  cf_executor *executor;
  int *destroyed;
};

/* The four calls that wait for one future. */
static int32_t wait_in_four_ways(cf_task *task, void *arg, size_t arg_size) {
  const struct object_job *job = arg;
  const void *data = NULL;
  void *given = NULL;
  size_t size = 0;
  const cf_error *error = NULL;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *job, arg_size);
  cf_future *fs[] = { submit_value(job->executor, 1), submit_value(job->executor, 2),
                      submit_failure(job->executor, 3, "a child failed"), NULL };
  ASSERT_OK(cf_executor_submit(job->executor, object_task, &job->destroyed, sizeof(int *), &fs[3]));
  ASSERT_OK(cf_future_result(fs[0], CF_FOREVER, &data, &size));
  ASSERT_EQ_INT(1, *(const int32_t *)data);
  ASSERT_VALUE(2, fs[1]);
  ASSERT_OK(cf_future_exception(fs[2], CF_FOREVER, &error));
  ASSERT_EQ_INT(3, cf_error_code(error));
  ASSERT_OK(cf_future_result_object(fs[3], CF_FOREVER, &given));
  ASSERT_EQ_PTR(job->destroyed, given);
  ASSERT_EQ_INT(0, count_of(job->destroyed));
  cf_futures_release(fs, 4);
  return 0;
}

CF_TEST_PLAIN(claim_by_every_wait_for_one_future) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  int destroyed = 0;
  const struct object_job job = { one, &destroyed };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(one, wait_in_four_ways, &job, sizeof job, &f));
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  cf_future_release(f);
  cf_executor_free(one);
  ASSERT_EQ_INT(1, destroyed);
}

/* A child that failed or was cancelled says so to the parent; a cancelled one never runs. */
static int32_t wait_for_bad_children(cf_task *task, void *arg, size_t arg_size) {
  const struct job *job = arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *job, arg_size);
  cf_future *failing = submit_failure(job->executor, 13, "a child failed");
  cf_future *cancelled = submit_failure(job->executor, 14, "a cancelled child ran");
  ASSERT(cf_future_cancel(cancelled));
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(failing, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(13, cf_error_code(cf_future_error(failing)));
  ASSERT_STATUS(CF_CANCELLED, cf_future_result(cancelled, CF_FOREVER, NULL, NULL));
  cf_future_release(failing);
  cf_future_release(cancelled);
  return 0;
}

CF_TEST_PLAIN(claim_of_children_that_fail_or_are_cancelled) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  const struct job job = { one, 0 };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(one, wait_for_bad_children, &job, sizeof job, &f));
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL));
  cf_future_release(f);
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- hints that outlive their task */

static int32_t submit_and_wait_often(cf_task *task, void *arg, size_t arg_size) {
  const struct job *job = arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *job, arg_size);
  for (int32_t i = 0; i < job->n; i++) {
    cf_future *f = submit_value(job->executor, i); /* reuses the memory of the one before */
    ASSERT_VALUE(i, f);
    cf_future_release(f);
  }
  return 0;
}

/* What the waiter has run and released is not run again when the queue comes to it. */
CF_TEST_PLAIN(claim_leaves_no_task_to_run_twice) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  for (size_t workers = 1; workers <= 3; workers++) {
    cf_executor *pool = make_executor(workers);
    const struct job job = { pool, (int32_t)scaled(5000) };
    cf_future *fs[4];
    const struct job jobs[] = { job, job, job, job };
    ASSERT_OK(cf_executor_submit_many(pool, submit_and_wait_often, jobs, sizeof job, 4, fs, NULL));
    for (int i = 0; i < 4; i++) ASSERT_OK(cf_future_result(fs[i], CF_FOREVER, NULL, NULL));
    cf_futures_release(fs, 4);
    cf_executor_free(pool);
  }
}
