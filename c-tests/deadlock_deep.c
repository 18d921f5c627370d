/*
 * Shows: chains of waiting tasks of any depth do not overflow a stack. A waiter that has too little
 * stack left does not claim any more: a spare goes on with a stack of its own, and where none is
 * allowed the wait returns CF_DEADLOCK.
 */
#include "tangle.h"

enum { DEPTH = 20000 };

struct chain {
  cf_future *futures[DEPTH];
  size_t length;
  size_t held; /* so many tasks start before all are queued */
  gate latch;
  int deadlocks;
};

static struct chain chain;

/* Waits for the next one, and counts how many have come to a good end behind it. */
static int32_t chain_task(cf_task *task, void *arg, size_t arg_size) {
  const size_t number = *(size_t *)arg;
  int32_t links = 0;
  ASSERT_EQ_SIZE(sizeof number, arg_size);
  if (number < chain.held) gate_pass(&chain.latch);
  if (number + 1 < chain.length) {
    cf_status status =
        cf_future_result_into(chain.futures[number + 1], CF_FOREVER, &links, sizeof links);
    if (status == CF_DEADLOCK) count_up(&chain.deadlocks);
    else ASSERT_OK(status);
  }
  links++;
  return cf_task_return(task, &links, sizeof links);
}

/* The tasks that start first wait at the latch until all others are queued. */
static void run_chain(cf_executor *pool, size_t length) {
  chain.length = length;
  chain.held = cf_executor_max_workers(pool);
  chain.deadlocks = 0;
  chain.latch = gate_make();
  for (size_t i = 0; i < length; i++)
    ASSERT_OK(cf_executor_submit(pool, chain_task, &i, sizeof i, &chain.futures[i]));
  gate_open(&chain.latch, chain.held);
  for (size_t i = 0; i < length; i++)
    ASSERT_OK(cf_future_result(chain.futures[i], CF_FOREVER, NULL, NULL));
  gate_close(&chain.latch);
}

static void expect_whole_chain(cf_executor *pool, size_t length) {
  run_chain(pool, length);
  ASSERT_EQ_INT(0, count_of(&chain.deadlocks));
  for (size_t i = 0; i < length; i++) ASSERT_VALUE((int)(length - i), chain.futures[i]);
  cf_futures_release(chain.futures, length);
}

CF_TEST_PLAIN(deep_chain_in_a_pool_of_one) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *one = make_executor(1);
  expect_whole_chain(one, scaled(DEPTH));
  cf_executor_free(one);
}

CF_TEST_PLAIN(deep_chain_in_a_pool_of_three) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *three = make_executor(3);
  expect_whole_chain(three, scaled(DEPTH));
  cf_executor_free(three);
}

static cf_executor *make_small_pool(size_t stack_size, size_t max_spares) {
  cf_options *o = NULL;
  ASSERT_OK(cf_options_new(&o));
  ASSERT_OK(cf_options_set_max_workers(o, 1));
  ASSERT_OK(cf_options_set_stack_size(o, stack_size));
  ASSERT_OK(cf_options_set_max_spares(o, max_spares));
  cf_executor *pool = make_executor_with(o);
  cf_options_free(o);
  return pool;
}

/* Small stacks: soon the next one is a spare's. */
CF_TEST_PLAIN(deep_chain_on_small_stacks) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *small = make_small_pool(1 << 20, 64);
  expect_whole_chain(small, scaled(1000));
  cf_executor_free(small);
}

/* A stack that is too small to claim anything at all still allows a nested wait. */
CF_TEST_PLAIN(deep_chain_on_the_smallest_stacks) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *small = make_small_pool(128 << 10, 64);
  expect_whole_chain(small, 10);
  cf_executor_free(small);
}

/* Without spares the chain breaks where the stack ends: a wait is told, no stack overflows, and all
 * tasks end. */
CF_TEST_PLAIN(deep_chain_without_spares_is_told) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *small = make_small_pool(128 << 10, 0);
  run_chain(small, 10);
  ASSERT(count_of(&chain.deadlocks) >= 1);
  cf_futures_release(chain.futures, 10);
  cf_executor_free(small);
  small = make_small_pool(1 << 20, 0);
  run_chain(small, scaled(DEPTH));
  cf_futures_release(chain.futures, scaled(DEPTH));
  cf_executor_free(small);
}

struct descent {
  cf_executor *pool;
  int32_t depth;
};

static int32_t descend(cf_task *task, void *arg, size_t arg_size) {
  const struct descent *d = arg;
  int32_t depth = 0;
  ASSERT_EQ_SIZE(sizeof *d, arg_size);
  if (d->depth > 0) {
    const struct descent deeper = { d->pool, d->depth - 1 };
    cf_future *f = NULL;
    ASSERT_OK(cf_executor_submit(d->pool, descend, &deeper, sizeof deeper, &f));
    depth = 1 + value_of(f);
    cf_future_release(f);
  }
  return cf_task_return(task, &depth, sizeof depth);
}

/* The same as recursion: each task submits the next one and waits for it. */
CF_TEST_PLAIN(deep_recursion_of_submits) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  for (size_t workers = 1; workers <= 2; workers++) {
    cf_executor *pool = make_executor(workers);
    const struct descent d = { pool, (int32_t)scaled(DEPTH) };
    cf_future *f = NULL;
    ASSERT_OK(cf_executor_submit(pool, descend, &d, sizeof d, &f));
    ASSERT_VALUE(d.depth, f);
    cf_future_release(f);
    cf_executor_free(pool);
  }
}
