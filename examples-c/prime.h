/*
 * is_prime, the function of Python's ProcessPoolExecutor example, and its numbers. Used by
 * is_prime.c and by the demo.
 */
#ifndef PRIME_H
#define PRIME_H

#include <stdbool.h>
#include <stdint.h>

#define PRIMES_COUNT 6

static const uint64_t PRIMES[PRIMES_COUNT] = {
  112272535095293, 112582705942171, 112272535095293,
  115280095190773, 115797848077099, 1099726899285419,
};

/* Division by every odd number up to the square root; right for every n below 2^63. */
static inline bool is_prime(uint64_t n) {
  if (n < 2) return false;
  if (n == 2) return true;
  if (n % 2 == 0) return false;
  for (uint64_t i = 3; i * i <= n; i += 2) {
    if (n % i == 0) return false;
  }
  return true;
}

#endif
