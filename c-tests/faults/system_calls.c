/*
 * Shows: a system call that fails, once or for a while, costs at most what it was for. Every call ends
 * and says why, what was accepted ends, nothing is lost or leaked, and the pool goes on or says that it
 * is broken.
 *
 * Each test sweeps over the places of one system call with each errno that it may plausibly set. A
 * round makes a pool, uses every part of it and frees it, all under the fault, which then ends: what is
 * still under way has to come to an end, and a new pool has to work.
 *
 * A call that is interrupted, and a socket without memory or room, is tried again without end, as it
 * should be, or until the host's patience of half a minute is over: these come BURST times, not for ever.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TASKS 6
#define LARGE 100000
/* Interruptions in a row. */
#define BURST 20
/* A wait under the fault. It may take a while until a pool has noticed something, as when a process has
 * not been started. */
#define A_MOMENT ((int64_t)100 * 1000000)

/* ---------------------------------------------------------------- the round */

static int32_t large_task(cf_task *task, void *arg, size_t size) {
  (void)arg;
  (void)size;
  void *buffer = cf_task_result_buffer(task, LARGE);
  if (buffer != NULL) memset(buffer, 3, LARGE);
  return buffer == NULL;
}

/* What a call may say while system calls fail, or after it. */
static bool refused(cf_status status) {
  switch (status) {
  case CF_OK: return false;
  case CF_NO_MEMORY:
  case CF_OS_ERROR:
  case CF_BROKEN_POOL:
  case CF_WORKER_DIED:
    if (faults_happened() == 0) ASSERT_OK(status);
    return true;
  default:
    check_fail(__FILE__, __LINE__, "%s is no answer to a system call that fails",
               cf_status_name(status));
  }
}

static cf_executor *make_pool(cf_status *status) {
  cf_options *options = NULL;
  cf_executor *pool = NULL;
  cf_error *error = NULL;
  ASSERT_OK(cf_options_new(&options));
  ASSERT_OK(cf_options_set_max_workers(options, 2));
  if (check_is_threads()) {
    *status = cf_thread_pool_new_with(options, &pool, &error);
  } else {
    ASSERT_OK(
        cf_options_set_start_method(options, check_is_fork() ? CF_START_FORK : CF_START_SPAWN));
    *status = cf_process_pool_new_with(options, &pool, &error);
  }
  ASSERT((pool != NULL) == (*status == CF_OK));
  if (error != NULL) {
    ASSERT_STATUS(*status, cf_error_status(error));
    if (*status == CF_OS_ERROR) ASSERT(cf_error_code(error) > 0);
  }
  cf_error_free(error);
  cf_options_free(options);
  return pool;
}

/* Accepted tasks come to an end; each says how. */
static void expect_ends(cf_future **f, const cf_status *accepted, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ASSERT((f[i] != NULL) == (accepted[i] == CF_OK));
    if (f[i] == NULL) continue;
    cf_status status = cf_future_result(f[i], CF_FOREVER, NULL, NULL);
    cf_state state = cf_future_state(f[i]);
    ASSERT_EQ_INT(refused(status) ? CF_STATE_FAILED : CF_STATE_FINISHED, state);
    if (status != CF_OK) ASSERT_STATUS(status, cf_error_status(cf_future_error(f[i])));
    cf_future_release(f[i]);
  }
}

static void on_done(cf_future *future, void *count) {
  ASSERT(cf_future_done(future));
  count_up(count);
}

/* A completion queue and its descriptor. */
static void use_queue(cf_future *f) {
  cf_completion_queue *q = NULL;
  if (refused(cf_completion_queue_new(&q))) return;
  if (!refused(cf_completion_queue_add(q, f, NULL, NULL))) {
    cf_future *done = NULL;
    int fd = cf_completion_queue_fd(q);
    ASSERT(fd >= 0 || faults_happened() > 0);
    cf_status status = cf_completion_queue_next(q, A_MOMENT, &done, NULL);
    if (status == CF_OK) cf_future_release(done);
    if (status != CF_TIMEOUT) refused(status);
  }
  cf_completion_queue_free(q);
}

static void use_pool(cf_executor *pool) {
  cf_future *f[TASKS] = { NULL };
  cf_status accepted[TASKS], mapped;
  cf_map *map = NULL;
  int32_t items[TASKS];
  int called = 0, expected = 0;
  for (int32_t i = 0; i < TASKS; i++) {
    items[i] = i;
    cf_task_fn function = i == 1 ? large_task : value_task;
    accepted[i] = cf_executor_submit(pool, function, &i, sizeof i, &f[i]);
    refused(accepted[i]);
    if (f[i] != NULL && !refused(cf_future_add_done_callback(f[i], on_done, &called, NULL)))
      expected++;
  }
  if (f[0] != NULL) use_queue(f[0]);
  if (f[1] != NULL) {
    cf_status waited = cf_future_result(f[1], A_MOMENT, NULL, NULL);
    if (waited != CF_TIMEOUT) refused(waited);
  }
  mapped = cf_executor_map(pool, value_task, items, sizeof *items, TASKS, NULL, &map);
  refused(mapped);
  if (!check_is_threads()) {
    void *memory = NULL;
    if (!refused(cf_executor_shared_alloc(pool, LARGE, &memory))) memset(memory, 1, LARGE);
    cf_executor_shared_free(pool, memory);
  }
  faults_end();
  expect_ends(f, accepted, TASKS);
  cf_item item;
  while (map != NULL && cf_map_next(map, &item) != CF_END) refused(item.status);
  cf_map_free(map);
  cf_future *last = NULL;
  cf_status status = cf_executor_submit(pool, value_task, &items[5], sizeof items[5], &last);
  if (status == CF_BROKEN_POOL) ASSERT_STATUS(status, cf_error_status(cf_executor_error(pool)));
  if (!refused(status)) expect_ends(&last, &status, 1);
  cf_executor_free(pool);
  ASSERT_EQ_INT(expected, called);
}

/* The whole life of a pool under the fault, but its end. */
static void body_life(void) {
  cf_status status;
  faults_begin();
  cf_executor *pool = make_pool(&status);
  if (!refused(status)) {
    use_pool(pool);
    return;
  }
  faults_end();
  pool = make_pool(&status);
  ASSERT_OK(status);
  ASSERT_OK(cf_executor_shutdown(pool, true, false));
  cf_executor_free(pool);
}

/* The pool stands and has worked: only then comes the fault. */
static void body_use(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f = submit_value(pool, 4);
  ASSERT_VALUE(4, f);
  cf_future_release(f);
  faults_begin();
  use_pool(pool);
}

/* The end of a pool that has something to do. */
static void body_end(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f[TASKS];
  cf_status accepted[TASKS] = { CF_OK };
  for (int32_t i = 0; i < TASKS; i++) f[i] = submit_value(pool, i);
  faults_begin();
  cf_status status = cf_executor_shutdown(pool, false, false);
  cf_status joined = cf_executor_join(pool, A_MOMENT);
  faults_end();
  ASSERT_OK(status);
  if (joined != CF_TIMEOUT) ASSERT_OK(joined);
  expect_ends(f, accepted, TASKS);
  cf_executor_free(pool);
}

/* ---------------------------------------------------------------- which calls, which errors */

/* X(call, errors ...): those that the manual names, and those of a sandbox. */
#define SYSTEM_CALLS(X)                                                                            \
  X(mmap, ENOMEM, EAGAIN, EPERM)                                                                   \
  X(memfd_create, ENOMEM, EMFILE, ENFILE, ENOSYS, EPERM)                                           \
  X(ftruncate, EINTR, EPERM, ENOMEM)                                                               \
  X(fallocate, EINTR, ENOMEM, ENOSPC, ENOSYS, EPERM)                                               \
  X(eventfd, ENOMEM, EMFILE, ENFILE, ENOSYS, EPERM)                                                \
  X(socketpair, ENOMEM, EMFILE, ENFILE, EPERM)                                                     \
  X(sendmsg, EINTR, ENOMEM, EAGAIN, EPERM)                                                         \
  X(recvmsg, EINTR, EAGAIN, ENOMEM)                                                                \
  X(epoll_create1, ENOMEM, EMFILE, ENFILE, ENOSYS, EPERM)                                          \
  X(epoll_ctl, ENOMEM, ENOSPC, EPERM)                                                              \
  X(epoll_wait, EINTR)                                                                             \
  X(clone, EAGAIN, ENOMEM, EPERM)                                                                  \
  X(fork, EAGAIN, ENOMEM, ENOSYS)                                                                  \
  X(execve, EAGAIN, ENOMEM, EMFILE, EPERM)                                                         \
  X(pthread_create, EAGAIN, EPERM, ENOMEM)                                                         \
  X(pthread_key_create, EAGAIN, ENOMEM)                                                            \
  X(pthread_setspecific, ENOMEM)                                                                   \
  X(poll, EINTR, ENOMEM)                                                                           \
  X(prctl, EPERM, ENOSYS)                                                                          \
  X(open, EINTR, ENOMEM, EMFILE, ENFILE, EPERM)                                                    \
  X(opendir, ENOMEM, EMFILE, ENFILE)                                                               \
  X(read, EINTR)                                                                                   \
  X(write, EINTR)                                                                                  \
  X(close, EINTR)                                                                                  \
  X(fcntl, EINTR, EMFILE, EPERM)                                                                   \
  X(dup2, EINTR, EBUSY, EMFILE, EPERM)                                                             \
  X(signalfd, ENOMEM, EMFILE, ENFILE, ENOSYS)                                                      \
  X(getrandom, EINTR, EAGAIN, ENOSYS)                                                              \
  X(getrlimit, EPERM)                                                                              \
  X(sched_getaffinity, EPERM, ENOSYS)                                                              \
  X(madvise, ENOMEM, EAGAIN, EPERM)                                                                \
  X(waitpid, EINTR)                                                                                \
  X(waitid, EINTR, EINVAL, EPERM, ENOSYS)                                                          \
  X(pidfd_open, ENOMEM, EMFILE, ENFILE, ENOSYS, EPERM)                                             \
  X(pidfd_send_signal, EPERM, ENOSYS)                                                              \
  X(close_range, ENOMEM, EMFILE, ENOSYS, EPERM)                                                    \
  X(nanosleep, EINTR)

static void sweep_call(enum fault_call call, const int *errors, size_t n) {
  static void (*const bodies[])(void) = { body_life, body_use, body_end };
  struct fault fault = { call, FAULT_HOST, 0, 1, 1 };
  size_t first = 0;
  if (!sweep_all())
    first = (size_t)call % n, n = first + 1; /* one error, and not the same for all */
  for (size_t e = first; e < n; e++)
    for (size_t b = 0; b < 3; b++)
      for (int scope = FAULT_HOST; scope <= (check_is_threads() ? FAULT_HOST : FAULT_OTHERS);
           scope++) {
        fault.error = errors[e];
        fault.scope = (enum fault_scope)scope;
        fault.length = 1;
        sweep(bodies[b], &fault);
        bool patient = call == FAULT_recvmsg || call == FAULT_sendmsg || call == FAULT_poll;
        bool again = errors[e] == EINTR || (patient && errors[e] != EPERM);
        fault.length = again ? BURST : FOR_EVER;
        sweep(bodies[b], &fault);
      }
}

#define DEFINE(call, ...)                                                                          \
  CF_TEST_PLAIN(call) {                                                                            \
    static const int errors[] = { __VA_ARGS__ };                                                   \
    sweep_call(FAULT_##call, errors, sizeof errors / sizeof *errors);                              \
  }
/* clang-format off */
SYSTEM_CALLS(DEFINE)
