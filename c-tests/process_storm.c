/*
 * Shows: thousands of tasks of random size and duration while workers die all the time, by their
 * tasks and by a killer from outside, and now and then a zygote does. Every future ends, and with
 * the right outcome: no result is lost, wrong or made up; and the pool is as good as new then.
 *
 * CF_TEST_SCALE divides the number of tasks, CF_TEST_SEED sets the random numbers. With CF_TEST_KILLS the
 * storm goes on until so many workers were killed from outside, and one zygote for each fifty of them.
 */
#define _GNU_SOURCE
#include "processes.h"
#include "random.h"

#include <stdio.h>

enum { WORKERS = 8, IN_FLIGHT = 300, MOST_BYTES = 200000, MOST_PIDS = 256 };
enum { KILLS_PER_ZYGOTE = 50, LOOKS = 10 };

/* ---------------------------------------------------------------- tasks */

struct job {
  int32_t way, detail; /* as in end_in_a_way */
  uint32_t seed;       /* of the bytes behind this, and of the result */
  uint32_t bytes, result_bytes;
  uint32_t microseconds;
};

static unsigned char byte_of(uint32_t seed, size_t i) {
  return (unsigned char)((i + seed) * 2654435761u >> 24);
}

static int32_t storm_task(cf_task *task, void *arg, size_t arg_size) {
  const struct job *job = arg;
  const unsigned char *bytes = (const unsigned char *)(job + 1);
  ASSERT_EQ_SIZE(sizeof *job + job->bytes, arg_size);
  for (size_t i = 0; i < job->bytes; i++) ASSERT(bytes[i] == byte_of(job->seed, i));
  if (job->microseconds > 0) nap(job->microseconds);
  if (job->way != RETURNS) return end_in_a_way(task, job->way, job->detail);
  if (job->result_bytes == 0) return 0;
  unsigned char *result = cf_task_result_buffer(task, job->result_bytes);
  ASSERT(result != NULL);
  for (size_t i = 0; i < job->result_bytes; i++) result[i] = byte_of(~job->seed, i);
  return 0;
}

/* Mostly small, now and then large. */
static uint32_t roll_size(uint64_t *random) {
  uint32_t dice = roll(random, 100);
  return roll(random, dice < 70 ? 100 : dice < 99 ? 10000 : MOST_BYTES);
}

static struct job roll_job(uint64_t *random) {
  static const int32_t bad_ways[] = { EXITS, EXITS_AT_ONCE, ABORTS, SEGFAULTS, OVERFLOWS, FAILS };
  struct job job = { RETURNS, 0, roll(random, UINT32_MAX), 0, 0, 0 };
  job.bytes = roll_size(random);
  job.result_bytes = roll_size(random);
  if (roll(random, 2) == 0) job.microseconds = roll(random, 500);
  if (roll(random, 40) == 0) {
    job.way = bad_ways[roll(random, LENGTH(bad_ways))];
    job.detail = 1 + (int32_t)roll(random, 100);
  }
  return job;
}

static cf_future *submit_job(cf_executor *pool, const struct job *job) {
  static unsigned char arg[sizeof *job + MOST_BYTES];
  memcpy(arg, job, sizeof *job);
  for (size_t i = 0; i < job->bytes; i++) arg[sizeof *job + i] = byte_of(job->seed, i);
  cf_future *f = NULL;
  if (cf_executor_submit(pool, storm_task, arg, sizeof *job + job->bytes, &f) != CF_OK)
    check_fail(__FILE__, __LINE__, "the pool is broken: %s",
               cf_error_message(cf_executor_error(pool)));
  return f;
}

/* ---------------------------------------------------------------- the killer */

struct killer {
  uint64_t random;
  int stop;
  int kills, zygote_kills;
};

static const int signals[] = { SIGKILL, SIGSEGV, SIGSTOP };

/* The second of two zygotes must have its successor first, as the death of both is another test. A worker that has
 * no name of its own yet looks like one: so both are looked at again and again. */
static void kill_a_zygote(struct killer *k) {
  int32_t first[MOST_PIDS], pids[MOST_PIDS];
  if (find_processes("cf-zygote", first, MOST_PIDS) != 2) return;
  for (int look = 0; look < LOOKS; look++) {
    nap(1000 + roll(&k->random, 4000));
    if (find_processes("cf-zygote", pids, MOST_PIDS) != 2) return;
    if (memcmp(first, pids, 2 * sizeof *pids) != 0) return;
  }
  /* Counted first: whoever sees what comes of it knows. */
  count_up(&k->zygote_kills);
  if (!signal_process(pids[roll(&k->random, 2)], SIGKILL))
    __atomic_sub_fetch(&k->zygote_kills, 1, __ATOMIC_SEQ_CST);
}

static bool is_among(int32_t pid, const int32_t *pids, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (pids[i] == pid) return true;
  return false;
}

static void kill_a_worker(struct killer *k) {
  int32_t pids[MOST_PIDS], zygotes[MOST_PIDS];
  size_t count = find_processes(NULL, pids, MOST_PIDS);
  /* Asked for afterwards: who has no name of its own yet counts as a zygote. */
  size_t zygote_count = find_processes("cf-zygote", zygotes, MOST_PIDS);
  if (count == 0) return;
  int32_t pid = pids[roll(&k->random, (uint32_t)count)];
  if (is_among(pid, zygotes, zygote_count)) return;
  int number = signals[roll(&k->random, LENGTH(signals))];
  if (number == SIGSTOP && !stop_process(pid)) return;
  if (signal_process(pid, number == SIGSTOP ? SIGKILL : number)) count_up(&k->kills);
}

static void *kill_around(void *arg) {
  struct killer *k = arg;
  while (count_of(&k->stop) == 0) {
    if (count_of(&k->kills) / KILLS_PER_ZYGOTE > k->zygote_kills) kill_a_zygote(k);
    kill_a_worker(k);
    nap(roll(&k->random, 3000));
  }
  return NULL;
}

/* ---------------------------------------------------------------- outcomes */

struct outcomes {
  size_t results, failures, own_deaths, kills;
};

static bool is_own_death(const struct job *job, const cf_error *error) {
  int signal_number = cf_error_signal(error), exit_code = cf_error_exit_code(error);
  switch (job->way) {
  case EXITS:
  case EXITS_AT_ONCE: return signal_number == 0 && exit_code == job->detail;
  case ABORTS: return signal_number == SIGABRT;
  case SEGFAULTS:
  case OVERFLOWS: return signal_number == SIGSEGV;
  default: return false;
  }
}

/* By the killer, or with a zygote; then nobody may be left who knows the signal. */
static bool is_kill(const struct killer *k, const cf_error *error) {
  int number = cf_error_signal(error);
  bool unknown = number == 0 && cf_error_exit_code(error) == -1;
  return number == SIGKILL || number == SIGSEGV || (unknown && count_of(&k->zygote_kills) > 0);
}

static void judge_death(const struct job *job, const struct killer *k, cf_future *f,
                        struct outcomes *sum) {
  const cf_error *error = cf_future_error(f);
  if (cf_error_status(error) != CF_WORKER_DIED)
    check_fail(__FILE__, __LINE__, "not a death: %s", cf_error_message(error));
  expect_error(CF_WORKER_DIED, f);
  ASSERT(cf_error_pid(error) > 0 && cf_error_pid(error) != (int32_t)getpid());
  if (is_own_death(job, error))
    sum->own_deaths++;
  else if (is_kill(k, error))
    sum->kills++;
  else
    check_fail(__FILE__, __LINE__, "way %d, detail %d: signal %d, exit code %d: %s", job->way,
               job->detail, cf_error_signal(error), cf_error_exit_code(error),
               cf_error_message(error));
}

static void judge_result(const struct job *job, cf_future *f) {
  size_t size = 0;
  const unsigned char *bytes = cf_future_data(f, &size);
  ASSERT_EQ_INT(RETURNS, job->way);
  ASSERT_EQ_SIZE(job->result_bytes, size);
  for (size_t i = 0; i < size; i++) ASSERT(bytes[i] == byte_of(~job->seed, i));
}

static void judge(const struct job *job, const struct killer *k, cf_future *f,
                  struct outcomes *sum) {
  cf_status status = cf_future_result(f, CF_FOREVER, NULL, NULL);
  if (status == CF_OK) {
    judge_result(job, f);
    sum->results++;
  } else if (status == CF_TASK_FAILED) {
    ASSERT_EQ_INT(FAILS, job->way);
    ASSERT_EQ_INT(job->detail, cf_error_code(cf_future_error(f)));
    sum->failures++;
  } else {
    judge_death(job, k, f, sum);
  }
  cf_future_release(f);
}

/* ---------------------------------------------------------------- the storm */

/* What was killed last may still be dying: until a whole round of tasks is well. */
static void await_calm(cf_executor *pool) {
  for (size_t well = 0, round = 0; well < 100; round++) {
    cf_future *fs[100];
    well = 0;
    ASSERT(round < 1000);
    for (int32_t i = 0; i < 100; i++) fs[i] = submit_value(pool, i);
    for (int i = 0; i < 100; i++) well += cf_future_result(fs[i], CF_FOREVER, NULL, NULL) == CF_OK;
    cf_futures_release(fs, 100);
  }
}

static bool is_over(const struct killer *k, size_t tasks, size_t submitted) {
  const char *text = getenv("CF_TEST_KILLS");
  const int kills = text != NULL ? atoi(text) : 0;
  return submitted >= tasks && count_of(&k->kills) >= kills &&
         count_of(&k->zygote_kills) >= kills / KILLS_PER_ZYGOTE;
}

/* Gives the number of tasks. */
static size_t ride_out(cf_executor *pool, struct killer *k, size_t tasks, struct outcomes *sum) {
  static struct job jobs[IN_FLIGHT];
  static cf_future *fs[IN_FLIGHT];
  uint64_t random = first_random(1);
  size_t submitted = 0, judged = 0;
  while (!is_over(k, tasks, submitted)) {
    const size_t at = submitted % IN_FLIGHT;
    if (submitted - judged == IN_FLIGHT) {
      judge(&jobs[at], k, fs[at], sum);
      judged++;
    }
    jobs[at] = roll_job(&random);
    fs[at] = submit_job(pool, &jobs[at]);
    submitted++;
  }
  for (; judged < submitted; judged++)
    judge(&jobs[judged % IN_FLIGHT], k, fs[judged % IN_FLIGHT], sum);
  return submitted;
}

CF_TEST_PLAIN(a_storm_of_kills) {
  cf_executor *pool = make_executor(WORKERS);
  struct killer k = { first_random(2), 0, 0, 0 };
  struct outcomes sum = { 0, 0, 0, 0 };
  int32_t pids[WORKERS];
  collect_pids(pool, pids, WORKERS);
  pthread_t thread = start_thread(kill_around, &k);
  const size_t tasks = ride_out(pool, &k, scaled(20000), &sum);
  count_up(&k.stop);
  join_thread(thread);
  ASSERT_EQ_SIZE(tasks, sum.results + sum.failures + sum.own_deaths + sum.kills);
  ASSERT(cf_executor_error(pool) == NULL);
  await_calm(pool);
  collect_pids(pool, pids, WORKERS); /* all of them at the same time */
  cf_executor_free(pool);
  printf("        %zu results, %zu failures, %zu own deaths, %zu of %d kills met a task, "
         "%d zygotes killed\n",
         sum.results, sum.failures, sum.own_deaths, sum.kills, k.kills, k.zygote_kills);
}
