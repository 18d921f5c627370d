/*
 * The test harness: assertions, gates and the executor under test.
 *
 * Used by every suite in this folder; check.c holds the other half. A suite is one file of CF_TEST
 * functions and nothing else: check.c has the main function. It runs as
 *
 *     <suite> threads|fork|spawn [one test's name]
 *
 * The first argument names the kind of executor that `ex` is: a pool of threads, or of processes
 * with that start method. A behaviour suite therefore talks to its tasks only through arguments,
 * results and gates, never through the parent's memory. A test that cannot says so with
 * CF_THREADS_ONLY.
 *
 * Environment: CF_TEST_TIMEOUT (seconds a test may take, 60), CF_TEST_SCALE (divides the sizes that
 * go through scaled(), 1), CF_TEST_VALGRIND (set when the suite runs under valgrind or
 * ThreadSanitizer, which need memory of their own).
 */
#ifndef CFUTURES_CHECK_H
#define CFUTURES_CHECK_H

#include <cfutures.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---------------------------------------------------------------- tests */

/* The executor under test: fresh for each test, 2 workers, freed after it. A test that frees it
 * itself sets it to NULL. It is NULL in a CF_TEST_PLAIN. */
extern cf_executor *ex;

struct check_test {
  const char *name;
  void (*run)(void);
  int line;
  bool wants_executor;
  struct check_test *next;
};
void check_register(struct check_test *test);

#define CF_TEST(name) CHECK_DEFINE(name, true)
#define CF_TEST_PLAIN(name) CHECK_DEFINE(name, false) /* needs no executor: `ex` is NULL */

#define CHECK_DEFINE(test_name, executor)                                                          \
  static void test_##test_name(void);                                                              \
  __attribute__((constructor)) static void register_##test_name(void) {                            \
    static struct check_test test = { #test_name, test_##test_name, __LINE__, executor, NULL };    \
    check_register(&test);                                                                         \
  }                                                                                                \
  static void test_##test_name(void)

/* First line of a test that means something only for some executors: skips it visibly elsewhere. */
#define CF_THREADS_ONLY(reason) CHECK_SKIP_UNLESS(check_is_threads(), reason)
#define CF_FORK_ONLY(reason) CHECK_SKIP_UNLESS(check_is_fork(), reason)
#define CF_NOT_UNDER_VALGRIND(reason) CHECK_SKIP_UNLESS(!check_under_valgrind(), reason)

#define CHECK_SKIP_UNLESS(condition, reason)                                                       \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      check_skip(reason);                                                                          \
      return;                                                                                      \
    }                                                                                              \
  } while (0)

bool check_is_threads(void);
bool check_is_fork(void);
bool check_is_spawn(void);
bool check_under_valgrind(void);
void check_skip(const char *reason);
size_t scaled(size_t n); /* n / CF_TEST_SCALE, at least 1 */

/* ---------------------------------------------------------------- assertions
 * A failed one prints where, what and the values, and ends the suite with exit code 1. They may
 * stand in tests, tasks, callbacks and other threads, also in a worker process. The expected value
 * comes first. */

#define ASSERT(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "%s", #condition))
#define ASSERT_OK(call) check_status(__FILE__, __LINE__, #call, CF_OK, (call))
#define ASSERT_STATUS(expected, call) check_status(__FILE__, __LINE__, #call, (expected), (call))
#define ASSERT_EQ_INT(expected, actual)                                                            \
  check_int(__FILE__, __LINE__, #actual, (long long)(expected), (long long)(actual))
#define ASSERT_EQ_SIZE(expected, actual)                                                           \
  check_size(__FILE__, __LINE__, #actual, (expected), (actual))
#define ASSERT_EQ_PTR(expected, actual)                                                            \
  check_pointer(__FILE__, __LINE__, #actual, (expected), (actual))
#define ASSERT_STR(expected, actual) check_string(__FILE__, __LINE__, #actual, (expected), (actual))
#define ASSERT_CONTAINS(part, text) check_contains(__FILE__, __LINE__, #text, (part), (text))
/* The future ends well within the watchdog's time and its result is this int32_t. */
#define ASSERT_VALUE(expected, future)                                                             \
  check_value(__FILE__, __LINE__, #future, (expected), (future))

__attribute__((noreturn, format(printf, 3, 4))) void check_fail(const char *file, int line,
                                                                const char *format, ...);
void check_status(const char *file, int line, const char *call, int expected, int actual);
void check_int(const char *file, int line, const char *what, long long expected, long long actual);
void check_size(const char *file, int line, const char *what, size_t expected, size_t actual);
void check_pointer(const char *file, int line, const char *what, const void *expected,
                   const void *actual);
void check_string(const char *file, int line, const char *what, const char *expected,
                  const char *actual);
void check_contains(const char *file, int line, const char *what, const char *part,
                    const char *text);
void check_value(const char *file, int line, const char *what, int32_t expected, cf_future *future);

/* Printed with whatever fails or hangs from now on: which of many rounds it was. NULL: nothing. */
void check_note(const char *text);

/* ------------------------------------------------------------ executors of the kind under test */

cf_executor *make_executor(size_t max_workers); /* 0: the default size */
/* Sets the start method in the options. NULL: the defaults. */
cf_executor *make_executor_with(cf_options *options);

/* ---------------------------------------------------------------- gates
 * A gate holds tasks until the test lets them pass and tells the test that they have come. It is
 * plain data: a task gets it by value in its argument, in this process or in another. Everything
 * here may be called from tasks, tests and callbacks, any number of passes may be given ahead. */

typedef struct gate {
  int32_t owner; /* the process whose descriptors these are */
  int32_t arrivals[2];
  int32_t passes[2];
} gate;

gate gate_make(void);
void gate_close(gate *g);
void gate_arrive(const gate *g, int mark); /* tells the test: mark is 0 to 255 */
int gate_next(const gate *g);              /* waits for the next arrival, gives its mark */
void gate_await(const gate *g, size_t n);  /* waits for n arrivals */
bool gate_quiet(const gate *g);            /* no arrival waits to be read */
void gate_open(const gate *g, size_t n);   /* lets n pass */
void gate_pass(const gate *g);             /* waits for a pass and uses it up */

/* ---------------------------------------------------------------- ready-made tasks
 * Each returns an owned future. */

cf_future *submit_value(cf_executor *executor, int32_t value);
cf_future *submit_failure(cf_executor *executor, int32_t code, const char *message);
/* Arrives at the gate with its value as the mark, waits for a pass, then returns the value. */
cf_future *submit_gated(cf_executor *executor, const gate *g, int32_t value);
/* Arrives at the gate with its value as the mark and returns the value. */
cf_future *submit_marked(cf_executor *executor, const gate *g, int32_t value);
int32_t value_task(cf_task *task, void *arg, size_t arg_size); /* returns its argument's bytes */
/* Asserts that the task ended with an int32_t and gives it. */
int32_t value_of(cf_future *future);

/* ---------------------------------------------------------------- counters, threads, processes */

int count_up(int *counter);        /* atomic; gives the new value */
int count_of(const int *counter);  /* atomic */
void count_destroy(void *counter); /* a cf_free_fn that counts its calls in an int */

pthread_t start_thread(void *(*run)(void *), void *arg);
void join_thread(pthread_t thread);
int32_t thread_id(void); /* the kernel's id of the calling thread */
/* Waits until a thread of this process sleeps in the kernel and stays there. */
void await_asleep(int32_t id);
size_t thread_count(void);
void await_thread_count(size_t n); /* a joined thread's entry in /proc may linger a moment */
size_t descriptor_count(void);

/* Runs body in a forked child that then calls exit(0), waits for it and asserts that it got to
 * the end and exited cleanly. */
void run_in_child(void (*body)(void *arg), void *arg);

/* The other processes that descend from this suite, whatever their parents and groups are now: with
 * this name (NULL: any), at most `room` of them. Gives their number; of dead ones none is counted.
 * Only for pools of processes. */
size_t find_processes(const char *name, int32_t *pids, size_t room);
size_t process_count(void);
/* Waits until none of them is left. A worker whose host is gone may begin another task, or a step of
 * one, before it is killed: until then its gate must stay. */
void await_no_process(void);
bool signal_process(int32_t pid, int number); /* only if it is one of those; false: it is gone */
char process_state(int32_t pid); /* the system's letter; '\0' when it is gone or dead */
int32_t process_parent(int32_t pid);
size_t shared_mapping_count(void); /* of this process */
size_t mapped_bytes(void);         /* of this process */
void close_all_descriptors(void);  /* but the standard ones, whosever they are */

/* What there is before a test, or a part of it; after it all must be as before, and no child or other
 * descendant of this process may be left. */
struct belongings {
  size_t threads, descriptors, mappings;
};
struct belongings count_belongings(void);
void check_nothing_left(const struct belongings *before);

/* ------------------------------------------------------------ between the halves of the harness */

extern int32_t check_host; /* the process whose test this is; another value: a worker runs */
void check_mark_processes(char **argv, const char *kind); /* may start the program anew */
void check_list_processes(void);                          /* to stderr */

#endif
