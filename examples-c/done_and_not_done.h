/*
 * Prints what cf_wait found as Python prints the result of wait(): two sets of futures. Used by the
 * three wait programs.
 */
#ifndef DONE_AND_NOT_DONE_H
#define DONE_AND_NOT_DONE_H

#include "example.h"

/* The futures whose flag in done is `wanted`. */
static inline void print_set(cf_future *const *fs, const bool *done, size_t count, bool wanted) {
  size_t printed = 0;
  for (size_t i = 0; i < count; i++) {
    if (done[i] != wanted) continue;
    printf(printed++ == 0 ? "{" : ", ");
    print_future(fs[i]);
  }
  printf(printed == 0 ? "set()" : "}");
}

static inline void print_done_and_not_done(cf_future *const *fs, const bool *done, size_t count) {
  printf("DoneAndNotDoneFutures(done=");
  print_set(fs, done, count, true);
  printf(", not_done=");
  print_set(fs, done, count, false);
  printf(")\n");
}

#endif
