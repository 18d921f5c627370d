/*
 * Python: deadlock2.py of the notebook, a task that waits for another one in a pool of one worker.
 * Shows: no deadlock here: a task that waits for one that has not started runs it itself.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

#include <math.h>

static cf_executor *executor;

static int32_t power(cf_task *task, void *arg, size_t arg_size) {
  const double *arguments = arg;
  double result = pow(arguments[0], arguments[1]);
  (void)arg_size;
  return cf_task_return(task, &result, sizeof result);
}

static int32_t wait_on_future(cf_task *task, void *arg, size_t arg_size) {
  const double arguments[] = { 5, 2 };
  double result = 0;
  cf_future *f;
  (void)arg;
  (void)arg_size;
  cf_status status = cf_executor_submit(executor, power, arguments, sizeof arguments, &f);
  if (status == CF_OK) status = cf_future_result_into(f, CF_FOREVER, &result, sizeof result);
  cf_future_release(f);
  if (status != CF_OK) return cf_task_fail(task, status, cf_status_message(status));
  printf("%g\n", result);
  return 0;
}

int main(void) {
  must(cf_thread_pool_new(1, &executor, NULL));

  cf_future *outer;
  must(cf_executor_submit(executor, wait_on_future, NULL, 0, &outer));
  must(cf_future_result(outer, CF_FOREVER, NULL, NULL));

  cf_future_release(outer);
  cf_executor_free(executor);
  return 0;
}
