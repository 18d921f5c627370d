/*
 * The limits of T1, T3 and T7, for thread_limits.c. Implemented in ring_limits.c.
 */
#ifndef RING_LIMITS_H
#define RING_LIMITS_H

#include "bench.h"

void ring_throughput(const struct bench_run *run);  /* T1 */
void ring_submitters(const struct bench_run *run);  /* T3 */
void ring_completions(const struct bench_run *run); /* T7 */

#endif
