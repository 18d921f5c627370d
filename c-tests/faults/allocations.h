/*
 * What the suites over allocations share: what a call may say, ready-made tasks, and the sweep over scopes.
 *
 * Used by allocations.c and allocations_futures.c. A body begins and ends the fault around the calls
 * under test and undoes everything.
 */
#ifndef CFUTURES_ALLOCATIONS_H
#define CFUTURES_ALLOCATIONS_H

#include "sweep.h"

#include <errno.h>
#include <string.h>

#define LARGE 100000

/* What a call may say while memory fails. */
static inline bool refused(cf_status status) {
  if (status == CF_OK) return false;
  if (faults_happened() == 0) ASSERT_OK(status);
  /* Who has no memory for a thread says that there is no thread: pthread_create gives EAGAIN. */
  if (status != CF_OS_ERROR) ASSERT_STATUS(CF_NO_MEMORY, status);
  return true;
}

#define FAULTY(status, call)                                                                       \
  do {                                                                                             \
    faults_begin();                                                                                \
    (status) = (call);                                                                             \
    faults_end();                                                                                  \
  } while (0)

/* The task of an accepted future ends, with its value or for want of memory; the reference goes. */
static inline void expect_end(cf_future *f, int32_t value) {
  int32_t found = 0;
  cf_status status = cf_future_result_into(f, CF_FOREVER, &found, sizeof found);
  if (!refused(status)) ASSERT_EQ_INT(value, found);
  cf_state state = cf_future_state(f);
  ASSERT_EQ_INT(status == CF_OK ? CF_STATE_FINISHED : CF_STATE_FAILED, state);
  cf_future_release(f);
}

/* All is well again. */
static inline void expect_usable(cf_executor *executor) {
  cf_future *f = submit_value(executor, 7);
  ASSERT_VALUE(7, f);
  cf_future_release(f);
}

/* Gives its argument when it has had a large result in its hands. */
static inline int32_t large_task(cf_task *task, void *arg, size_t size) {
  (void)size;
  char *buffer = cf_task_result_buffer(task, LARGE);
  if (buffer == NULL) return 1;
  memset(buffer, 5, LARGE);
  return cf_task_return(task, arg, sizeof(int32_t));
}

/* ---------------------------------------------------------------- sweeps */

/* Over the scopes; the n-th fails alone, or all from the n-th on. */
static inline void sweep_memory(void (*body)(void)) {
  struct fault fault = { FAULT_memory, FAULT_CALLER, ENOMEM, 1, 1 };
  int scopes = check_is_threads() ? 2 : 3;
  long hits = 0;
  for (int scope = 0; scope < scopes; scope++) {
    fault.scope = (enum fault_scope)scope;
    fault.length = 1;
    hits += sweep(body, &fault);
    fault.length = FOR_EVER;
    hits += sweep(body, &fault);
  }
  ASSERT(hits > 0);
}

#define SWEEP(name)                                                                                \
  CF_TEST_PLAIN(name) {                                                                            \
    sweep_memory(body_##name);                                                                     \
  }
#define SWEEP_THREADS(name, why)                                                                   \
  CF_TEST_PLAIN(name) {                                                                            \
    CF_THREADS_ONLY(why);                                                                          \
    sweep_memory(body_##name);                                                                     \
  }

#endif
