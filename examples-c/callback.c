/*
 * Python: futures_future_callback.py (Python Module of the Week) and conf5.py of the notebook.
 * Shows: a function that is called when a future is done, and data that belongs to a future.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  double result = n / 10.0;
  (void)arg_size;
  printf("%d: sleeping\n", n);
  sleep_seconds(0.5);
  printf("%d: done\n", n);
  return cf_task_return(task, &result, sizeof result);
}

static void done(cf_future *fn, void *user_data) {
  int arg = *(const int *)cf_future_user_data(fn);
  (void)user_data;
  if (cf_future_cancelled(fn)) {
    printf("%d: canceled\n", arg);
  } else if (cf_future_done(fn)) {
    const cf_error *error = cf_future_error(fn);
    if (error != NULL) {
      printf("%d: error returned: %s\n", arg, cf_error_message(error));
    } else {
      double result;
      must(cf_future_result_into(fn, 0, &result, sizeof result));
      printf("%d: value returned: %g\n", arg, result);
    }
  }
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  printf("main: starting\n");

  int arg = 5;
  cf_future *f;
  must(cf_executor_submit(ex, task, &arg, sizeof arg, &f));
  must(cf_future_set_user_data(f, &arg, NULL)); /* f.arg = 5 */
  must(cf_future_add_done_callback(f, done, NULL, NULL));
  must(cf_future_result(f, CF_FOREVER, NULL, NULL));

  /* Waits for the callback too: it runs on the worker, perhaps after the result is known here. */
  cf_executor_free(ex);
  cf_future_release(f);
  return 0;
}
