/*
 * Peer: libuv's uv_queue_work(). The threads belong to the process and serve every loop; a result
 * arrives in a callback on the loop that the task was queued on. So each thread that submits has a
 * loop of its own (T3), and waiting for a task means running that loop.
 */
#define _DEFAULT_SOURCE

#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct work {
  uv_work_t request;
  bench_fn fn;
  uint64_t value; /* the argument, later the result */
  int done;       /* set and read by the thread whose loop it is */
};

static pthread_key_t loop_key;
static __thread uv_loop_t *own_loop;

/* For T7, on the one thread that submits there. */
static size_t completed;
static uint64_t completed_sum;

static void end_loop(void *loop) {
  uv_run(loop, UV_RUN_DEFAULT); /* it tells the last callbacks, and there are none */
  if (uv_loop_close(loop) != 0) bench_die("uv_loop_close failed");
  free(loop);
}

static uv_loop_t *loop_of_thread(void) {
  if (own_loop) return own_loop;
  own_loop = malloc(sizeof *own_loop);
  if (!own_loop || uv_loop_init(own_loop) != 0) bench_die("uv_loop_init failed");
  pthread_setspecific(loop_key, own_loop);
  return own_loop;
}

/* libuv reads the number of its threads when the first task is queued. */
static void *open_pool(unsigned workers) {
  char text[16];
  snprintf(text, sizeof text, "%u", workers);
  setenv("UV_THREADPOOL_SIZE", text, 1);
  return NULL;
}

static void close_pool(void *pool) {
  (void)pool;
  if (!own_loop) return;
  pthread_setspecific(loop_key, NULL);
  end_loop(own_loop);
  own_loop = NULL;
}

static void run(uv_work_t *request) {
  struct work *w = request->data;
  w->value = w->fn(w->value);
}

static void after(uv_work_t *request, int status) {
  struct work *w = request->data;
  if (status != 0) bench_die("uv_queue_work: %s", uv_strerror(status));
  w->done = 1;
}

static void after_and_count(uv_work_t *request, int status) {
  struct work *w = request->data;
  if (status != 0) bench_die("uv_queue_work: %s", uv_strerror(status));
  completed_sum += w->value;
  completed++;
  free(w);
}

static struct work *queue(bench_fn fn, uint64_t arg, uv_after_work_cb then) {
  struct work *w = malloc(sizeof *w);
  if (!w) bench_die("out of memory");
  w->request.data = w;
  w->fn = fn;
  w->value = arg;
  w->done = 0;
  if (uv_queue_work(loop_of_thread(), &w->request, run, then) != 0)
    bench_die("uv_queue_work failed");
  return w;
}

static void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  (void)pool;
  *(struct work **)handle = queue(fn, arg, after);
}

static uint64_t result(void *pool, void *handle) {
  struct work *w = *(struct work **)handle;
  (void)pool;
  while (!w->done) uv_run(own_loop, UV_RUN_ONCE);
  uint64_t value = w->value;
  free(w);
  return value;
}

/* Its own way: the callbacks come in the order of completion. */
static uint64_t as_completed(void *pool, size_t count) {
  (void)pool;
  completed = 0;
  completed_sum = 0;
  for (size_t i = 0; i < count; i++) queue(bench_noop, i, after_and_count);
  while (completed < count) uv_run(own_loop, UV_RUN_ONCE);
  return completed_sum;
}

int main(int argc, char **argv) {
  const struct bench_peer peer = {
    .name = "libuv queue_work",
    .version = uv_version_string(),
    .open = open_pool,
    .close = close_pool,
    .handle_size = sizeof(struct work *),
    .submit = submit,
    .result = result,
    .as_completed = as_completed,
  };
  if (pthread_key_create(&loop_key, end_loop) != 0) bench_die("pthread_key_create failed");
  return bench_main(argc, argv, &peer);
}
