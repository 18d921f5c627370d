/*
 * Python: conf4.py of the notebook with wait(wait_for, return_when=FIRST_COMPLETED).
 * Shows: the wait ends with the first task that is done; the others go on.
 */
#define _POSIX_C_SOURCE 200809L
#include "done_and_not_done.h"

/* Task n ends when its gate opens, not after a random time: so it is known which is first. */
static sem_t gates[5];

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  (void)arg_size;
  gate_wait(&gates[n]);
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

  gate_open(&gates[3]);
  bool done[5];
  size_t done_count;
  must(cf_wait(wait_for, 5, CF_FOREVER, CF_FIRST_COMPLETED, done, &done_count));
  print_done_and_not_done(wait_for, done, 5);
  for (int n = 0; n < 5; n++) {
    if (done[n])
      printf("main: %zu is done: task %d\n", done_count, n);
    else
      gate_open(&gates[n]);
  }

  cf_futures_release(wait_for, 5);
  cf_executor_free(ex);
  for (int n = 0; n < 5; n++) sem_destroy(&gates[n]);
  return 0;
}
