/*
 * Python: conf4.py of the notebook with wait(wait_for, return_when=FIRST_EXCEPTION).
 * Shows: tasks that succeed do not end the wait, the first one that fails does.
 */
#define _POSIX_C_SOURCE 200809L
#include "done_and_not_done.h"

/* Task n ends when its gate opens, not after a random time: so it is known which is first. */
static sem_t gates[5];

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  (void)arg_size;
  gate_wait(&gates[n]);
  if (n == 3) return cf_task_fail(task, n, "the value 3 is no good");
  return cf_task_return(task, &n, sizeof n);
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(5, &ex, NULL));
  printf("main: starting\n");

  cf_future *wait_for[5];
  for (int n = 0; n < 5; n++) {
    gate_init(&gates[n]);
    must(cf_executor_submit(ex, task, &n, sizeof n, &wait_for[n]));
  }

  gate_open(&gates[0]);
  must(cf_future_result(wait_for[0], CF_FOREVER, NULL, NULL));
  gate_open(&gates[3]);
  bool done[5];
  must(cf_wait(wait_for, 5, CF_FOREVER, CF_FIRST_EXCEPTION, done, NULL));
  print_done_and_not_done(wait_for, done, 5);
  for (int n = 0; n < 5; n++) {
    const cf_error *error = cf_future_error(wait_for[n]);
    if (error != NULL) printf("main: task %d: %s\n", n, cf_error_message(error));
    if (!done[n]) gate_open(&gates[n]);
  }

  cf_futures_release(wait_for, 5);
  cf_executor_free(ex);
  for (int n = 0; n < 5; n++) sem_destroy(&gates[n]);
  return 0;
}
