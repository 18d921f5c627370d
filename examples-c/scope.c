/*
 * Python: futures_context_manager.py (Python Module of the Week) and conf8.py of the notebook.
 * Shows: "with" in C: a pool that waits for its tasks at the end of a block, in plain calls and
 * with the cleanup attribute of GCC and Clang.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg_size;
  printf("%d\n", *(const int *)arg);
  return 0;
}

static void submit_four(cf_executor *ex) {
  for (int n = 1; n <= 4; n++) must(cf_executor_submit(ex, task, &n, sizeof n, NULL));
}

/* Plain calls: cf_executor_free is the end of the block. */
static void plain(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  printf("main: starting\n");
  submit_four(ex);
  cf_executor_free(ex);

  printf("main: done\n");
}

/* A variable marked WITH_POOL frees its pool wherever its block is left, also by return. */
static void leave_pool(cf_executor **ex) {
  cf_executor_free(*ex);
}
#define WITH_POOL __attribute__((cleanup(leave_pool))) cf_executor

static void with_cleanup(void) {
  {
    WITH_POOL *ex = NULL;
    must(cf_thread_pool_new(2, &ex, NULL));
    printf("main: starting\n");
    submit_four(ex);
  }
  printf("main: done\n");
}

int main(void) {
  plain();
  with_cleanup();
  return 0;
}
