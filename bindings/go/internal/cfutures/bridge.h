/* The C side of the binding: several calls of the library in one crossing, the tasks that run Go functions,
 * and the start of Go in worker processes. Included by the files of this package only.
 *
 * Crossing from Go to C costs tens of nanoseconds, so what is done once per task is one function here. */
#ifndef CFUTURES_GO_BRIDGE_H
#define CFUTURES_GO_BRIDGE_H

#include <cfutures.h>

/* The outcome of a future. Results that are small are copied, as most are: then `data` is NULL, and the bytes are
 * in `small`. Others are the future's own. */
typedef struct cfgo_outcome {
  const char *data;
  size_t size;
  int32_t status;
  bool released;
  char small[16];
} cfgo_outcome;

/* A future that a queue has given out, with the tag under which it was added. The taker may have the caller's own
 * reference released as well. */
typedef struct cfgo_ended {
  uintptr_t tag;
  cf_future *future;
  cfgo_outcome outcome;
  bool release_own;
} cfgo_ended;

typedef struct cfgo_submitted {
  cf_status status;
  cf_future *future;
} cfgo_submitted;

/* Arguments and results are char *: of a pointer to bytes cgo knows that there are no pointers behind it. */

cfgo_submitted cfgo_submit(cf_executor *executor, cf_task_fn function, const char *arg,
                           size_t size);

/* The same with an argument of up to 16 bytes, which are those of the two words. The addresses of an
 * executor and of a function come as numbers. */
cfgo_submitted cfgo_submit_words(uintptr_t executor, uintptr_t function, uint64_t first,
                                 uint64_t second, size_t size);

/* Returns how many were submitted. */
size_t cfgo_submit_many(cf_executor *executor, cf_task_fn function, const char *args, size_t size,
                        size_t count, cf_future **futures, cf_status *status);

/* The outcome of a future; CF_TIMEOUT if it has not ended. One with a small result is released, which the outcome
 * says; then the future is gone. */
cfgo_outcome cfgo_finish(cf_future *future);

/* Copies the result of a future that has ended and releases the future, if the result has this size.
 * CF_TIMEOUT if it has not ended; else nothing is done. The future's address comes as a number. */
cf_status cfgo_take_into(uintptr_t future, char *room, size_t size);

cf_status cfgo_add(cf_completion_queue *queue, cf_future *future, uintptr_t tag);

/* Waits for the next that has ended, and takes as many more as have ended too, at most room. 0: the queue is
 * closed. */
size_t cfgo_take(cf_completion_queue *queue, cfgo_ended *out, size_t room);

/* Releases what cfgo_take() gave. */
void cfgo_release(const cfgo_ended *ended, size_t count);

/* cf_wait() for a goroutine that runs a task: only if this is still the thread of that task, else
 * CF_INVALID_STATE. */
cf_status cfgo_wait_in_task(uintptr_t thread, cf_future *const *futures, size_t count,
                            int return_when);

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
