/*
 * Part 3 of the demo: input that makes a decoder crash, in a pool of worker processes: the crashes
 * stay where they are. Called by demo.c. hostile_input.c is the same as an example.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "hostile.h"

/* Decodes all the inputs, in the order in which they end. Returns the seconds that it took. */
static double decode_all(cf_executor *executor, size_t workers, struct tally *tally) {
  static struct input inputs[INPUTS];
  static cf_future *futures[INPUTS];
  char label[32];
  ui_bar bar;
  cf_completions *completions;
  cf_future *future;
  size_t done = 0;

  make_inputs(inputs);
  snprintf(label, sizeof label, "%zu processes", workers);
  ui_bar_start(&bar, label, INPUTS);
  must(cf_executor_submit_many(executor, decode, inputs, sizeof *inputs, INPUTS, futures, NULL));
  must(cf_as_completed(futures, INPUTS, CF_FOREVER, &completions));
  while (next_completed(completions, NULL, &future)) {
    count_outcome(tally, future);
    ui_bar_show(&bar, ++done);
  }
  double seconds = ui_bar_end(&bar);
  cf_completions_free(completions);
  cf_futures_release(futures, INPUTS);
  return seconds;
}

static void print_count(int count, const char *what, ui_style style) {
  char grouped[32];
  printf("   %8s %s%s%s\n", ui_grouped((uint64_t)count, grouped), ui_style_on(style), what,
         ui_style_on(UI_PLAIN));
}

/* One more input, which is in order. */
static bool still_works(cf_executor *executor) {
  const struct input fine = { .size = 3, .bytes = { 2, 30, 12 } };
  cf_future *future;
  int sum = 0;
  must(cf_executor_submit(executor, decode, &fine, sizeof fine, &future));
  cf_status status = cf_future_result_into(future, CF_FOREVER, &sum, sizeof sum);
  cf_future_release(future);
  return status == CF_OK && sum == 42;
}

bool demo_hostile(size_t workers) {
  struct tally tally = { 0, 0, 0, 0 };
  char heading[96], grouped[32];
  cf_executor *executor;
  snprintf(heading, sizeof heading,
           "Hostile input: %s inputs, some crash their decoder, cf_process_pool_new",
           ui_grouped(INPUTS, grouped));
  ui_heading(3, heading);
  make_no_core_files();
  must(cf_process_pool_new(workers, &executor, NULL));
  double seconds = decode_all(executor, workers, &tally);
  int died = tally.crashed + tally.asserted, lost = unaccounted_for(&tally);
  bool works = still_works(executor);
  cf_executor_free(executor);

  print_count(tally.decoded, "decoded", UI_PLAIN);
  print_count(tally.malformed, "refused as malformed", UI_PLAIN);
  print_count(tally.crashed, "killed by SIGSEGV", UI_BAD);
  print_count(tally.asserted, "killed by SIGABRT", UI_BAD);
  print_count(lost, "unaccounted for", lost == 0 ? UI_GOOD : UI_BAD);
  printf("   %d workers died and were replaced, %.0f a second; the next input is decoded: %s\n",
         died, died / seconds, works ? "True" : "False");
  return lost == 0 && died > 0 && works;
}
