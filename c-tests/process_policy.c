/*
 * Shows: what a pool of processes does about workers that die (CF_REPLACE_WORKER, CF_BREAK_POOL,
 * crash loops), the limit of a worker's memory, and ending running tasks by force: cf_future_kill,
 * cf_executor_terminate_workers and cf_executor_kill_workers.
 */
#define _GNU_SOURCE
#include "processes.h"

/* ---------------------------------------------------------------- CF_BREAK_POOL */

/* A death breaks the pool as in CPython: each future has its own error, which names the worker. */
static void expect_blame(cf_future *f, int32_t pid, int signal_number) {
  cf_status status = cf_future_result(f, CF_FOREVER, NULL, NULL);
  const cf_error *error = expect_error(status, f);
  ASSERT_CONTAINS("terminated abruptly", cf_error_message(error));
  ASSERT_EQ_INT(pid, cf_error_pid(error));
  ASSERT_EQ_INT(signal_number, cf_error_signal(error));
}

/* CPython: test_process_pool.py, test_killed_child: SIGTERM for an idle worker. */
CF_TEST_PLAIN(a_killed_idle_worker_breaks_the_pool) {
  cf_executor *one = make_breakable(1);
  int32_t pid = pid_of_next_task(one);
  ASSERT(kill(pid, SIGTERM) == 0);
  await_gone(pid);
  const int32_t value = 5;
  cf_future *f = NULL;
  cf_status status;
  /* Until it is noticed a submit is accepted, and its future fails. */
  while ((status = cf_executor_submit(one, value_task, &value, sizeof value, &f)) == CF_OK) {
    ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(f, CF_FOREVER, NULL, NULL));
    expect_blame(f, pid, SIGTERM);
    cf_future_release(f);
  }
  ASSERT_STATUS(CF_BROKEN_POOL, status);
  expect_broken_pool(one);
  ASSERT_CONTAINS("terminated abruptly", cf_error_message(cf_executor_error(one)));
  ASSERT_EQ_INT(pid, cf_error_pid(cf_executor_error(one)));
  cf_executor_free(one);
}

/* CPython 3.15: every future has an error of its own that names pid and exit code. What runs
 * elsewhere ends too, as in CPython. */
CF_TEST_PLAIN(a_death_breaks_the_pool_for_all) {
  cf_executor *two = make_breakable(2);
  gate g = gate_make(), never = gate_make();
  cf_future *dies = submit_gated_ending(two, &g, EXITS_AT_ONCE, 99);
  cf_future *running = submit_gated(two, &never, 1);
  gate_await(&g, 1);
  gate_await(&never, 1);
  cf_future *queued[5];
  for (int32_t i = 0; i < 5; i++) queued[i] = submit_value(two, i);
  ASSERT(cf_future_cancel(queued[2]));
  gate_open(&g, 1);
  cf_status status = cf_future_result(dies, CF_FOREVER, NULL, NULL);
  ASSERT(status == CF_WORKER_DIED || status == CF_BROKEN_POOL);
  const int32_t pid = cf_error_pid(cf_future_error(dies));
  ASSERT(pid > 0);
  ASSERT_EQ_INT(99, cf_error_exit_code(cf_future_error(dies)));
  expect_blame(dies, pid, 0);
  for (int i = 0; i < 5; i++) {
    ASSERT_STATUS(i == 2 ? CF_CANCELLED : CF_BROKEN_POOL,
                  cf_future_result(queued[i], CF_FOREVER, NULL, NULL));
    if (i != 2) expect_blame(queued[i], pid, 0);
  }
  ASSERT_STATUS(CF_BROKEN_POOL, cf_future_result(running, CF_FOREVER, NULL, NULL));
  expect_broken_pool(two);
  ASSERT_OK(cf_executor_shutdown(two, true, false)); /* and shutdown still works */
  cf_futures_release(queued, 5);
  cf_future_release(dies);
  cf_future_release(running);
  cf_executor_free(two);
  gate_close(&g);
  gate_close(&never);
}

/* A failing task breaks nothing, nor does a worker that retires. */
CF_TEST_PLAIN(only_deaths_break_the_pool) {
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_on_worker_death(o, CF_BREAK_POOL));
  ASSERT_OK(cf_options_set_max_tasks_per_child(o, 2));
  cf_executor *one = make_and_free(o);
  for (int32_t i = 1; i < 10; i++) {
    cf_future *f = submit_ending(one, FAILS, i);
    expect_error(CF_TASK_FAILED, f);
    cf_future_release(f);
  }
  expect_works(one);
  cf_executor_free(one);
}

/* --------------------------------------------------------------- workers that never get to work */

static int32_t dying_initializer(cf_task *task, void *arg, size_t arg_size) {
  int32_t way;
  ASSERT_EQ_SIZE(sizeof way, arg_size);
  memcpy(&way, arg, sizeof way);
  return end_in_a_way(task, way, way == SIGNALS ? SIGKILL : 5);
}

/* Replacing them for ever would be a storm of forks: the pool breaks and says why. */
CF_TEST_PLAIN(a_crash_loop_breaks_the_pool) {
  const int32_t ways[] = { SIGNALS, ABORTS, EXITS_AT_ONCE };
  for (size_t i = 0; i < LENGTH(ways); i++) {
    cf_future *fs[5];
    cf_options *o = new_options(2);
    ASSERT_OK(cf_options_set_initializer(o, dying_initializer, &ways[i], sizeof ways[i]));
    cf_executor *two = make_and_free(o);
    size_t accepted = 0;
    while (accepted < 5 &&
           cf_executor_submit(two, value_task, &ways[i], sizeof ways[i], &fs[accepted]) == CF_OK)
      accepted++;
    ASSERT(accepted > 0);
    for (size_t k = 0; k < accepted; k++) expect_error(CF_BROKEN_POOL, fs[k]);
    expect_broken_pool(two);
    cf_futures_release(fs, accepted);
    cf_executor_free(two);
  }
}

static int32_t set_up_count;

static int32_t count_set_ups(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  ASSERT_EQ_SIZE(sizeof(gate), arg_size);
  set_up_count++;
  gate_arrive(arg, 0);
  return 0;
}

static int32_t set_ups_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  return cf_task_return(task, &set_up_count, sizeof set_up_count);
}

/* Each worker that takes a dead one's place runs the initializer, before its first task. */
CF_TEST_PLAIN(replacements_are_initialized) {
  gate starts = gate_make();
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_initializer(o, count_set_ups, &starts, sizeof starts));
  cf_executor *one = make_and_free(o);
  for (int i = 0; i < 5; i++) {
    cf_future *f = submit_bytes(one, set_ups_task, NULL, 0);
    ASSERT_VALUE(1, f);
    cf_future_release(f);
    gate_await(&starts, 1);
    ASSERT(gate_quiet(&starts));
    expect_last_death(submit_ending(one, ABORTS, 0), SIGABRT, -1);
  }
  cf_executor_free(one);
  gate_close(&starts);
}

/* ---------------------------------------------------------------- worker_memory_limit */

static int32_t allocating_task(cf_task *task, void *arg, size_t arg_size) {
  size_t size;
  ASSERT_EQ_SIZE(sizeof size, arg_size);
  memcpy(&size, arg, sizeof size);
  volatile char *bytes = malloc(size);
  if (bytes == NULL) return cf_task_fail(task, 12, "no memory");
  for (size_t i = 0; i < size; i += 4096) bytes[i] = 1;
  free((void *)(uintptr_t)bytes);
  return cf_task_return(task, &size, sizeof size);
}

CF_TEST_PLAIN(a_worker_has_only_so_much_memory) {
  const size_t little = (size_t)8 << 20, much = (size_t)1 << 30;
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_worker_memory_limit(o, (size_t)128 << 20));
  cf_executor *one = make_and_free(o);
  for (int i = 0; i < 3; i++) {
    cf_future *fits = submit_bytes(one, allocating_task, &little, sizeof little);
    cf_future *fails = submit_bytes(one, allocating_task, &much, sizeof much);
    ASSERT_OK(cf_future_result(fits, CF_FOREVER, NULL, NULL));
    ASSERT_EQ_INT(12, cf_error_code(expect_error(CF_TASK_FAILED, fails)));
    cf_future_release(fits);
    cf_future_release(fails);
  }
  cf_executor_free(one);
  void *here = malloc(much); /* the host has no such limit */
  ASSERT(here != NULL);
  free(here);
}

/* ---------------------------------------------------------------- cf_future_kill */

static int32_t deaf_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(gate), arg_size);
  ASSERT(signal(SIGTERM, SIG_IGN) != SIG_ERR);
  return pid_task(task, arg, arg_size);
}

/* A task that was killed on request is cancelled: somebody wanted its end. */
static void expect_killed(cf_future *f) {
  ASSERT_STATUS(CF_CANCELLED, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(CF_STATE_CANCELLED, cf_future_state(f));
  cf_future_release(f);
}

/* Only that task ends; its worker is replaced and the other one goes on. */
CF_TEST(kill_of_a_running_task) {
  gate g = gate_make(), other = gate_make();
  cf_future *stays = submit_gated(ex, &other, 5);
  gate_await(&other, 1);
  const int64_t graces[] = { 0, CF_SHORT, -1, CF_FOREVER };
  for (size_t i = 0; i < LENGTH(graces); i++) {
    cf_future *f = submit_gated(ex, &g, 1);
    gate_await(&g, 1);
    ASSERT_OK(cf_future_kill(f, graces[i]));
    expect_killed(f);
  }
  ASSERT(cf_future_running(stays));
  gate_open(&other, 1);
  ASSERT_VALUE(5, stays);
  expect_works(ex);
  ASSERT(cf_executor_error(ex) == NULL);
  cf_future_release(stays);
  gate_close(&g);
  gate_close(&other);
}

/* One that ignores SIGTERM is ended when the grace is over. */
CF_TEST(kill_of_a_task_that_ignores_it) {
  const int64_t graces[] = { 0, CF_SHORT };
  gate g = gate_make();
  for (size_t i = 0; i < LENGTH(graces); i++) {
    cf_future *f = submit_bytes(ex, deaf_task, &g, sizeof g);
    gate_await(&g, 1);
    ASSERT_OK(cf_future_kill(f, graces[i]));
    expect_killed(f);
  }
  expect_works(ex);
  gate_close(&g);
}

/* What has not started is cancelled, what is done stays as it is. */
CF_TEST(kill_of_a_pending_or_done_task) {
  gate g = gate_make();
  cf_future *held[] = { submit_gated(ex, &g, 0), submit_gated(ex, &g, 1) };
  gate_await(&g, 2);
  cf_future *pending = submit_marked(ex, &g, 9);
  ASSERT_OK(cf_future_kill(pending, 0));
  expect_killed(pending);
  gate_open(&g, 2);
  for (int i = 0; i < 2; i++) ASSERT_VALUE(i, held[i]);
  cf_future_kill(held[0], 0);
  ASSERT_VALUE(0, held[0]);
  expect_works(ex);
  ASSERT(gate_quiet(&g));
  cf_futures_release(held, 2);
  gate_close(&g);
}

static void kill_ending_tasks(cf_executor *one, size_t rounds) {
  for (size_t round = 0; round < rounds; round++) {
    cf_future *f = submit_value(one, 1), *next = submit_value(one, 2);
    cf_future_kill(f, 0);
    cf_status status = cf_future_result(f, CF_FOREVER, NULL, NULL);
    ASSERT(status == CF_OK || status == CF_CANCELLED);
    ASSERT_VALUE(2, next);
    cf_future_release(f);
    cf_future_release(next);
  }
  cf_executor_free(one);
}

/* A kill that comes when the task is just ending never hits the next task of that worker, and is
 * not a death that breaks the pool. */
CF_TEST_PLAIN(kill_never_hits_the_next_task) {
  kill_ending_tasks(make_executor(1), scaled(300));
  kill_ending_tasks(make_breakable(1), scaled(1000));
}

CF_TEST_PLAIN(kill_is_for_processes) {
  cf_executor *threads = NULL;
  gate g = gate_make();
  ASSERT_OK(cf_thread_pool_new(1, &threads, NULL));
  cf_future *f = submit_gated(threads, &g, 5);
  gate_await(&g, 1);
  ASSERT_STATUS(CF_UNSUPPORTED, cf_future_kill(f, 0));
  ASSERT_STATUS(CF_UNSUPPORTED, cf_executor_terminate_workers(threads));
  ASSERT_STATUS(CF_UNSUPPORTED, cf_executor_kill_workers(threads));
  gate_open(&g, 1);
  ASSERT_VALUE(5, f);
  ASSERT_STATUS(CF_UNSUPPORTED, cf_future_kill(f, 0)); /* whenever it is asked */
  cf_future_release(f);
  cf_executor_free(threads);
  gate_close(&g);
}

/* What is done is done, whatever has become of its pool: another one may have its number. */
CF_TEST_PLAIN(kill_of_what_is_done_when_its_pool_is_gone) {
  cf_executor *gone = make_executor(1), *threads = NULL;
  cf_future *f = submit_value(gone, 5);
  ASSERT_VALUE(5, f);
  cf_executor_free(gone);
  ASSERT_OK(cf_thread_pool_new(1, &threads, NULL));
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_kill(f, 0));
  cf_executor_free(threads);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_kill(f, 0));
  cf_future_release(f);
}

/* --------------------------------------------------------------- terminate and kill all workers */

static cf_status (*const forces[])(cf_executor *) = { cf_executor_terminate_workers,
                                                      cf_executor_kill_workers };

/* CPython 3.14: test_terminate_workers, test_kill_workers: the running tasks never finish, what was
 * queued is cancelled, and the pool is shut down. */
CF_TEST_PLAIN(terminate_and_kill_end_the_pool) {
  for (size_t i = 0; i < 2; i++) {
    cf_executor *two = make_executor(2);
    gate g = gate_make();
    cf_future *fs[5];
    for (int32_t k = 0; k < 5; k++) fs[k] = submit_gated(two, &g, k);
    gate_await(&g, 2);
    ASSERT_OK(forces[i](two));
    for (int k = 0; k < 2; k++) expect_death(fs[k], i == 0 ? SIGTERM : SIGKILL, -1);
    for (int k = 2; k < 5; k++)
      ASSERT_STATUS(CF_CANCELLED, cf_future_result(fs[k], CF_FOREVER, NULL, NULL));
    ASSERT_STATUS(CF_SHUTDOWN, cf_executor_submit(two, value_task, NULL, 0, NULL));
    ASSERT_OK(cf_executor_join(two, CF_FOREVER));
    ASSERT_OK(forces[i](two)); /* CPython: there is nothing left to end */
    ASSERT(gate_quiet(&g));
    cf_futures_release(fs, 5);
    cf_executor_free(two);
    gate_close(&g);
  }
}

/* CPython 3.14: not started yet, and with workers that are dead already. */
CF_TEST_PLAIN(terminate_and_kill_of_idle_pools) {
  for (size_t i = 0; i < 2; i++) {
    cf_executor *unused = make_executor(2), *idle = make_executor(2), *dead = make_executor(1);
    expect_works(idle);
    kill_and_await(pid_of_next_task(dead));
    ASSERT_OK(forces[i](unused));
    ASSERT_OK(forces[i](idle));
    ASSERT_OK(forces[i](dead));
    ASSERT_STATUS(CF_SHUTDOWN, cf_executor_submit(idle, value_task, NULL, 0, NULL));
    cf_executor_free(unused);
    cf_executor_free(idle);
    cf_executor_free(dead);
  }
}

/* Workers that ignore SIGTERM can still be killed. */
CF_TEST_PLAIN(kill_after_terminate) {
  cf_executor *two = make_executor(2);
  gate g = gate_make();
  cf_future *fs[2];
  for (int i = 0; i < 2; i++) fs[i] = submit_bytes(two, deaf_task, &g, sizeof g);
  gate_await(&g, 2);
  ASSERT_OK(cf_executor_terminate_workers(two));
  for (int i = 0; i < 2; i++)
    ASSERT_STATUS(CF_TIMEOUT, cf_future_result(fs[i], CF_SHORT, NULL, NULL));
  ASSERT_OK(cf_executor_kill_workers(two));
  for (int i = 0; i < 2; i++) expect_death(fs[i], SIGKILL, -1);
  cf_futures_release(fs, 2);
  cf_executor_free(two);
  gate_close(&g);
}
