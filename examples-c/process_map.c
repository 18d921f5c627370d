/*
 * Python: futures_process_pool_map.py (Python Module of the Week) and conf9.py of the notebook.
 * Shows: a map in other processes; a task returns a struct where Python returns a tuple.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

#include <unistd.h>

struct ran {
  int n;
  long pid;
};

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  struct ran ran = { *(const int *)arg, (long)getpid() };
  (void)arg_size;
  return cf_task_return(task, &ran, sizeof ran);
}

int main(void) {
  cf_worker_main();
  cf_executor *ex;
  must(cf_process_pool_new(2, &ex, NULL));

  const int range[] = { 5, 4, 3, 2, 1 };
  cf_map *results;
  must(cf_executor_map(ex, task, range, sizeof *range, 5, NULL, &results));

  cf_item item;
  while (next_item(results, &item)) {
    const struct ran *ran = item.data;
    printf("ran task %d in process %ld\n", ran->n, ran->pid);
    if (ran->pid == (long)getpid()) printf("which is this one\n");
  }

  cf_map_free(results);
  cf_executor_free(ex);
  return 0;
}
