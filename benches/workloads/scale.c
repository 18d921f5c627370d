/*
 * How the library's cost per task grows with the number of pending tasks, of workers, and of futures
 * that are waited for at once (S1 to S7). Flat is what is wanted: each row shows its cost relative to
 * the first one, in the same process.
 *
 * The public header and the library only. A pool's workers wait at a gate while tasks pile up, so the
 * parts of a task's life are measured one after the other. Every result is checked.
 */
#define _POSIX_C_SOURCE 200809L

#include "scale.h"

#include <stdlib.h>

enum {
  /* At least so many tasks make one repetition, so that small numbers repeat as well as large ones. */
  LEAST_TASKS = 500000,
  LEAST_TASKS_FAR = 50000,
  NOOPS = 300000,
  NOOPS_FAR = 50000,
  WORKS = 4000,
  WORK_US = 10,
  LEAST_FUTURES = 100000,
  MOST_FUTURES = 1000000
};

/* ---------------------------------------------------------------------- S1, S6: pending tasks */

/* Processor time of the caller, of the worker, and of the caller again. */
struct phases {
  uint64_t submit_ns, worker_ns, result_ns;
};

static void add_pass(const struct scene *s, cf_future **futures, size_t n, struct phases *sum) {
  struct held held = gate_close(s, 1);
  uint64_t start = bench_thread_ns(), total = 0;
  for (size_t i = 0; i < n; i++) futures[i] = submit_noop(s->pool, i);
  sum->submit_ns += bench_thread_ns() - start;
  sum->worker_ns += gate_open(s, &held);
  start = bench_thread_ns();
  for (size_t i = 0; i < n; i++) total += take_result(futures[i]);
  sum->result_ns += bench_thread_ns() - start;
  if (total != bench_noop_sum(n)) bench_die("wrong results with %zu pending tasks", n);
}

static void emit_phases(const struct row *row, const struct phases *sum, double tasks) {
  double all = (double)(sum->submit_ns + sum->worker_ns + sum->result_ns);
  row_emit_cost(row, "ns/task", all / tasks);
  row_emit(row, "submit_ns", (double)sum->submit_ns / tasks);
  row_emit(row, "worker_ns", (double)sum->worker_ns / tasks);
  row_emit(row, "result_ns", (double)sum->result_ns / tasks);
}

static void pending(const struct bench_run *run, enum kind kind, size_t most, size_t least_tasks) {
  struct scene s = scene_open(kind, 1);
  cf_future **futures = bench_alloc(most * sizeof *futures);
  double *base = row_bases(run);
  int power = 3;
  for (size_t n = 1000; n <= most; n *= 10, power++) {
    struct row row = row_of(run, kind, base, "10^%d pending", power);
    size_t passes = n < least_tasks ? least_tasks / n : 1;
    for (unsigned rep = 0; rep <= run->reps; rep++) {
      struct phases sum = { 0, 0, 0 };
      for (size_t i = 0; i < passes; i++) add_pass(&s, futures, n, &sum);
      if (rep > 0) emit_phases(row_next(&row), &sum, (double)(n * passes));
    }
  }
  free(base);
  free(futures);
  scene_close(&s);
}

static void thread_pending(const struct bench_run *run) {
  pending(run, THREADS, 10000000, LEAST_TASKS);
}

static void process_pending(const struct bench_run *run) {
  pending(run, PROCESSES, 1000000, LEAST_TASKS_FAR);
}

/* ---------------------------------------------------------------------------- S2, S7: workers */

static double ns_per_noop(const struct scene *s, cf_future **futures, size_t n) {
  uint64_t start = bench_now_ns(), total = 0;
  for (size_t i = 0; i < n; i++) futures[i] = submit_noop(s->pool, i);
  for (size_t i = 0; i < n; i++) total += take_result(futures[i]);
  if (total != bench_noop_sum(n)) bench_die("wrong results with %u workers", s->workers);
  return (double)(bench_now_ns() - start) / (double)n;
}

static double us_per_work(const struct scene *s, cf_future **futures) {
  uint64_t start = bench_now_ns();
  for (size_t i = 0; i < WORKS; i++) futures[i] = submit_work(s->pool, WORK_US);
  for (size_t i = 0; i < WORKS; i++) take_result(futures[i]);
  return (double)(bench_now_ns() - start) / 1e3 / WORKS;
}

static void workers(const struct bench_run *run, enum kind kind, const unsigned *numbers,
                    size_t noops) {
  cf_future **futures = bench_alloc(noops * sizeof *futures);
  double *base = row_bases(run);
  for (; *numbers > 0; numbers++) {
    struct row row = row_of(run, kind, base, "%u worker%s", *numbers, *numbers > 1 ? "s" : "");
    struct scene s = scene_open(kind, *numbers);
    /* Every worker exists before the clock starts. */
    struct held held = gate_close(&s, *numbers);
    gate_open(&s, &held);
    for (unsigned rep = 0; rep <= run->reps; rep++) {
      double cpu = bench_cpu_seconds(), ns = ns_per_noop(&s, futures, noops);
      cpu = (bench_cpu_seconds() - cpu) * 1e9 / (double)noops;
      double us = us_per_work(&s, futures);
      if (rep == 0) continue;
      row_emit_cost(row_next(&row), "ns/task", ns);
      row_emit(&row, "cpu_ns", cpu);
      row_emit(&row, "us/10us-task", us);
    }
    scene_close(&s);
  }
  free(base);
  free(futures);
}

static void thread_workers(const struct bench_run *run) {
  static const unsigned numbers[] = { 1, 2, 4, 16, 64, 256, 0 };
  workers(run, THREADS, numbers, NOOPS);
}

static void process_workers(const struct bench_run *run) {
  static const unsigned numbers[] = { 1, 2, 4, 16, 64, 0 };
  workers(run, PROCESSES, numbers, NOOPS_FAR);
}

/* ---------------------------------------------------------------------- S3 to S5: many futures */

/* What a wait for n futures, pending at its start, costs: processor time of the caller, and how long
 * the worker takes for the tasks. */
struct costs {
  uint64_t first_ns, second_ns, worker_ns;
};

struct wait {
  void (*add)(const struct scene *s, struct held *held, cf_future **futures, size_t n,
              struct costs *sum);
  const char *first, *second; /* what the two parts are called; the cost is their sum */
};

/* The first call, while tasks run, and one when all are done. */
static void wait_all(const struct scene *s, struct held *held, cf_future **futures, size_t n,
                     struct costs *sum) {
  gate_let_go(s, held);
  uint64_t start = bench_thread_ns();
  scale_must(cf_wait(futures, n, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL), "cf_wait");
  sum->first_ns += bench_thread_ns() - start;
  sum->worker_ns += gate_wait(s, held);
  start = bench_thread_ns();
  scale_must(cf_wait(futures, n, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL), "cf_wait");
  sum->second_ns += bench_thread_ns() - start;
}

static uint64_t wait_in_vain(cf_future **futures, size_t n) {
  uint64_t start = bench_thread_ns();
  /* Enough for a look at each; the time is up when it has registered with all. */
  int64_t timeout = 1000000 + 1000 * (int64_t)n;
  cf_status status = cf_wait(futures, n, timeout, CF_FIRST_COMPLETED, NULL, NULL);
  if (status != CF_TIMEOUT) bench_die("cf_wait: %s", cf_status_name(status));
  return bench_thread_ns() - start;
}

/* All are pending: it registers with each, sleeps until it times out, and withdraws. The first such
 * wait makes what each future needs for it, later ones find it. */
static void wait_first(const struct scene *s, struct held *held, cf_future **futures, size_t n,
                       struct costs *sum) {
  sum->first_ns += wait_in_vain(futures, n);
  sum->second_ns += wait_in_vain(futures, n);
  sum->worker_ns += gate_open(s, held);
}

/* An iterator over all, from its making to its end. */
static void as_completed(const struct scene *s, struct held *held, cf_future **futures, size_t n,
                         struct costs *sum) {
  cf_completions *it;
  cf_future *future;
  size_t came = 0;
  uint64_t start = bench_thread_ns();
  scale_must(cf_as_completed(futures, n, CF_FOREVER, &it), "cf_as_completed");
  sum->first_ns += bench_thread_ns() - start;
  sum->worker_ns += gate_open(s, held);
  start = bench_thread_ns();
  while (cf_completions_next(it, NULL, &future) == CF_OK) came++;
  cf_completions_free(it);
  sum->second_ns += bench_thread_ns() - start;
  if (came != n) bench_die("cf_completions_next: %zu of %zu futures", came, n);
}

static void add_wait(const struct scene *s, const struct wait *wait, cf_future **futures, size_t n,
                     struct costs *sum) {
  struct held held = gate_close(s, 1);
  for (size_t i = 0; i < n; i++) futures[i] = submit_noop(s->pool, i);
  wait->add(s, &held, futures, n, sum);
  cf_futures_release(futures, n);
}

static void emit_costs(const struct row *row, const struct wait *wait, const struct costs *sum,
                       double futures) {
  row_emit_cost(row, "ns/future", (double)(sum->first_ns + sum->second_ns) / futures);
  row_emit(row, wait->first, (double)sum->first_ns / futures);
  row_emit(row, wait->second, (double)sum->second_ns / futures);
  row_emit(row, "worker_ns", (double)sum->worker_ns / futures);
}

static void many(const struct bench_run *run, const struct wait *wait) {
  struct scene s = scene_open(THREADS, 1);
  cf_future **futures = bench_alloc(MOST_FUTURES * sizeof *futures);
  double *base = row_bases(run);
  int power = 3;
  for (size_t n = 1000; n <= MOST_FUTURES; n *= 10, power++) {
    struct row row = row_of(run, THREADS, base, "10^%d futures", power);
    size_t passes = n < LEAST_FUTURES ? LEAST_FUTURES / n : 1;
    for (unsigned rep = 0; rep <= run->reps; rep++) {
      struct costs sum = { 0, 0, 0 };
      for (size_t i = 0; i < passes; i++) add_wait(&s, wait, futures, n, &sum);
      if (rep > 0) emit_costs(row_next(&row), wait, &sum, (double)(n * passes));
    }
  }
  free(base);
  free(futures);
  scene_close(&s);
}

static void many_all(const struct bench_run *run) {
  many(run, &(struct wait){ wait_all, "wait_ns", "done_ns" });
}

static void many_first(const struct bench_run *run) {
  many(run, &(struct wait){ wait_first, "first_ns", "again_ns" });
}

static void many_completed(const struct bench_run *run) {
  many(run, &(struct wait){ as_completed, "new_ns", "next_ns" });
}

int main(int argc, char **argv) {
  static const struct bench_case cases[] = {
    { "S1", thread_pending },  { "S2", thread_workers }, { "S3", many_all },
    { "S4", many_first },      { "S5", many_completed }, { "S6", process_pending },
    { "S7", process_workers },
  };
  return bench_cases_main(argc, argv, "cfutures scale", cf_version_string(), cases,
                          sizeof cases / sizeof *cases);
}
