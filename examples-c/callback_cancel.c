/*
 * Python: futures_future_callback_cancel.py (Python Module of the Week), conf6.py of the notebook.
 * Shows: a task that waits can be cancelled, one that runs cannot; callbacks hear of both.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static sem_t started, finish;

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  double result = n / 10.0;
  (void)arg_size;
  printf("%d: sleeping\n", n);
  gate_open(&started);
  gate_wait(&finish);
  printf("%d: done\n", n);
  return cf_task_return(task, &result, sizeof result);
}

static void done(cf_future *fn, void *user_data) {
  int arg = *(const int *)cf_future_user_data(fn);
  (void)user_data;
  if (cf_future_cancelled(fn)) {
    printf("%d: canceled\n", arg);
  } else if (cf_future_done(fn)) {
    printf("%d: not canceled\n", arg);
  }
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  gate_init(&started);
  gate_init(&finish);
  printf("main: starting\n");

  int args[11];
  cf_future *tasks[11] = { NULL };
  for (int i = 10; i > 0; i--) {
    printf("main: submitting %d\n", i);
    args[i] = i;
    must(cf_executor_submit(ex, task, &args[i], sizeof args[i], &tasks[i]));
    must(cf_future_set_user_data(tasks[i], &args[i], NULL)); /* f.arg = i */
    must(cf_future_add_done_callback(tasks[i], done, NULL, NULL));
    if (i >= 9) gate_wait(&started); /* the two workers are busy from now on */
  }

  for (int i = 1; i <= 10; i++) {
    if (!cf_future_cancel(tasks[i])) printf("main: did not cancel %d\n", i);
  }

  gate_open(&finish);
  gate_open(&finish);
  must(cf_executor_shutdown(ex, true, false));
  cf_futures_release(tasks, 11);
  cf_executor_free(ex);
  sem_destroy(&started);
  sem_destroy(&finish);
  return 0;
}
