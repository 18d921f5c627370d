/*
 * Python: "Mapping multiple arguments using map()" of the note.
 * Shows: one function, many arguments, results in the order of the arguments.
 */
#define _POSIX_C_SOURCE 200809L
#include "my_task.h"

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(0, &executor, NULL));

  const double seconds[] = { 0.2, 0.4, 0.1 };
  cf_map *results;
  must(cf_executor_map(executor, my_task, seconds, sizeof *seconds, 3, NULL, &results));

  cf_item result;
  while (next_item(results, &result)) printf("%s\n", (const char *)result.data);

  cf_map_free(results);
  cf_executor_free(executor);
  return 0;
}
