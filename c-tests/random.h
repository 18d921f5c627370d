/*
 * Random numbers for the suites that try what nobody would write down, short naps, and the clock. One seed, CF_TEST_SEED,
 * gives the same numbers again.
 *
 * Used by process_storm.c, process_evil.c, process_lies.c and process_soak.c with load.h.
 */
#ifndef CFUTURES_RANDOM_H
#define CFUTURES_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t next_random(uint64_t *random) {
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  return *random;
}

static inline uint32_t roll(uint64_t *random, uint32_t sides) {
  return (uint32_t)(next_random(random) >> 33) % sides;
}

/* A begin of its own for each salt. */
static inline uint64_t first_random(uint64_t salt) {
  const char *seed = getenv("CF_TEST_SEED");
  return (seed != NULL ? strtoull(seed, NULL, 10) : 88172645463325252u) ^
         (salt * 0x9e3779b97f4a7c15u);
}

static inline void nap(uint32_t microseconds) {
  const struct timespec time = { 0, (long)microseconds * 1000 };
  nanosleep(&time, NULL);
}

static inline double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
