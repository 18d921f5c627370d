/*
 * Python: the ProcessPoolExecutor example of Python's documentation and conf11.py of the notebook,
 * here with threads, which in C compute at the same time; process_is_prime.c has processes.
 * Shows: a map over an array of numbers, with the numbers beside their results.
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
  cf_executor *executor;
  must(cf_thread_pool_new(0, &executor, NULL));

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
