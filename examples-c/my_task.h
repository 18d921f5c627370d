/*
 * my_task, the task of the note "Python Concurrency and Future", and the printing of its result.
 * Used by the three tutorial programs, which sleep tenths of the note's seconds.
 */
#ifndef MY_TASK_H
#define MY_TASK_H

#include "example.h"

#include <string.h>

static inline int32_t my_task(cf_task *task, void *arg, size_t arg_size) {
  double seconds = *(const double *)arg;
  char text[64];
  (void)arg_size;
  printf("Sleeping for %g second(s)...\n", seconds);
  sleep_seconds(seconds);
  snprintf(text, sizeof text, "Finished sleeping for %g second(s)", seconds);
  return cf_task_return(task, text, strlen(text) + 1);
}

/* print(future.result()) */
static inline void print_result(cf_future *future) {
  const void *text;
  must(cf_future_result(future, CF_FOREVER, &text, NULL));
  printf("%s\n", (const char *)text);
}

#endif
