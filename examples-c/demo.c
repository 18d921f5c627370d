/*
 * The program behind `./run demo`: primes through map, pages through as_completed, hostile input in
 * worker processes, and a deadlock that ends.
 *
 *   demo [--numbers N] [ADDRESS ...]
 *
 * N is how many numbers of 15 digits are tried, by default as many as one worker takes about three
 * seconds for. The addresses are the pages to fetch: serve.py --demo starts this program with some.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <cfutures.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_NUMBERS 2300
#define MOST_NUMBERS 10000000

static bool parse_numbers(const char *text, size_t *numbers) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0 || value > MOST_NUMBERS) return false;
  *numbers = (size_t)value;
  return true;
}

int main(int argc, char **argv) {
  cf_worker_main();
  size_t numbers = DEFAULT_NUMBERS;
  int next = 1;
  if (argc > 1 && strcmp(argv[1], "--numbers") == 0) {
    if (argc < 3 || !parse_numbers(argv[2], &numbers)) {
      fprintf(stderr, "usage: demo [--numbers N] [ADDRESS ...], N up to %d\n", MOST_NUMBERS);
      return 2;
    }
    next = 3;
  }

  /* At least two workers: with one processor too both runs must give the same. */
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  size_t workers = processors > 2 ? (size_t)processors : 2;

  ui_init();
  printf("cfutures %s on %ld processors\n", cf_version_string(), processors);
  bool good = demo_primes(numbers, workers);
#ifdef DEMO_PAGES
  good = demo_pages(argv + next, argc > next ? (size_t)(argc - next) : 0) && good;
#else
  (void)next;
  printf("\n2  Pages: left out, because this program was built without libcurl\n");
#endif
  good = demo_hostile(workers) && good;
  good = demo_deadlock() && good;
  printf("\n");
  if (!good) fprintf(stderr, "demo: not everything went as it should\n");
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
