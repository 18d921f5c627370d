/*
 * Python: `submit` in the first notebook, squares under @process_info and @thread_info.
 * Shows: the name of the worker thread and the process in which a task runs.
 */
#define _POSIX_C_SOURCE 200809L
#include "squares.h"

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(1, &executor, NULL));

  int x = 1, square;
  cf_future *future;
  must(cf_executor_submit(executor, process_info, &x, sizeof x, &future));
  must(cf_future_result_into(future, CF_FOREVER, &square, sizeof square));

  printf("future = ");
  print_future(future);
  printf(", future.result() = %d\n", square);

  cf_future_release(future);
  cf_executor_free(executor);
  return 0;
}
