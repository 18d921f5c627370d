/*
 * Python: deadlock1.py of the notebook, two tasks that wait for each other and so for ever.
 * Shows: the wait that would close the circle returns CF_DEADLOCK, and both tasks end.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static cf_future *a, *b;
static sem_t started, go;

/* Waits for the other task, which waits for this one. */
static int32_t wait_on(cf_task *task, const char *name, cf_future **other, int own_result) {
  int result;
  gate_open(&started);
  gate_wait(&go); /* until a and b are both known, for which Python sleeps 5 seconds */
  cf_status status = cf_future_result_into(*other, CF_FOREVER, &result, sizeof result);
  if (status == CF_OK)
    printf("%s: %d\n", name, result);
  else
    printf("%s: %s: %s\n", name, cf_status_name(status), cf_status_message(status));
  return cf_task_return(task, &own_result, sizeof own_result);
}

static int32_t wait_on_b(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  return wait_on(task, "wait_on_b", &b, 5);
}

static int32_t wait_on_a(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  return wait_on(task, "wait_on_a", &a, 6);
}

int main(void) {
  cf_executor *executor;
  gate_init(&started);
  gate_init(&go);
  must(cf_thread_pool_new(2, &executor, NULL));
  must(cf_executor_submit(executor, wait_on_b, NULL, 0, &a));
  must(cf_executor_submit(executor, wait_on_a, NULL, 0, &b));

  gate_wait(&started);
  gate_wait(&started);
  printf("%s\n", cf_future_running(a) ? "True" : "False");
  printf("%s\n", cf_future_running(b) ? "True" : "False");
  gate_open(&go);
  gate_open(&go);

  int result_a, result_b;
  must(cf_future_result_into(a, CF_FOREVER, &result_a, sizeof result_a));
  must(cf_future_result_into(b, CF_FOREVER, &result_b, sizeof result_b));
  printf("main: both ended, a returned %d and b returned %d\n", result_a, result_b);

  cf_future_release(a);
  cf_future_release(b);
  cf_executor_free(executor);
  sem_destroy(&started);
  sem_destroy(&go);
  return 0;
}
