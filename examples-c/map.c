/*
 * Python: futures_thread_pool_map.py (Python Module of the Week) and conf1.py of the notebook.
 * Shows: map gives the results in the order of its input, whatever order the tasks end in.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

static int32_t task(cf_task *task, void *arg, size_t arg_size) {
  int n = *(const int *)arg;
  double result = n / 10.0;
  (void)arg_size;
  printf("%s: sleeping %d\n", cf_task_worker_name(task), n);
  sleep_seconds(n / 10.0);
  printf("%s: done with %d\n", cf_task_worker_name(task), n);
  return cf_task_return(task, &result, sizeof result);
}

int main(void) {
  cf_executor *ex;
  must(cf_thread_pool_new(2, &ex, NULL));
  printf("main: starting\n");

  const int range[] = { 5, 4, 3, 2, 1 };
  cf_map *results;
  must(cf_executor_map(ex, task, range, sizeof *range, 5, NULL, &results));
  printf("main: unprocessed results <map at %p>\n", (void *)results);
  printf("main: waiting for real results\n");

  double real_results[5];
  cf_item item;
  while (next_item(results, &item)) real_results[item.index] = *(const double *)item.data;

  printf("main: results: [");
  for (int i = 0; i < 5; i++) printf("%s%g", i > 0 ? ", " : "", real_results[i]);
  printf("]\n");

  cf_map_free(results);
  cf_executor_free(ex);
  return 0;
}
