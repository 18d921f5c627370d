/*
 * Python: "Using as_completed to retrieve results as tasks complete" of the note.
 * Shows: submit_many, and results in the order in which the tasks end.
 */
#define _POSIX_C_SOURCE 200809L
#include "my_task.h"

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(0, &executor, NULL));

  const double seconds[] = { 0.2, 0.4, 0.1 };
  cf_future *results[3];
  must(cf_executor_submit_many(executor, my_task, seconds, sizeof *seconds, 3, results, NULL));

  cf_completions *completions;
  must(cf_as_completed(results, 3, CF_FOREVER, &completions));
  cf_future *future;
  while (next_completed(completions, NULL, &future)) print_result(future);

  cf_completions_free(completions);
  cf_futures_release(results, 3);
  cf_executor_free(executor);
  return 0;
}
