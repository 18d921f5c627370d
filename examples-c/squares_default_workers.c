/*
 * Python: `map` in the first notebook, squares of range(20) with max_workers=None.
 * Shows: a pool of the default size, and how large that is: min(32, usable processors + 4).
 */
#define _POSIX_C_SOURCE 200809L
#include "squares.h"

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(0, &executor, NULL));

  int numbers[20];
  for (int i = 0; i < 20; i++) numbers[i] = i;
  cf_map *results;
  must(cf_executor_map(executor, process_info, numbers, sizeof *numbers, 20, NULL, &results));
  printf("future_result = <map at %p>\n", (void *)results);

  cf_item item;
  while (next_item(results, &item)) printf("%d\n", *(const int *)item.data);
  printf(" >>>>>>> executor._max_workers = %zu\n", cf_executor_max_workers(executor));

  cf_map_free(results);
  cf_executor_free(executor);
  return 0;
}
