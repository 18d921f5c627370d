/*
 * What the parts of bench-instructions share: counting, the gate at which a worker waits, and
 * dying. Used by instructions.c, processes.c and closures.cpp.
 */
#ifndef COUNTING_H
#define COUNTING_H

#include <cfutures.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A part that is counted: its name, how many operations it has, and what instructions.py does:
 * WHOLE  if it comes several times, the counts are added up: each is a share of the operations;
 * LOOP   the same, and the cost of the loop of count_each() is taken off;
 * ROUND  as LOOP, but the median of the counts is taken: each is all of the operations. */
struct part {
  const char *name;
  size_t operations;
  enum { WHOLE, LOOP, ROUND } kind;
};

/* What the calling thread runs from begin() to end() is counted. NULL: nobody wants to know. */
void begin(void);
void end(const struct part *part);

/* Counts function(0) to function(part->operations - 1). */
void count_each(const struct part *part, void (*function)(size_t i));

/* Before this, and after it with 0, parts run and are not counted. */
void count_from_here_on(int on);

/* A place where a worker waits, of this process or of another one that shares the memory. */
struct gate {
  sem_t reached, open, done;
};

void gate_init(struct gate *gate, int shared);
/* By the worker. */
void gate_pass(struct gate *gate);
void gate_done(struct gate *gate);
/* By the program. */
void gate_wait_until_reached(struct gate *gate);
void gate_wait_until_done(struct gate *gate);
/* Lets the worker through, and waits until it says that it is done. */
void gate_open(struct gate *gate);

void must(cf_status status);
void die(const char *why);

/* processes.c. Begin: first thing in main(), where a worker process goes no further. */
void processes_begin(void);
void processes_open(const char *program);
void processes_run_all(void);
void processes_close(void);

/* instructions.c. The worker of its pool is busy between the two; what is queued meanwhile it runs
 * in open_gate(), counted as that part. */
void close_gate(void);
void open_gate(const struct part *part);

/* closures.cpp, with the pool of instructions.c. */
void closures_run_all(cf_executor *executor);

#ifdef __cplusplus
}
#endif

#endif
