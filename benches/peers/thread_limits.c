/*
 * What the machine itself needs for the same work (T1 to T7): threads that share memory and a futex,
 * and nothing of a pool: no futures, no choice of a worker, no cancelling.
 *
 * T2: a word to sleep on. T4, T5: the work in pieces, one or several for each thread, without tasks.
 * T6: what one task must remember. T1, T3, T7 are in ring_limits.c.
 * Rows whose name begins with "limit" are not ranked with the peers: report.py compares with them.
 */
#define _GNU_SOURCE
#define WORD_FUTEX_FLAG FUTEX_PRIVATE_FLAG

#include "bench.h"
#include "ring_limits.h"
#include "word.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
  TASKS = 1000000,
  HOT_TRIPS = 50000,
  ASLEEP_TRIPS = 2000,
  PAUSE_NS = 300000,
  SPIN_NS = 20000,
  GANG_SPIN_NS = 200000,
  MAX_WORKERS = 64,
  LEAF_DEPTH = 6 /* fib is cut into 2^6 pieces */
};

static void start_thread(pthread_t *thread, void *(*body)(void *), void *arg) {
  if (pthread_create(thread, NULL, body, arg) != 0) bench_die("pthread_create failed");
}

/* ------------------------------------------------------------------------------------- T2, T2i */

struct line {
  struct word to, from;
  uint64_t value;
  uint64_t spin_ns;
};

static void *answer(void *arg) {
  struct line *line = arg;
  for (uint32_t turn = 1;; turn++) {
    await(&line->to, turn, line->spin_ns);
    if (line->value == UINT64_MAX) return NULL;
    line->value = bench_noop(line->value);
    post(&line->from, turn);
  }
}

static void ping_pong(const struct bench_run *run, const char *row, uint64_t spin_ns, size_t count,
                      long pause_ns) {
  struct line line = { .spin_ns = spin_ns };
  uint64_t *taken = bench_alloc(count * sizeof *taken);
  uint32_t turn = 0;
  pthread_t thread;
  start_thread(&thread, answer, &line);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t sum = 0, start = bench_now_ns();
    double cpu = bench_cpu_seconds();
    for (size_t i = 0; i < count; i++) {
      if (pause_ns > 0) bench_pause_ns(pause_ns);
      uint64_t before = bench_now_ns();
      line.value = i;
      post(&line.to, ++turn);
      await(&line.from, turn, spin_ns);
      taken[i] = bench_now_ns() - before;
      sum += line.value;
    }
    double cores = (bench_cpu_seconds() - cpu) * 1e9 / (double)(bench_now_ns() - start);
    if (sum != bench_noop_sum(count)) bench_die("%s: a wrong sum", run->workload);
    if (rep == 0) continue;
    bench_emit_percentiles(run->workload, row, taken, count);
    bench_emit(run->workload, row, "cores", cores);
  }
  line.value = UINT64_MAX;
  post(&line.to, turn + 1);
  pthread_join(thread, NULL);
  free(taken);
}

static void hot(const struct bench_run *run) {
  ping_pong(run, "limit: futex", 0, HOT_TRIPS, 0);
  ping_pong(run, "limit: 20 us spin, then futex", SPIN_NS, HOT_TRIPS, 0);
}

static void asleep(const struct bench_run *run) {
  ping_pong(run, "limit: futex", 0, ASLEEP_TRIPS, PAUSE_NS);
  ping_pong(run, "limit: 20 us spin, then futex", SPIN_NS, ASLEEP_TRIPS, PAUSE_NS);
}

/* -------------------------------------------------------------------------------------- T4, T5 */

/* Threads that each do a share of one job: the caller is one of them. Between jobs they stay awake
 * for a while, and sleep then: the serial loop that a speed-up refers to has the machine to itself. */
struct gang {
  unsigned workers;
  void (*job)(struct gang *gang, unsigned share);
  const double *in;
  double *out;
  size_t count;
  bench_item_fn item;
  unsigned fib_n;
  unsigned next_leaf;
  uint64_t sum;
  uint32_t turn;
  struct member {
    struct word to, from;
    struct gang *gang;
    unsigned share;
    pthread_t thread;
  } members[MAX_WORKERS];
};

static void *member_main(void *arg) {
  struct member *m = arg;
  for (uint32_t turn = 1;; turn++) {
    await(&m->to, turn, GANG_SPIN_NS);
    if (!m->gang->job) return NULL;
    m->gang->job(m->gang, m->share);
    post(&m->from, turn);
  }
}

static void *open_gang(unsigned workers) {
  struct gang *gang = bench_alloc(sizeof *gang);
  memset(gang, 0, sizeof *gang);
  gang->workers = workers < MAX_WORKERS ? workers : MAX_WORKERS;
  for (unsigned i = 1; i < gang->workers; i++) {
    gang->members[i].gang = gang;
    gang->members[i].share = i;
    start_thread(&gang->members[i].thread, member_main, &gang->members[i]);
  }
  return gang;
}

static void run_gang(struct gang *gang, void (*job)(struct gang *gang, unsigned share)) {
  gang->job = job;
  gang->turn++;
  for (unsigned i = 1; i < gang->workers; i++) post(&gang->members[i].to, gang->turn);
  if (job) job(gang, 0);
  for (unsigned i = 1; job && i < gang->workers; i++)
    await(&gang->members[i].from, gang->turn, GANG_SPIN_NS);
}

static void close_gang(void *state) {
  struct gang *gang = state;
  run_gang(gang, NULL);
  for (unsigned i = 1; i < gang->workers; i++) pthread_join(gang->members[i].thread, NULL);
  free(gang);
}

static void piece_of_loop(struct gang *gang, unsigned share) {
  size_t end = gang->count * (share + 1) / gang->workers;
  for (size_t i = gang->count * share / gang->workers; i < end; i++)
    gang->out[i] = gang->item(gang->in[i]);
}

static void run_pieces(void *state, const double *in, double *out, size_t count,
                       bench_item_fn item) {
  struct gang *gang = state;
  gang->in = in;
  gang->out = out;
  gang->count = count;
  gang->item = item;
  run_gang(gang, piece_of_loop);
}

__attribute__((noinline)) static uint64_t plain_fib(unsigned n) {
  return n < 2 ? n : plain_fib(n - 1) + plain_fib(n - 2);
}

/* The tree of calls is cut at a depth: bit by bit a leaf's number says which half to go into. What
 * has ended above that depth belongs to the leaf whose further bits are all 0. */
static uint64_t leaf_of_fib(unsigned n, unsigned leaf) {
  for (int level = 0; level < LEAF_DEPTH; level++, leaf >>= 1) {
    if (n < 2) return leaf == 0 ? n : 0;
    n -= 1 + (leaf & 1);
  }
  return plain_fib(n);
}

static void leaves_of_fib(struct gang *gang, unsigned share) {
  uint64_t sum = 0;
  unsigned leaf;
  (void)share;
  while ((leaf = __atomic_fetch_add(&gang->next_leaf, 1, __ATOMIC_RELAXED)) < 1u << LEAF_DEPTH)
    sum += leaf_of_fib(gang->fib_n, leaf);
  __atomic_fetch_add(&gang->sum, sum, __ATOMIC_RELAXED);
}

static uint64_t run_fib(void *state, unsigned n) {
  struct gang *gang = state;
  gang->fib_n = n;
  gang->next_leaf = 0;
  gang->sum = 0;
  run_gang(gang, leaves_of_fib);
  return gang->sum;
}

static void with_gang(const struct bench_run *run, void (*workload)(const struct bench_run *run)) {
  static const struct bench_loop loop = { "limit: a piece for each thread", run_pieces };
  static const struct bench_fork fork = { "limit: calls, no tasks", run_fib };
  const struct bench_peer gang = {
    .name = "limits of threads",
    .version = "",
    .open = open_gang,
    .close = close_gang,
    .loops = &loop,
    .loop_count = 1,
    .forks = &fork,
    .fork_count = 1,
  };
  struct bench_run with = *run;
  with.peer = &gang;
  workload(&with);
}

static void cheap_items(const struct bench_run *run) {
  with_gang(run, bench_cheap_items);
}

static void one_us_items(const struct bench_run *run) {
  with_gang(run, bench_one_us_items);
}

static void fib(const struct bench_run *run) {
  with_gang(run, bench_fib);
}

/* ------------------------------------------------------------------------------------------ T6 */

static void memory(const struct bench_run *run) {
  struct least {
    bench_fn fn;
    uint64_t value;
    uint32_t state;
  };
  double before = bench_resident_bytes();
  struct least *tasks = bench_alloc(TASKS * sizeof *tasks);
  bench_emit(run->workload, "limit: function, value, state", "B/pending",
             (bench_resident_bytes() - before) / TASKS);
  free(tasks);
}

int main(int argc, char **argv) {
  static const struct bench_case cases[] = {
    { "T1", ring_throughput },
    { "T2", hot },
    { "T2i", asleep },
    { "T3", ring_submitters },
    { "T4a", cheap_items },
    { "T4b", one_us_items },
    { "T5", fib },
    { "T6", memory },
    { "T7", ring_completions },
  };
  return bench_cases_main(argc, argv, "limits of threads", "", cases,
                          sizeof cases / sizeof cases[0]);
}
