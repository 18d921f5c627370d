/*
 * Python: the ProcessPoolExecutor example of Python's documentation and conf11.py of the notebook.
 * Shows: the program is_prime.c with one line changed: processes instead of threads.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"
#include "prime.h"

#include <inttypes.h>

static int32_t is_prime_task(cf_task *task, void *arg, size_t arg_size) {
  bool prime = is_prime(*(const uint64_t *)arg);
  (void)arg_size;
  return cf_task_return(task, &prime, sizeof prime);
}

int main(void) {
  cf_worker_main();
  cf_executor *executor;
  must(cf_process_pool_new(0, &executor, NULL));

  cf_map *results;
  must(cf_executor_map(executor, is_prime_task, PRIMES, sizeof *PRIMES, PRIMES_COUNT, NULL,
                       &results));
  cf_item item;
  while (next_item(results, &item)) {
    bool prime = *(const bool *)item.data;
    printf("%" PRIu64 " is prime: %s\n", PRIMES[item.index], prime ? "True" : "False");
  }

  cf_map_free(results);
  cf_executor_free(executor);
  return 0;
}
