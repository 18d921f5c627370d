/*
 * Shows: a mixed load for as long as one likes, while workers are killed, leaves nothing behind: after each phase the
 * descriptors, threads, mappings and processes are as after the first, every future that was made has ended, and
 * the memory is as it was after the warm-up, to less than a mebibyte.
 *
 * Four threads play the scenes of load.h over pools that live all the time. CFUTURES_SOAK_SECONDS is how long (the
 * default is a few phases, without a look at the memory), CF_TEST_SEED sets the random numbers, CF_TEST_VERBOSE shows the
 * memory after each phase. The warm-up is the first eighth of the time.
 */
#define _GNU_SOURCE
#include "load.h"

#include <malloc.h>
#include <stdio.h>

enum { ACTORS = 4, SCENES_A_PHASE = 60, PHASES = 3 };

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
