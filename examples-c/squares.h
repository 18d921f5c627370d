/*
 * The function `squares` of the first notebook and its decorators thread_info and process_info,
 * which say where a function starts and ends. A decorator is a function that calls the next one.
 * Used by thread_names.c, squares_one_worker.c, squares_default_workers.c, process_info.c and
 * process_squares.c.
 */
#ifndef SQUARES_H
#define SQUARES_H

#include "example.h"

#include <unistd.h>

static inline int32_t squares(cf_task *task, void *arg, size_t arg_size) {
  int x = *(const int *)arg;
  int square = x * x;
  (void)arg_size;
  return cf_task_return(task, &square, sizeof square);
}

/* A call in C has no keyword arguments: kwargs is always empty. */
static inline int32_t thread_info(cf_task *task, void *arg, size_t arg_size) {
  const char *thread = cf_task_worker_name(task);
  printf("%s. Start function: squares. args = (%d,), kwargs = {}\n", thread, *(const int *)arg);
  int32_t code = squares(task, arg, arg_size);
  printf("%s. End function: squares\n", thread);
  return code;
}

static inline int32_t process_info(cf_task *task, void *arg, size_t arg_size) {
  long pid = (long)getpid(), parent = (long)getppid();
  printf(
      "Process ID: %ld. Parent Process: %ld. Start function: squares. args = (%d,), kwargs = {}\n",
      pid, parent, *(const int *)arg);
  int32_t code = thread_info(task, arg, arg_size);
  printf("Process ID: %ld. End function: squares\n", pid);
  return code;
}

#endif
