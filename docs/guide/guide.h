/*
 * What the programs of the guide share, so that each can keep to its one idea. Included by them; README.md
 * in this folder shows it.
 */
#ifndef GUIDE_H
#define GUIDE_H

#include <cfutures.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program when a call fails that has to succeed. */
static inline void must(cf_status status) {
  if (status == CF_OK) return;
  fprintf(stderr, "%s: %s\n", cf_status_name(status), cf_status_message(status));
  exit(1);
}

/* def square(n): return n * n */
static inline int32_t square(cf_task *task, void *arg, size_t size) {
  if (size != sizeof(int)) return cf_task_fail(task, 1, "not an int");
  int n = *(int *)arg, result = n * n;
  return cf_task_return(task, &result, sizeof result);
}

/* pool.submit(function, n) */
static inline cf_future *submit(cf_executor *pool, cf_task_fn function, int n) {
  cf_future *future;
  must(cf_executor_submit(pool, function, &n, sizeof n, &future));
  return future;
}

/* future.result(), of a task that returns an int */
static inline int result(cf_future *future) {
  int value;
  must(cf_future_result_into(future, CF_FOREVER, &value, sizeof value));
  return value;
}

/* gate.wait() of a threading.Event, for a task whose argument is the gate: see futures.md */
static inline int32_t wait_for(cf_task *task, void *gate, size_t size) {
  (void)task, (void)size;
  return cf_future_result(*(cf_future **)gate, CF_FOREVER, NULL, NULL);
}

#endif
