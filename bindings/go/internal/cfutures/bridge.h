/* The C side of the binding: several calls of the library in one crossing, the tasks that run Go functions,
 * and the start of Go in worker processes. Included by the files of this package only.
 *
 * Crossing from Go to C costs tens of nanoseconds, so what is done once per task is one function here. */
#ifndef CFUTURES_GO_BRIDGE_H
#define CFUTURES_GO_BRIDGE_H

#include <cfutures.h>

/* A future that has ended: the tag under which it was submitted, and its outcome. The bytes are the future's
 * own, and valid until cfgo_release(). */
typedef struct cfgo_ended {
  uintptr_t tag;
  cf_future *future;
  const void *data;
  size_t size;
  int32_t status;
} cfgo_ended;

/* What submitting gives: the future is borrowed from the queue, which holds it until it was taken out. */
typedef struct cfgo_submitted {
  cf_status status;
  cf_future *future;
} cfgo_submitted;

/* Arguments and results are char *: of a pointer to bytes cgo knows that there are no pointers behind it. */

/* Submits a task whose end the queue reports under the tag. */
cfgo_submitted cfgo_submit(cf_executor *executor, cf_task_fn function, const char *arg, size_t size,
                           cf_completion_queue *queue, uintptr_t tag);

/* The same for count arguments side by side; futures has room for them. Returns how many were submitted. */
size_t cfgo_submit_many(cf_executor *executor, cf_task_fn function, const char *args, size_t size,
                        size_t count, cf_completion_queue *queue, const uintptr_t *tags,
                        cf_future **futures, cf_status *status);

/* Waits for the next that has ended, and takes as many more as have ended too, at most room. 0: the queue is
 * closed. */
size_t cfgo_take(cf_completion_queue *queue, cfgo_ended *out, size_t room);

void cfgo_release(const cfgo_ended *ended, size_t count);

/* The outcome of a future that has ended. */
cfgo_ended cfgo_outcome(cf_future *future);

/* cf_wait() for a goroutine that runs a task: only if this is still the thread of that task, else
 * CF_INVALID_STATE. */
cf_status cfgo_wait_in_task(uintptr_t thread, cf_future *const *futures, size_t count, int return_when);

int32_t cfgo_return(cf_task *task, const char *data, size_t size);

/* The task that runs a Go closure of this process; its argument is a uintptr_t that names it. */
int32_t cfgo_closure_task(cf_task *task, void *arg, size_t arg_size);

/* The task that runs a registered Go function in a worker process; its argument is the message of package
 * cfutures. The first one starts Go there. */
int32_t cfgo_registered_task(cf_task *task, void *arg, size_t arg_size);

/* The functions above as the library takes them. */
cf_task_fn cfgo_closure_function(void);
cf_task_fn cfgo_registered_function(void);

/* dlopen() and dlsym(); on failure NULL, and why, for free(). One crossing, as the reason belongs to the thread. */
void *cfgo_open(const char *path, char **why);
void *cfgo_symbol(void *library, const char *name, char **why);

/* Is this a worker process? */
bool cfgo_in_worker(void);

/* Blocks for ever. */
void cfgo_park(void);

#endif
