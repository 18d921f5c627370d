/*
 * The workloads of pools: throughput, latency, several submitters, memory, completion order.
 *
 * Each is written once, over struct bench_peer, and checks the sum of all results. The first pass
 * of each is a warm-up that is not reported. Called by bench_main().
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

enum {
  THROUGHPUT_TASKS = 1000000,
  HOT_TRIPS = 50000,
  ASLEEP_TRIPS = 2000,
  PAUSE_NS = 300000,
  SUBMITTERS = 4,
  PENDING_FUTURES = 1000000,
  COMPLETIONS = 100000,
  CALLS = 50000
};

/* Room for a handle of any peer. */
struct handle {
  void *words[2];
};

static void check_sum(const struct bench_run *run, uint64_t sum, uint64_t expected) {
  if (sum != expected)
    bench_die("%s, %s: the results add up to %llu, not to %llu", run->workload, run->peer->name,
              (unsigned long long)sum, (unsigned long long)expected);
}

static void emit(const struct bench_run *run, const char *metric, double value) {
  bench_emit(run->workload, run->peer->name, metric, value);
}

/* A span of wall time and CPU time. */
struct span {
  uint64_t ns;
  double cpu_s;
};

static struct span span_start(void) {
  struct span s = { bench_now_ns(), bench_cpu_seconds() };
  return s;
}

static struct span span_end(struct span start) {
  struct span s = { bench_now_ns() - start.ns, bench_cpu_seconds() - start.cpu_s };
  return s;
}

static void emit_rate(const struct bench_run *run, size_t tasks, struct span taken) {
  emit(run, "Mtask/s", (double)tasks * 1e3 / (double)taken.ns);
  emit(run, "cpu_us/task", taken.cpu_s * 1e6 / (double)tasks);
}

static uint64_t submit_and_collect(const struct bench_peer *peer, void *pool, char *handles,
                                   size_t count) {
  size_t size = peer->handle_size;
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) peer->submit(pool, bench_noop, i, handles + i * size);
  for (size_t i = 0; i < count; i++) sum += peer->result(pool, handles + i * size);
  return sum;
}

/* T1: one thread submits all tasks, then takes all results. */
void bench_throughput(const struct bench_run *run) {
  void *pool = run->peer->open(run->workers);
  char *handles = bench_alloc(THROUGHPUT_TASKS * run->peer->handle_size);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    struct span start = span_start();
    uint64_t sum = submit_and_collect(run->peer, pool, handles, THROUGHPUT_TASKS);
    struct span taken = span_end(start);
    check_sum(run, sum, bench_noop_sum(THROUGHPUT_TASKS));
    if (rep > 0) emit_rate(run, THROUGHPUT_TASKS, taken);
  }
  free(handles);
  run->peer->close(pool);
}

static void round_trips(const struct bench_run *run, size_t count, long pause_ns) {
  const struct bench_peer *peer = run->peer;
  void *pool = peer->open(run->workers);
  uint64_t *taken = bench_alloc(count * sizeof *taken);
  struct handle handle;
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t sum = 0;
    struct span start = span_start();
    for (size_t i = 0; i < count; i++) {
      if (pause_ns > 0) bench_pause_ns(pause_ns);
      uint64_t before = bench_now_ns();
      peer->submit(pool, bench_noop, i, &handle);
      sum += peer->result(pool, &handle);
      taken[i] = bench_now_ns() - before;
    }
    struct span all = span_end(start);
    check_sum(run, sum, bench_noop_sum(count));
    if (rep == 0) continue;
    bench_emit_percentiles(run->workload, run->peer->name, taken, count);
    emit(run, "cores", all.cpu_s * 1e9 / (double)all.ns);
  }
  free(taken);
  peer->close(pool);
}

/* T2: submit one task and wait for it, again and again. */
void bench_latency_hot(const struct bench_run *run) {
  round_trips(run, HOT_TRIPS, 0);
}

/* T2i: the same, with a pause before each task, long enough for every worker to fall asleep. */
void bench_latency_asleep(const struct bench_run *run) {
  round_trips(run, ASLEEP_TRIPS, PAUSE_NS);
}

struct submitter {
  const struct bench_peer *peer;
  void *pool;
  char *handles;
  size_t count;
  uint64_t sum;
  pthread_t thread;
};

static void *submitter_main(void *arg) {
  struct submitter *s = arg;
  s->sum = submit_and_collect(s->peer, s->pool, s->handles, s->count);
  return NULL;
}

/* T3: four threads submit a quarter of the tasks each, and take their own results. */
void bench_submitters(const struct bench_run *run) {
  enum { SHARE = THROUGHPUT_TASKS / SUBMITTERS };
  struct submitter submitters[SUBMITTERS];
  void *pool = run->peer->open(run->workers);
  char *handles = bench_alloc(THROUGHPUT_TASKS * run->peer->handle_size);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    struct span start = span_start();
    for (int k = 0; k < SUBMITTERS; k++) {
      struct submitter *s = &submitters[k];
      s->peer = run->peer;
      s->pool = pool;
      s->handles = handles + (size_t)k * SHARE * run->peer->handle_size;
      s->count = SHARE;
      if (pthread_create(&s->thread, NULL, submitter_main, s) != 0)
        bench_die("pthread_create failed");
    }
    uint64_t sum = 0;
    for (int k = 0; k < SUBMITTERS; k++) {
      pthread_join(submitters[k].thread, NULL);
      sum += submitters[k].sum;
    }
    struct span taken = span_end(start);
    check_sum(run, sum, SUBMITTERS * bench_noop_sum(SHARE));
    if (rep > 0) emit_rate(run, THROUGHPUT_TASKS, taken);
  }
  free(handles);
  run->peer->close(pool);
}

/* The gate that keeps all workers busy while T6 and T8 fill the pool behind them. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned inside;
  int open;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };

static uint64_t wait_at_gate(uint64_t arg) {
  pthread_mutex_lock(&gate.lock);
  gate.inside++;
  pthread_cond_broadcast(&gate.changed);
  while (!gate.open) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
  return arg;
}

/* Returns when every worker stands at the gate. */
static char *shut_gate(const struct bench_run *run, void *pool) {
  size_t size = run->peer->handle_size;
  char *gates = bench_alloc(run->workers * size);
  gate.inside = 0;
  gate.open = 0;
  for (unsigned i = 0; i < run->workers; i++)
    run->peer->submit(pool, wait_at_gate, 0, gates + i * size);
  pthread_mutex_lock(&gate.lock);
  while (gate.inside < run->workers) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
  return gates;
}

static void open_gate(const struct bench_run *run, void *pool, char *gates) {
  pthread_mutex_lock(&gate.lock);
  gate.open = 1;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
  for (unsigned i = 0; i < run->workers; i++)
    run->peer->result(pool, gates + i * run->peer->handle_size);
  free(gates);
}

/* T6: how much the process grows per future that is submitted and not yet started. */
void bench_memory(const struct bench_run *run) {
  const struct bench_peer *peer = run->peer;
  void *pool = peer->open(run->workers);
  size_t size = peer->handle_size;
  char *handles = bench_alloc(PENDING_FUTURES * size); /* touched: it does not count */
  peer->submit(pool, bench_noop, 0, handles);
  peer->result(pool, handles);
  char *gates = shut_gate(run, pool);

  double before = bench_resident_bytes();
  for (size_t i = 0; i < PENDING_FUTURES; i++)
    peer->submit(pool, bench_noop, i, handles + i * size);
  emit(run, "B/pending", (bench_resident_bytes() - before) / PENDING_FUTURES);

  open_gate(run, pool, gates);
  uint64_t sum = 0;
  for (size_t i = 0; i < PENDING_FUTURES; i++) sum += peer->result(pool, handles + i * size);
  check_sum(run, sum, bench_noop_sum(PENDING_FUTURES));
  free(handles);
  peer->close(pool);
}

/* T8: what submitting and taking themselves need: nobody is woken by the submit, as all workers
 * stand at the gate, and nothing is waited for by the taking, as the last task has ended. Processor
 * time, as nobody else works meanwhile, but for collectors of garbage. */
void bench_calls(const struct bench_run *run) {
  const struct bench_peer *peer = run->peer;
  void *pool = peer->open(run->workers);
  size_t size = peer->handle_size;
  char *handles = bench_alloc(CALLS * size);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    char *gates = shut_gate(run, pool);
    double start = bench_cpu_seconds();
    for (size_t i = 0; i < CALLS; i++) peer->submit(pool, bench_noop, i, handles + i * size);
    double submit = (bench_cpu_seconds() - start) * 1e9 / CALLS;
    open_gate(run, pool, gates);
    uint64_t sum = peer->result(pool, handles + (CALLS - 1) * size);
    start = bench_cpu_seconds();
    for (size_t i = 0; i < CALLS - 1; i++) sum += peer->result(pool, handles + i * size);
    double take = (bench_cpu_seconds() - start) * 1e9 / (CALLS - 1);
    check_sum(run, sum, bench_noop_sum(CALLS));
    if (rep == 0) continue;
    emit(run, "cpu_ns/task", submit + take);
    emit(run, "submit_ns", submit);
    emit(run, "take_ns", take);
  }
  free(handles);
  peer->close(pool);
}

/* The completion queue of the peers that have none. It has room for every task of T7. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  size_t taken;
  size_t added;
  uint32_t index[COMPLETIONS];
} completed = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, { 0 } };

static uint64_t noop_and_report(uint64_t arg) {
  pthread_mutex_lock(&completed.lock);
  completed.index[completed.added++] = (uint32_t)arg;
  pthread_cond_signal(&completed.filled);
  pthread_mutex_unlock(&completed.lock);
  return bench_noop(arg);
}

static size_t next_completed(void) {
  pthread_mutex_lock(&completed.lock);
  while (completed.taken == completed.added) pthread_cond_wait(&completed.filled, &completed.lock);
  size_t index = completed.index[completed.taken++];
  pthread_mutex_unlock(&completed.lock);
  return index;
}

static uint64_t collect_as_reported(const struct bench_peer *peer, void *pool, char *handles) {
  size_t size = peer->handle_size;
  uint64_t sum = 0;
  completed.taken = completed.added = 0; /* nothing runs yet */
  for (size_t i = 0; i < COMPLETIONS; i++)
    peer->submit(pool, noop_and_report, i, handles + i * size);
  for (size_t i = 0; i < COMPLETIONS; i++)
    sum += peer->result(pool, handles + next_completed() * size);
  return sum;
}

/* T7: submit, then take the results in the order in which they become ready. */
void bench_completions(const struct bench_run *run) {
  const struct bench_peer *peer = run->peer;
  void *pool = peer->open(run->workers);
  char *handles = bench_alloc(COMPLETIONS * peer->handle_size);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    struct span start = span_start();
    uint64_t sum = peer->as_completed ? peer->as_completed(pool, COMPLETIONS)
                                      : collect_as_reported(peer, pool, handles);
    struct span taken = span_end(start);
    check_sum(run, sum, bench_noop_sum(COMPLETIONS));
    if (rep > 0) emit_rate(run, COMPLETIONS, taken);
  }
  free(handles);
  peer->close(pool);
}
