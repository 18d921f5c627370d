/*
 * Shows: a mixed load for as long as one likes, while workers are killed, leaves nothing behind: after each phase the
 * descriptors, threads, mappings and processes are as after the first, every future that was made has ended, and
 * the memory is as it was after the warm-up, to less than a mebibyte.
 *
 * Four threads play scenes over a pool of threads and a pool of processes that live all the time, and over pools
 * of their own. CFUTURES_SOAK_SECONDS is how long (the default is a few phases, without a look at the memory),
 * CF_TEST_SEED sets the random numbers, CF_TEST_VERBOSE shows the memory after each phase. The warm-up is the first eighth of the time.
 */
#define _GNU_SOURCE
#include "maps.h"
#include "processes.h"
#include "random.h"

#include <malloc.h>
#include <stdio.h>

enum { ACTORS = 4, WORKERS = 3, BATCH = 24, SCENES_A_PHASE = 60, PHASES = 3 };

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

/* ---------------------------------------------------------------- phases */

struct soak {
  cf_executor *pools[2];
  struct actor actors[ACTORS];
  struct killer killer;
  struct belongings before;
  size_t processes, phases, most_memory, memory;
};

/* Private memory and what is shared with the workers, in use now. */
static size_t resident(void) {
  unsigned long mapped = 0, pages = 0;
  malloc_trim(0);
  FILE *file = fopen("/proc/self/statm", "r");
  ASSERT(file != NULL);
  ASSERT(fscanf(file, "%lu %lu", &mapped, &pages) == 2);
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The ready queue of a pool of processes is touched in turn, once: it is part of the warm-up. */
static void go_through_queue(cf_executor *pool) {
  enum { MANY = 1000, ROUNDS = 1100 };
  static int32_t args[MANY];
  static cf_future *fs[MANY];
  for (int round = 0; round < ROUNDS; round++) {
    ASSERT_OK(cf_executor_submit_many(pool, value_task, args, sizeof *args, MANY, fs, NULL));
    ASSERT_OK(cf_wait(fs, MANY, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
    cf_futures_release(fs, MANY);
  }
}

/* What has just ended takes a moment to go. */
static void await_belongings(const struct soak *s) {
  for (int looks = 0; looks < 4000; looks++, nap(1000)) {
    const struct belongings now = count_belongings();
    if (now.threads <= s->before.threads && now.descriptors == s->before.descriptors &&
        now.mappings == s->before.mappings && process_count() == s->processes)
      return;
  }
  const struct belongings now = count_belongings();
  check_fail(
      __FILE__, __LINE__,
      "%zu threads, %zu descriptors, %zu mappings, %zu processes; before: %zu, %zu, %zu, %zu",
      now.threads, now.descriptors, now.mappings, process_count(), s->before.threads,
      s->before.descriptors, s->before.mappings, s->processes);
}

static void play_phase(struct soak *s, size_t count) {
  pthread_t threads[ACTORS];
  alarm(300); /* each phase anew: the watchdog's time is for one of them */
  s->killer.stop = 0;
  pthread_t killer = start_thread(kill_around, &s->killer);
  for (int i = 0; i < ACTORS; i++) {
    s->actors[i].scenes = count;
    threads[i] = start_thread(play, &s->actors[i]);
  }
  for (int i = 0; i < ACTORS; i++) join_thread(threads[i]);
  count_up(&s->killer.stop);
  join_thread(killer);
  for (int i = 0; i < ACTORS; i++) ASSERT_EQ_SIZE(s->actors[i].made, s->actors[i].ended);
  s->phases++;
}

/* All workers there are, so that their number is the same each time. */
static void gather(const struct soak *s) {
  int32_t pids[WORKERS];
  for (int i = 0; i < 2; i++) {
    ASSERT(cf_executor_error(s->pools[i]) == NULL);
    collect_pids(s->pools[i], pids, WORKERS);
  }
}

static void make_pools(struct soak *s) {
  cf_options *o = new_options(WORKERS);
  ASSERT_OK(cf_options_set_name(o, "soak"));
  ASSERT_OK(cf_thread_pool_new(WORKERS, &s->pools[0], NULL));
  s->pools[1] = make_and_free(o);
  s->killer.random = first_random(99);
  for (int i = 0; i < ACTORS; i++) {
    s->actors[i].random = first_random((uint64_t)i + 1);
    memcpy(s->actors[i].pools, s->pools, sizeof s->pools);
  }
}

static double seconds_now(void) {
  struct timespec now;
  ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* For so long, or a few phases when it is 0. */
static void soak_for(struct soak *s, double seconds) {
  const double begin = seconds_now();
  const size_t count = seconds > 0 ? 500 : scaled(SCENES_A_PHASE);
  if (seconds > 0) go_through_queue(s->pools[1]);
  for (bool is_last = false; !is_last;) {
    play_phase(s, count);
    gather(s);
    if (s->phases == 1) {
      s->before = count_belongings();
      s->processes = process_count();
    }
    await_belongings(s);
    const double passed = seconds_now() - begin;
    is_last = seconds > 0 ? passed >= seconds : s->phases == PHASES;
    s->memory = resident();
    if (getenv("CF_TEST_VERBOSE") != NULL)
      printf("phase %zu, %.0f seconds: %zu KiB\n", s->phases, passed, s->memory >> 10);
    if (passed < seconds / 8 || s->most_memory == 0) s->most_memory = s->memory;
    if (seconds > 0 && s->memory >= s->most_memory + ((size_t)1 << 20))
      check_fail(__FILE__, __LINE__, "%zu KiB after the warm-up, %zu KiB after %.0f seconds",
                 s->most_memory >> 10, s->memory >> 10, passed);
  }
}

CF_TEST_PLAIN(a_mixed_load_leaves_nothing) {
  struct soak s = { 0 };
  const char *text = getenv("CFUTURES_SOAK_SECONDS");
  size_t made = 0, judged = 0, well = 0;
  make_pools(&s);
  soak_for(&s, text != NULL ? strtod(text, NULL) : 0);
  for (int i = 0; i < ACTORS; i++) {
    made += s.actors[i].made;
    judged += s.actors[i].judged;
    well += s.actors[i].well;
  }
  /* Deaths by the killer and by tasks are few: a pool that tells of nothing else would be no pool. */
  ASSERT(judged > 0 && well >= judged / 10 * 8);
  for (int i = 0; i < 2; i++) cf_executor_free(s.pools[i]);
  printf("        %zu phases, %zu futures, all ended, %zu of %zu well, %d kills; %zu KiB after the "
         "warm-up, %zu at "
         "the end\n",
         s.phases, made, well, judged, s.killer.kills, s.most_memory >> 10, s.memory >> 10);
}
