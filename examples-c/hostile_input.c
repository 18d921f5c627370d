/*
 * Python has no twin: a ProcessPoolExecutor is broken by the first crash.
 * Shows: a decoder that crashes on some inputs, behind a pool of processes. Each of 10,000 inputs is
 * accounted for, and each crash costs one worker.
 */
#define _POSIX_C_SOURCE 200809L
#include "hostile.h"

int main(void) {
  cf_worker_main();
  make_no_core_files();
  cf_executor *ex;
  must(cf_process_pool_new(0, &ex, NULL));

  static struct input inputs[INPUTS];
  static cf_future *futures[INPUTS];
  make_inputs(inputs);
  must(cf_executor_submit_many(ex, decode, inputs, sizeof *inputs, INPUTS, futures, NULL));

  struct tally tally = { 0, 0, 0, 0 };
  for (size_t i = 0; i < INPUTS; i++) count_outcome(&tally, futures[i]);
  printf("decoded: %d\nmalformed: %d\ncrashed: %d\nasserted: %d\nunaccounted for: %d\n",
         tally.decoded, tally.malformed, tally.crashed, tally.asserted, unaccounted_for(&tally));
  cf_futures_release(futures, INPUTS);
  cf_executor_free(ex);
  return 0;
}
