/*
 * Shows: what workers get from their host, and what passes them by: descriptors, and the signals of
 * the keyboard.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <fcntl.h>

/* ---------------------------------------------------------------- descriptors */

struct descriptors {
  int32_t open_before, closed_by_exec, open_later;
};

static int32_t is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

/* Which of its argument's descriptors are open in the worker. */
static int32_t look_at_descriptors_task(cf_task *task, void *arg, size_t arg_size) {
  const struct descriptors *d = arg;
  ASSERT_EQ_SIZE(sizeof *d, arg_size);
  const struct descriptors seen = { is_open(d->open_before), is_open(d->closed_by_exec),
                                    is_open(d->open_later) };
  return cf_task_return(task, &seen, sizeof seen);
}

static int32_t open_null(int number, int flags) {
  int fd = open("/dev/null", O_RDONLY | flags);
  ASSERT(fd >= 0 && dup3(fd, number, flags) == number);
  close(fd);
  return number;
}

/* A forked worker has the descriptors of the moment in which the pool was made, a spawned one only
 * the standard ones; also one that was born later. */
CF_TEST_PLAIN(descriptors_of_the_host_in_a_worker) {
  struct descriptors d = { open_null(100, 0), open_null(101, O_CLOEXEC), 102 };
  cf_executor *one = make_executor(1);
  open_null(d.open_later, 0);
  for (int i = 0; i < 2; i++) {
    struct descriptors seen;
    cf_future *f = submit_bytes(one, look_at_descriptors_task, &d, sizeof d);
    ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &seen, sizeof seen));
    cf_future_release(f);
    ASSERT_EQ_INT(check_is_fork(), seen.open_before);
    ASSERT_EQ_INT(check_is_fork(), seen.closed_by_exec);
    ASSERT_EQ_INT(0, seen.open_later);
    expect_last_death(submit_ending(one, EXITS_AT_ONCE, 3), 0, 3);
  }
  cf_executor_free(one);
  close(d.open_before);
  close(d.closed_by_exec);
  close(d.open_later);
}

/* ---------------------------------------------------------------- Ctrl-C */

static int interrupts;

static void on_interrupt(int number) {
  (void)number;
  count_up(&interrupts);
}

/* In a child with a group of its own, as a shell gives it to a program: the keyboard's signals go to
 * every process of the group. */
static void interrupt_the_group(void *unused) {
  struct sigaction action;
  (void)unused;
  ASSERT(setpgid(0, 0) == 0);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  ASSERT(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGQUIT, &action, NULL) == 0);
  cf_executor *one = make_executor(1);
  gate g = gate_make();
  const int32_t worker = pid_of_next_task(one);
  cf_future *held = submit_gated(one, &g, 5);
  ASSERT_EQ_INT(5, gate_next(&g)); /* the worker runs it */
  ASSERT(kill(0, SIGINT) == 0 && kill(0, SIGQUIT) == 0);
  gate_open(&g, 1);
  ASSERT_VALUE(5, held);
  ASSERT_EQ_INT(worker, pid_of_next_task(one));
  ASSERT_EQ_INT(2, count_of(&interrupts));
  cf_future_release(held);
  gate_close(&g);
  cf_executor_free(one);
}

CF_TEST_PLAIN(the_keyboards_signals_reach_the_host_only) {
  run_in_child(interrupt_the_group, NULL);
}
