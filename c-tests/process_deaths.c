/*
 * Shows: every way in which a worker can end under a task. The task's future says which signal or
 * exit code it was, every other future is unaffected, the worker is replaced, and what was printed
 * comes out once. Port of CPython's test_deadlock.py as far as C has its stages; there the pool is
 * broken by any of them, here only under CF_BREAK_POOL (process_policy.c).
 */
#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- each way to die */

static const struct {
  int32_t way, detail, signal_number, exit_code;
} ends[] = {
  { EXITS, 0, 0, 0 },
  { EXITS, 3, 0, 3 },
  { EXITS, 255, 0, 255 },
  { EXITS_AT_ONCE, 0, 0, 0 },
  { EXITS_AT_ONCE, 99, 0, 99 },
  { ABORTS, 0, SIGABRT, -1 },
  { SEGFAULTS, 0, SIGSEGV, -1 },
  { OVERFLOWS, 0, SIGSEGV, -1 },
  { SIGNALS, SIGKILL, SIGKILL, -1 },
  { SIGNALS, SIGTERM, SIGTERM, -1 },
  { SIGNALS, SIGBUS, SIGBUS, -1 },
  { SIGNALS, SIGFPE, SIGFPE, -1 },
  { SIGNALS, SIGHUP, SIGHUP, -1 },
  { SIGNALS, SIGALRM, SIGALRM, -1 },
  { SIGNALS, SIGPIPE, SIGPIPE, -1 },
};

/* CPython: test_deadlock.py, test_crash_during_func_exec_on_worker,
 * test_exit_during_func_exec_on_worker; 3.15: the exit code is reported. */
CF_TEST_PLAIN(each_way_to_die_is_told) {
  cf_executor *one = make_executor(1);
  for (size_t i = 0; i < LENGTH(ends); i++) {
    int32_t before = pid_of_next_task(one);
    cf_future *dies = submit_ending(one, ends[i].way, ends[i].detail);
    cf_future *queued = submit_value(one, 5);
    ASSERT_EQ_INT(before, expect_death(dies, ends[i].signal_number, ends[i].exit_code));
    ASSERT_VALUE(5, queued);
    ASSERT(pid_of_next_task(one) != before);
    cf_future_release(dies);
    cf_future_release(queued);
  }
  cf_executor_free(one);
}

/* CPython: test_deadlock.py, test_error_during_func_exec_on_worker: an ordinary failure is none of
 * them, and the worker lives. */
CF_TEST_PLAIN(a_failing_task_leaves_its_worker_alive) {
  cf_executor *one = make_executor(1);
  int32_t before = pid_of_next_task(one);
  for (int32_t i = 1; i <= 20; i++) {
    cf_future *f = submit_ending(one, FAILS, i);
    ASSERT_EQ_INT(i, cf_error_code(expect_error(CF_TASK_FAILED, f)));
    ASSERT_EQ_INT(0, cf_error_pid(cf_future_error(f)));
    cf_future_release(f);
  }
  ASSERT_EQ_INT(before, pid_of_next_task(one));
  cf_executor_free(one);
}

static int32_t leave_thread_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  pthread_exit(NULL);
}

/* Whatever becomes of the process then, the task never counts as done. */
CF_TEST(a_task_that_ends_its_thread_has_died) {
  cf_future *f = submit_bytes(ex, leave_thread_task, NULL, 0);
  expect_error(CF_WORKER_DIED, f);
  cf_future_release(f);
  expect_works(ex);
}

/* Deaths of tasks never break a pool, however many there are. */
CF_TEST(any_number_of_tasks_may_die) {
  enum { TASKS = 60 };
  cf_future *fs[TASKS];
  for (int32_t i = 0; i < TASKS; i++)
    fs[i] = i % 2 == 0 ? submit_ending(ex, EXITS_AT_ONCE, i) : submit_value(ex, i);
  for (int32_t i = 0; i < TASKS; i++) {
    if (i % 2 == 0)
      expect_death(fs[i], 0, i);
    else
      ASSERT_VALUE(i, fs[i]);
  }
  cf_futures_release(fs, TASKS);
  ASSERT(cf_executor_error(ex) == NULL);
  expect_works(ex);
}

/* ---------------------------------------------------------------- at awkward moments */

struct half {
  size_t size;
  int32_t way;
};

static int32_t die_within_result(cf_task *task, void *arg, size_t arg_size) {
  const struct half *half = arg;
  ASSERT_EQ_SIZE(sizeof *half, arg_size);
  unsigned char *buffer = cf_task_result_buffer(task, half->size);
  ASSERT(buffer != NULL);
  memset(buffer, 1, half->size / 2);
  return end_in_a_way(task, half->way, 7);
}

/* CPython: test_deadlock.py, test_crash_during_result_pickle_on_worker,
 * test_exit_during_result_pickle_on_worker: a result that was begun is no result. */
CF_TEST(death_while_the_result_is_written) {
  const size_t sizes[] = { 8, 80, 81, 100000, (size_t)8 << 20 };
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    const struct half killed = { sizes[i], ABORTS }, left = { sizes[i], EXITS };
    expect_last_death(submit_bytes(ex, die_within_result, &killed, sizeof killed), SIGABRT, -1);
    expect_last_death(submit_bytes(ex, die_within_result, &left, sizeof left), 0, 7);
  }
  expect_works(ex);
}

/* CPython: test_deadlock.py, test_crash_big_data: a worker dies while large arguments queue up. */
CF_TEST_PLAIN(death_while_large_arguments_queue_up) {
  enum { TASKS = 12 };
  const size_t size = (size_t)4 << 20;
  unsigned char *bytes = malloc(size);
  cf_future *fs[TASKS];
  cf_executor *one = make_executor(1);
  ASSERT(bytes != NULL);
  memset(bytes, 7, size);
  cf_future *dies = submit_ending(one, SEGFAULTS, 0);
  for (int i = 0; i < TASKS; i++) fs[i] = submit_bytes(one, value_task, bytes, size);
  expect_death(dies, SIGSEGV, -1);
  for (int i = 0; i < TASKS; i++) {
    const void *data = NULL;
    size_t got = 0;
    ASSERT_OK(cf_future_result(fs[i], CF_FOREVER, &data, &got));
    ASSERT_EQ_SIZE(size, got);
    ASSERT(memcmp(bytes, data, size) == 0);
  }
  cf_future_release(dies);
  cf_futures_release(fs, TASKS);
  cf_executor_free(one);
  free(bytes);
}

/* CPython: test_deadlock.py, test_shutdown_deadlock: the crash comes after shutdown was called. */
CF_TEST(death_after_shutdown) {
  gate g = gate_make();
  cf_future *dies = submit_gated_ending(ex, &g, SEGFAULTS, 0);
  gate_await(&g, 1);
  cf_future *queued = submit_value(ex, 5);
  ASSERT_OK(cf_executor_shutdown(ex, false, false));
  gate_open(&g, 1);
  ASSERT_OK(cf_executor_join(ex, CF_FOREVER));
  expect_last_death(dies, SIGSEGV, -1);
  ASSERT_VALUE(5, queued);
  cf_future_release(queued);
  gate_close(&g);
}

struct chain {
  cf_executor *executor;
  cf_future *next;
  gate done;
};

static void submit_a_death(cf_future *f, void *user_data) {
  struct chain *chain = user_data;
  ASSERT_STATUS(CF_WORKER_DIED, cf_error_status(cf_future_error(f)));
  chain->next = submit_ending(chain->executor, ABORTS, 0);
  gate_arrive(&chain->done, 0);
}

/* loky: the same from inside a callback, here the callback of a death. */
CF_TEST(a_callback_of_a_death_may_submit_the_next) {
  struct chain chain = { ex, NULL, gate_make() };
  gate g = gate_make();
  cf_future *f = submit_gated_ending(ex, &g, SEGFAULTS, 0);
  ASSERT_OK(cf_future_add_done_callback(f, submit_a_death, &chain, NULL));
  gate_open(&g, 1);
  gate_await(&chain.done, 1);
  expect_last_death(chain.next, SIGABRT, -1);
  expect_last_death(f, SIGSEGV, -1);
  expect_works(ex);
  gate_close(&g);
  gate_close(&chain.done);
}

/* A map goes on behind an item whose worker has died. */
CF_TEST(a_map_survives_a_death) {
  struct ending items[9];
  memset(items, 0, sizeof items);
  for (int32_t i = 0; i < 9; i++) items[i].detail = i;
  items[4].way = EXITS_AT_ONCE;
  for (size_t chunk_size = 1; chunk_size <= 3; chunk_size += 2) {
    cf_map_options *o = NULL;
    cf_map *map = NULL;
    cf_item item;
    ASSERT_OK(cf_map_options_new(&o));
    ASSERT_OK(cf_map_options_set_chunk_size(o, chunk_size));
    ASSERT_OK(cf_executor_map(ex, ending_task, items, sizeof *items, 9, o, &map));
    for (size_t i = 0; i < 9; i++) {
      ASSERT_OK(cf_map_next(map, &item));
      ASSERT_EQ_SIZE(i, item.index);
      /* Of the dead item's chunk, what had not been delivered may be lost with the worker. */
      bool same_chunk = i / chunk_size == 4 / chunk_size;
      if (i == 4)
        ASSERT_STATUS(CF_WORKER_DIED, item.status);
      else
        ASSERT(item.status == CF_OK || (same_chunk && item.status == CF_WORKER_DIED));
      if (item.status == CF_OK) ASSERT_EQ_INT(items[i].detail, *(const int32_t *)item.data);
    }
    ASSERT_STATUS(CF_END, cf_map_next(map, &item));
    cf_map_free(map);
    cf_map_options_free(o);
  }
}

/* ---------------------------------------------------------------- workers against each other */

static int32_t kill_neighbour_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t pid;
  ASSERT_EQ_SIZE(sizeof pid, arg_size);
  memcpy(&pid, arg, sizeof pid);
  const int32_t result = kill(pid, SIGKILL) == 0 ? 0 : errno; /* it may have been killed already */
  return cf_task_return(task, &result, sizeof result);
}

/* loky: neighbours kill each other, with 1, 2, 5 and 13 workers. */
CF_TEST_PLAIN(workers_that_kill_each_other) {
  const size_t sizes[] = { 1, 2, 5, 13 };
  for (size_t s = 0; s < LENGTH(sizes); s++) {
    const size_t n = sizes[s];
    int32_t pids[13];
    cf_future *fs[13];
    cf_executor *pool = make_executor(n);
    collect_pids(pool, pids, n);
    for (size_t i = 0; i < n; i++)
      fs[i] = submit_bytes(pool, kill_neighbour_task, &pids[i], sizeof pids[i]);
    for (size_t i = 0; i < n; i++) {
      cf_status status = cf_future_result(fs[i], CF_FOREVER, NULL, NULL);
      if (status != CF_OK)
        expect_death(fs[i], SIGKILL, -1); /* perhaps before it killed anybody */
      else
        await_gone(pids[i]);
    }
    expect_works(pool);
    cf_futures_release(fs, n);
    cf_executor_free(pool);
  }
}

static int32_t forking_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t child_value = 2, value = 1;
  (void)arg;
  (void)arg_size;
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) return cf_task_return(task, &child_value, sizeof child_value); /* a mistake */
  ASSERT(waitpid(child, NULL, 0) == child);
  return cf_task_return(task, &value, sizeof value);
}

/* A task that forks and returns in both processes: the copy does not become a second worker. */
CF_TEST(a_forked_copy_of_a_worker_ends) {
  for (int i = 0; i < 10; i++) {
    cf_future *f = submit_bytes(ex, forking_task, NULL, 0);
    ASSERT_VALUE(1, f);
    cf_future_release(f);
  }
  expect_works(ex);
}

/* -------------------------------------------------------------- what is printed, and exit hooks */

struct output {
  int fds[2];
  gate hooks;
};

static const gate *exit_marks;

static void mark_exit(void) {
  gate_arrive(exit_marks, 1);
}

static int32_t printing_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(int32_t), arg_size);
  printf("[task %d]", *(int32_t *)arg); /* no end of line: it stays in the buffer */
  if (*(int32_t *)arg == 3) exit(3);
  return cf_task_return(task, NULL, 0);
}

/* Has something in its own buffer whenever a worker is forked. */
static void print_from_tasks(void *arg) {
  struct output *out = arg;
  exit_marks = &out->hooks;
  ASSERT(atexit(mark_exit) == 0);
  ASSERT(dup2(out->fds[1], STDOUT_FILENO) == STDOUT_FILENO);
  printf("[before]");
  cf_executor *one = make_executor(1);
  for (int32_t i = 0; i < 6; i++) {
    cf_future *f = submit_bytes(one, printing_task, &i, sizeof i);
    ASSERT_STATUS(i == 3 ? CF_WORKER_DIED : CF_OK, cf_future_result(f, CF_FOREVER, NULL, NULL));
    cf_future_release(f);
  }
  cf_executor_free(one);
  printf("[after]");
}

static void expect_once(const char *text, const char *part) {
  const char *first = strstr(text, part);
  if (first == NULL || strstr(first + 1, part) != NULL)
    check_fail(__FILE__, __LINE__, "\"%s\" is not there exactly once: \"%s\"", part, text);
}

/* Nothing is printed twice or lost, also by a task that calls exit(), and the exit handlers of the
 * host run in the host alone. */
CF_TEST_PLAIN(what_a_task_prints_appears_once) {
  struct output out;
  char text[4096], part[32];
  size_t length = 0;
  memset(&out, 0, sizeof out);
  out.hooks = gate_make();
  ASSERT(pipe2(out.fds, O_CLOEXEC) == 0);
  run_in_child(print_from_tasks, &out);
  close(out.fds[1]);
  for (ssize_t n; (n = read(out.fds[0], text + length, sizeof text - 1 - length)) > 0;)
    length += (size_t)n; /* to its end: no process has kept it open */
  text[length] = '\0';
  expect_once(text, "[before]");
  expect_once(text, "[after]");
  for (int i = 0; i < 6; i++) {
    snprintf(part, sizeof part, "[task %d]", i);
    expect_once(text, part);
  }
  gate_await(&out.hooks, 1);
  ASSERT(gate_quiet(&out.hooks));
  close(out.fds[0]);
  gate_close(&out.hooks);
}
