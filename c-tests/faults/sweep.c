/*
 * The rounds of a sweep. The interface is sweep.h.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds that a round may take. */
#define PATIENCE 30
/* So many repetitions of a round may not each leave more than the one before. */
#define REPETITIONS 5
/* Rounds without a fault: with several threads the number of calls differs from round to round. */
#define IDLE_ROUNDS 2

struct fault swept;

static long rounds, rounds_with_fault;

bool sweep_all(void) {
  const char *wanted = getenv("CFUTURES_SWEEP");
  return wanted != NULL && strcmp(wanted, "all") == 0;
}

static void describe(const struct fault *fault) {
  static const char *const scopes[] = { "of the caller", "of the host", "of the other processes" };
  static char text[200];
  snprintf(text, sizeof text, "%s %ld %s and the %ld after it: errno %d", fault_names[fault->call],
           fault->nth, scopes[fault->scope], fault->length - 1, fault->error);
  check_note(text);
  if (getenv("CF_TEST_VERBOSE") != NULL) fprintf(stderr, "%s\n", text);
}

static void *run_body(void *body) {
  (*(void (**)(void))body)();
  return NULL;
}

static void run_round(void (*body)(void), const struct fault *fault) {
  const struct belongings before = count_belongings();
  swept = *fault;
  faults_plan(fault);
  alarm(PATIENCE);
  join_thread(start_thread(run_body, &body));
  check_nothing_left(&before);
  rounds++;
  rounds_with_fault += faults_happened() > 0;
}

/* When the program ends; a worker that was executed anew has run none. */
__attribute__((destructor)) static void tell_rounds(void) {
  if (rounds == 0 || check_host != (int32_t)getpid()) return;
  printf("        %ld rounds, in %ld of them a fault was met\n", rounds, rounds_with_fault);
}

static bool grows(void (*body)(void), const struct fault *fault, long (*live)(void), long *usual) {
  for (int i = 0; i < REPETITIONS; i++) {
    long now = live();
    if (now <= *usual) return false;
    *usual = now;
    run_round(body, fault);
  }
  return live() > *usual;
}

static void check_live(void (*body)(void), const struct fault *fault) {
  static long blocks = -1, bytes = -1;
  if (blocks < 0) blocks = faults_live_blocks(), bytes = faults_live_bytes();
  if (grows(body, fault, faults_live_blocks, &blocks))
    check_fail(__FILE__, __LINE__, "blocks of the allocator leak: %ld", faults_live_blocks());
  if (grows(body, fault, faults_live_bytes, &bytes))
    check_fail(__FILE__, __LINE__, "mappings leak: %ld bytes", faults_live_bytes());
}

long sweep(void (*body)(void), const struct fault *fault) {
  struct fault now = *fault;
  long hits = 0;
  for (int idle = 0; idle < IDLE_ROUNDS; now.nth++) {
    describe(&now);
    run_round(body, &now);
    bool hit = faults_happened() > 0;
    idle = hit ? 0 : idle + 1;
    hits += hit;
    check_live(body, &now);
  }
  check_note(NULL);
  if (getenv("CF_TEST_VERBOSE") != NULL)
    fprintf(stderr, "%s: %ld rounds with a fault, %ld rounds in all\n", fault_names[now.call], hits,
            rounds);
  return hits;
}
