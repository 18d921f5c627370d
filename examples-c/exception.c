/*
 * Python: futures_future_exception.py (Python Module of the Week) and conf7.py of the notebook.
 * Shows: a task that fails, and its error with its own message in the future.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  char message[64];
  (void)arg_size;
  printf("%d: starting\n", n);
  snprintf(message, sizeof message, "the value %d is no good", n);
  return cf_task_fail(task, EINVAL, message);
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  printf("main: starting\n");

  int n = 5;
  cf_future *f;
  must(cf_executor_submit(ex, task, &n, sizeof n, &f));

  const cf_error *error;
  must(cf_future_exception(f, CF_FOREVER, &error));
  printf("main: error: %s\n", cf_error_message(error));

  double result;
  cf_status status = cf_future_result_into(f, CF_FOREVER, &result, sizeof result);
  if (status == CF_TASK_FAILED && cf_error_code(error) == EINVAL) {
    printf("main: saw error \"%s\" when accessing result\n", cf_error_message(cf_future_error(f)));
  } else {
    must(status);
  }

  cf_future_release(f);
  cf_executor_free(ex);
  return 0;
}
