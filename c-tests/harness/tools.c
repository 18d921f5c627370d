/*
 * What the suites use besides assertions: gates, ready-made tasks, counters, threads and child
 * processes. The interface is check.h.
 */
#define _GNU_SOURCE
#include "../check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- gates: two pipes */

static void make_pipe(int32_t ends[2]) {
  int fds[2];
  ASSERT(pipe2(fds, O_CLOEXEC) == 0);
  ends[0] = fds[0];
  ends[1] = fds[1];
}

gate gate_make(void) {
  gate g;
  g.owner = (int32_t)getpid();
  make_pipe(g.arrivals);
  make_pipe(g.passes);
  return g;
}

void gate_close(gate *g) {
  for (int i = 0; i < 2; i++) {
    close(g->arrivals[i]);
    close(g->passes[i]);
  }
}

/* The gate's descriptor, opened anew in any other process: numbers mean nothing there, whether or
 * not descriptors are inherited. A pipe opened for both sides never blocks in open. */
static int enter(const gate *g, int32_t descriptor) {
  if (g->owner == (int32_t)getpid()) return descriptor;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)g->owner, (int)descriptor);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) check_fail(__FILE__, __LINE__, "open %s: %s", path, strerror(errno));
  return fd;
}

static void leave(int32_t owner, int fd) {
  if (owner != (int32_t)getpid()) close(fd);
}

/* Whoever waits for the byte may take the gate away at once. */
static void put_byte(const gate *g, int32_t descriptor, unsigned char byte) {
  const int32_t owner = g->owner;
  int fd = enter(g, descriptor);
  ssize_t n;
  do n = write(fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  ASSERT_EQ_INT(1, n);
  leave(owner, fd);
}

static unsigned char take_byte(const gate *g, int32_t descriptor) {
  unsigned char byte = 0;
  int fd = enter(g, descriptor);
  ssize_t n;
  do n = read(fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  ASSERT_EQ_INT(1, n);
  leave(g->owner, fd);
  return byte;
}

void gate_arrive(const gate *g, int mark) {
  put_byte(g, g->arrivals[1], (unsigned char)mark);
}

int gate_next(const gate *g) {
  return take_byte(g, g->arrivals[0]);
}

void gate_await(const gate *g, size_t n) {
  for (size_t i = 0; i < n; i++) gate_next(g);
}

bool gate_quiet(const gate *g) {
  int fd = enter(g, g->arrivals[0]);
  struct pollfd look = { fd, POLLIN, 0 };
  int ready = poll(&look, 1, 0);
  ASSERT(ready >= 0);
  leave(g->owner, fd);
  return ready == 0;
}

void gate_open(const gate *g, size_t n) {
  for (size_t i = 0; i < n; i++) put_byte(g, g->passes[1], 1);
}

void gate_pass(const gate *g) {
  take_byte(g, g->passes[0]);
}

/* ---------------------------------------------------------------- ready-made tasks */

int32_t value_task(cf_task *task, void *arg, size_t arg_size) {
  return cf_task_return(task, arg, arg_size);
}

cf_future *submit_value(cf_executor *executor, int32_t value) {
  cf_future *future = NULL;
  ASSERT_OK(cf_executor_submit(executor, value_task, &value, sizeof value, &future));
  ASSERT(future != NULL);
  return future;
}

struct failure {
  int32_t code;
  char message[60];
};

static int32_t failing_task(cf_task *task, void *arg, size_t arg_size) {
  struct failure *failure = arg;
  ASSERT_EQ_SIZE(sizeof *failure, arg_size);
  return cf_task_fail(task, failure->code, failure->message);
}

cf_future *submit_failure(cf_executor *executor, int32_t code, const char *message) {
  struct failure failure;
  memset(&failure, 0, sizeof failure);
  failure.code = code;
  ASSERT(strlen(message) < sizeof failure.message);
  memcpy(failure.message, message, strlen(message));
  cf_future *future = NULL;
  ASSERT_OK(cf_executor_submit(executor, failing_task, &failure, sizeof failure, &future));
  ASSERT(future != NULL);
  return future;
}

struct marked {
  gate g;
  int32_t value;
  bool waits;
};

static int32_t marked_task(cf_task *task, void *arg, size_t arg_size) {
  struct marked *marked = arg;
  ASSERT_EQ_SIZE(sizeof *marked, arg_size);
  gate_arrive(&marked->g, marked->value);
  if (marked->waits) gate_pass(&marked->g);
  return cf_task_return(task, &marked->value, sizeof marked->value);
}

static cf_future *submit_at_gate(cf_executor *executor, const gate *g, int32_t value, bool waits) {
  struct marked marked;
  memset(&marked, 0, sizeof marked);
  marked.g = *g;
  marked.value = value;
  marked.waits = waits;
  cf_future *future = NULL;
  ASSERT_OK(cf_executor_submit(executor, marked_task, &marked, sizeof marked, &future));
  ASSERT(future != NULL);
  return future;
}

cf_future *submit_gated(cf_executor *executor, const gate *g, int32_t value) {
  return submit_at_gate(executor, g, value, true);
}

cf_future *submit_marked(cf_executor *executor, const gate *g, int32_t value) {
  return submit_at_gate(executor, g, value, false);
}

int32_t value_of(cf_future *future) {
  int32_t value = 0;
  ASSERT_OK(cf_future_result_into(future, CF_FOREVER, &value, sizeof value));
  return value;
}

/* ---------------------------------------------------------------- counters and threads */

int count_up(int *counter) {
  return __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

int count_of(const int *counter) {
  return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

void count_destroy(void *counter) {
  count_up(counter);
}

pthread_t start_thread(void *(*run)(void *), void *arg) {
  pthread_t thread;
  ASSERT(pthread_create(&thread, NULL, run, arg) == 0);
  return thread;
}

void join_thread(pthread_t thread) {
  ASSERT(pthread_join(thread, NULL) == 0);
}

int32_t thread_id(void) {
  return (int32_t)syscall(SYS_gettid);
}

/* The thread's state letter and how often it went to sleep of its own accord. */
static char look_at_thread(int32_t id, long *naps) {
  char path[64], line[256], state = '?';
  snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)id);
  FILE *file = fopen(path, "r");
  if (file == NULL) check_fail(__FILE__, __LINE__, "no thread %d", (int)id);
  while (fgets(line, sizeof line, file) != NULL) {
    sscanf(line, "State: %c", &state);
    sscanf(line, "voluntary_ctxt_switches: %ld", naps);
  }
  fclose(file);
  return state;
}

/* Asleep, and not once awake over several looks: a thread that only waits for its turn on a lock
 * or under valgrind gets it while the caller sleeps between the looks. */
void await_asleep(int32_t id) {
  const struct timespec moment = { 0, 1000000 };
  long naps = -1, naps_before = -2;
  for (int looks = 0; looks < 4; nanosleep(&moment, NULL)) {
    bool asleep = look_at_thread(id, &naps) == 'S' && naps == naps_before;
    looks = asleep ? looks + 1 : 0;
    naps_before = naps;
  }
}

/* ---------------------------------------------------------------- children */

void run_in_child(void (*body)(void *arg), void *arg) {
  int report[2];
  ASSERT(pipe2(report, O_CLOEXEC) == 0);
  fflush(stdout); /* else the child would print it again */
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    check_host = (int32_t)getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphan when the watchdog ends the suite */
    body(arg);
    ASSERT(write(report[1], "k", 1) == 1);
    exit(0);
  }
  close(report[1]);
  char said = '\0';
  ssize_t n = read(report[0], &said, 1);
  close(report[0]);
  int status = 0;
  ASSERT(waitpid(child, &status, 0) == child);
  if (n != 1 || said != 'k') check_fail(__FILE__, __LINE__, "the child failed: %#x", status);
  /* valgrind answers for blocks that only threads of the parent knew with its own exit code. */
  bool clean = WIFEXITED(status) &&
               (WEXITSTATUS(status) == 0 || (check_under_valgrind() && WEXITSTATUS(status) == 99));
  if (!clean) check_fail(__FILE__, __LINE__, "the child ended with %#x", status);
}
