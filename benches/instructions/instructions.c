/*
 * How many instructions the library needs for each of its common operations, counted by callgrind.
 *
 * Started by instructions.py under `valgrind --tool=callgrind`; alone it runs and counts nothing.
 * Each part is counted on one thread, from begin() to end(). The pool has one worker, which waits
 * at a gate while the program's own thread is counted; while the worker is counted, the program's
 * thread waits. So nothing spins, no wake-up is in between, and the counts are always the same.
 *
 * Everything runs twice, and the second time counts: all memory is there by then.
 */
#include "counting.h"

#include <stdlib.h>
#include <string.h>

enum { OPERATIONS = 10000, DEPTH = 12, ITEMS = 100000, PIECES = 10000 };

static cf_executor *pool;
static cf_future *futures[OPERATIONS];
static uint64_t squares[ITEMS], numbers[ITEMS];
static struct gate gate;

/* ------------------------------------------------------------------------------------- tasks */

/* The task of T1: a number in, the next one out. */
static int32_t next_task(cf_task *task, void *arg, size_t size) {
  uint64_t next = *(const uint64_t *)arg + 1;
  (void)size;
  return cf_task_return(task, &next, sizeof next);
}

/* The worker waits here; what it does from then on is counted. */
static int32_t gate_task(cf_task *task, void *arg, size_t size) {
  (void)task, (void)arg, (void)size;
  gate_pass(&gate);
  begin();
  return 0;
}

/* Its last task ends the count. */
static int32_t last_task(cf_task *task, void *arg, size_t size) {
  const struct part *part = *(const struct part **)arg;
  (void)task, (void)size;
  end(part);
  gate_done(&gate);
  return 0;
}

/* The worker is busy from here on. */
void close_gate(void) {
  must(cf_executor_submit(pool, gate_task, NULL, 0, NULL));
  gate_wait_until_reached(&gate);
}

/* Lets the worker run what is queued, counted as that part; returns when all has run. */
void open_gate(const struct part *part) {
  must(cf_executor_submit(pool, last_task, &part, sizeof part, NULL));
  gate_open(&gate);
}

/* --------------------------------------------------------------- operations of one thread */

static void submit_one(size_t i) {
  uint64_t number = i;
  must(cf_executor_submit(pool, next_task, &number, sizeof number, &futures[i]));
}

/* The same with an argument that the program allocates, which is what a closure in C++ is. */
static void submit_owned_one(size_t i) {
  uint64_t *number = malloc(sizeof *number);
  if (number == NULL) die("out of memory");
  *number = i;
  must(cf_executor_submit_owned(pool, next_task, number, free, NULL, &futures[i]));
}

static void result_one(size_t i) {
  uint64_t number;
  must(cf_future_result_into(futures[i], CF_FOREVER, &number, sizeof number));
  if (number != i + 1) die("a wrong result");
  cf_future_release(futures[i]);
}

static void cancel_one(size_t i) {
  if (!cf_future_cancel(futures[i])) die("not cancelled");
}

static size_t callbacks_run;

static void count_callback(cf_future *future, void *user_data) {
  (void)future, (void)user_data;
  callbacks_run++;
}

static void add_callback_one(size_t i) {
  must(cf_future_add_done_callback(futures[i], count_callback, NULL, NULL));
}

static void release_all(void) {
  cf_futures_release(futures, OPERATIONS);
}

/* T1 in its three parts: submit, the worker's side, result and release. */
static void throughput(void) {
  close_gate();
  count_each(&(struct part){ "submit", OPERATIONS, LOOP }, submit_one);
  open_gate(&(struct part){ "worker", OPERATIONS, WHOLE });
  count_each(&(struct part){ "result", OPERATIONS, LOOP }, result_one);
}

static void owned(void) {
  close_gate();
  count_each(&(struct part){ "owned-submit", OPERATIONS, LOOP }, submit_owned_one);
  open_gate(&(struct part){ "owned-worker", OPERATIONS, WHOLE });
  count_each(&(struct part){ "owned-result", OPERATIONS, LOOP }, result_one);
}

static void many(void) {
  size_t submitted;
  close_gate();
  begin();
  must(cf_executor_submit_many(pool, next_task, numbers, sizeof *numbers, OPERATIONS, futures,
                               &submitted));
  end(&(struct part){ "submit_many", OPERATIONS, WHOLE });
  open_gate(NULL);
  release_all();
}

static void callbacks(void) {
  close_gate();
  for (size_t i = 0; i < OPERATIONS; i++) submit_one(i);
  callbacks_run = 0;
  count_each(&(struct part){ "callback-add", OPERATIONS, LOOP }, add_callback_one);
  open_gate(&(struct part){ "callback-worker", OPERATIONS, WHOLE });
  if (callbacks_run != OPERATIONS) die("not every callback has run");
  release_all();
}

static void cancelled(void) {
  close_gate();
  for (size_t i = 0; i < OPERATIONS; i++) submit_one(i);
  count_each(&(struct part){ "cancel", OPERATIONS, LOOP }, cancel_one);
  open_gate(&(struct part){ "cancel-worker", OPERATIONS, WHOLE });
  release_all();
}

static void as_completed(void) {
  static const struct part caller = { "as_completed", OPERATIONS, WHOLE };
  cf_completions *it;
  cf_future *future;
  size_t ended = 0;
  close_gate();
  for (size_t i = 0; i < OPERATIONS; i++) submit_one(i);
  begin();
  must(cf_as_completed(futures, OPERATIONS, CF_FOREVER, &it));
  end(&caller);
  open_gate(&(struct part){ "as_completed-worker", OPERATIONS, WHOLE });
  begin();
  while (cf_completions_next(it, NULL, &future) == CF_OK) ended++;
  cf_completions_free(it);
  end(&caller);
  if (ended != OPERATIONS) die("not every future came");
  release_all();
}

static void waits(void) {
  close_gate();
  for (size_t i = 0; i < OPERATIONS; i++) submit_one(i);
  open_gate(NULL);
  begin();
  must(cf_wait(futures, OPERATIONS, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  end(&(struct part){ "wait-all", OPERATIONS, WHOLE });
  release_all();
}

/* ------------------------------------------------------------------- inside of a task */

/* A task submits a task for one half, computes the other itself, then waits for the task: each
 * waits for one that nobody else could run. */
static uint64_t tree(unsigned depth);

static int32_t tree_task(cf_task *task, void *arg, size_t size) {
  uint64_t leaves = tree(*(const unsigned *)arg);
  (void)size;
  return cf_task_return(task, &leaves, sizeof leaves);
}

static uint64_t tree(unsigned depth) {
  if (depth == 0) return 1;
  unsigned below = depth - 1;
  uint64_t leaves;
  cf_future *half;
  must(cf_executor_submit(pool, tree_task, &below, sizeof below, &half));
  uint64_t other = tree(below);
  must(cf_future_result_into(half, CF_FOREVER, &leaves, sizeof leaves));
  cf_future_release(half);
  return leaves + other;
}

/* What is left of the tree in queues counts too, so the part ends with a task that comes after. */
static int32_t fork_join_task(cf_task *task, void *arg, size_t size) {
  static const struct part part = { "fork-join", (1 << DEPTH) - 1, WHOLE };
  const struct part *last = &part;
  (void)task, (void)arg, (void)size;
  begin();
  if (tree(DEPTH) != 1 << DEPTH) die("a wrong number of leaves");
  must(cf_executor_submit(pool, last_task, &last, sizeof last, NULL));
  return 0;
}

static int32_t square_task(cf_task *task, void *arg, size_t size) {
  uint64_t number = *(const uint64_t *)arg, square = number * number;
  (void)size;
  return cf_task_return(task, &square, sizeof square);
}

/* The task waits for the map, and thus runs it. */
static int32_t map_task(cf_task *task, void *arg, size_t size) {
  (void)task, (void)arg, (void)size;
  begin();
  must(cf_executor_map_into(pool, square_task, numbers, sizeof *numbers, ITEMS, NULL, squares,
                            sizeof *squares, NULL, NULL));
  end(&(struct part){ "map_into", ITEMS, WHOLE });
  gate_done(&gate);
  return 0;
}

static void run_inside(cf_task_fn function) {
  must(cf_executor_submit(pool, function, NULL, 0, NULL));
  gate_wait_until_done(&gate);
}

static void maps(void) {
  memset(squares, 0, sizeof squares);
  run_inside(map_task);
  for (uint64_t i = 0; i < ITEMS; i++)
    if (squares[i] != i * i) die("a wrong square");
}

static size_t pieces_run;

static int32_t count_piece(cf_task *task, size_t from, size_t to, void *ctx) {
  (void)task, (void)from, (void)to, (void)ctx;
  pieces_run++;
  return 0;
}

/* The worker stands at the gate: the caller runs every piece. */
static void ranges(void) {
  pieces_run = 0;
  close_gate();
  begin();
  must(cf_executor_for_range(pool, 0, PIECES, 1, count_piece, NULL, NULL));
  end(&(struct part){ "for_range", PIECES, WHOLE });
  open_gate(NULL);
  if (pieces_run != PIECES) die("not every piece has run");
}

/* ------------------------------------------------------------------------------------------- */

static void empty_one(size_t i) {
  (void)i;
}

static void run_all(void) {
  count_each(&(struct part){ "loop", OPERATIONS, WHOLE }, empty_one);
  throughput();
  many();
  run_inside(fork_join_task);
  maps();
  ranges();
  callbacks();
  as_completed();
  cancelled();
  waits();
  processes_run_all();
}

/* Apart, because what these allocate and free changes what malloc does for others. */
static void run_allocating(void) {
  owned();
  closures_run_all(pool);
}

int main(int argc, char **argv) {
  processes_begin();
  for (size_t i = 0; i < ITEMS; i++) numbers[i] = i;
  gate_init(&gate, 0);
  must(cf_thread_pool_new(1, &pool, NULL));
  processes_open(argc > 0 ? argv[0] : "");
  run_all();
  count_from_here_on(1);
  run_all();
  count_from_here_on(0);
  run_allocating();
  count_from_here_on(1);
  run_allocating();
  processes_close();
  cf_executor_free(pool);
  return 0;
}
