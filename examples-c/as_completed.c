/*
 * Python: futures_as_completed.py (Python Module of the Week) and conf3.py of the notebook.
 * Shows: results of several tasks in the order in which they are ready.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

struct work {
  int n;
  double seconds;
};

struct outcome {
  int n;
  double tenth;
};

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  const struct work *work = arg;
  struct outcome outcome = { work->n, work->n / 10.0 };
  (void)arg_size;
  sleep_seconds(work->seconds);
  return cf_task_return(task, &outcome, sizeof outcome);
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(5, &ex, NULL));
  printf("main: starting\n");

  /* Up to 0.1 s, not Python's whole second. rand() is for one thread: the times come from here. */
  cf_future *wait_for[5];
  srand((unsigned)time(NULL));
  for (int i = 0; i < 5; i++) {
    struct work work = { 5 - i, 0.1 * rand() / RAND_MAX };
    must(cf_executor_submit(ex, task, &work, sizeof work, &wait_for[i]));
  }

  cf_completions *completions;
  must(cf_as_completed(wait_for, 5, CF_FOREVER, &completions));
  cf_future *f;
  while (next_completed(completions, NULL, &f)) {
    struct outcome outcome;
    must(cf_future_result_into(f, CF_FOREVER, &outcome, sizeof outcome));
    printf("main: result: (%d, %g)\n", outcome.n, outcome.tenth);
  }

  cf_completions_free(completions);
  cf_futures_release(wait_for, 5);
  cf_executor_free(ex);
  return 0;
}
