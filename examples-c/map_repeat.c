/*
 * Python: executor.map(operator.add, range(10), itertools.repeat(1)) of the first notebook.
 * Shows: CF_REPEAT, an argument that is the same for every call.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

/* The items of several arrays arrive side by side, laid out as the members of a struct. */
struct operands {
  int left, right;
};

static int32_t add(cf_task *task, void *arg, size_t arg_size) {
  const struct operands *operands = arg;
  int sum = operands->left + operands->right;
  (void)arg_size;
  return cf_task_return(task, &sum, sizeof sum);
}

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(1, &executor, NULL));

  int range[10], one = 1;
  for (int i = 0; i < 10; i++) range[i] = i;
  const cf_array arrays[] = {
    { .data = range, .item_size = sizeof *range, .count = 10 },
    { .data = &one, .item_size = sizeof one, .count = CF_REPEAT },
  };
  cf_map *future;
  must(cf_executor_map_arrays(executor, add, arrays, 2, NULL, &future));
  printf("future = <map at %p>\n", (void *)future);

  cf_item item;
  while (next_item(future, &item)) printf("item = %d\n", *(const int *)item.data);

  cf_map_free(future);
  cf_executor_free(executor);
  return 0;
}
