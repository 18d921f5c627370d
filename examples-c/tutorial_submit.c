/*
 * Python: "Submit tasks", "Manipulate the future object" and "Handle results" of the note.
 * Shows: two tasks, what a future knows about its task, and the results.
 */
#define _POSIX_C_SOURCE 200809L
#include "my_task.h"

static const char *truth(bool value) {
  return value ? "True" : "False";
}

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(0, &executor, NULL));

  const double two = 0.2, four = 0.4;
  cf_future *future_1, *future_2;
  must(cf_executor_submit(executor, my_task, &two, sizeof two, &future_1));
  must(cf_executor_submit(executor, my_task, &four, sizeof four, &future_2));

  /* Each waits for its task. */
  print_result(future_1);
  print_result(future_2);

  printf("running: %s\n", truth(cf_future_running(future_1)));
  printf("cancelled: %s\n", truth(cf_future_cancelled(future_1)));
  printf("done: %s\n", truth(cf_future_done(future_1)));

  cf_future_release(future_1);
  cf_future_release(future_2);
  cf_executor_free(executor);
  return 0;
}
