/* Peer: OpenMP, for loops (a static schedule, its fastest for equal items) and nested tasks. */
#include "bench.h"

#include <omp.h>
#include <stdio.h>

/* OpenMP's threads belong to the process: there is nothing to make or free. */
static void *open_team(unsigned workers) {
  omp_set_num_threads((int)workers);
  return NULL;
}

static void close_team(void *team) {
  (void)team;
}

static void run_static(void *team, const double *in, double *out, size_t count,
                       bench_item_fn item) {
  (void)team;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < count; i++) out[i] = item(in[i]);
}

static uint64_t fib(unsigned n) {
  if (n < 2) return n;
  uint64_t left, right;
#pragma omp task shared(left)
  left = fib(n - 1);
  right = fib(n - 2);
#pragma omp taskwait
  return left + right;
}

static uint64_t run_fib(void *team, unsigned n) {
  uint64_t value = 0;
  (void)team;
#pragma omp parallel
#pragma omp single
  value = fib(n);
  return value;
}

int main(int argc, char **argv) {
  static const struct bench_loop loops[] = { { "OpenMP static", run_static } };
  static const struct bench_fork forks[] = { { "OpenMP tasks", run_fib } };
  char version[32];
  snprintf(version, sizeof version, "specification %d", _OPENMP);
  const struct bench_peer peer = {
    .name = "OpenMP",
    .version = version,
    .open = open_team,
    .close = close_team,
    .loops = loops,
    .loop_count = 1,
    .forks = forks,
    .fork_count = 1,
  };
  return bench_main(argc, argv, &peer);
}
