/*
 * A shared library of tasks: process_functions.c loads it while it runs, so that no worker has it
 * then; helper/host.c is linked to it. CF_TEST_FACTOR is what module_double multiplies by: 2, and
 * something else in the build that takes this one's place on disk.
 */
#define _POSIX_C_SOURCE 200809L
#include <cfutures.h>
#include <limits.h>
#include <unistd.h>

/* By how much it multiplies: the same library in another build says so. */
#ifndef CF_TEST_FACTOR
#define CF_TEST_FACTOR 2
#endif

int32_t module_double(cf_task *task, void *arg, size_t arg_size);
int32_t module_count(cf_task *task, void *arg, size_t arg_size);
int32_t module_program(cf_task *task, void *arg, size_t arg_size);

int32_t module_double(cf_task *task, void *arg, size_t arg_size) {
  int32_t value;
  if (arg_size != sizeof value) return 1;
  value = CF_TEST_FACTOR * *(int32_t *)arg;
  return cf_task_return(task, &value, sizeof value);
}

/* How often it has run in this process: the library's own memory lives on between tasks. */
int32_t module_count(cf_task *task, void *arg, size_t arg_size) {
  static int32_t count;
  (void)arg;
  (void)arg_size;
  count++;
  return cf_task_return(task, &count, sizeof count);
}

/* The path of the program that the worker runs. */
int32_t module_program(cf_task *task, void *arg, size_t arg_size) {
  static char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  (void)arg;
  (void)arg_size;
  return size > 0 ? cf_task_return(task, path, (size_t)size) : 2;
}
