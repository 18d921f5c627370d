/*
 * Python: executor.map(pow, [2, 3], [2, 2]) of the concurrent.futures notebook.
 * Shows: a map over two arrays, as long as the shorter one.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

#include <math.h>

/* The items of the two arrays arrive side by side, laid out as the members of a struct. */
struct arguments {
  double base, exponent;
};

static int32_t power(cf_task *task, void *arg, size_t arg_size) {
  const struct arguments *arguments = arg;
  double result = pow(arguments->base, arguments->exponent);
  (void)arg_size;
  return cf_task_return(task, &result, sizeof result);
}

int main(void) {
  cf_executor *executor;
  must(cf_thread_pool_new(1, &executor, NULL));

  const double bases[] = { 2, 3 }, exponents[] = { 2, 2 };
  const cf_array arrays[] = {
    { .data = bases, .item_size = sizeof *bases, .count = 2 },
    { .data = exponents, .item_size = sizeof *exponents, .count = 2 },
  };
  cf_map *future;
  must(cf_executor_map_arrays(executor, power, arrays, 2, NULL, &future));

  cf_item item;
  while (next_item(future, &item)) printf("%g\n", *(const double *)item.data);

  cf_map_free(future);
  cf_executor_free(executor);
  return 0;
}
