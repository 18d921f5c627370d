/*
 * Shows: every call that waits may be made in a task of a full pool, also of a pool of one worker:
 * it ends with its result, or, where nobody is left who could work, with CF_DEADLOCK. And joining
 * the pool that the caller belongs to is refused.
 *
 * Waiting for a single future is in deadlock_claims.c; cycles through callbacks, maps and loops are
 * in deadlock_cycles.c.
 */
#include "maps.h"
#include "tangle.h"

/* ---------------------------------------------------------------- calls, each made in a task */

enum { N = 5 };

static void submit_children(cf_executor *pool, cf_future **fs) {
  for (int32_t i = 0; i < N; i++) fs[i] = submit_value(pool, i);
}

static cf_status wait_in_mode(cf_executor *pool, int mode) {
  cf_future *fs[N];
  size_t count = 0;
  submit_children(pool, fs);
  cf_status status = cf_wait(fs, N, CF_FOREVER, mode, NULL, &count);
  if (status == CF_OK) ASSERT(count >= (mode == CF_FIRST_COMPLETED ? 1 : N));
  cf_futures_release(fs, N);
  return status;
}

static cf_status wait_for_all(cf_executor *pool) { return wait_in_mode(pool, CF_ALL_COMPLETED); }

static cf_status wait_for_first(cf_executor *pool) {
  return wait_in_mode(pool, CF_FIRST_COMPLETED);
}

static cf_status wait_for_exception(cf_executor *pool) {
  return wait_in_mode(pool, CF_FIRST_EXCEPTION);
}

/* One of the children fails: it ends the wait, or the others have ended before it. */
static cf_status wait_for_a_failure(cf_executor *pool) {
  cf_future *fs[] = { submit_value(pool, 0), submit_failure(pool, 13, "a child failed"),
                      submit_value(pool, 2) };
  bool done[3] = { false, false, false };
  cf_status status = cf_wait(fs, 3, CF_FOREVER, CF_FIRST_EXCEPTION, done, NULL);
  if (status == CF_OK) ASSERT(done[1]);
  cf_futures_release(fs, 3);
  return status;
}

static cf_status iterate(cf_executor *pool) {
  cf_future *fs[N];
  cf_completions *it = NULL;
  bool seen[N] = { false };
  size_t index = N;
  cf_status status;
  submit_children(pool, fs);
  ASSERT_OK(cf_as_completed(fs, N, CF_FOREVER, &it));
  while ((status = cf_completions_next(it, &index, NULL)) == CF_OK) {
    ASSERT(index < N && !seen[index]);
    seen[index] = true;
  }
  cf_completions_free(it);
  cf_futures_release(fs, N);
  if (status != CF_END) return status;
  for (int i = 0; i < N; i++) ASSERT(seen[i]);
  return CF_OK;
}

static bool count_visit(cf_future *f, size_t index, void *visits) {
  ASSERT_VALUE((int)index, f);
  ++*(int *)visits;
  return true;
}

static cf_status visit_each(cf_executor *pool) {
  cf_future *fs[N];
  int visits = 0;
  submit_children(pool, fs);
  cf_status status = cf_as_completed_each(fs, N, CF_FOREVER, count_visit, &visits);
  ASSERT_EQ_INT(status == CF_OK ? N : 0, visits);
  cf_futures_release(fs, N);
  return status;
}

static cf_status read_queue(cf_executor *pool) {
  cf_future *fs[N];
  cf_completion_queue *q = NULL;
  ASSERT_OK(cf_completion_queue_new(&q));
  submit_children(pool, fs);
  for (int i = 0; i < N; i++) ASSERT_OK(cf_completion_queue_add(q, fs[i], NULL, NULL));
  cf_status status = CF_OK;
  for (int i = 0; i < N && status == CF_OK; i++) {
    cf_future *f = NULL;
    status = cf_completion_queue_next(q, CF_FOREVER, &f, NULL);
    ASSERT(status == CF_OK ? cf_future_done(f) : f == NULL);
    cf_future_release(f);
  }
  cf_completion_queue_free(q);
  cf_futures_release(fs, N);
  return status;
}

static const int32_t numbers[N] = { 1, 2, 3, 4, 5 };

static cf_status read_map(cf_executor *pool) {
  cf_status status = CF_OK;
  for (size_t chunk_size = 0; chunk_size <= 2 && status == CF_OK; chunk_size++) {
    cf_map *map =
        map_with(pool, double_task, numbers, sizeof *numbers, N, CF_FOREVER, chunk_size);
    cf_item item;
    size_t i = 0;
    for (; (status = cf_map_next(map, &item)) == CF_OK; i++) {
      ASSERT_EQ_SIZE(i, item.index);
      ASSERT_OK(item.status);
      ASSERT_EQ_INT(2 * numbers[i], *(const int32_t *)item.data);
    }
    cf_map_free(map);
    if (status != CF_END) return status;
    ASSERT_EQ_SIZE(N, i);
    status = CF_OK;
  }
  return status;
}

static cf_status map_into(cf_executor *pool) {
  int32_t out[N] = { 0 };
  cf_error *error = NULL;
  cf_status status =
      cf_executor_map_into(pool, double_task, numbers, 4, N, NULL, out, 4, NULL, &error);
  if (status == CF_OK)
    for (int i = 0; i < N; i++) ASSERT_EQ_INT(2 * numbers[i], out[i]);
  expect_detail(status, error);
  return status;
}

static cf_status map_arrays_into(cf_executor *pool) {
  int32_t out[N] = { 0 };
  const cf_array arrays[] = { ARRAY(numbers), ARRAY(numbers) };
  cf_status status =
      cf_executor_map_arrays_into(pool, pow_task, arrays, 2, NULL, out, 4, NULL, NULL);
  if (status == CF_OK) ASSERT_EQ_INT(3125, out[N - 1]);
  return status;
}

static int32_t count_indices(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  for (size_t i = begin; i < end; i++) count_up(ctx);
  return 0;
}

static cf_status loop_over_range(cf_executor *pool) {
  int count = 0;
  cf_status status = cf_executor_for_range(pool, 0, 100, 1, count_indices, &count, NULL);
  ASSERT_EQ_INT(100, count_of(&count));
  return status;
}

/* More children than a wait for the first of them is judged by. */
enum { CROWD = 2500 };

static cf_status collect_a_crowd(cf_executor *pool, bool through_a_queue) {
  static cf_future *fs[CROWD];
  cf_completions *it = NULL;
  cf_completion_queue *q = NULL;
  for (int32_t i = 0; i < CROWD; i++) fs[i] = submit_value(pool, i);
  ASSERT_OK(cf_wait(fs, CROWD, CF_FOREVER, CF_FIRST_COMPLETED, NULL, NULL));
  ASSERT_OK(cf_as_completed(fs, CROWD, CF_FOREVER, &it));
  ASSERT_OK(cf_completion_queue_new(&q));
  for (int i = 0; i < CROWD; i++) ASSERT_OK(cf_completion_queue_add(q, fs[i], NULL, NULL));
  for (int i = 0; i < CROWD; i++) {
    cf_future *f = NULL;
    if (!through_a_queue) {
      ASSERT_OK(cf_completions_next(it, NULL, NULL));
      continue;
    }
    ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &f, NULL));
    cf_future_release(f);
  }
  cf_completions_free(it);
  cf_completion_queue_free(q);
  cf_futures_release(fs, CROWD);
  return CF_OK;
}

static cf_status iterate_over_a_crowd(cf_executor *pool) { return collect_a_crowd(pool, false); }

static cf_status read_a_crowd_from_a_queue(cf_executor *pool) {
  return collect_a_crowd(pool, true);
}

/* ---------------------------------------------------------------- making them */

struct call {
  cf_executor *pool;
  cf_status (*make)(cf_executor *pool);
};

static int32_t make_call(cf_task *task, void *arg, size_t arg_size) {
  const struct call *call = arg;
  ASSERT_EQ_SIZE(sizeof *call, arg_size);
  const int32_t status = call->make(call->pool);
  return cf_task_return(task, &status, sizeof status);
}

/* Makes the call in one task, then in two at once for each worker. */
static void expect_call(int expected, cf_executor *pool, cf_status (*make)(cf_executor *pool)) {
  const struct call call = { pool, make };
  size_t n = 2 * cf_executor_max_workers(pool);
  cf_future *fs[8];
  ASSERT_OK(cf_executor_submit(pool, make_call, &call, sizeof call, &fs[0]));
  ASSERT_STATUS(expected, value_of(fs[0]));
  cf_future_release(fs[0]);
  if (expected != CF_OK) return; /* of several, some might still be helped by the others' workers */
  for (size_t round = 0; round < scaled(50); round++) {
    for (size_t i = 0; i < n; i++)
      ASSERT_OK(cf_executor_submit(pool, make_call, &call, sizeof call, &fs[i]));
    for (size_t i = 0; i < n; i++) ASSERT_STATUS(expected, value_of(fs[i]));
    cf_futures_release(fs, n);
  }
}

/* Full pools of several sizes, that may claim or have spares or both. */
static void expect_call_works(cf_status (*make)(cf_executor *pool)) {
  for (size_t workers = 1; workers <= 2; workers++)
    for (int kind = 0; kind < 3; kind++) {
      cf_executor *pool = make_pool(workers, kind != 2, kind == 1 ? 0 : 64);
      expect_call(CF_OK, pool, make);
      cf_executor_free(pool);
    }
}

/* A pool of one worker that may neither claim nor have spares: the call says so at once, and then
 * the pool does what was left. */
static void expect_call_is_a_deadlock(cf_status (*make)(cf_executor *pool)) {
  cf_executor *pool = make_pool(1, false, 0);
  for (size_t round = 0; round < scaled(50); round++) expect_call(CF_DEADLOCK, pool, make);
  cf_future *f = submit_value(pool, 1);
  ASSERT_VALUE(1, f);
  cf_future_release(f);
  cf_executor_free(pool);
}

#define CALL_WORKS(call)                                                                           \
  CF_TEST_PLAIN(task_in_a_full_pool_may_##call) {                                                  \
    CF_THREADS_ONLY(SHARED_MEMORY);                                                                \
    expect_call_works(call);                                                                       \
  }
#define CALL_IS_A_DEADLOCK(call)                                                                   \
  CF_TEST_PLAIN(task_in_a_starved_pool_is_told_by_##call) {                                        \
    CF_THREADS_ONLY(SHARED_MEMORY);                                                                \
    expect_call_is_a_deadlock(call);                                                               \
  }

CALL_WORKS(wait_for_all)
CALL_WORKS(wait_for_first)
CALL_WORKS(wait_for_exception)
CALL_WORKS(wait_for_a_failure)
CALL_WORKS(iterate)
CALL_WORKS(visit_each)
CALL_WORKS(read_queue)
CALL_WORKS(read_map)
CALL_WORKS(map_into)
CALL_WORKS(map_arrays_into)
CALL_WORKS(loop_over_range)

CALL_IS_A_DEADLOCK(wait_for_all)
CALL_IS_A_DEADLOCK(wait_for_first)
CALL_IS_A_DEADLOCK(wait_for_exception)
CALL_IS_A_DEADLOCK(wait_for_a_failure)
CALL_IS_A_DEADLOCK(iterate)
CALL_IS_A_DEADLOCK(visit_each)
CALL_IS_A_DEADLOCK(read_queue)
CALL_IS_A_DEADLOCK(read_map)
CALL_IS_A_DEADLOCK(map_into)
CALL_IS_A_DEADLOCK(map_arrays_into)

/* One worker that may claim and has no spares: nobody else could run any of them. */
static void expect_crowd(cf_status (*make)(cf_executor *pool)) {
  const struct call call = { make_pool(1, true, 0), make };
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(call.pool, make_call, &call, sizeof call, &f));
  ASSERT_STATUS(CF_OK, value_of(f));
  cf_future_release(f);
  cf_executor_free(call.pool);
}

CF_TEST_PLAIN(task_in_a_full_pool_may_iterate_over_thousands) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_crowd(iterate_over_a_crowd);
}

CF_TEST_PLAIN(task_in_a_full_pool_may_read_thousands_from_a_queue) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  expect_crowd(read_a_crowd_from_a_queue);
}

/* ---------------------------------------------------------------- shutdown and join */

/* Refused, and nothing has changed: the pool still takes work. */
static cf_status shut_down_own_pool(cf_executor *pool) {
  cf_status status = cf_executor_shutdown(pool, true, false);
  ASSERT_STATUS(status, cf_executor_shutdown(pool, true, true));
  cf_future *f = submit_value(pool, 7);
  ASSERT_VALUE(7, f);
  cf_future_release(f);
  return status;
}

CF_TEST_PLAIN(task_cannot_shut_its_pool_down_and_wait) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  for (size_t workers = 1; workers <= 2; workers++) {
    cf_executor *pool = make_executor(workers);
    expect_call(CF_DEADLOCK, pool, shut_down_own_pool);
    cf_executor_free(pool);
  }
}

/* Without waiting it may; but joining itself it cannot, with whatever timeout. */
static cf_status join_own_pool(cf_executor *pool) {
  ASSERT_OK(cf_executor_shutdown(pool, false, false));
  ASSERT_STATUS(CF_DEADLOCK, cf_executor_join(pool, 0));
  ASSERT_STATUS(CF_DEADLOCK, cf_executor_join(pool, CF_LONG));
  return cf_executor_join(pool, CF_FOREVER);
}

CF_TEST_PLAIN(task_cannot_join_its_pool) {
  CF_THREADS_ONLY(SHARED_MEMORY);
  cf_executor *pool = make_executor(2);
  expect_call(CF_DEADLOCK, pool, join_own_pool);
  cf_executor_free(pool);
}

/* Another pool is no trouble. */
static cf_status shut_down_another_pool(cf_executor *pool) {
  cf_executor *other = make_executor(1);
  (void)pool;
  cf_future *f = submit_value(other, 7);
  cf_status status = cf_executor_shutdown(other, true, false);
  ASSERT(cf_future_done(f));
  cf_future_release(f);
  cf_executor_free(other);
  return status;
}

CALL_WORKS(shut_down_another_pool)
