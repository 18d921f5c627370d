/*
 * What the machine itself needs for the same work (P1 to P4): two processes that share a mapping and
 * a futex, and nothing of a pool: no queue, no futures, no choice of a worker, no cancelling.
 *
 * Rows whose name begins with "limit" are not ranked with the peers: report.py compares with them.
 */
#define _GNU_SOURCE
#define WORD_FUTEX_FLAG 0

#include "bench.h"
#include "word.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  HOT_TRIPS = 20000,
  ASLEEP_TRIPS = 2000,
  PAUSE_NS = 500000,
  SPIN_NS = 20000,
  TASKS = 100000,
  FEW_ITEMS = 100000,
  MANY_ITEMS = 1000000,
  BLOCK = 64 << 20,
  STARTS = 10,
  KILLS = 100,
  MAX_WORKERS = 64
};

extern char **environ;

/* ------------------------------------------------------------------- shared memory and children */

static void *map_shared(size_t bytes) {
  int fd = memfd_create("bench", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) bench_die("memfd_create failed");
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) bench_die("mmap failed");
  close(fd);
  return memset(p, 0, bytes); /* warm: nothing is allocated while the clock runs */
}

/* A child that ends with its parent, however that ends. Returns 0 in the child. */
static pid_t fork_child(void) {
  pid_t pid = fork();
  if (pid < 0) bench_die("fork failed");
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0)
    if (errno != EINTR) bench_die("waitpid failed");
}

static void end_child(pid_t pid) {
  kill(pid, SIGKILL);
  reap(pid);
}

static double ms_since(uint64_t start) {
  return (double)(bench_now_ns() - start) / 1e6;
}

struct line {
  struct word to;
  struct word from;
  uint64_t value;
};

/* ------------------------------------------------------------------------------------------ P1 */

static void ping_pong(const struct bench_run *run, const char *row, uint64_t spin_ns, size_t count,
                      long pause_ns) {
  struct line *line = map_shared(sizeof *line);
  uint64_t *taken = bench_alloc(count * sizeof *taken);
  pid_t pid = fork_child();
  if (pid == 0) {
    for (uint32_t turn = 1;; turn++) {
      await(&line->to, turn, spin_ns);
      line->value = bench_noop(line->value);
      post(&line->from, turn);
    }
  }
  uint32_t turn = 0;
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (size_t i = 0; i < count; i++) {
      if (pause_ns > 0) bench_pause_ns(pause_ns);
      uint64_t before = bench_now_ns();
      line->value = i;
      post(&line->to, ++turn);
      await(&line->from, turn, spin_ns);
      taken[i] = bench_now_ns() - before;
      if (line->value != i + 1) bench_die("%s: a wrong result", run->workload);
    }
    if (rep > 0) bench_emit_percentiles(run->workload, row, taken, count);
  }
  end_child(pid);
  free(taken);
  munmap(line, sizeof *line);
}

static void hot(const struct bench_run *run) {
  ping_pong(run, "limit: futex", 0, HOT_TRIPS, 0);
  ping_pong(run, "limit: 20 us spin, then futex", SPIN_NS, HOT_TRIPS, 0);
}

static void asleep(const struct bench_run *run) {
  ping_pong(run, "limit: futex", 0, ASLEEP_TRIPS, PAUSE_NS);
  ping_pong(run, "limit: 20 us spin, then futex", SPIN_NS, ASLEEP_TRIPS, PAUSE_NS);
}

/* ------------------------------------------------------------------------------------------ P2 */

/* A task and its result, in a cache line of its own as any slot has to be. Mappings are aligned. */
struct cell {
  uint64_t value;
  uint32_t state;
  char pad[52];
};

static void emit_rate(const struct bench_run *run, const char *row, size_t tasks, uint64_t start) {
  bench_emit(run->workload, row, "ktask/s", (double)tasks / ms_since(start));
}

/* One process writes tasks into cells, another answers in the same cells. Both are awake. */
static void tasks(const struct bench_run *run) {
  struct cell *cells = map_shared(TASKS * sizeof *cells);
  struct line *line = map_shared(sizeof *line);
  pid_t pid = fork_child();
  if (pid == 0) {
    for (uint32_t round = 1;; round++) {
      await(&line->to, round, 0);
      for (size_t i = 0; i < TASKS; i++) {
        while (__atomic_load_n(&cells[i].state, __ATOMIC_ACQUIRE) != 2 * round - 1) pause_cpu();
        cells[i].value = bench_noop(cells[i].value);
        __atomic_store_n(&cells[i].state, 2 * round, __ATOMIC_RELEASE);
      }
    }
  }
  for (uint32_t round = 1; round <= run->reps + 1; round++) {
    uint64_t sum = 0, start = bench_now_ns();
    post(&line->to, round);
    for (size_t i = 0; i < TASKS; i++) {
      cells[i].value = i;
      __atomic_store_n(&cells[i].state, 2 * round - 1, __ATOMIC_RELEASE);
    }
    for (size_t i = 0; i < TASKS; i++) {
      while (__atomic_load_n(&cells[i].state, __ATOMIC_ACQUIRE) != 2 * round) pause_cpu();
      sum += cells[i].value;
    }
    if (round > 1) emit_rate(run, "limit: slots, both awake", TASKS, start);
    if (sum != bench_noop_sum(TASKS)) bench_die("%s: a wrong sum", run->workload);
  }
  end_child(pid);
  munmap(line, sizeof *line);
  munmap(cells, TASKS * sizeof *cells);
}

/* The items are copied in, each process works on its part of them, and the results are added up. */
static void halves(const struct bench_run *run, size_t count) {
  uint64_t *items = map_shared(count * sizeof *items), *in = bench_alloc(count * sizeof *in);
  uint64_t *out = bench_alloc(count * sizeof *out);
  struct line *lines = map_shared(MAX_WORKERS * sizeof *lines);
  pid_t pids[MAX_WORKERS];
  size_t workers = run->workers < MAX_WORKERS ? run->workers : MAX_WORKERS;
  for (size_t i = 0; i < count; i++) in[i] = i;
  for (size_t w = 0; w < workers; w++) {
    if ((pids[w] = fork_child()) != 0) continue;
    for (uint32_t round = 1;; round++) {
      await(&lines[w].to, round, 0);
      for (size_t i = count * w / workers; i < count * (w + 1) / workers; i++)
        items[i] = bench_noop(items[i]);
      post(&lines[w].from, round);
    }
  }
  for (uint32_t round = 1; round <= run->reps + 1; round++) {
    uint64_t sum = 0, start = bench_now_ns();
    memcpy(items, in, count * sizeof *items);
    for (size_t w = 0; w < workers; w++) post(&lines[w].to, round);
    for (size_t w = 0; w < workers; w++) await(&lines[w].from, round, 0);
    memcpy(out, items, count * sizeof *items);
    for (size_t i = 0; i < count; i++) sum += out[i];
    if (round > 1) emit_rate(run, "limit: one piece for each process", count, start);
    if (sum != bench_noop_sum(count)) bench_die("%s: a wrong sum", run->workload);
  }
  for (size_t w = 0; w < workers; w++) end_child(pids[w]);
  munmap(lines, MAX_WORKERS * sizeof *lines);
  munmap(items, count * sizeof *items);
  free(out);
  free(in);
}

static void map_few(const struct bench_run *run) {
  halves(run, FEW_ITEMS);
}

static void map_many(const struct bench_run *run) {
  halves(run, MANY_ITEMS);
}

/* ------------------------------------------------------------------------------------------ P3 */

/* In, across and out again, or only across: by plain memcpy through warm shared memory. */
static void copies(const struct bench_run *run, const char *row, int in_and_out) {
  struct line *line = map_shared(sizeof *line);
  char *both = map_shared(2 * (size_t)BLOCK), *in = bench_alloc(BLOCK), *out = bench_alloc(BLOCK);
  pid_t pid = fork_child();
  if (pid == 0) {
    for (uint32_t round = 1;; round++) {
      await(&line->to, round, 0);
      memcpy(both + BLOCK, both, BLOCK);
      post(&line->from, round);
    }
  }
  for (uint32_t round = 1; round <= run->reps + 1; round++) {
    memset(in, (int)round, BLOCK);
    uint64_t start = bench_now_ns();
    if (in_and_out) memcpy(both, in, BLOCK);
    post(&line->to, round);
    await(&line->from, round, 0);
    if (in_and_out) memcpy(out, both + BLOCK, BLOCK);
    double ms = ms_since(start);
    if (in_and_out && memcmp(in, out, BLOCK) != 0) bench_die("P3: a block came back changed");
    if (round > 1) bench_emit(run->workload, row, "ms", ms);
  }
  end_child(pid);
  free(out);
  free(in);
  munmap(both, 2 * (size_t)BLOCK);
  munmap(line, sizeof *line);
}

static void copied(const struct bench_run *run) {
  copies(run, "limit: three memcpys", 1);
}

static void shared(const struct bench_run *run) {
  copies(run, "limit: one memcpy", 0);
}

/* ------------------------------------------------------------------------------------------ P4 */

static void time_starts(const struct bench_run *run, double gib) {
  static char program[] = "/bin/true";
  static char *const args[] = { program, NULL };
  for (int i = 0; i <= STARTS; i++) {
    for (int spawn = 0; spawn <= 1; spawn++) {
      const char *row = spawn ? "limit: one process, spawn" : "limit: one process, fork";
      pid_t pid;
      uint64_t start = bench_now_ns();
      if (spawn) {
        if (posix_spawn(&pid, program, NULL, NULL, args, environ) != 0)
          bench_die("posix_spawn failed");
      } else if ((pid = fork_child()) == 0) {
        _exit(0);
      }
      reap(pid);
      double ms = ms_since(start);
      if (i == 0) continue;
      bench_emit(run->workload, row, "ms", ms);
      if (gib > 0) bench_emit(run->workload, row, "GiB", gib);
    }
  }
}

static void start(const struct bench_run *run) {
  time_starts(run, 0);
}

static void start_big(const struct bench_run *run) {
  size_t bytes = bench_big_bytes();
  void *ballast = bench_ballast(bytes);
  time_starts(run, (double)bytes / (1 << 30));
  munmap(ballast, bytes);
}

/* The least that tells of a death: somebody polls the process's own descriptor. */
static void deaths(const struct bench_run *run) {
  uint64_t taken[KILLS];
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (int i = 0; i < KILLS; i++) {
      pid_t pid = fork_child();
      if (pid == 0)
        for (;;) pause();
      struct pollfd fd = { (int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0 };
      if (fd.fd < 0) bench_die("pidfd_open failed");
      bench_pause_ns(2000000);
      uint64_t before = bench_now_ns();
      kill(pid, SIGKILL);
      if (poll(&fd, 1, -1) != 1) bench_die("poll failed");
      taken[i] = bench_now_ns() - before;
      close(fd.fd);
      reap(pid);
    }
    if (rep > 0) bench_emit_percentiles(run->workload, "limit: poll of a pidfd", taken, KILLS);
  }
}

int main(int argc, char **argv) {
  static const struct bench_case cases[] = {
    { "P1", hot },       { "P1i", asleep },    { "P2", tasks },   { "P2a", map_few },
    { "P2b", map_many }, { "P2c", tasks },     { "P3", copied },  { "P3s", shared },
    { "P4", start },     { "P4g", start_big }, { "P4k", deaths },
  };
  return bench_cases_main(argc, argv, "limits of processes", "", cases,
                          sizeof cases / sizeof cases[0]);
}
