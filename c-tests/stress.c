/*
 * Shows: several threads that submit, cancel, wait, add callbacks and release at the same time.
 * Every task ends exactly once, every callback and every destroy hook runs exactly once, whichever
 * thread wins which race. Sizes go through scaled().
 */
#define _DEFAULT_SOURCE
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4 };

/* What happened, summed over all threads. */
struct tally {
  int accepted, refused;               /* submits */
  int runs, cancels;                   /* ends of accepted tasks: cancels by whoever won. Threads
                                          count their runs, processes are counted in callbacks */
  int callbacks, destroys, data, args; /* hooks */
};

struct actor {
  cf_executor *executor;
  struct tally *tally;
  uint64_t random;
  size_t rounds;
};

static uint32_t roll(struct actor *actor, uint32_t sides) {
  actor->random ^= actor->random << 13;
  actor->random ^= actor->random >> 7;
  actor->random ^= actor->random << 17;
  return (uint32_t)(actor->random >> 33) % sides;
}

static int32_t counted_task(cf_task *task, void *arg, size_t arg_size) {
  struct tally *tally = arg;
  const int32_t value = 5;
  (void)arg_size;
  if (count_up(&tally->runs) % 7 == 0) return cf_task_fail(task, 7, "every seventh fails");
  return cf_task_return(task, &value, sizeof value);
}

/* The same in another process, which can count nothing here. */
static int32_t remote_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *number = arg;
  const int32_t value = 5;
  ASSERT_EQ_SIZE(sizeof *number, arg_size);
  if (*number % 7 == 0) return cf_task_fail(task, 7, "every seventh fails");
  return cf_task_return(task, &value, sizeof value);
}

static void free_arg(void *arg) {
  count_up(&((struct tally *)arg)->args);
}

static void destroy_data(void *arg) {
  count_up(&((struct tally *)arg)->data);
}

static void destroy_callback(void *arg) {
  count_up(&((struct tally *)arg)->destroys);
}

static void count_callback(cf_future *f, void *user_data) {
  struct tally *tally = user_data;
  ASSERT(cf_future_done(f));
  if (cf_future_cancelled(f))
    count_up(&tally->cancels);
  else if (!check_is_threads())
    count_up(&tally->runs);
  count_up(&tally->callbacks);
}

static cf_status submit_task(struct actor *actor, cf_future **out) {
  if (check_is_threads())
    return cf_executor_submit_owned(actor->executor, counted_task, actor->tally, free_arg, NULL,
                                    out);
  const int32_t number = count_up(&actor->tally->args); /* there is no hook that would count */
  return cf_executor_submit(actor->executor, remote_task, &number, sizeof number, out);
}

/* Submits one task with every kind of hook; NULL when the pool refuses it. */
static cf_future *submit_counted(struct actor *actor) {
  cf_future *f = NULL;
  cf_status status = submit_task(actor, &f);
  if (status == CF_SHUTDOWN) {
    count_up(&actor->tally->refused);
    return NULL;
  }
  ASSERT_OK(status);
  count_up(&actor->tally->accepted);
  ASSERT_OK(cf_future_set_user_data(f, actor->tally, destroy_data));
  ASSERT_OK(cf_future_add_done_callback(f, count_callback, actor->tally, destroy_callback));
  return f;
}

static void expect_balance(const struct tally *tally) {
  ASSERT_EQ_INT(tally->accepted, tally->runs + tally->cancels);
  ASSERT_EQ_INT(tally->accepted, tally->callbacks);
  ASSERT_EQ_INT(tally->accepted, tally->destroys);
  ASSERT_EQ_INT(tally->accepted, tally->data);
  ASSERT_EQ_INT(tally->accepted + tally->refused, tally->args);
}

static void run_threads(void *(*run)(void *), struct tally *tally, size_t rounds) {
  struct actor actors[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    struct actor actor = { ex, tally, UINT64_C(88172645463325252) + (uint64_t)i * 1234567, rounds };
    actors[i] = actor;
    threads[i] = start_thread(run, &actors[i]);
  }
  for (int i = 0; i < THREADS; i++) join_thread(threads[i]);
}

static void free_executor(void) {
  cf_executor_free(ex);
  ex = NULL;
}

/* ---------------------------------------------------------------- each thread its own futures */

static void use_one(struct actor *actor, cf_future *f) {
  cf_status status;
  switch (roll(actor, 6)) {
  case 0: cf_future_cancel(f); break;
  case 1:
    status = cf_future_result(f, CF_FOREVER, NULL, NULL);
    ASSERT(status == CF_OK || status == CF_TASK_FAILED);
    break;
  case 2: cf_future_result(f, 1000, NULL, NULL); break;
  case 3: cf_wait(&f, 1, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL); break;
  case 4:
    cf_future_retain(f);
    cf_future_release(f);
    break;
  default: break; /* released at once */
  }
  cf_future_release(f);
}

static void *use_own_futures(void *arg) {
  struct actor *actor = arg;
  for (size_t i = 0; i < actor->rounds; i++) use_one(actor, submit_counted(actor));
  return NULL;
}

CF_TEST(threads_with_their_own_futures) {
  struct tally tally;
  memset(&tally, 0, sizeof tally);
  run_threads(use_own_futures, &tally, scaled(10000));
  free_executor();
  ASSERT_EQ_INT(THREADS * scaled(10000), tally.accepted);
  expect_balance(&tally);
}

/* ---------------------------------------------------------------- all threads the same futures */

enum { SHARED = 16 };

static cf_future *shared[SHARED]; /* each thread owns one reference to each */
static pthread_barrier_t barrier;

static void *use_shared_futures(void *arg) {
  struct actor *actor = arg;
  for (size_t round = 0; round < actor->rounds; round++) {
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
      for (int i = 0; i < SHARED; i++) {
        shared[i] = submit_counted(actor);
        for (int j = 1; j < THREADS; j++) cf_future_retain(shared[i]);
      }
    }
    pthread_barrier_wait(&barrier);
    cf_future *mine[SHARED];
    memcpy(mine, shared, sizeof mine);
    if (roll(actor, 4) == 0)
      ASSERT_OK(cf_wait(mine, SHARED, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
    for (int i = 0; i < SHARED; i++) {
      /* Somebody else may have cancelled it, so a result may be missing for that reason too. */
      if (roll(actor, 3) == 0) cf_future_cancel(mine[i]);
      if (roll(actor, 3) == 0) cf_future_result(mine[i], CF_FOREVER, NULL, NULL);
      cf_future_release(mine[i]);
    }
  }
  return NULL;
}

CF_TEST(threads_that_share_futures) {
  struct tally tally;
  memset(&tally, 0, sizeof tally);
  ASSERT(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  run_threads(use_shared_futures, &tally, scaled(1000));
  pthread_barrier_destroy(&barrier);
  free_executor();
  ASSERT_EQ_INT(SHARED * scaled(1000), tally.accepted);
  expect_balance(&tally);
}

/* ---------------------------------------------------------------- shutdown in the midst of it */

static void *submit_until_shutdown(void *arg) {
  struct actor *actor = arg;
  for (cf_future *f; (f = submit_counted(actor)) != NULL;) {
    if (roll(actor, 4) == 0) cf_future_cancel(f);
    cf_future_release(f);
  }
  return NULL;
}

struct shutter {
  struct tally *tally;
  bool cancel;
};

static void *shut_down_soon(void *arg) {
  const struct shutter *shutter = arg;
  while (count_of(&shutter->tally->accepted) < 500) sched_yield();
  ASSERT_OK(cf_executor_shutdown(ex, true, shutter->cancel));
  return NULL;
}

CF_TEST(shutdown_while_threads_submit) {
  for (size_t round = 0; round < scaled(60); round++) {
    struct tally tally;
    struct shutter shutter = { &tally, round % 2 == 0 };
    memset(&tally, 0, sizeof tally);
    if (ex == NULL) ex = make_executor(2);
    pthread_t thread = start_thread(shut_down_soon, &shutter);
    run_threads(submit_until_shutdown, &tally, 0);
    join_thread(thread);
    free_executor();
    ASSERT_EQ_INT(THREADS, tally.refused);
    expect_balance(&tally);
  }
}

/* ---------------------------------------------------------------- executors come and go */

static void *make_and_end_executors(void *arg) {
  struct actor *actor = arg;
  for (size_t round = 0; round < actor->rounds; round++) {
    cf_future *fs[20];
    actor->executor = make_executor(1 + roll(actor, 3));
    for (int i = 0; i < 20; i++) fs[i] = submit_counted(actor);
    if (roll(actor, 2) == 0)
      ASSERT_OK(cf_executor_shutdown(actor->executor, roll(actor, 2) == 0, roll(actor, 2) == 0));
    if (roll(actor, 2) == 0) cf_futures_release(fs, 10);
    cf_executor_free(actor->executor);
    for (int i = 0; i < 20; i++) ASSERT(fs[i] == NULL || cf_future_done(fs[i]));
    cf_futures_release(fs, 20);
  }
  return NULL;
}

CF_TEST_PLAIN(threads_that_make_and_end_executors) {
  struct tally tally;
  memset(&tally, 0, sizeof tally);
  const size_t rounds = scaled(check_is_threads() ? 300 : 30); /* each of them starts processes */
  run_threads(make_and_end_executors, &tally, rounds);
  ASSERT_EQ_INT(THREADS * 20 * rounds, tally.accepted);
  expect_balance(&tally);
}

/* ---------------------------------------------------------------- memory */

static size_t resident(void) {
  unsigned long mapped = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  ASSERT(file != NULL);
  ASSERT(fscanf(file, "%lu %lu", &mapped, &pages) == 2);
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void run_batches(size_t batches) {
  enum { BATCH = 1000 };
  static int32_t args[BATCH];
  static cf_future *fs[BATCH];
  for (size_t i = 0; i < batches; i++) {
    ASSERT_OK(cf_executor_submit_many(ex, value_task, args, sizeof args[0], BATCH, fs, NULL));
    for (int j = 0; j < BATCH; j++) ASSERT_OK(cf_future_result(fs[j], CF_FOREVER, NULL, NULL));
    cf_futures_release(fs, BATCH);
  }
}

/* What is released is used again: a long run needs no more memory than a short one. */
CF_TEST(a_long_run_needs_no_more_memory) {
  CF_NOT_UNDER_VALGRIND("checkers keep freed memory");
  run_batches(50);
  size_t before = resident();
  run_batches(1000);
  size_t after = resident();
  /* The ready queue of a pool of processes is touched in turn: 8 MiB in all, once. */
  size_t queue = check_is_threads() ? 0 : (size_t)8 << 20;
  if (after > before + queue + ((size_t)4 << 20))
    check_fail(__FILE__, __LINE__, "%zu KiB before, %zu KiB after", before >> 10, after >> 10);
}
