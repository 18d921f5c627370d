/*
 * The workloads of loops and of nested tasks: T4a, T4b and T5.
 *
 * Each way to run a loop is checked against a serial loop, item by item; the serial loop just
 * before it, in the same process, is also what the speed-up refers to. Called by bench_main().
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { CHEAP_ITEMS = 10000000, ONE_US_ITEMS = 100000, FIB_RUNS_PER_REP = 10 };

struct items {
  double *in, *out, *expected;
  size_t count;
  bench_item_fn item;
};

static struct items items_new(size_t count, bench_item_fn item) {
  struct items it = { bench_alloc(count * sizeof(double)), bench_alloc(count * sizeof(double)),
                      bench_alloc(count * sizeof(double)), count, item };
  for (size_t i = 0; i < count; i++) it.in[i] = (double)(i & 1023);
  return it;
}

static void items_free(struct items *it) {
  free(it->in);
  free(it->out);
  free(it->expected);
}

/* Times one loop. out is cleared just before, so that nothing left by an earlier pass can look like
 * a result, and so that the caches are in the same state for every loop. */
static double timed_ms(const struct bench_loop *loop, void *state, struct items *it) {
  memset(it->out, 0, it->count * sizeof *it->out);
  uint64_t start = bench_now_ns();
  loop->run(state, it->in, it->out, it->count, it->item);
  return (double)(bench_now_ns() - start) / 1e6;
}

static void run_serial(void *state, const double *in, double *out, size_t count,
                       bench_item_fn item) {
  (void)state;
  for (size_t i = 0; i < count; i++) out[i] = item(in[i]);
}

static void measure_loop(const struct bench_run *run, const struct bench_loop *loop, void *state,
                         struct items *it) {
  static const struct bench_loop serial = { "serial", run_serial };
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    double serial_ms = timed_ms(&serial, NULL, it);
    memcpy(it->expected, it->out, it->count * sizeof *it->out);
    double ms = timed_ms(loop, state, it);
    if (memcmp(it->out, it->expected, it->count * sizeof *it->out) != 0)
      bench_die("%s, %s: wrong results", run->workload, loop->name);
    if (rep == 0) continue;
    bench_emit(run->workload, loop->name, "ms", ms);
    bench_emit(run->workload, loop->name, "speed-up", serial_ms / ms);
  }
}

static void measure_all_loops(const struct bench_run *run, size_t count, bench_item_fn item) {
  struct items it = items_new(count, item);
  void *state = run->peer->open(run->workers);
  for (size_t i = 0; i < run->peer->loop_count; i++)
    measure_loop(run, &run->peer->loops[i], state, &it);
  run->peer->close(state);
  items_free(&it);
}

/* T4a: 10 million items of about a nanosecond: what the loop itself costs. */
void bench_cheap_items(const struct bench_run *run) {
  measure_all_loops(run, CHEAP_ITEMS, bench_cheap);
}

/* T4b: 100,000 items of about a microsecond: whether both processors work to the end. */
void bench_one_us_items(const struct bench_run *run) {
  measure_all_loops(run, ONE_US_ITEMS, bench_one_us);
}

/* T5: nested tasks that wait for tasks. A call of fib(n) leads to 2 * fib(n + 1) - 1 calls. */
void bench_fib(const struct bench_run *run) {
  if (run->fib_n > 45) bench_die("T5: fib(%u) is too large", run->fib_n);
  uint64_t expected = 0, next = 1;
  for (unsigned i = 0; i < run->fib_n; i++) {
    uint64_t sum = expected + next;
    expected = next;
    next = sum;
  }
  double calls = (double)(2 * next - 1) * FIB_RUNS_PER_REP;
  void *state = run->peer->open(run->workers);
  for (size_t k = 0; k < run->peer->fork_count; k++) {
    const struct bench_fork *fork = &run->peer->forks[k];
    for (unsigned rep = 0; rep <= run->reps; rep++) {
      double cpu = bench_cpu_seconds();
      uint64_t start = bench_now_ns();
      for (int i = 0; i < FIB_RUNS_PER_REP; i++)
        if (fork->fib(state, run->fib_n) != expected)
          bench_die("T5, %s: fib(%u) is wrong", fork->name, run->fib_n);
      double ns = (double)(bench_now_ns() - start);
      cpu = bench_cpu_seconds() - cpu;
      if (rep == 0) continue;
      bench_emit(run->workload, fork->name, "ns/call", ns / calls);
      bench_emit(run->workload, fork->name, "cpu_ns/call", cpu * 1e9 / calls);
    }
  }
  run->peer->close(state);
}
