/*
 * Shows: making executors. Their size, the options, the names and stacks of workers, and that
 * executors, options and futures may be freed in any order. When workers start is in workers.c, the
 * initializer in initializer.c, the end of an executor in shutdown.c.
 */
#define _GNU_SOURCE
#include "check.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cf_options *make_options(void) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT(o != NULL);
  return o;
}

/* ---------------------------------------------------------------- size */

static size_t default_size(void) {
  cf_executor *executor = make_executor(0);
  size_t size = cf_executor_max_workers(executor);
  cf_executor_free(executor);
  return size;
}

/* Threads also wait for input and output, processes only compute. */
static size_t beyond_cpus(void) {
  return check_is_threads() ? 4 : 0;
}

/* CPython: test_thread_pool.py, ThreadPoolExecutorTest.test_default_workers. A quota of the
 * control group may make the number smaller than affinity alone. */
CF_TEST(default_workers) {
  cpu_set_t cpus;
  ASSERT(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  size_t most = (size_t)CPU_COUNT(&cpus) + beyond_cpus();
  size_t size = default_size();
  ASSERT(size >= 1 + beyond_cpus());
  ASSERT(size <= (check_is_threads() && most > 32 ? 32 : most));
}

CF_TEST(default_workers_mind_affinity) {
  cpu_set_t all, one;
  int cpu = 0;
  ASSERT(sched_getaffinity(0, sizeof all, &all) == 0);
  while (!CPU_ISSET(cpu, &all)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ASSERT(sched_setaffinity(0, sizeof one, &one) == 0);
  size_t size = default_size();
  ASSERT(sched_setaffinity(0, sizeof all, &all) == 0);
  ASSERT_EQ_SIZE(1 + beyond_cpus(), size);
}

CF_TEST(max_workers_is_what_was_asked_for) {
  const size_t sizes[] = { 1, 2, 5, 61, 100, 1000 };
  ASSERT_EQ_SIZE(2, cf_executor_max_workers(ex));
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    cf_executor *executor = make_executor(sizes[i]);
    ASSERT_EQ_SIZE(sizes[i], cf_executor_max_workers(executor));
    cf_future *f = submit_value(executor, 5);
    ASSERT_VALUE(5, f);
    cf_future_release(f);
    cf_executor_free(executor);
  }
}

CF_TEST(a_thread_pool_without_options) {
  CF_THREADS_ONLY("the short way to a thread pool");
  const size_t sizes[] = { 0, 1, 3 };
  for (int i = 0; i < 3; i++) {
    cf_executor *executor = NULL;
    ASSERT_OK(cf_thread_pool_new(sizes[i], &executor, NULL));
    ASSERT_EQ_SIZE(sizes[i] > 0 ? sizes[i] : default_size(), cf_executor_max_workers(executor));
    cf_future *f = submit_value(executor, 5);
    ASSERT_VALUE(5, f);
    cf_future_release(f);
    cf_executor_free(executor);
  }
}

/* CPython: executor.py, ExecutorTest.test_max_workers_negative. -1 is SIZE_MAX in C. */
CF_TEST(max_workers_negative) {
  const size_t refused[] = { 0, (size_t)-1 };
  cf_options *o = make_options();
  ASSERT_OK(cf_options_set_max_workers(o, 3));
  for (int i = 0; i < 2; i++)
    ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_max_workers(o, refused[i]));
  cf_executor *executor = make_executor_with(o); /* a refused value changes nothing */
  ASSERT_EQ_SIZE(3, cf_executor_max_workers(executor));
  cf_executor_free(executor);
  cf_options_free(o);
}

/* ---------------------------------------------------------------- options */

CF_TEST(no_options_are_the_defaults) {
  cf_executor *executor = make_executor_with(NULL);
  ASSERT_EQ_SIZE(default_size(), cf_executor_max_workers(executor));
  cf_executor_free(executor);
}

CF_TEST(options_are_read_when_the_executor_is_made) {
  cf_options *o = make_options();
  ASSERT_OK(cf_options_set_max_workers(o, 1));
  cf_executor *first = make_executor_with(o);
  ASSERT_OK(cf_options_set_max_workers(o, 2));
  cf_executor *second = make_executor_with(o);
  cf_options_free(o);
  ASSERT_EQ_SIZE(1, cf_executor_max_workers(first));
  ASSERT_EQ_SIZE(2, cf_executor_max_workers(second));
  cf_future *fs[] = { submit_value(first, 1), submit_value(second, 2) };
  cf_executor_free(second);
  cf_executor_free(first);
  ASSERT_VALUE(1, fs[0]);
  ASSERT_VALUE(2, fs[1]);
  cf_futures_release(fs, 2);
}

CF_TEST(a_pool_without_spares_or_inline_waits_works) {
  CF_THREADS_ONLY("options of a thread pool");
  for (int i = 0; i < 4; i++) {
    cf_options *o = make_options();
    ASSERT_OK(cf_options_set_max_workers(o, 1));
    ASSERT_OK(cf_options_set_max_spares(o, (i & 1) != 0 ? 0 : 3));
    ASSERT_OK(cf_options_set_inline_wait(o, (i & 2) != 0));
    cf_executor *executor = make_executor_with(o);
    cf_future *f = submit_value(executor, i);
    ASSERT_VALUE(i, f);
    cf_future_release(f);
    cf_executor_free(executor);
    cf_options_free(o);
  }
}

CF_TEST(unused_executors_and_options) {
  cf_executor *executors[20];
  size_t threads = thread_count();
  for (int i = 0; i < 20; i++) executors[i] = make_executor(4);
  if (check_is_threads()) ASSERT_EQ_SIZE(threads, thread_count()); /* workers start on demand */
  for (int i = 0; i < 20; i++) cf_executor_free(executors[i]);
  cf_options_free(make_options());
}

/* ---------------------------------------------------------------- names */

struct names {
  char task[64];   /* what the task is told */
  char system[16]; /* what the system shows, of a thread or of a process */
};

static int32_t names_task(cf_task *task, void *arg, size_t arg_size) {
  struct names names;
  memset(&names, 0, sizeof names);
  ASSERT_EQ_SIZE(sizeof(gate), arg_size);
  gate_arrive(arg, 0);
  gate_pass(arg);
  strncpy(names.task, cf_task_worker_name(task), sizeof names.task - 1);
  ASSERT(pthread_getname_np(pthread_self(), names.system, sizeof names.system) == 0);
  return cf_task_return(task, &names, sizeof names);
}

enum { WORKERS = 5 };

/* The names of five workers, held at a gate until all have started. */
static void collect_names(const char *prefix, struct names names[WORKERS]) {
  gate g = gate_make();
  char copied[64] = "";
  cf_options *o = make_options();
  ASSERT_OK(cf_options_set_max_workers(o, WORKERS));
  if (prefix != NULL) {
    strncpy(copied, prefix, sizeof copied - 1);
    ASSERT_OK(cf_options_set_name(o, copied));
    memset(copied, 'x', sizeof copied - 1); /* the options have a copy */
  }
  cf_executor *executor = make_executor_with(o);
  cf_future *fs[WORKERS];
  for (int i = 0; i < WORKERS; i++)
    ASSERT_OK(cf_executor_submit(executor, names_task, &g, sizeof g, &fs[i]));
  gate_await(&g, WORKERS);
  gate_open(&g, WORKERS);
  for (int i = 0; i < WORKERS; i++)
    ASSERT_OK(cf_future_result_into(fs[i], CF_FOREVER, &names[i], sizeof names[i]));
  cf_futures_release(fs, WORKERS);
  cf_executor_free(executor);
  cf_options_free(o);
  gate_close(&g);
}

/* The system keeps 15 bytes: of a long name the number at its end and the beginning of the prefix.
 * The default prefix of threads stands there in short. */
static void check_system_name(const char *shown, const char *prefix, int number, bool is_default) {
  char ending[8];
  snprintf(ending, sizeof ending, "_%d", number);
  ASSERT_STR(ending, strrchr(shown, '_'));
  char expected[64];
  if (is_default && check_is_threads()) /* "ThreadPoolExecutor-<k>" stands there as "cf-<k>" */
    snprintf(expected, sizeof expected, "cf%s%s", strrchr(prefix, '-'), ending);
  else
    snprintf(expected, sizeof expected, "%.*s%s", (int)(15 - strlen(ending)), prefix, ending);
  ASSERT_STR(expected, shown);
}

/* Each of <prefix>_0 to <prefix>_4 has been seen once. */
static void expect_names(const char *prefix, const struct names names[WORKERS], bool is_default) {
  int seen[WORKERS] = { 0 };
  char expected[80];
  for (int i = 0; i < WORKERS; i++)
    for (int number = 0; number < WORKERS; number++) {
      snprintf(expected, sizeof expected, "%s_%d", prefix, number);
      if (strcmp(expected, names[i].task) != 0) continue;
      seen[number]++;
      check_system_name(names[i].system, prefix, number, is_default);
    }
  for (int number = 0; number < WORKERS; number++)
    if (seen[number] != 1)
      check_fail(__FILE__, __LINE__, "%s_%d was seen %d times; one name is '%s'", prefix, number,
                 seen[number], names[0].task);
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_thread_names_assigned. */
CF_TEST(thread_names_assigned) {
  struct names names[WORKERS];
  collect_names("SpecialPool", names);
  expect_names("SpecialPool", names, false);
}

CF_TEST(long_names_are_whole_for_tasks) {
  struct names names[WORKERS];
  collect_names("a prefix that is longer than the system takes", names);
  expect_names("a prefix that is longer than the system takes", names, false);
}

/* "ThreadPoolExecutor-<k>" or "ProcessPoolExecutor-<k>": gives k. */
static long default_number(char prefix[64]) {
  struct names names[WORKERS];
  collect_names(NULL, names);
  memset(prefix, 0, 64);
  ASSERT(strrchr(names[0].task, '_') != NULL);
  memcpy(prefix, names[0].task, (size_t)(strrchr(names[0].task, '_') - names[0].task));
  expect_names(prefix, names, true);
  const char *general = check_is_threads() ? "ThreadPoolExecutor-" : "ProcessPoolExecutor-";
  ASSERT(strncmp(prefix, general, strlen(general)) == 0);
  const char *number = prefix + strlen(general);
  char *end = NULL;
  long k = strtol(number, &end, 10);
  ASSERT(end != number && *end == '\0');
  return k;
}

/* CPython: test_shutdown.py, ThreadPoolShutdownTest.test_thread_names_default. */
CF_TEST(thread_names_default) {
  char first[64], second[64];
  long k = default_number(first);
  ASSERT(default_number(second) > k);
}

/* ---------------------------------------------------------------- stacks */

static int touch_stack(size_t bytes) {
  volatile char frame[16384];
  frame[0] = (char)bytes;
  frame[sizeof frame - 1] = 1;
  if (bytes <= sizeof frame) return frame[0];
  return touch_stack(bytes - sizeof frame) + frame[sizeof frame - 1];
}

/* Uses as much stack as its argument says and returns the size of the thread's stack. */
static int32_t stack_task(cf_task *task, void *arg, size_t arg_size) {
  size_t bytes, size = 0;
  void *address = NULL;
  pthread_attr_t attributes;
  ASSERT_EQ_SIZE(sizeof bytes, arg_size);
  memcpy(&bytes, arg, sizeof bytes);
  ASSERT(touch_stack(bytes) != -1);
  ASSERT(pthread_getattr_np(pthread_self(), &attributes) == 0);
  ASSERT(pthread_attr_getstack(&attributes, &address, &size) == 0);
  pthread_attr_destroy(&attributes);
  return cf_task_return(task, &size, sizeof size);
}

static size_t stack_of(cf_executor *executor, size_t use) {
  size_t size = 0;
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(executor, stack_task, &use, sizeof use, &f));
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &size, sizeof size));
  cf_future_release(f);
  return size;
}

static const size_t mib = (size_t)1 << 20;

CF_TEST(stacks_are_8_mib_by_default) {
  CF_THREADS_ONLY("the stacks of threads");
  ASSERT(stack_of(ex, 7 * mib) >= 8 * mib - mib / 16); /* less a guard page */
}

CF_TEST(stack_size_is_what_was_asked_for) {
  CF_THREADS_ONLY("the stacks of threads");
  const size_t sizes[] = { mib / 2, 3 * mib, 40 * mib };
  for (int i = 0; i < 3; i++) {
    cf_options *o = make_options();
    ASSERT_OK(cf_options_set_stack_size(o, sizes[i]));
    cf_executor *executor = make_executor_with(o);
    /* It may be larger: the C library hands old stacks out again. */
    ASSERT(stack_of(executor, sizes[i] / 4 * 3) >= sizes[i] / 16 * 15);
    cf_executor_free(executor);
    cf_options_free(o);
  }
}

CF_TEST(impossible_stack_sizes_are_refused) {
  cf_options *o = make_options();
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_stack_size(o, SIZE_MAX));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_options_set_stack_size(o, (size_t)PTRDIFF_MAX + 1));
  cf_options_free(o);
}

/* ---------------------------------------------------------------- order of freeing */

CF_TEST(executors_may_be_freed_in_any_order) {
  cf_executor *executors[4];
  cf_future *fs[4];
  for (int32_t i = 0; i < 4; i++) executors[i] = make_executor(2);
  for (int32_t i = 0; i < 4; i++) fs[i] = submit_value(executors[i], i);
  const int order[] = { 2, 0, 3, 1 };
  cf_future_release(fs[3]);
  for (int i = 0; i < 4; i++) cf_executor_free(executors[order[i]]);
  for (int32_t i = 0; i < 3; i++) {
    ASSERT_VALUE(i, fs[i]);
    cf_future_release(fs[i]);
  }
  cf_executor_free(NULL);
  cf_executor_detach(NULL);
}
