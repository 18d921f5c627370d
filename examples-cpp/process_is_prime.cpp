/*
 * Python: the ProcessPoolExecutor example of Python's documentation; in C ../examples-c/process_is_prime.c.
 * Shows: a map over numbers in worker processes.
 */
#include "../examples-c/prime.h"

#include <cfutures.hpp>
#include <cinttypes>
#include <cstdio>

int main() {
  cf::worker_main();
  cf::process_pool pool;

  const std::uint64_t *number = PRIMES;
  for (bool prime : pool.map(is_prime, PRIMES))
    std::printf("%" PRIu64 " is prime: %s\n", *number++, prime ? "True" : "False");
}
