/*
 * Shows: what happens to an executor when the process ends. There is no hidden hook that joins the
 * workers at exit, as CPython has: whoever wants the work done frees the executor, and whoever does
 * not is never kept waiting. Each test ends a child process; the CPython tests that start another
 * interpreter are ported here.
 */
#include "check.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- work that is waited for */

static void free_then_exit(void *g) {
  cf_executor *executor = make_executor(2);
  for (int32_t i = 0; i < 5; i++) cf_future_release(submit_marked(executor, g, 40 + i));
  cf_executor_free(executor);
}

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_interpreter_shutdown. The explicit free
 * waits for the work where CPython's exit hook would. */
CF_TEST_PLAIN(interpreter_shutdown) {
  gate g = gate_make();
  run_in_child(free_then_exit, &g);
  for (int i = 0; i < 5; i++) {
    ASSERT(!gate_quiet(&g));
    gate_next(&g);
  }
  gate_close(&g);
}

/* ---------------------------------------------------------------- work that is not */

/* Kept where leak checkers find it: it is left behind on purpose. */
static cf_executor *left_behind;

static void leave_running(void *g) {
  left_behind = make_executor(3);
  for (int32_t i = 0; i < 5; i++) cf_future_release(submit_gated(left_behind, g, i));
  gate_await(g, 3);
}

static void shut_down_and_leave_running(void *g) {
  leave_running(g);
  ASSERT_OK(cf_executor_shutdown(left_behind, false, false));
}

static void detach_and_leave_running(void *g) {
  leave_running(g);
  cf_executor_detach(left_behind);
}

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_hang_gh83386. The tasks wait for a gate
 * that nobody opens: a process that waited for them would hang. */
CF_TEST_PLAIN(hang_gh83386) {
  void (*const bodies[])(void *) = { leave_running, shut_down_and_leave_running,
                                     detach_and_leave_running };
  for (int i = 0; i < 3; i++) {
    gate g = gate_make();
    run_in_child(bodies[i], &g);
    await_no_process();
    gate_close(&g);
  }
}

static void cancel_then_exit(void *g) {
  left_behind = make_executor(0);
  cf_future_release(submit_marked(left_behind, g, 1));
  ASSERT_OK(cf_executor_shutdown(left_behind, false, true));
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_cancel_futures_wait_false. The task has
 * run or not; the process ends cleanly either way. */
CF_TEST_PLAIN(cancel_futures_wait_false) {
  for (size_t i = 0; i < scaled(20); i++) {
    gate g = gate_make();
    run_in_child(cancel_then_exit, &g);
    await_no_process();
    if (!gate_quiet(&g)) ASSERT_EQ_INT(1, gate_next(&g));
    ASSERT(gate_quiet(&g));
    gate_close(&g);
  }
}

/* ---------------------------------------------------------------- submitting while it ends */

static const gate *exit_marks;

static void submit_at_exit(void) {
  cf_future *f = submit_marked(left_behind, exit_marks, 77);
  ASSERT_VALUE(77, f);
  cf_future_release(f);
  cf_executor_free(left_behind);
}

static void register_exit_handler(void *g) {
  exit_marks = g;
  left_behind = make_executor(2);
  cf_future *f = submit_value(left_behind, 5);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  ASSERT(atexit(submit_at_exit) == 0);
}

/* CPython: test_shutdown.py, ExecutorShutdownTest.test_submit_after_interpreter_shutdown. There a
 * submit in an exit handler raises, as the hook has run; here the executor lives until it is
 * freed. */
CF_TEST_PLAIN(submit_after_interpreter_shutdown) {
  gate g = gate_make();
  run_in_child(register_exit_handler, &g);
  ASSERT(!gate_quiet(&g));
  ASSERT_EQ_INT(77, gate_next(&g));
  gate_close(&g);
}
