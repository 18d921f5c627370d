/*
 * What the examples have in common, so that each of them can keep to its one idea: must() for calls
 * that have to succeed, steps through iterators, gates, sleeping, and a picture of a future like
 * Python's. Used by every program of this directory; needs _POSIX_C_SOURCE 200809L.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <cfutures.h>

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Ends the program with a message when a call did not succeed. */
#define must(call) must_succeed((call), #call)

static inline void must_succeed(cf_status status, const char *call) {
  if (status == CF_OK) return;
  fprintf(stderr, "%s: %s (%s)\n", call, cf_status_message(status), cf_status_name(status));
  exit(EXIT_FAILURE);
}

/* `for item in results`: true while there is another one. Ends the program when it has failed. */
static inline bool next_item(cf_map *results, cf_item *item) {
  cf_status status = cf_map_next(results, item);
  if (status == CF_END) return false;
  must(status);
  must(item->status);
  return true;
}

/* `for future in as_completed(...)`: true while another future is handed out. */
static inline bool next_completed(cf_completions *completions, size_t *index, cf_future **future) {
  cf_status status = cf_completions_next(completions, index, future);
  if (status == CF_END) return false;
  must(status);
  return true;
}

/*
 * A gate is a semaphore: where a Python program sleeps and hopes that the others are ready, the
 * example waits until they say so.
 */
static inline void gate_init(sem_t *gate) {
  if (sem_init(gate, 0, 0) == 0) return;
  perror("sem_init");
  exit(EXIT_FAILURE);
}

static inline void gate_open(sem_t *gate) {
  if (sem_post(gate) == 0) return;
  perror("sem_post");
  exit(EXIT_FAILURE);
}

static inline void gate_wait(sem_t *gate) {
  while (sem_wait(gate) != 0) {
    if (errno == EINTR) continue;
    perror("sem_wait");
    exit(EXIT_FAILURE);
  }
}

static inline void sleep_seconds(double seconds) {
  struct timespec rest = { (time_t)seconds, 0 };
  rest.tv_nsec = (long)((seconds - (double)rest.tv_sec) * 1e9);
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
}

/* repr(future): <Future at 0x7f598c690100 state=finished returned 8 bytes> */
static inline void print_future(cf_future *future) {
  static const char *const names[] = { "pending", "running", "finished", "failed", "cancelled" };
  cf_state state = cf_future_state(future);
  printf("<Future at %p state=%s", (void *)future, names[state]);
  if (state == CF_STATE_FINISHED) {
    size_t size;
    must(cf_future_result(future, 0, NULL, &size));
    printf(" returned %zu bytes", size);
  }
  putchar('>');
}

#endif
