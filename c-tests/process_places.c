/*
 * Shows: pools of processes in places that are not a whole machine: a namespace in which the host
 * is process 1 and /proc may be hidden, and a control group whose memory runs out.
 */
#define _GNU_SOURCE
#include "cgroups.h"
#include "processes.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- process 1 */

/* What a child of unshare() ends with when there are no namespaces to be had here. */
enum { NOT_HERE = 44 };

/* The program is started through /proc: without it there is an error that says so. */
static void find_no_program(void) {
  cf_options *o = new_options(1);
  cf_executor *none = NULL;
  cf_error *error = NULL;
  ASSERT_OK(cf_options_set_start_method(o, CF_START_SPAWN));
  ASSERT_STATUS(CF_OS_ERROR, cf_process_pool_new_with(o, &none, &error));
  ASSERT_CONTAINS("/proc/self/exe", cf_error_message(error));
  ASSERT(none == NULL);
  cf_error_free(error);
  cf_options_free(o);
}

static void use_a_pool_as_first_process(void) {
  cf_executor *two = make_executor(2);
  for (int i = 0; i < 3; i++) {
    expect_last_death(submit_ending(two, EXITS_AT_ONCE, 9), 0, 9);
    expect_last_death(submit_ending(two, SIGNALS, SIGKILL), SIGKILL, -1);
    expect_works(two);
  }
  cf_executor_free(two);
}

/* In a new namespace, as its process 1: what ends there is collected by nobody but it. */
static int status_in_namespace(bool hide_proc) {
  pid_t outer = fork();
  ASSERT(outer >= 0);
  if (outer == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
      _exit(NOT_HERE);
    pid_t first = fork();
    ASSERT(first >= 0);
    if (first == 0) {
      check_host = (int32_t)getpid();
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      ASSERT_EQ_INT(1, getpid());
      if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) _exit(NOT_HERE);
      if (mount("none", "/proc", hide_proc ? "tmpfs" : "proc", 0, NULL) != 0) _exit(NOT_HERE);
      if (hide_proc && check_is_spawn())
        find_no_program();
      else
        use_a_pool_as_first_process();
      _exit(0);
    }
    int status = 0;
    ASSERT(waitpid(first, &status, 0) == first);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 45);
  }
  int status = 0;
  ASSERT(waitpid(outer, &status, 0) == outer);
  ASSERT(WIFEXITED(status));
  return WEXITSTATUS(status);
}

CF_TEST_PLAIN(a_host_that_is_process_1) {
  int status = status_in_namespace(false);
  if (status == NOT_HERE)
    check_skip("no namespaces can be made here");
  else
    ASSERT_EQ_INT(0, status);
}

CF_TEST_PLAIN(a_host_without_proc) {
  int status = status_in_namespace(true);
  if (status == NOT_HERE)
    check_skip("no namespaces can be made here");
  else
    ASSERT_EQ_INT(0, status);
}

/* ---------------------------------------------------------------- the OOM killer */

static int32_t devouring_task(cf_task *task, void *arg, size_t arg_size) {
  const size_t step = (size_t)1 << 20;
  ASSERT_EQ_SIZE(sizeof(gate), arg_size);
  gate_arrive(arg, 0);
  gate_pass(arg); /* it is in the group now */
  for (int i = 0; i < 256; i++) {
    volatile char *bytes =
        mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) return cf_task_fail(task, 1, "no memory");
    for (size_t at = 0; at < step; at += 4096) bytes[at] = 1;
  }
  return cf_task_return(task, NULL, 0);
}

/* The system kills a worker for its memory: its task is told, and nothing else is harmed. */
CF_TEST_PLAIN(a_worker_that_the_system_kills_for_its_memory) {
  struct cgroup group;
  if (!make_cgroup(&group, "memory")) {
    check_skip("no control group can be made here");
    return;
  }
  if (!set_cgroup_number(&group, "memory.limit_in_bytes", 48L << 20))
    ASSERT(set_cgroup_number(&group, "memory.max", 48L << 20));
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  for (int round = 0; round < 2; round++) {
    const int32_t pid = pid_of_next_task(one);
    cf_future *f = submit_bytes(one, devouring_task, &g, sizeof g);
    gate_await(&g, 1);
    ASSERT(enter_cgroup(&group, pid));
    gate_open(&g, 1);
    ASSERT_EQ_INT(pid, expect_death(f, SIGKILL, -1));
    cf_future_release(f);
    expect_works(one);
  }
  cf_executor_free(one);
  gate_close(&g);
  remove_cgroup(&group);
}
