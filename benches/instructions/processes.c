/*
 * The host's side of a process pool: submit, and the result of a task that is done. The one worker,
 * a process that valgrind does not see, waits at a gate in shared memory meanwhile.
 *
 * In short rounds, as the pool's supervisor looks at everything each 50 ms and may fetch results
 * first: that disturbs a few of them. A round has as many tasks as a thread's magazine has free
 * nodes.
 *
 * Called by: instructions.c.
 */
#include "counting.h"

enum { TASKS = 128, ROUNDS = 21 };

static cf_executor *pool;
static cf_future *futures[TASKS];
static struct gate *gate;

static int32_t next_task(cf_task *task, void *arg, size_t size) {
  uint64_t next = *(const uint64_t *)arg + 1;
  (void)size;
  return cf_task_return(task, &next, sizeof next);
}

/* The gate lies in shared memory, where it has one address everywhere. */
static int32_t gate_task(cf_task *task, void *arg, size_t size) {
  (void)task, (void)size;
  gate_pass(*(struct gate **)arg);
  return 0;
}

static int32_t last_task(cf_task *task, void *arg, size_t size) {
  (void)task, (void)size;
  gate_done(*(struct gate **)arg);
  return 0;
}

/* By name: under valgrind the library cannot see that it is the workers' program that runs here. */
void processes_begin(void) {
  must(cf_register_task("next", next_task));
  must(cf_register_task("gate", gate_task));
  must(cf_register_task("last", last_task));
  cf_worker_main();
}

void processes_open(const char *program) {
  cf_options *options;
  cf_error *error;
  void *memory;
  must(cf_options_new(&options));
  must(cf_options_set_max_workers(options, 1));
  must(cf_options_set_start_method(options, CF_START_SPAWN));
  must(cf_options_set_worker_program(options, program));
  if (cf_process_pool_new_with(options, &pool, &error) != CF_OK) die(cf_error_message(error));
  cf_options_free(options);
  must(cf_executor_shared_alloc(pool, sizeof *gate, &memory));
  gate = memory;
  gate_init(gate, 1);
}

void processes_close(void) {
  cf_executor_shared_free(pool, gate);
  cf_executor_free(pool);
}

static void submit_one(size_t i) {
  uint64_t number = i;
  must(cf_executor_submit(pool, next_task, &number, sizeof number, &futures[i]));
}

static void result_one(size_t i) {
  uint64_t number;
  must(cf_future_result_into(futures[i], CF_FOREVER, &number, sizeof number));
  if (number != i + 1) die("a wrong result of a process");
  cf_future_release(futures[i]);
}

static void round_of_tasks(void) {
  cf_future *first, *last;
  must(cf_executor_submit(pool, gate_task, &gate, sizeof gate, &first));
  gate_wait_until_reached(gate);
  count_each(&(struct part){ "process-submit", TASKS, ROUND }, submit_one);
  must(cf_executor_submit(pool, last_task, &gate, sizeof gate, &last));
  gate_open(gate);
  must(cf_future_result(first, CF_FOREVER, NULL, NULL));
  must(cf_future_result(last, CF_FOREVER, NULL, NULL));
  cf_future_release(first);
  cf_future_release(last);
  count_each(&(struct part){ "process-result", TASKS, ROUND }, result_one);
}

void processes_run_all(void) {
  for (int i = 0; i < ROUNDS; i++) round_of_tasks();
}
