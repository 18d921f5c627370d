/*
 * Shows: what becomes of one word that a worker has made a lie of: what all workers go by, the table of functions, the
 * word of a task. process_evil.c writes over everything at random; here is written on purpose what is hard to meet.
 */
#define _GNU_SOURCE
#include "evil.h"
#include "random.h"

/* ---------------------------------------------------------------- what all workers go by */

/* The first words: how many workers, their limits, their name, their initializer. */
static int32_t spoil_the_head_task(cf_task *task, void *arg, size_t arg_size) {
  enum { HEAD = 72 };
  (void)task, (void)arg, (void)arg_size;
  memset(shared_memory().begin, 0x7f, HEAD);
  _exit(3);
}

static int32_t first_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT(arg_size == 6 && memcmp(arg, "first", 6) == 0);
  (void)task;
  return 0;
}

/* It was written once, and no worker that comes later goes by what another one has made of it. */
CF_TEST_PLAIN(new_workers_do_not_go_by_what_others_may_write) {
  cf_options *options = new_options(2);
  ASSERT_OK(cf_options_set_initializer(options, first_task, "first", 6));
  cf_executor *executor = make_and_free(options);
  for (int i = 0; i < 4; i++) {
    cf_future *f = submit_bytes(executor, spoil_the_head_task, NULL, 0);
    ASSERT_STATUS(CF_WORKER_DIED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    cf_future_release(f);
    expect_works(executor);
  }
  cf_executor_free(executor);
}

/* Says of all workers that they have not begun, and that their initializer has failed. */
static int32_t initializers_failed_task(cf_task *task, void *arg, size_t arg_size) {
  enum { AREA = 256, READY_AT = 16, LEAVE_AT = 20, LEAVE_INITIALIZER = 3 };
  const uint32_t failed = LEAVE_INITIALIZER, begun = 0;
  const int32_t pid = (int32_t)getpid();
  (void)arg, (void)arg_size;
  for (int i = 0; i < 2; i++) {
    unsigned char *area = shared_memory().begin + WORKERS_AT + i * AREA;
    memcpy(area + READY_AT, &begun, sizeof begun);
    memcpy(area + LEAVE_AT, &failed, sizeof failed);
  }
  return cf_task_return(task, &pid, sizeof pid);
}

/* There is none: a worker that is killed after that is one that was killed. */
CF_TEST_PLAIN(a_pool_without_initializer_is_not_broken_by_one) {
  cf_executor *executor = make_executor(1);
  cf_future *f = submit_bytes(executor, initializers_failed_task, NULL, 0);
  const int32_t pid = value_of(f);
  cf_future_release(f);
  kill_and_await(pid);
  expect_works(executor);
  ASSERT(cf_executor_error(executor) == NULL);
  cf_executor_free(executor);
}

/* Clears the table of functions: whatever looks as its entries do, which have a path in them. */
static int32_t clear_functions_task(cf_task *task, void *arg, size_t arg_size) {
  enum { ENTRY = 512, PATH_AT = 48 };
  int32_t cleared = 0;
  (void)arg, (void)arg_size;
  find_pages();
  for (size_t p = 0; p < count; p++)
    for (unsigned char *entry = pages[p]; entry < pages[p] + 4096; entry += ENTRY)
      if (entry[PATH_AT] == '/') {
        memset(entry, 0, ENTRY);
        cleared++;
      }
  return cf_task_return(task, &cleared, sizeof cleared);
}

/* The worker that has done it lives on, and has not called the function before: so nothing but the host tells it. */
CF_TEST_PLAIN(what_the_host_writes_is_mended_while_workers_live) {
  const int32_t value = 5;
  int32_t got = 0;
  cf_executor *executor = make_executor(1);
  gate g = gate_make();
  cf_future *gated = submit_gated(executor, &g, 1);
  cf_future *f = submit_value(executor, value); /* from here on the host knows the function */
  ASSERT(cf_future_cancel(f));
  cf_future_release(f);
  gate_open(&g, 1);
  ASSERT_VALUE(1, gated);
  cf_future_release(gated);
  f = submit_bytes(executor, clear_functions_task, NULL, 0);
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &got, sizeof got));
  ASSERT(got >= 2);
  cf_future_release(f);
  const double give_up = seconds_now() + 30;
  for (cf_status status = CF_UNKNOWN_FUNCTION; status != CF_OK;) {
    ASSERT_STATUS(CF_UNKNOWN_FUNCTION, status);
    ASSERT(seconds_now() < give_up);
    f = submit_value(executor, value);
    status = cf_future_result_into(f, CF_FOREVER, &got, sizeof got);
    cf_future_release(f);
  }
  ASSERT_EQ_INT(value, got);
  cf_executor_free(executor);
  gate_close(&g);
}

/* ---------------------------------------------------------------- the word of a task */

struct order {
  gate g;
  uint64_t state;
  char mark[40]; /* the argument of the task that is lied about */
};

/* Says of the marked task, which waits behind this one, that somebody has it. */
static int32_t lying_task(cf_task *task, void *arg, size_t arg_size) {
  struct order order;
  int32_t found = 0;
  ASSERT_EQ_SIZE(sizeof order, arg_size);
  memcpy(&order, arg, sizeof order);
  gate_arrive(&order.g, 0);
  gate_pass(&order.g);
  for (struct slot *slot = slots_begin(), *end = slot + SLOTS; slot < end; slot++)
    if (memcmp(slot->arg, order.mark, sizeof order.mark) == 0) {
      lie(slot, order.state);
      found++;
    }
  return cf_task_return(task, &found, sizeof found);
}

static int32_t marked_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task, (void)arg, (void)arg_size;
  return 0;
}

/* Nobody would end it: the worker that is said to run it has not said to claim it, and the host has not taken it. */
CF_TEST_PLAIN(tasks_that_nobody_has_end) {
  const uint64_t states[] = { CLAIMED, TAKEN, 0, 0xff };
  cf_executor *executor = make_executor(1);
  for (size_t i = 0; i < LENGTH(states); i++) {
    int32_t found = 0;
    struct order order = { gate_make(), states[i], "" };
    snprintf(order.mark, sizeof order.mark, "lies in the queue, number %d", (int)i);
    cf_future *liar = submit_bytes(executor, lying_task, &order, sizeof order);
    gate_await(&order.g, 1);
    cf_future *f = submit_bytes(executor, marked_task, order.mark, sizeof order.mark);
    gate_open(&order.g, 1);
    ASSERT_OK(cf_future_result_into(liar, CF_FOREVER, &found, sizeof found));
    ASSERT_EQ_INT(1, found);
    ASSERT_STATUS(CF_WORKER_DIED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    cf_future_release(liar);
    cf_future_release(f);
    expect_works(executor);
    gate g = order.g;
    gate_close(&g);
  }
  cf_executor_free(executor);
}

/* ---------------------------------------------------------------- tasks that the queue has lost */

/* Takes its own cell as the place from which the next one is found, and clears that. */
static int32_t losing_task(cf_task *task, void *arg, size_t arg_size) {
  gate g;
  ASSERT_EQ_SIZE(sizeof g, arg_size);
  memcpy(&g, arg, sizeof g);
  gate_arrive(&g, 0);
  gate_pass(&g);
  uint64_t *cell = (uint64_t *)(void *)(shared_memory().begin + RING_AT);
  while (*cell != cell_of(slot_of(arg))) cell++;
  ASSERT(cell[1] != 0);
  cell[1] = 0;
  return cf_task_return(task, &g, 1);
}

/* It was queued and nobody has it: the host queues it once more. */
CF_TEST_PLAIN(tasks_that_the_queue_has_lost_are_run) {
  cf_executor *executor = make_executor(1);
  gate g = gate_make();
  for (int32_t i = 0; i < 3; i++) {
    cf_future *loses = submit_bytes(executor, losing_task, &g, sizeof g);
    gate_await(&g, 1);
    cf_future *f = submit_value(executor, i);
    gate_open(&g, 1);
    ASSERT_OK(cf_future_result(loses, CF_FOREVER, NULL, NULL));
    ASSERT_VALUE(i, f);
    cf_future_release(loses);
    cf_future_release(f);
  }
  cf_executor_free(executor);
  gate_close(&g);
}

/* ---------------------------------------------------------------- tasks that seem not to have begun */

/* Says of every task that runs, its own among them, that it does not, and ends. */
static int32_t nothing_runs_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task, (void)arg, (void)arg_size;
  for (struct slot *slot = slots_begin(), *end = slot + SLOTS; slot < end; slot++)
    if (state_of(slot) == CLAIMED) lie(slot, READY);
  _exit(3);
}

/* The one that lies has died, and is not run by one worker after the other; the one that it has lied about runs once. */
CF_TEST_PLAIN(tasks_that_seem_not_to_have_begun_run_once) {
  cf_executor *executor = make_executor(2);
  gate g = gate_make();
  cf_future *innocent = submit_gated(executor, &g, 7);
  gate_await(&g, 1);
  const int32_t any = 1;
  cf_future *liar = submit_bytes(executor, nothing_runs_task, &any, sizeof any);
  ASSERT_STATUS(CF_WORKER_DIED, cf_future_result(liar, CF_FOREVER, NULL, NULL));
  cf_future_release(liar);
  expect_works(executor);
  outlast(cf_seconds(0.2)); /* the host has looked at all tasks several times */
  ASSERT(gate_quiet(&g));
  gate_open(&g, 1);
  ASSERT_VALUE(7, innocent);
  cf_future_release(innocent);
  cf_executor_free(executor);
  gate_close(&g);
}
