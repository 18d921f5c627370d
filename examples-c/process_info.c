/*
 * Python: `submit` in the first notebook with a ProcessPoolExecutor, squares under @process_info and
 * @thread_info.
 * Shows: the task runs in another process. cf_worker_main() is Python's `if __name__ == '__main__'`.
 */
#define _POSIX_C_SOURCE 200809L
#include "squares.h"

int main(void) {
  cf_worker_main();
  printf("Process ID of main: %ld\n", (long)getpid());

  cf_executor *executor;
  must(cf_process_pool_new(1, &executor, NULL));

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
