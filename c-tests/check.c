/*
 * The running half of the test harness: the main function of every suite, assertions, the watchdog
 * and the check that a test leaves nothing behind. Gates, tasks and counters are in
 * harness/tools.c.
 *
 * Around each test: count descriptors, threads and shared mappings; make the executor; run; free
 * the executor; then all must be as before, and no child or other descendant of this process may be
 * left. An assertion that fails in a worker process ends the suite too: it signals the host.
 */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From a worker process to the host: an assertion has failed, and has been printed. */
#define WORKER_FAILED SIGUSR2

cf_executor *ex;

static struct check_test *tests;
static const char *suite = "?";
static const char *kind = "threads";
static const char *volatile current_test = "none";
static const char *volatile phase = "starting";
static const char *skip_reason;
static const char *volatile note;

/* ---------------------------------------------------------------- registration and settings */

/* Keeps the order of the file, whatever the order in which the constructors run. */
void check_register(struct check_test *test) {
  struct check_test **place = &tests;
  while (*place != NULL && (*place)->line < test->line) place = &(*place)->next;
  test->next = *place;
  *place = test;
}

static long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  long value = text != NULL ? strtol(text, NULL, 10) : 0;
  return value > 0 ? value : otherwise;
}

size_t scaled(size_t n) {
  size_t smaller = n / (size_t)setting("CF_TEST_SCALE", 1);
  return smaller > 0 ? smaller : 1;
}

bool check_is_threads(void) {
  return strcmp(kind, "threads") == 0;
}

bool check_is_fork(void) {
  return strcmp(kind, "fork") == 0;
}

bool check_is_spawn(void) {
  return strcmp(kind, "spawn") == 0;
}

bool check_under_valgrind(void) {
  return setting("CF_TEST_VALGRIND", 0) != 0;
}

void check_skip(const char *reason) {
  skip_reason = reason;
}

/* ---------------------------------------------------------------- assertions */

void check_note(const char *text) {
  note = text;
}

void check_fail(const char *file, int line, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fflush(stdout);
  fprintf(stderr, "%s:%d: FAILED in %s/%s %s: %s\n", file, line, kind, suite, current_test, text);
  if (note != NULL) fprintf(stderr, "  with %s\n", note);
  fflush(stderr);
  if (check_host != (int32_t)getpid()) kill(check_host, WORKER_FAILED);
  _exit(1); /* other threads may be anywhere: no exit handlers */
}

void check_status(const char *file, int line, const char *call, int expected, int actual) {
  if (expected != actual)
    check_fail(file, line, "%s: expected %s (%d), got %s (%d)", call, cf_status_name(expected),
               expected, cf_status_name(actual), actual);
}

void check_int(const char *file, int line, const char *what, long long expected, long long actual) {
  if (expected != actual)
    check_fail(file, line, "%s: expected %lld, got %lld", what, expected, actual);
}

void check_size(const char *file, int line, const char *what, size_t expected, size_t actual) {
  if (expected != actual)
    check_fail(file, line, "%s: expected %zu, got %zu", what, expected, actual);
}

void check_pointer(const char *file, int line, const char *what, const void *expected,
                   const void *actual) {
  if (expected != actual) check_fail(file, line, "%s: expected %p, got %p", what, expected, actual);
}

void check_string(const char *file, int line, const char *what, const char *expected,
                  const char *actual) {
  if (actual == NULL) check_fail(file, line, "%s: expected \"%s\", got NULL", what, expected);
  if (strcmp(expected, actual) != 0)
    check_fail(file, line, "%s: expected \"%s\", got \"%s\"", what, expected, actual);
}

void check_contains(const char *file, int line, const char *what, const char *part,
                    const char *text) {
  if (text == NULL) check_fail(file, line, "%s: expected \"...%s...\", got NULL", what, part);
  if (strstr(text, part) == NULL)
    check_fail(file, line, "%s: expected \"...%s...\", got \"%s\"", what, part, text);
}

void check_value(const char *file, int line, const char *what, int32_t expected,
                 cf_future *future) {
  int32_t value = 0;
  check_status(file, line, what, CF_OK,
               cf_future_result_into(future, CF_FOREVER, &value, sizeof value));
  check_int(file, line, what, expected, value);
}

/* ---------------------------------------------------------------- executors */

cf_executor *make_executor_with(cf_options *options) {
  cf_executor *executor = NULL;
  cf_error *error = NULL;
  cf_options *own = NULL;
  cf_status status;
  if (check_is_threads()) {
    status = cf_thread_pool_new_with(options, &executor, &error);
  } else {
    if (options == NULL) {
      ASSERT_OK(cf_options_new(&own));
      options = own;
    }
    ASSERT_OK(
        cf_options_set_start_method(options, check_is_fork() ? CF_START_FORK : CF_START_SPAWN));
    status = cf_process_pool_new_with(options, &executor, &error);
  }
  cf_options_free(own);
  if (status != CF_OK)
    check_fail(__FILE__, __LINE__, "no executor: %s: %s", cf_status_name(status),
               cf_error_message(error));
  ASSERT(executor != NULL && error == NULL);
  return executor;
}

cf_executor *make_executor(size_t max_workers) {
  cf_options *options = NULL;
  ASSERT_OK(cf_options_new(&options));
  if (max_workers > 0) ASSERT_OK(cf_options_set_max_workers(options, max_workers));
  cf_executor *executor = make_executor_with(options);
  cf_options_free(options);
  return executor;
}

/* ---------------------------------------------------------------- the watchdog */

/* Only what is safe in a signal handler. */
static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

/* The stacks of this process and of all that descend from it, by a script, as a debugger needs a
 * process of its own. The copy is made without fork(), which waits for malloc's lock. */
static void show_stacks(void) {
  static char host[16];
  char *const argv[] = { (char *)"sh", (char *)CF_TEST_STACKS, host, NULL };
  snprintf(host, sizeof host, "%d", (int)check_host);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv("/bin/sh", argv);
    _exit(127);
  }
  if (child > 0) waitpid(child, NULL, 0);
}

static void on_alarm(int signal_number) {
  (void)signal_number;
  say("HANG in ");
  say(kind);
  say("/");
  say(suite);
  say(" ");
  say(current_test);
  say(", while ");
  say(phase);
  if (note != NULL) {
    say(", with ");
    say(note);
  }
  say("\n");
  show_stacks();
  abort(); /* leaves a core, where cores are kept */
}

static void on_worker_failed(int signal_number) {
  (void)signal_number;
  say("an assertion failed in a worker process of ");
  say(current_test);
  say("\n");
  _exit(1);
}

static void start_watchdog(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  ASSERT(sigaction(SIGALRM, &action, NULL) == 0);
  action.sa_handler = on_worker_failed;
  ASSERT(sigaction(WORKER_FAILED, &action, NULL) == 0);
}

/* ------------------------------------------------------------ what a test may not leave behind */

static size_t count_entries(const char *folder) {
  DIR *dir = opendir(folder);
  ASSERT(dir != NULL);
  size_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    if (entry->d_name[0] != '.') count++;
  closedir(dir);
  return count;
}

size_t thread_count(void) {
  return count_entries("/proc/self/task");
}

size_t descriptor_count(void) {
  return count_entries("/proc/self/fd") - 1; /* not the folder's */
}

void await_thread_count(size_t n) {
  const struct timespec moment = { 0, 1000000 };
  while (thread_count() != n) nanosleep(&moment, NULL);
}

static void list_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  ASSERT(dir != NULL);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char target[256];
    ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    if (length < 0 || atoi(entry->d_name) == dirfd(dir)) continue;
    target[length] = '\0';
    fprintf(stderr, "  descriptor %s: %s\n", entry->d_name, target);
  }
  closedir(dir);
}

struct belongings count_belongings(void) {
  struct belongings now = { thread_count(), descriptor_count(), shared_mapping_count() };
  return now;
}

/* Processes that end take a moment, as those of a detached pool do. */
static void await_no_processes(void) {
  const struct timespec moment = { 0, 1000000 };
  phase = "waiting for the test's processes to end";
  for (int looks = 0; process_count() > 0; looks++) {
    if (looks == 4000) {
      check_list_processes();
      check_fail(__FILE__, __LINE__, "the test left processes");
    }
    nanosleep(&moment, NULL);
  }
}

void check_nothing_left(const struct belongings *before) {
  phase = "waiting for the test's threads to end";
  /* Fewer is well too: one that had ended may still have been counted before. */
  const struct timespec moment = { 0, 1000000 };
  while (thread_count() > before->threads) nanosleep(&moment, NULL);
  if (!check_is_threads()) await_no_processes();
  phase = "looking for leaks";
  if (descriptor_count() != before->descriptors) {
    list_descriptors();
    check_fail(__FILE__, __LINE__, "descriptors before the test: %zu, after it: %zu",
               before->descriptors, descriptor_count());
  }
  if (shared_mapping_count() != before->mappings)
    check_fail(__FILE__, __LINE__, "shared mappings before the test: %zu, after it: %zu",
               before->mappings, shared_mapping_count());
  int status;
  pid_t child = waitpid(-1, &status, WNOHANG | __WALL);
  if (child >= 0)
    check_fail(__FILE__, __LINE__, "the test left a child process (%ld)", (long)child);
  ASSERT(errno == ECHILD);
}

/* ---------------------------------------------------------------- running */

static void run_test(const struct check_test *test, unsigned timeout) {
  const struct belongings before = count_belongings();
  current_test = test->name;
  skip_reason = NULL;
  alarm(timeout);
  phase = "making the executor";
  ex = test->wants_executor ? make_executor(2) : NULL;
  phase = "running";
  test->run();
  phase = "freeing the executor";
  cf_executor_free(ex);
  ex = NULL;
  check_nothing_left(&before);
  alarm(0);
  if (skip_reason != NULL)
    printf("skipped %s: %s\n", test->name, skip_reason);
  else
    printf("ok      %s\n", test->name);
}

/* Before main, as a worker of CF_START_SPAWN never gets further than its first line. */
__attribute__((constructor)) static void learn_names(void) {
  const char *of_the_host = getenv("CF_TEST_KIND");
  suite = program_invocation_short_name;
  if (of_the_host != NULL) kind = of_the_host;
}

static void *end_at_once(void *nothing) {
  return nothing;
}

/* ThreadSanitizer starts a thread of its own beside the first one: before anything is counted. */
static void start_and_join_a_thread(void) {
  pthread_t thread;
  ASSERT(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
  ASSERT(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv) {
  cf_worker_main();
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s threads|fork|spawn [test]\n", suite);
    return 2;
  }
  kind = argv[1];
  if (!check_is_threads() && !check_is_fork() && !check_is_spawn()) {
    fprintf(stderr, "%s: no executor of the kind '%s'\n", suite, kind);
    return 2;
  }
  check_mark_processes(argv, kind);
  setvbuf(stdout, NULL, _IOLBF, 0);
  start_watchdog();
  start_and_join_a_thread();
  size_t run = 0, skipped = 0;
  for (const struct check_test *test = tests; test != NULL; test = test->next) {
    if (argc == 3 && strcmp(argv[2], test->name) != 0) continue;
    run_test(test, (unsigned)setting("CF_TEST_TIMEOUT", 60));
    run++;
    skipped += skip_reason != NULL;
  }
  if (run == 0) {
    fprintf(stderr, "%s: no test called '%s'\n", suite, argc == 3 ? argv[2] : "");
    return 2;
  }
  printf("%s/%s: %zu tests, %zu skipped\n", kind, suite, run, skipped);
  return 0;
}
