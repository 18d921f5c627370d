/*
 * What the programs of process pools have in common. Written out in processes.c, but what ends, which
 * is in process_ends.c.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "bench.h"

#include <cfutures.h>

void must(cf_status status, const char *what);
cf_executor *open_pool(unsigned workers, cf_start_method method);
cf_future *submit(cf_executor *pool, cf_task_fn fn, const void *arg, size_t size);
cf_future *submit_noop(cf_executor *pool, uint64_t arg);
uint64_t take(cf_future *future); /* releases it */

void deaths(const struct bench_run *run);
void replacements(const struct bench_run *run);
void host_deaths(const struct bench_run *run);

#endif
