/*
 * Shows: a wait inside a pool that could never end returns CF_DEADLOCK at once, and one that can
 * end never does. Each case of the library's own model of cycle detection as a program: cycles,
 * chains, knots of "any of", "all of" with one branch that loops, starvation, and pools that are
 * busy but not stuck.
 *
 * Which calls count as waits is in deadlock_calls.c, claim-only waiting in deadlock_claims.c,
 * spares in deadlock_spares.c, random graphs in deadlock_graphs.c.
 */
#include "tangle.h"

static tangle scene;

/* Many rounds over one pool with so many workers: in each so many waits are deadlocks, once with
 * all workers taken by the first tasks when it begins, once with tasks that start as they come. */
static void expect_deadlocks(int expected, size_t workers, bool inline_wait, size_t max_spares,
                             const task_plan *plans, size_t count) {
  cf_executor *pool = make_pool(workers, inline_wait, max_spares);
  const size_t held = workers < count ? workers : count;
  for (size_t round = 0; round < scaled(200); round++) {
    ASSERT_EQ_INT(expected, tangle_run(&scene, &pool, 1, plans, count, held));
    ASSERT_EQ_INT(expected, tangle_run(&scene, &pool, 1, plans, count, 0));
  }
  cf_executor_free(pool);
}

/* ---------------------------------------------------------------- cycles */

/* Two tasks wait for each other's result, which CPython's documentation shows as a deadlock. One of
 * them is told, and only one; the other gets its result. */
CF_TEST_PLAIN(deadlock_cycle_of_two) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1)), WAITS(ON(RESULT, 0)) };
  expect_deadlocks(1, 2, true, 64, plans, 2);
  expect_deadlocks(1, 1, true, 64, plans, 2); /* one runs the other on its own stack */
  expect_deadlocks(1, 2, false, 0, plans, 2);
}

CF_TEST_PLAIN(deadlock_cycle_of_three) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1)), WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, 0)) };
  expect_deadlocks(1, 3, true, 64, plans, 3);
  expect_deadlocks(1, 2, true, 64, plans, 3);
  expect_deadlocks(1, 1, true, 64, plans, 3);
  expect_deadlocks(1, 3, false, 0, plans, 3);
}

CF_TEST_PLAIN(deadlock_task_that_waits_for_itself) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 0), ON(ALL, 0), ON(FIRST, 0, 0)) };
  const task_plan each[] = { WAITS(ON(EACH, 0)) };
  expect_deadlocks(3, 1, true, 64, plans, 1);
  expect_deadlocks(3, 2, true, 64, plans, 1);
  expect_deadlocks(3, 1, false, 0, plans, 1);
  expect_deadlocks(1, 1, true, 64, each, 1);
}

/* Whatever the waits in a cycle are, as long as each waits for the next alone. */
CF_TEST_PLAIN(deadlock_cycle_of_mixed_waits) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(ALL, 1)), WAITS(ON(FIRST, 2)), WAITS(ON(EACH, 3)),
                              WAITS(ON(RESULT, 0)) };
  for (size_t workers = 1; workers <= 4; workers++)
    expect_deadlocks(1, workers, true, 64, plans, 4);
}

/* Two cycles that have nothing to do with each other: one report each. */
CF_TEST_PLAIN(deadlock_two_cycles_at_once) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, 3)), WAITS(ON(RESULT, 0)),
                              WAITS(ON(RESULT, 1)) };
  expect_deadlocks(2, 4, true, 64, plans, 4);
  expect_deadlocks(2, 4, false, 0, plans, 4);
}

/* After the report the task goes on: it waits for others and its pool works. */
CF_TEST_PLAIN(deadlock_is_no_end) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 0), ON(RESULT, 1), ON(ALL, 1, 2)),
                              WAITS(ON(RESULT, 2)), NO_WAITS };
  for (size_t workers = 1; workers <= 3; workers++)
    expect_deadlocks(1, workers, true, 64, plans, 3);
}

/* ---------------------------------------------------------------- no cycle, no report */

CF_TEST_PLAIN(deadlock_chain_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1), ON(RESULT, 2)), WAITS(ON(RESULT, 2)),
                              NO_WAITS };
  for (size_t workers = 1; workers <= 3; workers++)
    expect_deadlocks(0, workers, true, 64, plans, 3);
  expect_deadlocks(0, 3, false, 0, plans, 3);
}

CF_TEST_PLAIN(deadlock_diamond_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1), ON(RESULT, 2)), WAITS(ON(RESULT, 3)),
                              WAITS(ON(RESULT, 3)), NO_WAITS };
  const task_plan at_once[] = { WAITS(ON(ALL, 1, 2)), WAITS(ON(FIRST, 3)), WAITS(ON(EACH, 3)),
                                NO_WAITS };
  for (size_t workers = 1; workers <= 4; workers++) {
    expect_deadlocks(0, workers, true, 64, plans, 4);
    expect_deadlocks(0, workers, true, 64, at_once, 4);
    expect_deadlocks(0, workers, false, 64, at_once, 4);
  }
}

/* A wait that is over leaves no edge behind: 0 has waited for 1 when 1 waits for 0. */
CF_TEST_PLAIN(deadlock_edges_end_with_their_waits) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(FIRST, 1, 2), ON(RESULT, 2)), WAITS(ON(RESULT, 0)),
                              NO_WAITS };
  expect_deadlocks(0, 3, true, 64, plans, 3);
  expect_deadlocks(0, 3, false, 0, plans, 3);
}

/* ---------------------------------------------------------------- any of, all of */

/* Each waits for any of the other two: no wait loops in itself, and yet none can end. */
CF_TEST_PLAIN(deadlock_knot_of_any) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(FIRST, 1, 2)), WAITS(ON(FIRST, 0, 2)),
                              WAITS(ON(FIRST, 0, 1)) };
  const task_plan each[] = { WAITS(ON(FIRST, 1, 2)), WAITS(ON(EACH, 0)), WAITS(ON(EACH, 1)) };
  expect_deadlocks(1, 3, false, 0, plans, 3);
  expect_deadlocks(1, 3, true, 64, plans, 3);
  expect_deadlocks(1, 3, true, 64, each, 3);
}

/* A tangle over `pool` of which two tasks wait and the test holds the key: the future by hand. */
static void await_both_asleep(tangle *t, cf_executor *pool, const task_plan *plans, size_t count) {
  tangle_submit(t, plans, count, &pool, 1);
  tangle_await_started(t, 2);
  tangle_open(t);
  tangle_await_asleep(t, 0);
  tangle_await_asleep(t, 1);
  ASSERT(!cf_future_done(t->futures[0]) && !cf_future_done(t->futures[1]));
  ASSERT_EQ_INT(0, count_of(&t->deadlocks));
}

/* One way out is enough: any of a task that waits for this one and a future that will end. */
CF_TEST_PLAIN(deadlock_any_with_a_way_out_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(FIRST, 1, OUTSIDE)), WAITS(ON(RESULT, 0)) };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    tangle t;
    await_both_asleep(&t, pool, plans, 2);
    finish(t.futures[OUTSIDE], OUTSIDE);
    ASSERT_EQ_INT(0, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* One branch that loops is enough for "all of": reported while the other branch may still end. */
CF_TEST_PLAIN(deadlock_all_with_a_branch_that_loops) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(ALL, OUTSIDE, 1)), WAITS(ON(RESULT, 0)) };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(50); round++) {
    tangle t;
    tangle_submit(&t, plans, 2, &pool, 1);
    tangle_await_started(&t, 2);
    tangle_open(&t);
    /* If 1 was told, then 0 goes on to wait for the future by hand: only one of them may end. */
    ASSERT_OK(cf_wait(t.futures, 2, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL));
    ASSERT_EQ_INT(1, count_of(&t.deadlocks));
    finish(t.futures[OUTSIDE], OUTSIDE);
    ASSERT_EQ_INT(1, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* Every worker is blocked, but by what a test outside will end: nobody is told anything. */
CF_TEST_PLAIN(deadlock_all_without_a_cycle_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(ALL, OUTSIDE, 1)), WAITS(ON(RESULT, OUTSIDE)) };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    tangle t;
    await_both_asleep(&t, pool, plans, 2);
    finish(t.futures[OUTSIDE], OUTSIDE);
    ASSERT_EQ_INT(0, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* "First exception" goes on when a future succeeds: what was a way out may close later, by the end
 * of a task and not by a wait. 0 waits for 1, which ends well, and for 2, which waits for 0. */
CF_TEST_PLAIN(deadlock_first_exception_whose_way_out_closes) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(EXCEPTION, 1, 2)), NO_WAITS, WAITS(ON(RESULT, 0)) };
  const task_plan later[] = { WAITS(ON(EXCEPTION, OUTSIDE, 1)), WAITS(ON(RESULT, 0)) };
  expect_deadlocks(1, 3, false, 0, plans, 3);
  expect_deadlocks(1, 3, true, 64, plans, 3);
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    tangle t;
    await_both_asleep(&t, pool, later, 2);
    finish(t.futures[OUTSIDE], OUTSIDE); /* well: no failure can end the wait any more */
    ASSERT_EQ_INT(1, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* A failure that may still come is a way out, and it does come. */
CF_TEST_PLAIN(deadlock_first_exception_that_comes_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1)), WAITS(ON(EXCEPTION, 0, OUTSIDE)) };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    tangle t;
    await_both_asleep(&t, pool, plans, 2);
    fail_it(t.futures[OUTSIDE]);
    ASSERT_EQ_INT(0, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* ---------------------------------------------------------------- starvation */

/* 0 waits for 2, which is queued and may not be claimed; 1 waits for 0: no cycle, but no worker is
 * left that could ever run 2. */
CF_TEST_PLAIN(deadlock_starved_pool) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, 0)), NO_WAITS };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(200); round++)
    ASSERT_EQ_INT(1, tangle_run(&scene, &pool, 1, plans, 3, 2));
  cf_executor_free(pool);
}

/* A single worker that waits for its own queue, by every kind of wait. */
CF_TEST_PLAIN(deadlock_starved_pool_of_one) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1), ON(ALL, 1, 2), ON(FIRST, 1, 2)), NO_WAITS,
                              WAITS(ON(EACH, 3)), NO_WAITS };
  cf_executor *pool = make_pool(1, false, 0);
  for (size_t round = 0; round < scaled(100); round++)
    ASSERT_EQ_INT(4, tangle_run(&scene, &pool, 1, plans, 4, 1));
  cf_executor_free(pool);
}

/* As starved, but 1 waits for a future that a thread outside will end: that worker will run 2. */
CF_TEST_PLAIN(deadlock_busy_pool_is_not_reported) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, OUTSIDE)), NO_WAITS };
  cf_executor *pool = make_pool(2, false, 0);
  for (size_t round = 0; round < scaled(20); round++) {
    tangle t;
    await_both_asleep(&t, pool, plans, 3);
    finish(t.futures[OUTSIDE], OUTSIDE);
    ASSERT_EQ_INT(0, tangle_end(&t));
  }
  cf_executor_free(pool);
}

/* ---------------------------------------------------------------- two pools */

/* Task i runs in pool i % 2. */
static void expect_over_two_pools(int expected, bool inline_wait, size_t max_spares,
                                  const task_plan *plans, size_t count) {
  cf_executor *pools[] = { make_pool(1, inline_wait, max_spares),
                           make_pool(1, inline_wait, max_spares) };
  for (size_t round = 0; round < scaled(200); round++) {
    ASSERT_EQ_INT(expected, tangle_run(&scene, pools, 2, plans, count, 2));
    ASSERT_EQ_INT(expected, tangle_run(&scene, pools, 2, plans, count, 0));
  }
  cf_executor_free(pools[0]);
  cf_executor_free(pools[1]);
}

CF_TEST_PLAIN(deadlock_cycle_over_two_pools) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan two[] = { WAITS(ON(RESULT, 1)), WAITS(ON(RESULT, 0)) };
  const task_plan four[] = { WAITS(ON(RESULT, 1)), WAITS(ON(ALL, 2)), WAITS(ON(RESULT, 3)),
                             WAITS(ON(FIRST, 0)) };
  expect_over_two_pools(1, true, 64, two, 2);
  expect_over_two_pools(1, false, 0, two, 2);
  expect_over_two_pools(1, true, 64, four, 4);
}

/* Back and forth between two full pools: claimed across the border. */
CF_TEST_PLAIN(deadlock_chain_over_two_pools_has_none) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1)), WAITS(ON(RESULT, 2)), WAITS(ON(RESULT, 3)),
                              WAITS(ON(ALL, 4, 5)), NO_WAITS, NO_WAITS };
  expect_over_two_pools(0, true, 64, plans, 6);
  expect_over_two_pools(0, false, 64, plans, 6);
}

/* 0 in one pool waits for 1 in the other, which waits for 2 behind 0: nobody can run it. */
CF_TEST_PLAIN(deadlock_starvation_over_two_pools) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  const task_plan plans[] = { WAITS(ON(RESULT, 1)), WAITS(ON(RESULT, 2)), NO_WAITS };
  cf_executor *pools[] = { make_pool(1, false, 0), make_pool(1, false, 0) };
  for (size_t round = 0; round < scaled(100); round++)
    ASSERT_EQ_INT(1, tangle_run(&scene, pools, 2, plans, 3, 2));
  cf_executor_free(pools[0]);
  cf_executor_free(pools[1]);
}
