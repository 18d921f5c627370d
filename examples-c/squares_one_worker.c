/*
 * Python: `map` in the first notebook, squares of range(10) with max_workers=1.
 * Shows: one worker takes the items one after another while the caller prints the results.
 */
#define _POSIX_C_SOURCE 200809L
#include "squares.h"

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(1, &executor, NULL));

  int numbers[10];
  for (int i = 0; i < 10; i++) numbers[i] = i;
  cf_map *results;
  must(cf_executor_map(executor, process_info, numbers, sizeof *numbers, 10, NULL, &results));
  printf("future_result = <map at %p>\n", (void *)results);

  cf_item item;
  while (next_item(results, &item)) printf("%d\n", *(const int *)item.data);

  cf_map_free(results);
  cf_executor_free(executor);
  return 0;
}
