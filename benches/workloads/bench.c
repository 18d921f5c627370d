/*
 * The main function behind every benchmark program, the work of the tasks, and the clock.
 *
 * The work functions stand in a file of their own so that no compiler inlines them into a peer's
 * loop: each item is one real call for everybody.
 */
#define _DEFAULT_SOURCE

#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ONE_US_STEPS = 700 }; /* fixed, not calibrated: the work must be equal in every process */

struct workload {
  const char *name;
  void (*run)(const struct bench_run *run);
  enum { NEEDS_POOL, NEEDS_LOOP, NEEDS_FORK } needs;
};

static const struct workload workloads[] = {
  { "T1", bench_throughput, NEEDS_POOL },
  { "T2", bench_latency_hot, NEEDS_POOL },
  { "T2i", bench_latency_asleep, NEEDS_POOL },
  { "T3", bench_submitters, NEEDS_POOL },
  { "T4a", bench_cheap_items, NEEDS_LOOP },
  { "T4b", bench_one_us_items, NEEDS_LOOP },
  { "T5", bench_fib, NEEDS_FORK },
  { "T6", bench_memory, NEEDS_POOL },
  { "T7", bench_completions, NEEDS_POOL },
  { "T8", bench_calls, NEEDS_POOL },
};
enum { WORKLOAD_COUNT = sizeof workloads / sizeof workloads[0] };

uint64_t bench_noop(uint64_t arg) {
  return arg + 1;
}

double bench_cheap(double item) {
  return item * item + 1;
}

double bench_one_us(double item) {
  uint64_t x = (uint64_t)item | 1;
  for (int i = 0; i < ONE_US_STEPS; i++)
    x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(x >> 40);
}

uint64_t bench_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

double bench_cpu_seconds(void) {
  struct rusage u;
  if (getrusage(RUSAGE_SELF, &u) != 0) bench_die("getrusage failed");
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

double bench_resident_bytes(void) {
  long total = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2) bench_die("cannot read /proc/self/statm");
  fclose(f);
  return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

void bench_emit(const char *workload, const char *name, const char *metric, double value) {
  printf("R\t%s\t%s\t%s\t%.6g\n", workload, name, metric, value);
  fflush(stdout);
}

void *bench_alloc(size_t bytes) {
  void *p = malloc(bytes);
  if (!p) bench_die("out of memory: %zu bytes", bytes);
  return memset(p, 1, bytes); /* not 0: malloc and memset to 0 may become a calloc, untouched */
}

void bench_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("benchmark: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(3);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

void bench_emit_percentiles(const char *workload, const char *name, uint64_t *ns, size_t count) {
  qsort(ns, count, sizeof *ns, by_value);
  bench_emit(workload, name, "p50_us", (double)ns[count / 2] / 1e3);
  bench_emit(workload, name, "p99_us", (double)ns[count * 99 / 100] / 1e3);
}

void bench_pause_ns(long ns) {
  struct timespec pause = { 0, ns };
  nanosleep(&pause, NULL);
}

size_t bench_big_bytes(void) {
  unsigned long long available = 0;
  char line[128];
  FILE *f = fopen("/proc/meminfo", "r");
  if (!f) bench_die("cannot read /proc/meminfo");
  while (fgets(line, sizeof line, f) && sscanf(line, "MemAvailable: %llu", &available) != 1)
    ;
  fclose(f);
  return (size_t)(available > (6 << 20) ? 2 : 1) << 30; /* the file counts KiB */
}

void *bench_ballast(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) bench_die("out of memory: %zu bytes", bytes);
  madvise(p, bytes, MADV_NOHUGEPAGE);
  return memset(p, 1, bytes);
}

uint64_t bench_noop_sum(uint64_t count) {
  return count * (count - 1) / 2 + count;
}

static int can_run(const struct bench_peer *peer, const struct workload *w) {
  switch (w->needs) {
  case NEEDS_POOL: return peer->submit != NULL;
  case NEEDS_LOOP: return peer->loop_count > 0;
  case NEEDS_FORK: return peer->fork_count > 0;
  }
  return 0;
}

/* First line: name and version. Second line: the workloads. Read by run.py. */
static void list(const struct bench_peer *peer) {
  printf("%s\t%s\n", peer->name, peer->version);
  for (int i = 0; i < WORKLOAD_COUNT; i++)
    if (can_run(peer, &workloads[i])) printf("%s ", workloads[i].name);
  putchar('\n');
}

static unsigned number(int argc, char **argv, int at, unsigned otherwise) {
  if (at >= argc) return otherwise;
  char *end;
  unsigned long v = strtoul(argv[at], &end, 10);
  if (*end || end == argv[at] || v == 0 || v > 1000)
    bench_die("not a number from 1 to 1000: %s", argv[at]);
  return (unsigned)v;
}

/* Fills in run from the arguments. Returns 0 if they are none that a program takes. */
static int parse(int argc, char **argv, struct bench_run *run) {
  if (argc < 2 || argc > 5) {
    fprintf(stderr, "usage: %s WORKLOAD [REPS [WORKERS [FIB_N]]] | --list\n", argv[0]);
    return 0;
  }
  run->workload = argv[1];
  run->reps = number(argc, argv, 2, 3);
  run->workers = number(argc, argv, 3, 2);
  run->fib_n = number(argc, argv, 4, 22);
  return 1;
}

int bench_main(int argc, char **argv, const struct bench_peer *peer) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list(peer);
    return 0;
  }
  struct bench_run run = { .peer = peer };
  if (!parse(argc, argv, &run)) return 2;
  for (int i = 0; i < WORKLOAD_COUNT; i++) {
    if (strcmp(workloads[i].name, run.workload) == 0 && can_run(peer, &workloads[i])) {
      workloads[i].run(&run);
      return 0;
    }
  }
  fprintf(stderr, "%s does not run a workload %s\n", peer->name, run.workload);
  return 2;
}

int bench_cases_main(int argc, char **argv, const char *name, const char *version,
                     const struct bench_case *cases, size_t count) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    printf("%s\t%s\n", name, version);
    for (size_t i = 0; i < count; i++) printf("%s ", cases[i].workload);
    putchar('\n');
    return 0;
  }
  struct bench_run run = { .peer = NULL };
  if (!parse(argc, argv, &run)) return 2;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(cases[i].workload, run.workload) == 0) {
      cases[i].run(&run);
      return 0;
    }
  }
  fprintf(stderr, "%s does not run a workload %s\n", name, run.workload);
  return 2;
}
