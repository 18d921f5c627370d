/*
 * Part 1 of the demo: which numbers are prime, through cf_executor_map, with one worker and with as
 * many as there are processors. Called by demo.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "example.h"
#include "prime.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_NUMBER UINT64_C(100000000000001) /* the smallest odd number of 15 digits */

struct outcome {
  uint64_t primes, sum;
  double seconds;
};

static int32_t is_prime_task(cf_task *task, void *arg, size_t arg_size) {
  bool prime = is_prime(*(const uint64_t *)arg);
  (void)arg_size;
  return cf_task_return(task, &prime, sizeof prime);
}

/* Counts and sums the primes among the numbers, results[i] says whether number i is one. */
static struct outcome count_primes(const uint64_t *numbers, size_t count, size_t workers,
                                   bool *results) {
  struct outcome outcome = { 0, 0, 0 };
  char label[32];
  ui_bar bar;
  cf_executor *executor;
  cf_map *map;
  cf_item item;

  snprintf(label, sizeof label, "%zu worker%s", workers, workers == 1 ? "" : "s");
  must(cf_thread_pool_new(workers, &executor, NULL));
  ui_bar_start(&bar, label, count);
  must(cf_executor_map(executor, is_prime_task, numbers, sizeof *numbers, count, NULL, &map));
  while (next_item(map, &item)) {
    results[item.index] = *(const bool *)item.data;
    if (results[item.index]) {
      outcome.primes++;
      outcome.sum += numbers[item.index];
    }
    ui_bar_show(&bar, item.index + 1);
  }
  outcome.seconds = ui_bar_end(&bar);
  cf_map_free(map);
  cf_executor_free(executor);
  return outcome;
}

static void print_outcome(const uint64_t *numbers, const bool *results, struct outcome one,
                          struct outcome all) {
  char primes[32], sum[32];
  bool same = one.primes == all.primes && one.sum == all.sum;
  for (size_t i = 0; i < PRIMES_COUNT; i++) {
    printf("   %16" PRIu64 " is prime: %s\n", numbers[i], results[i] ? "True" : "False");
  }
  printf("   %s primes in all, their sum is %s, %s%s%s\n", ui_grouped(all.primes, primes),
         ui_grouped(all.sum, sum), ui_style_on(same ? UI_GOOD : UI_BAD),
         same ? "the same both times" : "but not the same both times", ui_style_on(UI_PLAIN));
  printf("   speed-up %s%.2f%s\n", ui_style_on(UI_BOLD), one.seconds / all.seconds,
         ui_style_on(UI_PLAIN));
}

bool demo_primes(size_t count, size_t workers) {
  size_t total = PRIMES_COUNT + count;
  uint64_t *numbers = calloc(total, sizeof *numbers);
  bool *first = calloc(total, sizeof *first), *second = calloc(total, sizeof *second);
  bool good = false;
  if (numbers != NULL && first != NULL && second != NULL) {
    char heading[96], grouped[32];
    memcpy(numbers, PRIMES, sizeof PRIMES);
    for (size_t i = 0; i < count; i++) numbers[PRIMES_COUNT + i] = FIRST_NUMBER + 2 * i;
    snprintf(heading, sizeof heading, "Primes: %s numbers of 15 digits and more, cf_executor_map",
             ui_grouped(total, grouped));
    ui_heading(1, heading);
    struct outcome one = count_primes(numbers, total, 1, first);
    struct outcome all = count_primes(numbers, total, workers, second);
    print_outcome(numbers, second, one, all);
    good = memcmp(first, second, total * sizeof *first) == 0;
  }
  free(numbers);
  free(first);
  free(second);
  return good;
}
