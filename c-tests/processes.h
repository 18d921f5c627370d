/*
 * What the suites about worker processes share: options, tasks that end in every way a process can,
 * and the expectations on how their futures end.
 *
 * Used by process_*.c, which run over fork and spawn only.
 */
#ifndef CFUTURES_PROCESSES_H
#define CFUTURES_PROCESSES_H

#include "scene.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- pools with options */

static inline cf_options *new_options(size_t max_workers) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, max_workers));
  return o;
}

static inline cf_executor *make_and_free(cf_options *o) {
  cf_executor *executor = make_executor_with(o);
  cf_options_free(o);
  return executor;
}

static inline cf_executor *make_breakable(size_t max_workers) {
  cf_options *o = new_options(max_workers);
  ASSERT_OK(cf_options_set_on_worker_death(o, CF_BREAK_POOL));
  return make_and_free(o);
}

static inline cf_status make_with_program(const char *program, cf_executor **executor,
                                          cf_error **error) {
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_start_method(o, CF_START_SPAWN));
  ASSERT_OK(cf_options_set_worker_program(o, program));
  cf_status status = cf_process_pool_new_with(o, executor, error);
  cf_options_free(o);
  return status;
}

/* A program or a library, at a place of its own. */
static inline void copy_file(const char *from, const char *to) {
  char bytes[1 << 16];
  int in = open(from, O_RDONLY | O_CLOEXEC),
      out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  ASSERT(in >= 0 && out >= 0);
  for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;) ASSERT(write(out, bytes, n) == n);
  ASSERT(close(in) == 0 && close(out) == 0);
}

/* ---------------------------------------------------------------- tasks */

static inline cf_future *submit_bytes(cf_executor *executor, cf_task_fn fn, const void *arg,
                                      size_t arg_size) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, fn, arg, arg_size, &f));
  ASSERT(f != NULL);
  return f;
}

/* Returns the worker's process id; with a gate it arrives there and waits first. */
static inline int32_t pid_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t pid = (int32_t)getpid();
  if (arg_size == sizeof(gate)) {
    gate_arrive(arg, 0);
    gate_pass(arg);
  }
  return cf_task_return(task, &pid, sizeof pid);
}

static inline int32_t pid_of_next_task(cf_executor *executor) {
  cf_future *f = submit_bytes(executor, pid_task, NULL, 0);
  int32_t pid = value_of(f);
  cf_future_release(f);
  ASSERT(pid > 0 && pid != (int32_t)getpid());
  return pid;
}

/* So many workers at the same time: their pids. */
static inline void collect_pids(cf_executor *executor, int32_t *pids, size_t n) {
  gate g = gate_make();
  cf_future *fs[64];
  ASSERT(n <= LENGTH(fs));
  for (size_t i = 0; i < n; i++) fs[i] = submit_bytes(executor, pid_task, &g, sizeof g);
  gate_await(&g, n);
  gate_open(&g, n);
  for (size_t i = 0; i < n; i++) pids[i] = value_of(fs[i]);
  cf_futures_release(fs, n);
  gate_close(&g);
}

/* ---------------------------------------------------------------- tasks that end badly */

enum way { RETURNS, FAILS, EXITS, EXITS_AT_ONCE, ABORTS, SEGFAULTS, OVERFLOWS, SIGNALS };

struct ending {
  int32_t way;
  int32_t detail; /* the value, code, exit code or signal */
  int32_t waits;  /* at the gate, before it ends */
  gate g;
};

static inline int use_all_stack(int depth) {
  volatile char frame[4096];
  frame[0] = (char)depth;
  if (depth == INT_MAX) return 0;
  return use_all_stack(depth + 1) + frame[0];
}

static inline void write_nowhere(void) {
  volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *page = 1;
}

static inline int32_t end_in_a_way(cf_task *task, int32_t way, int32_t detail) {
  const struct rlimit no_core = { 0, 0 };
  setrlimit(RLIMIT_CORE, &no_core);
  switch (way) {
  case RETURNS: return cf_task_return(task, &detail, sizeof detail);
  case FAILS: return cf_task_fail(task, detail, "failed as asked");
  case EXITS: exit(detail);
  case EXITS_AT_ONCE: _exit(detail);
  case ABORTS: abort();
  case SEGFAULTS: write_nowhere(); break;
  case OVERFLOWS: use_all_stack(0); break;
  case SIGNALS: raise(detail); break;
  default: break;
  }
  return cf_task_fail(task, 99, "the worker is still alive");
}

static inline int32_t ending_task(cf_task *task, void *arg, size_t arg_size) {
  const struct ending *end = arg;
  ASSERT_EQ_SIZE(sizeof *end, arg_size);
  if (end->waits) {
    gate_arrive(&end->g, 0);
    gate_pass(&end->g);
  }
  return end_in_a_way(task, end->way, end->detail);
}

static inline cf_future *submit_ending(cf_executor *executor, int32_t way, int32_t detail) {
  struct ending end;
  memset(&end, 0, sizeof end);
  end.way = way;
  end.detail = detail;
  return submit_bytes(executor, ending_task, &end, sizeof end);
}

static inline cf_future *submit_gated_ending(cf_executor *executor, const gate *g, int32_t way,
                                             int32_t detail) {
  const struct ending end = { way, detail, 1, *g };
  return submit_bytes(executor, ending_task, &end, sizeof end);
}

/* ---------------------------------------------------------------- expectations */

static inline const cf_error *expect_error(int status, cf_future *f) {
  const cf_error *error = NULL;
  ASSERT_STATUS(status, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(CF_STATE_FAILED, cf_future_state(f));
  ASSERT_OK(cf_future_exception(f, 0, &error));
  ASSERT_STATUS(status, cf_error_status(error));
  ASSERT(cf_error_message(error)[0] != '\0');
  return error;
}

/* The worker died under it: by this signal, or with this exit code when signal is 0. */
static inline int32_t expect_death(cf_future *f, int signal_number, int exit_code) {
  const cf_error *error = expect_error(CF_WORKER_DIED, f);
  ASSERT_EQ_INT(signal_number, cf_error_signal(error));
  ASSERT_EQ_INT(signal_number != 0 ? -1 : exit_code, cf_error_exit_code(error));
  ASSERT(cf_error_pid(error) > 0 && cf_error_pid(error) != (int32_t)getpid());
  return cf_error_pid(error);
}

/* The same of a future that nobody needs any more. */
static inline void expect_last_death(cf_future *f, int signal_number, int exit_code) {
  expect_death(f, signal_number, exit_code);
  cf_future_release(f);
}

static inline void expect_works(cf_executor *executor) {
  cf_future *fs[20];
  for (int32_t i = 0; i < 20; i++) fs[i] = submit_value(executor, i);
  for (int32_t i = 0; i < 20; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 20);
}

static inline void expect_broken_pool(cf_executor *executor) {
  char place;
  const int32_t value = 1;
  cf_future *f = (cf_future *)(void *)&place;
  ASSERT_STATUS(CF_BROKEN_POOL, cf_executor_submit(executor, value_task, &value, 4, &f));
  ASSERT(f == NULL);
  ASSERT_STATUS(CF_BROKEN_POOL, cf_error_status(cf_executor_error(executor)));
  ASSERT(cf_error_message(cf_executor_error(executor))[0] != '\0');
}

/* ---------------------------------------------------------------- processes from outside */

static inline void wait_a_moment(void) {
  const struct timespec moment = { 0, 1000000 };
  nanosleep(&moment, NULL);
}

/* Whoever has to collect it may take his time. */
static inline void await_gone(int32_t pid) {
  while (process_state(pid) != '\0') wait_a_moment();
}

/* Stops it and waits until it stands still: signals take a moment to arrive. False: it is gone. */
static inline bool stop_process(int32_t pid) {
  char state = '\0';
  if (!signal_process(pid, SIGSTOP)) return false;
  while ((state = process_state(pid)) != '\0' && state != 'T') wait_a_moment();
  return state == 'T';
}

static inline void kill_and_await(int32_t pid) {
  ASSERT(kill(pid, SIGKILL) == 0);
  await_gone(pid);
}

#endif
