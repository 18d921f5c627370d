#define _POSIX_C_SOURCE 200809L
#include "tasks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int32_t wrong_size(cf_task *task) {
  return cf_task_fail(task, EINVAL, "the argument has not the size that this task takes");
}

/* take(<task>, <value>): the argument into that variable, or the task fails. */
#define take(task, value)                                                                          \
  do {                                                                                             \
    if (arg_size != sizeof(value)) return wrong_size(task);                                        \
    memcpy(&(value), arg, sizeof(value));                                                          \
  } while (0)

static void sleep_milliseconds(int64_t milliseconds) {
  struct timespec left = { (time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000L };
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

int32_t tasks_square(cf_task *task, void *arg, size_t arg_size) {
  int64_t n;
  take(task, n);
  n *= n;
  return cf_task_return(task, &n, sizeof n);
}

int32_t tasks_fail(cf_task *task, void *arg, size_t arg_size) {
  int32_t code;
  take(task, code);
  return cf_task_fail(task, code, "failed as asked");
}

int32_t tasks_is_prime(cf_task *task, void *arg, size_t arg_size) {
  int64_t n, divisor;
  unsigned char prime;
  take(task, n);
  prime = n >= 2 && (n == 2 || n % 2 != 0);
  for (divisor = 3; prime && divisor <= n / divisor; divisor += 2) prime = n % divisor != 0;
  return cf_task_return(task, &prime, sizeof prime);
}

int32_t tasks_sleep(cf_task *task, void *arg, size_t arg_size) {
  int64_t milliseconds;
  take(task, milliseconds);
  if (milliseconds < 0) return cf_task_fail(task, EINVAL, "no time is that short");
  sleep_milliseconds(milliseconds);
  return cf_task_return(task, &milliseconds, sizeof milliseconds);
}

int32_t tasks_gate(cf_task *task, void *arg, size_t arg_size) {
  tasks_gate_t *gate;
  int32_t turn;
  take(task, gate);
  turn = __atomic_fetch_add(&gate->entered, 1, __ATOMIC_ACQ_REL);
  /* Acquire pairs with the Release of tasks_gate_open. */
  while (!__atomic_load_n(&gate->open, __ATOMIC_ACQUIRE)) sleep_milliseconds(1);
  return cf_task_return(task, &turn, sizeof turn);
}

void tasks_gate_open(tasks_gate_t *gate) {
  __atomic_store_n(&gate->open, 1, __ATOMIC_RELEASE);
}

int32_t tasks_gate_entered(const tasks_gate_t *gate) {
  return __atomic_load_n(&gate->entered, __ATOMIC_ACQUIRE);
}

int32_t tasks_crash(cf_task *task, void *arg, size_t arg_size) {
  int32_t number;
  take(task, number);
  signal(number, SIG_DFL);
  raise(number);
  return cf_task_fail(task, EINVAL, "that signal ends no process");
}

int32_t tasks_pid(cf_task *task, void *arg, size_t arg_size) {
  int64_t pid = getpid();
  (void)arg;
  (void)arg_size;
  return cf_task_return(task, &pid, sizeof pid);
}

int32_t tasks_endless(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  for (;;) sleep_milliseconds(1000);
}

int32_t tasks_await(cf_task *task, void *arg, size_t arg_size) {
  cf_future **slot;
  const void *data;
  size_t size;
  cf_status status;
  take(task, slot);
  status = cf_future_result(*slot, CF_FOREVER, &data, &size);
  if (status != CF_OK) return cf_task_fail(task, status, cf_status_message(status));
  return cf_task_return(task, data, size);
}

int32_t tasks_echo(cf_task *task, void *arg, size_t arg_size) {
  return cf_task_return(task, arg, arg_size);
}

static void object_gone(void *count) {
  __atomic_sub_fetch((int64_t *)count, 1, __ATOMIC_RELEASE);
}

/* The object is its counter. */
int32_t tasks_object(cf_task *task, void *arg, size_t arg_size) {
  int64_t *count;
  take(task, count);
  __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
  return cf_task_return_owned(task, count, object_gone);
}
