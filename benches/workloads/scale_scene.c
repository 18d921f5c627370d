/*
 * Pools whose workers can be held at a gate, their tasks, and rows with a relative cost: for scale.c.
 *
 * The gate is a pair of semaphores, for processes in the pool's shared memory, which has the same
 * address in every worker. Workers of a process pool are forked.
 */
#define _POSIX_C_SOURCE 200809L

#include "scale.h"

#include <errno.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct gate {
  sem_t reached, open, done;
  uint64_t opened_ns, done_ns; /* of the worker's thread */
};

static void down(sem_t *sem) {
  while (sem_wait(sem) != 0)
    if (errno != EINTR) bench_die("sem_wait: %s", strerror(errno));
}

void scale_must(cf_status status, const char *what) {
  if (status != CF_OK)
    bench_die("%s: %s: %s", what, cf_status_name(status), cf_status_message(status));
}

uint64_t bench_thread_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------------------------- tasks */

static int32_t noop_task(cf_task *task, void *arg, size_t size) {
  uint64_t result = bench_noop(*(const uint64_t *)arg);
  (void)size;
  return cf_task_return(task, &result, sizeof result);
}

static int32_t work_task(cf_task *task, void *arg, size_t size) {
  double value = 1;
  (void)size;
  for (uint64_t us = *(const uint64_t *)arg; us > 0; us--) value = bench_one_us(value);
  uint64_t result = (uint64_t)value;
  return cf_task_return(task, &result, sizeof result);
}

static int32_t gate_task(cf_task *task, void *arg, size_t size) {
  struct gate *gate = *(struct gate **)arg;
  (void)task, (void)size;
  sem_post(&gate->reached);
  down(&gate->open);
  gate->opened_ns = bench_thread_ns();
  return 0;
}

static int32_t last_task(cf_task *task, void *arg, size_t size) {
  struct gate *gate = *(struct gate **)arg;
  (void)task, (void)size;
  gate->done_ns = bench_thread_ns();
  sem_post(&gate->done);
  return 0;
}

static cf_future *submit(cf_executor *pool, cf_task_fn fn, const void *arg, size_t size) {
  cf_future *future;
  scale_must(cf_executor_submit(pool, fn, arg, size, &future), "cf_executor_submit");
  return future;
}

cf_future *submit_noop(cf_executor *pool, uint64_t number) {
  return submit(pool, noop_task, &number, sizeof number);
}

cf_future *submit_work(cf_executor *pool, uint64_t microseconds) {
  return submit(pool, work_task, &microseconds, sizeof microseconds);
}

uint64_t take_result(cf_future *future) {
  uint64_t value;
  scale_must(cf_future_result_into(future, CF_FOREVER, &value, sizeof value),
             "cf_future_result_into");
  cf_future_release(future);
  return value;
}

/* -------------------------------------------------------------------------------------- scene */

static cf_executor *open_pool(enum kind kind, unsigned workers) {
  cf_options *options;
  cf_executor *pool;
  cf_error *error = NULL;
  scale_must(cf_options_new(&options), "cf_options_new");
  scale_must(cf_options_set_max_workers(options, workers), "cf_options_set_max_workers");
  if (kind == PROCESSES)
    scale_must(cf_options_set_start_method(options, CF_START_FORK), "cf_options_set_start_method");
  cf_status status = kind == PROCESSES ? cf_process_pool_new_with(options, &pool, &error)
                                       : cf_thread_pool_new_with(options, &pool, &error);
  if (status != CF_OK)
    bench_die("no pool of %u: %s: %s", workers, cf_status_name(status), cf_error_message(error));
  cf_options_free(options);
  return pool;
}

struct scene scene_open(enum kind kind, unsigned workers) {
  struct scene s = { open_pool(kind, workers), workers, kind, NULL };
  void *memory = NULL;
  if (kind == PROCESSES)
    scale_must(cf_executor_shared_alloc(s.pool, sizeof(struct gate), &memory),
               "cf_executor_shared_alloc");
  else
    memory = bench_alloc(sizeof(struct gate));
  s.gate = memory;
  if (sem_init(&s.gate->reached, kind == PROCESSES, 0) != 0 ||
      sem_init(&s.gate->open, kind == PROCESSES, 0) != 0 ||
      sem_init(&s.gate->done, kind == PROCESSES, 0) != 0)
    bench_die("sem_init: %s", strerror(errno));
  return s;
}

void scene_close(struct scene *s) {
  if (s->kind == PROCESSES)
    cf_executor_shared_free(s->pool, s->gate);
  else
    free(s->gate);
  cf_executor_free(s->pool);
}

struct held gate_close(const struct scene *s, unsigned workers) {
  struct held held;
  held.count = workers;
  for (unsigned i = 0; i < workers; i++)
    held.tasks[i] = submit(s->pool, gate_task, &s->gate, sizeof s->gate);
  for (unsigned i = 0; i < workers; i++) down(&s->gate->reached);
  return held;
}

void gate_let_go(const struct scene *s, struct held *held) {
  held->tasks[held->count] = submit(s->pool, last_task, &s->gate, sizeof s->gate);
  for (unsigned i = 0; i < held->count; i++) sem_post(&s->gate->open);
}

uint64_t gate_wait(const struct scene *s, struct held *held) {
  down(&s->gate->done);
  for (unsigned i = 0; i <= held->count; i++)
    scale_must(cf_future_result(held->tasks[i], CF_FOREVER, NULL, NULL), "cf_future_result");
  cf_futures_release(held->tasks, held->count + 1);
  return s->gate->done_ns - s->gate->opened_ns;
}

uint64_t gate_open(const struct scene *s, struct held *held) {
  gate_let_go(s, held);
  return gate_wait(s, held);
}

/* --------------------------------------------------------------------------------------- rows */

struct row row_of(const struct bench_run *run, enum kind kind, double *base, const char *format,
                  ...) {
  struct row row = { .run = run, .base = base, .rep = 0 };
  int used =
      snprintf(row.name, sizeof row.name, "cfutures%s, ", kind == PROCESSES ? " processes" : "");
  va_list args;
  va_start(args, format);
  vsnprintf(row.name + used, sizeof row.name - (size_t)used, format, args);
  va_end(args);
  return row;
}

double *row_bases(const struct bench_run *run) {
  double *base = calloc(run->reps, sizeof *base);
  if (!base) bench_die("out of memory");
  return base;
}

const struct row *row_next(struct row *row) {
  row->rep++;
  return row;
}

void row_emit(const struct row *row, const char *metric, double value) {
  bench_emit(row->run->workload, row->name, metric, value);
}

void row_emit_cost(const struct row *row, const char *metric, double value) {
  if (row->base[row->rep - 1] == 0) row->base[row->rep - 1] = value;
  row_emit(row, metric, value);
  row_emit(row, "relative", value / row->base[row->rep - 1]);
}
