/*
 * Tests that must fail, one way each: a harness that cannot fail shows nothing. Run one by one by
 * expect_failure.cmake, which knows what each has to say.
 */
#define _DEFAULT_SOURCE
#include "../check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

CF_TEST_PLAIN(false_assertion) {
  ASSERT(1 == 2);
}

static int32_t check_argument(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_INT(8, *(int32_t *)arg);
  return cf_task_return(task, arg, arg_size);
}

CF_TEST(false_assertion_in_a_task) {
  const int32_t seven = 7;
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, check_argument, &seven, sizeof seven, &f));
  ASSERT_VALUE(7, f);
  cf_future_release(f);
}

CF_TEST_PLAIN(unexpected_status) {
  ASSERT_OK(cf_executor_join(NULL, 0));
}

CF_TEST(unexpected_value) {
  cf_future *f = submit_value(ex, 5);
  ASSERT_VALUE(6, f);
  cf_future_release(f);
}

static void fail_in_child(void *unused) {
  (void)unused;
  ASSERT(1 == 2);
}

CF_TEST_PLAIN(failing_child) {
  run_in_child(fail_in_child, NULL);
}

static void be_killed(void *unused) {
  (void)unused;
  raise(SIGKILL);
}

CF_TEST_PLAIN(killed_child) {
  run_in_child(be_killed, NULL);
}

CF_TEST_PLAIN(leaked_descriptor) {
  ASSERT(dup(STDERR_FILENO) >= 0);
}

CF_TEST_PLAIN(leaked_child) {
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    signal(SIGALRM, SIG_DFL);
    alarm(20); /* not for ever, but longer than the harness waits */
    pause();
    _exit(0);
  }
}

/* One that no wait() of ours would ever see. */
CF_TEST_PLAIN(leaked_grandchild) {
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    signal(SIGALRM, SIG_DFL);
    alarm(20); /* not for ever, but longer than the harness waits */
    pause();
    _exit(0);
  }
  ASSERT(waitpid(child, NULL, 0) == child);
}

CF_TEST_PLAIN(leaked_mapping) {
  ASSERT(mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void *wait_for_ever(void *unused) {
  (void)unused;
  for (;;) pause();
  return NULL;
}

CF_TEST_PLAIN(leaked_thread) {
  ASSERT(pthread_detach(start_thread(wait_for_ever, NULL)) == 0);
}

CF_TEST_PLAIN(hanging_test) {
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  ASSERT_OK(cf_future_result(f, CF_FOREVER, NULL, NULL)); /* nobody completes it */
}

CF_TEST(hanging_executor) {
  gate g = gate_make();
  cf_future_release(submit_gated(ex, &g, 1));
}
