/*
 * A sweep: the same body again and again, with the fault one call later each time, until the fault
 * finds no call any more.
 *
 * Used by the suites in this folder; sweep.c runs it. Each round runs in a thread of its own,
 * as what a thread keeps for itself would hide calls, and ends in the harness's check that nothing is
 * left. Blocks and mappings may be kept for later, but not more with each repetition of a round.
 */
#ifndef CFUTURES_SWEEP_H
#define CFUTURES_SWEEP_H

#include "../check.h"
#include "faults.h"

#include <limits.h>

#define FOR_EVER LONG_MAX

/* Everything with CFUTURES_SWEEP=all in the environment, else a part. */
bool sweep_all(void);

/* fault->nth is the first; the bodies call faults_begin() and faults_end(). In how many rounds a call failed. */
long sweep(void (*body)(void), const struct fault *fault);

/* The scope and number of faults of the round that runs. */
extern struct fault swept;

#endif
