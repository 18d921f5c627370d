/*
 * Shows: pools of worker processes as such. Making them and what is refused, what a worker finds of
 * the process that made the pool (environment, folder, standard streams, signals), and that handles
 * of that process say CF_FORKED in a worker.
 *
 * How workers die is in process_deaths.c, policies in process_policy.c, the host's side in
 * process_host.c.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* ---------------------------------------------------------------- making them */

CF_TEST_PLAIN(a_process_pool_without_options) {
  const size_t sizes[] = { 0, 1, 3 };
  cpu_set_t cpus;
  ASSERT(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  for (int i = 0; i < 3; i++) {
    cf_executor *executor = NULL;
    cf_error *error = NULL;
    ASSERT_OK(cf_process_pool_new(sizes[i], &executor, &error));
    ASSERT(error == NULL);
    size_t size = cf_executor_max_workers(executor);
    if (sizes[i] > 0)
      ASSERT_EQ_SIZE(sizes[i], size);
    else
      ASSERT(size >= 1 && size <= (size_t)CPU_COUNT(&cpus));
    pid_of_next_task(executor);
    cf_executor_free(executor);
  }
  cf_executor *by_default = NULL;
  ASSERT_OK(cf_process_pool_new_with(NULL, &by_default, NULL));
  pid_of_next_task(by_default);
  cf_executor_free(by_default);
}

static void expect_no_pool(int status, const cf_options *o, const char *named) {
  char place;
  cf_executor *executor = (cf_executor *)(void *)&place;
  cf_error *error = NULL;
  ASSERT_STATUS(status, cf_process_pool_new_with(o, &executor, &error));
  ASSERT(executor == NULL);
  ASSERT_STATUS(status, cf_error_status(error));
  ASSERT_CONTAINS(named, cf_error_message(error));
  cf_error_free(error);
}

CF_TEST_PLAIN(impossible_pools_are_refused) {
  char place;
  cf_executor *executor = (cf_executor *)(void *)&place;
  cf_error *error = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_process_pool_new(2, NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_process_pool_new_with(NULL, NULL, &error));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_error_status(error));
  cf_error_free(error);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_process_pool_new(SIZE_MAX, &executor, &error));
  ASSERT(executor == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_error_status(error));
  cf_error_free(error);
}

/* An option that means nothing to the kind of pool is named, not ignored. */
CF_TEST_PLAIN(options_of_the_other_kind_are_unsupported) {
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_max_spares(o, 3));
  expect_no_pool(CF_UNSUPPORTED, o, "max_spares");
  cf_options_free(o);
  o = new_options(1);
  ASSERT_OK(cf_options_set_inline_wait(o, false));
  expect_no_pool(CF_UNSUPPORTED, o, "inline_wait");
  cf_options_free(o);
  for (int i = 0; i < 4; i++) {
    cf_executor *executor = NULL;
    o = new_options(1);
    if (i == 0) ASSERT_OK(cf_options_set_max_tasks_per_child(o, 5));
    if (i == 1) ASSERT_OK(cf_options_set_on_worker_death(o, CF_BREAK_POOL));
    if (i == 2) ASSERT_OK(cf_options_set_shared_memory_limit(o, (size_t)1 << 30));
    if (i == 3) ASSERT_OK(cf_options_set_start_method(o, CF_START_FORK));
    ASSERT_STATUS(CF_UNSUPPORTED, cf_thread_pool_new_with(o, &executor, NULL));
    ASSERT(executor == NULL);
    cf_options_free(o);
  }
}

CF_TEST_PLAIN(options_for_processes_check_their_arguments) {
  const int wrong[] = { -1, 3, 1000, INT32_MIN, INT32_MAX };
  cf_options *o = new_options(1);
  for (size_t i = 0; i < LENGTH(wrong); i++) {
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_start_method(o, wrong[i]));
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_on_worker_death(o, wrong[i]));
  }
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_on_worker_death(o, 2));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_tasks_per_child(o, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_worker_program(o, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_start_method(NULL, CF_START_FORK));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_on_worker_death(NULL, CF_BREAK_POOL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_tasks_per_child(NULL, 1));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_worker_program(NULL, "/bin/true"));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_shared_memory_limit(NULL, 1 << 20));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_worker_memory_limit(NULL, 1 << 20));
  cf_executor *executor = make_and_free(o); /* nothing has changed */
  expect_works(executor);
  cf_executor_free(executor);
}

/* A program that is not there, or that is no worker: said when the pool is made, in words. */
CF_TEST_PLAIN(a_worker_program_that_cannot_be_is_refused) {
  const char *const programs[] = { "/nonexistent/worker", "/dev/null", "/bin/true" };
  for (size_t i = 0; i < LENGTH(programs); i++) {
    char place;
    cf_executor *executor = (cf_executor *)(void *)&place;
    cf_error *error = NULL;
    cf_options *o = new_options(1);
    ASSERT_OK(cf_options_set_start_method(o, CF_START_SPAWN));
    ASSERT_OK(cf_options_set_worker_program(o, programs[i]));
    cf_status status = cf_process_pool_new_with(o, &executor, &error);
    ASSERT(status != CF_OK && executor == NULL);
    ASSERT_STATUS(status, cf_error_status(error));
    ASSERT_CONTAINS(programs[i], cf_error_message(error));
    cf_error_free(error);
    cf_options_free(o);
  }
}

CF_TEST(calls_for_processes_check_their_arguments) {
  int on_stack = 0;
  void *block = &on_stack;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_terminate_workers(NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_kill_workers(NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_future_kill(NULL, 0));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_shared_alloc(NULL, 64, &block));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_shared_alloc(ex, 64, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_executor_shared_alloc(ex, SIZE_MAX, &block));
  ASSERT(block == NULL); /* an owned handle is NULL after a failure */
  cf_executor_shared_free(ex, NULL);
  cf_executor_shared_free(NULL, NULL);
}

/* ---------------------------------------------------------------- where tasks run */

/* Not in this process, each worker in its own, and none of them a child of this process. */
CF_TEST_PLAIN(workers_are_other_processes) {
  int32_t pids[4];
  cf_executor *four = make_executor(4);
  collect_pids(four, pids, 4);
  for (int i = 0; i < 4; i++) {
    ASSERT(pids[i] != (int32_t)getpid());
    for (int j = 0; j < i; j++) ASSERT(pids[i] != pids[j]);
  }
  cf_executor_free(four);
  for (int i = 0; i < 4; i++) await_gone(pids[i]);
}

struct surroundings {
  char folder[512], variable[64];
  ssize_t stdin_bytes;
  bool stdin_is_null;
  int32_t blocked, sigint_ignored, sigterm_default, sigpipe_default;
};

static bool has_disposition(int number, void (*expected)(int)) {
  struct sigaction action;
  ASSERT(sigaction(number, NULL, &action) == 0);
  return action.sa_handler == expected;
}

static int32_t look_around_task(cf_task *task, void *arg, size_t arg_size) {
  struct surroundings s;
  char byte;
  struct stat in;
  sigset_t mask;
  const char *variable = getenv("CF_TEST_VARIABLE");
  (void)arg;
  (void)arg_size;
  memset(&s, 0, sizeof s);
  ASSERT(getcwd(s.folder, sizeof s.folder) != NULL);
  strncpy(s.variable, variable != NULL ? variable : "none", sizeof s.variable - 1);
  s.stdin_bytes = read(STDIN_FILENO, &byte, 1);
  ASSERT(fstat(STDIN_FILENO, &in) == 0);
  s.stdin_is_null = S_ISCHR(in.st_mode) && in.st_rdev == makedev(1, 3);
  ASSERT(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
  for (int number = 1; number < 32; number++) s.blocked += sigismember(&mask, number) == 1;
  s.sigint_ignored = has_disposition(SIGINT, SIG_IGN);
  s.sigterm_default = has_disposition(SIGTERM, SIG_DFL);
  s.sigpipe_default = has_disposition(SIGPIPE, SIG_DFL);
  return cf_task_return(task, &s, sizeof s);
}

static struct surroundings look_around(cf_executor *executor) {
  struct surroundings s;
  cf_future *f = submit_bytes(executor, look_around_task, NULL, 0);
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &s, sizeof s));
  cf_future_release(f);
  return s;
}

/* The folder and the environment are those of the moment in which the pool was made. */
CF_TEST_PLAIN(workers_have_the_folder_and_the_environment_of_their_maker) {
  char before[512];
  ASSERT(getcwd(before, sizeof before) != NULL);
  ASSERT(chdir("/proc") == 0 && setenv("CF_TEST_VARIABLE", "as the pool was made", 1) == 0);
  cf_executor *one = make_executor(1);
  ASSERT(chdir(before) == 0 && setenv("CF_TEST_VARIABLE", "later", 1) == 0);
  struct surroundings s = look_around(one);
  ASSERT_STR("/proc", s.folder);
  ASSERT_STR("as the pool was made", s.variable);
  kill_and_await(pid_of_next_task(one)); /* also the ones that come after */
  s = look_around(one);
  ASSERT_STR("/proc", s.folder);
  ASSERT_STR("as the pool was made", s.variable);
  cf_executor_free(one);
  ASSERT(unsetenv("CF_TEST_VARIABLE") == 0);
}

/* A task cannot take the host's input away. */
CF_TEST_PLAIN(workers_read_nothing_from_the_hosts_input) {
  int fds[2], saved = dup(STDIN_FILENO);
  ASSERT(saved >= 0 && pipe(fds) == 0);
  ASSERT(write(fds[1], "for the host", 12) == 12);
  ASSERT(dup2(fds[0], STDIN_FILENO) == STDIN_FILENO);
  cf_executor *one = make_executor(1);
  struct surroundings s = look_around(one);
  ASSERT_EQ_INT(0, s.stdin_bytes);
  ASSERT(s.stdin_is_null);
  char text[12];
  ASSERT_EQ_INT(12, read(STDIN_FILENO, text, 12));
  ASSERT(memcmp(text, "for the host", 12) == 0);
  cf_executor_free(one);
  ASSERT(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
  close(saved);
  close(fds[0]);
  close(fds[1]);
}

/* What the host blocks, ignores or handles is its own affair. Ctrl-C goes to the host alone. */
CF_TEST_PLAIN(workers_have_signals_as_in_a_fresh_program) {
  sigset_t some, before;
  ASSERT(sigemptyset(&some) == 0 && sigaddset(&some, SIGUSR1) == 0 &&
         sigaddset(&some, SIGTERM) == 0);
  ASSERT(sigprocmask(SIG_BLOCK, &some, &before) == 0);
  void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
  cf_executor *one = make_executor(1);
  struct surroundings s = look_around(one);
  ASSERT_EQ_INT(0, s.blocked);
  ASSERT(s.sigint_ignored && s.sigterm_default && s.sigpipe_default);
  cf_executor_free(one);
  signal(SIGPIPE, handler);
  ASSERT(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

/* ---------------------------------------------------------------- handles in a worker */

struct older {
  cf_executor *executor;
  cf_future *future, *by_hand;
};

static int32_t use_older_handles(cf_task *task, void *arg, size_t arg_size) {
  const struct older *older = arg;
  const int32_t value = 1;
  cf_future *f = NULL;
  ASSERT_EQ_SIZE(sizeof *older, arg_size);
  ASSERT_STATUS(CF_FORKED, cf_executor_submit(older->executor, value_task, &value, 4, &f));
  ASSERT_STATUS(CF_FORKED, cf_executor_shutdown(older->executor, true, false));
  ASSERT_STATUS(CF_FORKED, cf_executor_kill_workers(older->executor));
  ASSERT_STATUS(CF_FORKED, cf_executor_terminate_workers(older->executor));
  ASSERT_STATUS(CF_FORKED, cf_future_result(older->future, CF_FOREVER, NULL, NULL));
  ASSERT_STATUS(CF_FORKED, cf_future_result(older->by_hand, CF_FOREVER, NULL, NULL));
  ASSERT_STATUS(CF_FORKED, cf_wait(&older->by_hand, 1, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  ASSERT_STATUS(CF_FORKED, cf_future_kill(older->future, 0));
  cf_future_release(older->future);
  cf_executor_free(older->executor);
  return cf_task_return(task, &value, sizeof value);
}

/* CPython documents a deadlock: a task that calls executor or future methods. */
CF_TEST(inherited_handles_in_a_worker_are_refused_at_once) {
  CF_FORK_ONLY("a spawned worker inherits no memory");
  struct older older = { ex, submit_value(ex, 5), pending_future() };
  ASSERT_VALUE(5, older.future);
  cf_executor *younger = make_executor(1);
  cf_future *f = submit_bytes(younger, use_older_handles, &older, sizeof older);
  ASSERT_VALUE(1, f);
  ASSERT_VALUE(5, older.future); /* untouched */
  expect_works(ex);
  cf_future_release(f);
  cf_future_release(older.future);
  cf_future_release(older.by_hand);
  cf_executor_free(younger);
}

static int32_t pool_in_a_worker(cf_task *task, void *arg, size_t arg_size) {
  cf_executor *threads = NULL;
  (void)arg;
  (void)arg_size;
  ASSERT_OK(cf_thread_pool_new(2, &threads, NULL));
  cf_future *f = submit_value(threads, 41);
  int32_t value = value_of(f) + 1;
  cf_future_release(f);
  cf_executor_free(threads);
  return cf_task_return(task, &value, sizeof value);
}

/* What a worker makes itself works there. */
CF_TEST(a_task_may_have_a_thread_pool_of_its_own) {
  for (int i = 0; i < 5; i++) {
    cf_future *f = submit_bytes(ex, pool_in_a_worker, NULL, 0);
    ASSERT_VALUE(42, f);
    cf_future_release(f);
  }
}
