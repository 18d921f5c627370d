/*
 * What every benchmark program shares: the description of a peer, the work that the tasks do, the
 * clock and the output lines.
 *
 * A program describes itself in one struct bench_peer and passes it to bench_main(), which runs the
 * workload named on the command line. All peers go through the same function pointers, so the cost
 * of the indirect call is the same for all of them. Programs about processes have cases instead.
 *
 * Used by: workloads/cfutures.c and workloads/processes.c (the library) and every program in peers/.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The work of one task, and of one item of a loop. */
typedef uint64_t (*bench_fn)(uint64_t arg);
typedef double (*bench_item_fn)(double item);

uint64_t bench_noop(uint64_t arg); /* arg + 1 */
double bench_cheap(double item);   /* item * item + 1 */
double bench_one_us(double item);  /* a fixed chain of multiplications, about 1 us */

/* A way to run a loop: out[i] = item(in[i]) for all i below count. state comes from open(). */
struct bench_loop {
  const char *name;
  void (*run)(void *state, const double *in, double *out, size_t count, bench_item_fn item);
};

/* A way to compute the Fibonacci number n where every call above 1 makes at least one task. */
struct bench_fork {
  const char *name;
  uint64_t (*fib)(void *state, unsigned n);
};

/* Everything that a program can do. Whatever it cannot do is NULL, or has a count of 0. */
struct bench_peer {
  const char *name;
  const char *version;
  void *(*open)(unsigned workers);
  void (*close)(void *state);
  /* A pool: submit writes a handle of handle_size bytes, 8 or 16, as a program would hold it: a
   * pointer, or a future that is a value. result waits for the task and ends the handle. */
  size_t handle_size;
  void (*submit)(void *state, bench_fn fn, uint64_t arg, void *handle);
  uint64_t (*result)(void *state, void *handle);
  /* Submits bench_noop(0) to bench_noop(count - 1), takes the results in completion order and
   * returns their sum. NULL for a pool without such a call: a queue with a mutex stands in. */
  uint64_t (*as_completed)(void *state, size_t count);
  const struct bench_loop *loops;
  size_t loop_count;
  const struct bench_fork *forks;
  size_t fork_count;
};

/* Arguments: WORKLOAD [REPS [WORKERS [FIB_N]]], or --list. Returns the exit code of the program. */
int bench_main(int argc, char **argv, const struct bench_peer *peer);

/* ----------------------------------------------------------------- programs with work of their own */

struct bench_run;

/* A workload that a program writes itself, as those of process pools: there a task is a function in
 * another process, and nothing of struct bench_peer holds. */
struct bench_case {
  const char *workload;
  void (*run)(const struct bench_run *run);
};

/* As bench_main(), for a program with cases of its own. */
int bench_cases_main(int argc, char **argv, const char *name, const char *version,
                     const struct bench_case *cases, size_t count);

/* ------------------------------------------------------------- for the workloads and the peers */

struct bench_run {
  const struct bench_peer *peer; /* NULL in a program with cases of its own */
  const char *workload;
  unsigned reps;
  unsigned workers;
  unsigned fib_n;
};

/* bench_pools.c */
void bench_throughput(const struct bench_run *run);     /* T1 */
void bench_latency_hot(const struct bench_run *run);    /* T2 */
void bench_latency_asleep(const struct bench_run *run); /* T2i */
void bench_submitters(const struct bench_run *run);     /* T3 */
void bench_memory(const struct bench_run *run);         /* T6 */
void bench_completions(const struct bench_run *run);    /* T7 */
void bench_calls(const struct bench_run *run);          /* T8 */

/* bench_loops.c */
void bench_cheap_items(const struct bench_run *run);  /* T4a */
void bench_one_us_items(const struct bench_run *run); /* T4b */
void bench_fib(const struct bench_run *run);          /* T5 */

uint64_t bench_now_ns(void);    /* monotonic */
double bench_cpu_seconds(void); /* of the whole process, all threads */
double bench_resident_bytes(void);

/* Prints one result line: R, workload, name of the peer, metric, value, parted by tabs. */
void bench_emit(const char *workload, const char *name, const char *metric, double value);

/* Sorts the times and prints their median and 99th percentile in microseconds. */
void bench_emit_percentiles(const char *workload, const char *name, uint64_t *ns, size_t count);

void bench_pause_ns(long ns);

/* How much memory a big process has in P4g: 2 GiB, or 1 GiB where little is free; and that much
 * memory of this process, touched, in pages of the usual size. Freed with munmap(). */
size_t bench_big_bytes(void);
void *bench_ballast(size_t bytes);

/* What bench_noop(0) to bench_noop(count - 1) add up to. */
uint64_t bench_noop_sum(uint64_t count);

/* malloc that cannot fail and whose pages have been touched. */
void *bench_alloc(size_t bytes);

/* Says what went wrong and ends the program with code 3: a wrong result is no measurement. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
void bench_die(const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
