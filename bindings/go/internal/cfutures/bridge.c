/* What bridge.h declares, but for worker processes (worker.c). Called by the Go files beside it. */
#include "bridge.h"
#include "_cgo_export.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

cfgo_submitted cfgo_submit(cf_executor *executor, cf_task_fn function, const char *arg,
                           size_t size) {
  cfgo_submitted out = { CF_OK, NULL };
  out.status = cf_executor_submit(executor, function, arg, size, &out.future);
  return out;
}

cfgo_submitted cfgo_submit_words(uintptr_t executor, uintptr_t function, uint64_t first,
                                 uint64_t second, size_t size) {
  uint64_t words[2];
  words[0] = first;
  words[1] = second;
  return cfgo_submit((cf_executor *)executor, (cf_task_fn)function, (const char *)words, size);
}

size_t cfgo_submit_many(cf_executor *executor, cf_task_fn function, const char *args, size_t size,
                        size_t count, cf_future **futures, cf_status *status) {
  size_t submitted = 0;
  *status = cf_executor_submit_many(executor, function, args, size, count, futures, &submitted);
  return submitted;
}

static cfgo_outcome outcome_of(cf_future *future) {
  cfgo_outcome out = { NULL, 0, CF_OK, false, { 0 } };
  const void *data = NULL;
  out.status = cf_future_done(future) ? cf_future_result(future, 0, &data, &out.size) : CF_TIMEOUT;
  if (out.size > sizeof out.small)
    out.data = data;
  else if (out.size > 0)
    memcpy(out.small, data, out.size);
  return out;
}

cfgo_outcome cfgo_finish(cf_future *future) {
  cfgo_outcome out = outcome_of(future);
  out.released = out.status == CF_OK && out.data == NULL;
  if (out.released) cf_future_release(future);
  return out;
}

cf_status cfgo_take_into(uintptr_t address, char *room, size_t size) {
  cf_future *future = (cf_future *)address;
  cf_status status =
      cf_future_done(future) ? cf_future_result_into(future, 0, room, size) : CF_TIMEOUT;
  if (status == CF_OK) cf_future_release(future);
  return status;
}

cf_status cfgo_add(cf_completion_queue *queue, cf_future *future, uintptr_t tag) {
  return cf_completion_queue_add(queue, future, (void *)tag, NULL);
}

size_t cfgo_take(cf_completion_queue *queue, cfgo_ended *out, size_t room) {
  size_t taken = 0;
  cf_future *future;
  void *tag;
  while (taken < room &&
         cf_completion_queue_next(queue, taken == 0 ? CF_FOREVER : 0, &future, &tag) == CF_OK) {
    cfgo_ended ended = { (uintptr_t)tag, future, outcome_of(future), false };
    out[taken++] = ended;
  }
  return taken;
}

void cfgo_release(const cfgo_ended *ended, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (ended[i].release_own) cf_future_release(ended[i].future);
    cf_future_release(ended[i].future);
  }
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
