/*
 * Python: futures_thread_pool_submit.py (Python Module of the Week) and conf2.py of the notebook.
 * Shows: one call, its future before and after, and its result.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  double result = n / 10.0;
  (void)arg_size;
  printf("%s: sleeping %d\n", cf_task_worker_name(task), n);
  sleep_seconds(n / 10.0);
  printf("%s: done with %d\n", cf_task_worker_name(task), n);
  return cf_task_return(task, &result, sizeof result);
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  printf("main: starting\n");

  int n = 5;
  cf_future *f;
  must(cf_executor_submit(ex, task, &n, sizeof n, &f));
  flockfile(stdout); /* the worker prints as well, and this is one line */
  printf("main: future: ");
  print_future(f);
  printf("\n");
  funlockfile(stdout);
  printf("main: waiting for results\n");

  double result;
  must(cf_future_result_into(f, CF_FOREVER, &result, sizeof result));
  printf("main: result: %g\n", result);
  printf("main: future after result: ");
  print_future(f);
  printf("\n");

  cf_future_release(f);
  cf_executor_free(ex);
  return 0;
}
