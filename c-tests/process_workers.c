/*
 * Shows: when worker processes start, how many there are, that idle ones are used again, that they
 * are replaced at the end of max_tasks_per_child and after their death, and what becomes of a pool
 * whose zygotes die. Port of the process-counting tests of CPython.
 */
#define _GNU_SOURCE
#include "processes.h"

/* CPython: test_process_pool.py, ProcessPoolExecutorTest.test_saturation; test_shutdown.py,
 * ProcessPoolShutdownTest.test_processes_terminate. */
CF_TEST_PLAIN(process_saturation) {
  enum { MAX = 4, TASKS = 15 * MAX };
  cf_future *fs[TASKS];
  bool seen[MAX] = { false };
  int32_t pids[MAX];
  size_t distinct = 0;
  gate g = gate_make();
  cf_executor *four = make_executor(MAX);
  for (int i = 0; i < TASKS; i++) fs[i] = submit_bytes(four, pid_task, &g, sizeof g);
  gate_await(&g, MAX);
  ASSERT(gate_quiet(&g)); /* no more than that run */
  size_t running = 0;
  for (int i = 0; i < TASKS; i++) running += cf_future_running(fs[i]);
  ASSERT_EQ_SIZE(MAX, running);
  gate_open(&g, TASKS);
  for (int i = 0; i < TASKS; i++) {
    int32_t pid = value_of(fs[i]);
    size_t at = 0;
    while (at < distinct && pids[at] != pid) at++;
    ASSERT(at < MAX);
    if (at == distinct) pids[distinct++] = pid;
    seen[at] = true;
  }
  ASSERT_EQ_SIZE(MAX, distinct);
  for (int i = 0; i < MAX; i++) ASSERT(seen[i]);
  cf_futures_release(fs, TASKS);
  ASSERT_OK(cf_executor_shutdown(four, true, false));
  for (int i = 0; i < MAX; i++) await_gone(pids[i]);
  cf_executor_free(four);
  gate_close(&g);
}

/* CPython: test_process_pool.py, test_idle_process_reuse_one. Deviation: also with fork, where
 * CPython starts all workers at once. */
CF_TEST_PLAIN(idle_process_reuse_one) {
  cf_executor *many = make_executor(8);
  int32_t first = pid_of_next_task(many);
  for (int i = 0; i < 50; i++) ASSERT_EQ_INT(first, pid_of_next_task(many));
  cf_executor_free(many);
}

/* CPython: test_process_pool.py, test_idle_process_reuse_multiple: partly overlapping submits. */
CF_TEST_PLAIN(idle_process_reuse_multiple) {
  cf_executor *many = make_executor(8);
  int32_t two[2], next;
  collect_pids(many, two, 2);
  for (int i = 0; i < 20; i++) {
    next = pid_of_next_task(many);
    ASSERT(next == two[0] || next == two[1]);
  }
  cf_executor_free(many);
}

/* ---------------------------------------------------------------- max_tasks_per_child */

static cf_executor *make_retiring(size_t max_workers, size_t max_tasks) {
  cf_options *o = new_options(max_workers);
  ASSERT_OK(cf_options_set_max_tasks_per_child(o, max_tasks));
  return make_and_free(o);
}

/* CPython: test_process_pool.py, test_max_tasks_per_child. Deviation: fork takes it as well. */
CF_TEST_PLAIN(max_tasks_per_child) {
  cf_executor *one = make_retiring(1, 3);
  int32_t before = 0;
  for (int round = 0; round < 5; round++) {
    int32_t pid = pid_of_next_task(one);
    ASSERT(pid != before);
    for (int i = 1; i < 3; i++) ASSERT_EQ_INT(pid, pid_of_next_task(one));
    before = pid;
  }
  ASSERT(cf_executor_error(one) == NULL); /* a worker that retires has not died */
  cf_executor_free(one);
}

/* CPython: test_process_pool.py, test_max_tasks_early_shutdown. */
CF_TEST_PLAIN(max_tasks_early_shutdown) {
  cf_executor *three = make_retiring(3, 1);
  cf_future *fs[6];
  for (int32_t i = 0; i < 6; i++) fs[i] = submit_value(three, i);
  ASSERT_OK(cf_executor_shutdown(three, true, false));
  for (int32_t i = 0; i < 6; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 6);
  cf_executor_free(three);
}

/* CPython 3.15: gh-115634, a backlog longer than all workers may take together. */
CF_TEST_PLAIN(max_tasks_with_a_backlog) {
  const size_t cases[][3] = { { 1, 2, 6 }, { 2, 2, 8 }, { 2, 1, 40 }, { 3, 7, 100 } };
  for (size_t c = 0; c < LENGTH(cases); c++) {
    cf_future *fs[100];
    cf_executor *pool = make_retiring(cases[c][0], cases[c][1]);
    for (size_t i = 0; i < cases[c][2]; i++) fs[i] = submit_value(pool, (int32_t)i);
    for (size_t i = 0; i < cases[c][2]; i++) ASSERT_VALUE((int32_t)i, fs[i]);
    cf_futures_release(fs, cases[c][2]);
    cf_executor_free(pool);
  }
}

/* ... and one that comes when the last worker has just retired (gh-119592, gh-152967). */
CF_TEST_PLAIN(max_tasks_strand_nothing) {
  cf_executor *two = make_retiring(2, 2);
  for (size_t round = 0; round < scaled(100); round++) {
    cf_future *fs[5];
    for (int32_t i = 0; i < 5; i++) fs[i] = submit_value(two, i);
    for (int32_t i = 0; i < 5; i++) ASSERT_VALUE(i, fs[i]);
    cf_futures_release(fs, 5);
  }
  cf_executor_free(two);
}

/* ---------------------------------------------------------------- after a death */

/* CPython: test_process_pool.py, test_killed_child, where the pool is broken afterwards. */
CF_TEST_PLAIN(a_killed_idle_worker_is_replaced) {
  const int signals[] = { SIGTERM, SIGKILL, SIGHUP, SIGSEGV };
  cf_executor *one = make_executor(1);
  for (size_t i = 0; i < LENGTH(signals); i++) {
    int32_t pid = pid_of_next_task(one);
    ASSERT(kill(pid, signals[i]) == 0);
    await_gone(pid);
    ASSERT(pid_of_next_task(one) != pid);
  }
  cf_executor_free(one);
}

/* The one process besides the zygotes: it has not had a task yet. */
static int32_t newborn_pid(void) {
  int32_t pids[8], zygotes[8];
  for (;;) {
    size_t count = find_processes(NULL, pids, 8),
           zygote_count = find_processes("cf-zygote", zygotes, 8);
    for (size_t i = 0; i < count; i++) {
      bool is_zygote = false;
      for (size_t k = 0; k < zygote_count; k++) is_zygote |= pids[i] == zygotes[k];
      if (!is_zygote) return pids[i];
    }
    wait_a_moment();
  }
}

/* As many as break a pool whose workers never come to work. */
CF_TEST_PLAIN(killed_newborns_do_no_harm_between_workers_that_work) {
  cf_executor *one = make_executor(1);
  kill_and_await(pid_of_next_task(one));
  for (int round = 0; round < 15; round++) {
    kill_and_await(newborn_pid());
    if (round % 5 == 0) kill_and_await(pid_of_next_task(one));
  }
  expect_works(one);
  cf_executor_free(one);
}

/* A task that comes while the worker is being killed runs or says that its worker died. */
CF_TEST_PLAIN(a_task_that_races_with_a_kill_ends) {
  cf_executor *one = make_executor(1);
  for (size_t round = 0; round < scaled(50); round++) {
    int32_t pid = pid_of_next_task(one);
    ASSERT(kill(pid, SIGKILL) == 0);
    cf_future *f = submit_value(one, 5);
    cf_status status = cf_future_result(f, CF_FOREVER, NULL, NULL);
    if (status != CF_OK) ASSERT_EQ_INT(pid, expect_death(f, SIGKILL, -1));
    cf_future_release(f);
    await_gone(pid);
  }
  cf_executor_free(one);
}

/* All at once: each running task is told, the queued ones still run. */
CF_TEST_PLAIN(all_workers_killed_at_once) {
  enum { WORKERS = 4 };
  for (int round = 0; round < 5; round++) {
    cf_executor *four = make_executor(WORKERS);
    gate g = gate_make();
    int32_t pids[WORKERS];
    cf_future *running[WORKERS], *queued[20];
    collect_pids(four, pids, WORKERS);
    for (int i = 0; i < WORKERS; i++) running[i] = submit_gated(four, &g, i);
    gate_await(&g, WORKERS);
    for (int32_t i = 0; i < 20; i++) queued[i] = submit_value(four, i);
    for (int i = 0; i < WORKERS; i++) ASSERT(kill(pids[i], SIGKILL) == 0);
    for (int i = 0; i < WORKERS; i++) expect_death(running[i], SIGKILL, -1);
    for (int32_t i = 0; i < 20; i++) ASSERT_VALUE(i, queued[i]);
    cf_futures_release(running, WORKERS);
    cf_futures_release(queued, 20);
    cf_executor_free(four);
    gate_close(&g);
  }
}

/* A stopped worker is alive: its task goes on when it does. */
CF_TEST_PLAIN(a_stopped_worker_is_not_dead) {
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  int32_t pid = pid_of_next_task(one);
  cf_future *f = submit_gated(one, &g, 5);
  gate_await(&g, 1);
  ASSERT(stop_process(pid));
  gate_open(&g, 1);
  ASSERT_STATUS(CF_TIMEOUT, cf_future_result(f, CF_SHORT, NULL, NULL));
  ASSERT(kill(pid, SIGCONT) == 0);
  ASSERT_VALUE(5, f);
  ASSERT_EQ_INT(pid, pid_of_next_task(one));
  cf_future_release(f);
  cf_executor_free(one);
  gate_close(&g);
}

/* One that is stopped while idle holds up nobody but what it has taken. */
CF_TEST_PLAIN(a_stopped_idle_worker_holds_up_nobody) {
  cf_executor *two = make_executor(2);
  int32_t pids[2];
  collect_pids(two, pids, 2);
  ASSERT(stop_process(pids[0]));
  for (int32_t i = 0; i < 50; i++) {
    cf_future *f = submit_value(two, i);
    ASSERT_VALUE(i, f);
    cf_future_release(f);
  }
  ASSERT(kill(pids[0], SIGCONT) == 0);
  expect_works(two);
  cf_executor_free(two);
}

/* ---------------------------------------------------------------- zygotes */

/* There are two, however short a time: whichever dies now, the other one is enough. */
static void await_two_zygotes(int32_t *zygotes, size_t room) {
  while (find_processes("cf-zygote", zygotes, room) != 2) wait_a_moment();
}

/* When a zygote dies its workers do too, the other one takes over, and the pool lives. Each further
 * one dies when there are two again and the pool has shown that it works. */
CF_TEST_PLAIN(a_dead_zygote_is_replaced) {
  cf_executor *two = make_executor(2);
  for (size_t round = 0; round < scaled(20); round++) {
    int32_t zygotes[8], workers[2], parents[2];
    collect_pids(two, workers, 2);
    for (int i = 0; i < 2; i++) parents[i] = process_parent(workers[i]);
    await_two_zygotes(zygotes, LENGTH(zygotes));
    kill_and_await(zygotes[round % 2]);
    for (int i = 0; i < 2; i++)
      if (parents[i] == zygotes[round % 2]) await_gone(workers[i]);
    expect_works(two);
    kill_and_await(pid_of_next_task(two)); /* so that a zygote is needed */
    expect_works(two);
  }
  ASSERT(cf_executor_error(two) == NULL);
  cf_executor_free(two);
}

/* ... and while there is work: the tasks that run are told, those that are queued run on new workers, once each. */
CF_TEST_PLAIN(a_zygote_dies_under_a_backlog) {
  enum { QUEUED = 20 };
  cf_executor *two = make_executor(2);
  for (size_t round = 0; round < scaled(10); round++) {
    cf_future *running[2], *queued[QUEUED];
    int32_t zygotes[8], workers[2];
    size_t runs[QUEUED] = { 0 };
    gate g = gate_make(), marks = gate_make();
    collect_pids(two, workers, 2);
    await_two_zygotes(zygotes, LENGTH(zygotes));
    const int32_t active = process_parent(workers[0]);
    ASSERT(active == zygotes[0] || active == zygotes[1]);
    ASSERT_EQ_INT(active, process_parent(workers[1]));
    for (int32_t i = 0; i < 2; i++) running[i] = submit_gated(two, &g, i);
    gate_await(&g, 2);
    for (int32_t i = 0; i < QUEUED; i++) queued[i] = submit_marked(two, &marks, i);
    kill_and_await(active);
    for (int i = 0; i < 2; i++) { /* nobody opened their gate; how they ended nobody saw */
      const int32_t pid = cf_error_pid(expect_error(CF_WORKER_DIED, running[i]));
      ASSERT(pid == workers[0] || pid == workers[1]);
    }
    for (int32_t i = 0; i < QUEUED; i++) ASSERT_VALUE(i, queued[i]);
    for (int i = 0; i < QUEUED; i++) runs[gate_next(&marks)]++;
    ASSERT(gate_quiet(&marks));
    for (int i = 0; i < QUEUED; i++) ASSERT_EQ_SIZE(1, runs[i]);
    collect_pids(two, workers, 2); /* at the same time */
    cf_futures_release(running, 2);
    cf_futures_release(queued, QUEUED);
    gate_close(&g);
    gate_close(&marks);
  }
  ASSERT(cf_executor_error(two) == NULL);
  cf_executor_free(two);
}

/* Both at once, and the workers with them: every future ends, the pool says that it is broken. */
CF_TEST_PLAIN(all_zygotes_killed_at_once) {
  for (int round = 0; round < 5; round++) {
    cf_executor *two = make_executor(2);
    gate g = gate_make();
    int32_t pids[32];
    cf_future *fs[10];
    for (int32_t i = 0; i < 10; i++) fs[i] = submit_gated(two, &g, i);
    gate_await(&g, 2);
    await_two_zygotes(pids, LENGTH(pids));
    size_t count = find_processes(NULL, pids, LENGTH(pids));
    ASSERT(count >= 4);
    for (size_t i = 0; i < count; i++) stop_process(pids[i]); /* none acts before all are dead */
    for (size_t i = 0; i < count; i++) kill(pids[i], SIGKILL);
    for (int i = 0; i < 10; i++) {
      cf_status status = cf_future_result(fs[i], CF_FOREVER, NULL, NULL);
      ASSERT(status == CF_BROKEN_POOL || (i < 2 && status == CF_WORKER_DIED));
    }
    expect_broken_pool(two);
    cf_futures_release(fs, 10);
    cf_executor_free(two);
    gate_close(&g);
  }
}
