/*
 * The library under test, used as any C program would use it: the installed header and the shared
 * library, nothing internal.
 */
#include "bench.h"

#include <cfutures.h>
#include <stdlib.h>

static void must(cf_status status, const char *what) {
  if (status != CF_OK)
    bench_die("%s: %s: %s", what, cf_status_name(status), cf_status_message(status));
}

/* As must(), for a call that says more in an error. */
static void must_all(cf_status status, cf_error *error, const char *what) {
  if (status != CF_OK)
    bench_die("%s: %s: %s", what, cf_status_name(status), cf_error_message(error));
}

static void *open_pool(unsigned workers) {
  cf_executor *ex;
  cf_error *error = NULL;
  must_all(cf_thread_pool_new(workers, &ex, &error), error, "cf_thread_pool_new");
  return ex;
}

static void close_pool(void *pool) {
  cf_executor_free(pool);
}

/* ------------------------------------------------------------------------ one task, one future */

struct call {
  bench_fn fn;
  uint64_t arg;
};

static int32_t call_task(cf_task *task, void *arg, size_t size) {
  const struct call *call = arg;
  uint64_t result = call->fn(call->arg);
  (void)size;
  return cf_task_return(task, &result, sizeof result);
}

static void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  struct call call = { fn, arg };
  cf_future **future = handle;
  must(cf_executor_submit(pool, call_task, &call, sizeof call, future), "cf_executor_submit");
}

static uint64_t take(cf_future *future) {
  uint64_t value;
  must(cf_future_result_into(future, CF_FOREVER, &value, sizeof value), "cf_future_result_into");
  cf_future_release(future);
  return value;
}

static uint64_t result(void *pool, void *handle) {
  (void)pool;
  return take(*(cf_future **)handle);
}

static uint64_t as_completed(void *pool, size_t count) {
  cf_future **futures = malloc(count * sizeof *futures);
  if (!futures) bench_die("out of memory");
  for (size_t i = 0; i < count; i++) submit(pool, bench_noop, i, &futures[i]);

  uint64_t sum = 0;
  cf_completions *it;
  cf_future *future;
  cf_status status;
  must(cf_as_completed(futures, count, CF_FOREVER, &it), "cf_as_completed");
  while ((status = cf_completions_next(it, NULL, &future)) == CF_OK) {
    uint64_t value;
    must(cf_future_result_into(future, 0, &value, sizeof value), "cf_future_result_into");
    sum += value;
  }
  if (status != CF_END) must(status, "cf_completions_next");
  cf_completions_free(it);
  cf_futures_release(futures, count);
  free(futures);
  return sum;
}

/* --------------------------------------------------------------------------------------- loops */

static int32_t cheap_task(cf_task *task, void *arg, size_t size) {
  double value = bench_cheap(*(const double *)arg);
  (void)size;
  return cf_task_return(task, &value, sizeof value);
}

static int32_t one_us_task(cf_task *task, void *arg, size_t size) {
  double value = bench_one_us(*(const double *)arg);
  (void)size;
  return cf_task_return(task, &value, sizeof value);
}

static cf_task_fn task_of(bench_item_fn item) {
  return item == bench_cheap ? cheap_task : one_us_task;
}

struct range {
  const double *in;
  double *out;
  bench_item_fn item;
};

static int32_t range_body(cf_task *task, size_t begin, size_t end, void *ctx) {
  const struct range *r = ctx;
  (void)task;
  for (size_t i = begin; i < end; i++) r->out[i] = r->item(r->in[i]);
  return 0;
}

static void run_for_range(void *pool, const double *in, double *out, size_t count,
                          bench_item_fn item) {
  struct range r = { in, out, item };
  cf_error *error = NULL;
  must_all(cf_executor_for_range(pool, 0, count, 0, range_body, &r, &error), error,
           "cf_executor_for_range");
}

static void run_map_into(void *pool, const double *in, double *out, size_t count,
                         bench_item_fn item) {
  cf_error *error = NULL;
  must_all(cf_executor_map_into(pool, task_of(item), in, sizeof *in, count, NULL, out, sizeof *out,
                                NULL, &error),
           error, "cf_executor_map_into");
}

static void run_map(void *pool, const double *in, double *out, size_t count, bench_item_fn item) {
  cf_map *map;
  cf_item got;
  cf_status status;
  must(cf_executor_map(pool, task_of(item), in, sizeof *in, count, NULL, &map), "cf_executor_map");
  while ((status = cf_map_next(map, &got)) == CF_OK) {
    must(got.status, "an item of cf_executor_map");
    out[got.index] = *(const double *)got.data;
  }
  if (status != CF_END) must(status, "cf_map_next");
  cf_map_free(map);
}

/* -------------------------------------------------------------------------------- nested tasks */

struct fib_arg {
  cf_executor *ex;
  uint64_t n;
};

static cf_future *submit_fib(cf_executor *ex, cf_task_fn fn, uint64_t n) {
  struct fib_arg arg = { ex, n };
  cf_future *future;
  must(cf_executor_submit(ex, fn, &arg, sizeof arg, &future), "cf_executor_submit");
  return future;
}

static int32_t fib_one_task(cf_task *task, void *arg, size_t size);

/* One task for one half, a plain call for the other: the shape that TBB's and OpenMP's have. */
static uint64_t fib_one(cf_executor *ex, uint64_t n) {
  if (n < 2) return n;
  cf_future *left = submit_fib(ex, fib_one_task, n - 1);
  uint64_t right = fib_one(ex, n - 2);
  return take(left) + right;
}

static int32_t fib_one_task(cf_task *task, void *arg, size_t size) {
  const struct fib_arg *a = arg;
  uint64_t value = fib_one(a->ex, a->n);
  (void)size;
  return cf_task_return(task, &value, sizeof value);
}

/* A task for each half, as one writes it in Python. */
static int32_t fib_two_task(cf_task *task, void *arg, size_t size) {
  const struct fib_arg *a = arg;
  uint64_t value = a->n;
  (void)size;
  if (a->n >= 2) {
    cf_future *left = submit_fib(a->ex, fib_two_task, a->n - 1);
    cf_future *right = submit_fib(a->ex, fib_two_task, a->n - 2);
    value = take(left) + take(right);
  }
  return cf_task_return(task, &value, sizeof value);
}

static uint64_t run_fib_one(void *pool, unsigned n) {
  return take(submit_fib(pool, fib_one_task, n));
}

static uint64_t run_fib_two(void *pool, unsigned n) {
  return take(submit_fib(pool, fib_two_task, n));
}

int main(int argc, char **argv) {
  static const struct bench_loop loops[] = {
    { "cfutures for_range", run_for_range },
    { "cfutures map_into", run_map_into },
    { "cfutures map", run_map },
  };
  static const struct bench_fork forks[] = {
    { "cfutures, 1 submit a call", run_fib_one },
    { "cfutures, 2 submits a call", run_fib_two },
  };
  const struct bench_peer peer = {
    .name = "cfutures",
    .version = cf_version_string(),
    .open = open_pool,
    .close = close_pool,
    .handle_size = sizeof(cf_future *),
    .submit = submit,
    .result = result,
    .as_completed = as_completed,
    .loops = loops,
    .loop_count = sizeof loops / sizeof loops[0],
    .forks = forks,
    .fork_count = sizeof forks / sizeof forks[0],
  };
  return bench_main(argc, argv, &peer);
}
