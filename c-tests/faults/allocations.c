/*
 * Shows: memory that runs out anywhere ends the call with CF_NO_MEMORY, or the task; nothing is lost or
 * leaked by it, and the pool goes on when there is memory again. Here: options, making and ending a pool,
 * submitting, maps and loops; what concerns futures is in allocations_futures.c.
 */
#include "allocations.h"

#define MANY 300

static int32_t first_int(cf_task *task, void *arg, size_t size) {
  ASSERT(size >= sizeof(int32_t));
  return cf_task_return(task, arg, sizeof(int32_t));
}

static cf_status make_pool(const cf_options *options, cf_executor **out, cf_error **error) {
  return check_is_threads() ? cf_thread_pool_new_with(options, out, error)
                            : cf_process_pool_new_with(options, out, error);
}

static cf_options *fill_options(void) {
  cf_options *options = NULL;
  ASSERT_OK(cf_options_new(&options));
  ASSERT_OK(cf_options_set_max_workers(options, 2));
  if (check_is_fork()) ASSERT_OK(cf_options_set_start_method(options, CF_START_FORK));
  if (check_is_spawn()) ASSERT_OK(cf_options_set_start_method(options, CF_START_SPAWN));
  return options;
}

static void body_options(void) {
  char large[LARGE] = { 1 };
  cf_options *options = NULL;
  cf_map_options *map_options = NULL;
  cf_status status;
  FAULTY(status, cf_options_new(&options));
  if (refused(status)) {
    ASSERT(options == NULL);
    ASSERT_OK(cf_options_new(&options));
  }
  faults_begin();
  cf_status a = cf_options_set_name(options, "a-name-of-some-length");
  cf_status b = cf_options_set_initializer(options, value_task, large, sizeof large);
  cf_status c = cf_options_set_worker_program(options, "/some/program");
  cf_status d = cf_map_options_new(&map_options);
  faults_end();
  refused(a), refused(b), refused(c);
  if (refused(d)) ASSERT_OK(cf_map_options_new(&map_options));
  FAULTY(status, cf_map_options_set_context(map_options, large, sizeof large));
  refused(status);
  cf_map_options_free(map_options);
  cf_options_free(options);
}

static void body_pool(void) {
  cf_options *options = fill_options();
  ASSERT_OK(cf_options_set_name(options, "faulty"));
  int32_t value = 3;
  ASSERT_OK(cf_options_set_initializer(options, value_task, &value, sizeof value));
  cf_executor *pool = NULL;
  cf_error *error = NULL;
  cf_status status;
  FAULTY(status, make_pool(options, &pool, &error));
  if (refused(status)) {
    ASSERT(pool == NULL);
    if (error != NULL) ASSERT_STATUS(status, cf_error_status(error));
    cf_error_free(error);
    ASSERT_OK(make_pool(options, &pool, &error));
  }
  expect_usable(pool);
  cf_executor_free(pool);
  cf_options_free(options);
}

static void submit_bytes(size_t size) {
  static const union {
    int32_t first;
    char bytes[LARGE];
  } arg = { 42 };
  cf_executor *pool = make_executor(2);
  cf_future *f = NULL;
  cf_status status;
  FAULTY(status, cf_executor_submit(pool, first_int, &arg, size, &f));
  if (refused(status))
    ASSERT(f == NULL);
  else
    expect_end(f, 42);
  expect_usable(pool);
  cf_executor_free(pool);
}

static void body_submit(void) {
  submit_bytes(sizeof(int32_t));
}

static void body_submit_large(void) {
  submit_bytes(LARGE);
}

static int32_t own_task(cf_task *task, void *arg, size_t size) {
  (void)size;
  return cf_task_return_owned(task, arg, count_destroy);
}

static void body_submit_owned(void) {
  cf_executor *pool = make_executor(2);
  int freed = 0, destroyed = 0;
  cf_future *f[2] = { NULL, NULL };
  faults_begin();
  cf_status a = cf_executor_submit_owned(pool, value_task, &freed, count_destroy, NULL, &f[0]);
  cf_status b = cf_executor_submit_owned(pool, own_task, &destroyed, NULL, NULL, &f[1]);
  faults_end();
  if (!refused(a)) refused(cf_future_result(f[0], CF_FOREVER, NULL, NULL));
  if (!refused(b)) refused(cf_future_result(f[1], CF_FOREVER, NULL, NULL));
  ASSERT((f[0] != NULL) == (a == CF_OK) && (f[1] != NULL) == (b == CF_OK));
  cf_futures_release(f, 2);
  expect_usable(pool);
  cf_executor_free(pool);
  ASSERT_EQ_INT(1, freed);
  ASSERT_EQ_INT(b == CF_OK, destroyed);
}

static void body_submit_many(void) {
  static int32_t args[MANY];
  cf_future *f[MANY];
  size_t submitted = 99999;
  cf_executor *pool = make_executor(2);
  for (int32_t i = 0; i < MANY; i++) args[i] = i;
  cf_status status;
  FAULTY(status,
         cf_executor_submit_many(pool, value_task, args, sizeof *args, MANY, f, &submitted));
  if (!refused(status)) ASSERT_EQ_SIZE(MANY, submitted);
  for (size_t i = 0; i < MANY; i++) {
    ASSERT((f[i] != NULL) == (i < submitted));
    if (f[i] != NULL) expect_end(f[i], (int32_t)i);
  }
  expect_usable(pool);
  cf_executor_free(pool);
}

/* Takes all; each item has its value or wants memory. */
static void drain(cf_map *map, int32_t n) {
  cf_item item;
  int32_t seen = 0;
  for (cf_status status; (status = cf_map_next(map, &item)) != CF_END; seen++) {
    ASSERT_EQ_SIZE((size_t)seen, item.index);
    if (!refused(item.status)) ASSERT_EQ_INT(seen, *(const int32_t *)item.data);
  }
  ASSERT_EQ_INT(n, seen);
  cf_map_free(map);
}

static void end_of_map(cf_executor *pool, cf_map *map, cf_status status) {
  if (refused(status))
    ASSERT(map == NULL);
  else
    drain(map, MANY);
  expect_usable(pool);
  cf_executor_free(pool);
}

static void body_map(void) {
  static int32_t items[MANY];
  for (int32_t i = 0; i < MANY; i++) items[i] = i;
  cf_executor *pool = make_executor(2);
  cf_map *map = NULL;
  cf_status status;
  FAULTY(status, cf_executor_map(pool, value_task, items, sizeof *items, MANY, NULL, &map));
  end_of_map(pool, map, status);
}

static void body_map_arrays(void) {
  static int32_t items[MANY];
  for (int32_t i = 0; i < MANY; i++) items[i] = i;
  cf_array arrays[2] = { { items, sizeof *items, 0, 0, MANY }, { items, 12, 4, 0, CF_REPEAT } };
  cf_executor *pool = make_executor(2);
  cf_map *map = NULL;
  cf_status status;
  FAULTY(status, cf_executor_map_arrays(pool, first_int, arrays, 2, NULL, &map));
  end_of_map(pool, map, status);
}

static void body_map_large_results(void) {
  int32_t items[3] = { 0, 1, 2 };
  cf_executor *pool = make_executor(2);
  cf_map *map = NULL;
  cf_item item;
  faults_begin();
  cf_status status = cf_executor_map(pool, large_task, items, sizeof *items, 3, NULL, &map);
  cf_status next = status == CF_OK ? cf_map_next(map, &item) : status;
  faults_end();
  if (!refused(status)) {
    if (next != CF_OK) ASSERT_STATUS(item.status, next);
    refused(next);
    while (cf_map_next(map, &item) != CF_END) refused(item.status);
    cf_map_free(map);
  }
  expect_usable(pool);
  cf_executor_free(pool);
}

static void body_map_into(void) {
  static int32_t items[MANY], results[MANY];
  cf_status statuses[MANY];
  memset(statuses, 0, sizeof statuses);
  for (int32_t i = 0; i < MANY; i++) items[i] = i;
  cf_executor *pool = make_executor(2);
  cf_error *error = NULL;
  cf_status status;
  FAULTY(status, cf_executor_map_into(pool, value_task, items, sizeof *items, MANY, NULL, results,
                                      sizeof *results, statuses, &error));
  if (!refused(status))
    for (int32_t i = 0; i < MANY; i++) ASSERT_EQ_INT(i, results[i]);
  else if (error != NULL)
    ASSERT_STATUS(status, cf_error_status(error));
  cf_error_free(error);
  expect_usable(pool);
  cf_executor_free(pool);
}

static int32_t count_range(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  __atomic_add_fetch((size_t *)ctx, end - begin, __ATOMIC_SEQ_CST);
  return 0;
}

static void body_for_range(void) {
  size_t done = 0;
  cf_executor *pool = make_executor(2);
  cf_error *error = NULL;
  cf_status status;
  FAULTY(status, cf_executor_for_range(pool, 0, 1000, 10, count_range, &done, &error));
  if (!refused(status)) ASSERT_EQ_SIZE(1000, done);
  cf_error_free(error);
  expect_usable(pool);
  cf_executor_free(pool);
}

/* Shutdown and free, with tasks that run and tasks that are queued. */
static void body_shutdown(void) {
  cf_executor *pool = make_executor(2);
  cf_future *f[8];
  for (int32_t i = 0; i < 8; i++) f[i] = submit_value(pool, i);
  faults_begin();
  cf_status status = cf_executor_shutdown(pool, true, false);
  cf_status joined = cf_executor_join(pool, CF_FOREVER);
  cf_executor_free(pool);
  faults_end();
  refused(status), refused(joined);
  for (int32_t i = 0; i < 8; i++) expect_end(f[i], i);
}

static void body_shared_memory(void) {
  cf_executor *pool = make_executor(2);
  void *memory = NULL;
  cf_status status;
  FAULTY(status, cf_executor_shared_alloc(pool, LARGE, &memory));
  if (refused(status)) {
    ASSERT(memory == NULL);
    ASSERT_OK(cf_executor_shared_alloc(pool, LARGE, &memory));
  }
  memset(memory, 1, LARGE);
  faults_begin();
  cf_executor_shared_free(pool, memory);
  faults_end();
  expect_usable(pool);
  cf_executor_free(pool);
}

/* ---------------------------------------------------------------- sweeps */

SWEEP_THREADS(options, "no executor takes part")
SWEEP(pool)
SWEEP(submit)
SWEEP(submit_large)
SWEEP_THREADS(submit_owned, "objects stay in their process")
SWEEP(submit_many)
SWEEP(map)
SWEEP(map_arrays)
SWEEP(map_large_results)
SWEEP(map_into)
SWEEP_THREADS(for_range, "loops are for threads")
SWEEP(shutdown)
SWEEP(shared_memory)
