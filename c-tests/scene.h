/*
 * What the suites about waiting share: futures by hand in each state, and deeds that are done once
 * somebody really sleeps in a wait.
 *
 * Used by wait*.c, as_completed*.c, completion_queue*.c, map*.c, for_range.c and deadlock*.c.
 */
#ifndef CFUTURES_SCENE_H
#define CFUTURES_SCENE_H

#include "check.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Longer than any test may take: a wait with it has a deadline that never comes. */
#define CF_LONG ((int64_t)3600 * 1000000000)
/* A deadline that a test waits for. Nothing depends on its length. */
#define CF_SHORT ((int64_t)50 * 1000000)

/* ---------------------------------------------------------------- futures by hand, each owned */

static inline cf_future *pending_future(void) {
  cf_future *f = NULL;
  ASSERT_OK(cf_future_new(&f));
  return f;
}

static inline cf_future *running_future(void) {
  cf_future *f = pending_future();
  bool run = false;
  ASSERT_OK(cf_future_set_running_or_notify_cancel(f, &run));
  ASSERT(run);
  return f;
}

static inline void finish(cf_future *f, int32_t value) {
  ASSERT_OK(cf_future_set_result(f, &value, sizeof value));
}

static inline cf_future *finished_future(int32_t value) {
  cf_future *f = pending_future();
  finish(f, value);
  return f;
}

static inline cf_future *failed_future(int32_t code) {
  cf_future *f = pending_future();
  ASSERT_OK(cf_future_set_exception(f, code, "failed by hand"));
  return f;
}

static inline cf_future *cancelled_future(void) {
  cf_future *f = pending_future();
  ASSERT(cf_future_cancel(f));
  return f;
}

/* ---------------------------------------------------------------- deeds
 * Something done by a thread of its own once the thread that asked for it sleeps: what a wait waits
 * for then happens while it waits. A wait that returns without sleeping finds the deed undone: the
 * deed happens when its end is awaited. */

typedef struct deed {
  void (*act)(void *arg);
  void *arg;
  int32_t sleeper;
  pthread_t thread;
} deed;

static inline void *deed_run(void *arg) {
  deed *d = arg;
  await_asleep(d->sleeper);
  d->act(d->arg);
  return NULL;
}

static inline void when_i_sleep(deed *d, void (*act)(void *arg), void *arg) {
  d->act = act;
  d->arg = arg;
  d->sleeper = thread_id();
  d->thread = start_thread(deed_run, d);
}

static inline void await_deed(deed *d) { join_thread(d->thread); }

/* Deeds. */
static inline void finish_it(void *future) { finish(future, 42); }
static inline void fail_it(void *future) {
  ASSERT_OK(cf_future_set_exception(future, 13, "failed by hand"));
}
static inline void cancel_it(void *future) { ASSERT(cf_future_cancel(future)); }
static inline void open_one(void *g) { gate_open(g, 1); }

/* Sleeps until a deadline that was set earlier with the same timeout has passed. */
static inline void outlast(int64_t timeout_ns) {
  cf_future *never = pending_future();
  ASSERT_STATUS(CF_TIMEOUT, cf_wait(&never, 1, timeout_ns, CF_ALL_COMPLETED, NULL, NULL));
  cf_future_release(never);
}

#endif
