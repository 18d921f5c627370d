/*
 * The tasks of the language bindings' rows, in a shared library: they submit C functions by name. It is
 * linked with the installed library, so that who loads it has that too. The program in Go includes this
 * file.
 */
#include <cfutures.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

CF_API int32_t bench_noop_task(cf_task *task, void *arg, size_t arg_size);
CF_API int32_t bench_gate_task(cf_task *task, void *arg, size_t arg_size);
CF_API void bench_gate_shut(void);
CF_API void bench_gate_open(void);
CF_API int bench_gate_inside(void);

/* uint64_t -> one more, uint64_t. */
int32_t bench_noop_task(cf_task *task, void *arg, size_t arg_size) {
  uint64_t n;
  if (arg_size != sizeof n) return cf_task_fail(task, EINVAL, "the argument is no number");
  memcpy(&n, arg, sizeof n);
  n++;
  return cf_task_return(task, &n, sizeof n);
}

/* The gate of T8. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int inside, open;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };

/* Nothing -> nothing, when the gate is open. */
int32_t bench_gate_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  pthread_mutex_lock(&gate.lock);
  gate.inside++;
  while (!gate.open) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
  return cf_task_return(task, NULL, 0);
}

static void set_gate(int open) {
  pthread_mutex_lock(&gate.lock);
  gate.open = open;
  if (!open) gate.inside = 0;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

/* For those that come from now on; nobody stands at it. */
void bench_gate_shut(void) {
  set_gate(0);
}

void bench_gate_open(void) {
  set_gate(1);
}

/* How many tasks have come. */
int bench_gate_inside(void) {
  pthread_mutex_lock(&gate.lock);
  int inside = gate.inside;
  pthread_mutex_unlock(&gate.lock);
  return inside;
}
