/*
 * Process pools of which something dies (P4k, P4r, P4h): a worker that runs a task, an idle one, the host.
 */
#define _GNU_SOURCE

#include "processes.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 100, HOSTS = 20 };

/* Says in shared memory who it is, and never returns. */
static int32_t wait_for_death_task(cf_task *task, void *arg, size_t size) {
  pid_t *who = *(pid_t **)arg;
  (void)task, (void)size;
  __atomic_store_n(who, getpid(), __ATOMIC_RELEASE);
  while (*who) pause();
  return 1;
}

/* P4k: from the kill of the worker that runs a task to the end of its future. */
void deaths(const struct bench_run *run) {
  cf_executor *pool = open_pool(run->workers, CF_START_FORK);
  uint64_t taken[KILLS];
  void *memory;
  must(cf_executor_shared_alloc(pool, sizeof(pid_t), &memory), "cf_executor_shared_alloc");
  pid_t *who = memory;
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (int i = 0; i < KILLS; i++) {
      pid_t pid;
      __atomic_store_n(who, 0, __ATOMIC_RELEASE);
      cf_future *future = submit(pool, wait_for_death_task, &memory, sizeof memory);
      while ((pid = __atomic_load_n(who, __ATOMIC_ACQUIRE)) == 0) bench_pause_ns(50000);
      bench_pause_ns(2000000); /* the worker that came for the last one has settled as well */
      uint64_t before = bench_now_ns();
      if (kill(pid, SIGKILL) != 0) bench_die("kill failed");
      cf_status status = cf_future_result(future, CF_FOREVER, NULL, NULL);
      taken[i] = bench_now_ns() - before;
      if (status != CF_WORKER_DIED) bench_die("a killed task: %s", cf_status_name(status));
      cf_future_release(future);
    }
    if (rep > 0) bench_emit_percentiles(run->workload, "cfutures", taken, KILLS);
  }
  cf_executor_shared_free(pool, memory);
  cf_executor_free(pool);
}

static int32_t pid_task(cf_task *task, void *arg, size_t size) {
  pid_t pid = getpid();
  (void)arg, (void)size;
  return cf_task_return(task, &pid, sizeof pid);
}

/* P4r: from the kill of a pool's only worker, which is idle, to the result of the next task: another
 * worker has taken its place. */
void replacements(const struct bench_run *run) {
  cf_executor *pool = open_pool(1, CF_START_FORK);
  uint64_t taken[KILLS];
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (int i = 0; i < KILLS; i++) {
      pid_t pid;
      cf_future *future = submit(pool, pid_task, NULL, 0);
      must(cf_future_result_into(future, CF_FOREVER, &pid, sizeof pid), "cf_future_result_into");
      cf_future_release(future);
      bench_pause_ns(2000000); /* it sleeps */
      uint64_t before = bench_now_ns();
      if (kill(pid, SIGKILL) != 0) bench_die("kill failed");
      if (take(submit_noop(pool, 1)) != 2) bench_die("%s: a wrong result", run->workload);
      taken[i] = bench_now_ns() - before;
    }
    if (rep > 0) bench_emit_percentiles(run->workload, "cfutures", taken, KILLS);
  }
  cf_executor_free(pool);
}

static int32_t endless_task(cf_task *task, void *arg, size_t size) {
  (void)task, (void)arg, (void)size;
  for (;;) pause();
  return 0;
}

/* A host whose workers are all busy: says so, and waits for its end. */
static void be_host(unsigned workers, int ready) {
  cf_executor *pool = open_pool(workers, CF_START_FORK);
  for (unsigned i = 0; i < 2 * workers; i++) submit(pool, endless_task, NULL, 0);
  if (write(ready, "", 1) != 1) bench_die("write failed");
  for (;;) pause();
}

/* P4h: from the kill of the host to the end of the last of its processes, which all become children of
 * this one when their own parents are gone. */
void host_deaths(const struct bench_run *run) {
  uint64_t taken[HOSTS];
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) bench_die("prctl failed");
  for (unsigned rep = 0; rep <= run->reps; rep++) {
    for (int i = 0; i < HOSTS; i++) {
      int ends[2];
      char byte;
      if (pipe(ends) != 0) bench_die("pipe failed");
      pid_t host = fork();
      if (host < 0) bench_die("fork failed");
      if (host == 0) be_host(run->workers, ends[1]);
      if (read(ends[0], &byte, 1) != 1) bench_die("read failed");
      bench_pause_ns(20000000); /* every worker has its task */
      uint64_t before = bench_now_ns();
      if (kill(host, SIGKILL) != 0) bench_die("kill failed");
      while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
      }
      taken[i] = bench_now_ns() - before;
      close(ends[0]);
      close(ends[1]);
    }
    if (rep > 0) bench_emit_percentiles(run->workload, "cfutures", taken, HOSTS);
  }
}
