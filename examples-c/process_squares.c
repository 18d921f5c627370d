/*
 * Python: `map` in the first notebook, squares of range(10) in a ProcessPoolExecutor with
 * max_workers=None.
 * Shows: a map over worker processes, of which there are as many as usable processors.
 */
#define _POSIX_C_SOURCE 200809L
#include "squares.h"

int main(void) {
  cf_worker_main();
  cf_executor *executor;
  must(cf_process_pool_new(0, &executor, NULL));

  int numbers[10];
  for (int i = 0; i < 10; i++) numbers[i] = i;
  cf_map *future;
  must(cf_executor_map(executor, squares, numbers, sizeof *numbers, 10, NULL, &future));
  printf("future = <map at %p>\n", (void *)future);

  cf_item item;
  while (next_item(future, &item)) printf("item = %d\n", *(const int *)item.data);
  printf(" >>>>> executor._max_workers = %zu\n", cf_executor_max_workers(executor));

  cf_map_free(future);
  cf_executor_free(executor);
  return 0;
}
