/*
 * Shows: what becomes of a host one of whose workers writes nonsense over all the memory that they
 * share, while it works and before it ends: the host lives, every future ends, and when the worker is
 * gone the pool works as before. What other tasks get meanwhile is not promised: the worker may have
 * written over their arguments and results as well.
 *
 * CF_TEST_SEED sets the random numbers, CF_TEST_ROUNDS how often each deed is done (2).
 */
#define _GNU_SOURCE
#include "evil.h"
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

enum deed_of_evil { SOME_WORDS, ONES, ZEROS, HOLES, COUNTS, TO_AND_FRO, WAKE_UPS, DEEDS };

static void spoil_page(unsigned char *page, int32_t deed, uint64_t *random) {
  uint64_t *words = (uint64_t *)(void *)page;
  switch (deed) {
  case SOME_WORDS:
    for (int i = 0; i < 64; i++) words[roll(random, 512)] = next_random(random);
    break;
  case ONES: memset(page, 0xff, 4096); break;
  case ZEROS: memset(page, 0, 4096); break;
  case HOLES: madvise(page, 4096, MADV_REMOVE); break;
  case COUNTS: /* as if heads, sizes and generations were a little further or far off */
    for (int i = 0; i < 512; i++)
      words[i] += roll(random, 3) == 0 ? (uint64_t)1 << roll(random, 64) : 0;
    break;
  default: break;
  }
}

struct plan {
  uint64_t seed;
  int32_t deed, rounds, way;
};

/* A thread that lives on while its process takes tasks: words change, and are as before a moment later, so that what the
 * host has checked is another number when it uses it. Then the process ends. */
static void *change_to_and_fro(void *arg) {
  struct plan plan = *(struct plan *)arg;
  uint64_t *random = &plan.seed;
  for (int32_t i = 0; i < 2000 * plan.rounds; i++) {
    volatile uint64_t *word =
        (volatile uint64_t *)(void *)pages[roll(random, (uint32_t)count)] + roll(random, 512);
    const uint64_t change =
        roll(random, 2) != 0 ? next_random(random) : (uint64_t)1 << roll(random, 64);
    for (int j = 0; j < 50; j++) *word ^= change;
  }
  _exit(3);
}

/* Bells are eventfds. */
static int find_bells(int *bells, int room) {
  int n = 0;
  for (int fd = 0; fd < 4096 && n < room; fd++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length > 0 && memcmp(target, "anon_inode:[eventfd]", (size_t)length) == 0) bells[n++] = fd;
  }
  return n;
}

/* Rings every bell that there is, in the end so that nobody else can, and wakes whoever sleeps on a shared word. */
static void wake_everybody(int32_t rounds) {
  const uint64_t one = 1, most = UINT64_MAX - 1;
  int bells[8];
  const int n = find_bells(bells, 8);
  ASSERT(n > 0);
  for (int32_t i = 0; i < 20 * rounds; i++) {
    for (int j = 0; j < n * 100; j++)
      ASSERT(write(bells[j % n], j < n * 99 ? &one : &most, 8) == 8 || errno == EAGAIN);
    for (size_t p = 0; p < count; p++)
      syscall(SYS_futex, pages[p] + 4 * (i % 1024), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
  }
}

static int32_t evil_task(cf_task *task, void *arg, size_t arg_size) {
  struct plan plan; /* its own copy, before it is written over */
  ASSERT_EQ_SIZE(sizeof plan, arg_size);
  memcpy(&plan, arg, sizeof plan);
  find_pages();
  if (plan.deed == TO_AND_FRO) {
    static struct plan of_thread;
    pthread_t thread;
    of_thread = plan;
    ASSERT(pthread_create(&thread, NULL, change_to_and_fro, &of_thread) == 0);
    return end_in_a_way(task, RETURNS, 3);
  }
  if (plan.deed == WAKE_UPS) wake_everybody(plan.rounds);
  for (int32_t i = 0; i < plan.rounds; i++)
    for (size_t p = 0; p < count; p++) spoil_page(pages[p], plan.deed, &plan.seed);
  return end_in_a_way(task, plan.way, 3);
}

/* ---------------------------------------------------------------- the host */

static bool is_an_end(cf_status status) {
  return status == CF_OK || status == CF_WORKER_DIED || status == CF_TASK_FAILED ||
         status == CF_NO_MEMORY || status == CF_UNKNOWN_FUNCTION;
}

static void expect_end(cf_status status, const struct plan *plan) {
  if (!is_an_end(status))
    check_fail(__FILE__, __LINE__, "%s after deed %d, %d times, with the seed %llu, then end %d",
               cf_status_name(status), plan->deed, plan->rounds, (unsigned long long)plan->seed,
               plan->way);
}

/* So many tasks in a row come back with what they were given, sooner or later. */
static void expect_recovery(cf_executor *executor, const struct plan *plan) {
  int32_t in_a_row = 0, refused = 0, ended = 0;
  cf_status last = CF_OK;
  const double give_up = seconds_now() + 30;
  for (int32_t value = 0; in_a_row < 40 && seconds_now() < give_up; value++) {
    cf_future *f = NULL;
    cf_status status = cf_executor_submit(executor, value_task, &value, sizeof value, &f);
    if (status != CF_OK) {
      last = status;
      refused++;
      sched_yield(); /* until the supervisor has had its turn */
      continue;
    }
    int32_t got = -1;
    status = cf_future_result_into(f, cf_seconds(30), &got, sizeof got);
    if (status != CF_SIZE_MISMATCH) expect_end(status, plan);
    ended++;
    last = status;
    in_a_row = status == CF_OK && got == value ? in_a_row + 1 : 0;
    cf_future_release(f);
  }
  if (in_a_row < 40)
    check_fail(
        __FILE__, __LINE__,
        "%d submits refused, %d tasks ended, the last %d well (%s), after deed %d, %d times, with "
        "the seed %llu, then end %d",
        refused, ended, in_a_row, cf_status_name(last), plan->deed, plan->rounds,
        (unsigned long long)plan->seed, plan->way);
}

static int32_t slow_pid_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t pid = (int32_t)getpid();
  (void)arg, (void)arg_size;
  nap(5000);
  return cf_task_return(task, &pid, sizeof pid);
}

/* Do as many workers as before take tasks? Some may still fail, as the evil one may live for a while. */
static bool both_work(cf_executor *executor) {
  enum { AT_ONCE = 6 };
  const double give_up = seconds_now() + 30;
  while (seconds_now() < give_up) {
    int32_t first = 0;
    bool both = false;
    cf_future *fs[AT_ONCE];
    for (int32_t i = 0; i < AT_ONCE; i++)
      fs[i] = submit_bytes(executor, slow_pid_task, &i, sizeof i);
    for (int32_t i = 0; i < AT_ONCE; i++) {
      int32_t pid = 0;
      if (cf_future_result_into(fs[i], cf_seconds(30), &pid, sizeof pid) != CF_OK) continue;
      both = both || (first != 0 && pid != first);
      first = pid;
    }
    cf_futures_release(fs, AT_ONCE);
    if (both) return true;
  }
  return false;
}

static size_t rounds(void) {
  const char *text = getenv("CF_TEST_ROUNDS");
  return text != NULL ? strtoul(text, NULL, 10) : 2;
}

/* Two evil workers, one among other tasks and one after whom the pool is wanted again. */
static void survive(const struct plan *plan) {
  enum { AROUND = 30 };
  cf_executor *two = make_executor(2);
  cf_future *fs[AROUND];
  expect_works(two);
  for (int32_t i = 0; i < AROUND; i++)
    fs[i] = i == 5 ? submit_bytes(two, evil_task, plan, sizeof *plan) : submit_value(two, i);
  for (int32_t i = 0; i < AROUND; i++)
    expect_end(cf_future_result(fs[i], cf_seconds(20), NULL, NULL), plan);
  cf_futures_release(fs, AROUND);
  ASSERT_OK(cf_executor_kill_workers(two)); /* whoever is left of those that saw it */
  cf_executor_free(two);
  /* The same, and the pool goes on. */
  two = make_executor(2);
  expect_works(two); /* its function is known by then */
  cf_future *evil = submit_bytes(two, evil_task, plan, sizeof *plan);
  expect_end(cf_future_result(evil, cf_seconds(20), NULL, NULL), plan);
  cf_future_release(evil);
  expect_recovery(two, plan);
  ASSERT(both_work(two));
  ASSERT(cf_executor_error(two) == NULL); /* nor has it said that it is broken */
  cf_executor_free(two);
}

CF_TEST_PLAIN(a_worker_that_writes_over_everything) {
  const int32_t ways[] = { EXITS_AT_ONCE, RETURNS, ABORTS };
  uint64_t random = first_random(0);
  size_t pools = 0;
  ASSERT(setenv("RUST_BACKTRACE", "0", 1) == 0); /* workers that stumble over it say so, in short */
  for (size_t round = 0; round < rounds(); round++)
    for (int32_t deed = 0; deed < DEEDS; deed++, pools++) {
      const int32_t times = round % 2 == 0 ? 1 : 20,
                    way = ways[((size_t)deed + round) % LENGTH(ways)];
      const struct plan plan = { next_random(&random) | 1, deed, times, way };
      survive(&plan);
    }
  printf("        %zu evil workers; all %zu pools that went on recovered\n", 2 * pools, pools);
}

/* ---------------------------------------------------------------- the file behind it */

/* As the pool's file is called in /proc. */
static bool is_the_memory(const char *path) {
  char target[256];
  const ssize_t length = readlink(path, target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = '\0';
  return strstr(target, "memfd:cfutures") != NULL;
}

static void try_to_cut(int fd) {
  ASSERT(ftruncate(fd, 0) == -1 && errno == EPERM);
  ASSERT(ftruncate(fd, (off_t)1 << 40) == -1 && errno == EPERM);
  ASSERT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
}

/* The same of a file that another process, or a mapping, has open. False: it cannot be opened, so not be cut either. */
static bool open_and_try_to_cut(const char *path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    ASSERT(errno == EACCES || errno == EPERM);
    return false;
  }
  try_to_cut(fd);
  ASSERT(close(fd) == 0);
  return true;
}

enum { NOTHING_OPENED = -1 };

/* By every way there is: descriptors of its own, which a spawned worker has not; those of the host; the mapping. Returns
 * how many it could have open. */
static int32_t cutting_task(cf_task *task, void *arg, size_t arg_size) {
  const struct region all = shared_memory();
  int32_t opened = 0;
  char path[64];
  (void)arg;
  (void)arg_size;
  for (int fd = 0; fd < 4096; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (is_the_memory(path)) {
      try_to_cut(fd);
      opened++;
    }
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)check_host, fd);
    if (is_the_memory(path)) opened += open_and_try_to_cut(path);
  }
  snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)all.begin,
           (unsigned long)all.end);
  opened += open_and_try_to_cut(path);
  if (opened == 0) opened = NOTHING_OPENED;
  return cf_task_return(task, &opened, sizeof opened);
}

/* It cannot be made shorter, which would kill the host, nor sealed once more. */
CF_TEST(the_shared_memory_cannot_be_cut) {
  cf_future *f = submit_bytes(ex, cutting_task, NULL, 0);
  const int32_t opened = value_of(f);
  cf_future_release(f);
  ASSERT(opened > 0 || opened == NOTHING_OPENED);
  if (opened == NOTHING_OPENED) printf("        the system lets no worker open the memory\n");
  expect_works(ex);
}
