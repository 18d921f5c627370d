/* What bridge.h declares, but for worker processes (worker.c). Called by the Go files beside it. */
#include "bridge.h"
#include "_cgo_export.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* The queue keeps a reference until the end, so the one of the submit is given back. If the queue has no memory
 * for it, nobody would ever hear of the task: it is cancelled if that is still possible. */
static cf_status report(cf_completion_queue *queue, cf_future *future, uintptr_t tag) {
  cf_status status = cf_completion_queue_add(queue, future, (void *)tag, NULL);
  if (status != CF_OK) cf_future_cancel(future);
  cf_future_release(future);
  return status;
}

cfgo_submitted cfgo_submit(cf_executor *executor, cf_task_fn function, const char *arg, size_t size,
                           cf_completion_queue *queue, uintptr_t tag) {
  cfgo_submitted out = { CF_OK, NULL };
  out.status = cf_executor_submit(executor, function, arg, size, &out.future);
  if (out.status == CF_OK) out.status = report(queue, out.future, tag);
  return out;
}

size_t cfgo_submit_many(cf_executor *executor, cf_task_fn function, const char *args, size_t size,
                        size_t count, cf_completion_queue *queue, const uintptr_t *tags,
                        cf_future **futures, cf_status *status) {
  size_t submitted = 0;
  *status = cf_executor_submit_many(executor, function, args, size, count, futures, &submitted);
  for (size_t i = 0; i < submitted; i++) {
    cf_status added = report(queue, futures[i], tags[i]);
    if (added == CF_OK) continue;
    *status = added;
    cf_futures_cancel(futures + i + 1, submitted - i - 1);
    cf_futures_release(futures + i + 1, submitted - i - 1);
    return i;
  }
  return submitted;
}

cfgo_ended cfgo_outcome(cf_future *future) {
  cfgo_ended ended = { 0, future, NULL, 0, CF_OK };
  ended.status = cf_future_result(future, 0, &ended.data, &ended.size);
  return ended;
}

size_t cfgo_take(cf_completion_queue *queue, cfgo_ended *out, size_t room) {
  size_t taken = 0;
  cf_future *future;
  void *tag;
  while (taken < room &&
         cf_completion_queue_next(queue, taken == 0 ? CF_FOREVER : 0, &future, &tag) == CF_OK) {
    out[taken] = cfgo_outcome(future);
    out[taken].tag = (uintptr_t)tag;
    taken++;
  }
  return taken;
}

void cfgo_release(const cfgo_ended *ended, size_t count) {
  for (size_t i = 0; i < count; i++) cf_future_release(ended[i].future);
}

cf_status cfgo_wait_in_task(uintptr_t thread, cf_future *const *futures, size_t count,
                            int return_when) {
  if (thread != (uintptr_t)pthread_self()) return CF_INVALID_STATE;
  return cf_wait(futures, count, CF_FOREVER, return_when, NULL, NULL);
}

int32_t cfgo_return(cf_task *task, const char *data, size_t size) {
  return cf_task_return(task, data, size);
}

int32_t cfgo_closure_task(cf_task *task, void *arg, size_t arg_size) {
  uintptr_t tag;
  if (arg_size != sizeof tag) return cf_task_fail(task, -1, "this is no closure of Go");
  memcpy(&tag, arg, sizeof tag);
  return cfgoRunClosure(task, tag, (uintptr_t)pthread_self());
}

cf_task_fn cfgo_closure_function(void) {
  return cfgo_closure_task;
}

cf_task_fn cfgo_registered_function(void) {
  return cfgo_registered_task;
}

static void *or_why(void *found, char **why) {
  const char *reason = found == NULL ? dlerror() : NULL;
  *why = found == NULL ? strdup(reason != NULL ? reason : "it is NULL") : NULL;
  return found;
}

void *cfgo_open(const char *path, char **why) {
  return or_why(dlopen(path, RTLD_NOW | RTLD_LOCAL), why);
}

/* NULL for the library is what RTLD_DEFAULT means: the program and all that it is linked with. */
void *cfgo_symbol(void *library, const char *name, char **why) {
  return or_why(dlsym(library, name), why);
}
