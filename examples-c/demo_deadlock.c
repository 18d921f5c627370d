/*
 * Part 4 of the demo: two tasks that wait for each other, which in Python is the end of the
 * program's progress. Called by demo.c. deadlock_mutual.c is the same as an example.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "example.h"

/* One of the two tasks: what it waits for, what it returns, and what became of its wait. */
struct side {
  const char *name, *other_name;
  cf_future **other;
  sem_t *go;
  int result;
  cf_status status;
  int got;
};

static int32_t wait_for_other(cf_task *task, void *arg, size_t arg_size) {
  struct side *side = *(struct side **)arg;
  (void)arg_size;
  gate_wait(side->go);
  side->status = cf_future_result_into(*side->other, CF_FOREVER, &side->got, sizeof side->got);
  return cf_task_return(task, &side->result, sizeof side->result);
}

static void report(const struct side *side) {
  printf("   task %s waited for task %s: ", side->name, side->other_name);
  if (side->status == CF_OK) {
    printf("it returned %d\n", side->got);
  } else {
    printf("%s%s%s, %s\n", ui_style_on(side->status == CF_DEADLOCK ? UI_GOOD : UI_BAD),
           cf_status_name(side->status), ui_style_on(UI_PLAIN), cf_status_message(side->status));
  }
}

bool demo_deadlock(void) {
  cf_executor *executor;
  cf_future *futures[2] = { NULL, NULL };
  sem_t go;
  struct side sides[2] = {
    { .name = "a", .other_name = "b", .other = &futures[1], .go = &go, .result = 5 },
    { .name = "b", .other_name = "a", .other = &futures[0], .go = &go, .result = 6 },
  };

  ui_heading(4, "Deadlock: two tasks of one pool, each waits for the other, cf_future_result");
  gate_init(&go);
  must(cf_thread_pool_new(2, &executor, NULL));
  for (int i = 0; i < 2; i++) {
    struct side *arg = &sides[i];
    must(cf_executor_submit(executor, wait_for_other, &arg, sizeof arg, &futures[i]));
  }
  double start = ui_now();
  gate_open(&go);
  gate_open(&go);
  must(cf_wait(futures, 2, CF_FOREVER, CF_ALL_COMPLETED, NULL, NULL));
  double seconds = ui_now() - start;
  for (int i = 0; i < 2; i++) report(&sides[i]);
  printf("   both ended after %.6f s\n", seconds);

  cf_futures_release(futures, 2);
  cf_executor_free(executor);
  sem_destroy(&go);
  return (sides[0].status == CF_DEADLOCK) != (sides[1].status == CF_DEADLOCK);
}
