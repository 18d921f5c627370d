/*
 * The library's process pools under test (P1 to P4; what ends is in process_ends.c), used as any C program would use them: the
 * installed header and the shared library, nothing internal.
 *
 * Figures that do not depend on how the workers came to life are taken with forked ones, the row's
 * name says so where it matters. Every result is checked.
 */
#define _DEFAULT_SOURCE

#include "processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum {
  HOT_TRIPS = 20000,
  ASLEEP_TRIPS = 2000,
  PAUSE_NS = 500000,
  TASKS = 100000,
  FEW_ITEMS = 100000,
  MANY_ITEMS = 1000000,
  BLOCK = 64 << 20,
  STARTS = 10
};

void must(cf_status status, const char *what) {
  if (status != CF_OK)
    bench_die("%s: %s: %s", what, cf_status_name(status), cf_status_message(status));
}

cf_executor *open_pool(unsigned workers, cf_start_method method) {
  cf_options *options;
  cf_executor *pool;
  cf_error *error = NULL;
  must(cf_options_new(&options), "cf_options_new");
  must(cf_options_set_max_workers(options, workers), "cf_options_set_max_workers");
  must(cf_options_set_start_method(options, method), "cf_options_set_start_method");
  cf_status status = cf_process_pool_new_with(options, &pool, &error);
  if (status != CF_OK)
    bench_die("cf_process_pool_new_with: %s: %s", cf_status_name(status), cf_error_message(error));
  cf_options_free(options);
  return pool;
}

static int32_t noop_task(cf_task *task, void *arg, size_t size) {
  uint64_t result = bench_noop(*(const uint64_t *)arg);
  (void)size;
  return cf_task_return(task, &result, sizeof result);
}

cf_future *submit(cf_executor *pool, cf_task_fn fn, const void *arg, size_t size) {
  cf_future *future;
  must(cf_executor_submit(pool, fn, arg, size, &future), "cf_executor_submit");
  return future;
}

cf_future *submit_noop(cf_executor *pool, uint64_t arg) {
  return submit(pool, noop_task, &arg, sizeof arg);
}

uint64_t take(cf_future *future) {
  uint64_t value;
  must(cf_future_result_into(future, CF_FOREVER, &value, sizeof value), "cf_future_result_into");
  cf_future_release(future);
  return value;
}

static void check_sum(const struct bench_run *run, uint64_t sum, uint64_t count) {
  if (sum != bench_noop_sum(count))
    bench_die("%s: the results add up to %llu, not to %llu", run->workload, (unsigned long long)sum,
              (unsigned long long)bench_noop_sum(count));
}

static double ms_since(uint64_t start) {
  return (double)(bench_now_ns() - start) / 1e6;
}

/* ---------------------------------------------------------------------------- P1: a round trip */

static void round_trips(const struct bench_run *run, size_t count, long pause_ns) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  uint64_t *taken = bench_alloc(count * sizeof *taken);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
      if (pause_ns > 0) bench_pause_ns(pause_ns);
      uint64_t before = bench_now_ns();
      sum += take(submit_noop(pool, i));
      taken[i] = bench_now_ns() - before;
    }
    check_sum(run, sum, count);
    if (rep > 0) bench_emit_percentiles(run->workload, "cfutures", taken, count);
  }
  free(taken);
  cf_executor_free(pool);
}

static void hot(const struct bench_run *run) {
  round_trips(run, HOT_TRIPS, 0);
}

static void asleep(const struct bench_run *run) {
  round_trips(run, ASLEEP_TRIPS, PAUSE_NS);
}

/* ----------------------------------------------------------------------------- P2: throughput */

static void emit_rate(const struct bench_run *run, const char *row, size_t tasks, uint64_t start) {
  bench_emit(run->workload, row, "ktask/s", (double)tasks / ms_since(start));
}

static uint64_t take_all(cf_future **futures) {
  uint64_t sum = 0;
  for (size_t i = 0; i < TASKS; i++) sum += take(futures[i]);
  return sum;
}

/* One call per task, and one call for all of them. */
static void tasks(const struct bench_run *run) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  cf_future **futures = bench_alloc(TASKS * sizeof *futures);
  uint64_t *args = bench_alloc(TASKS * sizeof *args);
  for (size_t i = 0; i < TASKS; i++) args[i] = i;
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t start = bench_now_ns();
    for (size_t i = 0; i < TASKS; i++) futures[i] = submit_noop(pool, i);
    uint64_t sum = take_all(futures);
    if (rep > 0) emit_rate(run, "cfutures submit", TASKS, start);
    check_sum(run, sum, TASKS);

    start = bench_now_ns();
    must(cf_executor_submit_many(pool, noop_task, args, sizeof *args, TASKS, futures, NULL),
         "cf_executor_submit_many");
    sum = take_all(futures);
    if (rep > 0) emit_rate(run, "cfutures submit_many", TASKS, start);
    check_sum(run, sum, TASKS);
  }
  free(args);
  free(futures);
  cf_executor_free(pool);
}

static uint64_t map_through_iterator(cf_executor *pool, const uint64_t *in, size_t count,
                                     const cf_map_options *options) {
  cf_map *map;
  cf_item got;
  cf_status status;
  uint64_t sum = 0;
  must(cf_executor_map(pool, noop_task, in, sizeof *in, count, options, &map), "cf_executor_map");
  while ((status = cf_map_next(map, &got)) == CF_OK) {
    must(got.status, "an item of cf_executor_map");
    sum += *(const uint64_t *)got.data;
  }
  if (status != CF_END) must(status, "cf_map_next");
  cf_map_free(map);
  return sum;
}

static uint64_t map_into(cf_executor *pool, const uint64_t *in, uint64_t *out, size_t count,
                         const cf_map_options *options) {
  uint64_t sum = 0;
  must(cf_executor_map_into(pool, noop_task, in, sizeof *in, count, options, out, sizeof *out, NULL,
                            NULL),
       "cf_executor_map_into");
  for (size_t i = 0; i < count; i++) sum += out[i];
  return sum;
}

/* chunk 0 leaves the size of the pieces to the library. */
static void maps(const struct bench_run *run, size_t count, size_t chunk) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  uint64_t *in = bench_alloc(count * sizeof *in), *out = bench_alloc(count * sizeof *out);
  cf_map_options *options;
  must(cf_map_options_new(&options), "cf_map_options_new");
  must(cf_map_options_set_chunk_size(options, chunk), "cf_map_options_set_chunk_size");
  for (size_t i = 0; i < count; i++) in[i] = i;
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t start = bench_now_ns();
    uint64_t sum = map_into(pool, in, out, count, options);
    if (rep > 0) emit_rate(run, "cfutures map_into", count, start);
    check_sum(run, sum, count);

    start = bench_now_ns();
    sum = map_through_iterator(pool, in, count, options);
    if (rep > 0) emit_rate(run, "cfutures map", count, start);
    check_sum(run, sum, count);
  }
  cf_map_options_free(options);
  free(out);
  free(in);
  cf_executor_free(pool);
}

static void map_few(const struct bench_run *run) {
  maps(run, FEW_ITEMS, 0);
}

static void map_many(const struct bench_run *run) {
  maps(run, MANY_ITEMS, 0);
}

static void map_one_by_one(const struct bench_run *run) {
  maps(run, FEW_ITEMS, 1);
}

/* --------------------------------------------------------------------------- P3: large objects */

static int32_t echo_task(cf_task *task, void *arg, size_t size) {
  return cf_task_return(task, arg, size);
}

static int32_t echo_buffer_task(cf_task *task, void *arg, size_t size) {
  void *out = cf_task_result_buffer(task, size);
  if (!out) return 1;
  memcpy(out, arg, size);
  return 0;
}

/* Copies the first half of a piece of shared memory to its second half. */
static int32_t copy_half_task(cf_task *task, void *arg, size_t size) {
  char *both = *(char **)arg;
  (void)task, (void)size;
  memcpy(both + BLOCK, both, BLOCK);
  return 0;
}

/* The first, the last and some bytes between: enough to see that the right block came back. */
static void check_block(const struct bench_run *run, const char *block, int mark) {
  for (size_t i = 0; i < BLOCK; i += BLOCK / 16 - 1)
    if (block[i] != (char)mark) bench_die("%s: a block came back changed", run->workload);
}

/* Argument and result are copied; the last row reads the result where it lies. */
static void copied(const struct bench_run *run) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  char *in = bench_alloc(BLOCK), *out = bench_alloc(BLOCK);
  static const struct {
    const char *row;
    cf_task_fn task;
    int in_place;
  } ways[] = { { "cfutures, result buffer", echo_buffer_task, 0 },
               { "cfutures, cf_task_return", echo_task, 0 },
               { "cfutures, result read in place", echo_buffer_task, 1 } };
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
      int mark = (int)(rep * 3 + way) % 100 + 1;
      memset(in, mark, BLOCK);
      uint64_t start = bench_now_ns();
      cf_future *future = submit(pool, ways[way].task, in, BLOCK);
      const void *data = out;
      if (ways[way].in_place)
        must(cf_future_result(future, CF_FOREVER, &data, NULL), "cf_future_result");
      else
        must(cf_future_result_into(future, CF_FOREVER, out, BLOCK), "cf_future_result_into");
      double ms = ms_since(start);
      check_block(run, data, mark);
      cf_future_release(future);
      if (rep > 0) bench_emit(run->workload, ways[way].row, "ms", ms);
    }
  }
  free(out);
  free(in);
  cf_executor_free(pool);
}

/* Nothing is copied between the processes: the task works on memory that both have. */
static void shared(const struct bench_run *run) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  void *memory;
  must(cf_executor_shared_alloc(pool, 2 * (size_t)BLOCK, &memory), "cf_executor_shared_alloc");
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    memset(memory, (int)rep + 1, BLOCK);
    uint64_t start = bench_now_ns();
    cf_future *future = submit(pool, copy_half_task, &memory, sizeof memory);
    must(cf_future_result(future, CF_FOREVER, NULL, NULL), "cf_future_result");
    double ms = ms_since(start);
    check_block(run, (char *)memory + BLOCK, (int)rep + 1);
    cf_future_release(future);
    if (rep > 0) bench_emit(run->workload, "cfutures shared_alloc", "ms", ms);
  }
  cf_executor_shared_free(pool, memory);
  cf_executor_free(pool);
}

/* ----------------------------------------------------------------------- P4: starts */

static void time_starts(const struct bench_run *run, double gib) {
  static const struct {
    const char *row;
    cf_start_method method;
  } ways[] = { { "cfutures fork", CF_START_FORK }, { "cfutures spawn", CF_START_SPAWN } };
  for (int i = 0; i <= STARTS; i++) {
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
      uint64_t start = bench_now_ns();
      cf_executor *pool = open_pool(run->workers, ways[way].method);
      if (take(submit_noop(pool, 1)) != 2) bench_die("%s: a wrong result", run->workload);
      double ms = ms_since(start);
      cf_executor_free(pool);
      if (i == 0) continue;
      bench_emit(run->workload, ways[way].row, "ms", ms);
      if (gib > 0) bench_emit(run->workload, ways[way].row, "GiB", gib);
    }
  }
}

static void start(const struct bench_run *run) {
  time_starts(run, 0);
}

static void start_big(const struct bench_run *run) {
  size_t bytes = bench_big_bytes();
  void *ballast = bench_ballast(bytes);
  time_starts(run, (double)bytes / (1 << 30));
  munmap(ballast, bytes);
}

int main(int argc, char **argv) {
  static const struct bench_case cases[] = {
    { "P1", hot },          { "P1i", asleep },         { "P2", tasks },   { "P2a", map_few },
    { "P2b", map_many },    { "P2c", map_one_by_one }, { "P3", copied },  { "P3s", shared },
    { "P4", start },        { "P4g", start_big },      { "P4k", deaths }, { "P4r", replacements },
    { "P4h", host_deaths },
  };
  cf_worker_main(); /* a spawned worker goes no further */
  return bench_cases_main(argc, argv, "cfutures processes", cf_version_string(), cases,
                          sizeof cases / sizeof cases[0]);
}
