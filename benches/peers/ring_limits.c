/*
 * The limits of T1, T3 and T7: a bounded ring between threads that are awake, as fast as a queue can
 * be that every task passes. Called by thread_limits.c.
 */
#define _GNU_SOURCE

#include "ring_limits.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum {
  TASKS = 1000000,
  COMPLETIONS = 100000,
  RING_CELLS = 1024,
  SUBMITTERS = 4,
  MAX_WORKERS = 64,
  PATIENCE = 1000 /* looks at a full or empty ring before the processor goes to somebody else */
};

static void check_sum(const struct bench_run *run, uint64_t sum, uint64_t expected) {
  if (sum != expected) bench_die("%s: a wrong sum", run->workload);
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *arg) {
  if (pthread_create(thread, NULL, body, arg) != 0) bench_die("pthread_create failed");
}

/* Called after each look in vain. */
static void wait_a_little(unsigned *looks) {
  if (++*looks % PATIENCE == 0) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct slot {
  bench_fn fn;
  uint64_t value; /* the argument, later the result */
  uint32_t done;  /* the round in which the result came */
};

/* D. Vyukov's bounded queue: a ticket for each push and pop, and a number in each cell that says
 * whose turn it is. */
struct ring {
  struct cell {
    size_t turn;
    struct slot *slot;
    char pad[48];
  } * cells;
  size_t mask;
  char pad1[112];
  size_t pushed;
  char pad2[120];
  size_t popped;
  char pad3[120];
};

static struct ring *ring_new(size_t cells) {
  struct ring *r = bench_alloc(sizeof *r);
  r->cells = bench_alloc(cells * sizeof *r->cells);
  for (size_t i = 0; i < cells; i++) r->cells[i].turn = i;
  r->mask = cells - 1;
  r->pushed = r->popped = 0;
  return r;
}

static void ring_free(struct ring *r) {
  free(r->cells);
  free(r);
}

/* Waits until a cell is free or filled for this thread: its turn is `offset` past the ticket. */
static struct cell *ring_cell(struct ring *r, size_t *ticket, size_t offset, size_t *at) {
  unsigned looks = 0;
  for (;;) {
    *at = __atomic_load_n(ticket, __ATOMIC_RELAXED);
    struct cell *c = &r->cells[*at & r->mask];
    if (__atomic_load_n(&c->turn, __ATOMIC_ACQUIRE) != *at + offset)
      wait_a_little(&looks);
    else if (__atomic_compare_exchange_n(ticket, at, *at + 1, 0, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED))
      return c;
  }
}

static void ring_push(struct ring *r, struct slot *slot) {
  size_t at;
  struct cell *c = ring_cell(r, &r->pushed, 0, &at);
  c->slot = slot;
  __atomic_store_n(&c->turn, at + 1, __ATOMIC_RELEASE);
}

static struct slot *ring_pop(struct ring *r) {
  size_t at;
  struct cell *c = ring_cell(r, &r->popped, 1, &at);
  struct slot *slot = c->slot;
  __atomic_store_n(&c->turn, at + r->mask + 1, __ATOMIC_RELEASE);
  return slot;
}

/* ------------------------------------------------------------------------------ tasks and results */

/* Tasks travel through one ring to the workers; results stay in the slots, and are named in the
 * other ring if there is one. */
struct lane {
  struct ring *tasks;
  struct ring *results;
  uint32_t round;
  unsigned workers;
  pthread_t threads[MAX_WORKERS];
};

static void *lane_worker(void *arg) {
  struct lane *lane = arg;
  struct slot *s;
  while ((s = ring_pop(lane->tasks)) != NULL) {
    s->value = s->fn(s->value);
    if (lane->results)
      ring_push(lane->results, s);
    else
      __atomic_store_n(&s->done, lane->round, __ATOMIC_RELEASE);
  }
  return NULL;
}

static void lane_open(struct lane *lane, unsigned workers, struct ring *results) {
  lane->tasks = ring_new(RING_CELLS);
  lane->results = results;
  lane->round = 0;
  lane->workers = workers;
  for (unsigned i = 0; i < workers; i++) start_thread(&lane->threads[i], lane_worker, lane);
}

static void lane_close(struct lane *lane) {
  for (unsigned i = 0; i < lane->workers; i++) ring_push(lane->tasks, NULL);
  for (unsigned i = 0; i < lane->workers; i++) pthread_join(lane->threads[i], NULL);
  ring_free(lane->tasks);
}

static void lane_submit(struct lane *lane, struct slot *slots, size_t count) {
  for (size_t i = 0; i < count; i++) {
    slots[i].fn = bench_noop;
    slots[i].value = i;
    ring_push(lane->tasks, &slots[i]);
  }
}

static uint64_t lane_collect(const struct lane *lane, const struct slot *slots, size_t count) {
  uint64_t sum = 0;
  unsigned looks = 0;
  for (size_t i = 0; i < count; i++) {
    while (__atomic_load_n(&slots[i].done, __ATOMIC_ACQUIRE) != lane->round) wait_a_little(&looks);
    sum += slots[i].value;
  }
  return sum;
}

static void emit_rate(const struct bench_run *run, const char *row, size_t tasks, uint64_t ns,
                      double cpu) {
  bench_emit(run->workload, row, "Mtask/s", (double)tasks * 1e3 / (double)ns);
  bench_emit(run->workload, row, "cpu_us/task", cpu * 1e6 / (double)tasks);
}

/* T1: one thread to one other. A third would only take turns with them on two processors. */
void ring_throughput(const struct bench_run *run) {
  struct slot *slots = bench_alloc(TASKS * sizeof *slots);
  struct lane lane;
  lane_open(&lane, 1, NULL);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    double cpu = bench_cpu_seconds();
    uint64_t start = bench_now_ns();
    lane.round = rep + 1;
    lane_submit(&lane, slots, TASKS);
    check_sum(run, lane_collect(&lane, slots, TASKS), bench_noop_sum(TASKS));
    uint64_t ns = bench_now_ns() - start;
    if (rep > 0) emit_rate(run, "limit: ring to a thread", TASKS, ns, bench_cpu_seconds() - cpu);
  }
  lane_close(&lane);
  free(slots);
}

struct submitter {
  struct lane *lane;
  struct slot *slots;
  uint64_t sum;
  pthread_t thread;
};

static void *submitter_main(void *arg) {
  struct submitter *s = arg;
  lane_submit(s->lane, s->slots, TASKS / SUBMITTERS);
  s->sum = lane_collect(s->lane, s->slots, TASKS / SUBMITTERS);
  return NULL;
}

/* T3: four threads to all workers. */
void ring_submitters(const struct bench_run *run) {
  struct slot *slots = bench_alloc(TASKS * sizeof *slots);
  struct submitter from[SUBMITTERS];
  struct lane lane;
  lane_open(&lane, run->workers < MAX_WORKERS ? run->workers : MAX_WORKERS, NULL);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t sum = 0;
    double cpu = bench_cpu_seconds();
    uint64_t start = bench_now_ns();
    lane.round = rep + 1;
    for (int k = 0; k < SUBMITTERS; k++) {
      from[k].lane = &lane;
      from[k].slots = slots + (size_t)k * (TASKS / SUBMITTERS);
      start_thread(&from[k].thread, submitter_main, &from[k]);
    }
    for (int k = 0; k < SUBMITTERS; k++) {
      pthread_join(from[k].thread, NULL);
      sum += from[k].sum;
    }
    uint64_t ns = bench_now_ns() - start;
    check_sum(run, sum, SUBMITTERS * bench_noop_sum(TASKS / SUBMITTERS));
    if (rep > 0) emit_rate(run, "limit: ring to all", TASKS, ns, bench_cpu_seconds() - cpu);
  }
  lane_close(&lane);
  free(slots);
}

/* T7: one thread to one other, and back in the order of completion. */
void ring_completions(const struct bench_run *run) {
  struct slot *slots = bench_alloc(COMPLETIONS * sizeof *slots);
  struct ring *back = ring_new(1 << 17); /* never full */
  struct lane lane;
  lane_open(&lane, 1, back);
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    uint64_t sum = 0;
    double cpu = bench_cpu_seconds();
    uint64_t start = bench_now_ns();
    lane_submit(&lane, slots, COMPLETIONS);
    for (size_t i = 0; i < COMPLETIONS; i++) sum += ring_pop(back)->value;
    uint64_t ns = bench_now_ns() - start;
    check_sum(run, sum, bench_noop_sum(COMPLETIONS));
    if (rep > 0)
      emit_rate(run, "limit: ring there and back", COMPLETIONS, ns, bench_cpu_seconds() - cpu);
  }
  lane_close(&lane);
  ring_free(back);
  free(slots);
}
