/*
 * Shows: the property that makes waiting inside pools safe, on thousands of random graphs of tasks
 * that wait for each other. Graphs without a cycle: none hangs and no wait is told of a deadlock.
 * Graphs with one: none hangs, every wait returns, and somebody is told.
 *
 * Each graph comes from a seed. A graph that fails prints it; CF_TEST_SEED=<seed> runs that graph
 * alone, a hundred times. CF_TEST_SCALE divides the number of graphs.
 */
#define _POSIX_C_SOURCE 200809L
#include "tangle.h"

#include <stdio.h>
#include <stdlib.h>

enum { GRAPHS = 2000, MOST_POOLS = 2, MOST_WORKERS = 4 };

/* Much longer than a graph takes, shorter than the watchdog: then the seed can still be printed. */
#define GRAPH_TIMEOUT ((int64_t)20 * 1000000000)

/* ---------------------------------------------------------------- random numbers, by seed alone */

/* splitmix64 */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n) { return (size_t)(next_random(state) % n); }

static bool one_in(uint64_t *state, size_t n) { return below(state, n) == 0; }

/* ---------------------------------------------------------------- graphs */

typedef struct graph {
  uint64_t seed;
  size_t pools, workers, spares;
  bool inline_wait;
  size_t count;
  task_plan plans[MOST_TASKS];
} graph;

/* A wait of any kind for up to so many of the tasks order[from] .. order[count - 1]. */
static wait_plan random_wait(uint64_t *state, const int *order, size_t from, size_t count) {
  wait_plan w = { (wait_kind)below(state, TIMED), 1, { 0 } };
  if (w.kind != RESULT) w.count = 1 + below(state, MOST_BRANCHES);
  for (size_t i = 0; i < w.count; i++) w.on[i] = order[from + below(state, count - from)];
  return w;
}

/* Who may wait for whom has nothing to do with the order of submission. */
static void shuffle(uint64_t *state, int *order, size_t n) {
  for (size_t i = 0; i < n; i++) order[i] = (int)i;
  for (size_t i = n - 1; i > 0; i--) {
    size_t k = below(state, i + 1);
    int other = order[k];
    order[k] = order[i];
    order[i] = other;
  }
}

/* A few tasks close a ring, each waiting for the next one in a way that has no other way out. */
static void close_ring(uint64_t *state, graph *g, const int *order) {
  size_t n = 1 + below(state, g->count < 4 ? g->count : 4);
  for (size_t i = 0; i < n; i++) {
    task_plan *plan = &g->plans[order[i]];
    wait_plan w = { one_in(state, 2) ? RESULT : ALL, 1, { order[(i + 1) % n] } };
    size_t place = plan->count < MOST_WAITS ? plan->count++ : below(state, MOST_WAITS);
    plan->waits[place] = w;
  }
}

/* Without a cycle, each task waits only for tasks behind it in a random order; else for any. */
static graph random_graph(uint64_t seed, bool cyclic) {
  uint64_t state = seed;
  graph g;
  int order[MOST_TASKS];
  g.seed = seed;
  g.pools = 1 + below(&state, MOST_POOLS);
  g.workers = 1 + below(&state, MOST_WORKERS);
  g.inline_wait = !one_in(&state, 4);
  g.spares = cyclic && one_in(&state, 2) ? below(&state, 3) : 64;
  g.count = 2 + below(&state, MOST_TASKS - 1);
  shuffle(&state, order, g.count);
  for (size_t i = 0; i < g.count; i++) {
    task_plan *plan = &g.plans[order[i]];
    size_t from = cyclic ? 0 : i + 1;
    plan->count = from < g.count ? below(&state, MOST_WAITS + 1) : 0;
    for (size_t w = 0; w < plan->count; w++)
      plan->waits[w] = random_wait(&state, order, from, g.count);
  }
  if (cyclic) close_ring(&state, &g, order);
  return g;
}

/* ---------------------------------------------------------------- running one */

static void fail_graph(const graph *g, const char *what) {
  check_fail(__FILE__, __LINE__, "%s: CF_TEST_SEED=%llu", what, (unsigned long long)g->seed);
}

/* Runs it; gives back how many tasks were claimed. */
static int run_graph(const graph *g, bool cyclic) {
  cf_executor *pools[MOST_POOLS];
  tangle t;
  for (size_t p = 0; p < g->pools; p++)
    pools[p] = make_pool(g->workers, g->inline_wait, g->spares);
  tangle_submit(&t, g->plans, g->count, pools, g->pools);
  tangle_open(&t);
  if (cf_wait(t.futures, g->count, GRAPH_TIMEOUT, CF_ALL_COMPLETED, NULL, NULL) != CF_OK)
    fail_graph(g, "a graph hangs");
  int deadlocks = tangle_end(&t);
  if (!cyclic && deadlocks > 0) fail_graph(g, "CF_DEADLOCK in a graph without a cycle");
  if (cyclic && deadlocks == 0) fail_graph(g, "all waits of a cycle succeeded");
  for (size_t p = 0; p < g->pools; p++) cf_executor_free(pools[p]);
  return t.claims;
}

static void run_graphs(uint64_t first_seed, bool cyclic) {
  const char *seed = getenv("CF_TEST_SEED");
  if (seed != NULL) {
    const graph g = random_graph(strtoull(seed, NULL, 10), cyclic);
    for (int i = 0; i < 100; i++) run_graph(&g, cyclic);
    return;
  }
  int claims = 0;
  for (size_t i = 0; i < scaled(GRAPHS); i++) {
    const graph g = random_graph(first_seed + i, cyclic);
    claims += run_graph(&g, cyclic);
  }
  ASSERT(claims > 0 || scaled(GRAPHS) < 50); /* else the graphs would show little */
}

CF_TEST_PLAIN(graphs_without_a_cycle_neither_hang_nor_report) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  run_graphs(1000000, false);
}

CF_TEST_PLAIN(graphs_with_a_cycle_do_not_hang) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  run_graphs(2000000, true);
}
