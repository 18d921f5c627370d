/*
 * Shows: a pool of processes in hosts that have other things to do: children, signals, threads,
 * forks and descriptors of their own. The library takes nothing from them, and its processes end
 * with the host, however it ends.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- children and signals */

static pid_t fork_child(int exit_code) {
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) _exit(exit_code);
  return child;
}

static void expect_no_child(void) {
  ASSERT_EQ_INT(-1, waitpid(-1, NULL, WNOHANG));
  ASSERT_EQ_INT(ECHILD, errno);
}

/* Workers are not the host's to collect, neither alive nor dead, and it keeps its own children. */
CF_TEST(the_hosts_children_are_its_own) {
  expect_works(ex);
  expect_no_child();
  pid_t child = fork_child(7);
  for (int i = 0; i < 10; i++) {
    expect_last_death(submit_ending(ex, EXITS_AT_ONCE, 9), 0, 9);
    expect_works(ex);
  }
  int status = 0;
  ASSERT(waitpid(-1, &status, 0) == child);
  ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  expect_no_child();
}

static void die_in_every_kind(cf_executor *executor) {
  for (int i = 0; i < 3; i++) {
    expect_last_death(submit_ending(executor, EXITS_AT_ONCE, 9), 0, 9);
    expect_last_death(submit_ending(executor, SIGNALS, SIGKILL), SIGKILL, -1);
  }
  expect_works(executor);
}

static int child_signals;

static void on_child(int number) {
  (void)number;
  count_up(&child_signals);
}

static void with_handler_of_sigchld(void (*handler)(int), int flags) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  ASSERT(sigaction(SIGCHLD, &action, &before) == 0);
  cf_executor *two = make_executor(2);
  die_in_every_kind(two);
  cf_executor_free(two);
  ASSERT(sigaction(SIGCHLD, &before, NULL) == 0);
}

CF_TEST_PLAIN(the_hosts_handler_of_sigchld_never_runs) {
  child_signals = 0;
  with_handler_of_sigchld(on_child, SA_RESTART);
  ASSERT_EQ_INT(0, count_of(&child_signals));
}

/* A host whose children are collected by the system is told of deaths all the same. */
CF_TEST_PLAIN(hosts_that_ignore_sigchld) {
  with_handler_of_sigchld(SIG_IGN, 0);
  with_handler_of_sigchld(SIG_DFL, SA_NOCLDWAIT);
}

static int stop_collecting;

static void *collect_everything(void *unused) {
  (void)unused;
  while (count_of(&stop_collecting) == 0)
    if (waitpid(-1, NULL, __WALL) < 0) wait_a_moment();
  return NULL;
}

/* ... and one that collects whatever ends. */
CF_TEST_PLAIN(hosts_that_wait_for_any_child) {
  stop_collecting = 0;
  pthread_t thread = start_thread(collect_everything, NULL);
  cf_executor *two = make_executor(2);
  die_in_every_kind(two);
  cf_executor_free(two);
  count_up(&stop_collecting);
  join_thread(thread);
}

/* Neither masks nor dispositions change, in this thread or for the process. */
CF_TEST_PLAIN(the_hosts_signals_stay_as_they_are) {
  struct sigaction before[65], after;
  sigset_t mask_before, mask_after;
  for (int number = 1; number < 65; number++) sigaction(number, NULL, &before[number]);
  ASSERT(sigprocmask(SIG_BLOCK, NULL, &mask_before) == 0);
  cf_executor *two = make_executor(2);
  die_in_every_kind(two);
  for (int i = 0; i < 2; i++) {
    ASSERT(sigprocmask(SIG_BLOCK, NULL, &mask_after) == 0);
    for (int number = 1; number < 65; number++) {
      if (sigaction(number, NULL, &after) != 0) continue;
      ASSERT(before[number].sa_handler == after.sa_handler);
      ASSERT_EQ_INT(sigismember(&mask_before, number), sigismember(&mask_after, number));
    }
    if (i == 0) cf_executor_free(two);
  }
}

/* ---------------------------------------------------------------- the end of the host */

static void run_forever(void *arg) {
  cf_executor *four = make_executor(4);
  for (int i = 0; i < 6; i++) cf_future_release(submit_gated(four, arg, i));
  for (;;) pause();
}

/* SIGKILL leaves nobody a chance to tell anybody: within a second all are gone nevertheless. */
CF_TEST_PLAIN(a_killed_host_leaves_no_process) {
  for (int round = 0; round < 3; round++) {
    gate g = gate_make();
    pid_t host = fork();
    ASSERT(host >= 0);
    if (host == 0) {
      check_host = (int32_t)getpid();
      prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphan when this test fails */
      run_forever(&g);
    }
    gate_await(&g, 4); /* workers, busy */
    ASSERT(process_count() > 4);
    struct timespec start, now;
    ASSERT(kill(host, SIGKILL) == 0);
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &start) == 0);
    ASSERT(waitpid(host, NULL, 0) == host);
    while (process_count() > 0) {
      ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
      int64_t passed = (now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec;
      if (passed > 1000000000) {
        check_list_processes();
        check_fail(__FILE__, __LINE__,
                   "processes outlive their host by a second: after %lld ms there are %zu",
                   (long long)(passed / 1000000), process_count());
      }
      wait_a_moment();
    }
    gate_close(&g);
  }
}

static void exit_with_a_pool(void *arg) {
  cf_executor *two = make_executor(2);
  cf_future_release(submit_gated(two, arg, 1));
  gate_await(arg, 1);
}

/* A host that ends without freeing its pool is not kept waiting; the check behind every test sees
 * that nothing stays. */
CF_TEST_PLAIN(a_host_may_exit_without_freeing_its_pool) {
  gate g = gate_make();
  run_in_child(exit_with_a_pool, &g);
  await_no_process();
  gate_close(&g);
}

/* ---------------------------------------------------------------- threads and other pools */

static int stop_submitting;

static void *keep_submitting(void *executor) {
  while (count_of(&stop_submitting) == 0) expect_works(executor);
  return NULL;
}

/* A fork copies this process as it stands, in the middle of what other threads do: submitting asks
 * the loader where functions lie, and the workers of a new pool ask theirs. */
CF_TEST_PLAIN(pools_are_made_while_others_submit) {
  cf_executor *busy = make_executor(2);
  pthread_t threads[3];
  stop_submitting = 0;
  for (int i = 0; i < 3; i++) threads[i] = start_thread(keep_submitting, busy);
  for (size_t round = 0; round < scaled(100); round++) {
    cf_executor *one = make_executor(1);
    expect_works(one);
    cf_executor_free(one);
  }
  count_up(&stop_submitting);
  for (int i = 0; i < 3; i++) join_thread(threads[i]);
  cf_executor_free(busy);
}

static void *make_in_thread(void *place) {
  cf_executor **executor = place;
  *executor = make_executor(2);
  expect_works(*executor);
  return NULL;
}

/* The end of the thread that made it is not the end of the pool. */
CF_TEST_PLAIN(a_pool_outlives_the_thread_that_made_it) {
  cf_executor *two = NULL;
  int32_t pids[2], again[2];
  join_thread(start_thread(make_in_thread, &two));
  collect_pids(two, pids, 2);
  for (int i = 0; i < 20; i++) expect_works(two);
  collect_pids(two, again, 2);
  ASSERT((again[0] == pids[0] && again[1] == pids[1]) ||
         (again[0] == pids[1] && again[1] == pids[0]));
  die_in_every_kind(two);
  cf_executor_free(two);
}

/* Pools beside each other, made and ended in turns, with deaths in one of them. */
CF_TEST_PLAIN(pools_side_by_side) {
  cf_executor *pools[3];
  for (int i = 0; i < 3; i++) pools[i] = make_executor(2);
  for (int round = 0; round < 6; round++) {
    int32_t mine = pid_of_next_task(pools[(round + 1) % 3]);
    die_in_every_kind(pools[round % 3]);
    ASSERT_EQ_INT(mine, pid_of_next_task(pools[(round + 1) % 3]));
    cf_executor_free(pools[round % 3]);
    pools[round % 3] = make_executor(2);
  }
  for (int i = 0; i < 3; i++) cf_executor_free(pools[i]);
}

/* ---------------------------------------------------------------- a host that forks */

static void use_inherited_pool(void *future) {
  const int32_t value = 1;
  void *block = NULL;
  ASSERT_STATUS(CF_FORKED, cf_executor_submit(ex, value_task, &value, sizeof value, NULL));
  ASSERT_STATUS(CF_FORKED, cf_executor_kill_workers(ex));
  ASSERT_STATUS(CF_FORKED, cf_executor_terminate_workers(ex));
  ASSERT_STATUS(CF_FORKED, cf_executor_shared_alloc(ex, 64, &block));
  ASSERT_STATUS(CF_FORKED, cf_future_kill(future, 0));
  cf_executor_free(ex);
  cf_executor *own = make_executor(1);
  expect_works(own);
  die_in_every_kind(own);
  cf_executor_free(own);
}

/* CPython: test_thread_pool.py, test_hang_global_shutdown_lock, for processes: children of a host
 * whose pool is at work. They cannot touch it, and have pools of their own. */
CF_TEST(children_of_the_host_leave_its_pool_alone) {
  gate g = gate_make();
  cf_future *held = submit_gated(ex, &g, 5), *queued[100];
  gate_await(&g, 1);
  int32_t pid = pid_of_next_task(ex);
  for (size_t round = 0; round < scaled(15); round++) {
    for (int32_t i = 0; i < 100; i++) queued[i] = submit_value(ex, i);
    run_in_child(use_inherited_pool, held);
    for (int32_t i = 0; i < 100; i++) ASSERT_VALUE(i, queued[i]);
    cf_futures_release(queued, 100);
  }
  ASSERT_EQ_INT(pid, pid_of_next_task(ex));
  gate_open(&g, 1);
  ASSERT_VALUE(5, held);
  cf_future_release(held);
  gate_close(&g);
}

/* ---------------------------------------------------------------- descriptors */

/* In a child, which ends with the status 0 if all went well. */
static void close_everything(void) {
  cf_executor *two = make_executor(2);
  expect_works(two);
  cf_future *f = submit_value(two, 5);
  close_all_descriptors();
  cf_status status = cf_future_result(f, cf_seconds(20), NULL, NULL);
  ASSERT(status == CF_OK || status == CF_WORKER_DIED || status == CF_BROKEN_POOL);
  cf_future_release(f);
  const int32_t value = 6;
  for (int i = 0; i < 20; i++) {
    f = NULL;
    status = cf_executor_submit(two, value_task, &value, sizeof value, &f);
    if (status == CF_OK) status = cf_future_result(f, cf_seconds(20), NULL, NULL);
    ASSERT(status != CF_TIMEOUT);
    cf_future_release(f);
  }
  cf_executor_free(two);
}

/* A daemon that closes all it has: tasks end with some status, no call hangs, nothing is left. */
CF_TEST_PLAIN(a_host_that_closes_all_descriptors) {
  pid_t host = fork();
  ASSERT(host >= 0);
  if (host == 0) {
    check_host = (int32_t)getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_everything();
    _exit(0);
  }
  int status = 0;
  ASSERT(waitpid(host, &status, 0) == host);
  ASSERT_EQ_INT(0, status);
}

/* How many descriptors of the kinds that the library uses a program started now would have. */
static int count_inherited(void) {
  static const char *const kinds[] = { "memfd:", "pidfd", "eventfd", "eventpoll", "socket:" };
  char line[512];
  int count = 0;
  FILE *listing = popen("ls -l /proc/self/fd", "r");
  ASSERT(listing != NULL);
  while (fgets(line, sizeof line, listing) != NULL)
    for (size_t i = 0; i < LENGTH(kinds); i++) count += strstr(line, kinds[i]) != NULL;
  ASSERT(pclose(listing) == 0);
  return count;
}

/* Programs that the host starts inherit nothing of the library. */
CF_TEST_PLAIN(programs_started_by_the_host_inherit_nothing) {
  const int before = count_inherited();
  cf_executor *two = make_executor(2);
  expect_works(two);
  ASSERT_EQ_INT(before, count_inherited());
  cf_executor_free(two);
}
