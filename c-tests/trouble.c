/*
 * Shows: a host in trouble, over every kind of pool: signals that interrupt each wait, ends at an
 * awkward moment, limits of the system that are reached, and futures that are given back while
 * others wait for them. What concerns threads alone is in trouble_threads.c, what concerns worker
 * processes alone in process_faults.c.
 */
#define _GNU_SOURCE
#include "cgroups.h"
#include "scene.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- a storm of signals */

static int interruptions;

static void on_tick(int number) {
  (void)number;
  count_up(&interruptions);
}

/* Every 50 microseconds, and without SA_RESTART: each system call of this thread may end early. */
static timer_t start_ticks(void) {
  struct sigaction action;
  struct sigevent event;
  const struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
  timer_t timer;
  memset(&action, 0, sizeof action);
  memset(&event, 0, sizeof event);
  action.sa_handler = on_tick;
  ASSERT(sigaction(SIGUSR1, &action, NULL) == 0);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  ASSERT(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  ASSERT(timer_settime(timer, 0, &often, NULL) == 0);
  return timer;
}

static int64_t now(void) {
  struct timespec time;
  ASSERT(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* No wait ends early for a signal, whichever call it is; results come all the same. */
CF_TEST(waits_outlast_a_storm_of_signals) {
  CF_NOT_UNDER_VALGRIND("so many signals leave it no time");
  const int64_t while_ns = 5000000;
  gate g = gate_make();
  cf_future *held = submit_gated(ex, &g, 7), *done[1];
  interruptions = 0;
  timer_t timer = start_ticks();
  for (int round = 0; round < 10; round++) {
    const int64_t start = now();
    ASSERT_STATUS(CF_TIMEOUT, cf_future_result(held, while_ns, NULL, NULL));
    ASSERT(now() - start >= while_ns);
    ASSERT_STATUS(CF_TIMEOUT, cf_wait(&held, 1, while_ns, CF_ALL_COMPLETED, NULL, NULL));
    ASSERT(now() - start >= 2 * while_ns);
    for (int32_t i = 0; i < 20; i++) {
      done[0] = submit_value(ex, i);
      ASSERT_VALUE(i, done[0]);
      cf_futures_release(done, 1);
    }
  }
  gate_open(&g, 1);
  ASSERT_VALUE(7, held);
  ASSERT_OK(cf_executor_shutdown(ex, true, false));
  ASSERT(timer_delete(timer) == 0);
  ASSERT(count_of(&interruptions) > 100);
  cf_future_release(held);
  gate_close(&g);
}

/* ---------------------------------------------------------------- references and waiters */

struct waiter {
  cf_future *future;
  int32_t id;
  pthread_t thread;
};

static void *wait_and_release(void *arg) {
  struct waiter *waiter = arg;
  __atomic_store_n(&waiter->id, thread_id(), __ATOMIC_SEQ_CST);
  ASSERT_VALUE(9, waiter->future);
  cf_future_release(waiter->future);
  return NULL;
}

/* The first owner goes while others wait: they get the result. */
CF_TEST(a_release_leaves_those_who_wait_alone) {
  struct waiter waiters[4];
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 9);
  gate_await(&g, 1);
  for (size_t i = 0; i < LENGTH(waiters); i++) {
    waiters[i].id = 0;
    waiters[i].future = cf_future_retain(f);
    waiters[i].thread = start_thread(wait_and_release, &waiters[i]);
  }
  for (size_t i = 0; i < LENGTH(waiters); i++) {
    while (__atomic_load_n(&waiters[i].id, __ATOMIC_SEQ_CST) == 0) sched_yield();
    await_asleep(waiters[i].id);
  }
  cf_future_release(f);
  gate_open(&g, 1);
  for (size_t i = 0; i < LENGTH(waiters); i++) join_thread(waiters[i].thread);
  gate_close(&g);
}

enum { CROWD = 100, EACH = 100 };

static void *wait_for_share(void *arg) {
  cf_future **fs = arg;
  size_t done = 0;
  ASSERT_OK(cf_wait(fs, EACH, CF_LONG, CF_ALL_COMPLETED, NULL, &done));
  for (int32_t i = 0; i < EACH; i++) {
    int32_t value = -1;
    ASSERT_OK(cf_future_result_into(fs[i], CF_LONG, &value, sizeof value));
    ASSERT_EQ_INT(i, value);
  }
  return NULL;
}

/* Ten thousand futures, a hundred threads, and a deadline on each wait. */
CF_TEST(a_hundred_threads_wait_for_ten_thousand_futures) {
  CF_NOT_UNDER_VALGRIND("a hundred threads in turns take minutes");
  static cf_future *fs[CROWD * EACH];
  pthread_t threads[CROWD];
  gate g = gate_make();
  cf_future *first = submit_gated(ex, &g, 0), *second = submit_gated(ex, &g, 1);
  gate_await(&g, 2); /* both workers: the rest is queued until everybody waits */
  for (int32_t i = 0; i < CROWD * EACH; i++) fs[i] = submit_value(ex, i % EACH);
  for (size_t i = 0; i < CROWD; i++) threads[i] = start_thread(wait_for_share, &fs[i * EACH]);
  gate_open(&g, 2);
  for (size_t i = 0; i < CROWD; i++) join_thread(threads[i]);
  cf_futures_release(fs, CROWD * EACH);
  cf_future_release(first);
  cf_future_release(second);
  gate_close(&g);
}

/* ---------------------------------------------------------------- the end of the host */

/* Kept where leak checkers find it: it is left behind on purpose. */
static cf_executor *left_behind;
static void (*end_now)(void);

/* A child whose pool is at work ends in a way: with what status? */
static int status_of_host(void (*body)(void *g), gate *g) {
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    const struct rlimit no_core = { 0, 0 };
    check_host = (int32_t)getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    left_behind = make_executor(2);
    cf_future_release(submit_gated(left_behind, g, 1));
    gate_await(g, 1); /* one worker at work, one free */
    body(g);
    _exit(77);
  }
  int status = 0;
  ASSERT(waitpid(child, &status, 0) == child);
  if (!check_is_threads()) await_no_process();
  return status;
}

static void end_here(void *g) {
  (void)g;
  end_now();
}

static void end_in_callback(cf_future *f, void *unused) {
  (void)f;
  (void)unused;
  end_now();
}

static void end_in_a_callback(void *g) {
  (void)g;
  cf_future *f = submit_value(left_behind, 3);
  ASSERT_OK(cf_future_add_done_callback(f, end_in_callback, NULL, NULL));
  for (;;) pause();
}

static void exit_cleanly(void) {
  exit(0);
}
static void exit_at_once(void) {
  _exit(0);
}
static void exit_quickly(void) {
  quick_exit(0);
}

/* However a host ends, and on whichever thread: it does not hang or crash, and nothing stays. */
CF_TEST_PLAIN(hosts_end_in_every_way_while_tasks_run) {
  CF_NOT_UNDER_VALGRIND("what is left behind on purpose counts as leaked there");
  void (*const ways[])(void) = { exit_cleanly, exit_at_once, exit_quickly };
  for (size_t i = 0; i < LENGTH(ways); i++) {
    gate g = gate_make();
    end_now = ways[i];
    ASSERT_EQ_INT(0, status_of_host(end_here, &g));
    ASSERT_EQ_INT(0, status_of_host(end_in_a_callback, &g));
    gate_close(&g);
  }
  gate g = gate_make();
  end_now = abort;
  int status = status_of_host(end_here, &g);
  ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  gate_close(&g);
}

/* ---------------------------------------------------------------- limits of the system */

/* Makes a pool and uses it, as far as that goes: every refusal has a status. */
static bool try_a_pool(void) {
  const int32_t value = 4;
  cf_options *o = NULL;
  cf_executor *pool = NULL;
  cf_future *f = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 2));
  cf_status status;
  if (check_is_threads()) {
    status = cf_thread_pool_new_with(o, &pool, NULL);
  } else {
    ASSERT_OK(cf_options_set_start_method(o, check_is_fork() ? CF_START_FORK : CF_START_SPAWN));
    status = cf_process_pool_new_with(o, &pool, NULL);
  }
  cf_options_free(o);
  if (status == CF_OK) status = cf_executor_submit(pool, value_task, &value, sizeof value, &f);
  if (status == CF_OK) status = cf_future_result(f, cf_seconds(20), NULL, NULL);
  cf_future_release(f);
  cf_executor_free(pool);
  ASSERT(status == CF_OK || status == CF_OS_ERROR || status == CF_NO_MEMORY ||
         status == CF_BROKEN_POOL || status == CF_UNSUPPORTED || status == CF_WORKER_DIED);
  return status == CF_OK;
}

/* ... under a limit, and undoes everything. The harness looks behind whole tests only, and not in a child. */
static bool try_with_limit(int resource, rlim_t most) {
  const struct belongings before = count_belongings();
  struct rlimit usual, limit;
  ASSERT(getrlimit(resource, &usual) == 0);
  limit = usual;
  limit.rlim_cur = most;
  ASSERT(setrlimit(resource, &limit) == 0);
  const bool made = try_a_pool();
  ASSERT(setrlimit(resource, &usual) == 0); /* to look at processes takes descriptors too */
  check_nothing_left(&before);
  return made;
}

/* With so many more than there are now. */
static void limit_descriptors(void *unused) {
  int made = 0;
  (void)unused;
  for (rlim_t more = 0; more < 40; more++)
    made += try_with_limit(RLIMIT_NOFILE, (rlim_t)descriptor_count() + more);
  ASSERT(made > 0);
}

CF_TEST_PLAIN(pools_without_enough_descriptors) {
  CF_NOT_UNDER_VALGRIND("it has descriptors of its own");
  run_in_child(limit_descriptors, NULL);
}

/* Writing beyond this limit kills a program: the library must not come to it. */
static void limit_files(void *unused) {
  const rlim_t sizes[] = { 0, 4096, (rlim_t)1 << 20, (rlim_t)1 << 30 };
  (void)unused;
  for (size_t i = 0; i < LENGTH(sizes); i++) try_with_limit(RLIMIT_FSIZE, sizes[i]);
}

CF_TEST_PLAIN(a_limit_on_the_size_of_files_kills_nobody) {
  CF_NOT_UNDER_VALGRIND("its own files count");
  run_in_child(limit_files, NULL);
}

/* With so much more than is taken now. */
static void limit_address_space(void *unused) {
  const rlim_t more[] = { (rlim_t)16 << 20, (rlim_t)64 << 20, (rlim_t)1 << 30, (rlim_t)64 << 30 };
  (void)unused;
  for (size_t i = 0; i < LENGTH(more); i++) {
    const bool made = try_with_limit(RLIMIT_AS, (rlim_t)mapped_bytes() + more[i]);
    ASSERT(made || i + 1 < LENGTH(more));
  }
}

CF_TEST_PLAIN(pools_without_enough_address_space) {
  CF_NOT_UNDER_VALGRIND("it takes address space of its own");
  run_in_child(limit_address_space, NULL);
}

/* In a group that may have so many processes and threads and no more. */
static void limit_tasks(void *group) {
  int made = 0, refused = 0;
  /* What nobody has waited for counts as well, and process 1 may take its time. */
  ASSERT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
  ASSERT(enter_cgroup(group, (int32_t)getpid()));
  for (int most = 1; most <= 12; most++) {
    const struct belongings before = count_belongings();
    ASSERT(set_cgroup_number(group, "pids.max", most));
    if (try_a_pool())
      made++;
    else
      refused++;
    if (!check_is_threads()) await_no_process(); /* what dies now is waited for */
    while (waitpid(-1, NULL, __WALL) > 0) {
    }
    check_nothing_left(&before);
  }
  ASSERT(made > 0 && refused > 0);
}

CF_TEST_PLAIN(pools_without_enough_processes) {
  struct cgroup group;
  CF_NOT_UNDER_VALGRIND("it has no threads of its own, but a leak check that they disturb");
  if (!make_cgroup(&group, "pids")) {
    check_skip("no control group can be made here");
    return;
  }
  run_in_child(limit_tasks, &group);
  remove_cgroup(&group);
}
