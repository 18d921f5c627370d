/* The tasks that tests and examples of every binding submit by name, in libcfutures-tasks.so. Beside each
 * stands what its argument's bytes are, and what its result's. One with the wrong size fails with EINVAL. */
#ifndef CFUTURES_BINDINGS_TASKS_H
#define CFUTURES_BINDINGS_TASKS_H

#include <cfutures.h>

#ifdef __cplusplus
extern "C" {
#endif

/* int64_t -> its square, int64_t. */
CF_API int32_t tasks_square(cf_task *task, void *arg, size_t arg_size);

/* int32_t code -> fails with that code and the message "failed as asked". */
CF_API int32_t tasks_fail(cf_task *task, void *arg, size_t arg_size);

/* int64_t n -> one byte: 1 if n is a prime number, else 0. */
CF_API int32_t tasks_is_prime(cf_task *task, void *arg, size_t arg_size);

/* int64_t milliseconds -> sleeps so long and gives them back. */
CF_API int32_t tasks_sleep(cf_task *task, void *arg, size_t arg_size);

/* tasks_gate_t * -> counts itself in, waits until the gate is open, and gives its turn, int32_t. For pools
 * of threads. */
typedef struct tasks_gate_t {
  int32_t entered; /* how many tasks have come */
  int32_t open;    /* set it to 1 with tasks_gate_open() to let them go */
} tasks_gate_t;
CF_API int32_t tasks_gate(cf_task *task, void *arg, size_t arg_size);
CF_API void tasks_gate_open(tasks_gate_t *gate);
CF_API int32_t tasks_gate_entered(const tasks_gate_t *gate);

/* int32_t signal -> raises it with its default action, of which the worker process dies. */
CF_API int32_t tasks_crash(cf_task *task, void *arg, size_t arg_size);

/* Nothing -> the number of the process, int64_t. */
CF_API int32_t tasks_pid(cf_task *task, void *arg, size_t arg_size);

/* Nothing -> never ends, and sleeps. */
CF_API int32_t tasks_endless(cf_task *task, void *arg, size_t arg_size);

/* cf_future ** -> waits for that future of this process, and ends as it did; where waiting would never
 * end, it fails with the code CF_DEADLOCK. For pools of threads. */
CF_API int32_t tasks_await(cf_task *task, void *arg, size_t arg_size);

/* Bytes -> the same bytes. */
CF_API int32_t tasks_echo(cf_task *task, void *arg, size_t arg_size);

/* int64_t * -> an object and no bytes; the number is how many such objects there are. Each goes with the
 * last reference to its future. For pools of threads. */
CF_API int32_t tasks_object(cf_task *task, void *arg, size_t arg_size);

#ifdef __cplusplus
}
#endif

#endif
