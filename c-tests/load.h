/*
 * A mixed load: actors that play scenes over a pool of threads, a pool of processes and pools of their own, and a killer
 * of the workers called soak_<n>. Each scene makes a batch of futures, which have all ended when it is over.
 *
 * Used by process_soak.c.
 */
#ifndef CFUTURES_LOAD_H
#define CFUTURES_LOAD_H

#include "maps.h"
#include "processes.h"
#include "random.h"

#include <stdio.h>

enum { WORKERS = 3, BATCH = 24 };

/* ---------------------------------------------------------------- tasks */

struct work {
  int32_t value;
  int32_t way; /* as in end_in_a_way */
  uint32_t microseconds;
};

static int32_t work_task(cf_task *task, void *arg, size_t arg_size) {
  const struct work *w = arg;
  ASSERT(arg_size >= sizeof *w);
  if (w->microseconds > 0) nap(w->microseconds);
  if (w->way != RETURNS) return end_in_a_way(task, w->way, 7);
  const int32_t result = 3 * w->value + 1;
  return cf_task_return(task, &result, sizeof result);
}

struct actor {
  uint64_t random;
  cf_executor *pools[2]; /* of threads, of processes */
  size_t scenes, made, ended;
  size_t judged, well; /* of those that were judged one by one, with their results */
  int called;          /* callbacks */
};

struct batch {
  cf_executor *pool;
  bool processes;
  struct work work[BATCH];
  cf_future *fs[BATCH];
};

static struct work roll_work(struct actor *a, bool processes) {
  static const int32_t deaths[] = { EXITS, EXITS_AT_ONCE, ABORTS, SEGFAULTS };
  struct work w = { (int32_t)roll(&a->random, 1000000), RETURNS, 0 };
  if (roll(&a->random, 3) == 0) w.microseconds = roll(&a->random, 300);
  if (roll(&a->random, 50) == 0) w.way = FAILS;
  if (processes && roll(&a->random, 100) == 0) w.way = deaths[roll(&a->random, LENGTH(deaths))];
  return w;
}

/* With an argument of any size behind what is read of it. */
static void submit_batch(struct actor *a, struct batch *b, cf_executor *pool, bool processes) {
  unsigned char arg[sizeof(struct work) + 20000] = { 0 };
  b->pool = pool;
  b->processes = processes;
  for (int i = 0; i < BATCH; i++) {
    size_t more = roll(&a->random, roll(&a->random, 10) == 0 ? 20000 : 100);
    b->work[i] = roll_work(a, processes);
    memcpy(arg, &b->work[i], sizeof b->work[i]);
    b->fs[i] = submit_bytes(pool, work_task, arg, sizeof b->work[i] + more);
  }
  a->made += BATCH;
}

/* Waits for its end, which must be one that it may have. */
static void judge(struct actor *a, const struct batch *b, int i, bool may_be_cancelled) {
  const struct work *w = &b->work[i];
  int32_t result = 0;
  cf_status status = cf_future_result_into(b->fs[i], CF_FOREVER, &result, sizeof result);
  if (status == CF_OK)
    ASSERT(w->way == RETURNS && result == 3 * w->value + 1);
  else if (status == CF_TASK_FAILED)
    ASSERT(w->way == FAILS && cf_error_code(cf_future_error(b->fs[i])) == 7);
  else if (status == CF_WORKER_DIED)
    ASSERT(b->processes);
  else
    ASSERT(status == CF_CANCELLED && may_be_cancelled);
  if (!may_be_cancelled) {
    a->judged++;
    a->well += status == CF_OK;
  }
  a->ended++;
}

static void end_batch(struct actor *a, struct batch *b, bool may_be_cancelled) {
  for (int i = 0; i < BATCH; i++) judge(a, b, i, may_be_cancelled);
  cf_futures_release(b->fs, BATCH);
}

/* ---------------------------------------------------------------- scenes */

static void scene_results(struct actor *a, struct batch *b) {
  end_batch(a, b, false);
}

static void scene_timeouts(struct actor *a, struct batch *b) {
  for (int i = 0; i < BATCH; i++) {
    cf_status status = cf_future_result(b->fs[i], roll(&a->random, 200000), NULL, NULL);
    ASSERT(status == CF_TIMEOUT || cf_future_done(b->fs[i]));
  }
  end_batch(a, b, false);
}

static void scene_waits(struct actor *a, struct batch *b) {
  const int conditions[] = { CF_FIRST_COMPLETED, CF_FIRST_EXCEPTION, CF_ALL_COMPLETED };
  for (int i = 0; i < 3; i++) {
    int64_t timeout = roll(&a->random, 2) == 0 ? CF_FOREVER : roll(&a->random, 500000);
    cf_status status = cf_wait(b->fs, BATCH, timeout, conditions[i], NULL, NULL);
    ASSERT(status == CF_OK || (status == CF_TIMEOUT && timeout != CF_FOREVER));
  }
  end_batch(a, b, false);
}

static void scene_as_completed(struct actor *a, struct batch *b) {
  cf_completions *it = NULL;
  size_t index = 0, given = 0, most = roll(&a->random, BATCH + 2);
  ASSERT_OK(cf_as_completed(b->fs, BATCH, CF_FOREVER, &it));
  while (given < most && cf_completions_next(it, &index, NULL) == CF_OK) {
    ASSERT(cf_future_done(b->fs[index]));
    given++;
  }
  ASSERT_EQ_SIZE(most < BATCH ? most : BATCH, given);
  cf_completions_free(it);
  end_batch(a, b, false);
}

static void scene_queue(struct actor *a, struct batch *b) {
  cf_completion_queue *q = NULL;
  size_t most = roll(&a->random, 2) == 0 ? BATCH : roll(&a->random, BATCH);
  ASSERT_OK(cf_completion_queue_new(&q));
  for (int i = 0; i < BATCH; i++) ASSERT_OK(cf_completion_queue_add(q, b->fs[i], NULL, NULL));
  for (size_t i = 0; i < most; i++) {
    cf_future *f = NULL;
    ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &f, NULL));
    ASSERT(cf_future_done(f));
    cf_future_release(f);
  }
  cf_completion_queue_free(q);
  end_batch(a, b, false);
}

static void count_call(cf_future *f, void *user_data) {
  ASSERT(cf_future_done(f));
  count_up(user_data);
}

static void scene_callbacks(struct actor *a, struct batch *b) {
  const int before = count_of(&a->called);
  for (int i = 0; i < BATCH; i++)
    ASSERT_OK(cf_future_add_done_callback(b->fs[i], count_call, &a->called, NULL));
  end_batch(a, b, false);
  while (count_of(&a->called) < before + BATCH) nap(100); /* a result may be there before */
  ASSERT_EQ_INT(before + BATCH, count_of(&a->called));
}

static void scene_cancels(struct actor *a, struct batch *b) {
  for (int i = 0; i < BATCH; i++) {
    if (roll(&a->random, 2) == 0) continue;
    if (b->processes && roll(&a->random, 8) == 0)
      cf_future_kill(b->fs[i], 0);
    else if (cf_future_cancel(b->fs[i]))
      ASSERT(cf_future_cancelled(b->fs[i]));
  }
  end_batch(a, b, true);
}

/* Nobody asks for the results: the count is that of callbacks. */
static void scene_forgets(struct actor *a, struct batch *b) {
  const int before = count_of(&a->called);
  for (int i = 0; i < BATCH; i++)
    ASSERT_OK(cf_future_add_done_callback(b->fs[i], count_call, &a->called, NULL));
  cf_futures_release(b->fs, BATCH);
  while (count_of(&a->called) < before + BATCH) nap(100);
  a->ended += BATCH;
}

static void scene_map(struct actor *a, struct batch *b) {
  struct work items[3 * BATCH];
  size_t given = 0, most = roll(&a->random, 2) == 0 ? LENGTH(items) : roll(&a->random, BATCH);
  for (size_t i = 0; i < LENGTH(items); i++) items[i] = roll_work(a, b->processes);
  cf_map *map = map_with(b->pool, work_task, items, sizeof *items, LENGTH(items), CF_FOREVER,
                         1 + roll(&a->random, 8));
  cf_item item;
  while (given < most && cf_map_next(map, &item) == CF_OK) {
    ASSERT(item.status == CF_OK || item.status == CF_TASK_FAILED || item.status == CF_WORKER_DIED);
    given++;
  }
  ASSERT_EQ_SIZE(most, given);
  cf_map_free(map);
  end_batch(a, b, false);
}

typedef void scene_fn(struct actor *a, struct batch *b);

static scene_fn *const scenes[] = { scene_results,      scene_timeouts,  scene_waits,
                                    scene_as_completed, scene_queue,     scene_cancels,
                                    scene_forgets,      scene_callbacks, scene_map };

/* A pool that comes and goes, by shutdown or by force, with its tasks queued or done. */
static void play_in_own_pool(struct actor *a, bool processes) {
  struct batch b;
  cf_executor *pool = NULL;
  if (processes)
    pool = make_executor(2);
  else
    ASSERT_OK(cf_thread_pool_new(1 + roll(&a->random, 3), &pool, NULL));
  submit_batch(a, &b, pool, processes);
  switch (roll(&a->random, 4)) {
  case 0: end_batch(a, &b, false); break;
  case 1:
    ASSERT_OK(cf_executor_shutdown(pool, roll(&a->random, 2) == 0, true));
    end_batch(a, &b, true);
    break;
  case 2:
    if (processes) ASSERT_OK(cf_executor_kill_workers(pool));
    end_batch(a, &b, true);
    break;
  default:
    cf_executor_free(pool);
    end_batch(a, &b, true);
    return;
  }
  cf_executor_free(pool);
}

static void *play(void *arg) {
  struct actor *a = arg;
  for (size_t i = 0; i < a->scenes; i++) {
    struct batch b;
    const bool processes = roll(&a->random, 2) == 0;
    if (roll(&a->random, 20) == 0) {
      play_in_own_pool(a, processes);
      continue;
    }
    submit_batch(a, &b, a->pools[processes], processes);
    scenes[roll(&a->random, LENGTH(scenes))](a, &b);
  }
  return NULL;
}

/* ---------------------------------------------------------------- the killer, of the workers that stay */

struct killer {
  uint64_t random;
  int stop, kills;
};

static void *kill_around(void *arg) {
  struct killer *k = arg;
  while (count_of(&k->stop) == 0) {
    char name[16];
    int32_t pid;
    snprintf(name, sizeof name, "soak_%u", roll(&k->random, WORKERS));
    if (find_processes(name, &pid, 1) == 1) k->kills += signal_process(pid, SIGKILL);
    nap(roll(&k->random, 100000));
  }
  return NULL;
}

#endif
