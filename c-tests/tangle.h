/*
 * Tasks that wait for each other, written down as a table, and how they end.
 *
 * Used by deadlock.c, deadlock_spares.c and deadlock_graphs.c. A plan says for each task what it
 * waits for, in turn, by the numbers of other tasks. All tasks are submitted while a latch holds up
 * those that have started, so that every handle is there when it is waited for and, with fewer
 * workers than tasks, the rest is still pending. Threads only: tasks share this memory.
 */
#ifndef CFUTURES_TANGLE_H
#define CFUTURES_TANGLE_H

#include "scene.h"

#define SHARED_MEMORY "the tasks reach each other's futures through shared memory"

enum { MOST_TASKS = 16, MOST_WAITS = 3, MOST_BRANCHES = 4 };
enum { OUTSIDE = MOST_TASKS }; /* the number of a future that the test completes by hand */

/* EXCEPTION is CF_FIRST_EXCEPTION. TIMED waits for a result, but not for long. */
typedef enum wait_kind { RESULT, ALL, FIRST, EXCEPTION, EACH, TIMED } wait_kind;

typedef struct wait_plan {
  wait_kind kind;
  size_t count;
  int on[MOST_BRANCHES];
} wait_plan;

typedef struct task_plan {
  size_t count;
  wait_plan waits[MOST_WAITS];
} task_plan;

/* { WAITS(ON(RESULT, 1), ON(ALL, 2, 3)), NO_WAITS } are two tasks; the first waits twice. */
#define ON(kind, ...) { kind, LENGTH(((int[]){ __VA_ARGS__ })), { __VA_ARGS__ } }
#define WAITS(...) { LENGTH(((wait_plan[]){ __VA_ARGS__ })), { __VA_ARGS__ } }
#define NO_WAITS { 0, { { RESULT, 0, { 0 } } } }

typedef struct tangle {
  task_plan plans[MOST_TASKS];
  size_t count;
  cf_future *futures[MOST_TASKS + 1]; /* with the one by hand; written before the latch opens */
  int32_t threads[MOST_TASKS];        /* who runs each task, once it has started */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  size_t started; /* under the lock */
  bool open;      /* under the lock */
  int deadlocks;  /* waits that returned CF_DEADLOCK */
  int timeouts;   /* TIMED waits that returned CF_TIMEOUT */
  int claims;     /* tasks that ran inside another one's wait */
} tangle;

/* ---------------------------------------------------------------- inside the tasks */

struct tangle_ref {
  tangle *t;
  int32_t number;
};

/* How many tasks of a tangle this thread has on its stack. */
static __thread int tangle_depth;

static inline void tangle_enter(tangle *t, int32_t number) {
  __atomic_store_n(&t->threads[number], thread_id(), __ATOMIC_SEQ_CST);
  if (tangle_depth++ > 0) count_up(&t->claims);
  pthread_mutex_lock(&t->lock);
  t->started++;
  pthread_cond_broadcast(&t->changed);
  while (!t->open) pthread_cond_wait(&t->changed, &t->lock);
  pthread_mutex_unlock(&t->lock);
}

/* What a wait promises when it went well. */
static inline void tangle_verify(const tangle *t, const wait_plan *w) {
  size_t done = 0, failed = 0;
  for (size_t i = 0; i < w->count; i++) {
    done += cf_future_done(t->futures[w->on[i]]);
    failed += cf_future_state(t->futures[w->on[i]]) == CF_STATE_FAILED;
  }
  if (w->kind == FIRST) ASSERT(done > 0);
  else if (w->kind == EXCEPTION) ASSERT(failed > 0 || done == w->count);
  else ASSERT_EQ_SIZE(w->count, done);
}

static inline cf_status tangle_each(cf_future *const *fs, size_t count) {
  cf_completions *it = NULL;
  cf_status status = cf_as_completed(fs, count, CF_FOREVER, &it);
  ASSERT_OK(status);
  size_t given = 0, index = 0;
  cf_future *f = NULL;
  while ((status = cf_completions_next(it, &index, &f)) == CF_OK) {
    ASSERT(index < count && fs[index] == f && cf_future_done(f));
    given++;
  }
  cf_completions_free(it);
  if (status != CF_END) return status;
  ASSERT(given >= 1 && given <= count); /* duplicates come once */
  return CF_OK;
}

static inline cf_status tangle_wait(tangle *t, const wait_plan *w) {
  cf_future *fs[MOST_BRANCHES];
  int32_t value = -1;
  cf_status status = CF_PANIC;
  for (size_t i = 0; i < w->count; i++) fs[i] = t->futures[w->on[i]];
  switch (w->kind) {
    case RESULT:
      status = cf_future_result_into(fs[0], CF_FOREVER, &value, sizeof value);
      if (status == CF_OK) ASSERT_EQ_INT(w->on[0], value);
      break;
    case ALL: status = cf_wait(fs, w->count, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL); break;
    case FIRST: status = cf_wait(fs, w->count, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL); break;
    case EXCEPTION:
      status = cf_wait(fs, w->count, CF_FOREVER, CF_FIRST_EXCEPTION, NULL, NULL);
      break;
    case EACH: status = tangle_each(fs, w->count); break;
    case TIMED: status = cf_future_result(fs[0], CF_SHORT, NULL, NULL); break;
  }
  if (status == CF_OK) tangle_verify(t, w);
  return status;
}

/* Waits as planned, whatever each wait says, and returns its number. */
static inline int32_t tangled_task(cf_task *task, void *arg, size_t arg_size) {
  const struct tangle_ref *ref = arg;
  ASSERT_EQ_SIZE(sizeof *ref, arg_size);
  tangle_enter(ref->t, ref->number);
  const task_plan *plan = &ref->t->plans[ref->number];
  for (size_t i = 0; i < plan->count; i++) {
    cf_status status = tangle_wait(ref->t, &plan->waits[i]);
    if (status == CF_DEADLOCK) count_up(&ref->t->deadlocks);
    else if (status == CF_TIMEOUT && plan->waits[i].kind == TIMED) count_up(&ref->t->timeouts);
    else ASSERT_OK(status);
  }
  tangle_depth--;
  return cf_task_return(task, &ref->number, sizeof ref->number);
}

/* ---------------------------------------------------------------- around them */

static inline cf_executor *make_pool(size_t workers, bool inline_wait, size_t max_spares) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, workers));
  ASSERT_OK(cf_options_set_inline_wait(o, inline_wait));
  ASSERT_OK(cf_options_set_max_spares(o, max_spares));
  cf_executor *pool = make_executor_with(o);
  cf_options_free(o);
  return pool;
}

/* Submits task i to pools[i % pool_count], in order. */
static inline void tangle_submit(tangle *t, const task_plan *plans, size_t count,
                                 cf_executor *const *pools, size_t pool_count) {
  ASSERT(count <= MOST_TASKS);
  ASSERT(pthread_mutex_init(&t->lock, NULL) == 0 && pthread_cond_init(&t->changed, NULL) == 0);
  t->count = count;
  t->started = 0;
  t->open = false;
  t->deadlocks = t->timeouts = t->claims = 0;
  t->futures[OUTSIDE] = pending_future();
  for (size_t i = 0; i < count; i++) t->plans[i] = plans[i];
  for (size_t i = 0; i < count; i++) {
    struct tangle_ref ref = { t, (int32_t)i };
    ASSERT_OK(cf_executor_submit(pools[i % pool_count], tangled_task, &ref, sizeof ref,
                                 &t->futures[i]));
  }
}

/* Waits until so many tasks stand at the latch, each on a thread of its own. */
static inline void tangle_await_started(tangle *t, size_t n) {
  pthread_mutex_lock(&t->lock);
  while (t->started < n) pthread_cond_wait(&t->changed, &t->lock);
  pthread_mutex_unlock(&t->lock);
}

static inline void tangle_open(tangle *t) {
  pthread_mutex_lock(&t->lock);
  t->open = true;
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->lock);
}

static inline void tangle_await_asleep(tangle *t, int number) {
  await_asleep(__atomic_load_n(&t->threads[number], __ATOMIC_SEQ_CST));
}

/* Waits for all tasks, and that each ended well; gives back how many waits were deadlocks. */
static inline int tangle_end(tangle *t) {
  for (size_t i = 0; i < t->count; i++) ASSERT_VALUE((int)i, t->futures[i]);
  cf_futures_release(t->futures, t->count);
  cf_future_release(t->futures[OUTSIDE]);
  pthread_mutex_destroy(&t->lock);
  pthread_cond_destroy(&t->changed);
  return count_of(&t->deadlocks);
}

/* Runs the tasks over the pools, the first `held` of them together; gives back how many waits were
 * deadlocks. */
static inline int tangle_run(tangle *t, cf_executor *const *pools, size_t pool_count,
                             const task_plan *plans, size_t count, size_t held) {
  tangle_submit(t, plans, count, pools, pool_count);
  tangle_await_started(t, held);
  tangle_open(t);
  return tangle_end(t);
}

#endif
