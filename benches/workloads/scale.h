/*
 * What scale.c is made of: pools of either kind whose workers can be held at a gate, and rows of
 * figures that know their cost relative to the first row. Written out in scale_scene.c.
 */
#ifndef SCALE_H
#define SCALE_H

#include "bench.h"

#include <cfutures.h>

enum kind { THREADS, PROCESSES };

/* Lies where workers of either kind see it. */
struct gate;

struct scene {
  cf_executor *pool;
  unsigned workers;
  enum kind kind;
  struct gate *gate;
};

struct scene scene_open(enum kind kind, unsigned workers);
void scene_close(struct scene *s);

/* The tasks that hold workers, and the one that comes after all others. */
struct held {
  cf_future *tasks[257];
  unsigned count;
};

/* So many workers are at the gate when it returns: those of the pool that run something. */
struct held gate_close(const struct scene *s, unsigned workers);

/* Lets them go, and returns when all that was queued before has run. With one worker, gives the
 * processor time that this took of it. */
uint64_t gate_open(const struct scene *s, struct held *held);

/* The same in two steps. */
void gate_let_go(const struct scene *s, struct held *held);
uint64_t gate_wait(const struct scene *s, struct held *held);

cf_future *submit_noop(cf_executor *pool, uint64_t number);
cf_future *submit_work(cf_executor *pool, uint64_t microseconds);
uint64_t take_result(cf_future *future); /* and releases it */
void scale_must(cf_status status, const char *what);

uint64_t bench_thread_ns(void); /* processor time of the calling thread */

/* One row of a table. */
struct row {
  const struct bench_run *run;
  char name[64];
  double *base; /* per repetition the cost of the table's first row, 0 until it is known */
  unsigned rep;
};

double *row_bases(const struct bench_run *run);

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
struct row
row_of(const struct bench_run *run, enum kind kind, double *base, const char *format, ...);

/* Goes to the next repetition. */
const struct row *row_next(struct row *row);
void row_emit(const struct row *row, const char *metric, double value);
/* Emits the value, and it relative to that of the first row. */
void row_emit_cost(const struct row *row, const char *metric, double value);

#endif
