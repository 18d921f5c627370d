/*
 * Shows: what a task can do to a host that runs it on a thread. A task that overflows its stack, or
 * ends its thread, takes the program with it: that is promised, as is that nothing hangs then. For
 * tasks that may do so there are worker processes, over which process_deaths.c shows the same.
 */
#define _GNU_SOURCE
#include "scene.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------- what no thread survives */

static int use_all_stack(int depth) {
  volatile char frame[4096];
  frame[0] = (char)depth;
  if (depth == INT_MAX) return 0;
  return use_all_stack(depth + 1) + frame[0];
}

static int32_t overflowing_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  return use_all_stack(0);
}

static int32_t thread_ending_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  pthread_exit(NULL);
}

static int32_t exiting_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  exit(6);
}

/* How a program ends whose pool runs this task, while another one runs and one is waited for. */
static int end_of_program(cf_task_fn fn) {
  gate g = gate_make();
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    const struct rlimit no_core = { 0, 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    close(STDERR_FILENO); /* what ends it may say so */
    cf_executor *two = make_executor(2);
    cf_future *f = NULL;
    cf_future_release(submit_gated(two, &g, 1));
    gate_await(&g, 1);
    ASSERT_OK(cf_executor_submit(two, fn, NULL, 0, &f));
    cf_future_result(f, CF_FOREVER, NULL, NULL);
    _exit(77);
  }
  int status = 0;
  ASSERT(waitpid(child, &status, 0) == child);
  gate_close(&g);
  return status;
}

CF_TEST_PLAIN(a_task_without_stack_ends_the_program) {
  CF_NOT_UNDER_VALGRIND("it answers for the stack in its own way");
  int status = end_of_program(overflowing_task);
  ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

CF_TEST_PLAIN(a_task_that_ends_its_thread_ends_the_program) {
  CF_NOT_UNDER_VALGRIND("it ends programs in its own way");
  int status = end_of_program(thread_ending_task);
  ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

CF_TEST_PLAIN(a_task_that_exits_ends_the_program) {
  CF_NOT_UNDER_VALGRIND("what is left behind on purpose counts as leaked there");
  int status = end_of_program(exiting_task);
  ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 6);
}

/* ---------------------------------------------------------------- tasks without end */

struct chain {
  cf_executor *executor;
  int *links, *refused;
};

/* Submits itself again, until it is told that the pool is closed. */
static int32_t endless_task(cf_task *task, void *arg, size_t arg_size) {
  const struct chain *chain = arg;
  (void)task;
  ASSERT_EQ_SIZE(sizeof *chain, arg_size);
  count_up(chain->links);
  cf_status status = cf_executor_submit(chain->executor, endless_task, chain, sizeof *chain, NULL);
  if (status != CF_OK) {
    ASSERT_STATUS(CF_SHUTDOWN, status);
    count_up(chain->refused);
  }
  return 0;
}

/* A pool whose tasks submit themselves for ever is closed all the same, at any moment. */
CF_TEST_PLAIN(a_pool_of_endless_tasks_ends) {
  for (size_t round = 0; round < scaled(50); round++) {
    enum { CHAINS = 4 };
    int links = 0, refused = 0;
    cf_executor *two = make_executor(2);
    const struct chain chain = { two, &links, &refused };
    for (int i = 0; i < CHAINS; i++)
      ASSERT_OK(cf_executor_submit(two, endless_task, &chain, sizeof chain, NULL));
    while (count_of(&links) < (int)(round + 10)) sched_yield();
    ASSERT_OK(cf_executor_shutdown(two, true, round % 2 == 0));
    const int end = count_of(&links);
    if (round % 2 != 0) ASSERT_EQ_INT(CHAINS, count_of(&refused));
    ASSERT(count_of(&refused) <= CHAINS);
    cf_executor_free(two);
    ASSERT_EQ_INT(end, count_of(&links)); /* nothing runs after the end */
  }
}
